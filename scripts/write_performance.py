"""Writes the table of docs/performance.md from docs/bench.json, which `funit bench --json` made.

funit bench --json docs/bench.json
python scripts/write_performance.py
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from splice import spliced

from funit.benchmark.results import COLUMNS, Results

DOCS = Path(__file__).parent.parent / "docs"
BENCH, PAGE = DOCS / "bench.json", DOCS / "performance.md"


def performance_page() -> str:
    """The page with the table of the last benchmark in it."""
    page = PAGE.read_text(encoding="utf-8")
    content = json.loads(BENCH.read_text(encoding="utf-8"))
    return spliced(page, "bench", tables(content))


def tables(content: Mapping[str, Any]) -> str:
    """The machine, the rows, and what was left out."""
    about, results = content["about"], Results.of(content)
    machine = about["machine"]
    facts = [
        machine["processor"],
        f"{machine['processors']} processors, {machine['threads']} threads",
        f"torch {machine['torch']}, Python {machine['python']}",
        f"{machine['system']}; commit {about['commit']}",
    ]
    lines = [f"{'; '.join(facts)}.", "", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(cells)} |" for cells in results.cells()]
    lines += [""] * bool(results.left_out)
    lines += [f"- {item.what}, {item.variant}: {item.reason}" for item in results.left_out]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(performance_page(), encoding="utf-8")
