"""The paper's test: every model and baseline on the same pairs, with one, five, ... examples.

Shapes: N pairs, K examples each, H x W pixels; all images uint8 (..., H, W, 3).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from funit.data.catalog import ALL, UNSEEN
from funit.data.packed import Packed
from funit.errors import UserError
from funit.evaluation import checks
from funit.evaluation.candidates import (
    Baseline,
    Candidate,
    Folder,
    Opened,
    Truth,
    open_candidates,
)
from funit.evaluation.findings import Findings
from funit.evaluation.judge import Judge
from funit.evaluation.measured import Measured, dipd_of_truth, measure
from funit.evaluation.measures import DEFAULT_NETWORK, MEASURES, checked_measures
from funit.evaluation.pairs import Chooser, ChosenPairs, Pair, write_pairs
from funit.evaluation.real import RealFeatures, RealImages, classifiers, real_features
from funit.evaluation.report import Report, Sample, Threshold, about
from funit.evaluation.samples import pick_samples
from funit.evaluation.scores import (
    REAL_IMAGES,
    RealSide,
    add_accuracy,
    add_copies,
    add_distributions,
    add_errors,
    add_judge,
)
from funit.feature_networks import feature_network
from funit.model.device import find_device, keep_freed_memory

DEFAULT_PAIRS, QUICK_PAIRS = 1500, 200  # FID by EfficientNet-lite0 needs 1,281
DEFAULT_SHOTS = (1, 5)

Progress = Callable[[str, int, int], None]  # (what is done, images done, images in all)


@dataclass(frozen=True)
class Network:
    """A feature network that shall judge, as `feature_network` takes it."""

    name: str
    weights: Path | None = None
    sha256: str = ""


def evaluate(
    models: Sequence[str | Path],
    data: Path,
    *,
    part: str | None = None,
    truth: Truth = "auto",
    shots: Sequence[int] | None = None,
    num_pairs: int | None = None,
    quick: bool = False,
    measures: Sequence[str] | None = None,
    networks: Sequence[Network] | None = None,
    allow_same_network: bool = False,
    pairs_csv: Path | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Report:
    """Measures models, and the baselines beside them, on classes of DATA, all on the same pairs.

    A model is a name, a folder, or a folder of another program's translations with its `pairs.csv`,
    whose pairs are then those of all. `quick` makes 200 pairs and a few real images do and leaves
    out what takes long; `measures` (of `MEASURES`) says itself what is measured beside the errors
    of each image. No network may judge a model that was trained with it. `pairs_csv` is written
    with the pairs.

    `part` is by default `unseen`, and all classes where DATA is not divided. The true answers are
    known where a file name stands in two classes and, with `truth` `auto`, images of one name are
    nearer to each other than to others; `names` and `none` say so without looking.
    """
    keep_freed_memory()
    looks_at_few = quick and measures is None
    measures = checked_measures(measures, quick)
    opened = open_candidates(models, Path(data), device, truth)
    candidates, packed, size = opened.candidates, opened.packed, opened.size
    part = part or _default_part(packed)
    findings = Findings(part, seed, num_models=len(candidates))
    _note_classes(findings, candidates, packed)
    _note_truth(findings, opened, truth)
    judges = _judges(networks, candidates, allow_same_network, device, findings)
    if num_pairs is None:
        num_pairs = QUICK_PAIRS if quick else DEFAULT_PAIRS
    pairs = _pairs(opened, part, shots, num_pairs, seed)
    if pairs_csv:
        write_pairs(packed, pairs[max(pairs)], list(pairs), pairs_csv)
    for measure_name in MEASURES:
        if measure_name not in measures:
            findings.leave_out(measure_name, "it was not asked for")
    test = Test(
        tuple(candidates),
        packed,
        size,
        part,
        pairs,
        measures,
        findings,
        opened.names_are_poses,
        looks_at_few,
    )
    return test.report(Path(data).name, judges, progress or _no_progress)


@dataclass(frozen=True, eq=False)
class Test:
    """What is measured, on what; the figures go to `findings`."""

    __test__ = False  # pytest: this is none of its own

    candidates: tuple[Candidate, ...]
    packed: Packed
    size: int
    part: str
    pairs: Mapping[int, Sequence[Pair]]
    """By the number of examples."""
    measures: Sequence[str]
    findings: Findings
    names_are_poses: bool = True
    looks_at_few: bool = False
    """At few real images, of the classes translated into alone."""

    @property
    def class_names(self) -> list[str]:
        """Of the classes translated into, in the order of their labels."""
        return [cls.name for cls in self.packed.part(self.part)]

    @cached_property
    def choosers(self) -> dict[int, Chooser]:
        """For each K what draws the pairs of the checks: it numbers every file name, so once."""
        seed, are_poses = self.findings.seed, self.names_are_poses
        return {k: Chooser(self.packed, self.part, k, seed, are_poses) for k in self.pairs}

    def report(self, data: str, judges: Sequence[Judge], progress: Progress) -> Report:
        """Measures everything; what was found on the data of that name."""
        samples, thresholds = self.run(judges, progress)
        findings = self.findings
        settings = {
            "data": data,
            "part": self.part,
            "shots": list(self.pairs),
            "pairs": max(len(some) for some in self.pairs.values()),
            "size": self.size,
            "measures": list(self.measures),
            "few_real_images": self.looks_at_few,
        }
        extractor = {judge.name: judge.network.sha256 for judge in judges}
        described = about(findings.seed, settings, self.packed.fingerprint, extractor)
        models = {each.name: dict(each.about) for each in self.candidates if each.about}
        return Report(
            described | {"models": models},
            findings.rows,
            findings.left_out,
            findings.warnings,
            findings.classes,
            samples,
            thresholds,
        )

    def run(
        self, judges: Sequence[Judge], progress: Progress
    ) -> tuple[list[Sample], list[Threshold]]:
        """Measures everything; returns what a page shows beside the figures."""
        thresholds: list[Threshold] = []
        measured = {k: self._measure(k, judges, progress) for k in self.pairs}
        labels = {k: self._labels(pairs) for k, pairs in self.pairs.items()}
        for k, of_models in measured.items():
            add_errors(self.findings, of_models, labels[k], self.class_names)
        for judge in judges:
            thresholds += self._judge(judge, measured, labels, progress)
        most = max(self.pairs)
        samples = pick_samples(
            self.candidates, measured[most], self.packed, self.pairs[most], self.size
        )
        return samples, thresholds

    def _measure(self, k: int, judges: Sequence[Judge], progress: Progress) -> dict[str, Measured]:
        what = f"translating by {k} example{'s' * (k > 1)}"
        return measure(
            self.candidates,
            self.packed,
            self.pairs[k],
            self.size,
            k,
            judges,
            lambda done, total: progress(what, done, total),
        )

    def _labels(self, pairs: Sequence[Pair]) -> NDArray[np.intp]:
        """The number of the class that each pair is translated into."""
        numbers = {id(cls): label for label, cls in enumerate(self.packed.part(self.part))}
        return np.array([numbers[id(pair.target)] for pair in pairs], dtype=np.intp)

    def _judge(
        self,
        judge: Judge,
        measured: Mapping[int, Mapping[str, Measured]],
        labels: Mapping[int, NDArray[np.intp]],
        progress: Progress,
    ) -> list[Threshold]:
        """What takes a feature network's judgement beyond single images."""
        thresholds: list[Threshold] = []
        truth = dipd_of_truth(self.packed, self.pairs[max(self.pairs)], self.size, judge)
        self.findings.add_mean(REAL_IMAGES, 0, f"dipd_{judge.name}", truth)
        if set(self.measures) - {"spread"}:
            real = self._real_images()
            features = real_features(
                judge,
                self.packed,
                self.size,
                real,
                lambda done, total: progress("looking at real images", done, total),
            )
            if "accuracy" in self.measures:
                thresholds = self._add_accuracy(judge, real, features, measured, labels)
            side = RealSide(features, judge)
            for k, of_models in measured.items():
                for one in of_models.values():
                    if "distribution" in self.measures:
                        add_distributions(self.findings, one, labels[k], self.class_names, side)
                    if "copies" in self.measures:
                        add_copies(self.findings, one, side)
            if "few-shot" in self.measures:
                self._add_few_shot(judge, real, features, progress)
        if "spread" in self.measures:
            self._add_spread(judge, progress)
        return thresholds

    def _real_images(self) -> RealImages:
        """Those that the networks look at."""
        targets, seed = self.packed.part(self.part), self.findings.seed
        if self.looks_at_few:
            return RealImages.few(targets, seed)
        return RealImages.of(self.packed, targets, seed)

    def _add_accuracy(
        self,
        judge: Judge,
        real: RealImages,
        features: RealFeatures,
        measured: Mapping[int, Mapping[str, Measured]],
        labels: Mapping[int, NDArray[np.intp]],
    ) -> list[Threshold]:
        found: list[Threshold] = []
        known = classifiers(judge, self.packed, self.size, self.part, real, features)
        for kind, get in known.items():
            with self.findings.attempt(f"top1_{kind}_{judge.name}"):
                classifier = get()
                add_judge(self.findings, judge, kind, classifier)
                for k, of_models in measured.items():
                    found += add_accuracy(
                        self.findings,
                        of_models,
                        labels[k],
                        self.class_names,
                        judge,
                        kind,
                        classifier,
                    )
        if "all" not in known:
            reason = "DATA has no seen classes beside those translated into"
            if self.looks_at_few:
                reason = "it was not asked for"
            self.findings.leave_out(f"top1_all_{judge.name}", reason)
        elif len(real.seen) < real.num_seen_classes:
            self.findings.warnings.append(
                f"the classifier of `top1_all_{judge.name}` knows {len(real.seen)} of the "
                f"{real.num_seen_classes:,} seen classes"
            )
        return found

    def _add_spread(self, judge: Judge, progress: Progress) -> None:
        tasks = [(each, k) for each in self.candidates for k in self.pairs]
        with _counting(
            progress, "checking the spread", len(tasks) * 2 * checks.NUM_GROUPS * checks.GROUP_SIZE
        ) as advance:
            for candidate, k in tasks:
                checks.add_spread(
                    self.findings,
                    candidate,
                    self.packed,
                    self.size,
                    k,
                    self.choosers[k],
                    judge,
                    advance,
                )

    def _add_few_shot(
        self, judge: Judge, real: RealImages, features: RealFeatures, progress: Progress
    ) -> None:
        tasks = [
            (each, k)
            for each in self.candidates
            if not isinstance(each, Baseline)  # which nobody would use to teach
            for k in self.pairs
        ]
        translations = checks.NUM_SPLITS * max(checks.NUM_TRANSLATIONS) * len(real.targets)
        with _counting(progress, "few-shot use", len(tasks) * translations) as advance:
            for candidate, k in tasks:
                checks.add_few_shot(
                    self.findings,
                    candidate,
                    self.packed,
                    self.size,
                    k,
                    self.choosers[k],
                    judge,
                    real,
                    features.targets,
                    advance,
                )


