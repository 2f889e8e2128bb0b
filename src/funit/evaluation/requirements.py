"""What a model must reach before it is published: `l1_foreground<=0.1`, held against its scores."""

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from funit.errors import UserError
from funit.evaluation.baselines import BASELINES
from funit.evaluation.report import Row
from funit.evaluation.scores import REAL_IMAGES

SHOTS = 5  # examples, where a requirement does not say how many

_FORM = re.compile(
    r"(?P<metric>[a-z][a-z0-9_/.-]*)(@(?P<shots>[0-9]{1,3}))?\s*"
    r"(?P<sign><=|>=|<|>)\s*(?P<limit>[-+]?[0-9]*\.?[0-9]+(e[-+]?[0-9]+)?)"
)
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Requirement:
    """A metric, and what it must be."""

    metric: str
    shots: int
    sign: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> "Requirement":
        """`METRIC<=X`, `METRIC@EXAMPLES>=X`; raises UserError."""
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise UserError(
                f"`{text}` is no requirement", hint="write `l1_foreground<=0.1` or `l1@1<=0.2`"
            )
        shots = int(found["shots"] or SHOTS)
        return cls(found["metric"], shots, found["sign"], float(found["limit"]))

    def is_met(self, value: float) -> bool:
        """Whether a figure is as it must be; one that is no number never is."""
        return _SIGNS[self.sign](value, self.limit)


def read_scores(file: Path, model: str) -> list[dict[str, Any]]:
    """The rows of a model, which bear its name, and of the baselines in a report; UserError.

    The model is called as it was given to `funit evaluate`, or is the only one there.
    """
    try:
        rows = [Row(**row) for row in json.loads(file.read_text(encoding="utf-8"))["rows"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"`{file}` has no scores that can be read: {error}",
            hint="`funit evaluate --json FILE` writes them",
        ) from None
    others = {*BASELINES, REAL_IMAGES}
    names = list(dict.fromkeys(row.model for row in rows if row.model not in others))
    if model not in names and len(names) != 1:
        raise UserError(
            f"`{file}` has no scores of `{model}`", hint=f"it has those of {', '.join(names)}"
        )
    own = model if model in names else names[0]
    called = {own: model} | {name: name for name in BASELINES}
    return [asdict(row) | {"model": called[row.model]} for row in rows if row.model in called]


def check_requirements(scores: Sequence[Mapping[str, Any]], wanted: Sequence[Requirement]) -> None:
    """Raises UserError unless the rows of the model itself, of every part, meet all of them."""
    for one in wanted:
        values = [
            float(row["value"])
            for row in scores
            if row["model"] not in BASELINES
            and (row["metric"], row["shots"]) == (one.metric, one.shots)
        ]
        if not values:
            raise UserError(
                f"the model has no score `{one.metric}` of {one.shots} examples",
                hint="`funit evaluate --json FILE` measures it, `--scores FILE` gives it",
            )
        if missed := [value for value in values if not one.is_met(value)]:
            raise UserError(
                f"`{one.metric}` of {one.shots} examples is {missed[0]:.4g}; "
                f"{one.sign} {one.limit:g} is required",
                hint="train it longer, or ask for less",
            )
