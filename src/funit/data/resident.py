"""Packed images that lie on a GPU, and the way of small tensors there: nothing waits for it.

Shapes: N images of S x S pixels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from funit.data.images import to_signed
from funit.data.packed import Packed, PackedClass

MEMORY_SHARE = 0.5  # of what is free on the GPU: the networks need the rest
_CHUNK = 2**26  # bytes that are copied at once

Place = tuple[PackedClass, int, int, int, bool]  # class, image, top, left, whether it is mirrored


class Resident:
    """All bytes of a packed file on a device, cropped and mirrored there."""

    def __init__(self, packed: Packed, device: torch.device) -> None:
        pixels = packed.all_pixels
        self.pixels = torch.empty(len(pixels), dtype=torch.uint8, device=device)
        for start in range(0, len(pixels), _CHUNK):
            chunk = pixels[start : start + _CHUNK].copy()  # the file's own cannot be written to
            self.pixels[start : start + _CHUNK] = torch.from_numpy(chunk)
        # looked up, as GPUs multiply by the reciprocal where CPUs divide: the same to the bit
        self.levels = torch.from_numpy(to_signed(np.arange(256, dtype=np.uint8))).to(device)

    def images(self, samples: Sequence[Sequence[Place]], size: int) -> Tensor:
        """The images at those places: N samples of K -> (N, K, S, S, 3) in [-1, 1]."""
        device = self.pixels.device
        lines = [[_line(*place, size) for place in places] for places in samples]
        table = torch.tensor(lines, dtype=torch.int64).reshape(len(samples), len(samples[0]), 3)
        starts, rows, columns = sent(table, device)[..., None, None, None].unbind(dim=2)
        side, channels = torch.arange(size, device=device), torch.arange(3, device=device)
        found = starts + rows * side[:, None, None] + columns * side[:, None] + channels
        return self.levels[self.pixels[found].long()]


def resident_for(packed: Packed, device: torch.device) -> Resident | None:
    """The packed images on the device; None on a CPU, or where they would fill the GPU."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return Resident(packed, device) if len(packed.all_pixels) < MEMORY_SHARE * free else None


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device; to a GPU without waiting for what it still does."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def _line(
    cls: PackedClass, i: int, top: int, left: int, is_mirrored: bool, size: int
) -> tuple[int, int, int]:
    """Where the first byte of a crop lies, and how far a row and a column further."""
    width = cls.widths[i]
    start = cls.offsets[i] + 3 * (top * width + left)
    if is_mirrored:
        return start + 3 * (size - 1), 3 * width, -3
    return start, 3 * width, 3