def _no_progress(what: str, done: int, total: int) -> None:
    """Nobody looks."""


@contextmanager
def _counting(progress: Progress, what: str, total: int) -> Iterator[Callable[[int], None]]:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(what, min(done, total), total)

    yield advance


def _judges(
    networks: Sequence[Network] | None,
    candidates: Sequence[Candidate],
    allow_same: bool,
    device: str,
    findings: Findings,
) -> list[Judge]:
    """The networks that judge; without a word about them EfficientNet-lite0, if it is installed."""
    asked = [Network(DEFAULT_NETWORK)] if networks is None else networks
    if not allow_same:
        _check_networks(asked, candidates)
    try:
        return [
            Judge(feature_network(n.name, n.weights, sha256=n.sha256, device=find_device(device)))
            for n in asked
        ]
    except UserError as error:
        if networks is not None:
            raise
        findings.leave_out("whatever needs a feature network", f"{error.message}: {error.hint}")
        return []


def _check_networks(networks: Sequence[Network], candidates: Sequence[Candidate]) -> None:
    for candidate in candidates:
        trained_with: Sequence[Any] = candidate.about.get("feature_networks", ())
        for network in networks:
            if network.name in trained_with:
                raise UserError(
                    f"`{candidate.name}` was trained with `{network.name}`, which cannot judge it",
                    hint="give another `--network`, or `--allow-same-network` to see it all the "
                    "same",
                )


