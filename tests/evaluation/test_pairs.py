"""Pairs are fair: the answer is never shown, and the same pairs are chosen for every model."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from funit.data.packed import Packed, packed_for
from funit.errors import UserError
from funit.evaluation.pairs import Pair, Pairs, choose_pairs, load_pairs

SIZE = 16


def write(folder: Path, names: list[str], shade: int) -> None:
    """Images whose red says the class and whose green says the file name."""
    folder.mkdir(parents=True)
    for name in names:
        colour = (shade, 10 * int(name.strip("abc")), 0)
        Image.new("RGB", (SIZE, SIZE), colour).save(folder / f"{name}.png")


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    """Two seen and three unseen classes; names with a letter stand in one class alone."""
    names = [str(i) for i in range(1, 8)]
    write(tmp_path / "data" / "seen" / "ant", names, 10)
    write(tmp_path / "data" / "seen" / "bee", [*names[:4], "8a"], 20)
    write(tmp_path / "data" / "unseen" / "cat", names, 30)
    write(tmp_path / "data" / "unseen" / "dog", [*names, "9b"], 40)
    write(tmp_path / "data" / "unseen" / "elk", ["1c", "2c", "3c", "4c"], 50)
    return packed_for(tmp_path / "data", SIZE)


def images_of(packed: Packed, pairs: list[Pair], shots: int = 3) -> list[tuple[int, Pairs, int]]:
    """Each pair's number, its images, and its place among them."""
    return [
        (number, some, place)
        for numbers, some in load_pairs(packed, pairs, SIZE, shots, at_once=4)
        for place, number in enumerate(numbers)
    ]


def test_examples_never_bear_the_contents_name_and_the_truth_joins_class_and_pose(
    packed: Packed,
) -> None:
    pairs = choose_pairs(packed, "unseen", 60, 3, seed=0)
    known = 0
    for number, some, place in images_of(packed, pairs):
        source, pose = some.content[place, 0, 0, :2]
        shown = some.examples[place, :, 0, 0, :2]
        assert source in (10, 20)  # content images are of seen classes
        assert len(set(map(tuple, shown))) == 3
        assert set(shown[:, 0]) == {(30, 40, 50)[number % 3]}  # classes take turns
        if some.truth is None:
            continue
        known += 1
        assert tuple(some.truth[place, 0, 0, :2]) == (shown[0, 0], pose)
        assert pose not in shown[:, 1]
        if some.counterparts is not None:
            np.testing.assert_array_equal(some.counterparts[place, :, 0, 0, 0], [source] * 3)
            np.testing.assert_array_equal(some.counterparts[place, :, 0, 0, 1], shown[:, 1])
    assert known == 40  # of two classes out of three, whatever could be answered


def test_every_pair_is_loaded_once(packed: Packed) -> None:
    pairs = choose_pairs(packed, "unseen", 31, 3, seed=0)

    assert sorted(number for number, _, _ in images_of(packed, pairs)) == list(range(31))


def test_more_pairs_and_more_examples_begin_with_the_same(packed: Packed) -> None:
    few = choose_pairs(packed, "unseen", 5, 1, seed=3)
    more = choose_pairs(packed, "unseen", 9, 3, seed=3)

    for one, other in zip(few, more, strict=False):
        assert (one.content, one.target, one.truth) == (other.content, other.target, other.truth)
        assert one.examples == other.examples[:1]
    assert list(few) != list(choose_pairs(packed, "unseen", 5, 1, seed=4))


def test_a_single_part_gives_content_images_from_its_other_classes(packed: Packed) -> None:
    for pair in choose_pairs(packed, "seen", 10, 3, seed=0):
        assert {pair.source.name, pair.target.name} == {"ant", "bee"}


def test_too_few_images_for_the_examples_are_an_error(packed: Packed) -> None:
    with pytest.raises(UserError, match="class `elk` has 4 images, too few for 4") as caught:
        choose_pairs(packed, "unseen", 5, 4, seed=0)

    assert caught.value.hint == "ask for at most 3 with `--shots`"


def test_with_shots_keeps_the_first_examples_and_their_counterparts(packed: Packed) -> None:
    known = [p for p in choose_pairs(packed, "unseen", 9, 3, 0) if all(p.known)]
    ((_, pairs),) = load_pairs(packed, known, SIZE, 3, 9)
    assert pairs.counterparts is not None
    assert pairs.truth is not None
    one = pairs.with_shots(1)

    np.testing.assert_array_equal(one.examples, pairs.examples[:, :1])
    np.testing.assert_array_equal(one.counterparts, pairs.counterparts[:, :1])
    np.testing.assert_array_equal(one.truth, pairs.truth)
