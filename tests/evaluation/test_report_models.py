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
    docs, folder = tmp_path / "docs", tmp_path / "reports"
    docs.mkdir()
    summary, page = docs / "evaluation.md", docs / "results.md"
    summary.write_text("Above\n\n<!-- results -->\nold\n<!-- /results -->\n\nBelow\n")
    tasks = [f"{save('one', tiny)}={zoo}", f"{save('two', tiny, seed=1)}={zoo}=seen"]
    options = ["--docs", docs, "--pairs", "4", "--shots", "1,2", "--only", "", "--at-once", "2"]
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

    main = summary.read_text()
    assert main.startswith("Above\n")
    assert main.endswith("\nBelow\n")
    assert "old" not in main
    assert (
        "| metric | one, K = 1 | one, K = 2 | copy-content, K = 2 | nearest-example, K = 2 |"
        in main
    )
    assert "| `l1_foreground/copy-content` ↓ |" in main


def test_what_was_evaluated_before_is_not_evaluated_again(
    zoo: Path, tiny: ModelConfig, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evaluation.md").write_text("<!-- results --><!-- /results -->")
    task = f"{save('one', tiny)}={zoo}"
    arguments = [SCRIPT, tmp_path, task, "--docs", tmp_path, "--pairs", "4", "--only", ""]
    monkeypatch.setattr(sys, "argv", list(map(str, arguments)))
    runpy.run_path(str(SCRIPT), run_name="__main__")
    before = (tmp_path / "one.json").stat().st_mtime_ns

    runpy.run_path(str(SCRIPT), run_name="__main__")
    again = (tmp_path / "one.json").stat().st_mtime_ns
    monkeypatch.setattr(sys, "argv", list(map(str, [*arguments, "--shots", "2"])))
    runpy.run_path(str(SCRIPT), run_name="__main__")

    assert again == before
    assert json.loads((tmp_path / "one.json").read_text())["about"]["config"]["shots"] == [2]