def _default_part(packed: Packed) -> str:
    """The unseen classes; all of them where DATA is not divided."""
    return ALL if len(packed.parts) == 1 and UNSEEN not in packed.parts else UNSEEN


def _note_classes(findings: Findings, candidates: Sequence[Candidate], packed: Packed) -> None:
    """Warns where figures are not of new classes, or copying has real answers to give."""
    if findings.part != UNSEEN:
        for candidate in candidates:
            if candidate.about.get("data") == packed.fingerprint:
                findings.warnings.append(
                    f"`{candidate.name}` was trained on this data: its figures say nothing of "
                    "classes that it never saw"
                )
    if len(packed.parts) == 1 or findings.part == ALL:
        findings.warnings.append(
            "content images are of the classes translated into, so what compares distributions "
            "finds nothing wrong with `copy-content`: its images are real ones"
        )


def _note_truth(findings: Findings, opened: Opened, truth: Truth) -> None:
    """Says why no truth is known."""
    if opened.names_are_poses:
        return
    reason = "no file name stands in two classes, so no truth is known"
    if truth == "none":
        reason = "it was asked for without a truth"
    elif opened.distance is not None:
        reason = (
            "names of files are numbers, not poses: images of one name are "
            f"{opened.distance:.2f} times as far apart as others (`--truth names` says otherwise)"
        )
    findings.leave_out("l1, l1_foreground, psnr, ssim, perceptual", reason)


