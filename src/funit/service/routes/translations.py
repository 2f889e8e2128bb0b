"""Translations: pictures or poses, redrawn in the look of examples or in a look that was kept."""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from funit.engines.engine import Look
from funit.errors import UserError
from funit.service.asked_looks import (
    examples_of,
    find_poses,
    model_for,
    refuse_both,
    uploaded_poses,
)
from funit.service.auth import Caller, Translates
from funit.service.diverse import NamedPose, diverse_poses
from funit.service.errors import responses
from funit.service.generator import merged
from funit.service.model_cache import LoadedModel
from funit.service.patience import patiently
from funit.service.pictures import MEDIA_TYPES, Format, Picture, read_uploads
from funit.service.saved_looks import Examples
from funit.service.services import Services, ServicesOf

router = APIRouter(tags=["translations"])

Uploads = Annotated[list[UploadFile] | None, File()]
Names = Annotated[list[str] | None, Form()]
ModelName = Annotated[
    str | None, Form(description="NAME, NAME@VERSION or NAME@ALIAS; else the look's, or `default`.")
]
Size = Annotated[int | None, Form(ge=16, le=1024, description="Pixels a side; else the model's.")]
Weights = Annotated[
    list[float] | None, Form(description="What each example, or each look, counts.")
]


class TranslatedImage(BaseModel):
    """One of several translations."""

    image: str
    """The file, as base64."""
    media_type: str
    pose: str | None = None
    """Which pose it shows: a name of the gallery or an id; None for a picture of the request."""


class TranslatedImages(BaseModel):
    """Several translations, in the order of what was asked."""

    model: str
    milliseconds: float
    images: list[TranslatedImage]


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

    def check(self) -> None:
        """Raises UserError for what contradicts itself."""
        refuse_both(self.contents, self.poses, "`content` and `pose`")
        refuse_both(self.examples, self.looks, "`examples` and `look`")
        if not self.examples and not self.looks:
            raise UserError(
                "no look is given", hint="send pictures as `examples`, or the id of a `look`"
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
) -> Response:
    """Redraws each `content`, or each `pose`, as the class that the `examples` or the `look` show.

    Without `content` and `pose`, `count` poses are picked that differ much. One translation is
    answered as a picture, several as JSON with the pictures in base64.
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
    )
    asked.check()
    work = _drawn(services, caller, asked, format, size)
    drawn = await patiently(work, request, limits.seconds, services.generator.meter)
    return _answer(drawn, MEDIA_TYPES[format], 1000 * (time.perf_counter() - start))


@dataclass(frozen=True)
class _Drawn:
    model: LoadedModel
    files: Sequence[bytes]
    poses: Sequence[NamedPose]
    """Empty for pictures of the request."""


async def _drawn(
    services: Services, caller: Caller, asked: Asked, file_format: Format, size: int | None
) -> _Drawn:
    """The translations as files."""
    model, kept = await model_for(services, caller, asked.model, asked.looks)
    if asked.examples:
        looks = await services.generator.encode_examples(model, asked.examples)
        wanted = merged(looks, asked.weights)
    else:
        several = examples_of(model, asked.looks, kept)
        wanted = _together(several, asked.weights)
    poses = await _poses(services, caller, model, asked)
    contents = [each.pose for each in poses] or asked.contents
    images = await services.generator.translate(model, contents, wanted)
    files = await services.generator.encode(images, file_format, size)
    return _Drawn(model, files, poses)


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
    names: list[str | None] = [pose.name for pose in drawn.poses]
    names = names or [None] * len(drawn.files)
    headers = {
        "X-Funit-Model": drawn.model.name,
        "X-Funit-Milliseconds": f"{milliseconds:.1f}",
    }
    if len(drawn.files) == 1:
        if names[0] is not None:
            headers["X-Funit-Pose"] = names[0].encode("ascii", "replace").decode()
        return Response(drawn.files[0], media_type=media_type, headers=headers)
    images = [
        {"image": base64.b64encode(file).decode(), "media_type": media_type, "pose": name}
        for file, name in zip(drawn.files, names, strict=True)
    ]
    body = {"model": drawn.model.name, "milliseconds": milliseconds, "images": images}
    return JSONResponse(body, headers=headers)
