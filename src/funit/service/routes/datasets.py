"""Data sets: uploaded or registered, looked at, added to."""

from datetime import datetime
from io import BytesIO
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi import Path as InPath
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from funit.data.images import read_image
from funit.database.schema import DataSet, DataSetImage, DataSetVersion
from funit.service import datasets
from funit.service.auth import ManagesData
from funit.service.errors import responses
from funit.service.intake import Upload
from funit.service.services import ServicesOf

router = APIRouter(prefix="/v1/datasets", tags=["data sets"])

Name = Annotated[str, InPath(description="Of the data set.", examples=["heroes"])]
Version = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="Of the data set; the newest one if left out")
]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many in one answer.")]
ImageId = Annotated[int, InPath(ge=1, le=2**31 - 1, description="Of the image.")]

_EXAMPLE_VERSION = {
    "version": 2,
    "created_at": "2026-11-25T14:00:00Z",
    "fingerprint": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "num_images": 1204,
    "size": 18874368,
}
_EXAMPLE_DATASET = {
    "name": "heroes",
    "created_at": "2026-11-24T09:00:00Z",
    "origin": "upload",
    "newest": _EXAMPLE_VERSION,
}
_EXAMPLE_IMAGE = {
    "id": 17,
    "part": "seen",
    "cls": "fox",
    "name": "pose_03.png",
    "size": 4711,
    "width": 128,
    "height": 128,
    "thumbnail": "/v1/datasets/heroes/images/17/thumbnail",
}


def _like(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class VersionBody(BaseModel):
    """What a data set was at a time; a version never changes."""

    model_config = _like(_EXAMPLE_VERSION)

    version: int
    created_at: datetime
    fingerprint: str
    """The same for the same images: the one that `funit data check --json` shows of their zip."""
    num_images: int
    size: int
    """Bytes of all images."""

    @classmethod
    def of(cls, row: DataSetVersion) -> "VersionBody":
        """From the database."""
        return cls(
            version=row.version,
            created_at=row.created_at,
            fingerprint=row.fingerprint,
            num_images=row.num_images,
            size=row.size,
        )


class DataSetBody(BaseModel):
    """A data set with its newest version."""

    model_config = _like(_EXAMPLE_DATASET)

    name: str
    created_at: datetime
    origin: Literal["upload", "folder"]
    newest: VersionBody

    @classmethod
    def of(cls, row: DataSet, newest: DataSetVersion) -> "DataSetBody":
        """From the database."""
        return cls(
            name=row.name,
            created_at=row.created_at,
            origin="folder" if row.source else "upload",
            newest=VersionBody.of(newest),
        )


class DataSetDetails(DataSetBody):
    """A data set with all versions, and what `funit data check` says of one."""

    model_config = _like(
        _EXAMPLE_DATASET
        | {
            "versions": [_EXAMPLE_VERSION],
            "report": {
                "path": "heroes",
                "images": 1204,
                "parts": {"seen": {"classes": 40, "images": 1204}},
                "smallest_image": [64, 64],
                "largest_image": [512, 512],
                "problems": [{"path": "seen/fox/x.png", "reason": "is not an image"}],
                "num_problems": 1,
            },
        }
    )

    versions: list[VersionBody]
    report: dict[str, Any]
    """Of the version asked for: its classes, sizes, and what was left out of what came with it."""


class DataSetPage(BaseModel):
    """Some of the data sets, by name."""

    items: list[DataSetBody]
    next: str | None
    """Give it as `after` for those that follow; null at the end."""


class ClassBody(BaseModel):
    """A class of a data set."""

    model_config = _like(
        {
            "part": "seen",
            "cls": "fox",
            "num_images": 31,
            "thumbnail": "/v1/datasets/heroes/images/17/thumbnail",
        }
    )

    part: str
    """Empty where the data are not divided."""
    cls: str
    num_images: int
    thumbnail: str
    """Where a small picture of its first image is."""


class ImageBody(BaseModel):
    """An image of a data set."""

    model_config = _like(_EXAMPLE_IMAGE)

    id: int
    part: str
    cls: str
    name: str
    size: int
    """Bytes."""
    width: int
    height: int
    thumbnail: str
    """Where a small picture of it is."""

    @classmethod
    def of(cls, dataset: str, row: DataSetImage) -> "ImageBody":
        """From the database."""
        return cls(
            id=row.id,
            part=row.part,
            cls=row.cls,
            name=row.name,
            size=row.size,
            width=row.width,
            height=row.height,
            thumbnail=_thumbnail(dataset, row.id),
        )


class ImagePage(BaseModel):
    """Some of the images, in the order in which they came."""

    total: int
    items: list[ImageBody]
    next: int | None
    """Give it as `after` for those that follow; null at the end."""


class Registration(BaseModel):
    """A folder on the server that shall be a data set."""

    model_config = _like({"name": "heroes", "folder": "art/heroes"})

    name: str = Field(max_length=64)
    folder: str = Field(max_length=4096)
    """Under one of the folders of the setting `data_roots`; relative to it, or absolute."""


class ProblemBody(BaseModel):
    """An image that was left out, and why."""

    path: str
    reason: str


class Addition(BaseModel):
    """What came of an addition."""

    version: VersionBody
    num_added: int
    """Those that can be used; what was there already counts, too."""
    problems: list[ProblemBody]


@router.post("", status_code=201, responses=responses(409, 413))
def create_dataset(
    services: ServicesOf,
    caller: ManagesData,
    file: Annotated[UploadFile, File(description="A zip of class folders, as for `funit train`.")],
    name: Annotated[str, Form(max_length=64, examples=["heroes"])],
) -> DataSetDetails:
    """Makes a data set out of a zip, checked as by `funit data check`."""
    datasets.create_from_zip(services, name, file.file, caller.key_id)
    return _details(services, name)


@router.post("/registered", status_code=201, responses=responses(403, 409, 413))
def register_dataset(
    services: ServicesOf, caller: ManagesData, registration: Registration
) -> DataSetDetails:
    """Makes a data set of a folder on the server; again: a new version if the folder changed."""
    name = registration.name
    datasets.register_folder(services, name, registration.folder, caller.key_id)
    return _details(services, name)


@router.get("")
def list_datasets(
    services: ServicesOf,
    _: ManagesData,
    after: Annotated[str, Query(max_length=64, description="Names behind this one.")] = "",
    limit: Limit = 100,
) -> DataSetPage:
    """Lists the data sets."""
    found = datasets.list_datasets(services, after, limit + 1)
    items = [DataSetBody.of(row, newest) for row, newest in found[:limit]]
    return DataSetPage(items=items, next=items[-1].name if len(found) > limit else None)


@router.get("/{name}", responses=responses(404))
def show_dataset(
    services: ServicesOf, _: ManagesData, name: Name, version: Version = None
) -> DataSetDetails:
    """Shows a data set: its versions, and the report of one."""
    return _details(services, name, version)


@router.delete("/{name}", status_code=204, responses=responses(404, 409))
def remove_dataset(services: ServicesOf, _: ManagesData, name: Name) -> None:
    """Removes a data set with all its versions; refused while a job or a schedule needs it."""
    datasets.remove_dataset(services, name)


@router.get("/{name}/classes", responses=responses(404))
def list_classes(
    services: ServicesOf, _: ManagesData, name: Name, version: Version = None
) -> list[ClassBody]:
    """Lists the classes of a data set."""
    found = datasets.list_classes(services, name, version)
    return [
        ClassBody(part=part, cls=cls, num_images=count, thumbnail=_thumbnail(name, first))
        for part, cls, count, first in found
    ]


@router.get("/{name}/images", responses=responses(404))
def list_images(
    services: ServicesOf,
    _: ManagesData,
    name: Name,
    version: Version = None,
    part: Annotated[str | None, Query(description="Of this part alone.")] = None,
    cls: Annotated[str | None, Query(description="Of this class alone.")] = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="Ids behind this one.")] = 0,
    limit: Limit = 100,
) -> ImagePage:
    """Lists the images of a data set."""
    total, rows = datasets.list_images(
        services, name, version, part=part, cls=cls, after=after, limit=limit + 1
    )
    items = [ImageBody.of(name, row) for row in rows[:limit]]
    return ImagePage(total=total, items=items, next=items[-1].id if len(rows) > limit else None)


