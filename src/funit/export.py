"""A model as files that other programs can run: ONNX graphs, their weights, and what they are.

The folder is a model folder too: `funit translate --model FOLDER` runs it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from funit.engines.choice import ENGINES, TORCH, Weights, is_installed, open_engine
from funit.engines.engine import Engine, Floats
from funit.errors import UserError
from funit.home import folder_beside, put_folder
from funit.model.graphs import WEIGHTS_FILE, GraphsRecord
from funit.model_folder import (
    ABOUT_FILE,
    GraphWriter,
    ModelFolder,
    open_model,
    save_model,
)
from funit.onnx_export import GRAPH_PRECISIONS, write_graphs
from funit.repository import ModelRepository

TOLERANCE = {"fp32": 1e-4, "fp16": 0.05}  # of images in [-1, 1], on noise

_SEED = 0
_SHAPES = ((1, 1), (2, 3))  # B contents, K examples each: graphs must take any


@dataclass(frozen=True)
class Parity:
    """How far an engine's images are from PyTorch's."""

    engine: str
    largest: float
    """The largest difference of a number, images being in [-1, 1]."""


@dataclass(frozen=True)
class Exported:
    """What was written, and that it computes the same."""

    path: Path
    record: GraphsRecord
    parity: list[Parity]


def export_model(
    model: str | Path, out: Path, precision: str = "fp32", *, force: bool = False
) -> Exported:
    """Writes a model folder with graphs and compares them with PyTorch; raises UserError.

    Nothing is written where they differ by more than TOLERANCE, or where `out` is not a model's.
    """
    if precision not in GRAPH_PRECISIONS:
        raise UserError(
            f"graphs cannot compute in `{precision}`",
            hint=f"they can {', '.join(GRAPH_PRECISIONS)}",
        )
    found = ModelRepository().find(model)
    with new_export(found, out, partial(write_graphs, precision=precision), force) as made:
        parity = measure_parity(made)
        for one in parity:
            if not one.largest <= TOLERANCE[precision]:  # a NaN is not
                raise UserError(
                    f"the graphs of `{found.path}` are {one.largest:.2g} from PyTorch by "
                    f"{one.engine}; {TOLERANCE[precision]:g} is allowed",
                    hint="report it, and export in another precision",
                )
    return Exported(out, record_of(out), parity)


@contextmanager
def new_export(
    found: ModelFolder, out: Path, writer: GraphWriter, force: bool
) -> Iterator[ModelFolder]:
    """Gives the model with graphs in a folder to look at, which then becomes `out`.

    Whatever is raised meanwhile leaves everything as it was. Raises UserError as `check_out` does.
    """
    check_out(out, force)
    with folder_beside(out) as temporary:
        made = temporary / "new"
        save_model(
            made,
            found.tensors(),
            found.info.config,
            name=found.info.name,
            version=found.info.version,
            training=found.info.training,
            scores=found.info.scores,
            licence=found.info.licence,
            licence_text=found.licence_text,
            write_graphs=writer,
            notes=found.info.notes,
            gallery=found.whole_gallery(),
            statistics=found.info.statistics,
        )
        yield open_model(made)
        check_out(out, force)  # it may have been made meanwhile
        put_folder(made, out, aside=temporary / "old")


def check_out(out: Path, force: bool) -> None:
    """Raises UserError unless nothing is at `out`, or a model that may be replaced."""
    if out.name in ("", ".."):
        raise UserError(
            f"`{out}` cannot be replaced by a model", hint="give `--out` a folder with a name"
        )
    if not os.path.lexists(out):
        return
    if not force:
        raise UserError(f"`{out}` exists", hint="`--force` replaces it, or give another `--out`")
    if not _is_model(out):
        raise UserError(
            f"`{out}` is no model folder, so `--force` does not remove it",
            hint="give another `--out`, or remove it yourself",
        )


def _is_model(path: Path) -> bool:
    """Whether a folder is a model's and no run's, in which a training is."""
    has_model = all((path / file).is_file() for file in (ABOUT_FILE, WEIGHTS_FILE))
    return has_model and not (path / "run.json").exists()


def record_of(folder: Path) -> GraphsRecord:
    """What the model in a folder says of its graphs."""
    record = open_model(folder).info.graphs
    assert record is not None
    return record


def measure_parity(folder: ModelFolder) -> list[Parity]:
    """How far each engine that is installed is from PyTorch, on noise."""
    info, config = folder.info, folder.info.config.model
    precision = info.graphs.precision if info.graphs else "fp32"
    weights = Weights(
        folder.whole_weights(), info.weights_sha256, config, folder.whole_graphs, precision
    )
    expected = _answers(open_engine(weights, TORCH, "cpu"), config.image_size)
    found = []
    for name in ENGINES:
        if name != TORCH and is_installed(name):
            answers = _answers(open_engine(weights, name, "cpu"), config.image_size)
            differences = [np.abs(a - b).max() for a, b in zip(answers, expected, strict=True)]
            found.append(Parity(name, float(np.max(differences))))
    return found


def _answers(engine: Engine, size: int) -> list[Floats]:
    random = np.random.default_rng(_SEED)
    found = []
    for num_images, num_examples in _SHAPES:
        shape = (num_images, 1 + num_examples, 3, size, size)
        noise = random.uniform(-1, 1, shape).astype(np.float32)
        shares = np.full((num_images, num_examples), 1 / num_examples, np.float32)
        look = engine.encode_class(np.ascontiguousarray(noise[:, 1:]), shares)
        contents = np.ascontiguousarray(noise[:, 0])
        found.append(engine.decode(engine.encode_content(contents), look).images)
    return found
