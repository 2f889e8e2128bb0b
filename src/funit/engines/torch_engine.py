"""The engine that computes with PyTorch: on a CPU or a GPU, with any model, without preparation."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from funit.engines.engine import Drawn, Floats, Look
from funit.model import look as model_look
from funit.model.device import find_device
from funit.model.generator import Generator


class TorchEngine:
    """A generator behind the calls of an engine."""

    name = "torch"

    def __init__(self, generator: Generator, device: str = "auto", precision: str = "fp32") -> None:
        self.precision = precision
        self.device = find_device(device)
        placed = generator.to(self.device).eval()
        self.generator = placed.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode_class(self, examples: Floats, shares: Floats) -> Look:
        """As `Engine.encode_class`."""
        # (B, K, 3, H, W), (B, K) -> B looks
        with self._computing():
            singles = self.generator.encode_examples(self._placed(examples).flatten(0, 1))
            return Look(*map(_array, singles.merged(self._placed(shares))))

    def encode_content(self, images: Floats) -> Floats:
        """The content maps: (B, 3, H, W) -> (B, C, h, w)."""
        with self._computing():
            return _array(self.generator.encode_content(self._placed(images)))

    def decode(self, contents: Floats, look: Look) -> Drawn:
        """As `Engine.decode`: this engine's contents are content maps."""
        return Drawn(self.draw(contents, look), contents)

    def draw(self, content_maps: Floats, look: Look) -> Floats:
        """As `Engine.draw`."""
        # (B, C, h, w) -> (B, 3, H, W)
        with self._computing():
            parts = model_look.Look(*map(self._placed, look))
            return _array(self.generator.decode(self._placed(content_maps), parts))

    @contextmanager
    def _computing(self) -> Iterator[None]:
        is_bf16 = self.precision == "bf16"
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, torch.bfloat16, enabled=is_bf16),
        ):
            yield

    def _placed(self, array: Floats) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def _array(tensor: Tensor) -> Floats:
    array: Floats = np.ascontiguousarray(tensor.float().numpy(force=True))
    return array
