"""Translations: pictures or poses, redrawn in the look of examples or in a look that was kept."""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from PIL import Image
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from funit.engines.engine import Look
from funit.errors import UserError
from funit.service.asked_looks import examples_of, find_poses, model_for, uploaded_poses
from funit.service.auth import Caller, Translates
from funit.service.diverse import NamedPose, diverse_poses
from funit.service.errors import NotUsedError, responses
from funit.service.model_cache import LoadedModel, Translation
from funit.service.patience import patiently
from funit.service.pictures import MEDIA_TYPES, Format, Picture, read_uploads
from funit.service.saved_looks import Examples
from funit.service.services import Services, ServicesOf
from funit.translator import refusal

router = APIRouter(tags=["translations"])

Uploads = Annotated[list[UploadFile] | None, File()]
Names = Annotated[list[str] | None, Form()]
ModelName = Annotated[
    str | None, Form(description="NAME, NAME@VERSION or NAME@ALIAS; else the look's, or `default`.")
]
Size = Annotated[int | None, Form(ge=16, le=1024, description="Pixels a side; else the model's.")]
Weights = Annotated[
    list[float] | None, Form(description="What each example, then each look, counts.")
]


class TranslatedImage(BaseModel):
    """One of several translations."""

    image: str | None
    """The file, as base64; null where it is not used, as its score is below the threshold."""
    media_type: str
    pose: str | None = None
    """Which pose it shows: a name of the gallery or an id; None for a picture of the request."""
    score: float | None = None
    """How like the examples it is, 0..1, where a threshold was asked for."""
    error: str | None = None
    """Why it is not used."""


class Strangeness(BaseModel):
    """How unlike the model's training data what was given is: 1 is as usual, 2 another kind."""

    poses: list[float]
    """Of each image, in their order."""
    look: float
    """Of the strangest of the examples or looks."""


class TranslatedImages(BaseModel):
    """Several translations, in the order of what was asked."""

    model: str
    milliseconds: float
    images: list[TranslatedImage]
    strangeness: Strangeness | None
    """None where the model does not know what is usual."""


@dataclass(frozen=True)
class Asked:
    """What a request wants."""

    contents: Sequence[Picture]
    examples: Sequence[Picture]
    poses: Sequence[str]
    looks: Sequence[str]
    weights: Sequence[float] | None
    model: str | None
    count: int
    seed: int
    threshold: float | None

    def check(self) -> None:
        """Raises UserError for what contradicts itself."""
        if self.contents and self.poses:
            raise UserError("`content` and `pose` are given", hint="give one of them")
        if not self.examples and not self.looks:
            raise UserError(
                "no look is given", hint="send pictures as `examples`, or the id of a `look`"
            )
        if self.looks and self.threshold is not None:
            raise UserError(
                "a look has no pictures to hold results against",
                hint="send `examples`, or leave out the `threshold`",
            )


@router.post(
    "/v1/translations",
    response_class=Response,
    responses=responses(400, 404, 409, 413, 503, 504)
    | {200: {"model": TranslatedImages, "content": {"image/png": {}}}},
)
async def translate(
    request: Request,
    services: ServicesOf,
    caller: Translates,
    content: Uploads = None,
    examples: Uploads = None,
    pose: Names = None,
    look: Names = None,
    weights: Weights = None,
    model: ModelName = None,
    size: Size = None,
    format: Annotated[Format, Form()] = "png",  # noqa: A002 (the name in the form)
    count: Annotated[int, Form(ge=1, le=64, description="How many poses are picked.")] = 1,
    seed: Annotated[int, Form(ge=0, lt=2**32, description="Of the first pose picked.")] = 0,
    threshold: Annotated[
        float | None,
        Form(ge=0, le=1, description="What is less like the examples, 0..1, is not used."),
    ] = None,
) -> Response:
    """Redraws each `content`, or each `pose`, as the class that the `examples` and `look`s show.

    Several are blended; `weights` are those of the examples, then those of the looks.
    Without `content` and `pose`, `count` poses are picked that differ much. One translation is
    answered as a picture, several as JSON with the pictures in base64. With a `threshold`, what
    scores less is not used: a single one is answered 422, among several it has no `image`.
    """
    limits, start = services.settings.limits, time.perf_counter()
    asked = Asked(
        await read_uploads(content or (), "content images", limits.num_contents, limits),
        await read_uploads(examples or (), "examples", limits.num_examples, limits),
        pose or (),
        look or (),
        weights,
        model,
        min(count, limits.num_contents),
        seed,
        threshold,
    )
    asked.check()
    work = _drawn(services, caller, asked, format, size)
    drawn = await patiently(work, request, limits.seconds, services.generator.meter)
    return _answer(drawn, MEDIA_TYPES[format], 1000 * (time.perf_counter() - start))


