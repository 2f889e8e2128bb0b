import pytest
import torch
from torch import Tensor

from funit.model.background import background_colour, foreground_mask, without_background

RED, BLUE = torch.tensor([0.9, -1.0, -1.0]), torch.tensor([-0.6, -0.8, 0.7])


def something_on(colour: Tensor) -> Tensor:
    """A coloured square with a foot that reaches the lower edge: (1, 3, 16, 16)."""
    image = colour[:, None, None].repeat(1, 16, 16)
    image[:, 4:12, 4:12] = torch.linspace(-0.5, 0.5, 64).view(8, 8)
    image[:, 12:, 5:8] = 0.2
    return image[None]


def test_the_background_is_the_colour_of_most_of_the_border() -> None:
    images = torch.cat([something_on(RED), something_on(BLUE)])

    colours = background_colour(images)

    assert colours.shape == (2, 3, 1, 1)
    assert torch.equal(colours[:, :, 0, 0], torch.stack([RED, BLUE]))


def test_without_its_background_a_picture_is_the_same_on_every_background() -> None:
    on_red, on_blue = something_on(RED), something_on(BLUE)

    alone = without_background(on_red)

    assert torch.equal(alone, without_background(on_blue))
    assert torch.equal(alone[..., 4:12, 4:12], on_red[..., 4:12, 4:12])
    assert not alone[..., :4, :].any()


def test_the_mask_is_1_where_the_thing_is_on_every_background() -> None:
    images = torch.cat([something_on(RED), something_on(BLUE)])
    expected = torch.zeros(2, 1, 16, 16)
    expected[..., 4:12, 4:12] = 1
    expected[..., 12:, 5:8] = 1

    assert torch.equal(foreground_mask(images), expected)


@pytest.mark.parametrize(("levels", "is_background"), [(0, True), (7, True), (9, False)])
def test_the_background_may_be_a_few_levels_off(levels: int, is_background: bool) -> None:
    image = something_on(BLUE)
    image[:, 1, 2, 3] += levels / 127.5  # of 255; one channel is enough

    pixel = without_background(image)[0, :, 2, 3]

    assert torch.equal(pixel, torch.zeros(3) if is_background else image[0, :, 2, 3])
