"""Joining the positions of a look costs something that is measured: docs/models.md rests on it."""

import runpy
import sys
from pathlib import Path

import pytest

from funit.data.menagerie import write_menagerie

SCRIPT = Path(__file__).parent.parent / "scripts" / "show_condensed.py"


def test_the_fewer_positions_a_look_is_joined_to_the_farther_is_what_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_menagerie(tmp_path / "zoo", num_classes=4, num_poses=7, size=64, seed=5)
    words = [str(SCRIPT), "default", str(tmp_path / "zoo"), "--part", "all", "--pairs", "8"]
    monkeypatch.setattr(sys, "argv", words)

    runpy.run_path(str(SCRIPT), run_name="__main__")

    _, _, *rows = capsys.readouterr().out.splitlines()
    found = dict(map(cells, rows))
    assert found["5 examples"][:2] == [1280, 0]
    assert found["1 example"][0] == 256
    positions, differences, _ = zip(
        *(found[f"5 examples, joined to {count}"] for count in (512, 256, 128, 64)), strict=True
    )
    assert positions == (512, 256, 128, 64)
    assert list(differences) == sorted(differences)
    assert 0 < differences[0] < differences[-1] < found["1 example"][1]


def cells(row: str) -> tuple[str, list[float]]:
    name, *numbers = (cell.strip() for cell in row.strip("|").split("|"))
    return name, [float(number.replace(",", "")) for number in numbers]
