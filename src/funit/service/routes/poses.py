"""Poses: pictures whose pose is asked for by an id, and poses that the system suggests."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from PIL import Image
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from funit.contents import drop_unnamed, put_named
from funit.data.images import encode_image, read_image
from funit.database.connection import reading, writing
from funit.database.schema import Pose
from funit.service.asked_looks import uploaded_poses
from funit.service.auth import Caller, Translates
from funit.service.diverse import NamedPose, diverse_poses
from funit.service.errors import responses
from funit.service.owners import check_room, find_own, listed, new_id
from funit.service.patience import patiently
from funit.service.pictures import Picture, read_uploads
from funit.service.routes.looks import Title
from funit.service.services import Services, ServicesOf

router = APIRouter(tags=["poses"])

MAX_SIDE = 1024  # pixels of a pose's shorter side as it is kept: models see a few hundred


class PoseBody(BaseModel):
    """An uploaded pose."""

    id: str
    name: str | None
    width: int
    height: int
    created_at: datetime

    @classmethod
    def of(cls, row: Pose) -> Self:
        """The pose in a row."""
        return cls(
            id=row.id,
            name=row.name,
            width=row.width,
            height=row.height,
            created_at=row.created_at,
        )


class SuggestedPose(BaseModel):
    """A pose that the system picks."""

    pose: str
    """A name of the model's gallery, or the id of an uploaded pose: `pose` of a translation."""
    source: str
    """`gallery` or `uploaded`."""


@router.post("/v1/poses", status_code=201, responses=responses(400, 413))
async def upload_pose(
    services: ServicesOf,
    caller: Translates,
    content: Annotated[UploadFile, File()],
    name: Title = None,
) -> PoseBody:
    """Keeps a picture for its pose: upright, without metadata, encoded anew as PNG."""
    limits = services.settings.limits
    (picture,) = await read_uploads([content], "pictures", 1, limits)
    image, kept = await services.generator.in_thread(_encoded_anew, picture, limits.pixels)
    return PoseBody.of(await run_in_threadpool(_keep, services, caller, name, image, kept))


@router.get("/v1/poses")
def list_poses(
    services: ServicesOf,
    caller: Translates,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> list[PoseBody]:
    """The uploaded poses of the caller, the newest first."""
    with reading(services.database) as session:
        return [PoseBody.of(row) for row in session.scalars(listed(Pose, caller, limit, offset))]


@router.get("/v1/poses/suggest", responses=responses(400, 404, 503, 504))
async def suggest_poses(
    request: Request,
    services: ServicesOf,
    caller: Translates,
    count: Annotated[int, Query(ge=1, le=64)] = 8,
    seed: Annotated[int, Query(ge=0, lt=2**32)] = 0,
    model: Annotated[str | None, Query()] = None,
) -> list[SuggestedPose]:
    """Poses of the model's gallery and of the caller that differ as much as can be."""
    generator = services.generator

    async def suggested() -> list[NamedPose]:
        asked = await generator.model(model)
        uploaded = await run_in_threadpool(uploaded_poses, services, caller)
        return await diverse_poses(generator, asked, uploaded, count, seed)

    seconds = services.settings.limits.seconds
    return [
        SuggestedPose(
            pose=each.name, source="uploaded" if isinstance(each.pose, Picture) else "gallery"
        )
        for each in await patiently(suggested(), request, seconds, generator.meter)
    ]


@router.get("/v1/poses/{pose_id}", responses=responses(404))
def show_pose(services: ServicesOf, caller: Translates, pose_id: str) -> PoseBody:
    """An uploaded pose of the caller."""
    return PoseBody.of(_find(services, caller, pose_id))


@router.get(
    "/v1/poses/{pose_id}/image",
    response_class=Response,
    responses=responses(404) | {200: {"content": {"image/png": {}}}},
)
def show_image(services: ServicesOf, caller: Translates, pose_id: str) -> Response:
    """The picture of an uploaded pose."""
    file = services.storage.get(_find(services, caller, pose_id).sha256)
    return Response(file, media_type="image/png")


@router.delete("/v1/poses/{pose_id}", status_code=204, responses=responses(404))
def delete_pose(services: ServicesOf, caller: Translates, pose_id: str) -> None:
    """Removes an uploaded pose of the caller."""
    with writing(services.database) as session:
        row = find_own(session, Pose, pose_id, caller, lock=True)
        session.delete(row)
    drop_unnamed(services.database, services.storage, [row.sha256])


def _find(services: Services, caller: Caller, pose_id: str) -> Pose:
    with reading(services.database) as session:
        return find_own(session, Pose, pose_id, caller)


def _encoded_anew(picture: Picture, max_pixels: int) -> tuple[Image.Image, bytes]:
    image = read_image(picture.file, max_pixels=max_pixels, name=picture.name, shortest=MAX_SIDE)
    if (shorter := min(image.size)) > MAX_SIDE:
        width, height = (max(1, round(side * MAX_SIDE / shorter)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return image, encode_image(image, "PNG")


def _keep(
    services: Services, caller: Caller, name: str | None, image: Image.Image, file: bytes
) -> Pose:
    with writing(services.database) as session:
        check_room(session, services, caller, len(file))
        row = Pose(
            id=new_id("pose"),
            name=name,
            sha256=put_named(session, services.storage, file),
            size=len(file),
            width=image.width,
            height=image.height,
            key_id=caller.key_id,
        )
        session.add(row)
    return row
