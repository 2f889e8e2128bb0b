"""The baselines do what architecture says, and rows hold what they claim."""

import numpy as np
import pytest
import torch

from funit.config import Config, ModelConfig
from funit.evaluation.metrics import Images
from funit.evaluation.protocol import (
    BASELINES,
    Pairs,
    baseline_images,
    copy_content,
    nearest_example,
    recolour,
    rows,
    translations,
    truth_errors,
)
from funit.model.generator import Generator
from funit.translator import Translator


def noise(*shape: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, size=(*shape, 3), dtype=np.uint8)


def creature(background: int, colours: Images) -> Images:
    """An image whose middle holds the colours."""
    image = np.full((16, 16, 3), background, dtype=np.uint8)
    image[4:12, 4:12] = colours
    return image


@pytest.fixture
def pairs() -> Pairs:
    return Pairs(
        content=noise(4, 16, 16, seed=1),
        examples=noise(4, 5, 16, 16, seed=2),
        counterparts=noise(4, 5, 16, 16, seed=3),
        truth=noise(4, 16, 16, seed=4),
    )


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


def test_with_shots_keeps_the_first_examples_and_their_counterparts(pairs: Pairs) -> None:
    one = pairs.with_shots(1)

    np.testing.assert_array_equal(one.examples, pairs.examples[:, :1])
    np.testing.assert_array_equal(one.counterparts, pairs.counterparts[:, :1])
    np.testing.assert_array_equal(one.truth, pairs.truth)


def test_translations_are_those_of_each_pair_alone(pairs: Pairs, tiny: ModelConfig) -> None:
    torch.manual_seed(0)
    translator = Translator(Generator(tiny), Config(model=tiny), device="cpu")

    images = translations(translator, pairs)

    assert images.shape == pairs.content.shape
    look = translator.encode_class(list(pairs.examples[3]))
    alone = np.asarray(translator.translate(pairs.content[3], look))
    # a batch adds up in another order: one step of 255 at most
    assert np.abs(images[3].astype(int) - alone).max() <= 1


def test_the_truth_has_no_error(pairs: Pairs) -> None:
    errors = truth_errors(pairs.truth, pairs)

    assert errors["l1"].max() == errors["l1_foreground"].max() == 0
    assert errors["ssim"].min() == pytest.approx(1)


def test_rows_hold_the_mean_and_count_only_images_with_a_value() -> None:
    values = np.array([0.1, np.nan, 0.3])

    (row,) = rows("m", "unseen", 5, {"l1_foreground": values})

    assert (row.model, row.part, row.shots, row.metric, row.n) == (
        "m",
        "unseen",
        5,
        "l1_foreground",
        2,
    )
    assert row.value == pytest.approx(0.2)
    assert 0.1 <= row.low <= row.value <= row.high <= 0.3


def test_a_metric_without_any_value_has_no_row() -> None:
    assert rows("m", "unseen", 1, {"l1_foreground": np.array([np.nan])}) == []
