"""Whether translations keep the pose, as a classifier of poses sees it."""

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

SCRIPT = Path(__file__).parent.parent / "scripts" / "check_poses.py"
SIZE = 16


@pytest.fixture
def heroes(tmp_path: Path) -> Path:
    """Squares of a colour for each class, in a place for each of eight poses."""
    colours = np.random.default_rng(0).integers(0, 160, size=(10, 3))
    for number, colour in enumerate(colours):
        folder = tmp_path / "heroes" / ("seen" if number < 8 else "unseen") / f"hero{number}"
        folder.mkdir(parents=True)
        for pose in range(8):
            left, top = 1 + 9 * (pose % 2), 1 + 3 * (pose // 2)
            image = Image.new("RGB", (SIZE, SIZE), "white")
            box = (left, top, left + 4, top + 4)
            ImageDraw.Draw(image).rectangle(box, fill=tuple(map(int, colour)))
            image.save(folder / f"{'jump' if pose % 2 else 'walk'}_{pose // 2:02}.png")
    return tmp_path / "heroes"


def found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> dict[str, Any]:
    monkeypatch.setattr("sys.argv", list(map(str, [SCRIPT, *arguments])))
    runpy.run_path(str(SCRIPT), run_name="__main__")
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_what_keeps_the_pose_is_recognised_and_what_does_not_is_not(
    heroes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["recolour", heroes, "--passes", "60", "--pairs", "40", "--shots", "1"]

    content = found(monkeypatch, capsys, *arguments)
    again = found(monkeypatch, capsys, *arguments)

    rows = {(row["model"], row["metric"]): row for row in content["rows"]}
    real = rows["real pictures", "pose_accuracy"]
    assert (real["n"], real["shots"]) == (16, 0)
    assert real["value"] > 0.7
    ratio = "pose_accuracy/real pictures"
    assert rows["copy-content", ratio]["value"] > 0.8
    assert rows["nearest-example", "pose_accuracy"]["value"] < 0.4  # never of the content's name
    assert (
        rows["nearest-example", "motion_accuracy"]["value"]
        > rows["nearest-example", "pose_accuracy"]["value"]
    )
    assert content["about"]["config"]["poses"] == 8
    # no two poses of a square are near
    assert rows["recolour", "near_pose_accuracy"] == rows["recolour", "pose_accuracy"] | {
        "metric": "near_pose_accuracy"
    }
    assert again["rows"] == content["rows"]


def test_a_frame_that_is_repeated_is_near_the_one_it_repeats(
    heroes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in heroes.rglob("jump_*.png"):  # it comes back, as a thrust does
        file.with_name(f"land_{file.name.split('_')[1]}").write_bytes(file.read_bytes())
    arguments = ["recolour", heroes, "--passes", "60", "--pairs", "40", "--shots", "1"]

    rows = found(monkeypatch, capsys, *arguments)["rows"]

    real = {row["metric"]: row["value"] for row in rows if row["model"] == "real pictures"}
    assert real["near_pose_accuracy"] > real["pose_accuracy"] + 0.2
    assert real["motion_accuracy"] < real["near_pose_accuracy"]


def test_a_model_is_asked_and_the_file_has_what_was_printed(
    heroes: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "poses.json"
    # the model in the package draws at 64 px
    arguments = ["default", heroes, "--passes", "1", "--pairs", "4", "--json", file]
    content = found(monkeypatch, capsys, *arguments, "--with-truth")

    assert json.loads(file.read_text()) == content
    models = {row["model"] for row in content["rows"]}
    assert {name for name in models if name.startswith("default")} == {
        "default",
        "default, the truth as the pose image",
        "default, the truth as every example",
        "default, the truth as both",
    }
    assert "copy-content, the truth as both" not in models


def test_data_without_poses_in_common_are_refused(
    heroes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (heroes / "unseen").rglob("*.png"):
        file.rename(file.with_name(f"other-{file.name}"))

    with pytest.raises(SystemExit, match="no pose of the part `unseen`"):
        found(monkeypatch, capsys, "recolour", heroes, "--passes", "0.1")
