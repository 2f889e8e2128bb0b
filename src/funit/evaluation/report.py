"""What an evaluation found: rows of scores, and what they are about, as JSON."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from funit import __version__
from funit.home import whole_file


@dataclass(frozen=True)
class Row:
    """One number: a metric of one model on one part of the data."""

    model: str
    part: str
    shots: int
    metric: str
    value: float
    low: float
    """Of the 95% interval."""
    high: float
    n: int


@dataclass(frozen=True)
class Report:
    """The rows, and what anyone needs to get them again."""

    about: dict[str, Any]
    rows: Sequence[Row]

    def value(self, model: str, shots: int, metric: str) -> float:
        """The number in that row."""
        (value,) = (
            row.value
            for row in self.rows
            if (row.model, row.shots, row.metric) == (model, shots, metric)
        )
        return value

    def markdown(self) -> str:
        """The rows as a table: a line for each model and K, a column for each metric."""
        metrics = list(dict.fromkeys(row.metric for row in self.rows))
        lines = list(dict.fromkeys((row.model, row.part, row.shots) for row in self.rows))
        cells = {(row.model, row.part, row.shots, row.metric): row for row in self.rows}
        table = ["| model | part | examples | n |" + "".join(f" {name} |" for name in metrics)]
        table.append("|---|---|---|---|" + "---|" * len(metrics))
        for line in lines:
            found = [cells.get((*line, metric)) for metric in metrics]
            count = max(row.n for row in found if row)
            shown = "".join(f" {_shown(row)} |" for row in found)
            table.append(f"| {line[0]} | {line[1]} | {line[2]} | {count} |{shown}")
        return "\n".join(table) + "\n"

    def write(self, path: Path) -> None:
        """Writes the report as JSON; a file there is replaced."""
        content = {"about": self.about, "rows": [asdict(row) for row in self.rows]}
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def about(seed: int, config: dict[str, Any], fingerprint: str) -> dict[str, Any]:
    """What every report says of itself."""
    return {
        "version": __version__,
        "commit": _commit(),
        "seed": seed,
        "config": config,
        "data": fingerprint,
        "extractor": None,  # no feature network: the truth is known
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
        },
    }


def _shown(row: Row | None) -> str:
    """A number with its interval."""
    return "-" if row is None else f"{row.value:.4g} ({row.low:.4g} to {row.high:.4g})"


def _commit() -> str | None:
    """The commit of the checkout that runs; None where funit is installed without one."""
    folder = Path(__file__).parents[3]
    if not (folder / ".git").exists():  # installed, perhaps inside somebody else's checkout
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
