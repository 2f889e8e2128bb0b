"""Pairs are fair: the answer is never shown, and the same pairs are chosen for every model."""

import tracemalloc
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from funit.data.packed import Packed, packed_for
from funit.errors import UserError
from funit.evaluation.pairs import (
    Chooser,
    Pair,
    Pairs,
    choose_pairs,
    load_pairs,
    read_pairs,
    write_pairs,
)

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


def test_chosen_pairs_are_a_sequence_like_any_other(packed: Packed) -> None:
    pairs = choose_pairs(packed, "unseen", 9, 3, seed=0)
    listed = list(pairs)

    assert len(pairs) == len(listed) == 9
    assert pairs[-1] == listed[-1]
    assert pairs[-9] == listed[0]
    assert pairs[2:7:2] == listed[2:7:2]
    assert pairs[::-1] == listed[::-1]
    assert pairs[7:100] == listed[7:]
    assert pairs[5:5] == []
    assert listed[4] in pairs
    for beyond in (9, -10):
        with pytest.raises(IndexError):
            pairs[beyond]


def test_ten_million_pairs_take_no_memory_and_begin_with_the_same(packed: Packed) -> None:
    few = choose_pairs(packed, "unseen", 4, 3, seed=0)
    tracemalloc.start()

    many = choose_pairs(packed, "unseen", 10_000_000, 3, seed=0)
    first, last = many[:4], many[-1]

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000  # bytes
    assert len(many) == 10_000_000
    assert first == list(few)
    assert last == many[9_999_999]
    assert last.target.name == "cat"  # 9,999,999 is a multiple of the three classes


# ------------------------------------------------ groups


def test_same_content_is_one_image_to_be_translated_into_different_classes(packed: Packed) -> None:
    chooser = Chooser(packed, "unseen", 3, seed=0)
    groups = [chooser.same_content(group, 3) for group in range(20)]

    for pairs in groups:
        assert len({(pair.source.name, pair.content) for pair in pairs}) == 1
        assert {pair.target.name for pair in pairs} == {"cat", "dog", "elk"}
        assert all(pair.truth not in pair.examples for pair in pairs)
    assert len({(pairs[0].source.name, pairs[0].content) for pairs in groups}) > 5
    assert len(chooser.same_content(0, 2)) == 2
    assert chooser.same_content(4, 3) == groups[4]


def test_same_content_of_a_single_part_is_of_none_of_the_classes_translated_into(
    packed: Packed,
) -> None:
    single = Packed(packed.path, index_of(packed, "unseen"), packed.all_pixels)

    chooser = Chooser(single, "unseen", 3, seed=0)

    for group in range(20):
        pairs = chooser.same_content(group, 2)
        targets = {pair.target.name for pair in pairs}
        assert len(targets) == 2
        assert pairs[0].source.name not in targets
        # of three classes one must be the content's
        assert len(chooser.same_content(group, 3)) == 2


def index_of(packed: Packed, part: str) -> dict[str, Any]:
    """What a packed file of this part alone would say of itself."""
    return {
        "size": packed.size,
        "background": packed.background,
        "fingerprint": packed.fingerprint,
        "problems": [],
        "parts": {part: [asdict(cls) for cls in packed.part(part)]},
    }


def test_same_look_is_several_content_images_by_the_same_examples(packed: Packed) -> None:
    chooser = Chooser(packed, "unseen", 2, seed=0)
    groups = [chooser.same_look(group, 3) for group in range(12)]

    for group, pairs in enumerate(groups):
        assert {pair.target.name for pair in pairs} == {("cat", "dog", "elk")[group % 3]}
        assert len({pair.source.name for pair in pairs}) == 1
        assert len({pair.examples for pair in pairs}) == 1
        assert len({pair.content for pair in pairs}) == len(pairs) == 3
        assert all(pair.truth not in pair.examples for pair in pairs if pair.truth is not None)
    assert len({pairs[0].examples for pairs in groups}) > 3
    assert chooser.same_look(5, 3) == groups[5]


