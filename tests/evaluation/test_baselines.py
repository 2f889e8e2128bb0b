"""The baselines do what they say."""

import numpy as np
import pytest

from funit.evaluation.baselines import (
    BASELINES,
    baseline_images,
    copy_content,
    is_answered,
    nearest_example,
    recolour,
)
from funit.evaluation.metrics import Images
from funit.evaluation.pairs import Pairs


def noise(*shape: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, size=(*shape, 3), dtype=np.uint8)


def creature(background: int, colours: Images) -> Images:
    """An image whose middle holds the colours."""
    image = np.full((16, 16, 3), background, dtype=np.uint8)
    image[4:12, 4:12] = colours
    return image


def test_copy_content_answers_with_the_pose_image() -> None:
    content = noise(16, 16)

    answer = copy_content(content, noise(5, 16, 16, seed=1), noise(5, 16, 16, seed=2))

    np.testing.assert_array_equal(answer, content)


def test_nearest_example_finds_the_pose_by_its_counterpart_in_the_contents_class() -> None:
    content, examples = noise(16, 16), noise(3, 16, 16, seed=1)
    counterparts = noise(3, 16, 16, seed=2)
    counterparts[2] = content // 2 + 60  # not equal, but the nearest
    examples[0] = content  # looks like the content, but its pose is another

    answer = nearest_example(content, examples, counterparts)

    np.testing.assert_array_equal(answer, examples[2])


def test_recolour_gives_the_foreground_the_examples_means_and_deviations() -> None:
    rng = np.random.default_rng(0)
    content = creature(255, rng.integers(60, 100, size=(8, 8, 3), dtype=np.uint8))
    examples = np.stack(
        [
            creature(0, rng.integers(100, 180, size=(8, 8, 3), dtype=np.uint8)),
            creature(250, rng.integers(120, 140, size=(8, 8, 3), dtype=np.uint8)),
        ]
    )

    answer = recolour(content, examples, examples)

    wanted = examples[:, 4:12, 4:12].reshape(-1, 3)  # of both examples together
    found = answer[4:12, 4:12].reshape(-1, 3)
    np.testing.assert_allclose(found.mean(axis=0), wanted.mean(axis=0), atol=0.5)
    np.testing.assert_allclose(found.std(axis=0), wanted.std(axis=0), atol=0.5)
    answer[4:12, 4:12] = content[4:12, 4:12]
    np.testing.assert_array_equal(answer, content)  # the background stays


def test_recolour_leaves_the_content_as_it_is_and_copes_with_blank_pictures() -> None:
    blank = np.full((16, 16, 3), 40, dtype=np.uint8)
    content = creature(255, np.full((8, 8, 3), 80, dtype=np.uint8))
    before = content.copy()

    np.testing.assert_array_equal(recolour(content, blank[None], blank[None]), content)
    np.testing.assert_array_equal(recolour(blank, content[None], content[None]), blank)
    recolour(content, noise(2, 16, 16), noise(2, 16, 16))
    np.testing.assert_array_equal(content, before)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_answers_every_pair(name: str, pairs: Pairs) -> None:
    images = baseline_images(name, pairs)

    assert images.shape == pairs.content.shape
    assert images.dtype == np.uint8


def test_the_nearest_example_needs_to_know_poses(pairs: Pairs) -> None:
    unknown = Pairs(pairs.content, pairs.examples, None, None)

    assert not is_answered("nearest-example", unknown)
    assert baseline_images("recolour", unknown).shape == pairs.content.shape
