"""What a model is shown matters to what it makes of it: docs/recipe.md rests on it."""

import runpy
import sys
from pathlib import Path

import pytest

from funit.data.menagerie import write_menagerie

SCRIPT = Path(__file__).parent.parent / "scripts" / "show_limits.py"


def ratios(output: str) -> dict[str, float]:
    rows = [line.rsplit(maxsplit=4) for line in output.splitlines()]
    return {name: float(ratio) for name, ratio, *_ in rows}


def test_the_more_of_the_answer_is_shown_the_smaller_is_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_menagerie(tmp_path / "zoo", num_classes=6, num_poses=7, size=64, seed=5)
    words = ["show_limits.py", "default", str(tmp_path / "zoo"), "--part", "all", "--pairs", "20"]
    monkeypatch.setattr(sys, "argv", words)

    runpy.run_path(str(SCRIPT), run_name="__main__")

    found = ratios(capsys.readouterr().out)
    as_it_is, shape, look, both = found.values()
    assert both < shape < as_it_is < 1
    assert both < look < as_it_is


def test_data_without_known_answers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_menagerie(tmp_path / "zoo", num_classes=2, num_poses=7, size=64, seed=5)
    for number, path in enumerate(sorted((tmp_path / "zoo").rglob("*.png"))):
        path.rename(path.with_name(f"photo {number}.png"))
    words = ["show_limits.py", "default", str(tmp_path / "zoo"), "--part", "all", "--pairs", "5"]
    monkeypatch.setattr(sys, "argv", words)

    with pytest.raises(SystemExit, match="are not known"):
        runpy.run_path(str(SCRIPT), run_name="__main__")
