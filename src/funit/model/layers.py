"""Blocks that several networks share: convolutions, residual blocks, AdaIN, up-sampling.

Shapes: B images, C channels, H x W positions.
"""

from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

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
    if layer.weight.is_meta:  # there is nothing to fill, and PyTorch would import its compiler
        return layer
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def instance_norm(features: Tensor) -> Tensor:
    """Mean 0 and variance 1 for each channel of each image."""
    # in 32 bits also under autocast: in 16 a processor takes four times as long
    whole = features.float() if features.dtype == torch.bfloat16 else features
    # groups of one channel: unlike `F.instance_norm` this keeps the layout channels_last
    return F.group_norm(whole, features.shape[1])


def adain(features: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Gives each channel of each image the mean and the deviation decoded for it.

    Adaptive instance normalisation (Huang and Belongie, 2017): (B, C, H, W) and two (B, C).
    """
    return torch.addcmul(
        mean[:, :, None, None], instance_norm(features), deviation[:, :, None, None]
    )


class FewChannelConvolution(nn.Conv2d):
    """A convolution to a few channels, as `convolution` gives it, of an even height and width.

    Processors compute 16 channels at once, or as many with three. So four neighbouring pixels are
    four times the channels here, of a kernel that is larger by one with zeros in it: the same sums
    by a third more operations, at three times the speed.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        padding = (kernel_size - 1) // 2
        super().__init__(
            in_channels, out_channels, kernel_size, padding=padding, padding_mode="reflect"
        )
        initialised(self)

    def forward(self, features: Tensor) -> Tensor:
        # (B, C, H, W) -> (B, few, H, W)
        assert self.bias is not None
        weight = self.weight
        kernels = torch.stack(
            [F.pad(weight, (x, 1 - x, y, 1 - y)) for y in range(2) for x in range(2)], dim=1
        )
        padded = F.pad(features, self._reversed_padding_repeated_twice, mode="reflect")
        fours = F.conv2d(padded, kernels.flatten(0, 1), self.bias.repeat_interleave(4), stride=2)
        return F.pixel_shuffle(fours, 2)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance norm beside the identity; nothing after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, channels, 3)
        self.conv2 = convolution(channels, channels, 3)

    def forward(self, features: Tensor) -> Tensor:
        # (B, C, H, W) -> (B, C, H, W)
        hidden = F.relu(instance_norm(self.conv1(features)))
        return features + instance_norm(self.conv2(hidden))


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