class _Result(NamedTuple):
    """A translation."""

    file: bytes | None
    """None where it is not used."""
    pose: str | None
    """None for a picture of the request."""
    score: float | None
    """Where a threshold was asked for."""
    refused: UserError | None


@dataclass(frozen=True)
class _Drawn:
    model: LoadedModel
    results: Sequence[_Result]
    strangeness: Strangeness | None


async def _drawn(
    services: Services, caller: Caller, asked: Asked, file_format: Format, size: int | None
) -> _Drawn:
    """The translations as files."""
    model, kept = await model_for(services, caller, asked.model, asked.looks)
    singles = await services.generator.encode_examples(model, asked.examples)
    several = [Examples([look], [1.0]) for look in singles]
    several += examples_of(model, asked.looks, kept)
    wanted = _together(several, asked.weights)
    poses = await _poses(services, caller, model, asked)
    contents = [each.pose for each in poses] or asked.contents
    drawn = await services.generator.translate(model, contents, wanted)
    names: Sequence[str | None] = [pose.name for pose in poses] or [None] * len(drawn)
    scores: Sequence[float | None] = [None] * len(drawn)
    if asked.threshold is not None:
        scores = await _scores(services, model, asked, [each.image for each in drawn])
    refused = [None if s is None else refusal(s, asked.threshold or 0) for s in scores]
    used = [each.image for each, no in zip(drawn, refused, strict=True) if not no]
    coming = iter(await services.generator.encode(used, file_format, size))
    files = [None if each else next(coming) for each in refused]
    of_look = model.look_strangeness([look for each in several for look in each.looks])
    results = list(map(_Result, files, names, scores, refused))
    return _Drawn(model, results, _strangeness(drawn, of_look))


async def _scores(
    services: Services, model: LoadedModel, asked: Asked, images: Sequence[Image.Image]
) -> Sequence[float]:
    """How like the examples each translation is; what finds out takes PyTorch, so it comes late."""

    def scored(examples: Sequence[Image.Image]) -> Sequence[float]:
        from funit.service.classifications import score

        return score(services, model.name, images, examples, asked.weights)

    return await run_in_threadpool(scored, await services.generator.read(model, asked.examples))


def _strangeness(drawn: Sequence[Translation], of_look: float | None) -> Strangeness | None:
    of_poses = [each.strangeness for each in drawn if each.strangeness is not None]
    return None if of_look is None else Strangeness(poses=of_poses, look=of_look)


async def _poses(
    services: Services, caller: Caller, model: LoadedModel, asked: Asked
) -> list[NamedPose]:
    if asked.contents:
        return []
    if asked.poses:
        return await run_in_threadpool(find_poses, services, caller, model, asked.poses)
    uploaded = await run_in_threadpool(uploaded_poses, services, caller)
    return await diverse_poses(services.generator, model, uploaded, asked.count, asked.seed)


def _together(several: Sequence[Examples], weights: Sequence[float] | None) -> Look:
    if len(several) == 1 and weights is None:  # it may be known together
        return several[0].together()
    return Examples.blended(several, weights).together()


def _answer(drawn: _Drawn, media_type: str, milliseconds: float) -> Response:
    headers = {
        "X-Funit-Model": drawn.model.name,
        "X-Funit-Milliseconds": f"{milliseconds:.1f}",
    }
    if len(drawn.results) == 1:
        return _single(drawn.results[0], drawn.strangeness, media_type, headers)
    images: list[dict[str, Any]] = []
    for each in drawn.results:
        image = base64.b64encode(each.file).decode() if each.file else None
        images.append({"image": image, "media_type": media_type, "pose": each.pose})
        if each.score is not None:
            error = each.refused.message if each.refused else None
            images[-1] |= {"score": each.score, "error": error}
    body = {
        "model": drawn.model.name,
        "milliseconds": milliseconds,
        "images": images,
        "strangeness": drawn.strangeness and drawn.strangeness.model_dump(),
    }
    return JSONResponse(body, headers=headers)


def _single(
    result: _Result, strangeness: Strangeness | None, media_type: str, headers: dict[str, str]
) -> Response:
    """One translation as a picture; raises NotUsedError."""
    if result.pose is not None:
        headers["X-Funit-Pose"] = result.pose.encode("ascii", "replace").decode()
    if strangeness:
        headers["X-Funit-Pose-Strangeness"] = f"{strangeness.poses[0]:.3f}"
        headers["X-Funit-Look-Strangeness"] = f"{strangeness.look:.3f}"
    if result.score is not None:
        headers["X-Funit-Score"] = f"{result.score:.4f}"
    if result.refused:
        raise NotUsedError(result.refused.message, hint=result.refused.hint, headers=headers)
    return Response(result.file, media_type=media_type, headers=headers)
