"""A discriminator that looks through a frozen network: it knows edges and patterns from the start.

In the spirit of Projected GAN (Sauer et al., 2021): a small head on each of three maps of the
network, which learns alone; class rows as in the other discriminator. Evaluations refuse to judge
by this network.

Shapes: B images of H x W pixels, T maps, C channels of each head, h x w patches of 16 pixels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import LossWeights, ModelConfig
from funit.data.dataset import Batch
from funit.model.discriminator import SLOPE, Scorer
from funit.model.layers import initialised, linear
from funit.training.frozen_maps import FrozenMaps
from funit.training.losses import Terms, discriminator_terms, fooling, without_autocast


class FrozenDiscriminator(nn.Module):
    """Scores patches of an image as real pictures of one class, as `Discriminator` does."""

    def __init__(self, config: ModelConfig, device: torch.device) -> None:
        super().__init__()
        self.seen = _EvenMaps(device)
        width = min(4 * config.discriminator_channels, config.discriminator_max_channels)
        # strides 4, 8 and 16: all heads end at 16
        self.heads = nn.ModuleList(
            _head(channels, width, num_halvings)
            for channels, num_halvings in zip(self.seen.channels, (2, 1, 0), strict=True)
        )
        self.rows = linear(len(self.heads) * width, config.num_classes)

    def forward(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Scores, and the features that they are of."""
        # (B, 3, H, W), (B,) -> scores (B, T, h, w), features (B, T * C, h, w)
        features = self.features(images)
        return self.score(features, classes), features

    def features(self, images: Tensor) -> Tensor:
        """What the heads find: (B, 3, H, W) -> (B, T * C, h, w)."""
        maps = zip(self.heads, self.seen(images), strict=True)
        return torch.cat([head(seen) for head, seen in maps], dim=1)

    def score(self, features: Tensor, classes: Tensor) -> Tensor:
        """The scores for each image's class, by each head: (B, T * C, h, w) -> (B, T, h, w)."""
        rows = self.rows.weight[classes][:, :, None, None]
        by_head = (F.leaky_relu(features, SLOPE) * rows).unflatten(1, (len(self.heads), -1))
        return by_head.sum(dim=2) + self.rows.bias[classes, None, None, None]


class _EvenMaps:
    """Three maps of the frozen network, at every position of one size."""

    def __init__(self, device: torch.device) -> None:
        self._maps = FrozenMaps(device, lambda ends: ends[:3])  # strides 4, 8 and 16
        with torch.no_grad():
            maps = self(torch.zeros(1, 3, 32, 32, device=device))
        self.channels = [seen.shape[1] for seen in maps]

    def __call__(self, images: Tensor) -> list[Tensor]:
        # (B, 3, H, W) in [-1, 1] -> (B, ., H / 4, W / 4), ... (B, ., H / 16, W / 16)
        with without_autocast(images):
            # their numbers are of the order of 10: here each position's are of the order of 1
            return [
                seen * (seen.square().mean(dim=1, keepdim=True) + 1e-6).rsqrt()
                for seen in self._maps(images)
            ]


def second_terms(
    discriminator: Scorer | None, batch: Batch, translated: Tensor, weights: LossWeights
) -> Terms:
    """What the discriminator minimises where it is the second one; nothing where there is none."""
    if discriminator is None:
        return {}
    terms = discriminator_terms(discriminator, batch, translated, weights, 0)
    return {"frozen_adversarial": terms["adversarial"]}


def fooling_second_terms(
    discriminator: Scorer | None, batch: Batch, translated: Tensor, weights: LossWeights
) -> Terms:
    """The generator's side of the same."""
    if discriminator is None:
        return {}
    scores, _ = discriminator(translated, batch.classes)
    return {"frozen_adversarial": weights.adversarial * fooling(scores)}


def _head(channels: int, width: int, num_halvings: int) -> nn.Sequential:
    widths = [channels] + [width] * num_halvings
    layers: list[nn.Module] = []
    for before in widths[:-1]:
        layers += [
            initialised(nn.Conv2d(before, width, 3, 2, padding=1)),
            nn.LeakyReLU(SLOPE),
        ]
    return nn.Sequential(*layers, initialised(nn.Conv2d(widths[-1], width, 3, padding=1)))
