"""The generator as three ONNX graphs: names of the files, of what goes in and of what comes out.

    class_code.onnx     examples (B, K, 3, H, W), shares (B, K) -> the parts of a look
    translation.onnx    content (B, 3, H, W), the parts of a look -> translation (B, 3, H, W),
                        content_map (B, C, h, w)
    drawing.onnx        content_map (B, C, h, w), the parts of a look -> translation (B, 3, H, W)

Images are in [-1, 1]; B, K and the number of example positions P may be any. The graphs hold no
weights: they point into the weights.safetensors beside them. This module imports no torch.
"""

from pydantic import BaseModel

from funit.config import ModelConfig

GRAPH_FILES = ("class_code.onnx", "translation.onnx", "drawing.onnx")
CLASS_CODE_FILE, TRANSLATION_FILE, DRAWING_FILE = GRAPH_FILES
WEIGHTS_FILE = "weights.safetensors"
GRAPHS_FORMAT = 3  # of what is computed: another number, and graphs are made anew


class GraphsRecord(BaseModel, frozen=True):
    """What model.json says of the graphs in its folder."""

    format: int = 1
    """`GRAPHS_FORMAT` of the version that wrote them; graphs of another are as if not there."""
    opset: int
    precision: str = "fp32"
    """In which they compute; what goes in and out is always float32."""
    sha256: dict[str, str]
    """Of each file."""


def look_parts(config: ModelConfig) -> tuple[str, ...]:
    """The parts of a look that the graphs of such a model know."""
    if config.attention_channels is None:
        return ("class_code",)
    return ("class_code", "keys", "values", "log_shares")
