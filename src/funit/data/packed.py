"""Catalog -> one uint8 file that training reads at memory speed.

A packed file is a header of 64 bytes, then every image's red, green and blue bytes row by row,
then an index in JSON: the classes, and for each image its name, height, width and offset. It is
memory-mapped: several trainings on one machine share it in RAM.
"""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from funit.data.catalog import (
    ALL,
    SEEN,
    UNSEEN,
    Catalog,
    Problem,
    Progress,
    check_not_empty,
    find_part,
    problem_of,
    read_catalog,
)
from funit.data.images import WHITE, Color
from funit.errors import UserError
from funit.home import home, make_room, mark_used, whole_file

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

MAX_ASPECT = 2  # the long side is cropped to this times the short one
SUFFIX = ".pack"
VERSION = 1

_PACK_AGAIN = "make it again with `funit data pack`"
_MAGIC = b"FUNITPAK"
_HEADER = struct.Struct("<8sII QQ 32s")  # magic, version, 0, index offset and size, its SHA-256


@dataclass(frozen=True, eq=False)
class PackedClass:
    """One class of a packed file; equal to itself alone."""

    name: str
    names: Sequence[str]
    heights: Sequence[int]
    widths: Sequence[int]
    offsets: Sequence[int]

    def __len__(self) -> int:
        return len(self.names)


class Packed:
    """An open packed file: its classes, and each image as a view of the file's bytes."""

    def __init__(self, path: Path, index: Mapping[str, Any], pixels: Pixels) -> None:
        self.path = path
        self.size: int = index["size"]  # shortest side of every image, pixels
        self.background: Color = tuple(index["background"])
        self.fingerprint: str = index["fingerprint"]  # of the Catalog
        self.problems = tuple(Problem(**problem) for problem in index["problems"])
        self.parts: dict[str, list[PackedClass]] = {
            part: [PackedClass(**cls) for cls in classes]
            for part, classes in index["parts"].items()
        }
        self.all_pixels = pixels  # the whole file, to which `offsets` are relative

    @property
    def classes(self) -> list[str]:
        """The classes to train on, in the order of their numbers."""
        return self.class_names(SEEN)

    @property
    def unseen_classes(self) -> list[str]:
        """The classes to test with; none if DATA has no such part."""
        return [cls.name for cls in self.parts.get(UNSEEN, [])]

    @property
    def num_images(self) -> int:
        """Images to train on: one pass over the data."""
        return sum(len(cls) for cls in self.part(SEEN))

    def part(self, name: str) -> list[PackedClass]:
        """The classes of a part, or of `all`; raises UserError where there is no such part."""
        if name == ALL:
            return [cls for classes in self.parts.values() for cls in classes]
        return find_part(self.parts, name, self.path)

    def class_names(self, part: str = SEEN) -> list[str]:
        """The classes of a part, in the order of their numbers."""
        return [cls.name for cls in self.part(part)]

    def names(self, class_index: int, part: str = SEEN) -> Sequence[str]:
        """The file names of a class's images, in the order of their numbers."""
        return self.part(part)[class_index].names

    def count(self, class_index: int, part: str = SEEN) -> int:
        """How many images a class has."""
        return len(self.part(part)[class_index])

    def image(self, class_index: int, i: int, part: str = SEEN) -> Pixels:
        """One image, (H, W, 3); it cannot be written to."""
        return self.pixels_of(self.part(part)[class_index], i)

    def pixels_of(self, cls: PackedClass, i: int) -> Pixels:
        """One image of a class, (H, W, 3); it cannot be written to."""
        height, width, offset = cls.heights[i], cls.widths[i], cls.offsets[i]
        return self.all_pixels[offset : offset + 3 * height * width].reshape(height, width, 3)


def pack(
    catalog: Catalog,
    size: int,
    out: Path,
    background: Color = WHITE,
    progress: Progress | None = None,
) -> Packed:
    """Decodes every image into one file, its shortest side resized to `size` pixels.

    Images that cannot be read become `problems`; raises UserError where a class is left with none.
    """
    with whole_file(out) as temporary, temporary.open("wb") as file:
        file.write(bytes(_HEADER.size))  # an unfinished file has no magic
        index = {
            "size": size,
            "background": list(background),
            "fingerprint": catalog.fingerprint,
            **_write_images(catalog, size, background, file, progress),
        }
        _write_index(index, file)
    return open_packed(out)


def open_packed(path: Path) -> Packed:
    """Opens a packed file; raises UserError where it is missing, damaged or of another version."""
    try:
        pixels: Pixels = np.memmap(path, dtype=np.uint8, mode="r")
    except FileNotFoundError:
        raise UserError(f"there is no file `{path}`", hint="check the path") from None
    except (OSError, ValueError) as error:  # ValueError: it is empty
        raise UserError(f"`{path}` cannot be opened: {error}", hint=_PACK_AGAIN) from None
    # a plain array over the same memory: each view of a memmap costs ten times as much
    pixels = np.asarray(pixels)
    return Packed(path, _read_index(pixels, path), pixels)


