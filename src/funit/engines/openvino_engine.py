"""The engine that computes with OpenVINO: on a CPU, without PyTorch, in 32 bits or in bfloat16."""

from pathlib import Path
from typing import Any

import openvino

from funit.config import ModelConfig
from funit.engines.engine import Floats, Look, asked_threads
from funit.model.graphs import CLASS_CODE_FILE, TRANSLATION_FILE, look_parts

_HINTS = {"bf16": "bf16"}  # else 32 bits, but for what a graph says itself


class OpenvinoEngine:
    """The two graphs of a model behind the calls of an engine."""

    name = "openvino"

    def __init__(self, graphs: Path, config: ModelConfig, precision: str = "fp32") -> None:
        self.precision = precision
        self._names = look_parts(config)
        core = openvino.Core()
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS.get(precision, "f32"),
        }
        if threads := asked_threads():
            settings["INFERENCE_NUM_THREADS"] = threads
        self._class_code, self._translation = (
            core.compile_model(core.read_model(graphs / file), "CPU", settings)
            for file in (CLASS_CODE_FILE, TRANSLATION_FILE)
        )

    def encode_class(self, examples: Floats, shares: Floats) -> Look:
        """As `Engine.encode_class`."""
        # (B, K, 3, H, W), (B, K) -> B looks
        return Look.of(_answers(self._class_code, {"examples": examples, "shares": shares}))

    def encode_content(self, images: Floats) -> Floats:
        """The images themselves: the graph encodes and decodes in one."""
        return images

    def decode(self, contents: Floats, look: Look) -> Floats:
        """As `Engine.decode`."""
        # (B, 3, H, W) -> (B, 3, H, W)
        parts = {name: getattr(look, name) for name in self._names}
        return _answers(self._translation, {"content": contents, **parts})[0]


def _answers(model: openvino.CompiledModel, given: dict[str, Floats]) -> list[Floats]:
    """What the model computes, by a request of its own: threads that share one mix it up."""
    request = model.create_infer_request()
    answer = request.infer(given, share_inputs=True, share_outputs=True)
    return [answer[i].copy() for i in range(len(model.outputs))]
