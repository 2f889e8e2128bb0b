"""Layers whose gradient is itself differentiated fast, as the gradient penalty needs it.

PyTorch computes the second gradient of a convolution by convolutions whose roles of batch and
channels are exchanged, many times slower than what they stand for. Here it is a convolution and the
gradient of one by its weights, as in any other step. For what is linear, at least piece by piece,
PyTorch adds zeros, in another layout than all else has: here there are none.

Shapes: B images, C channels, H x W positions.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class TwiceDifferentiableConvolution(nn.Conv2d):
    """A convolution with stride 1, the same as `nn.Conv2d` in every value and gradient."""

    def forward(self, features: Tensor) -> Tensor:
        # (B, C, H, W) -> (B, out, H, W)
        padding = max(self._reversed_padding_repeated_twice)  # the same on all sides
        padded = mirrored(features, padding) if padding else features
        if not _may_be_penalised(features):
            return F.conv2d(padded, self.weight, self.bias)
        penalised = getattr(_this_thread, "penalised", None)
        is_folded = self.kernel_size == (1, 1) and features.device.type == "cpu"
        given = _rows_as_images(padded) if is_folded else padded
        output: Tensor = _Convolution.apply(given, self.weight, self.bias, penalised)
        return _rows_of_images(output, len(features)) if is_folded else output


def mirrored(features: Tensor, width: int) -> Tensor:
    """The features with their mirror image around them: (B, C, H, W) -> (B, C, H + 2w, W + 2w)."""
    border = [width] * 4

    def ahead(values: Tensor, _: Tensor) -> Tensor:
        return F.pad(values, border, mode="reflect")

    def back(gradient: Tensor, at: Tensor) -> Tensor:
        return torch.ops.aten.reflection_pad2d_backward(gradient, at, border)

    if _may_be_penalised(features):
        return _mapped(features, ahead, back)
    # else autocast would pad in 32 bits, which the next convolution takes back to 16
    is_reduced = features.dtype == torch.bfloat16
    with torch.autocast(features.device.type, enabled=False) if is_reduced else nullcontext():
        return ahead(features, features)


def pooled(features: Tensor) -> Tensor:
    """The means of every second window of 3x3: (B, C, H, W) -> (B, C, h, w)."""

    def ahead(values: Tensor, _: Tensor) -> Tensor:
        return F.avg_pool2d(values, 3, 2)

    def back(gradient: Tensor, at: Tensor) -> Tensor:
        return torch.ops.aten.avg_pool2d_backward(
            gradient, at, [3, 3], [2, 2], [0, 0], False, True, None
        )

    if _may_be_penalised(features):
        return _mapped(features, ahead, back)
    return ahead(features, features)


def leaky_relu(features: Tensor, slope: float) -> Tensor:
    """As `F.leaky_relu`."""

    def sloped(values: Tensor, at: Tensor) -> Tensor:
        return torch.ops.aten.leaky_relu_backward(values, at, slope, False)

    if _may_be_penalised(features):
        return _mapped(features, sloped, sloped)
    return F.leaky_relu(features, slope)


class PenalisedPass:
    """A pass of networks of which a gradient by the images alone will be asked for.

    PyTorch tells a backward pass which gradients its forward pass needs, not which this one does.
    """

    def __init__(self) -> None:
        self.spares_weights = False

    @contextmanager
    def forward(self) -> Iterator[None]:
        """What is computed meanwhile, in this thread, is of this pass."""
        _this_thread.penalised = self
        try:
            yield
        finally:
            _this_thread.penalised = None

    @contextmanager
    def by_images_alone(self) -> Iterator[None]:
        """Spares the gradients by weights meanwhile; backward passes may run in other threads."""
        self.spares_weights = True
        try:
            yield
        finally:
            self.spares_weights = False


_this_thread = threading.local()


def _may_be_penalised(features: Tensor) -> bool:
    """Whether there will be gradients of gradients: the penalty is computed without autocast."""
    device = features.device.type
    has_gradients = torch.is_grad_enabled() and device != "meta"
    return has_gradients and not torch.is_autocast_enabled(device)


def _rows_as_images(features: Tensor) -> Tensor:
    """Each row as an image of its own, which is all the same to a 1x1 convolution.

    Of few images and with one thread PyTorch computes that by a matrix product, at less than half
    the speed, and gives gradients back in another layout: (B, C, H, W) -> (B * H, C, 1, W).
    """
    return features.movedim(1, -1).flatten(0, 1).unsqueeze(1).movedim(-1, 1)


def _rows_of_images(rows: Tensor, num_images: int) -> Tensor:
    """The images again: (B * H, C, 1, W) -> (B, C, H, W)."""
    return rows.movedim(1, -1).squeeze(1).unflatten(0, (num_images, -1)).movedim(-1, 1)


class _Convolution(Function):
    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        penalised: PenalisedPass | None,
    ) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.penalised = penalised
        return F.conv2d(images, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        by_images, by_weight, by_bias, _ = ctx.needs_input_grad
        if ctx.penalised is not None and ctx.penalised.spares_weights:
            by_weight = by_bias = False
        of_images = _ImageGradient.apply(gradient, images, weight) if by_images else None
        others = _gradients(gradient, images, weight, (False, by_weight, by_bias))[1:]
        return of_images, *others, None


class _ImageGradient(Function):
    """The gradient of a convolution by what is convolved: linear in both that it depends on."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, images: Tensor, weight: Tensor) -> Tensor | None:
        ctx.save_for_backward(gradient, weight)
        return _gradients(gradient, images, weight, (True, False, False))[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, second: Tensor) -> tuple[Tensor | None, ...]:
        gradient, weight = ctx.saved_tensors
        of_weight = _gradients(gradient, second, weight, (False, True, False))[1]
        return F.conv2d(second, weight), None, of_weight


def _gradients(
    gradient: Tensor, images: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The gradients by the images, the weights and the bias that are wanted."""
    if not any(wanted):
        return None, None, None
    found: tuple[Tensor | None, Tensor | None, Tensor | None]
    found = torch.ops.aten.convolution_backward(
        gradient,
        images,
        weight,
        [weight.shape[0]],
        [1, 1],
        [0, 0],
        [1, 1],
        False,
        [0, 0],
        1,
        wanted,
    )
    return found


Piece = Callable[[Tensor, Tensor], Tensor]  # of what is mapped, and of the features there


def _mapped(features: Tensor, ahead: Piece, back: Piece) -> Tensor:
    """The features by a map that is linear near them; `back` maps the gradients.

    Neither changes with the features, as long as these change little.
    """
    mapped: Tensor = _Ahead.apply(features, ahead, back)
    return mapped


class _Ahead(Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, ahead: Piece, back: Piece) -> Tensor:
        ctx.save_for_backward(features)
        ctx.pieces = ahead, back
        return ahead(features, features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (features,) = ctx.saved_tensors
        return _Back.apply(gradient, features, *ctx.pieces), None, None


class _Back(Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, features: Tensor, ahead: Piece, back: Piece) -> Tensor:
        ctx.save_for_backward(features)
        ctx.ahead = ahead
        return back(gradient, features)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, second: Tensor) -> tuple[Tensor | None, ...]:
        (features,) = ctx.saved_tensors
        return ctx.ahead(second, features), None, None, None