def test_few_shot_pairs_of_a_class_share_their_examples_and_splits_do_not(packed: Packed) -> None:
    chooser = Chooser(packed, "unseen", 2, seed=0)

    splits = [chooser.few_shot(split, 6) for split in range(4)]

    for classes in splits:
        assert [pairs[0].target.name for pairs in classes] == ["cat", "dog", "elk"]
        for pairs in classes:
            assert len(pairs) == 6
            assert len({(pair.target.name, pair.examples) for pair in pairs}) == 1
            assert len({(pair.source.name, pair.content) for pair in pairs}) > 1
    assert len({classes[0][0].examples for classes in splits}) > 1
    for classes in splits:
        for pair in (pair for pairs in classes for pair in pairs):
            names = [pair.target.names[i] for i in pair.examples]
            assert pair.source.names[pair.content] not in names


def test_where_names_are_no_poses_nothing_is_known(packed: Packed) -> None:
    chooser = Chooser(packed, "unseen", 2, seed=0, names_are_poses=False)

    for index in range(20):
        assert chooser.pair(index).known == (False, False)


# ------------------------------------------------ pairs as a file


@pytest.mark.parametrize("part", ["unseen", "all"])
def test_pairs_read_back_are_those_that_were_written(
    tmp_path: Path, packed: Packed, part: str
) -> None:
    pairs = choose_pairs(packed, part, 20, 3, seed=0)
    write_pairs(packed, pairs, [1, 3], tmp_path / "pairs.csv")

    found = read_pairs(packed, tmp_path / "pairs.csv")

    assert list(found) == [1, 3]
    for shots in (1, 3):
        assert list(found[shots].values()) == [pair.with_shots(shots) for pair in pairs]
        assert list(found[shots])[:2] == [f"{shots}/000000.png", f"{shots}/000001.png"]
    assert any(pair.truth is None for pair in pairs)
    assert any(pair.truth is not None for pair in pairs)


def test_names_of_files_may_hold_what_separates_columns(tmp_path: Path) -> None:
    for cls in ("a, b", 'the "best"'):
        write(tmp_path / "data" / cls, ["1", "2", "3"], 10)
        (tmp_path / "data" / cls / "1.png").rename(tmp_path / "data" / cls / "é, 1.png")
    packed = packed_for(tmp_path / "data", SIZE)
    pairs = choose_pairs(packed, "seen", 6, 2, seed=0)
    write_pairs(packed, pairs, [2], tmp_path / "pairs.csv")

    found = read_pairs(packed, tmp_path / "pairs.csv")

    assert list(found[2].values()) == list(pairs)
    assert "é, 1.png" in (tmp_path / "pairs.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1/x.png,seen/ant/1.png,unseen/cow,unseen/cat/2.png", "class `unseen/cow`"),
        ("1/x.png,seen/ant/1.png,cat,unseen/cat/2.png", "class `cat`, which DATA has not"),
        ("1/x.png,seen/ant/99.png,unseen/cat,unseen/cat/2.png", "names `seen/ant/99.png`"),
        ("1/x.png,seen/ant/1.png,unseen/cat,unseen/cat/99.png", "names `unseen/cat/99.png`"),
        ("1/x.png,seen/ant/1.png,unseen/cat,unseen/dog/2.png", "not of `unseen/cat`"),
        ("1/x.png,seen/ant/1.png,unseen/cat,", "has no `examples`"),
        ("1/x.png,seen/ant/1.png,unseen/cat,unseen/cat/1.png", "the true answer among the exa"),
        ("1/x.png,unseen/cat/1.png,unseen/cat,unseen/cat/2.png", "into its own class"),
        ("1/x.png,seen/ant/1.png", "has no `target`"),
        (",seen/ant/1.png,unseen/cat,unseen/cat/2.png", "has no `image`"),
        ("1/y.png,seen/ant/2.png,unseen/cat,unseen/cat/3.png", "`1/y.png` a second time"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, packed: Packed, line: str, told: str) -> None:
    path = tmp_path / "pairs.csv"
    right = "1/y.png,seen/ant/1.png,unseen/cat,unseen/cat/2.png"
    path.write_text(f"image,content,target,examples\n{right}\n{line}\n{right}\n")

    with pytest.raises(UserError) as caught:
        read_pairs(packed, path)

    assert caught.value.message.startswith(f"line 3 of `{path}` ")
    assert told in caught.value.message
    assert "--write-pairs" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"image,content,target,examples\n", "has no pairs"),
        (b"", "has no pairs"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_file_that_is_no_list_of_pairs_is_an_error(
    tmp_path: Path, packed: Packed, content: bytes, told: str
) -> None:
    (tmp_path / "pairs.csv").write_bytes(content)

    with pytest.raises(UserError, match=told):
        read_pairs(packed, tmp_path / "pairs.csv")
