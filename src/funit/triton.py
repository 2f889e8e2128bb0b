"""A model in the layout of Triton's model repository: a folder for each graph, beside each other.

    NAME-class-code/config.pbtxt
    NAME-class-code/VERSION/model.onnx/model.onnx, weights.safetensors
    NAME-translation/..., NAME-drawing/...

A graph that points into a file beside it is a folder `model.onnx` there. What goes in and comes out
is read from the graphs; their first dimension is the batch, which Triton leaves out.
"""

from pathlib import Path
from typing import Any

from funit.errors import UserError
from funit.model.graphs import GRAPH_FILES, WEIGHTS_FILE
from funit.model_folder import ModelFolder

MAX_BATCH_SIZE = 64
_WAIT_MICROSECONDS = 2000  # for more requests of the same shapes
_TYPES = {1: "TYPE_FP32", 10: "TYPE_FP16"}  # ONNX's numbers of types


def triton_files(found: ModelFolder) -> dict[str, Path | bytes]:
    """The files of a model repository by their paths; raises UserError without graphs."""
    if found.graphs is None:
        raise UserError(
            f"the model `{found.info.name}` has no graphs",
            hint="`pip install 'funit[onnx]'`; then `funit publish` makes them",
        )
    folder, weights = found.whole_graphs(), found.whole_weights()
    files: dict[str, Path | bytes] = {}
    for file in GRAPH_FILES:
        name = f"{found.info.name}-{Path(file).stem.replace('_', '-')}"
        inside = f"{name}/{max(found.info.version, 1)}/model.onnx"
        files[f"{name}/config.pbtxt"] = _config(name, folder / file).encode()
        files[f"{inside}/model.onnx"] = folder / file
        files[f"{inside}/{WEIGHTS_FILE}"] = weights
    return files


def _config(name: str, path: Path) -> str:
    """What Triton is told of a graph."""
    try:
        import onnx
    except ImportError:
        raise UserError(
            "graphs cannot be read without onnx", hint="`pip install 'funit[onnx]'`"
        ) from None
    graph = onnx.load(path, load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    lines = [
        f'name: "{name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {MAX_BATCH_SIZE}",
        *_tensors("input", [value for value in graph.input if value.name not in stored]),
        *_tensors("output", graph.output),
        f"dynamic_batching {{ max_queue_delay_microseconds: {_WAIT_MICROSECONDS} }}",
    ]
    return "\n".join(lines) + "\n"


def _tensors(kind: str, values: Any) -> list[str]:
    """The lines of what goes in or comes out; -1 is a dimension that may be any."""
    lines = []
    for value in values:
        tensor = value.type.tensor_type
        dims = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in tensor.shape.dim]
        assert dims[0] == -1  # the batch
        lines += [
            f"{kind} [",
            f'  {{ name: "{value.name}" data_type: {_TYPES[tensor.elem_type]} dims: {dims[1:]} }}',
            "]",
        ]
    return lines
