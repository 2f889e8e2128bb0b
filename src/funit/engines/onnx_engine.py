"""The engine that computes with ONNX Runtime: on a CPU, without PyTorch."""

from functools import cached_property
from pathlib import Path

import onnxruntime

from funit.config import ModelConfig
from funit.engines.engine import Drawn, Floats, Look, asked_threads
from funit.model.graphs import CLASS_CODE_FILE, DRAWING_FILE, TRANSLATION_FILE, look_parts


class OnnxEngine:
    """The graphs of a model behind the calls of an engine."""

    name = "onnxruntime"

    def __init__(self, graphs: Path, config: ModelConfig, precision: str = "fp32") -> None:
        self.precision = precision
        self._graphs = graphs
        self._names = look_parts(config)
        self._class_code = _session(graphs / CLASS_CODE_FILE)
        self._translation = _session(graphs / TRANSLATION_FILE)

    def encode_class(self, examples: Floats, shares: Floats) -> Look:
        """As `Engine.encode_class`."""
        # (B, K, 3, H, W), (B, K) -> B looks
        given = {"examples": examples, "shares": shares}
        return Look.of(self._class_code.run(None, given))

    def encode_content(self, images: Floats) -> Floats:
        """The images themselves: the graph encodes and decodes in one."""
        return images

    def decode(self, contents: Floats, look: Look) -> Drawn:
        """As `Engine.decode`."""
        # (B, 3, H, W) -> (B, 3, H, W), (B, C, h, w)
        return Drawn(*self._translation.run(None, {"content": contents, **self._parts(look)}))

    def draw(self, content_maps: Floats, look: Look) -> Floats:
        """As `Engine.draw`."""
        # (B, C, h, w) -> (B, 3, H, W)
        given = {"content_map": content_maps, **self._parts(look)}
        images: Floats = self._drawing.run(None, given)[0]
        return images

    @cached_property
    def _drawing(self) -> onnxruntime.InferenceSession:
        """Opened when it is needed: most who translate draw no content maps."""
        return _session(self._graphs / DRAWING_FILE)

    def _parts(self, look: Look) -> dict[str, Floats]:
        return {name: getattr(look, name) for name in self._names}


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    options.enable_mem_pattern = False  # a plan for each size of a batch: 70 MB, and not faster
    if threads := asked_threads():
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