def _pairs(
    opened: Opened,
    part: str,
    shots: Sequence[int] | None,
    num_pairs: int,
    seed: int,
) -> dict[int, Sequence[Pair]]:
    """The pairs of all candidates by K: those of a folder of translations, else chosen ones."""
    packed, are_poses = opened.packed, opened.names_are_poses
    folders = [each for each in opened.candidates if isinstance(each, Folder)]
    if not folders:
        shots = sorted(shots or DEFAULT_SHOTS)
        chosen = ChosenPairs(Chooser(packed, part, max(shots), seed, are_poses), num_pairs)
        return dict.fromkeys(shots, chosen)
    first, *others = folders
    for other in others:
        if other.files.keys() != first.files.keys():
            raise UserError(
                f"`{other.name}` has other pairs than `{first.name}`",
                hint="the same pairs for all: evaluate them one by one, or translate the same",
            )
    _check_targets(packed, part, first)
    wanted = sorted(shots or first.pairs)
    if missing := [k for k in wanted if k not in first.pairs]:
        raise UserError(
            f"`{first.name}` has no translations by {missing[0]} examples",
            hint=f"ask for `--shots {','.join(map(str, sorted(first.pairs)))}`",
        )
    return {k: list(first.pairs[k].values()) for k in wanted}


def _check_targets(packed: Packed, part: str, folder: Folder) -> None:
    known = {id(cls) for cls in packed.part(part)}
    for pair in folder.files:
        if id(pair.target) not in known:
            raise UserError(
                f"`{folder.name}` translates into `{pair.target.name}`, which is not {part}",
                hint="say with `--part` which classes are meant, or `--part all`",
            )
