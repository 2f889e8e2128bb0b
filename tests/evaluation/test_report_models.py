"""The script that writes docs/results.md."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from funit.config import ModelConfig

from .conftest import Save

SCRIPT = Path(__file__).parents[2] / "scripts" / "report_models.py"


def test_the_page_has_each_model_on_its_data_with_the_command_and_the_machine(
    zoo: Path, tiny: ModelConfig, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, folder = tmp_path / "results.md", tmp_path / "reports"
    tasks = [f"{save('one', tiny)}={zoo}", f"{save('two', tiny, seed=1)}={zoo}=seen"]
    options = ["--out", page, "--pairs", "4", "--shots", "1", "--only", ""]
    monkeypatch.setattr(sys, "argv", list(map(str, [SCRIPT, folder, *tasks, *options])))

    runpy.run_path(str(SCRIPT), run_name="__main__")

    text = page.read_text()
    assert "python scripts/report_models.py" in text
    assert "## `one` on zoo" in text
    assert "| metric | n | two | copy-content | nearest-example | recolour |" in text
    assert "4 pairs a K at 16 px" in text
    assert "processors" in text
    assert json.loads((folder / "two.json").read_text())["about"]["config"]["part"] == "seen"
    assert (folder / "one.html").read_text().startswith("<!DOCTYPE html>")
