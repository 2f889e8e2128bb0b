"""Each metric against its definition, written out slowly."""

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funit.evaluation.metrics import (
    MAX_PSNR,
    Images,
    Values,
    background,
    bootstrap,
    foreground_of,
    l1,
    psnr,
    ssim,
)

Metric = Callable[[Images, Images], Values]


def noise(*shape: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, size=(*shape, 3), dtype=np.uint8)


def flat(colour: tuple[int, int, int], size: int = 16) -> Images:
    return np.full((size, size, 3), colour, dtype=np.uint8)


@pytest.mark.parametrize("metric", [l1, psnr, ssim])
def test_a_batch_gives_what_each_image_alone_gives(metric: Metric) -> None:
    images, truths = noise(2, 3, 16, 12), noise(2, 3, 16, 12, seed=1)

    values = metric(images, truths)

    assert values.shape == (2, 3)
    assert values[1, 2] == pytest.approx(metric(images[1, 2], truths[1, 2]))


@pytest.mark.parametrize(("metric", "best"), [(l1, 0), (psnr, MAX_PSNR), (ssim, 1)])
def test_equal_images_have_the_best_value(metric: Metric, best: float) -> None:
    image = noise(16, 16)

    assert metric(image, image) == pytest.approx(best)


def test_black_against_white_is_an_l1_of_one_and_a_psnr_of_zero() -> None:
    black, white = flat((0, 0, 0)), flat((255, 255, 255))

    assert l1(black, white) == 1
    assert l1(white, black) == 1
    assert psnr(black, white) == pytest.approx(0)


@given(level=st.integers(0, 255), other=st.integers(0, 255))
def test_of_flat_images_l1_and_psnr_are_known(level: int, other: int) -> None:
    one, two = flat((level,) * 3), flat((other,) * 3)
    distance = abs(level - other) / 255

    assert l1(one, two) == pytest.approx(distance)
    assert psnr(one, two) == pytest.approx(-20 * math.log10(distance) if distance else MAX_PSNR)


def test_ssim_equals_its_definition_written_as_loops() -> None:
    x, y = noise(13, 12), noise(13, 12, seed=1)
    y = (x // 2 + y // 2).astype(np.uint8)

    assert ssim(x, y) == pytest.approx(slow_ssim(x / 255, y / 255), abs=1e-12)


def slow_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Wang et al. (2004), equation 13, for each window and channel."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            for channel in range(3):
                a = x[top : top + 11, left : left + 11, channel]
                b = y[top : top + 11, left : left + 11, channel]
                mean_a, mean_b = (window * a).sum(), (window * b).sum()
                var_a = (window * (a - mean_a) ** 2).sum()
                var_b = (window * (b - mean_b) ** 2).sum()
                covariance = (window * (a - mean_a) * (b - mean_b)).sum()
                c1, c2 = 0.01**2, 0.03**2
                found.append(
                    (2 * mean_a * mean_b + c1)
                    * (2 * covariance + c2)
                    / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
                )
    return statistics.mean(found)


def test_ssim_sees_blurring_that_l1_hardly_sees() -> None:
    image = noise(32, 32)
    brighter = np.clip(image.astype(int) + 20, 0, 255).astype(np.uint8)
    grey = flat((128, 128, 128), size=32)

    assert ssim(brighter, image) > 0.9 > 0.1 > ssim(grey, image)


def test_the_background_is_the_median_colour_of_the_border() -> None:
    image = flat((10, 20, 30))
    image[4:12, 4:12] = 200
    image[0, :7] = 255  # a creature that touches the border

    np.testing.assert_array_equal(background(image), [10, 20, 30])


def test_l1_foreground_counts_pixels_that_differ_in_the_content_or_the_truth() -> None:
    content, truth = flat((100, 100, 100)), flat((100, 100, 100))
    content[5, 5] = (100, 109, 100)  # 9 of 255 from the background, in one channel
    truth[6, 6] = (91, 100, 100)
    truth[7, 7] = (92, 108, 100)  # 8 from the background: not foreground
    image = truth.copy()
    image[5, 5] = (130, 100, 100)  # wrong by 30 in one channel of three
    image[7, 7] = 255  # wrong, but background
    image[0, 0] = 0

    assert l1(image, truth, foreground_of(truth, content)) == pytest.approx(30 / 255 / 3 / 2)


def test_l1_foreground_of_a_picture_without_a_foreground_is_nan() -> None:
    blank = flat((9, 9, 9))

    assert np.isnan(l1(noise(16, 16), blank, foreground_of(blank, blank)))


def test_l1_foreground_of_a_batch_uses_the_background_of_each_truth() -> None:
    truths, contents = noise(3, 16, 16), noise(3, 16, 16, seed=1)
    truths[:, [0, -1]] = truths[:, :, [0, -1]] = np.array([[[9]], [[90]], [[240]]])[:, :, None]
    images = noise(3, 16, 16, seed=2)

    together = l1(images, truths, foreground_of(truths, contents))

    alone = [
        l1(image, truth, foreground_of(truth, content))
        for image, truth, content in zip(images, truths, contents, strict=True)
    ]
    np.testing.assert_allclose(together, alone)


def test_the_bootstrap_interval_holds_the_mean_and_follows_the_seed() -> None:
    values = np.random.default_rng(0).normal(5, 1, size=200)

    low, high = bootstrap(values, seed=3)

    assert low < values.mean() < high
    # of a normal mean, the interval is 1.96 deviations to each side
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 200**0.5, rel=0.15)
    assert bootstrap(values, seed=3) == (low, high)
    assert bootstrap(values, seed=4) != (low, high)


def test_the_interval_of_a_single_value_is_that_value() -> None:
    assert bootstrap(np.array([0.25]), seed=0) == (0.25, 0.25)
