"""Measured images -> the figures of a report, metric by metric.

Shapes: N pairs, D features, C classes translated into.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from funit.evaluation.baselines import BASELINES
from funit.evaluation.classifier import Classifier, threshold_effect, top_k_accuracy
from funit.evaluation.distribution import (
    Features,
    Gaussian,
    InceptionSums,
    fid,
    frechet_distance,
    kid,
    nearer_to_training,
    prdc,
)
from funit.evaluation.findings import Findings
from funit.evaluation.judge import Judge
from funit.evaluation.measured import Measured
from funit.evaluation.metrics import Values, bootstrap, share_interval
from funit.evaluation.real import RealFeatures
from funit.evaluation.report import Threshold

REAL_IMAGES = "real images"  # in the place of a model
MAX_IMAGES = 10_000  # of either side, where memory grows with their number
THRESHOLDS = (0.25, 0.5, 0.75, 0.9)
T_9 = 2.262  # 97.5% of Student's distribution with nine degrees of freedom

_GROUPS = 10  # of the jackknife
_AT_ONCE = 4096  # rows of features in memory

Labels = NDArray[np.intp]


def add_errors(
    findings: Findings, measured: Mapping[str, Measured], labels: Labels, names: Sequence[str]
) -> None:
    """The means of what each image has, their ratios to the baselines, and each class's."""
    for one in measured.values():
        for metric, values in one.values.items():
            findings.add_mean(one.name, one.shots, metric, values)
            _add_classes(findings, one, metric, values, labels, names)
        for baseline in BASELINES:
            _add_ratios(findings, one, measured[baseline])
        _add_class_ratios(findings, one, measured["copy-content"], labels, names)


def _add_ratios(findings: Findings, one: Measured, baseline: Measured) -> None:
    base = _errors(baseline)
    for metric, values in _errors(one).items():
        ratio = f"{metric}/{baseline.name}"
        findings.add_ratio(one.name, one.shots, ratio, values, base[metric])


def _add_class_ratios(
    findings: Findings, one: Measured, copying: Measured, labels: Labels, names: Sequence[str]
) -> None:
    """Of each class the error on the foreground as a ratio: some classes are harder than others."""
    metric = "l1_foreground"
    values, base = one.values[metric], copying.values[metric]
    both = ~np.isnan(values) & ~np.isnan(base)
    ratios, counts = {}, {}
    for label, name in enumerate(names):
        chosen = both & (labels == label)
        if base[chosen].any():  # else there is nothing to be a share of
            ratios[name] = float(values[chosen].mean() / base[chosen].mean())
            counts[name] = int(chosen.sum())
    ratio = f"{metric}/{copying.name}"
    findings.add_classes(one.name, one.shots, ratio, ratios, counts)


def _errors(one: Measured) -> dict[str, Values]:
    """What has a ratio: 0 is no error. Of SSIM that is 1 - SSIM; PSNR is a logarithm already."""
    found = {}
    for metric, values in one.values.items():
        if metric.startswith("ssim"):
            found[f"d{metric}"] = 1 - values
        elif metric.startswith(("l1", "perceptual")):
            found[metric] = values
    return found


def _add_classes(
    findings: Findings,
    one: Measured,
    metric: str,
    values: Values,
    labels: Labels,
    names: Sequence[str],
) -> None:
    known = ~np.isnan(values)
    counts = np.bincount(labels[known], minlength=len(names))
    sums = np.bincount(labels[known], weights=values[known], minlength=len(names))
    found = {
        name: float(total / count)
        for name, total, count in zip(names, sums, counts, strict=True)
        if count
    }
    findings.add_classes(
        one.name, one.shots, metric, found, dict(zip(names, counts.tolist(), strict=True))
    )


# Accuracy and inception score


