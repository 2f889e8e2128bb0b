"""What an evaluation means for a job: is the minimum met, is the evaluation valid, what comes next.

Pure functions of the report that `funit evaluate --json` writes.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from funit.data.catalog import UNSEEN, Catalog
from funit.service.jobs.requests import JobRequest, Minimum
from funit.service.jobs.store import Position

MIN_CLASSES, MIN_IMAGES = 3, 50  # of the classes kept back: fewer tell too little
MAX_COMPARED = 50_000  # images that are looked for twins

Alert = tuple[str, str]  # kind, message
Next = Literal["publish", "train", "give up"]


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate is good enough."""

    is_met: bool
    value: float | None
    """Of the minimum's metric; None where there is no minimum, or no such figure."""
    interval: tuple[float, float] | None
    reason: str
    can_improve: bool = True
    """Whether training on could change it."""


@dataclass(frozen=True)
class Step:
    """What comes next."""

    do: Next
    position: Position | None = None
    """Where to train."""


def judge(minimum: Minimum | None, report: Mapping[str, Any], model: str) -> Verdict:
    """Holds the figures of a model against the minimum."""
    if minimum is None:
        return Verdict(True, None, None, "no minimum was asked for")
    asked = f"{minimum.metric}@{minimum.shots}"
    for row in report["rows"]:
        if (row["model"], row["metric"], row["shots"]) == (model, minimum.metric, minimum.shots):
            value = float(row["value"])
            is_met = minimum.is_met(value)
            reason = f"{asked} is {value:.4g}, the minimum {minimum}"
            return Verdict(is_met, value, (float(row["low"]), float(row["high"])), reason)
    there = sorted({r["metric"] for r in report["rows"] if r["model"] == model})
    shown = ", ".join(metric for metric in there if "/" not in metric) or "none"
    return Verdict(
        False, None, None, f"{asked} was not measured: there are {shown}", can_improve=False
    )


def next_step(
    request: JobRequest, position: Position, verdict: Verdict, images: int, has_learned: bool
) -> Step:
    """Publish; or train further, then try the next candidate, then give up.

    A round in which nothing was learned, as after convergence, is the candidate's last one.
    """
    if verdict.is_met:
        return Step("publish")
    if verdict.can_improve and has_learned and position.round < request.further_rounds:
        more = max(1, round(images * request.further_share))
        return Step("train", Position(position.candidate, position.round + 1, images + more))
    return next_candidate(request, position)


def next_candidate(request: JobRequest, position: Position) -> Step:
    """What comes after a candidate that came to nothing."""
    if position.candidate + 1 < len(request.candidates):
        return Step("train", Position(position.candidate + 1))
    return Step("give up")


def alerts(
    request: JobRequest,
    report: Mapping[str, Any],
    verdict: Verdict,
    catalog: Catalog,
    known_before: Collection[str] = (),
) -> Iterator[Alert]:
    """Why the evaluation is not to be trusted; `known_before`: classes that the parent has seen."""
    yield from _too_few(report, catalog)
    yield from _seen_before(report, catalog, known_before)
    yield from _weak(report)
    minimum, interval = request.minimum, verdict.interval
    if minimum is not None and interval and interval[0] < minimum.limit < interval[1]:
        yield (
            "too_few_images",
            f"the minimum {minimum} lies inside the 95% interval {interval[0]:.4g} to "
            f"{interval[1]:.4g}: more pairs would decide it",
        )


def twins(catalog: Catalog) -> Sequence[str]:
    """Images of unseen classes that are images of seen classes, too."""
    if not catalog.unseen or catalog.num_images > MAX_COMPARED:
        return ()
    kept_back = {
        _digest(catalog, UNSEEN, cls, name): catalog.path_of(UNSEEN, cls, name)
        for cls, names in catalog.unseen.items()
        for name in names
    }
    trained_on = {
        _digest(catalog, part, cls, name)
        for part, cls, name in catalog.images()
        if part != UNSEEN and catalog.parts[part] is catalog.seen
    }
    return sorted(path for digest, path in kept_back.items() if digest in trained_on)


def _digest(catalog: Catalog, part: str, cls: str, name: str) -> bytes:
    return hashlib.sha256(catalog.read_bytes(part, cls, name)).digest()


def _too_few(report: Mapping[str, Any], catalog: Catalog) -> Iterator[Alert]:
    num_images = sum(len(names) for names in catalog.unseen.values())
    if catalog.unseen and (len(catalog.unseen) < MIN_CLASSES or num_images < MIN_IMAGES):
        yield (
            "too_few_images",
            f"{len(catalog.unseen)} classes with {num_images} images are kept back: with fewer "
            f"than {MIN_CLASSES} classes or {MIN_IMAGES} images chance decides",
        )
    for item in report["left_out"]:
        is_missed = not item["metric"].startswith("top5_")  # which is for many classes
        if is_missed and ("there are" in item["reason"] or "there is" in item["reason"]):
            yield "too_few_images", f"`{item['metric']}` is left out: {item['reason']}"


def _seen_before(
    report: Mapping[str, Any], catalog: Catalog, known_before: Collection[str]
) -> Iterator[Alert]:
    if report["about"]["config"]["part"] != UNSEEN:
        yield (
            "seen_classes",
            "no class is kept back: the figures are of classes that it was trained on",
        )
    both = sorted(set(catalog.unseen) & set(known_before))
    if both:
        yield (
            "seen_classes",
            f"the model that it started from was trained on {len(both)} of the "
            f"{len(catalog.unseen)} classes kept back, as `{both[0]}`",
        )
    if same := twins(catalog):
        yield (
            "seen_classes",
            f"{len(same)} images of classes kept back are images of seen classes, too, as "
            f"`{same[0]}`",
        )


def _weak(report: Mapping[str, Any]) -> Iterator[Alert]:
    if not report["about"]["extractor"]:
        yield (
            "weak_evaluator",
            "no feature network judged: install `funit[evaluate]` for more than errors of pixels",
        )
    for warning in report["warnings"]:
        if "tell little" in warning:
            yield "weak_evaluator", warning
    for item in report["left_out"]:
        if item["metric"].startswith("top1_test_") and "classifier needs" in item["reason"]:
            yield "weak_evaluator", f"how often it is right is not known: {item['reason']}"
