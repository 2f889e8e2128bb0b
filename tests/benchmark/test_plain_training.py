"""The plain loop is the training: the same losses, gradients and weights."""

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from funit.benchmark import plain_training
from funit.config import Config
from funit.data.dataset import Batch
from funit.training.losses import discriminator_terms, generator_terms
from funit.training.trainer import Trainer, frozen

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2], ids=["one example", "two examples"])
def batch(request: pytest.FixtureRequest, paper: Config) -> Batch:
    size = paper.model.image_size
    content = torch.rand(3, 3, size, size, dtype=torch.float64) * 2 - 1
    return Batch(
        content=content,
        original=content,
        content_classes=torch.tensor([0, 1, 2]),
        examples=torch.rand(3, request.param, 3, size, size, dtype=torch.float64) * 2 - 1,
        classes=torch.tensor([4, 3, 4]),
        siblings=content[:, None][:, :0],
    )


@pytest.fixture
def trainers(paper: Config) -> tuple[Trainer, plain_training.Trainer]:
    """Ours and the plain one with the same weights, in 64 bits."""
    ours, theirs = Trainer(paper, CPU), plain_training.Trainer(paper, CPU)
    for name in ("generator", "average", "discriminator"):
        network = getattr(ours, name).double()
        for parameter in network.parameters():
            if parameter.ndim == 1 and name != "average":
                nn.init.normal_(parameter, std=0.1)
        getattr(theirs, name).double().load_state_dict(network.state_dict())
    return ours, theirs


def gradients(terms: Iterable[Tensor], network: nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(sum(terms, torch.zeros(())), list(network.parameters())))


def assert_same(ours: Iterable[Tensor], theirs: Iterable[Tensor]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)


def test_the_discriminator_has_the_same_losses_and_gradients(
    trainers: tuple[Trainer, plain_training.Trainer], batch: Batch
) -> None:
    ours, theirs = trainers
    weights = ours.config.weights

    drawn = ours.draw(batch)
    terms = discriminator_terms(ours.discriminator, batch, drawn.translated, weights, 1)
    plain_terms = theirs.discriminator_terms(batch)

    assert list(terms) == list(plain_terms)
    assert_same(terms.values(), plain_terms.values())
    assert_same(
        gradients(terms.values(), ours.discriminator),
        gradients(plain_terms.values(), theirs.discriminator),
    )


def test_the_generator_has_the_same_losses_and_gradients(
    trainers: tuple[Trainer, plain_training.Trainer], batch: Batch
) -> None:
    ours, theirs = trainers
    weights = ours.config.weights

    with frozen(ours.discriminator):
        terms = generator_terms(ours.discriminator, batch, ours.draw(batch), weights)
    plain_terms = theirs.generator_terms(batch)

    assert list(terms) == list(plain_terms)
    assert_same(terms.values(), plain_terms.values())
    assert_same(
        gradients(terms.values(), ours.generator),
        gradients(plain_terms.values(), theirs.generator),
    )


def test_three_steps_give_the_same_losses_and_weights(
    trainers: tuple[Trainer, plain_training.Trainer], batch: Batch
) -> None:
    ours, theirs = trainers

    for _ in range(3):
        terms, plain_terms = ours.step(batch), theirs.step(batch)

        assert list(terms) == list(plain_terms)
        assert_same(terms.values(), plain_terms.values())

    for name in ("generator", "discriminator", "average"):
        assert_same(getattr(ours, name).parameters(), getattr(theirs, name).parameters())