def add_accuracy(
    findings: Findings,
    measured: Mapping[str, Measured],
    labels: Labels,
    names: Sequence[str],
    judge: Judge,
    kind: str,
    classifier: Classifier,
) -> list[Threshold]:
    """Translation accuracy and inception score by one classifier; what a threshold would do."""
    found = []
    for one in measured.values():
        if not one.answered.any():
            findings.no_answers(f"top1_{kind}_{judge.name}", one.name, one.shots)
            continue

        def probabilities(one: Measured = one) -> Iterator[tuple[Features, Labels]]:
            numbers = np.flatnonzero(one.answered)
            for start in range(0, len(numbers), _AT_ONCE):
                some = numbers[start : start + _AT_ONCE]
                rows = one.features[judge.name][some, judge.first]
                yield classifier.probabilities(rows), labels[some]

        for k in (1, 5):
            metric = f"top{k}_{kind}_{judge.name}"
            with findings.attempt(metric, one.name, one.shots):
                parts = [
                    (top_k_accuracy(p, wanted, k), p.max(axis=1)) for p, wanted in probabilities()
                ]
                found_right, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
                right = np.full(len(labels), np.nan)
                right[one.answered] = found_right
                findings.add_mean(one.name, one.shots, metric, right)
                _add_classes(findings, one, metric, right, labels, names)
                if k == 1:
                    effect = threshold_effect(scores, found_right)
                    found.append(Threshold(one.name, one.shots, metric, effect))
                    _add_thresholds(findings, one, metric, scores, found_right)
        metric = f"is_{kind}_{judge.name}"
        with findings.attempt(metric, one.name, one.shots):
            count = int(one.answered.sum())
            sums = InceptionSums.of(count, len(classifier.class_names), findings.seed)
            for some, _ in probabilities():
                sums.add(some)
            score, deviation = sums.score()
            # of the mean of ten splits, by Student's distribution with nine degrees of freedom
            error = T_9 * deviation * np.sqrt(10 / 9) / np.sqrt(10)
            findings.add(one.name, one.shots, metric, score, (score - error, score + error), count)
    return found


def _add_thresholds(
    findings: Findings, one: Measured, metric: str, scores: Values, right: Values
) -> None:
    """How many translations are used, and how many of those are right, above a threshold."""
    for threshold in THRESHOLDS:
        used = scores >= threshold
        name = f"{metric}@{threshold}"
        findings.add_mean(one.name, one.shots, f"used_{name}", used.astype(np.float64))
        findings.add_mean(one.name, one.shots, name, np.where(used, right, np.nan))


def add_judge(findings: Findings, judge: Judge, kind: str, classifier: Classifier) -> None:
    """The classifier's own accuracy on real images that it was never trained on."""
    held_out = classifier.held_out
    for k, value in ((1, held_out.top1), (5, held_out.top5)):
        if value is not None:
            interval = share_interval(value, held_out.num_images)
            metric = f"top{k}_{kind}_{judge.name}"
            findings.add(REAL_IMAGES, 0, metric, value, interval, held_out.num_images)
    if classifier.is_doubtful:
        findings.warnings.append(
            f"the classifier of `top1_{kind}_{judge.name}` is right for {held_out.top1:.0%} of "
            "real images that it was not trained on: accuracies that it gives tell little"
        )


# Distributions


@dataclass(frozen=True, eq=False)
class RealSide:
    """What one judge's figures of distributions are compared with, computed once."""

    features: RealFeatures
    judge: Judge

    @cached_property
    def gaussian(self) -> Gaussian:
        """Of all real images of the classes translated into."""
        return Gaussian.of(self.features.targets.features[:, self.judge.first])

    @cached_property
    def groups(self) -> list[Gaussian]:
        """Of all but a tenth of them."""
        targets = self.features.targets
        rows = targets.features[:, self.judge.first]
        return _without_each([Gaussian.of(rows[tenth]) for tenth in _tenths(targets.labels)])

    def of_class(self, label: int) -> Features:
        """The features of one class's images."""
        return self.features.targets.features[self.features.targets.labels == label]


def add_distributions(
    findings: Findings,
    one: Measured,
    labels: Labels,
    names: Sequence[str],
    real: RealSide,
) -> None:
    """FID, KID, precision, recall, density and coverage: of all classes together and of each."""
    judge, seed = real.judge, findings.seed
    rows = one.features[judge.name]
    translated = np.flatnonzero(one.answered)
    if not len(translated):
        findings.no_answers(f"fid_{judge.name}", one.name, one.shots)
        return
    some = np.sort(np.random.default_rng([seed, 6]).permutation(translated)[:MAX_IMAGES])
    targets = real.features.targets.features
    few = np.random.default_rng([seed, 7]).permutation(len(targets))[:MAX_IMAGES]

    with findings.attempt(f"fid_{judge.name}", one.name, one.shots):
        _add_fid(findings, one, translated, labels, real)
    with findings.attempt(f"kid_{judge.name}", one.name, one.shots):
        value, deviation = kid(targets[few, judge.first], rows[some, judge.first], seed)
        interval = (value - 1.96 * deviation, value + 1.96 * deviation)
        findings.add(one.name, one.shots, f"kid_{judge.name}", value, interval, len(some))
    with findings.attempt(f"precision_{judge.name}", one.name, one.shots):
        found = prdc(targets[few, judge.first], rows[some, judge.first])
        for metric in ("precision", "recall", "density", "coverage"):
            name = f"{metric}_{judge.name}"
            findings.add_mean(one.name, one.shots, name, getattr(found, metric))

    def of_classes(metric: str, figure: Callable[[Features, Features], float]) -> None:
        with findings.attempt(metric, one.name, one.shots):
            _add_mean_of_classes(findings, one, metric, labels, names, real, figure)

    first, middle = judge.first, judge.middle
    of_classes(f"mfid_{judge.name}", lambda a, b: _fid(a[:, first], b[:, first]))
    of_classes(
        f"mfid_{judge.name}_{middle.stop - middle.start}",
        lambda a, b: _fid(a[:, middle], b[:, middle]),
    )
    of_classes(f"mkid_{judge.name}", lambda a, b: kid(a[:, first], b[:, first], seed)[0])