def _parity_sums(kernel_size: int) -> Tensor:
    """Which taps each weight of the four small kernels is the sum of: (4 * window, taps), 0 or 1.

    Of two neighbouring pixels that see the same window, the tap j of the one of parity p falls on
    the window's position (p + j) // 2, in each direction.
    """
    line = torch.zeros(2, kernel_size // 2 + 1, kernel_size)
    for parity in range(2):
        for tap in range(kernel_size):
            line[parity, (parity + tap) // 2, tap] = 1
    return torch.einsum("pai,qbj->pqabij", line, line).flatten(4).flatten(0, 3)


PARITY_SUMS = {kernel_size: _parity_sums(kernel_size) for kernel_size in (3, 5)}


def parity_sums(kernel_size: int, like: Tensor) -> Tensor:
    """`PARITY_SUMS` on the device and in the precision of a tensor."""
    sums = PARITY_SUMS[kernel_size]
    if like.device == sums.device:  # always while a graph is traced, which nothing must outlive
        return sums.to(like)
    key = (kernel_size, like.device, like.dtype)
    if key not in _copied_sums:
        with torch.inference_mode(False):  # else a training could not use what a translation copied
            _copied_sums[key] = sums.to(like)
    return _copied_sums[key]


# a dict and no `functools.cache`, which PyTorch's compiler passes over: it would copy in each step
_copied_sums: dict[tuple[int, torch.device, torch.dtype], Tensor] = {}


class UpsamplingConvolution(nn.Module):
    """Doubles height and width (nearest neighbour), then convolves to half the channels.

    What it computes is `conv` of the doubled features, but before they are doubled: pixels of the
    same parity see the same positions, so that a smaller kernel for each of the four parities, its
    weights sums of the given ones, gives the same with 2.8 (5x5) or 2.25 (3x3) times fewer
    operations.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = convolution(channels, channels // 2, kernel_size)
        self.window_size = kernel_size // 2 + 1  # positions that a pixel sees

    def forward(self, features: Tensor) -> Tensor:
        # (B, C, H, W) -> (B, C / 2, 2H, 2W)
        bias = self.conv.bias
        assert bias is not None
        padded = _with_border(features)
        parities = F.conv2d(padded, self._small_kernels(), bias.repeat_interleave(4))
        doubled = F.pixel_shuffle(parities, 2)
        if self.window_size == 2:  # a pixel too many on each side; no other padding shows
            return doubled[..., 1:-1, 1:-1]
        return self._with_mirrored_border(doubled, features)

    def _small_kernels(self) -> Tensor:
        """The four kernels of every output channel: (4 * C / 2, C, window, window)."""
        window, weight = self.window_size, self.conv.weight
        by_tap = weight.permute(0, 2, 3, 1).flatten(1, 2)  # (C / 2, taps, C)
        sums = parity_sums(weight.shape[-1], weight) @ by_tap
        kernels = sums.unflatten(1, (4, window, window)).flatten(0, 1)
        return kernels.permute(0, 3, 1, 2)

    def _with_mirrored_border(self, doubled: Tensor, features: Tensor) -> Tensor:
        """Adds what the outermost tap of the border's pixels sees beyond it.

        Mirrored, the second pixel outside is the second position of the features; so far it was
        the first.
        """
        weight = self.conv.weight
        top, bottom = (
            _convolved(features[:, :, second] - features[:, :, end], weight[:, :, end], "reflect")
            for end, second in ((0, 1), (-1, -2))
        )
        left, right = (  # the corners' share is in the rows
            _convolved(features[..., second] - features[..., end], weight[..., end], "replicate")
            for end, second in ((0, 1), (-1, -2))
        )
        return _with_ends(_with_ends(doubled, top, bottom, dim=2), left, right, dim=3)


def _with_border(features: Tensor) -> Tensor:
    """A pixel more on each side, the same as the outermost one."""
    if not torch.compiler.is_dynamo_compiling():
        return F.pad(features, (1, 1, 1, 1), mode="replicate")
    # compiled, the gradient of that expects another layout than it gets (PyTorch 2.13, on a CPU)
    for dim in (2, 3):
        ends = features.narrow(dim, 0, 1), features.narrow(dim, features.shape[dim] - 1, 1)
        features = torch.cat([ends[0], features, ends[1]], dim=dim)
    return features


def _with_ends(features: Tensor, first: Tensor, last: Tensor, dim: int) -> Tensor:
    """The features with something added to the first and to the last row, or column."""
    if torch.is_grad_enabled() and not torch.compiler.is_dynamo_compiling():
        joined: Tensor = _Ends.apply(features, first, last, dim)
        return joined
    return _joined_ends(features, first, last, dim)


class _Ends(Function):
    """The gradient is what comes back, and its ends.

    PyTorch would add it up from pieces, each with zeros around it and in another layout.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, first: Tensor, last: Tensor, dim: int) -> Tensor:
        ctx.dim = dim
        return _joined_ends(features, first, last, dim)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return gradient, gradient.select(ctx.dim, 0), gradient.select(ctx.dim, -1), None


def _joined_ends(features: Tensor, first: Tensor, last: Tensor, dim: int) -> Tensor:
    length = features.shape[dim]
    return torch.cat(
        [
            features.narrow(dim, 0, 1) + first.unsqueeze(dim),
            features.narrow(dim, 1, length - 2),
            features.narrow(dim, length - 1, 1) + last.unsqueeze(dim),
        ],
        dim=dim,
    )


def _convolved(line: Tensor, weight: Tensor, padding: str) -> Tensor:
    """A line of positions, doubled, then convolved: (B, C, L), (C / 2, C, 5) -> (B, C / 2, 2L)."""
    return F.conv1d(F.pad(line.repeat_interleave(2, dim=2), (2, 2), mode=padding), weight)
