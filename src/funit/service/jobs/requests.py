"""What a job is asked to do. [0043]: data set, training parameters, maximum size, minimum."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import ConfigDict, Field, ValidationError, model_validator

from funit.config import (
    PRESETS,
    Positive,
    Section,
    Settings,
    Weight,
    build_config,
    merged,
    preset,
)
from funit.data.catalog import UNSEEN, Catalog, read_catalog
from funit.errors import UserError
from funit.evaluation.measures import check_metric, checked_measures

_NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
Name = Annotated[str, Field(pattern=rf"^{_NAME}$")]
Version = Annotated[str, Field(pattern=rf"^{_NAME}(@[a-z0-9._-]{{1,64}})?$")]
Share = Annotated[float, Field(ge=0, le=0.5)]
T = TypeVar("T", bound=Section)

_REQUIREMENT = re.compile(r"(?P<metric>[^@<>=]+)(@(?P<shots>\d+))?(?P<way><=|>=)(?P<limit>.+)")


class Minimum(Section):
    """How good a model must be to be published, on classes that it never saw."""

    metric: str = "l1_foreground/copy-content"
    """A metric of docs/evaluation.md; a ratio to a baseline has its name behind a `/`."""

    shots: Positive = 5
    """With so many examples."""

    at_most: float | None = None
    """Good enough is what is no greater; say this or `at_least`."""

    at_least: float | None = None
    """Good enough is what is no less."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("say either at_most or at_least")
        return self

    @classmethod
    def parse(cls, text: str) -> "Minimum":
        """From `METRIC<=X`, or with the number of examples as `METRIC@1>=X`; raises UserError."""
        found = _REQUIREMENT.fullmatch(text.strip())
        try:
            assert found is not None
            limit = float(found["limit"])
        except (AssertionError, ValueError):
            raise UserError(
                f"`{text}` is no minimum", hint="write `l1_foreground/copy-content<=0.8`"
            ) from None
        way = "at_most" if found["way"] == "<=" else "at_least"
        shots = {"shots": int(found["shots"])} if found["shots"] else {}
        return cls.model_validate({"metric": found["metric"].strip(), **shots, way: limit})

    @property
    def limit(self) -> float:
        """The value that divides good enough from not."""
        return self.at_most if self.at_most is not None else self.at_least or 0.0

    def is_met(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value <= self.limit if self.at_most is not None else value >= self.limit

    def __str__(self) -> str:
        way = "<=" if self.at_most is not None else ">="
        return f"{self.metric}@{self.shots}{way}{self.limit:g}"


class Evaluation(Section):
    """How a trained candidate is measured."""

    shots: tuple[Positive, ...] = (1, 5)
    """Numbers of examples."""

    pairs: Positive | None = None
    """Translations for each number of examples; by default 200, or 1,500 where not `quick`."""

    quick: bool = True
    """Errors of each image, accuracy, spread: two minutes; else the paper's whole evaluation."""

    measures: tuple[str, ...] | None = None
    """In place of what `quick` says: of accuracy, distribution, copies, spread and few-shot."""


class Candidate(Section):
    """What a training starts from, and its settings."""

    preset: Annotated[str | None, Field(examples=[*PRESETS])] = None
    """`small`, `paper` or `light`; with `from_model` its settings but for the networks."""

    from_model: Version | None = None
    """Start from what this model has learned: NAME, or NAME@VERSION."""

    settings: Settings = {}  # noqa: RUF012 - pydantic copies it
    """Any of docs/settings.md, over the preset."""


EXAMPLE: dict[str, Any] = {
    "dataset": "heroes",
    "name": "heroes-64px",
    "preset": "small",
    "max_images": 100_000,
    "minimum": {"metric": "l1_foreground/copy-content", "shots": 5, "at_most": 0.8},
    "otherwise": [{"from_model": "default"}],
    "alias": "production",
}


class JobRequest(Candidate):
    """A training, what its result must be like, and under which name it is published."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    dataset: Version
    """A data set of the service: NAME (the newest version), or NAME@VERSION."""

    name: Name
    """The model's name; what is good enough becomes its next version."""

    alias: Name | None = None
    """Moved to the new version once it is published, as `production`."""

    licence: str | None = None
    """Of the new version."""

    otherwise: Annotated[tuple[Candidate, ...], Field(max_length=16)] = ()
    """What is tried, one after the other, where the result is not good enough."""

    max_images: Positive | None = None
    """Content images to train on; the preset says it otherwise."""

    max_passes: Annotated[float, Field(gt=0)] | None = None
    """Passes over the data to train for: whichever of the two limits comes first."""

    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Of both networks."""

    weight_decay: Weight | None = None
    """The regularisation of both networks."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Of the order in which images are drawn, of first weights, and of the classes kept back."""

    max_bytes: Positive | None = None
    """The generator's weights in 32 bits may not have more bytes [0044]."""

    evaluation_share: Share = 0.1
    """Of the classes, kept back to evaluate on, where the data have no part `unseen`."""

    minimum: Minimum | None = None
    """Below it, training goes on, then the next candidate is tried; none: anything is published."""

    further_rounds: Annotated[int, Field(ge=0, le=100)] = 1
    """How often a candidate below the minimum is trained further."""

    further_share: Annotated[float, Field(gt=0, le=10)] = 0.5
    """Of what it has seen: so much more each time."""

    evaluation: Evaluation = Evaluation()

    graphs: bool = True
    """Write the graphs with which the model is used without PyTorch, too."""

    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """A higher one is begun sooner."""

    device: str | None = None
    """One of those that the service has; by default the one with the shortest queue."""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What is trained, in order, until one is good enough."""
        first = Candidate(
            preset=self.preset, from_model=self.from_model, settings=dict(self.settings)
        )
        return (first, *self.otherwise)


class LocalRequest(JobRequest):
    """A request of this machine's own user: its data may be any folder or zip here."""

    dataset: Version | None = None  # type: ignore[assignment]
    path: Path | None = None


def build_request(given: Settings) -> LocalRequest:
    """A request out of plain values; raises UserError that names the field that is wrong."""
    request = validated(LocalRequest, given)
    if request.path is None and request.dataset is None:
        raise UserError("the job has no data", hint="name a folder, a zip or a data set")
    return request


def validated(kind: type[T], given: Settings) -> T:
    """The model of plain values; raises UserError that names the field that is wrong."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        where = f"`{name}` of the job: " if name else ""
        raise UserError(
            f"{where}{first['msg'][0].lower()}{first['msg'][1:]}",
            hint="docs/jobs.md says what a job can be asked for",
        ) from None


def check_request(request: JobRequest) -> None:
    """Raises UserError where a candidate's settings, or what is to be measured, cannot be right."""
    asked = request.evaluation
    checked_measures(asked.measures, asked.quick)
    if request.minimum is not None:
        check_metric(request.minimum.metric, asked.measures, asked.quick)
    for candidate in request.candidates:
        below = {} if candidate.from_model else preset(candidate.preset or "small")
        if candidate.preset:
            preset(candidate.preset)
        given = merged(_shared(request), candidate.settings)
        shape = {"num_classes": 2}
        if candidate.from_model:  # what it takes over is not known before its files are open
            shape |= {"image_size": 128}
        build_config(merged({"model": shape}, below, given))


def settings_of(request: JobRequest, number: int, catalog: Catalog) -> Settings:
    """The settings of a candidate's training: its own, and under them those of the request."""
    data = {"data": {"num_unseen": num_unseen(request, catalog)}}
    return merged(data, _shared(request), request.candidates[number].settings)


def num_unseen(request: JobRequest, catalog: Catalog) -> int:
    """How many classes are kept back; none where DATA says itself which are, or has too few."""
    if len(catalog.parts) > 1 or UNSEEN in catalog.parts or not request.evaluation_share:
        return 0
    num_classes = len(catalog.seen)
    wanted = max(2, math.ceil(request.evaluation_share * num_classes))
    return wanted if num_classes - wanted >= 2 else 0


def split_catalog(request: JobRequest, data: Path, settings: Settings) -> Catalog:
    """DATA with its seen and unseen classes, as the training divides it."""
    seed = settings.get("training", {}).get("seed", request.seed)
    return read_catalog(data, settings.get("data", {}).get("num_unseen", 0), seed)


def shots_of(request: JobRequest, catalog: Catalog) -> list[int]:
    """The numbers of examples to measure with; UserError where the minimum asks for too many.

    Every class translated into needs one image more than examples are shown, for the truth.
    """
    classes = catalog.unseen or catalog.seen
    smallest = min(classes, key=lambda cls: len(classes[cls]))
    most = max(1, len(classes[smallest]) - 1)
    if request.minimum is not None and request.minimum.shots > most:
        raise UserError(
            f"the minimum {request.minimum} asks for {request.minimum.shots} examples, but the "
            f"class `{smallest}` has {len(classes[smallest])} images",
            hint="ask for fewer, or add images",
        )
    wanted = {*request.evaluation.shots, *([request.minimum.shots] if request.minimum else [])}
    return sorted({min(shots, most) for shots in wanted})


def _shared(request: JobRequest) -> Settings:
    """What the fields of a request say as settings."""
    names = ("seed", "max_images", "max_passes", "learning_rate", "weight_decay")
    given = {name: getattr(request, name) for name in names}
    training: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if request.max_passes is not None:
        training.setdefault("max_images", None)  # that of the preset is meant for other data
    limits = {"model": {"max_bytes": request.max_bytes}} if request.max_bytes else {}
    return merged({"training": training}, limits)
