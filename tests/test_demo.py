"""The demo: fair pairs, a readable sheet, and scores that say what they are."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from funit.config import ModelConfig
from funit.demo import DemoSize, choose_pairs, draw_creatures, run_demo
from funit.errors import UserError
from funit.evaluation.baselines import BASELINES
from funit.evaluation.measured import TRUTH_METRICS
from funit.evaluation.metrics import Images

SMALL = DemoSize(num_groups=2, num_classes=3, num_poses=6, num_pairs=5, num_rows=2)


@pytest.fixture
def model(tmp_path: Path, tiny: ModelConfig, saved: Callable[..., Path]) -> Path:
    return saved(tmp_path / "model", tiny)


def numbered_creatures() -> Images:
    """Instead of drawings, images whose three channels are the group, the class and the pose."""
    creatures = np.zeros((4, 5, 8, 2, 2, 3), dtype=np.uint8)
    for group, cls, pose in np.ndindex(4, 5, 8):
        creatures[group, cls, pose] = (group, cls, pose)
    return creatures


def test_content_and_examples_differ_in_class_and_pose_and_the_truth_joins_them() -> None:
    pairs = choose_pairs(numbered_creatures(), num_pairs=100, num_examples=5)

    for index in range(100):
        group, cls, pose = pairs.content[index, 0, 0]
        shown = pairs.examples[index, :, 0, 0]
        target = shown[0, 1]
        assert target != cls
        assert pose not in shown[:, 2]
        assert len(set(shown[:, 2])) == 5
        assert (shown[:, :2] == (group, target)).all()
        assert tuple(pairs.truth[index, 0, 0]) == (group, target, pose)
        for example, counterpart in zip(shown, pairs.counterparts[index, :, 0, 0], strict=True):
            assert tuple(counterpart) == (group, cls, example[2])


def test_every_class_is_the_target_equally_often() -> None:
    pairs = choose_pairs(numbered_creatures(), num_pairs=100, num_examples=5)

    targets = [tuple(image[0, 0, :2]) for image in pairs.truth]
    assert {targets.count(target) for target in targets} == {100 // (4 * 5)}


def test_creatures_share_poses_within_a_group_and_no_look_comes_twice() -> None:
    heard: list[tuple[int, int]] = []
    creatures = draw_creatures(SMALL, 16, progress=lambda done, total: heard.append((done, total)))

    corners = creatures[..., 0, 0, :]  # the background belongs to the pose
    assert creatures.shape == (2, 3, 6, 16, 16, 3)
    assert (corners == corners[:, :1]).all()
    assert not (corners[0] == corners[1]).all()
    assert len({image.tobytes() for image in creatures.reshape(36, -1)}) == 36
    assert heard == [(done, 36) for done in range(1, 37)]


def test_the_demo_replaces_its_two_files_and_no_other(tmp_path: Path, model: Path) -> None:
    out = tmp_path / "demo"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    (out / "scores.json").write_text("old")

    report = run_demo(model, out, SMALL, device="cpu")

    assert sorted(path.name for path in out.iterdir()) == [
        "contact-sheet.png",
        "mine.txt",
        "scores.json",
    ]
    assert (out / "mine.txt").read_text() == "mine"
    assert json.loads((out / "scores.json").read_text())["rows"] == [
        vars(row) for row in report.rows
    ]


def test_the_scores_have_a_row_for_every_model_number_of_examples_and_metric(
    tmp_path: Path, model: Path
) -> None:
    run_demo(model, tmp_path / "demo", SMALL, device="cpu")

    scores = json.loads((tmp_path / "demo" / "scores.json").read_text())
    assert set(scores["about"]) == {
        "version",
        "commit",
        "seed",
        "config",
        "data",
        "extractor",
        "machine",
    }
    assert {(r["model"], r["shots"], r["metric"]) for r in scores["rows"]} == {
        (name, shots, metric)
        for name in (str(model), *BASELINES)
        for shots in (1, 5)
        for metric in TRUTH_METRICS
    }
    assert all(row["part"] == "unseen" and row["n"] == 5 for row in scores["rows"])
    assert all(row["low"] <= row["value"] <= row["high"] for row in scores["rows"])
    assert all(math.isfinite(row["value"]) for row in scores["rows"])


def test_the_demo_gives_the_same_scores_again(tmp_path: Path, model: Path) -> None:
    first = run_demo(model, tmp_path / "a", SMALL, device="cpu")
    second = run_demo(model, tmp_path / "b", SMALL, device="cpu")

    assert first.rows == second.rows


def test_the_sheet_grows_by_rows(tmp_path: Path, model: Path) -> None:
    heights = []
    for num_rows in (1, 2, 3):
        size = DemoSize(2, 3, 6, num_pairs=5, num_rows=num_rows)
        run_demo(model, tmp_path / "demo", size, device="cpu")
        with Image.open(tmp_path / "demo" / "contact-sheet.png") as sheet:
            heights.append(sheet.height)

    assert heights[2] - heights[1] == heights[1] - heights[0] >= 128


def test_a_file_in_place_of_the_folder_is_left_alone(tmp_path: Path, model: Path) -> None:
    (tmp_path / "demo").write_text("mine")

    with pytest.raises(UserError, match="is a file"):
        run_demo(model, tmp_path / "demo", SMALL)

    assert (tmp_path / "demo").read_text() == "mine"
