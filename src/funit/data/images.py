"""Files and bytes <-> pictures <-> arrays in [-1, 1]; orientation, modes, resize, crop, limits.

Every picture that enters funit passes `read_image`: whatever its format and mode, an upright RGB
picture comes out, or a UserError that says which file is wrong and why. Colour profiles are
ignored.
"""

import threading
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from funit.errors import LimitError, UserError
from funit.home import whole_file

ImageSource = str | Path | bytes | Image.Image | np.ndarray
Floats = NDArray[np.float32]
Color = tuple[int, int, int]  # red, green, blue in 0..255

WHITE: Color = (255, 255, 255)
MAX_PIXELS = 64_000_000  # 192 MB once decoded; a page of a scanned book has half of it
FORMATS = {  # suffix -> Pillow's name; no other decoder is ever handed a stranger's bytes
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
}

_FORMATS_HINT = "JPEG, PNG, WebP, BMP and GIF are read"
_UNSUPPORTED = {  # how files begin that are pictures, but not for us
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"%PDF": "PDF",
    b"<svg": "SVG",
    b"8BPS": "Photoshop",
}
# Pillow's defaults for JPEG and WebP show blocks in flat colours, which drawings have.
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
}
_UPRIGHT = {  # EXIF orientation -> what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112  # the EXIF tag


def read_image(
    source: ImageSource,
    background: Color = WHITE,
    max_pixels: int = MAX_PIXELS,
    *,
    name: str = "",
    shortest: int | None = None,
) -> Image.Image:
    """The picture, upright, in mode RGB, transparent pixels laid on `background`.

    Raises UserError, naming the file or `name`, for what is no picture, damaged or too large.
    With `shortest`, a JPEG may come back smaller than it is, but no side shorter than that:
    its decoder then has a quarter of the work, or less.
    """
    if isinstance(source, str | Path):
        name = name or str(source)
        source = _read_file(Path(source))
    name = f"`{name}`" if name else "the image"
    with _QUIET:
        image = _opened(source, name)
        if image.width * image.height > max_pixels:
            raise _too_large(name, f"{image.width} x {image.height} pixels", max_pixels)
        return _decoded(image, name, background, shortest)


class _Quiet:
    """Inside, Pillow does not warn: of odd EXIF data, which do no harm; of what is refused anyway.

    What is ignored, is ignored in all threads: so the first one that enters sets it, and the last
    one that leaves puts back what was there.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._num_inside = 0
        self._before = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._turn:
            if self._num_inside == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\b")
            self._num_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._num_inside -= 1
            if self._num_inside == 0:
                self._before.__exit__(None, None, None)


_QUIET = _Quiet()


def fit(image: Image.Image, size: int) -> Image.Image:
    """The middle of the picture as a square of `size` pixels; one of that size stays as it is."""
    if image.size == (size, size):
        return image
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    if side == size:  # whole pixels: nothing is blurred
        return image.crop((int(left), int(top), int(left) + side, int(top) + side))
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)


def to_signed(pixels: NDArray[np.uint8]) -> Floats:
    """Values 0..255 as float32 in [-1, 1]."""
    assert pixels.dtype == np.uint8
    return np.divide(pixels, np.float32(127.5)) - np.float32(1)


def to_floats(image: Image.Image) -> Floats:
    """An RGB picture as (3, H, W) float32 in [-1, 1]."""
    assert image.mode == "RGB", "`read_image` makes it so"
    return np.ascontiguousarray(to_signed(np.asarray(image)).transpose(2, 0, 1))


def to_image(floats: Floats) -> Image.Image:
    """(3, H, W) in [-1, 1] as a picture; what lies outside is clamped."""
    pixels = np.clip(np.rint((floats + np.float32(1)) * np.float32(127.5)), 0, 255)
    return Image.fromarray(np.ascontiguousarray(pixels.astype(np.uint8).transpose(1, 2, 0)))


def image_grid(
    rows: Sequence[Sequence[Image.Image | None]], padding: int = 2, background: Color = WHITE
) -> Image.Image:
    """One picture of rows of pictures; None leaves a gap. All cells are as large as the largest."""
    pictures = [image for row in rows for image in row if image is not None]
    assert pictures, "a grid needs a picture"
    width = max(image.width for image in pictures) + padding
    height = max(image.height for image in pictures) + padding
    num_columns = max(len(row) for row in rows)
    size = (num_columns * width + padding, len(rows) * height + padding)
    grid = Image.new("RGB", size, background)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            if image is not None:
                grid.paste(image, (x * width + padding, y * height + padding))
    return grid


def write_image(image: Image.Image, path: Path) -> None:
    """Writes the picture in the format of the path's suffix; the file is whole or not there."""
    file_format = FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise UserError(
            f"`{path}` has no suffix of a picture", hint=f"use one of {', '.join(FORMATS)}"
        )
    with whole_file(path) as temporary:
        image.save(temporary, format=file_format, **_SAVE_OPTIONS.get(file_format, {}))


def encode_image(image: Image.Image, file_format: str) -> bytes:
    """The picture in Pillow's format `file_format`: its pixels, and nothing else of it."""
    bare = image.copy()
    bare.info.clear()  # Pillow would write the colour profile of the file that it came from
    content = BytesIO()
    bare.save(content, format=file_format, **_SAVE_OPTIONS.get(file_format, {}))
    return content.getvalue()


def is_image_name(name: str) -> bool:
    """Whether the name ends like a picture's."""
    dot = name.rfind(".")
    return dot > 0 and name[dot:].lower() in FORMATS


def _read_file(path: Path) -> bytes:
    if path.is_dir():
        raise UserError(f"`{path}` is a folder, not an image", hint="name one file in it")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no file `{path}`", hint="check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise UserError(
            f"`{path}` cannot be read: {getattr(error, 'strerror', None) or error}",
            hint="check the path and the permissions of the file",
        ) from None
    return content


def _opened(source: bytes | Image.Image | np.ndarray, name: str) -> Image.Image:
    """The picture with its header read, its pixels (if it is a file) not yet decoded."""
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if not source:
        raise UserError(f"{name} is empty", hint="save or download it again")
    try:
        return Image.open(BytesIO(source), formats=sorted(set(FORMATS.values())))
    except Image.DecompressionBombError:
        raise _too_large(name, "far too many pixels", MAX_PIXELS) from None
    except UnidentifiedImageError:
        kind = _UNSUPPORTED.get(source[:4]) or ("HEIC or AVIF" if source[4:8] == b"ftyp" else None)
        what = f"a {kind} file, which is not read" if kind else "not an image"
        raise UserError(f"{name} is {what}", hint=_FORMATS_HINT) from None
    except Exception as error:  # a damaged header makes Pillow raise nearly anything
        raise _damaged(name, error) from error


def _from_array(array: np.ndarray, name: str) -> Image.Image:
    channels = array.shape[2] if array.ndim == 3 else 1
    fits = array.ndim == 2 or (array.ndim == 3 and channels in (3, 4))
    if not fits or array.dtype != np.uint8 or not array.size:
        raise UserError(
            f"{name} is an array of {array.dtype} {array.shape}",
            hint="give uint8 of shape (height, width, 3), (height, width, 4) or (height, width)",
        )
    return Image.fromarray(np.ascontiguousarray(array))


def _decoded(image: Image.Image, name: str, background: Color, shortest: int | None) -> Image.Image:
    try:
        if shortest is not None:
            image.draft(image.mode, (shortest, shortest))
        image.load()  # before the EXIF data are asked for, where errors are forgiven
        orientation = _orientation(image)
        rgb = _to_rgb(image, background)
    except Exception as error:  # damaged pixels make Pillow raise nearly anything
        raise _damaged(name, error) from error
    return rgb.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else rgb


def _orientation(image: Image.Image) -> int | None:
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # many cameras and editors write broken EXIF beside a sound picture
        return None


def _to_rgb(image: Image.Image, background: Color) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):  # 16 bits: Pillow's own conversion would cut off at 255
        return Image.fromarray(_to_8_bits(np.asarray(image))).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    below = Image.new("RGBA", rgba.size, (*background, 255))
    return Image.alpha_composite(below, rgba).convert("RGB")


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    # 65535 / 257 = 255
    return np.rint(values.astype(np.float32) / 257).astype(np.uint8)


def _too_large(name: str, size: str, max_pixels: int) -> LimitError:
    return LimitError(
        f"{name} has {size}: the limit is {max_pixels / 1e6:g} million",
        hint="make it smaller; the model sees a few hundred pixels a side anyway",
    )


def _damaged(name: str, error: Exception) -> UserError:
    cut = "truncated" in str(error).lower()
    what = "is cut short" if cut else f"is damaged: {error or type(error).__name__}"
    return UserError(f"{name} {what}", hint="save or download it again")
