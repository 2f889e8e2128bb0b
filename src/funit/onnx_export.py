"""Weights -> three ONNX graphs beside them (`funit.model.graphs` says what each takes and gives).

The weights are not stored twice: where a graph needs one, it points to its bytes in the safetensors
file. What the model computes from weights alone stays in the graph, and a runtime does it once,
when it loads.

Shapes: B images, K examples, P example positions.
"""

import contextlib
import hashlib
import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.errors import UserError
from funit.model.generator import Generator
from funit.model.graphs import (
    CLASS_CODE_FILE,
    DRAWING_FILE,
    GRAPH_FILES,
    GRAPHS_FORMAT,
    TRANSLATION_FILE,
    GraphsRecord,
    look_parts,
)
from funit.model.look import Look
from funit.model.restored import restored_generator

if TYPE_CHECKING:
    import onnx_ir as ir

GraphPrecision = Literal["fp32", "fp16"]
GRAPH_PRECISIONS: tuple[GraphPrecision, ...] = ("fp32", "fp16")

OPSET = 20
NEEDED = ("onnx", "onnxscript")

_STORED_TYPES = {"F32": "FLOAT", "F16": "FLOAT16"}  # safetensors' name -> ONNX's
_NUM_EXAMPLE_IMAGES = (2, 3)  # B, K while it is traced: 1 could be taken for a constant


def can_export() -> bool:
    """Whether the packages that write graphs are installed."""
    return all(importlib.util.find_spec(name) for name in NEEDED)


def write_graphs(
    weights: Path, config: ModelConfig, precision: GraphPrecision = "fp32"
) -> GraphsRecord:
    """Writes the graphs beside the weights; takes some seconds. Raises UserError."""
    if not can_export():
        raise UserError(
            f"graphs cannot be made without {' and '.join(NEEDED)}",
            hint="`pip install 'funit[onnx]'`",
        )
    generator = restored_generator(weights, config)
    stored = _stored_weights(weights)
    for file, traced in _traced(generator, config, precision).items():
        _write(traced, stored, weights.with_name(file))
    hashes = {
        file: hashlib.sha256(weights.with_name(file).read_bytes()).hexdigest()
        for file in GRAPH_FILES
    }
    return GraphsRecord(format=GRAPHS_FORMAT, opset=OPSET, precision=precision, sha256=hashes)