def packed_for(
    data: Path,
    size: int,
    background: Color = WHITE,
    num_unseen: int = 0,
    seed: int = 0,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Packed:
    """DATA packed with these settings: from the cache if DATA is as it was, else packed now.

    DATA may be a packed file itself; raises UserError where that was packed otherwise.
    """
    if data.suffix == SUFFIX:
        return _as_wanted(open_packed(data), size, background, num_unseen)
    catalog = read_catalog(data, num_unseen, seed)
    path = (cache_dir or home() / "packed") / f"{_key(catalog, size, background)}{SUFFIX}"
    if path.exists():
        try:
            mark_used(path)
            return open_packed(path)
        except UserError:
            pass  # our own cache, damaged: made anew
    packed = pack(catalog, size, path, background, progress)
    make_room(path.parent, f"*{SUFFIX}")
    return packed


def find_packed(fingerprint: str, cache_dir: Path | None = None) -> Packed | None:
    """Some packed form of the data with this fingerprint, if one is in the cache."""
    for path in sorted((cache_dir or home() / "packed").glob(f"*{SUFFIX}")):
        try:
            packed = open_packed(path)
        except UserError:
            continue  # damaged, or of another version: `packed_for` makes it anew
        if packed.fingerprint == fingerprint:
            return packed
    return None


def resized(image: Image.Image, size: int) -> Image.Image:
    """The image with its shortest side `size` pixels; the long one is cropped to MAX_ASPECT."""
    width, height = (min(side, MAX_ASPECT * min(image.size)) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    box = (left, top, left + width, top + height)
    shortest = min(width, height)
    if shortest == size:  # pixel art stays exact
        return image.crop(box)
    target = (round(width * size / shortest), round(height * size / shortest))
    return image.resize(target, Image.Resampling.BICUBIC, box=box)


def _write_images(
    catalog: Catalog, size: int, background: Color, file: BinaryIO, progress: Progress | None
) -> dict[str, Any]:
    """Appends every image that can be read; returns its part of the index."""
    found: dict[str, dict[str, list[tuple[str, int, int, int]]]] = {
        part: {cls: [] for cls in classes} for part, classes in catalog.parts.items()
    }
    problems, total = list(catalog.problems), catalog.num_images
    offset = _HEADER.size
    for done, (part, cls, name) in enumerate(catalog.images(), start=1):
        try:
            # twice the size: what JPEG's own scaling blurs is then lost in ours
            image = catalog.open_image(part, cls, name, background, shortest=2 * size)
        except UserError as error:
            problems.append(problem_of(catalog.path_of(part, cls, name), error))
        else:
            image = resized(image, size)
            file.write(image.tobytes())
            found[part][cls].append((name, image.height, image.width, offset))
            offset += 3 * image.height * image.width
        if progress:
            progress(done, total)
    check_not_empty(found, problems, catalog.path)
    columns = ("names", "heights", "widths", "offsets")
    return {
        "problems": [asdict(problem) for problem in problems],
        "parts": {
            part: [
                {"name": cls, **dict(zip(columns, zip(*images, strict=True), strict=True))}
                for cls, images in classes.items()
            ]
            for part, classes in found.items()
        },
    }


def _write_index(index: Mapping[str, Any], file: BinaryIO) -> None:
    encoded = json.dumps(index).encode()
    offset = file.tell()
    file.write(encoded)
    file.seek(0)
    digest = hashlib.sha256(encoded).digest()
    file.write(_HEADER.pack(_MAGIC, VERSION, 0, offset, len(encoded), digest))


def _read_index(pixels: Pixels, path: Path) -> dict[str, Any]:
    header = pixels[: _HEADER.size].tobytes()
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        raise UserError(f"`{path}` is not a packed data set", hint=_PACK_AGAIN)
    _, version, _, offset, length, digest = _HEADER.unpack(header)
    if version != VERSION:
        raise UserError(
            f"`{path}` was packed in format {version}; this funit reads {VERSION}", hint=_PACK_AGAIN
        )
    encoded = pixels[offset : offset + length].tobytes()
    if offset + length != len(pixels) or hashlib.sha256(encoded).digest() != digest:
        raise UserError(f"`{path}` is damaged or cut short", hint=_PACK_AGAIN)
    index = json.loads(encoded)
    assert isinstance(index, dict)
    return index


def _key(catalog: Catalog, size: int, background: Color) -> str:
    # the split, not what it was drawn with: two seeds may draw the same classes
    split = {part: list(classes) for part, classes in catalog.parts.items()}
    settings = [VERSION, catalog.fingerprint, size, list(background), split]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:32]


def _as_wanted(packed: Packed, size: int, background: Color, num_unseen: int) -> Packed:
    wanted: dict[str, tuple[object, object]] = {
        "images of {} pixels": (packed.size, size),
        "background {}": (packed.background, tuple(background)),
    }
    if num_unseen:
        wanted["{} unseen classes"] = (len(packed.unseen_classes), num_unseen)
    for what, (has, needed) in wanted.items():
        if has != needed:
            raise UserError(
                f"`{packed.path}` was packed with {what.format(has)}, not {what.format(needed)}",
                hint="give the folder or zip that it was made from, or change the settings",
            )
    return packed
