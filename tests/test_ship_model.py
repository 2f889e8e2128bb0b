"""What ships a model: only a better one replaces, and the licence has the credits of the data."""

import dataclasses
import runpy
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from funit.evaluation.report import Report
from funit.repository import SHIPPED

SCRIPT = Path(__file__).parent.parent / "scripts" / "ship_model.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED / "default", tmp_path / "default"))


def worsened(folder: Path, factor: float) -> None:
    report = Report.read(folder / "evaluation.json")
    rows = [dataclasses.replace(row, value=row.value * factor) for row in report.rows]
    dataclasses.replace(report, rows=rows).write(folder / "evaluation.json")


@pytest.mark.parametrize("factor", [1.0, 1.01])
def test_a_model_that_is_no_better_replaces_none_unless_it_is_forced(
    script: dict[str, Any], new: Path, factor: float
) -> None:
    worsened(new, factor)

    with pytest.raises(SystemExit, match="the model that is there has"):
        script["check"](new, SHIPPED / "default", False)
    script["check"](new, SHIPPED / "default", True)


def test_a_better_model_replaces_one(script: dict[str, Any], new: Path) -> None:
    worsened(new, 0.99)

    script["check"](new, SHIPPED / "default", False)


@pytest.mark.parametrize(
    ("error", "perceived", "is_better"),
    [(0.9, 1.1, True), (1.02, 0.9, True), (1.04, 0.9, False), (1.02, 1.0, False)],
)
def test_a_sharper_model_replaces_one_of_nearly_its_error(
    script: dict[str, Any], error: float, perceived: float, is_better: bool
) -> None:
    measure, other = script["MEASURE"], script["PERCEIVED"]
    before = {measure: 0.2, other: 0.5}

    scores = {measure: 0.2 * error, other: 0.5 * perceived}

    assert script["is_better"](scores, before) == is_better
    assert not script["is_better"]({measure: 0.201}, before)  # where nobody knows how sharp it is


def test_a_model_that_is_too_large_is_never_shipped(script: dict[str, Any], new: Path) -> None:
    with (new / "large").open("wb") as file:
        file.truncate(script["MAX_BYTES"])

    with pytest.raises(SystemExit, match="bytes; 16,000,000 are allowed"):
        script["check"](new, SHIPPED / "default", True)


def test_the_licence_of_sprites_names_both_licences_and_whom_the_data_credit(
    script: dict[str, Any], tmp_path: Path
) -> None:
    data = tmp_path / "data.zip"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("AUTHORS.txt", "\ufeffAn Artist\r\n---------\r\nhair  \r\n")
        archive.writestr("UPSTREAM-README.md", "Please credit everyone")

    text = script["licence_text"]("sprites", script["RECIPES"]["sprites"], data)

    assert "https://creativecommons.org/licenses/by-sa/3.0/" in text
    assert "https://www.gnu.org/licenses/gpl-3.0.html" in text
    assert "\nAn Artist\n---------\nhair\n" in text
    assert "Please credit everyone" in text


def test_the_licence_of_default_is_that_of_the_code(script: dict[str, Any]) -> None:
    licence = (SCRIPT.parent.parent / "LICENSE").read_text()

    assert script["licence_text"]("default", script["RECIPES"]["default"], None) == licence
    assert (SHIPPED / "default" / "LICENSE").read_text() == licence


def test_a_model_of_data_that_cannot_be_drawn_asks_for_them(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["ship_model.py", "run", "--name", "sprites"])

    with pytest.raises(SystemExit):
        script["read_options"]()

    assert "give --data" in capsys.readouterr().err
