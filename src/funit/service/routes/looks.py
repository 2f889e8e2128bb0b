"""Looks: class codes that are made from examples once, kept, added to, blended and used often."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from funit.contents import put_named
from funit.database.connection import reading, writing
from funit.database.schema import SavedLook
from funit.errors import NotThereError, UserError
from funit.service.asked_looks import examples_of, model_for, uploaded_poses
from funit.service.auth import Caller, Translates
from funit.service.errors import responses
from funit.service.generator import GalleryPose, Pose
from funit.service.model_cache import LoadedModel
from funit.service.owners import find_own, listed
from funit.service.patience import patiently
from funit.service.pictures import read_uploads
from funit.service.routes.translations import ModelName, Weights
from funit.service.saved_looks import (
    Examples,
    add_to_look,
    check_model,
    find_look,
    keep_look,
    read_examples,
    remove_look,
)
from funit.service.services import Services, ServicesOf

router = APIRouter(tags=["looks"])

TITLE = r"^[\w .()-]+$"  # letters and digits of any script, spaces and a few signs
Title = Annotated[str | None, Form(max_length=200, pattern=TITLE)]


class LookBody(BaseModel):
    """A look that is kept."""

    id: str
    name: str | None
    model: str
    """NAME@VERSION of the model that made it: the only one that draws it."""
    num_examples: int
    weights: list[float]
    """What each example counts; 1 is the mean."""
    created_at: datetime

    @classmethod
    def of(cls, row: SavedLook) -> Self:
        """The look in a row."""
        return cls(
            id=row.id,
            name=row.name,
            model=row.model,
            num_examples=row.num_examples,
            weights=row.shares,
            created_at=row.created_at,
        )


class BlendBody(BaseModel):
    """Which looks are blended, and what each counts."""

    looks: list[str] = Field(min_length=1, max_length=32)
    """Ids, or names of the model's gallery."""
    weights: list[float] | None = None
    name: str | None = Field(None, max_length=200, pattern=TITLE)
    model: str | None = None


@router.post("/v1/looks", status_code=201, responses=responses(400, 404, 413, 503, 504))
async def make_look(
    request: Request,
    services: ServicesOf,
    caller: Translates,
    examples: Annotated[list[UploadFile], File()],
    name: Title = None,
    model: ModelName = None,
    weights: Weights = None,
) -> LookBody:
    """Makes the look that the examples show, and keeps it."""
    limits, generator = services.settings.limits, services.generator
    files = await read_uploads(examples, "examples", limits.num_examples, limits)

    async def made() -> SavedLook:
        asked = await generator.model(model)
        given = Examples.given(await generator.encode_examples(asked, files), weights)
        return await run_in_threadpool(keep_look, services, caller, asked, given, name)

    return LookBody.of(await patiently(made(), request, limits.seconds, generator.meter))


@router.post("/v1/looks/blend", status_code=201, responses=responses(400, 404, 409, 413))
async def blend_looks(services: ServicesOf, caller: Translates, body: BlendBody) -> LookBody:
    """Makes a look between others, and keeps it."""
    model, kept = await model_for(services, caller, body.model, body.looks)
    several = examples_of(model, body.looks, kept)
    blended = Examples.blended(several, body.weights)
    row = await run_in_threadpool(keep_look, services, caller, model, blended, body.name)
    return LookBody.of(row)


@router.post("/v1/looks/{look_id}/examples", responses=responses(400, 404, 409, 413, 503, 504))
async def add_examples(
    request: Request,
    services: ServicesOf,
    caller: Translates,
    look_id: str,
    examples: Annotated[list[UploadFile], File()],
    weights: Weights = None,
) -> LookBody:
    """Adds examples to a look, as if it had been made from all of them."""
    limits, generator = services.settings.limits, services.generator
    files = await read_uploads(examples, "examples", limits.num_examples, limits)

    async def added() -> SavedLook:
        row = await run_in_threadpool(find_look, services, caller, look_id)
        model = await generator.model(row.model)
        check_model(row, model)
        more = Examples.added(await generator.encode_examples(model, files), weights)
        return await run_in_threadpool(add_to_look, services, caller, look_id, more)

    return LookBody.of(await patiently(added(), request, limits.seconds, generator.meter))


@router.get("/v1/looks")
def list_looks(
    services: ServicesOf,
    caller: Translates,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> list[LookBody]:
    """The looks of the caller, the newest first."""
    with reading(services.database) as session:
        return [LookBody.of(r) for r in session.scalars(listed(SavedLook, caller, limit, offset))]


@router.get("/v1/looks/{look_id}", responses=responses(404))
def show_look(services: ServicesOf, caller: Translates, look_id: str) -> LookBody:
    """A look of the caller."""
    return LookBody.of(find_look(services, caller, look_id))


@router.get(
    "/v1/looks/{look_id}/thumbnail",
    response_class=Response,
    responses=responses(404, 409, 503, 504) | {200: {"content": {"image/png": {}}}},
)
async def show_thumbnail(
    request: Request, services: ServicesOf, caller: Translates, look_id: str
) -> Response:
    """The first pose of the model's gallery in this look; without a gallery, an uploaded pose."""
    row = await run_in_threadpool(find_look, services, caller, look_id)
    if row.thumbnail_sha256:
        file = await run_in_threadpool(services.storage.get, row.thumbnail_sha256)
    else:
        seconds, meter = services.settings.limits.seconds, services.generator.meter
        file = await patiently(_thumbnail(services, caller, row), request, seconds, meter)
        await run_in_threadpool(_keep_thumbnail, services, caller, row, file)
    return Response(file, media_type="image/png")


@router.get(
    "/v1/looks/{look_id}/codes",
    response_class=Response,
    responses=responses(404) | {200: {"content": {"application/octet-stream": {}}}},
)
def download_codes(services: ServicesOf, caller: Translates, look_id: str) -> Response:
    """What a look is made of, to draw it elsewhere: the parts of each example's, in safetensors."""
    file = services.storage.get(find_look(services, caller, look_id).sha256)
    return Response(file, media_type="application/octet-stream")


@router.delete("/v1/looks/{look_id}", status_code=204, responses=responses(404))
def delete_look(services: ServicesOf, caller: Translates, look_id: str) -> None:
    """Removes a look of the caller."""
    remove_look(services, caller, look_id)


async def _thumbnail(services: Services, caller: Caller, row: SavedLook) -> bytes:
    generator = services.generator
    model = await generator.model(row.model)
    check_model(row, model)
    examples = await run_in_threadpool(read_examples, services, row)
    pose = await _shown_pose(services, caller, model)
    (drawn,) = await generator.translate(model, [pose], examples.together())
    (file,) = await generator.encode([drawn.image], "png")
    return file


async def _shown_pose(services: Services, caller: Caller, model: LoadedModel) -> Pose:
    if model.gallery:
        return GalleryPose(0)
    uploaded = await run_in_threadpool(uploaded_poses, services, caller)
    if not uploaded:
        raise NotThereError(
            f"the model `{model.name}` has no gallery to draw in this look",
            hint="upload a pose: it is drawn then",
        )
    return uploaded[-1].pose


def _keep_thumbnail(services: Services, caller: Caller, row: SavedLook, file: bytes) -> None:
    """Unless examples were added, or the look was removed, while it was drawn."""
    try:
        with writing(services.database) as session:
            now = find_own(session, SavedLook, row.id, caller, lock=True)
            if now.sha256 == row.sha256:
                now.thumbnail_sha256 = put_named(session, services.storage, file)
    except UserError:
        pass