@router.post("/{name}/images", status_code=201, responses=responses(404, 409, 413))
def add_images(
    services: ServicesOf,
    _: ManagesData,
    name: Name,
    files: Annotated[list[UploadFile], File(description="Images of one class.")],
    cls: Annotated[str, Form(max_length=255, examples=["fox"])],
    part: Annotated[
        str, Form(max_length=255, description="`seen`, `unseen`; empty if there are no parts.")
    ] = "",
) -> Addition:
    """Adds images to a class, which may be a new one: the next version of the data set."""
    uploads = [Upload(file.filename or "", file.file) for file in files]
    version, intake = datasets.add_images(services, name, part, cls, uploads)
    return Addition(
        version=VersionBody.of(version),
        num_added=len(intake.images),
        problems=[ProblemBody(path=each.path, reason=each.reason) for each in intake.problems],
    )


@router.delete("/{name}/images/{image_id}", responses=responses(404))
def remove_image(
    services: ServicesOf, _: ManagesData, name: Name, image_id: ImageId
) -> VersionBody:
    """Makes a version without an image; the versions before keep it."""
    return VersionBody.of(datasets.remove_image(services, name, image_id))


@router.get(
    "/{name}/images/{image_id}/thumbnail",
    response_class=Response,
    responses=responses(404) | {200: {"content": {"image/png": {}}}},
)
def show_dataset_thumbnail(
    services: ServicesOf,
    _: ManagesData,
    name: Name,
    image_id: ImageId,
    size: Annotated[Literal["64", "128"], Query(description="Pixels of the longer side.")] = "64",
) -> Response:
    """A small picture of an image, as PNG: the file that was sent is never served."""
    content = datasets.read_file(services, name, image_id)
    limit, side = services.settings.limits.pixels, int(size)
    image = read_image(content, max_pixels=limit, name=f"image {image_id}", shortest=side)
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    headers = {"Cache-Control": "private, max-age=86400"}
    return Response(buffer.getvalue(), media_type="image/png", headers=headers)


def _thumbnail(dataset: str, image_id: int) -> str:
    return f"/v1/datasets/{dataset}/images/{image_id}/thumbnail"


def _details(services: ServicesOf, name: str, version: int | None = None) -> DataSetDetails:
    dataset, versions = datasets.find_dataset(services, name)
    shown = datasets.find_version(services, name, version)
    return DataSetDetails(
        **DataSetBody.of(dataset, versions[-1]).model_dump(),
        versions=[VersionBody.of(each) for each in versions],
        report=shown.report,
    )
