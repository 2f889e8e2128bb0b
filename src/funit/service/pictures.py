"""Pictures of requests: uploads to bytes within the limits, and answers in the format asked for."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from fastapi import UploadFile
from PIL import Image

from funit.errors import UserError
from funit.service.errors import TooLargeError
from funit.service.settings import MIB, Limits

Format = Literal["png", "webp", "jpeg"]
MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}
# PNG: looking for runs alone takes a third of the time, for files as small
_OPTIONS: dict[Format, dict[str, Any]] = {
    "png": {"compress_level": 1, "compress_type": zlib.Z_RLE},
    "webp": {"lossless": True, "method": 0},
    "jpeg": {"quality": 95, "subsampling": 0},
}


@dataclass(frozen=True)
class Picture:
    """A picture's file, not yet decoded, and what errors call it."""

    file: bytes
    name: str


async def read_uploads(
    files: Sequence[UploadFile], what: str, max_count: int, limits: Limits
) -> list[Picture]:
    """The picture in each file; raises TooLargeError for too many files or bytes."""
    if len(files) > max_count:
        raise TooLargeError(
            f"{len(files)} {what} are given", hint=f"at most {max_count} are taken at once"
        )
    left, contents = limits.upload_bytes, list[Picture]()
    for number, file in enumerate(files, 1):
        content = await file.read(left + 1)
        left -= len(content)
        if left < 0:
            raise TooLargeError(
                f"the {what} have more than {limits.upload_bytes / MIB:g} MiB",
                hint="send fewer or smaller pictures",
            )
        name = f"{what}, {number}" + (f": {file.filename}" if file.filename else "")
        if not content:
            raise UserError(f"`{name}` is empty", hint="send the file's content")
        contents.append(Picture(content, name))
    return contents


def encoded(image: Image.Image, file_format: Format, size: int | None = None) -> bytes:
    """The picture as a file, resized to `size` pixels a side if asked."""
    if size is not None and image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    file = BytesIO()
    image.save(file, file_format.upper(), **_OPTIONS[file_format])
    return file.getvalue()


def all_encoded(
    images: Sequence[Image.Image], file_format: Format, size: int | None = None
) -> list[bytes]:
    """Each picture as a file."""
    return [encoded(image, file_format, size) for image in images]
