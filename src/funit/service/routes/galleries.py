"""The gallery of a model: the poses and looks that it brings, and pictures of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from funit.service.auth import allowed
from funit.service.errors import responses
from funit.service.generator import GalleryPose
from funit.service.patience import patiently
from funit.service.services import Services, ServicesOf

router = APIRouter(tags=["gallery"], dependencies=[Depends(allowed("translate"))])

ModelQuery = Annotated[str | None, Query(description="NAME, NAME@VERSION or NAME@ALIAS.")]


class GalleryBody(BaseModel):
    """What a model's gallery has."""

    model: str
    data: str
    """What it is of: `menagerie`, or the name of a data set."""
    poses: list[str]
    looks: list[str]
    rows: dict[str, list[str]]
    """Poses that belong together by the name that they share, as the frames of a walk."""


@router.get("/v1/gallery", responses=responses(404))
async def show_gallery(services: ServicesOf, model: ModelQuery = None) -> GalleryBody:
    """The names of the poses and looks in the model's gallery."""
    asked = await services.generator.model(model)
    gallery = asked.require_gallery()
    return GalleryBody(
        model=asked.name,
        data=gallery.data,
        poses=list(gallery.pose_names),
        looks=list(gallery.look_names),
        rows={row: [gallery.pose_names[n] for n in ns] for row, ns in gallery.rows.items()},
    )


@router.get(
    "/v1/gallery/image",
    response_class=Response,
    responses=responses(404, 503, 504) | {200: {"content": {"image/png": {}}}},
)
async def draw_gallery(
    request: Request,
    services: ServicesOf,
    pose: str = "1",
    look: str = "1",
    model: ModelQuery = None,
) -> Response:
    """A pose of the gallery in a look of the gallery, each by its name or number."""
    seconds, meter = services.settings.limits.seconds, services.generator.meter
    file = await patiently(_drawn(services, model, pose, look), request, seconds, meter)
    return Response(file, media_type="image/png")


async def _drawn(services: Services, name: str | None, pose: str, look: str) -> bytes:
    generator = services.generator
    model = await generator.model(name)
    wanted = GalleryPose(model.gallery_pose(pose))
    (drawn,) = await generator.translate(model, [wanted], model.gallery_look(look))
    (file,) = await generator.encode([drawn.image], "png")
    return file
