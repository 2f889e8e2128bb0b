"""The perceptual loss prefers a sharp drawing to a blur, and teaches the images alone."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from funit.data.images import to_floats
from funit.data.menagerie import draw_pose, draw_species, render
from funit.training.perceptual_loss import PerceptualLoss


@pytest.fixture(scope="module")
def loss() -> PerceptualLoss:
    return PerceptualLoss(torch.device("cpu"))


def drawn(species: int = 0) -> Image.Image:
    return Image.fromarray(render(draw_species(7, species), draw_pose(7, 0), 64))


def as_batch(*images: Image.Image) -> Tensor:
    return torch.from_numpy(np.stack([to_floats(image) for image in images]))


def test_equal_images_are_at_no_distance_and_others_at_some(loss: PerceptualLoss) -> None:
    one, other = as_batch(drawn(0)), as_batch(drawn(1))

    assert loss(one, one).item() == pytest.approx(0, abs=1e-5)
    assert 0.1 < loss(one, other).item() < 2


def test_a_drawing_a_pixel_off_is_nearer_than_a_blur_that_l1_prefers(
    loss: PerceptualLoss,
) -> None:
    truth = drawn()
    blurred = as_batch(truth.filter(ImageFilter.GaussianBlur(2)))
    wanted = as_batch(truth)
    moved = wanted.roll((1, 1), dims=(2, 3))

    assert loss(moved, wanted) < 0.7 * loss(blurred, wanted)
    assert (moved - wanted).abs().mean() > 0.8 * (blurred - wanted).abs().mean()


def test_a_batch_is_the_mean_of_its_images(loss: PerceptualLoss) -> None:
    images, wanted = as_batch(drawn(0), drawn(1)), as_batch(drawn(2), drawn(3))

    together = loss(images, wanted)

    alone = [loss(images[i : i + 1], wanted[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(together, torch.stack(alone).mean(), rtol=1e-4, atol=1e-5)


def test_only_the_reconstruction_learns(loss: PerceptualLoss) -> None:
    images = as_batch(drawn(0)).requires_grad_()
    wanted = as_batch(drawn(1)).requires_grad_()

    loss(images, wanted).backward()

    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert wanted.grad is None
