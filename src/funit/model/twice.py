"""A convolution whose gradient is itself differentiated fast, as the gradient penalty needs it.

PyTorch computes that second gradient by convolutions whose roles of batch and channels are
exchanged, many times slower than what they stand for. Here it is a convolution and the gradient of
one by its weights, as in any other step.

Shapes: B images, C channels, H x W positions.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
        device = features.device.type
        if not torch.is_grad_enabled() or device == "meta" or torch.is_autocast_enabled(device):
            return super().forward(features)
        padding = self._reversed_padding_repeated_twice
        padded = F.pad(features, padding, mode="reflect") if any(padding) else features
        penalised = getattr(_this_thread, "penalised", None)
        output: Tensor = _Convolution.apply(padded, self.weight, self.bias, penalised)
        return output


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
