"""Eight bits: a model whose translations are computed in int8, if they stay as good.

The translation graph's convolutions are quantised, weights per channel, activations by what they
are on images of the data; the first and the last convolution, which see and draw the image, stay in
32 bits. The class code is computed as before.
"""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from funit.config import ModelConfig
from funit.data.packed import Packed, packed_for
from funit.engines.choice import ABLE, TORCH, is_installed
from funit.engines.engine import Floats
from funit.errors import UserError
from funit.evaluation.candidates import Model
from funit.evaluation.measured import measure
from funit.evaluation.pairs import choose_pairs, load_pairs
from funit.export import check_out, new_export, record_of
from funit.model.graphs import TRANSLATION_FILE, GraphsRecord, look_parts
from funit.model_folder import ModelFolder
from funit.onnx_export import write_graphs
from funit.repository import ModelRepository
from funit.translator import Translator

MAX_RATIO = 1.02  # of the truth error in int8 to that in 32 bits
INT8 = "int8"

_METRIC = "l1_foreground"
_NUM_EXAMPLES = 2
_NUM_CALIBRATION, _NUM_CHECKED = 32, 200  # pairs

Feed = dict[str, Floats]


@dataclass(frozen=True)
class Quantised:
    """What was written, and what it costs in quality."""

    path: Path
    record: GraphsRecord
    ratio: float
    """Of the truth errors, by the engine that is farthest from the truth."""


def quantise_model(
    model: str | Path, data: Path, out: Path, *, part: str = "unseen", force: bool = False
) -> Quantised:
    """Writes a model folder that translates in int8; raises UserError where that is too much worse.

    DATA gives the images to calibrate with, of its seen classes if it has any, and, of `part`, the
    pairs of known truth by which it is judged, as each engine that is installed computes it.
    """
    check_out(out, force)  # calibrating takes minutes
    found = ModelRepository().find(model)
    config = found.info.config.model
    packed = packed_for(data, config.image_size)
    calibration = "seen" if "seen" in packed.parts else part
    feeds = _feeds(Translator.load(model, "cpu", TORCH), packed, calibration)
    with new_export(found, out, partial(_write_graphs, feeds=feeds), force) as made:
        ratio = _truth_ratio(made, packed, part)
        if not ratio <= MAX_RATIO:
            raise UserError(
                f"in int8 the translations of `{found.path}` are {ratio - 1:.1%} farther from the "
                f"truth; {MAX_RATIO - 1:.0%} is allowed",
                hint="export in `fp32`, or translate with `--precision bf16`",
            )
    return Quantised(out, record_of(out), ratio)


def quantise_graph(path: Path, feeds: Sequence[Feed], out: Path) -> None:
    """The translation graph in int8, its weights inside, calibrated with what it is fed."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        _fold(path, folded)
        convolutions = [n for n in onnx.load(folded).graph.node if n.op_type == "Conv"]
        kept = [convolutions[0].name, convolutions[-1].name]
        kept += [node.name for node in convolutions if _is_of_lines(node)]
        with _without_advice():
            quantize_static(
                folded,
                out,
                _Reader(feeds),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                per_channel=True,
                weight_type=QuantType.QInt8,
                activation_type=QuantType.QUInt8,
                nodes_to_exclude=kept,
            )


def _write_graphs(weights: Path, config: ModelConfig, feeds: Sequence[Feed]) -> GraphsRecord:
    """As `write_graphs`, with the translation in int8."""
    record = write_graphs(weights, config)
    path = weights.with_name(TRANSLATION_FILE)
    quantise_graph(path, feeds, path)
    sha256 = record.sha256 | {TRANSLATION_FILE: hashlib.sha256(path.read_bytes()).hexdigest()}
    return record.model_copy(update={"precision": INT8, "sha256": sha256})


def _fold(path: Path, out: Path) -> None:
    """The graph with everything computed that depends on weights alone, and the weights inside."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(out)
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@contextmanager
def _without_advice() -> Iterator[None]:
    """Without the quantiser's advice to prepare the graph: it has been."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _is_of_lines(node: Any) -> bool:
    """Whether a convolution is of one dimension: the borders', which are as good as free."""
    return any(a.name == "kernel_shape" and len(a.ints) == 1 for a in node.attribute)


class _Reader:
    """What is fed, as the quantiser asks for it."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._remaining = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self._remaining, None)


def _feeds(translator: Translator, packed: Packed, part: str) -> list[Feed]:
    """What the graph is fed for pairs of the data."""
    return list(_each_feed(translator, packed, part))


def _each_feed(translator: Translator, packed: Packed, part: str) -> Iterator[Feed]:
    pairs = choose_pairs(packed, part, _NUM_CALIBRATION, _NUM_EXAMPLES, seed=1)
    names = look_parts(translator.config.model)
    for _, some in load_pairs(packed, pairs, translator.image_size, _NUM_EXAMPLES, len(pairs)):
        for content, examples in zip(some.content, some.examples, strict=True):
            look = translator.encode_class(list(examples))
            image = np.ascontiguousarray(content.transpose(2, 0, 1)[None], np.float32)
            yield {
                "content": image / np.float32(127.5) - 1,
                **{name: getattr(look, name) for name in names},
            }


def _truth_ratio(made: ModelFolder, packed: Packed, part: str) -> float:
    """The largest truth error in int8 as a ratio to that in 32 bits, on the same pairs."""
    size = made.info.config.model.image_size
    engines = [name for name in ABLE[INT8] if is_installed(name)]
    candidates = [Model("fp32", Translator.load(made.path, "cpu", TORCH))]
    candidates += [Model(name, Translator.load(made.path, "cpu", name, INT8)) for name in engines]
    pairs = choose_pairs(packed, part, _NUM_CHECKED, _NUM_EXAMPLES, seed=0)
    found = measure(candidates, packed, pairs, size, _NUM_EXAMPLES, [])
    errors = {name: one.values[_METRIC] for name, one in found.items()}
    if np.isnan(errors["fp32"]).all():
        raise UserError(
            "no file name stands in two classes of DATA, so no truth is known to judge int8 by",
            hint="give data whose file names name the pose, e.g. of `funit data menagerie`",
        )
    worst = max(np.nanmean(errors[name]) for name in engines)
    return float(worst / np.nanmean(errors["fp32"]))
