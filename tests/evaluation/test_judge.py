"""A judge says what its network sees, and remembers it: of the right image, and for others too."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Timer

import numpy as np
import pytest

from funit.errors import UserError
from funit.evaluation.judge import Comparison, Judge, Mask, Rows
from funit.evaluation.metrics import Images
from funit.evaluation.perceptual import content_map, dipd, perceptual_distance
from funit.feature_networks import FeatureNetwork

ROUNDING = 1e-6  # sums of 32 bits add up in another order where the memory lies otherwise


def noise(count: int, seed: int, height: int = 16, width: int = 16) -> Images:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, size=(count, height, width, 3), dtype=np.uint8)


def masks(count: int) -> Mask:
    return np.random.default_rng(9).random((count, 16, 16)) < 0.5


def assert_same(one: Comparison, other: Comparison, tolerance: float = 0) -> None:
    for name in ("dipd", "perceptual", "perceptual_foreground"):
        found, expected = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(found, expected, rtol=tolerance, equal_nan=True, err_msg=name)


@pytest.fixture
def memory(judge: Judge, tmp_path: Path) -> Path:
    """The file of the judge's memory."""
    (path,) = (tmp_path / "funit-home" / "features").glob("*.sqlite")
    return path


def move(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """From now on there is another home, where nothing is remembered."""
    monkeypatch.setenv("FUNIT_HOME", str(home))


def sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no network may look at anything."""

    def refuse(network: FeatureNetwork, images: Images) -> None:
        raise AssertionError(f"the network is asked for {len(images)} images again")

    monkeypatch.setattr(FeatureNetwork, "__call__", refuse)


def test_features_are_the_means_of_the_last_map_and_of_the_one_that_dipd_looks_at(
    judge: Judge,
) -> None:
    images = noise(3, seed=0)

    features = judge.features(images)

    seen = judge.network(images)
    middle = seen.maps[content_map(seen.maps)].mean(dim=(2, 3)).numpy()
    np.testing.assert_array_equal(features[:, judge.first], seen.pooled)
    np.testing.assert_array_equal(features[:, judge.middle], middle)
    assert features.shape == (3, 1280 + 112) == (3, judge.num_features)


def test_distances_are_those_of_the_networks_maps(judge: Judge) -> None:
    translations, contents, truths = noise(3, seed=0), noise(3, seed=1), noise(3, seed=2)

    compared = judge.compare(translations, contents, truths, masks(3))

    translated, content, truth = (
        judge.network(images).maps for images in (translations, contents, truths)
    )
    expected = Comparison(
        dipd(content, translated),
        perceptual_distance(truth, translated),
        perceptual_distance(truth, translated, masks(3)),
    )
    assert_same(compared, expected, ROUNDING)
    assert len({*compared.dipd, *compared.perceptual, *compared.perceptual_foreground}) == 9


def test_a_second_judge_remembers_without_looking(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, contents = noise(3, seed=0), noise(3, seed=1)
    features = judge.features(images)
    compared = judge.compare(images, contents, images[::-1], masks(3))
    without_truth = judge.compare(images, contents, None, None)
    sleep(monkeypatch)

    second = Judge(judge.network)

    np.testing.assert_array_equal(second.features(images), features)
    assert_same(second.compare(images, contents, images[::-1], masks(3)), compared)
    assert_same(second.compare(images, contents, None, None), without_truth)


def test_what_was_not_seen_is_not_remembered(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(2, seed=0, height=16, width=32)
    judge.features(images)
    judge.compare(images[:1], images[1:], None, None)
    sleep(monkeypatch)
    other_level = images.copy()
    other_level[0, 3, 5, 1] ^= 1

    for others in (other_level, images.reshape(2, 32, 16, 3), images[:, ::-1]):
        with pytest.raises(AssertionError, match="the network is asked for"):
            judge.features(others)
    with pytest.raises(AssertionError, match="the network is asked for"):
        Judge(judge.network).compare(images[1:], images[:1], None, None)  # the other way round


def test_every_image_keeps_its_own_figures_in_any_order_and_number(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, contents, truths, shown = noise(7, 0), noise(7, 1), noise(7, 2), masks(7)
    images[6] = images[2]  # the same translation of two pairs
    contents[[3, 0, 2]] = contents[3]  # one content image of several, now and then
    features = judge.features(images)
    compared = judge.compare(images, contents, truths, shown)
    move(monkeypatch, tmp_path / "another-home")
    monkeypatch.setattr("funit.evaluation.judge._AT_ONCE", 2)
    monkeypatch.setattr("funit.evaluation.judge._KEPT_MAPS", 6)
    order = np.array([3, 6, 0, 5, 2, 1, 4])
    other = Judge(judge.network)

    again = other.compare(images[order], contents[order], truths[order], shown[order])
    found = other.features(images[order])

    np.testing.assert_array_equal(found, features[order])
    assert_same(
        again,
        Comparison(
            compared.dipd[order],
            compared.perceptual[order],
            compared.perceptual_foreground[order],
        ),
        ROUNDING,
    )
    np.testing.assert_array_equal(features[6], features[2])
    assert compared.dipd[6] != compared.dipd[2]


def test_without_a_truth_there_is_no_distance_from_it_now_or_later(judge: Judge) -> None:
    images, contents = noise(2, seed=0), noise(2, seed=1)
    with_truth = judge.compare(images, contents, contents, masks(2))

    for each in (judge, judge, Judge(judge.network)):
        compared = each.compare(images, contents, None, None)
        assert np.isnan([compared.perceptual, compared.perceptual_foreground]).all()
        np.testing.assert_allclose(compared.dipd, with_truth.dipd, rtol=ROUNDING)
    assert_same(judge.compare(images, contents, contents, masks(2)), with_truth)


def test_a_damaged_memory_is_an_error_that_says_what_to_remove(judge: Judge, memory: Path) -> None:
    for path in memory.parent.iterdir():
        path.unlink()
    memory.write_bytes(b"no database" * 1000)

    with pytest.raises(UserError, match=r"lite0.*\.sqlite` cannot be used: .*not a database") as e:
        Judge(judge.network)

    assert e.value.hint == "remove the file: it is only a cache, and is made anew"
    memory.unlink()
    assert Judge(judge.network).num_features == judge.num_features


def test_a_memory_that_another_holds_for_too_long_is_not_to_be_removed(
    judge: Judge, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funit.evaluation.judge._PATIENCE", 0.1)
    with closing(sqlite3.connect(memory, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(UserError, match="database is locked") as caught:
            Judge(judge.network).features(noise(1, seed=0))

    assert caught.value.hint == "another evaluation writes there: try again when it has ended"


def test_a_memory_that_another_makes_at_the_same_time_is_waited_for(
    judge: Judge, memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(monkeypatch, tmp_path / "another-home")
    path = tmp_path / "another-home" / "features" / memory.name
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")  # for this lock SQLite itself does not wait
        Timer(0.3, other.commit).start()

        features = Judge(judge.network).features(noise(1, seed=0))

    np.testing.assert_array_equal(features, judge.features(noise(1, seed=0)))


def test_several_judges_open_and_fill_one_memory_at_once(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(monkeypatch, tmp_path / "another-home")
    count = 4
    images = [noise(2, seed=seed % 2) for seed in range(count)]  # each is seen by two
    together = Barrier(count)

    def look(mine: Images) -> Rows:
        together.wait()
        return Judge(judge.network).features(mine)

    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(look, images))

    for mine, features in zip(images, found, strict=True):
        np.testing.assert_array_equal(features, judge.features(mine))
    sleep(monkeypatch)
    Judge(judge.network).features(np.concatenate(images))  # all of it is kept
