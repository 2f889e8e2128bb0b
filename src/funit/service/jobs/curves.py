"""The curves of a job: what the trainings of its candidates logged, as points for a chart."""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from funit.service.jobs.manager import job_folder

Points = list[tuple[int, float]]
"""Images seen, and the mean since the point before."""

_PREFIXES = ("d/", "g/", "s/")  # of the discriminator, of the generator, of samples


def curves_of(job_id: str, num_points: int) -> Mapping[int, Mapping[str, Points]]:
    """Each candidate's curves by name, of at most so many points each."""
    files = job_folder(job_id).glob("candidate-*/metrics.jsonl")
    numbered = {int(file.parent.name.rpartition("-")[2]): file for file in files}
    return {candidate: _read(numbered[candidate], num_points) for candidate in sorted(numbered)}


def thinned(points: Sequence[tuple[int, float]], num_points: int) -> Points:
    """At most so many points: the means of as many neighbours each."""
    step = max(1, math.ceil(len(points) / num_points))
    groups = [points[start : start + step] for start in range(0, len(points), step)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]


def _read(path: Path, num_points: int) -> Mapping[str, Points]:
    found: dict[str, Points] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):  # the last line may be cut short
            line = json.loads(text)
            for name, value in line.items():
                is_curve = name.startswith(_PREFIXES) or name == "images_per_second"
                if is_curve and math.isfinite(value):  # JSON has no other numbers
                    found.setdefault(name, []).append((line["images"], value))
    return {name: thinned(points, num_points) for name, points in sorted(found.items())}
