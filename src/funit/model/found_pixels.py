"""What the attention finds of the examples' colours at a position: their mean, or pixels.

Pixels may overlap: a position then has those of its neighbours too, as far as their middle, and
where several have found one, the nearest counts most. So what was found here goes with what was
found beside it.

Shapes: B images of H x W pixels, h x w positions of `side` x `side` pixels, F found channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from funit.config import ModelConfig

_QUADRANTS = [(0, 0), (0, 1), (1, 0), (1, 1)]  # of overlapping pixels: down, right


def found_side(config: ModelConfig) -> int:
    """Pixels a side of a position of the attention."""
    return 2 ** (config.num_halvings - config.attention_doublings)


def found_channels(config: ModelConfig) -> int:
    """Colours that the attention finds at a position."""
    if not config.finds_pixels:
        return 3
    return 3 * found_side(config) ** 2 * (4 if config.pixels_overlap else 1)


def pixels_at_positions(images: Tensor, side: int, *, overlap: bool) -> Tensor:
    """The pixels that each position has: (B, 3, H, W) -> (B, F, h, w)."""
    if not overlap:
        return F.pixel_unshuffle(images, side)
    padded = F.pad(images, [side // 2] * 4, mode="replicate")
    blocks = F.pixel_unshuffle(padded, side)  # (B, 3 side^2, h + 1, w + 1)
    h, w = blocks.shape[2] - 1, blocks.shape[3] - 1
    return torch.cat([blocks[:, :, y : y + h, x : x + w] for y, x in _QUADRANTS], dim=1)


def laid_together(found: Tensor, side: int, *, overlap: bool) -> Tensor:
    """The image that found pixels make: (B, F, h, w) -> (B, 3, H, W)."""
    if not overlap:
        return F.pixel_shuffle(found, side)
    sums = _blocks(found.unflatten(1, (4, -1)) * _weights(side).to(found))
    edge = side // 2
    images = F.pixel_shuffle(sums, side)[:, :, edge:-edge, edge:-edge]
    down, right = (_counted(side * length, side).to(found) for length in found.shape[2:])
    return images / (down[:, None] * right)


def _blocks(quadrants: Tensor) -> Tensor:
    """(B, 4, C, h, w) -> (B, C, h + 1, w + 1): the sum of what lies on each block."""
    laid = [
        F.pad(quadrants[:, number], [x, 1 - x, y, 1 - y])
        for number, (y, x) in enumerate(_QUADRANTS)
    ]
    return torch.stack(laid).sum(dim=0)


def _weights(side: int) -> Tensor:
    """How much a pixel counts, the less the farther from its position: (4, 3 side^2, 1, 1)."""
    rising = _rising(side)
    ramps = torch.stack([rising, rising.flip(0)])
    of_block = [(ramps[y][:, None] * ramps[x]).flatten().repeat(3) for y, x in _QUADRANTS]
    return torch.stack(of_block)[:, :, None, None]


def _counted(length: int, side: int) -> Tensor:
    """What the weights along a line of pixels add up to: (length,), 1 but for its two ends."""
    end = _rising(side)[side // 2 :]  # no position lies beyond: there the other half is missing
    return torch.cat([end, end.new_ones(length - side), end.flip(0)])


def _rising(side: int) -> Tensor:
    return (torch.arange(side) + 0.5) / side
