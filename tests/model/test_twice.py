"""The layers for the penalty are what they are called, to the second gradient."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.discriminator import Discriminator
from funit.model.twice import (
    PenalisedPass,
    TwiceDifferentiableConvolution,
    leaky_relu,
    mirrored,
    pooled,
)

Map = Callable[[Tensor], Tensor]
Pair = tuple[TwiceDifferentiableConvolution, nn.Conv2d]


@pytest.fixture(params=[1, 3, 7], ids=lambda size: f"{size}x{size}")
def convolutions(request: pytest.FixtureRequest) -> Pair:
    """Ours and the plain one with the same weights, in 64 bits; none has a bias if it is 1x1."""
    size: int = request.param
    pad, has_bias = size // 2, size > 1
    ours = TwiceDifferentiableConvolution(
        3, 4, size, padding=pad, padding_mode="reflect", bias=has_bias
    ).double()
    plain = nn.Conv2d(3, 4, size, padding=pad, padding_mode="reflect", bias=has_bias).double()
    ours.load_state_dict(plain.state_dict())
    return ours, plain


def images() -> Tensor:
    return torch.randn(2, 3, 8, 9, dtype=torch.float64, requires_grad=True)


def test_values_and_gradients_are_those_of_a_convolution(convolutions: Pair) -> None:
    ours, plain = convolutions
    shown = images()

    one, other = ours(shown), plain(shown)

    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    for left, right in zip(
        torch.autograd.grad(one.square().sum(), [shown, *ours.parameters()]),
        torch.autograd.grad(other.square().sum(), [shown, *plain.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-10)


def test_the_gradient_of_a_gradient_is_that_of_a_convolution(convolutions: Pair) -> None:
    shown = images()

    def of_penalty(network: nn.Conv2d) -> tuple[Tensor, ...]:
        penalised = PenalisedPass()
        with penalised.forward():
            scores = network(shown).tanh()
        with penalised.by_images_alone():
            (gradient,) = torch.autograd.grad(scores.sum(), shown, create_graph=True)
        wanted = [shown, network.weight]
        return torch.autograd.grad(gradient.square().sum() + scores.sum(), wanted)

    ours, plain = (of_penalty(network) for network in convolutions)

    for left, right in zip(ours, plain, strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-10)


def test_gradients_by_weights_are_spared_only_where_it_was_said(convolutions: Pair) -> None:
    ours, _ = convolutions
    shown = images()

    penalised = PenalisedPass()

    with penalised.forward():
        scores = ours(shown).sum()
    with penalised.by_images_alone():
        scores.backward(retain_graph=True)
    spared = ours.weight.grad
    with penalised.by_images_alone():
        ours(shown).sum().backward()  # another pass, perhaps of another training
    of_another = ours.weight.grad

    assert spared is None
    assert of_another is not None


@pytest.mark.parametrize(
    ("ours", "plain"),
    [
        (lambda x: mirrored(x, 2), lambda x: F.pad(x, (2, 2, 2, 2), mode="reflect")),
        (pooled, lambda x: F.avg_pool2d(x, 3, 2)),
        (lambda x: leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2)),
    ],
    ids=["mirrored", "pooled", "leaky_relu"],
)
def test_what_is_linear_in_pieces_is_what_it_is_called_to_the_second_gradient(
    ours: Map, plain: Map
) -> None:
    shown = images()

    def values_and_gradients(layer: Map) -> tuple[Tensor, ...]:
        values = layer(shown.sin())
        (first,) = torch.autograd.grad(values.exp().sum(), shown, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum() + values.sum(), shown)
        return values, first, second

    for left, right in zip(values_and_gradients(ours), values_and_gradients(plain), strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-12)


def test_the_gradients_of_the_penalty_keep_the_channels_last(tiny: ModelConfig) -> None:
    """Else each convolution would turn them round again: a tenth of the time of a step."""
    discriminator = Discriminator(tiny).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    size = tiny.image_size
    shown = torch.rand(2, size, size, 3).movedim(-1, 1).requires_grad_()
    layouts = []

    def note(_: object, given: tuple[Tensor, ...]) -> None:
        layouts.append(given[0].is_contiguous(memory_format=torch.channels_last))

    for module in discriminator.modules():
        if isinstance(module, nn.Conv2d):
            module.register_full_backward_pre_hook(note)
    scores, _ = discriminator(shown, torch.tensor([0, 1]))
    (gradient,) = torch.autograd.grad(scores.mean(), shown, create_graph=True)
    (gradient.square().sum() + scores.mean()).backward()

    assert len(layouts) > 10
    assert all(layouts)


def test_under_autocast_nothing_is_padded_in_more_bits_than_it_has() -> None:
    features = torch.randn(1, 2, 5, 5, dtype=torch.bfloat16)

    with torch.autocast("cpu", torch.bfloat16):
        padded = mirrored(features, 1)

    assert padded.dtype == torch.bfloat16
