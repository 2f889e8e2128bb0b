"""The engine that computes with OpenVINO: on a CPU, without PyTorch, in 32 bits or in bfloat16."""

from functools import cached_property
from pathlib import Path
from typing import Any

import openvino

from funit.config import ModelConfig
from funit.engines.engine import Drawn, Floats, Look, asked_threads
from funit.model.graphs import CLASS_CODE_FILE, DRAWING_FILE, TRANSLATION_FILE, look_parts

_HINTS = {"bf16": "bf16"}  # else 32 bits, but for what a graph says itself


class OpenvinoEngine:
    """The graphs of a model behind the calls of an engine."""

    name = "openvino"

    def __init__(self, graphs: Path, config: ModelConfig, precision: str = "fp32") -> None:
        self.precision = precision
        self._names = look_parts(config)
        self._graphs = graphs
        self._core = openvino.Core()
        self._settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS.get(precision, "f32"),
        }
        if threads := asked_threads():
            self._settings["INFERENCE_NUM_THREADS"] = threads
        self._class_code, self._translation = (
            self._compiled(file) for file in (CLASS_CODE_FILE, TRANSLATION_FILE)
        )

    def encode_class(self, examples: Floats, shares: Floats) -> Look:
        """As `Engine.encode_class`."""
        # (B, K, 3, H, W), (B, K) -> B looks
        return Look.of(_answers(self._class_code, {"examples": examples, "shares": shares}))

    def encode_content(self, images: Floats) -> Floats:
        """The images themselves: the graph encodes and decodes in one."""
        return images

    def decode(self, contents: Floats, look: Look) -> Drawn:
        """As `Engine.decode`."""
        # (B, 3, H, W) -> (B, 3, H, W), (B, C, h, w)
        return Drawn(*_answers(self._translation, {"content": contents, **self._parts(look)}))

    def draw(self, content_maps: Floats, look: Look) -> Floats:
        """As `Engine.draw`."""
        # (B, C, h, w) -> (B, 3, H, W)
        return _answers(self._drawing, {"content_map": content_maps, **self._parts(look)})[0]

    @cached_property
    def _drawing(self) -> openvino.CompiledModel:
        """Compiled when it is needed: most who translate draw no content maps."""
        return self._compiled(DRAWING_FILE)

    def _compiled(self, file: str) -> openvino.CompiledModel:
        return self._core.compile_model(
            self._core.read_model(self._graphs / file), "CPU", self._settings
        )

    def _parts(self, look: Look) -> dict[str, Floats]:
        return {name: getattr(look, name) for name in self._names}


def _answers(model: openvino.CompiledModel, given: dict[str, Floats]) -> list[Floats]:
    """What the model computes, by a request of its own: threads that share one mix it up."""
    request = model.create_infer_request()
    answer = request.infer(given, share_inputs=True, share_outputs=True)
    return [answer[i].copy() for i in range(len(model.outputs))]
