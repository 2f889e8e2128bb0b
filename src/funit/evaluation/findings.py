"""Where figures are gathered: rows, what each class has, and what had to be left out."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from funit.evaluation.distribution import TooFewImagesError
from funit.evaluation.metrics import Values, bootstrap, bootstrap_ratio
from funit.evaluation.report import ClassRow, LeftOut, Row

Value = TypeVar("Value", str, int)


@dataclass
class Findings:
    """The rows of a report, as they are found."""

    part: str
    seed: int
    rows: list[Row] = field(default_factory=list)
    classes: list[ClassRow] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    num_models: int | None = None
    """How many are measured, if it is known: what is left out for all of them is said once."""
    _left_out: list[LeftOut] = field(default_factory=list)

    def add(
        self,
        model: str,
        shots: int,
        metric: str,
        value: float,
        interval: tuple[float, float],
        n: int,
    ) -> None:
        """One figure and its 95% interval."""
        low, high = interval
        self.rows.append(Row(model, self.part, shots, metric, float(value), low, high, n))

    def add_mean(self, model: str, shots: int, metric: str, values: Values) -> None:
        """The mean of what each image has; those without a value (NaN) do not count."""
        values = values[~np.isnan(values)]
        if len(values):
            mean = float(values.mean())
            self.add(model, shots, metric, mean, bootstrap(values, self.seed), len(values))

    def add_ratio(self, model: str, shots: int, metric: str, values: Values, base: Values) -> None:
        """The ratio of two means, over the pairs that have both values."""
        both = ~np.isnan(values) & ~np.isnan(base)
        if both.any() and base[both].mean() > 0:
            ratio = float(values[both].mean() / base[both].mean())
            interval = bootstrap_ratio(values[both], base[both], self.seed)
            self.add(model, shots, metric, ratio, interval, int(both.sum()))

    def add_classes(
        self,
        model: str,
        shots: int,
        metric: str,
        values: Mapping[str, float],
        counts: Mapping[str, int],
    ) -> None:
        """What each class has."""
        for name, value in values.items():
            self.classes.append(ClassRow(model, shots, name, metric, value, counts[name]))

    @contextmanager
    def attempt(
        self, metric: str, model: str | None = None, shots: int | None = None
    ) -> Iterator[None]:
        """Leaves a metric out where there are too few images for it, with the reason."""
        try:
            yield
        except TooFewImagesError as error:
            self._left_out.append(LeftOut(metric, str(error), model, shots))

    def no_answers(self, metric: str, model: str, shots: int) -> None:
        """Leaves a metric out for a model that gave no image to look at."""
        reason = "it has no answers here"
        self._left_out.append(LeftOut(metric, reason, model, shots))

    def leave_out(self, metric: str, reason: str) -> None:
        """Leaves a metric out for all models."""
        self._left_out.append(LeftOut(metric, reason))

    @property
    def left_out(self) -> list[LeftOut]:
        """What has no row; what holds for all models, or for all K of one, is said once."""
        grouped: dict[tuple[str, str], list[LeftOut]] = {}
        for item in self._left_out:
            grouped.setdefault((item.metric, item.reason), []).append(item)
        found = []
        for (metric, reason), items in grouped.items():
            by_model: dict[str | None, list[LeftOut]] = {}
            for item in items:
                by_model.setdefault(item.model, []).append(item)
            if len(by_model) == (self.num_models or len(by_model)):
                by_model = {_common(item.model for item in items): items}
            for model, some in by_model.items():
                found.append(LeftOut(metric, reason, model, _common(i.shots for i in some)))
        return found


def _common(values: Iterable[Value | None]) -> Value | None:
    """The one value that all have; None where they differ."""
    different = set(values)
    return different.pop() if len(different) == 1 else None
