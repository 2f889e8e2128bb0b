"""The frozen network that trainings look through: what it sees in images, map by map.

Evaluations refuse to judge by it. Shapes: B images of H x W pixels.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from funit.config import TRAINING_NETWORK
from funit.feature_networks import EfficientNetLite, load_trunk


class FrozenMaps:
    """An EfficientNet-lite2, asked at the images' own size.

    No module, so that nothing trains, saves or counts its weights. `blocks` says after which
    blocks, of the ends of its stages.
    """

    def __init__(
        self, device: torch.device, blocks: Callable[[Sequence[int]], Sequence[int]]
    ) -> None:
        trunk, published, _ = load_trunk(TRAINING_NETWORK, device=device)
        assert isinstance(trunk, EfficientNetLite)
        self._trunk = trunk
        self._blocks = blocks(trunk.taps)
        self._mean, self._deviation = published.mean[0], published.deviation[0]

    def __call__(self, images: Tensor) -> list[Tensor]:
        """The maps of images in [-1, 1]: (B, 3, H, W) -> (B, C, h, w) each."""
        levels = (images + 1) * 127.5
        return self._trunk.maps_after(self._blocks, (levels - self._mean) / self._deviation)
