"""Which engine answers, and opening it: only the library that computes is imported.

The one place, beside the command line, where imports stand inside functions: PyTorch takes seconds
and is not needed by the others.
"""

import ctypes
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from funit.config import ModelConfig
from funit.engines.engine import Engine
from funit.engines.graph_cache import KeptGraphs, kept_graphs
from funit.errors import UserError
from funit.model.graphs import GRAPHS_FORMAT, WEIGHTS_FILE

AUTO, TORCH, ONNXRUNTIME, OPENVINO = "auto", "torch", "onnxruntime", "openvino"
ENGINES = (ONNXRUNTIME, OPENVINO, TORCH)
ABLE = {  # the engines that compute in each precision; `auto` takes the first that is ready
    "fp32": (ONNXRUNTIME, OPENVINO, TORCH),
    "bf16": (OPENVINO, TORCH),
    "fp16": (OPENVINO, ONNXRUNTIME),
    "int8": (OPENVINO, ONNXRUNTIME),
}
OF_GRAPHS = ("fp16", "int8")  # these are made by an export: no engine can be told to
HOW_TO_INSTALL = {
    OPENVINO: "`pip install 'funit[openvino]'`",
    ONNXRUNTIME: "`pip install 'funit[onnx]'`",
}


@dataclass(frozen=True)
class Weights:
    """What an engine is made from."""

    path: Path
    """A safetensors file that was found whole."""
    sha256: str
    config: ModelConfig
    graphs: Callable[[], Path] | None
    """Gives the folder with its graphs, found whole, if they were made when it was saved."""
    graphs_precision: str = "fp32"
    """In which these compute."""


def open_engine(
    weights: Weights, engine: str = AUTO, device: str = AUTO, precision: str = "fp32"
) -> Engine:
    """The engine asked for; `auto` is PyTorch on a GPU, else the first of ABLE that is ready.

    Where ONNX Runtime or OpenVINO is asked for by name and the model has no graphs yet, they are
    made now, which takes some seconds, and kept. Graphs that were exported in `fp16` or `int8`
    compute in it unless PyTorch is asked for. Raises UserError.
    """
    if precision == "fp32" and engine != TORCH and device in (AUTO, "cpu"):
        precision = weights.graphs_precision
    if precision in OF_GRAPHS and weights.graphs_precision != precision:
        raise UserError(
            f"the model has no graphs in `{precision}`",
            hint=f"`funit export --precision {precision}` makes a model that has",
        )
    name = choose_engine(engine, device, precision, has_graphs=weights.graphs is not None)
    if name == TORCH:
        from funit.engines.torch_engine import TorchEngine
        from funit.model.restored import restored_generator

        return TorchEngine(restored_generator(weights.path, weights.config), device, precision)
    if precision == "bf16" and weights.graphs and weights.graphs_precision in OF_GRAPHS:
        raise UserError(
            f"the graphs of the model compute in `{weights.graphs_precision}`, not in `bf16`",
            hint="`--engine torch` can, or leave out `--precision`",
        )
    if weights.graphs:
        return _engine_of_graphs(name, weights.graphs(), weights.config, precision)
    kept = made_graphs(weights)
    opened = _engine_of_graphs(name, kept.path, weights.config, precision)
    kept.stay_for(opened)  # it opens the drawing later
    return opened


def _engine_of_graphs(name: str, graphs: Path, config: ModelConfig, precision: str) -> Engine:
    if name == OPENVINO:
        from funit.engines.openvino_engine import OpenvinoEngine

        return OpenvinoEngine(graphs, config, precision)
    from funit.engines.onnx_engine import OnnxEngine

    return OnnxEngine(graphs, config, precision)


def choose_engine(engine: str, device: str, precision: str, *, has_graphs: bool) -> str:
    """The name of the engine that answers; raises UserError for one that cannot."""
    if engine not in (AUTO, *ENGINES):
        known = ", ".join(f"`{name}`" for name in (AUTO, *ENGINES))
        raise UserError(f"there is no engine `{engine}`", hint=f"there are {known}")
    if precision not in ABLE:
        known = ", ".join(f"`{name}`" for name in ABLE)
        raise UserError(f"there is no precision `{precision}`", hint=f"there are {known}")
    if engine == AUTO:
        engine = _automatic(device, precision, has_graphs=has_graphs)
    if engine not in ABLE[precision]:
        raise UserError(
            f"`{engine}` cannot compute in `{precision}`", hint=f"`{ABLE[precision][0]}` can"
        )
    if engine != TORCH and device not in (AUTO, "cpu"):
        raise UserError(
            f"`{engine}` computes on the CPU, not on `{device}`",
            hint="leave out `--device`" if precision in OF_GRAPHS else "`--engine torch` can",
        )
    if not is_installed(engine):
        raise UserError(f"`{engine}` is not installed", hint=HOW_TO_INSTALL[engine])
    return engine


def _automatic(device: str, precision: str, *, has_graphs: bool) -> str:
    """The engine that is asked for where none is named."""
    ready = [name for name in ABLE[precision] if is_installed(name)]
    if precision in OF_GRAPHS:  # PyTorch cannot
        return ready[0] if ready else ABLE[precision][0]
    on_cpu = device == "cpu" or (device == AUTO and not has_gpu())
    return ready[0] if ready and on_cpu and has_graphs else TORCH


def is_installed(engine: str) -> bool:
    """Whether the library can be found; it is not imported."""
    return importlib.util.find_spec(engine) is not None


def has_gpu() -> bool:
    """Whether there is a driver of NVIDIA's, which PyTorch may be able to use."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def made_graphs(weights: Weights) -> KeptGraphs:
    """The graphs of weights, kept under `$FUNIT_HOME`; made if they are not there."""

    def write(folder: Path) -> None:
        from funit.onnx_export import write_graphs

        _linked(weights.path, folder / WEIGHTS_FILE)
        write_graphs(folder / WEIGHTS_FILE, weights.config)

    return kept_graphs(f"{weights.sha256[:32]}-{GRAPHS_FORMAT}", write)


def _linked(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the disk is another."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy(source, target)
