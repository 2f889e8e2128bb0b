"""Who translates: the plain engine behind the same calls as ours; bytes in, pictures out."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from funit.benchmark.plain import Generator
from funit.data.images import to_image, to_signed
from funit.engines.choice import (
    AUTO,
    HOW_TO_INSTALL,
    ONNXRUNTIME,
    TORCH,
    choose_engine,
    is_installed,
)
from funit.model.look import Look
from funit.onnx_export import can_export


def missing(engine: str) -> str:
    """Why an engine cannot be measured; nothing if it can."""
    if not is_installed(engine):
        return f"not installed: {HOW_TO_INSTALL[engine]}"
    if engine != TORCH and not can_export():
        return f"its graphs cannot be made: {HOW_TO_INSTALL[ONNXRUNTIME]}"
    return ""


def chosen(precision: str) -> str:
    """The engine that users get who do not ask for one."""
    return choose_engine(AUTO, "cpu", precision, has_graphs=can_export())


class PlainTranslator:
    """The plain engine behind the same two calls as `Translator`."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    @torch.inference_mode()
    def encode_class(self, examples: Sequence[np.ndarray]) -> Look:
        """The look that example images show together."""
        return self.generator.encode_class(to_tensor(examples)[None])

    @torch.inference_mode()
    def translate(self, contents: Sequence[np.ndarray], look: Look) -> list[Image.Image]:
        """Redraws several images in one look."""
        return [to_image(image.numpy()) for image in self.draw(to_tensor(contents), look)]

    @torch.inference_mode()
    def draw(self, images: Tensor, look: Look) -> Tensor:
        """The images in one look: (B, 3, H, W) -> (B, 3, H, W)."""
        looks = Look.cat([look] * len(images))
        return self.generator.decode(images, self.generator.encode_content(images), looks)


def to_tensor(pixels: Sequence[np.ndarray]) -> Tensor:
    """Images (H, W, 3) of bytes as (B, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(to_signed(np.stack(pixels))).permute(0, 3, 1, 2).contiguous()
