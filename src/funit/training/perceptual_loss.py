"""How far reconstructions are from what they should be, as a frozen network sees them.

Shapes: B images, H x W pixels.

L1 is content with a blur where a detail may lie here or there; features of edges and patterns are
not. Not in the paper. The network is not the one that evaluations judge by.
"""

import torch
from torch import Tensor

from funit.feature_networks import unit_distance
from funit.training.frozen_maps import FrozenMaps


class PerceptualLoss:
    """A frozen EfficientNet-lite2, asked at the images' own size."""

    def __init__(self, device: torch.device) -> None:
        # strides 2, 4, 8 and 16: what is coarser tells of the class, not of the drawing
        self._maps = FrozenMaps(device, lambda ends: [0, *ends[:3]])

    def __call__(self, images: Tensor, originals: Tensor) -> Tensor:
        """The mean distance of two batches of images in [-1, 1], 0..4."""
        # (B, 3, H, W) twice -> ()
        with torch.no_grad():
            wanted = self._maps(originals)
        distances = [
            unit_distance(one, other).mean()
            for one, other in zip(self._maps(images), wanted, strict=True)
        ]
        return torch.stack(distances).mean()
