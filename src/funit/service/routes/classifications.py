"""Which class images show.

What computes that is imported when it is first asked for: it takes PyTorch, translations do not.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, File, Form, UploadFile
from PIL import Image
from pydantic import BaseModel, ConfigDict

from funit.data.images import read_image
from funit.errors import UserError
from funit.service.auth import Translates
from funit.service.errors import ForbiddenError, responses
from funit.service.intake import Upload
from funit.service.pictures import Picture, read_uploads
from funit.service.routes.datasets import VersionBody
from funit.service.services import Services, ServicesOf

if TYPE_CHECKING:
    from funit.classification import Classified
    from funit.database.schema import DataSetVersion

Known = Mapping[str, Sequence[Image.Image]] | tuple[str, int | None]

router = APIRouter(prefix="/v1/classifications", tags=["classifications"])

_SHOWN = 10  # classes of an answer
_EXAMPLE: dict[str, Any] = {
    "name": "unknown.png",
    "cls": "fox",
    "score": 0.91,
    "classes": [{"cls": "fox", "score": 0.91}, {"cls": "wolf", "score": 0.04}],
}


class ScoreBody(BaseModel):
    """A class, and how sure it is, 0..1."""

    cls: str
    score: float


class ClassifiedBody(BaseModel):
    """What an image shows."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: str
    """Of the file."""
    cls: str | None
    """Null: none of them."""
    score: float
    """Of the likeliest class; it was held against the threshold."""
    classes: list[ScoreBody]
    """The ten likeliest; what all of them miss to 1 is "none of them"."""


class ClassificationsBody(BaseModel):
    """What the images show."""

    threshold: float
    items: list[ClassifiedBody]
    added_to: VersionBody | None = None
    """The version of the data set with the images that were added."""


@router.post("", responses=responses(403, 404, 409, 413, 503))
async def create_classifications(
    services: ServicesOf,
    caller: Translates,
    images: Annotated[list[UploadFile], File(description="What is to be classified.")],
    examples: Annotated[
        list[UploadFile] | None, File(description="Images of known classes.")
    ] = None,
    classes: Annotated[
        list[str] | None, Form(description="The class of each example, in their order.")
    ] = None,
    dataset: Annotated[
        str | None,
        Form(description="Or: NAME or NAME@VERSION of a data set whose classes they may be."),
    ] = None,
    model: Annotated[str | None, Form(description="The default model if left out.")] = None,
    threshold: Annotated[
        float | None,
        Form(ge=0, le=1, description="What scores less is none of them; left out, as measured."),
    ] = None,
    add_to: Annotated[
        str | None, Form(description="A data set whose classes get the images assigned to them.")
    ] = None,
    part: Annotated[str, Form(description="Of classes that are new to `add_to`.")] = "",
) -> ClassificationsBody:
    """Says of each image which class it shows, or none of them."""
    if (dataset or add_to) and not caller.may("data"):
        raise ForbiddenError(
            f"the key `{caller.name}` may not use data sets: it has no scope `data`",
            hint="`funit keys create --scope data` makes one that may",
        )
    limits = services.settings.limits
    pictures = await _opened(services, images, "images", limits.num_contents)
    known: Known
    if dataset:
        known = _version_of(dataset)
    else:
        shown = await _opened(services, examples or [], "examples", limits.num_examples)
        known = _by_class(classes or [], shown)
    name = model or services.settings.default_model
    used, found = await to_thread.run_sync(_classify, services, name, pictures, known, threshold)
    version = None
    if add_to:
        for file in images:
            await file.seek(0)
        files = [Upload(file.filename or "", file.file) for file in images]
        version = await to_thread.run_sync(_add, services, add_to, part, files, found)
    items = [
        ClassifiedBody(
            name=file.filename or "",
            cls=one.cls,
            score=one.score,
            classes=[ScoreBody(cls=c, score=s) for c, s in [*one.scores.items()][:_SHOWN]],
        )
        for file, one in zip(images, found, strict=True)
    ]
    return ClassificationsBody(
        threshold=used, items=items, added_to=VersionBody.of(version) if version else None
    )


def _classify(
    services: Services,
    model: str,
    images: Sequence[Image.Image],
    known: Known,
    threshold: float | None,
) -> tuple[float, "list[Classified]"]:
    from funit.classification import DEFAULT_THRESHOLD
    from funit.service.classifications import classify

    used = DEFAULT_THRESHOLD if threshold is None else threshold
    return used, classify(services, model, images, known, used)


def _add(
    services: Services,
    dataset: str,
    part: str,
    files: Sequence[Upload],
    found: "Sequence[Classified]",
) -> "DataSetVersion | None":
    from funit.service.classifications import add_classified

    return add_classified(services, dataset, part, files, found)


def _by_class(
    classes: Sequence[str], examples: Sequence[Image.Image]
) -> dict[str, list[Image.Image]]:
    if not examples:
        raise UserError("no class is given", hint="send `examples` with `classes`, or a `dataset`")
    if len(examples) != len(classes):
        raise UserError(
            f"{len(classes)} classes are given for {len(examples)} examples",
            hint="repeat `classes` for each of the `examples`, in their order",
        )
    found: dict[str, list[Image.Image]] = {}
    for cls, example in zip(classes, examples, strict=True):
        found.setdefault(cls, []).append(example)
    return found


async def _opened(
    services: Services, files: Sequence[UploadFile], what: str, max_count: int
) -> list[Image.Image]:
    """The pictures, one after the other: so many large ones need the memory of one."""
    limits = services.settings.limits
    return [
        await services.generator.in_thread(_small, each, limits.pixels)
        for each in await read_uploads(files, what, max_count, limits)
    ]


def _small(picture: Picture, max_pixels: int) -> Image.Image:
    """The picture, no larger than any model sees it."""
    image = read_image(picture.file, max_pixels=max_pixels, name=picture.name)
    image.thumbnail((1024, 1024), Image.Resampling.BICUBIC)
    return image


def _version_of(text: str) -> tuple[str, int | None]:
    name, _, version = text.partition("@")
    if version and not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise UserError(f"`{text}` names no version of a data set", hint="write NAME@3")
    return name, int(version) if version else None
