"""The discriminator: an image and a class in; a map of patch scores and features out.

Shapes: B images of H x W pixels, N training classes, C feature channels, h x w patches.
"""

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import initialised, linear
from funit.model.twice import (
    TwiceDifferentiableConvolution,
    leaky_relu,
    mirrored,
    pooled,
)

SLOPE = 0.2  # of the leaky ReLU, as in the released code; the paper is silent


class Scorer(Protocol):
    """What losses ask of a discriminator."""

    def __call__(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Scores, and the features that they are of."""

    def features(self, images: Tensor) -> Tensor:
        """All but the last layer."""


class PreActivationBlock(nn.Module):
    """A residual block with activation first; a 1x1 shortcut where the widths differ."""

    def __init__(self, in_channels: int, out_channels: int, norm: bool) -> None:
        super().__init__()
        narrow = min(in_channels, out_channels)
        self.norm1 = _normalisation(in_channels, norm)
        self.conv1 = _convolution(in_channels, narrow, 3)
        self.norm2 = _normalisation(narrow, norm)
        self.conv2 = _convolution(narrow, out_channels, 3)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = _convolution(in_channels, out_channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        # (B, in, H, W) -> (B, out, H, W)
        hidden = self.conv1(leaky_relu(self.norm1(features), SLOPE))
        hidden = self.conv2(leaky_relu(self.norm2(hidden), SLOPE))
        return self.shortcut(features) + hidden


class Discriminator(nn.Module):
    """Scores patches of an image as real pictures of one class out of N (claim 2).

    N binary tasks at once: only the row of the wanted class is read, so that the other classes get
    no gradient, and time does not grow with N.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.discriminator_channels
        self.stem = _convolution(3, width, 7)
        self.scales = nn.ModuleList()
        for scale in range(config.discriminator_halvings + 1):
            is_last = scale == config.discriminator_halvings
            num_blocks = 2 if is_last else config.discriminator_blocks
            wider = min(2 * width, config.discriminator_max_channels)
            widths = [width] * num_blocks + [wider]
            self.scales.append(
                nn.Sequential(
                    *(
                        PreActivationBlock(widths[i], widths[i + 1], config.discriminator_norm)
                        for i in range(num_blocks)
                    )
                )
            )
            width = wider
        self.head = linear(width, config.num_classes)
        self.is_pooled = config.discriminator_head == "pooled"

    def forward(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        # (B, 3, H, W), (B,) -> scores (B, h, w), features (B, C, h, w)
        features = self.features(images)
        return self.score(features, classes), features

    def features(self, images: Tensor) -> Tensor:
        """All but the last layer: (B, 3, H, W) -> (B, C, h, w)."""
        features = self.stem(images)
        for index, scale in enumerate(self.scales):
            if index:
                features = pooled(mirrored(features, 1))
            features = scale(features)
        return features

    def score(self, features: Tensor, classes: Tensor) -> Tensor:
        """The scores for each image's class: (B, C, h, w), (B,) -> (B, h, w)."""
        # with the channels last also here, or the gradient would come back in the other layout
        activated = self._activated(features).movedim(1, -1)
        rows, biases = self.head.weight[classes], self.head.bias[classes]
        return (activated * rows[:, None, None]).sum(dim=-1) + biases[:, None, None]

    def score_all(self, features: Tensor) -> Tensor:
        """The scores for every class: (B, C, h, w) -> (B, N, h, w)."""
        rows = self.head.weight[:, :, None, None]
        return F.conv2d(self._activated(features), rows, self.head.bias)

    def _activated(self, features: Tensor) -> Tensor:
        activated = leaky_relu(features, SLOPE)
        return activated.mean(dim=(2, 3), keepdim=True) if self.is_pooled else activated


def _convolution(
    in_channels: int, out_channels: int, kernel_size: int, bias: bool = True
) -> nn.Conv2d:
    """A convolution with reflection padding that keeps the size; for the gradient penalty."""
    return initialised(
        TwiceDifferentiableConvolution(
            in_channels,
            out_channels,
            kernel_size,
            padding=kernel_size // 2,
            padding_mode="reflect",
            bias=bias,
        )
    )


def _normalisation(channels: int, norm: bool) -> nn.Module:
    """Zero mean and unit variance, then an affine map that is learned (claim 3); or nothing."""
    return nn.InstanceNorm2d(channels, affine=True) if norm else nn.Identity()
