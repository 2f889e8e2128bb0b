"""Blocks that several networks share: convolutions, residual blocks, AdaIN, up-sampling.

Shapes: B images, C channels, H x W positions.
"""

from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor, nn

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
) -> nn.Conv2d:
    """A convolution with reflection padding that keeps the size, or divides it by `stride`."""
    conv = nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding=(kernel_size - 1) // 2,
        padding_mode="reflect",
    )
    return initialised(conv)


def linear(in_features: int, out_features: int) -> nn.Linear:
    """A fully connected layer."""
    return initialised(nn.Linear(in_features, out_features))


def initialised(layer: Layer) -> Layer:
    """The layer with Kaiming-normal weights, as in the paper, and biases of zero."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def adain(features: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Gives each channel of each image the mean and the deviation decoded for it.

    Adaptive instance normalisation (Huang and Belongie, 2017): (B, C, H, W) and two (B, C).
    """
    return F.instance_norm(features) * deviation[:, :, None, None] + mean[:, :, None, None]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance norm beside the identity; nothing after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, channels, 3)
        self.conv2 = convolution(channels, channels, 3)

    def forward(self, features: Tensor) -> Tensor:
        # (B, C, H, W) -> (B, C, H, W)
        hidden = F.relu(F.instance_norm(self.conv1(features)))
        return features + F.instance_norm(self.conv2(hidden))


class AdaINResidualBlock(nn.Module):
    """A residual block whose two normalisations are AdaIN (claim 7)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, channels, 3)
        self.conv2 = convolution(channels, channels, 3)

    def forward(
        self, features: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]
    ) -> Tensor:
        # (B, C, H, W) and twice the mean and the deviation, each (B, C) -> (B, C, H, W)
        hidden = F.relu(adain(self.conv1(features), *first))
        return features + adain(self.conv2(hidden), *second)


class UpsamplingConvolution(nn.Module):
    """Doubles height and width (nearest neighbour), then convolves to half the channels."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = convolution(channels, channels // 2, kernel_size)

    def forward(self, features: Tensor) -> Tensor:
        # (B, C, H, W) -> (B, C / 2, 2H, 2W)
        return self.conv(F.interpolate(features, scale_factor=2.0, mode="nearest"))
