"""Both kinds of images are augmented alike, differentiably, and the same whenever a step is."""

from typing import Any

import pytest
import torch
from torch import Tensor

from funit.config import LossWeights, ModelConfig, TrainingConfig
from funit.data.dataset import Batch
from funit.model.discriminator import Discriminator
from funit.training.augment import Augmentation, augmented
from funit.training.losses import discriminator_terms

CPU = torch.device("cpu")


def images_and_numbers(size: int = 16, count: int = 6) -> tuple[Tensor, Tensor]:
    return torch.rand(count, 3, size, size, dtype=torch.float64) * 2 - 1, torch.rand(count, 10)


def with_probability(value: float, **training: Any) -> Augmentation:
    return Augmentation(TrainingConfig(augment=value, **training), CPU)


def test_with_a_probability_of_0_nothing_changes_and_with_1_everything_does() -> None:
    images, numbers = images_and_numbers()

    torch.testing.assert_close(augmented(images, numbers, torch.tensor(0.0)), images)
    changed = (augmented(images, numbers, torch.tensor(1.0)) != images).flatten(1).any(dim=1)
    assert changed.all()


def test_a_part_of_the_images_is_augmented_where_the_probability_says_so() -> None:
    images, numbers = images_and_numbers(count=400)

    result = augmented(images, numbers, torch.tensor(0.5))

    unchanged = torch.isclose(result, images).flatten(1).all(dim=1).double().mean()
    assert float(unchanged) == pytest.approx(0.5**3, abs=0.05)  # of colours, move and cut


def test_a_move_is_by_whole_pixels_and_grey_comes_in() -> None:
    images, _ = images_and_numbers(count=1)
    # only the second thing happens: down by the most there is, 2 of 16, and not to the side
    numbers = torch.tensor([[1, 0, 1, 0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 0.5]])

    result = augmented(images, numbers, torch.tensor(0.5))

    torch.testing.assert_close(result[:, :, 2:], images[:, :, :-2])
    assert (result[:, :, :2] == 0).all()


def test_a_cut_takes_a_quarter_out_of_the_middle() -> None:
    images, _ = images_and_numbers(count=1)
    numbers = torch.tensor([[1, 1, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]])

    result = augmented(images, numbers, torch.tensor(0.5))

    assert (result[:, :, 4:12, 4:12] == 0).all()
    assert int((result == 0).sum()) == 3 * 8 * 8


def test_it_is_differentiable_twice() -> None:
    images, numbers = images_and_numbers(size=5, count=2)
    images.requires_grad_()

    def squared(images: Tensor) -> Tensor:  # something with a second derivative
        return augmented(images, numbers, torch.tensor(0.7)).square()

    assert torch.autograd.gradcheck(squared, images)
    assert torch.autograd.gradgradcheck(squared, images)


def test_a_step_draws_the_same_numbers_whenever_it_comes_and_another_step_others(
    tiny: ModelConfig,
) -> None:
    discriminator, images = Discriminator(tiny), torch.rand(3, 3, 16, 16)

    def features(seed: int, step: int) -> Tensor:
        return with_probability(1.0, seed=seed).around(discriminator, step).features(images)

    assert torch.equal(features(0, 7), features(0, 7))
    assert not torch.equal(features(0, 7), features(0, 8))
    assert not torch.equal(features(0, 7), features(1, 7))


def test_the_penalty_goes_through_it(tiny: ModelConfig) -> None:
    discriminator = Discriminator(tiny)
    images = torch.rand(3, 3, 16, 16)
    batch = Batch(images, images, torch.arange(3), images[:, None], torch.arange(3), images[:, :0])

    seen = with_probability(1.0).around(discriminator, 0)
    terms = discriminator_terms(seen, batch, images, LossWeights(), 1)
    terms["gradient_penalty"].backward()

    gradient = discriminator.stem.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize(("score", "expected"), [(1.0, 0.508), (-1.0, 0.492)])
def test_the_probability_rises_while_real_images_are_recognised_too_well(
    score: float, expected: float
) -> None:
    augmentation = with_probability(0.5, augment_target=0.6)

    for _ in range(50):
        augmentation.hear(torch.full((8, 4, 4), score))

    assert float(augmentation.probability) == pytest.approx(
        expected, abs=1e-5
    )  # 400 of 50,000 images
    assert float(augmentation.real_sign) == score


def test_the_probability_stays_between_0_and_1_and_without_a_target_where_it_is() -> None:
    low, fixed = with_probability(0.0, augment_target=0.6), with_probability(0.3)

    for augmentation in (low, fixed):
        augmentation.hear(torch.full((8, 4, 4), -1.0))

    assert float(low.probability) == 0
    assert float(fixed.probability) == pytest.approx(0.3)


def test_a_checkpoint_keeps_the_probability() -> None:
    one, other = (with_probability(0.5, augment_target=0.0) for _ in range(2))
    one.hear(torch.ones(8, 4, 4))

    other.restore(one.tensors())

    assert float(other.probability) == pytest.approx(0.5 + 8 / 50_000)
