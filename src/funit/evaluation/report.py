"""What an evaluation found: rows of scores, and what they are about, as JSON and as tables.

Shapes of a sample: K examples, H x W pixels; uint8 (..., H, W, 3).
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from funit import __version__
from funit.evaluation.classifier import ThresholdEffect
from funit.evaluation.measures import Better, better
from funit.evaluation.metrics import Images
from funit.home import whole_file

Rank = Literal["best", "median", "worst"]


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
class ClassRow:
    """One number of one model for one class translated into."""

    model: str
    shots: int
    class_name: str
    metric: str
    value: float
    n: int


@dataclass(frozen=True)
class LeftOut:
    """A metric that has no row, and why."""

    metric: str
    reason: str
    model: str | None = None
    """None where it is left out for all."""
    shots: int | None = None


@dataclass(frozen=True, eq=False)
class Sample:
    """One translation to look at: how it ranks among a model's, and what it was made from."""

    model: str
    shots: int
    rank: Rank
    metric: str
    """By which it is ranked."""
    value: float
    source: str
    """The class of the content image."""
    target: str
    """The class translated into."""
    content: Images
    """(H, W, 3)"""
    examples: Images
    """(K, H, W, 3)"""
    translation: Images
    truth: Images | None


@dataclass(frozen=True, eq=False)
class Threshold:
    """What a score threshold does to the accuracy of one model's translations: [0051]."""

    model: str
    shots: int
    judge: str
    """The metric whose accuracy it is."""
    effect: ThresholdEffect


@dataclass(frozen=True)
class Report:
    """The rows, and what anyone needs to get them again."""

    about: dict[str, Any]
    rows: Sequence[Row]
    left_out: Sequence[LeftOut] = ()
    warnings: Sequence[str] = ()
    """What a reader must know before any figure is believed."""
    classes: Sequence[ClassRow] = ()
    samples: Sequence[Sample] = field(default=(), compare=False)
    thresholds: Sequence[Threshold] = field(default=(), compare=False)

    @classmethod
    def read(cls, path: Path) -> "Report":
        """The report that `write` wrote, which has no pictures and no plots of thresholds."""
        content = json.loads(path.read_text())
        return cls(
            content["about"],
            [Row(**row) for row in content["rows"]],
            [LeftOut(**item) for item in content["left_out"]],
            content["warnings"],
            [ClassRow(**row) for row in content["classes"]],
        )

    @property
    def shots(self) -> list[int]:
        """The numbers of examples."""
        return list(self.about["config"]["shots"])

    @property
    def networks(self) -> list[str]:
        """The feature networks that judged."""
        return list(self.about["extractor"] or ())

    def value(self, model: str, shots: int, metric: str) -> float:
        """The number in that row."""
        (value,) = (
            row.value
            for row in self.rows
            if (row.model, row.shots, row.metric) == (model, shots, metric)
        )
        return value

    def markdown(self) -> str:
        """A table for each number of examples: a line a metric, a column a model; then the rest."""
        blocks = [f"**Warning:** {warning}" for warning in self.warnings]
        for part, shots in dict.fromkeys((row.part, row.shots) for row in self.rows):
            some = [row for row in self.rows if (row.part, row.shots) == (part, shots)]
            examples = f"{shots} example{'s' * (shots != 1)}" if shots else "real images"
            blocks.append(f"### {part}, {examples}\n\n{_table(some)}")
        if self.left_out:
            lines = [f"- {_of_what(item)}: {item.reason}" for item in self.left_out]
            blocks.append("Left out:\n\n" + "\n".join(dict.fromkeys(lines)))
        return "\n\n".join(blocks) + "\n"

    def write(self, path: Path) -> None:
        """Writes the report as JSON, without its pictures; a file there is replaced."""
        content = {
            "about": self.about,
            "rows": [asdict(row) for row in self.rows],
            "left_out": [asdict(item) for item in self.left_out],
            "warnings": list(self.warnings),
            "classes": [asdict(row) for row in self.classes],
        }
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def shown(row: Row | None) -> str:
    """A number with its interval."""
    return "-" if row is None else f"{row.value:.4g} ({row.low:.4g} to {row.high:.4g})"


def about(
    seed: int,
    config: dict[str, Any],
    fingerprint: str,
    extractor: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What every report says of itself; `extractor` has the networks that judge, by SHA-256."""
    return {
        "version": __version__,
        "commit": _commit(),
        "seed": seed,
        "config": config,
        "data": fingerprint,
        "extractor": dict(extractor) if extractor else None,  # None: errors against the truth alone
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
        },
    }


# A ratio to a baseline has a line on the terminal for these alone; all are in the JSON.
_SHOWN_RATIOS = ("l1_foreground", "perceptual_foreground")
ARROWS: Mapping[Better, str] = {"lower": "↓", "higher": "↑", "neither": ""}


def _table(rows: Sequence[Row]) -> str:
    """A line a metric, a column a model."""
    models = list(dict.fromkeys(row.model for row in rows))
    cells = {(row.metric, row.model): row for row in rows}
    lines = ["| metric | n |" + "".join(f" {model} |" for model in models)]
    lines.append("|---|---|" + "---|" * len(models))
    for metric in dict.fromkeys(row.metric for row in rows if _is_shown(row.metric)):
        found = [cells.get((metric, model)) for model in models]
        count = max(row.n for row in found if row)
        figures = "".join(f" {shown(row)} |" for row in found)
        lines.append(f"| {f'{metric} {ARROWS[better(metric)]}'.strip()} | {count} |{figures}")
    return "\n".join(lines)


def _is_shown(metric: str) -> bool:
    return "@" not in metric and ("/" not in metric or metric.startswith(_SHOWN_RATIOS))


def _of_what(item: LeftOut) -> str:
    shots = "" if item.shots is None else f", {item.shots} example{'s' * (item.shots != 1)}"
    model = "" if item.model is None else f" of `{item.model}`"
    return f"`{item.metric}`{model}{shots}"


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
