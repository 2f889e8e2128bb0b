"""Pictures of something on a plain background: taking it off the background, and putting it back.

Shapes: B images of H x W pixels.
"""

import torch
from torch import Tensor

TOLERANCE = 8 / 127.5  # 8 of 255 levels, images being in [-1, 1]


def background_colour(images: Tensor) -> Tensor:
    """The median of the one-pixel border of each image: (B, 3, H, W) -> (B, 3, 1, 1)."""
    edges = (images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1])
    return torch.cat(edges, dim=2).median(dim=2).values[:, :, None, None]


def foreground_mask(images: Tensor) -> Tensor:
    """1 where a pixel differs from the background, else 0: (B, 3, H, W) -> (B, 1, H, W)."""
    difference = (images - background_colour(images)).abs().amax(dim=1, keepdim=True)
    return (difference > TOLERANCE).to(images.dtype)


def without_background(images: Tensor) -> Tensor:
    """The images with grey, 0, for the background: (B, 3, H, W) -> (B, 3, H, W)."""
    return images * foreground_mask(images)
