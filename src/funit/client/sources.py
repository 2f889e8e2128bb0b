"""Images as callers have them -> files of a request, and back."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from funit.errors import UserError

ImageSource = str | Path | bytes | Image.Image | np.ndarray
File = tuple[str, tuple[str, bytes]]


def files_of(field: str, images: ImageSource | Sequence[ImageSource]) -> list[File]:
    """The images as files of a form; raises UserError where one cannot be read."""
    return [(field, _file(image, f"image-{n}")) for n, image in enumerate(several(images), 1)]


def is_one(images: Any) -> bool:
    """Whether it is a single image: a str is also a sequence of str."""
    return isinstance(images, str | Path | bytes | Image.Image | np.ndarray)


def several(images: Any) -> list[Any]:
    """One image or many as a list."""
    return [images] if is_one(images) else list(images)


def opened(file: bytes) -> Image.Image:
    """The picture in a file."""
    image = Image.open(BytesIO(file))
    image.load()
    return image


def unreadable(path: object, error: OSError) -> UserError:
    """What is said of a file that is not there, or may not be read."""
    return UserError(f"`{path}` cannot be read: {error.strerror}", hint="check the path")


def _file(image: ImageSource, name: str) -> tuple[str, bytes]:
    if isinstance(image, bytes):
        return name, image
    if isinstance(image, str | Path):
        try:
            return Path(image).name, Path(image).read_bytes()
        except OSError as error:
            raise unreadable(image, error) from None
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    file = BytesIO()
    picture.save(file, "PNG")
    return name, file.getvalue()
