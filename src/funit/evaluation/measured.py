"""Candidates answer pairs: what is measured on each image, without keeping the images.

Shapes: N pairs, D features. An evaluation of 25,000 pairs for every class streams: in memory are a
few numbers a pair, on disk its features.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from funit.data.packed import Packed
from funit.evaluation.candidates import Candidate
from funit.evaluation.judge import Judge, Rows
from funit.evaluation.metrics import (
    Images,
    Values,
    foreground_of,
    l1,
    l1_foreground,
    psnr,
    psnr_foreground,
    ssim,
    ssim_foreground,
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


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what does not fit into memory; it is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="evaluation-", dir=home()) as folder:
        yield Path(folder)


def measure(
    candidates: Sequence[Candidate],
    packed: Packed,
    pairs: Sequence[Pair],
    size: int,
    shots: int,
    judges: Sequence[Judge],
    folder: Path,
    progress: Progress | None = None,
) -> dict[str, Measured]:
    """Each candidate on the same pairs with their first K examples."""
    found = {
        candidate.name: _nothing_yet(
            candidate.name, shots, len(pairs), judges, folder / f"{n}-{shots}"
        )
        for n, candidate in enumerate(candidates)
    }
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
    truth, content = pairs.truth, pairs.content
    assert truth is not None, "the truth is not known"
    return {
        "l1": l1(images, truth),
        "l1_foreground": l1_foreground(images, truth, content),
        "psnr": psnr(images, truth),
        "psnr_foreground": psnr_foreground(images, truth, content),
        "ssim": ssim(images, truth),
        "ssim_foreground": ssim_foreground(images, truth, content),
    }


def _nothing_yet(
    name: str, shots: int, num_pairs: int, judges: Sequence[Judge], path: Path
) -> Measured:
    metrics = [*TRUTH_METRICS, *(f"{d}_{judge.name}" for judge in judges for d in DISTANCES)]
    path.mkdir()
    features = {
        judge.name: np.lib.format.open_memmap(
            path / f"{judge.name}.npy", "w+", np.float32, (num_pairs, judge.num_features)
        )
        for judge in judges
    }
    values = {metric: np.full(num_pairs, np.nan) for metric in metrics}
    return Measured(name, shots, values, features, np.zeros(num_pairs, dtype=bool))


def _enter(
    measured: Measured,
    numbers: Sequence[int],
    images: Images,
    pairs: Pairs,
    judges: Sequence[Judge],
) -> None:
    index = list(numbers)
    measured.answered[index] = True
    masks = None
    if pairs.truth is not None:
        masks = foreground_of(pairs.truth, pairs.content)
        for metric, errors in truth_errors(images, pairs).items():
            measured.values[metric][index] = errors
    for judge in judges:
        measured.features[judge.name][index] = judge.features(images)
        compared = judge.compare(images, pairs.content, pairs.truth, masks)
        for distance in DISTANCES:
            measured.values[f"{distance}_{judge.name}"][index] = getattr(compared, distance)