class ClassCodeGraph(nn.Module):
    """What class_code.onnx computes."""

    def __init__(self, generator: Generator, num_parts: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.generator, self.num_parts, self.dtype = generator.to(dtype), num_parts, dtype

    def forward(self, examples: Tensor, shares: Tensor) -> tuple[Tensor, ...]:
        # (B, K, 3, H, W), (B, K) -> the parts of B looks
        looks = self.generator.encode_examples(examples.flatten(0, 1).to(self.dtype))
        return tuple(Look(*(part.float() for part in looks)).merged(shares))[: self.num_parts]


class TranslationGraph(nn.Module):
    """What translation.onnx computes."""

    def __init__(self, generator: Generator, dtype: torch.dtype) -> None:
        super().__init__()
        self.generator, self.dtype = generator.to(dtype), dtype

    def forward(
        self, content: Tensor, class_code: Tensor, *attended: Tensor
    ) -> tuple[Tensor, Tensor]:
        # (B, 3, H, W), the parts of B looks -> (B, 3, H, W), (B, C, h, w)
        nothing = class_code.new_empty(len(class_code), 0, 0)
        parts = (class_code, *(attended or (nothing, nothing, nothing.flatten(1))))
        content_map = self.generator.encode_content(content.to(self.dtype)).float()
        look = Look(*(part.to(self.dtype) for part in parts))
        return self.generator.decode(content_map.to(self.dtype), look).float(), content_map


def _traced(
    generator: Generator, config: ModelConfig, precision: GraphPrecision
) -> "dict[str, ir.Model]":
    """The graphs as the exporter leaves them, by their files."""
    names, size = look_parts(config), config.image_size
    dtype = torch.float16 if precision == "fp16" else torch.float32
    class_code = ClassCodeGraph(generator, len(names), dtype)
    examples = torch.zeros(*_NUM_EXAMPLE_IMAGES, 3, size, size)
    shares = torch.full(_NUM_EXAMPLE_IMAGES, 1 / _NUM_EXAMPLE_IMAGES[1])
    with torch.no_grad():
        parts = class_code(examples, shares)
    axes = ({0: "B"}, {0: "B", 2: "P"}, {0: "B", 2: "P"}, {0: "B", 1: "P"})[: len(parts)]
    translation = _exported(
        TranslationGraph(generator, dtype),
        (examples[:, 0], *parts),
        ["content", *names],
        ["translation", "content_map"],
        ({0: "B"}, axes[0], *([axes[1:]] if axes[1:] else [])),
    )
    return {
        CLASS_CODE_FILE: _exported(
            class_code,
            (examples, shares),
            ["examples", "shares"],
            list(names),
            ({0: "B", 1: "K"}, {0: "B", 1: "K"}),
        ),
        TRANSLATION_FILE: translation,
        DRAWING_FILE: _from_content_maps(translation),
    }


def _from_content_maps(translation: "ir.Model") -> "ir.Model":
    """The part of the translation that follows the content maps: tracing it takes longer."""
    import onnx_ir as ir

    model = ir.from_proto(ir.to_proto(translation))
    graph = model.graph
    content, made = graph.inputs[0], graph.outputs.pop()
    given = ir.Value(name="content_map.given", shape=made.shape, type=made.type)
    made.replace_all_uses_with(given)
    for node, index in list(content.uses()):
        if node.op_type == "Shape":  # of the batch: both are of as many images
            node.replace_input_with(index, given)
    graph.inputs[0] = given
    made.name, given.name = "content_map.made", "content_map"
    return model


def _exported(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    input_names: list[str],
    output_names: list[str],
    dynamic_shapes: Any,
) -> "ir.Model":
    with _quiet():
        program = torch.onnx.export(
            module.eval(),
            inputs,
            input_names=input_names,
            output_names=output_names,
            dynamic_shapes=dynamic_shapes,
            dynamo=True,
            opset_version=OPSET,
            optimize=False,  # it would compute new weights; `_write` simplifies
            verbose=False,
            custom_translation_table={
                torch.ops.aten.median.dim: _median,
                torch.ops.aten.group_norm.default: _instance_norm,
            },
        )
    assert program is not None
    return program.model


def _median(values: Any, dim: int, keepdim: bool = False) -> Any:
    """torch.median along a dimension, the lower of two middles; the exporter lacks it."""
    from onnxscript import opset20

    op: Any = opset20  # its types are those of ONNX, not of what the exporter hands over

    assert not keepdim
    middle = (values.shape[dim] - 1) // 2
    smallest, where = op.TopK(values, op.Constant(value_ints=[middle + 1]), axis=dim, largest=0)
    last = op.Constant(value_int=middle)
    return op.Gather(smallest, last, axis=dim), op.Gather(where, last, axis=dim)


def _instance_norm(
    features: Any,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,  # noqa: ARG001 - so it is called
) -> Any:
    """torch.group_norm with groups of one channel, which the exporter reshapes back and forth."""
    from onnxscript import opset20

    op: Any = opset20
    assert weight is None
    assert bias is None
    ones, zeros = (op.Constant(value_floats=[value] * num_groups) for value in (1.0, 0.0))
    like = op.CastLike
    return op.InstanceNormalization(
        features, like(ones, features), like(zeros, features), epsilon=eps
    )


@dataclass(frozen=True)
class _Stored:
    """Where a tensor lies in the safetensors file."""

    file: str
    dtype: str  # ONNX's name
    shape: tuple[int, ...]
    offset: int
    length: int


def _stored_weights(path: Path) -> dict[str, _Stored]:
    """Every tensor of a safetensors file: 8 bytes of the header's length, header, tensors."""
    with path.open("rb") as file:
        header_length = int.from_bytes(file.read(8), "little")
        header: Mapping[str, Any] = json.loads(file.read(header_length))
    found = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            offset, dtype = 8 + header_length + start, _STORED_TYPES[entry["dtype"]]
            found[name] = _Stored(path.name, dtype, tuple(entry["shape"]), offset, end - start)
    return found


def _write(model: "ir.Model", stored: Mapping[str, _Stored], path: Path) -> None:
    """Simplifies the graph and writes it, its weights being those stored beside it."""
    import onnx_ir as ir
    from onnxscript import optimizer

    graph = model.graph
    weights = [v for v in graph.initializers.values() if v.name and _plain(v.name) in stored]
    for weight in weights:  # inputs for a while: nothing is computed from what is not known
        graph.initializers.pop(str(weight.name))
        weight.const_value = None
        graph.inputs.append(weight)
    optimizer.optimize(model)
    for weight in weights:
        graph.inputs.remove(weight)
        if weight.uses():
            _point(graph, weight, stored[_plain(str(weight.name))])
    for node in graph:
        node.metadata_props.clear()  # stack traces of whoever exported it
        node.doc_string = None
    ir.save(model, path)


def _plain(name: str) -> str:
    """The generator's name of a weight: the modules above hold it as `generator`."""
    return name.removeprefix("generator.")


def _point(graph: "ir.Graph", weight: "ir.Value", stored: _Stored) -> None:
    """Makes a weight external data, and a cast of it where it is stored in another type."""
    import onnx_ir as ir

    wanted, dtype = weight.dtype, ir.DataType[stored.dtype]
    source = weight
    if dtype != wanted:
        source = ir.Value(name=f"{weight.name}.stored", shape=weight.shape)
        cast = ir.node("Cast", [source], {"to": wanted}, name=f"{weight.name}.cast")
        weight.replace_all_uses_with(cast.outputs[0])
        cast.outputs[0].name, cast.outputs[0].type = f"{weight.name}.value", weight.type
        cast.outputs[0].shape = weight.shape
        graph.insert_before(graph[0], cast)
    source.type = ir.TensorType(dtype)
    source.const_value = ir.ExternalTensor(
        stored.file,
        stored.offset,
        stored.length,
        dtype,
        shape=ir.Shape(stored.shape),
        name=str(source.name),
    )
    graph.initializers[str(source.name)] = source


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says to those who work on it."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
