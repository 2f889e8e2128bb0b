"""Translations to look at: the best, those in the middle, and the worst of each candidate."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from funit.data.packed import Packed
from funit.evaluation.candidates import Candidate
from funit.evaluation.measured import Measured
from funit.evaluation.pairs import Pair, load_pairs
from funit.evaluation.report import Rank, Sample

NUM_A_RANK = 4

# By what they are ranked: the first that is known.
_RANKED_BY = ("l1_foreground", "perceptual", "dipd")


def pick_samples(
    candidates: Sequence[Candidate],
    measured: Mapping[str, Measured],
    packed: Packed,
    pairs: Sequence[Pair],
    size: int,
) -> list[Sample]:
    """Some of each rank of each candidate; none where nothing ranks them."""
    found = []
    for candidate in candidates:
        one = measured[candidate.name]
        metric = _metric(one)
        if metric is None:
            continue
        for rank, numbers in _ranked(one.values[metric]).items():
            found += [
                _sample(candidate, one, packed, pairs[n], size, rank, metric, n) for n in numbers
            ]
    return found


def _sample(
    candidate: Candidate,
    one: Measured,
    packed: Packed,
    pair: Pair,
    size: int,
    rank: Rank,
    metric: str,
    number: int,
) -> Sample:
    shown = pair.with_shots(one.shots)
    ((_, images),) = load_pairs(packed, [shown], size, one.shots, 1)
    translation = candidate.answer([shown], images)
    assert translation is not None, "it was answered before"
    return Sample(
        one.name,
        one.shots,
        rank,
        metric,
        float(one.values[metric][number]),
        pair.source.name,
        pair.target.name,
        images.content[0],
        images.examples[0],
        translation[0],
        None if images.truth is None else images.truth[0],
    )


def _metric(one: Measured) -> str | None:
    for wanted in _RANKED_BY:
        for metric, values in one.values.items():
            if metric.startswith(wanted) and not np.isnan(values).all():
                return metric
    return None


def _ranked(values: NDArray[np.float64]) -> dict[Rank, list[int]]:
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")].tolist()
    count = min(NUM_A_RANK, max(1, len(order) // 3))
    middle = (len(order) - count) // 2
    return {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[::-1][:count],
    }
