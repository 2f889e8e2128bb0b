"""The convolution for the penalty is a convolution, to the second gradient."""

import pytest
import torch
from torch import Tensor, nn

from funit.model.twice import PenalisedPass, TwiceDifferentiableConvolution

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
