"""Candidates answer pairs: what is measured on each image, without keeping the images.

Shapes: N pairs, D features. An evaluation of 25,000 pairs for every class streams: in memory are a
few numbers a pair, on disk its features.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from funit.data.packed import Packed
from funit.evaluation.candidates import Candidate
from funit.evaluation.judge import Judge, Rows
from funit.evaluation.metrics import (
    Images,
    Values,
    l1,
    psnr,
    ssim,
)
from funit.evaluation.pairs import Pair, Pairs, load_pairs
from funit.home import home

Progress = Callable[[int, int], None]  # (done, in all)

TRUTH_METRICS = ("l1", "l1_foreground", "psnr", "psnr_foreground", "ssim", "ssim_foreground")
DISTANCES = ("dipd", "perceptual", "perceptual_foreground")

_AT_ONCE = 32  # pairs in memory


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured on one candidate's answers with K examples."""

    name: str
    shots: int
    values: dict[str, Values]
    """By metric, (N,): NaN where there is none."""
    features: Mapping[str, Rows]
    """By judge, (N, D), on disk."""
    answered: NDArray[np.bool_]
    """(N,): whether there is an image."""


def measure(
    candidates: Sequence[Candidate],
    packed: Packed,
    pairs: Sequence[Pair],
    size: int,
    shots: int,
    judges: Sequence[Judge],
    progress: Progress | None = None,
) -> dict[str, Measured]:
    """Each candidate on the same pairs with their first K examples."""
    found = {each.name: _nothing_yet(each.name, shots, len(pairs), judges) for each in candidates}
    done = 0
    for numbers, some in load_pairs(packed, pairs, size, shots, _AT_ONCE):
        chunk = [pairs[n].with_shots(shots) for n in numbers]
        for candidate in candidates:
            images = candidate.answer(chunk, some)
            if images is not None:
                _enter(found[candidate.name], numbers, images, some, judges)
        done += len(numbers)
        if progress:
            progress(done, len(pairs))
    return found


def truth_errors(images: Images, pairs: Pairs) -> dict[str, Values]:
    """The errors of each image against the truth, by metric: (N, H, W, 3) -> (N,)."""
    truth, mask = pairs.truth, pairs.foreground
    assert truth is not None, "the truth is not known"
    return {
        "l1": l1(images, truth),
        "l1_foreground": l1(images, truth, mask),
        "psnr": psnr(images, truth),
        "psnr_foreground": psnr(images, truth, mask),
        "ssim": ssim(images, truth),
        "ssim_foreground": ssim(images, truth, mask),
    }


def dipd_of_truth(
    packed: Packed, pairs: Sequence[Pair], size: int, judge: Judge, most: int = 500
) -> Values:
    """What the true answers to the first pairs have: a perfect model's DIPD is not 0."""
    found = []
    for _, some in load_pairs(packed, pairs[:most], size, 1, _AT_ONCE):
        if some.truth is not None:
            found.append(judge.compare(some.truth, some.content, None, None).dipd)
    return np.concatenate([*found, np.empty(0)])


def _nothing_yet(name: str, shots: int, num_pairs: int, judges: Sequence[Judge]) -> Measured:
    metrics = [*TRUTH_METRICS, *(f"{d}_{judge.name}" for judge in judges for d in DISTANCES)]
    features = {judge.name: _rows_on_disk(num_pairs, judge.num_features) for judge in judges}
    values = {metric: np.full(num_pairs, np.nan) for metric in metrics}
    return Measured(name, shots, values, features, np.zeros(num_pairs, dtype=bool))


def _rows_on_disk(count: int, size: int) -> Rows:
    """(N, D) in a file without a name: however the process ends, nothing stays behind."""
    with tempfile.TemporaryFile(dir=home()) as file:
        return np.memmap(file, np.float32, "w+", shape=(count, size))


def _enter(
    measured: Measured,
    numbers: Sequence[int],
    images: Images,
    pairs: Pairs,
    judges: Sequence[Judge],
) -> None:
    index = list(numbers)
    measured.answered[index] = True
    if pairs.truth is not None:
        for metric, errors in truth_errors(images, pairs).items():
            measured.values[metric][index] = errors
    for judge in judges:
        measured.features[judge.name][index] = judge.features(images)
        compared = judge.compare(images, pairs.content, pairs.truth, pairs.foreground)
        for distance in DISTANCES:
            measured.values[f"{distance}_{judge.name}"][index] = getattr(compared, distance)
