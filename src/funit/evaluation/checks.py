"""Two experiments beside the pairs: do outputs follow examples and poses, and do they teach?

Shapes: M images of a group, K examples, D features, C classes translated into.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import numpy as np

from funit.data.packed import Packed
from funit.evaluation.candidates import Candidate
from funit.evaluation.classifier import Labelled, few_shot_accuracy
from funit.evaluation.distribution import diversity
from funit.evaluation.findings import Findings
from funit.evaluation.judge import Judge, Rows
from funit.evaluation.metrics import Values
from funit.evaluation.pairs import Chooser, Pair, load_pairs, real_image
from funit.evaluation.real import RealImages

NUM_GROUPS, GROUP_SIZE = 30, 5  # of the spread
NUM_SPLITS = 5  # of few-shot use, as in the paper
NUM_TRANSLATIONS = (0, 1, 50, 100)  # added for a class, as in the paper

_T = 2.776  # 97.5% of Student's distribution with four degrees of freedom: of five splits

Advance = Callable[[int], None]  # so many images more are done


def add_spread(
    findings: Findings,
    candidate: Candidate,
    packed: Packed,
    size: int,
    shots: int,
    chooser: Chooser,
    judge: Judge,
    advance: Advance,
) -> None:
    """How far apart outputs are for several looks, and for several poses, beside real images.

    0 is a model that ignores the examples, or the content image; 1 is as far apart as the truth, or
    where it is not known as other real images of those classes.
    """
    for metric, choose in (
        (f"look_spread_{judge.name}", chooser.same_content),
        (f"pose_spread_{judge.name}", chooser.same_look),
    ):
        groups = [
            [pair.with_shots(shots) for pair in choose(number, GROUP_SIZE)]
            for number in range(NUM_GROUPS)
        ]
        spreads = _spreads(candidate, packed, size, groups, judge, advance)
        if spreads is None:
            findings.no_answers(metric, candidate.name, shots)
        elif not spreads:
            findings.leave_out(metric, "DATA has no two images to compare for it")
        else:
            findings.add_ratio(candidate.name, shots, metric, *np.array(spreads).T)


def _spreads(
    candidate: Candidate,
    packed: Packed,
    size: int,
    groups: Sequence[Sequence[Pair]],
    judge: Judge,
    advance: Advance,
) -> list[tuple[float, float]] | None:
    """Of each group the distance between outputs and between real images; None: no answers."""
    found = []
    for pairs in groups:
        if len(pairs) < 2:
            continue
        outputs = _features(candidate, packed, size, pairs, judge)
        if outputs is None:
            return None
        advance(len(pairs))
        real = diversity(_real(packed, size, pairs, judge)[:, judge.first])
        if real > 0:  # else the class has a single image to show, or all of them are alike
            found.append((diversity(outputs[:, judge.first]), real))
    return found


def add_few_shot(
    findings: Findings,
    candidate: Candidate,
    packed: Packed,
    size: int,
    shots: int,
    chooser: Chooser,
    judge: Judge,
    real: RealImages,
    features: Labelled,
    advance: Advance,
) -> None:
    """The paper's use of translations: what K real images and M translations a class teach.

    The mean over splits of the accuracy on real images, of each class alike; the interval is that
    of the mean over splits, by Student's distribution.
    """
    accuracies: dict[int, list[float]] = {count: [] for count in NUM_TRANSLATIONS}
    for split in range(NUM_SPLITS):
        classes = [
            [pair.with_shots(shots) for pair in pairs]
            for pairs in chooser.few_shot(split, max(NUM_TRANSLATIONS))
        ]
        parts = []
        for pairs in classes:
            part = _features(candidate, packed, size, pairs, judge)
            advance(len(pairs))
            if part is None:
                findings.no_answers(f"few_shot_{judge.name}", candidate.name, shots)
                return
            parts.append(part[:, judge.first])
        examples = [pairs[0].examples for pairs in classes]
        taught, held_out = _few_real(packed, size, judge, real, features, examples)
        for count in NUM_TRANSLATIONS:
            added = _labelled([part[:count] for part in parts]) if count else None
            with findings.attempt(f"few_shot_{count}_{judge.name}", candidate.name, shots):
                right = few_shot_accuracy(taught, added, held_out)
                accuracies[count].append(_mean_of_classes(right, held_out))
    for count, found in accuracies.items():
        if len(found) == NUM_SPLITS:
            mean = float(np.mean(found))
            error = _T * float(np.std(found, ddof=1)) / np.sqrt(NUM_SPLITS)
            interval = (max(0.0, mean - error), min(1.0, mean + error))
            name = f"few_shot_{count}_{judge.name}"
            findings.add(candidate.name, shots, name, mean, interval, NUM_SPLITS)


def _features(
    candidate: Candidate, packed: Packed, size: int, pairs: Sequence[Pair], judge: Judge
) -> Rows | None:
    """What the judge sees in the answers, in the order of the pairs; None without an answer."""
    found: dict[int, Rows] = {}
    for numbers, some in load_pairs(packed, pairs, size, len(pairs[0].examples), len(pairs)):
        images = candidate.answer([pairs[n] for n in numbers], some)
        if images is None:
            return None
        found |= zip(numbers, judge.features(images), strict=True)
    return np.stack([found[n] for n in range(len(pairs))])


def _real(packed: Packed, size: int, pairs: Sequence[Pair], judge: Judge) -> Rows:
    """What the judge sees in the truth; where it is not known, in the class's other images."""
    random = np.random.default_rng(pairs[0].content)
    spare: dict[int, Iterator[int]] = {}  # of each class, so that no image stands for two
    images = []
    for pair in pairs:
        number = pair.truth
        if number is None:
            if id(pair.target) not in spare:
                others = [i for i in range(len(pair.target)) if i not in pair.examples]
                spare[id(pair.target)] = cycle(random.permutation(others).tolist())
            number = next(spare[id(pair.target)])
        images.append(real_image(packed, pair.target, number, size))
    return judge.features(np.stack(images))


def _few_real(
    packed: Packed,
    size: int,
    judge: Judge,
    real: RealImages,
    features: Labelled,
    examples: Sequence[tuple[int, ...]],
) -> tuple[Labelled, Labelled]:
    """The examples of each class, and all its other images that are looked at."""
    taught = []
    is_taught = np.zeros(len(features.labels), dtype=bool)
    for label, (target, numbers) in enumerate(zip(real.targets, examples, strict=True)):
        shown = [real_image(packed, target, i, size) for i in numbers]
        taught.append(judge.features(np.stack(shown))[:, judge.first])
        is_taught[features.labels == label] = np.isin(real.numbers_of(target), numbers)
    held_out = ~is_taught
    rows = features.features[held_out][:, judge.first]
    return _labelled(taught), Labelled(rows, features.labels[held_out])


def _labelled(parts: Sequence[Rows]) -> Labelled:
    """The features of each class, in order."""
    labels = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return Labelled(np.concatenate(parts), labels)


def _mean_of_classes(right: Values, images: Labelled) -> float:
    counts = np.bincount(images.labels)
    known = counts > 0
    return float((np.bincount(images.labels, weights=right)[known] / counts[known]).mean())
