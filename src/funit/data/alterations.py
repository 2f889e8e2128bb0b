"""Images altered at random: mirrored, their colours or hues turned, bent.

Shapes: B images of H x W pixels, K images of a class. Random numbers are uniform in [0, 1).
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from funit.data.packed import Pixels
from funit.data.resident import sent

GRID_SIZE = 5  # points a side that a bend moves


def mirrored(image: Pixels) -> Pixels:
    """(H, W, 3), its left the right of the image."""
    # moved as pixels of three bytes: byte by byte takes numpy two and a half times as long
    return image.view("V3")[:, ::-1].copy().view(np.uint8)


def recoloured(images: Tensor, numbers: Sequence[Sequence[float]]) -> Tensor:
    """The images with the colours of everything but the background turned at random.

    A rotation of the colour space about the background's colour, the median of the one-pixel
    border: which parts differ, and by how much, stays to be seen; their colours do not.
    (B, 3, H, W) and three uniform numbers each -> (B, 3, H, W) in [-1, 1].
    """
    edges = (images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1])
    background = torch.cat(edges, dim=2).median(dim=2).values[:, :, None, None]
    rotations = sent(_rotations(numbers), images.device)
    turned = torch.einsum("bij,bjhw->bihw", rotations, images - background)
    return (background + turned).clamp(-1, 1)


def hues_turned(images: Tensor, turns: Sequence[float]) -> Tensor:
    """The images with their hues turned, alike in each row; grey stays as it is.

    A rotation of the colour space about the axis of greys. (B, K, 3, H, W) and by how much of a
    whole turn for each of B -> (B, K, 3, H, W) in [-1, 1].
    """
    angles = 2 * math.pi * torch.tensor(turns)[:, None, None]
    across = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    rotations = angles.cos() * torch.eye(3) + (1 - angles.cos()) / 3 + angles.sin() * across
    rotations = sent(rotations, images.device)
    # the channels stay last in memory
    turned = images.movedim(-3, -1) @ rotations.mT[:, None, None]
    return turned.clamp_(-1, 1).movedim(-1, -3)


def bent(images: Tensor, numbers: Sequence[Sequence[float]], strength: float) -> Tensor:
    """The images bent at random, smoothly, as if drawn on rubber.

    Points of a coarse grid move by up to `strength` times the image's size, and all between them:
    where things are stays to be seen, roughly; the shape of each does not. (B, 3, H, W) and 50
    uniform numbers each -> (B, 3, H, W).
    """
    moves = torch.tensor(numbers).view(-1, 2, GRID_SIZE, GRID_SIZE) * 2 - 1
    moves = sent(moves, images.device)
    size = images.shape[2:]
    moves = F.interpolate(2 * strength * moves, size, mode="bicubic", align_corners=True)
    rows, columns = (torch.linspace(-1, 1, side, device=images.device) for side in size)
    places = torch.stack(torch.meshgrid(rows, columns, indexing="ij")[::-1], dim=-1)
    return F.grid_sample(
        images, places + moves.movedim(1, -1), padding_mode="border", align_corners=True
    )


def _rotations(numbers: Sequence[Sequence[float]]) -> Tensor:
    """Rotations of three dimensions, all equally likely (Shoemake, 1992): (B, 3) -> (B, 3, 3)."""
    u, v, w = torch.tensor(numbers, dtype=torch.float64).unbind(dim=1)
    v, w = 2 * math.pi * v, 2 * math.pi * w
    a, b = (1 - u).sqrt() * v.sin(), (1 - u).sqrt() * v.cos()  # a unit quaternion
    c, d = u.sqrt() * w.sin(), u.sqrt() * w.cos()
    rows = [
        [1 - 2 * (b * b + c * c), 2 * (a * b - c * d), 2 * (a * c + b * d)],
        [2 * (a * b + c * d), 1 - 2 * (a * a + c * c), 2 * (b * c - a * d)],
        [2 * (a * c - b * d), 2 * (b * c + a * d), 1 - 2 * (a * a + b * b)],
    ]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1).float()
