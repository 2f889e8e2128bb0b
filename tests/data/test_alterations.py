"""Images altered at random: what changes, and what must not."""

import numpy as np
import torch

from funit.data.alterations import bent, hues_turned, recoloured

SIZE = 8


def test_recolouring_keeps_the_background_and_the_contrast_but_not_the_colours() -> None:
    torch.manual_seed(0)
    background = torch.tensor([0.2, -0.3, 0.1])[:, None, None]
    image = background.expand(3, SIZE, SIZE).clone()
    image[:, 2:6, 2:6] += 0.2 * (torch.rand(3, 4, 4) - 0.5)  # small: nothing is clamped

    turned = recoloured(image[None], [[0.3, 0.6, 0.9]])[0]

    inside, border = (slice(None), slice(2, 6), slice(2, 6)), (slice(None), 0)
    torch.testing.assert_close(turned[border], image[border])
    contrast = (image - background).norm(dim=0)
    torch.testing.assert_close((turned - background).norm(dim=0), contrast)
    assert (turned[inside] - image[inside]).abs().mean() > 0.02


def test_colours_are_turned_evenly_in_all_directions() -> None:
    numbers = np.random.default_rng(0).random((4000, 3)).tolist()
    red = torch.zeros(4000, 3, SIZE, SIZE)
    red[:, 0, 2:6, 2:6] = 0.5

    turned = recoloured(red, numbers)[:, :, 3, 3]

    torch.testing.assert_close(turned.norm(dim=1), torch.full((4000,), 0.5))
    assert turned.mean(dim=0).abs().max() < 0.02
    assert (turned.square().mean(dim=0) - 0.25 / 3).abs().max() < 0.01


def test_turned_hues_keep_greys_and_brightness_and_turn_alike_in_a_row() -> None:
    random = torch.Generator().manual_seed(0)
    images = 0.5 * torch.rand(3, 2, 3, SIZE, SIZE, generator=random) - 0.25  # nothing is clamped
    images[:, :, :, 0] = 0.3  # grey
    images[1, 1] = images[1, 0]

    turned = hues_turned(images, [0.0, 0.4, 1 / 3])

    torch.testing.assert_close(turned[0], images[0])
    torch.testing.assert_close(turned[2], images[2].roll(1, dims=1))  # red became green
    torch.testing.assert_close(turned[1, 1], turned[1, 0])
    torch.testing.assert_close(turned[:, :, :, 0], images[:, :, :, 0])
    torch.testing.assert_close(turned.mean(dim=2), images.mean(dim=2))
    assert (turned[1] - images[1]).abs().mean() > 0.05
    assert hues_turned(images[:, :0], [0.0, 0.4, 0.5]).shape == (3, 0, 3, SIZE, SIZE)
    assert hues_turned(images * 9, [0.1, 0.4, 0.5]).abs().max() <= 1


def test_a_bend_moves_points_by_its_strength_at_most_and_not_all_alike() -> None:
    side = 64
    ramp = torch.linspace(0, 1, side)  # a pixel's value is its place
    image = torch.stack([ramp.expand(side, side), ramp[:, None].expand(side, side)])
    numbers = np.random.default_rng(0).random((20, 50)).tolist()

    moved = bent(image.expand(20, -1, -1, -1), numbers, 0.1) - image

    assert moved.abs().max() < 0.15  # the points by 0.1; the smooth field between, a little more
    assert moved.abs().mean() > 0.03
    assert moved.std(dim=(2, 3)).min() > 0.02


def test_a_bend_keeps_a_plain_background() -> None:
    image = torch.full((1, 3, 16, 16), 0.3)
    image[:, :, 5:11, 5:11] = -0.5

    (moved,) = bent(image, [np.random.default_rng(1).random(50).tolist()], 0.1)

    torch.testing.assert_close(moved[:, 0], image[0, :, 0])
    torch.testing.assert_close(moved[:, 7:9, 7:9], image[0, :, 7:9, 7:9])
