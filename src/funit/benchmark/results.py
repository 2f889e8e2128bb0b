"""What a benchmark found: rows of ratios beside their goals, as JSON and as a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from funit.home import whole_file

Values = NDArray[np.float64]
Better = Literal["lower", "higher"]

NOISE = 0.1  # of a goal: figures of the same code differ by so much from day to day

_NUM_DRAWS = 2000


@dataclass(frozen=True)
class Goal:
    """What a row should reach."""

    value: float | None
    """None: it is measured to be known."""
    better: Better = "higher"
    noise: float = NOISE
    """How far a figure may fall short of it, as a part of it."""

    def is_met(self, ratio: float) -> bool | None:
        """Whether the figure is as good, within the noise; None without a value to reach."""
        if self.value is None:
            return None
        if self.better == "higher":
            return ratio >= self.value * (1 - self.noise)
        return ratio <= self.value * (1 + self.noise)


@dataclass(frozen=True)
class Figure:
    """A ratio, or a plain figure, and where 95% of those lie that other rounds would give."""

    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    variant: str
    ratio: float
    low: float
    high: float
    better: Better
    goal: float | None
    """None: measured to compare with."""
    met: bool | None


@dataclass(frozen=True)
class LeftOut:
    """A row that there is not, and why."""

    what: str
    variant: str
    reason: str


@dataclass(eq=False)
class Results:
    """The rows, and what anyone needs to get them again."""

    goals: Mapping[str, Goal]
    about: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Results":
        """The results that `write` wrote."""
        rows = [Row(**row) for row in content["rows"]]
        left_out = [LeftOut(**item) for item in content["left_out"]]
        return cls({}, content["about"], rows, left_out)

    def add(self, what: str, variant: str, figure: Figure, has_goal: bool = True) -> None:
        """Enters a figure; without `has_goal` it is there to compare with."""
        goal = self.goals[what]
        self.rows.append(
            Row(
                what,
                variant,
                figure.ratio,
                figure.low,
                figure.high,
                goal.better,
                goal.value if has_goal else None,
                goal.is_met(figure.ratio) if has_goal else None,
            )
        )

    def leave_out(self, what: str, variant: str, reason: str) -> None:
        """Says why there is no such row."""
        assert what in self.goals
        self.left_out.append(LeftOut(what, variant, reason))

    def cells(self) -> list[list[str]]:
        """The rows as text: what, variant, ratio, spread, goal, met or missed."""
        return [
            [
                row.what,
                row.variant,
                _short(row.ratio),
                f"{_short(row.low)} to {_short(row.high)}",
                "-" if row.goal is None else f"{_SIGNS[row.better]} {row.goal:g}",
                "-" if row.met is None else "met" if row.met else "missed",
            ]
            for row in self.rows
        ]

    def write(self, path: Path) -> None:
        """Writes everything as JSON; a file there is replaced."""
        content = {
            "about": self.about,
            "rows": [asdict(row) for row in self.rows],
            "left_out": [asdict(item) for item in self.left_out],
        }
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


COLUMNS = ("what", "variant", "ratio", "spread", "goal", "")
_SIGNS: Mapping[Better, str] = {"higher": ">=", "lower": "<="}


def times_faster(base: Values, values: Values) -> Figure:
    """How many times the costs go into those of the base: medians, round by round."""
    return _ratio(base, values)


def share_of(base: Values, values: Values) -> Figure:
    """The costs as a share of those of the base: medians, round by round."""
    return _ratio(values, base)


def median_of(values: Values) -> Figure:
    """The median of figures that stand for themselves."""
    return _ratio(values, np.ones_like(values))


def combined(values: Sequence[tuple[float, Values]]) -> Values:
    """The sum of costs, each counted as often as it is said to be: round by round."""
    return np.sum([share * costs for share, costs in values], axis=0)


def _ratio(above: Values, below: Values) -> Figure:
    """Of the medians; the spread is of rounds drawn anew, both sides of a round together."""
    draws = np.random.default_rng(0).integers(len(above), size=(_NUM_DRAWS, len(above)))
    drawn = np.median(above[draws], axis=1) / np.median(below[draws], axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(float(np.median(above) / np.median(below)), float(low), float(high))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