def add_copies(findings: Findings, one: Measured, real: RealSide) -> None:
    """The share of outputs nearer to a training image than to any image of the target classes."""
    judge = real.judge
    metric = f"copies_{judge.name}"
    with findings.attempt(metric, one.name, one.shots):
        training = real.features.seen.features[:, judge.first]
        others = real.features.targets.features[:, judge.first]
        rows = one.features[judge.name]
        copies = _in_parts(
            rows, lambda some: nearer_to_training(some[:, judge.first], training, others)
        )
        findings.add_mean(one.name, one.shots, metric, np.where(one.answered, copies, np.nan))


def _add_fid(
    findings: Findings, one: Measured, numbers: Labels, labels: Labels, real: RealSide
) -> None:
    """FID with the interval of a jackknife: a bootstrap draws images twice, which raises FID."""
    rows, columns = one.features[real.judge.name], real.judge.first
    groups = [
        Gaussian.of_batches(_batches(rows, numbers[tenth], columns))
        for tenth in _tenths(labels[numbers])
    ]
    value = fid(real.gaussian, _merged(groups))
    without = zip(real.groups, _without_each(groups), strict=True)
    values = [frechet_distance(a, b) for a, b in without]
    error = 1.96 * float(np.sqrt((_GROUPS - 1) * np.var(values)))
    interval = (max(0.0, value - error), value + error)
    findings.add(one.name, one.shots, f"fid_{real.judge.name}", value, interval, len(numbers))


def _tenths(labels: NDArray[np.integer[Any]]) -> list[Labels]:
    """Groups of numbers, dealt by chance, each class to all alike: (N,) -> ten of (N / 10,).

    The classes are what they are, so what they differ by is no part of the error.
    """
    chance = np.random.default_rng(8).random(len(labels))
    order = np.lexsort((chance, labels))
    return [np.sort(order[i::_GROUPS]) for i in range(min(_GROUPS, len(labels)))]


def _without_each(groups: Sequence[Gaussian]) -> list[Gaussian]:
    """For each group the Gaussian of all others."""
    return [_merged([*groups[:i], *groups[i + 1 :]]) for i in range(len(groups))]


def _merged(groups: Sequence[Gaussian]) -> Gaussian:
    return reduce(Gaussian.merged, groups)


def _batches(rows: Features, numbers: Labels, columns: slice) -> Iterator[Features]:
    for start in range(0, len(numbers), _AT_ONCE):
        yield rows[numbers[start : start + _AT_ONCE], columns]


def _fid(real: Features, translated: Features) -> float:
    return fid(Gaussian.of(real), Gaussian.of(translated))


def _add_mean_of_classes(
    findings: Findings,
    one: Measured,
    metric: str,
    labels: Labels,
    names: Sequence[str],
    real: RealSide,
    figure: Callable[[Features, Features], float],
) -> None:
    """The mean over classes; a class with too few images leaves the whole metric out."""
    rows = one.features[real.judge.name]
    values, counts = {}, {}
    for label, name in enumerate(names):
        numbers = np.flatnonzero((labels == label) & one.answered)[:MAX_IMAGES]
        counts[name] = len(numbers)
        values[name] = figure(real.of_class(label), rows[numbers])
    interval = bootstrap(np.array(list(values.values())), findings.seed)
    mean = float(np.mean(list(values.values())))
    findings.add(one.name, one.shots, metric, mean, interval, sum(counts.values()))
    findings.add_classes(one.name, one.shots, metric, values, counts)


def _in_parts(rows: Features, compute: Callable[[Features], Values]) -> Values:
    """What is computed of each row, some rows in memory at a time."""
    return np.concatenate(
        [compute(rows[start : start + _AT_ONCE]) for start in range(0, len(rows), _AT_ONCE)]
    )
