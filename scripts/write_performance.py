"""Writes the tables of docs/performance.md from what `funit bench --json` made.

    funit bench --json docs/bench.json
    python scripts/write_performance.py

docs/bench.json is of the newest run, docs/bench-amx.json of one on a processor with matrix units.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from splice import spliced

from funit.benchmark.results import COLUMNS, Results

DOCS = Path(__file__).parent.parent / "docs"
BENCHES, PAGE = (DOCS / "bench.json", DOCS / "bench-amx.json"), DOCS / "performance.md"


def performance_page() -> str:
    """The page with a table of each benchmark in it."""
    page = PAGE.read_text(encoding="utf-8")
    contents = [json.loads(bench.read_text(encoding="utf-8")) for bench in BENCHES]
    return spliced(page, "bench", "\n\n".join(table(content) for content in contents))


def table(content: Mapping[str, Any]) -> str:
    """The machine, the rows, and what was left out."""
    about, results = content["about"], Results.of(content)
    machine = about["machine"]
    facts = [
        f"{machine['processors']} processors, {machine['threads']} threads",
        f"torch {machine['torch']}, Python {machine['python']}",
        f"{machine['system']}; commit {about['commit']}",
    ]
    lines = [f"### {machine['processor']}", "", f"{'; '.join(facts)}.", ""]
    lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(cells)} |" for cells in results.cells()]
    lines += [""] * bool(results.left_out)
    lines += [f"- {item.what}, {item.variant}: {item.reason}" for item in results.left_out]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(performance_page(), encoding="utf-8")
