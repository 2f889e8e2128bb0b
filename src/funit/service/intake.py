"""Pictures of a data set on their way in: from a zip, a folder or single files into the storage.

Every file passes what `funit data check` does before anything of it is kept. The original file is
kept, so that training sees the very pixels and a version has the fingerprint of a zip of its
images; nobody is ever served it: what goes out is decoded and encoded anew.
"""

import os
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from funit.contents import Keeper
from funit.data.catalog import (
    Catalog,
    GoodImage,
    Problem,
    check_images,
    open_checked,
    problem_of,
    read_catalog,
)
from funit.errors import UserError
from funit.service.errors import ForbiddenError, TooLargeError
from funit.service.settings import MIB, Limits

_BYTES_AN_ENTRY = 200  # of a zip's directory: 46, and the name


@dataclass(frozen=True)
class NewImage:
    """A picture that is in the storage."""

    part: str
    """Empty where the data are not divided."""
    cls: str
    name: str
    sha256: str
    size: int
    crc: int
    width: int
    height: int

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it is in its data set."""
        return self.part, self.cls, self.name


@dataclass(frozen=True)
class Intake:
    """What came in, and what did not."""

    images: tuple[NewImage, ...]
    problems: tuple[Problem, ...]


class Upload(NamedTuple):
    """A picture that somebody sent, not read yet: many may be more than the memory holds."""

    name: str
    file: BinaryIO


def take_zip(zip_path: Path, name: str, keeper: Keeper, limits: Limits, room: int) -> Intake:
    """The pictures of an uploaded zip, `name` being what a client calls it.

    Raises UserError for what `funit data check` refuses, TooLargeError where there are more files,
    bytes unpacked or, after the check, bytes than there is `room` for. Nothing is unpacked to disk.
    """
    with named(zip_path, name):
        _check_directory(zip_path, limits)
        catalog = read_catalog(zip_path)
        with zipfile.ZipFile(zip_path) as file:
            infos = file.infolist()
        _check_extent(len(infos), sum(info.file_size for info in infos), limits)
        return _take(catalog, keeper, limits, room)


def take_folder(folder: Path, name: str, keeper: Keeper, limits: Limits, room: int) -> Intake:
    """The pictures of a folder on this machine, which `find_folder` gave; raises as `take_zip`."""
    with named(folder, name):
        sizes = [file.stat().st_size for file in _files_inside(folder, folder)]
        _check_extent(len(sizes), sum(sizes), limits)
        return _take(read_catalog(folder), keeper, limits, room)


def take_files(
    part: str, cls: str, uploads: Sequence[Upload], keeper: Keeper, limits: Limits
) -> Intake:
    """Pictures of one class, as they were sent; what cannot be used is a problem."""
    images: list[NewImage] = []
    problems: list[Problem] = []
    for name, file in uploads:
        path = f"{part}/{cls}/{name}" if part else f"{cls}/{name}"
        content = file.read(limits.upload_bytes + 1)
        try:
            if len(content) > limits.upload_bytes:
                raise UserError(f"`{path}` has more than {limits.upload_bytes:,} bytes")
            size = open_checked(content, path, max_pixels=limits.pixels).size
        except UserError as error:
            problems.append(problem_of(path, error))
        else:
            images.append(_kept(GoodImage(part, cls, name, content, size), part, keeper))
    return Intake(tuple(images), tuple(problems))


def find_folder(folder: str, roots: Sequence[Path]) -> Path:
    """The folder of that path, inside one of the roots; ForbiddenError where it leads elsewhere."""
    if not roots:
        raise ForbiddenError(
            "no folders can be registered here",
            hint="the setting `data_roots` says under which folders they may be",
        )
    for root in roots:
        found = (root / folder).resolve()  # links and `..` are followed before it is compared
        if found.is_relative_to(root.resolve()) and found.is_dir():
            return found
    raise ForbiddenError(
        f"`{folder}` is no folder that may be registered",
        hint="it must be inside one of the folders of the setting `data_roots`",
    )


@contextmanager
def named(path: Path, name: str) -> Iterator[None]:
    """Errors speak of `name`: where a file lies on the server is nobody's business."""
    try:
        yield
    except UserError as error:
        error.message = error.message.replace(str(path), name)
        error.hint = error.hint.replace(str(path), name)
        error.args = (error.message,)
        raise


def _take(catalog: Catalog, keeper: Keeper, limits: Limits, room: int) -> Intake:
    images: list[NewImage] = []
    taken = 0

    def keep(image: GoodImage) -> None:
        nonlocal taken
        taken += len(image.content)
        if taken > room:
            raise no_room(room)
        part = image.part if catalog.roots[image.part] else ""
        images.append(_kept(image, part, keeper))

    checked = check_images(
        catalog, max_bytes=limits.upload_bytes, max_pixels=limits.pixels, on_good=keep
    )
    # the hint of a problem may name the place of the data, and so may its path
    problems = tuple(
        replace(problem, reason=problem.reason.replace(str(catalog.path), "the data"))
        for problem in checked.problems
    )
    return Intake(tuple(images), problems)


def no_room(room: int) -> TooLargeError:
    """That a key has no room for so many bytes."""
    return TooLargeError(
        f"this is more than the {max(room, 0) / MIB:,.1f} MiB that are left to this API key",
        hint="remove data sets that are not needed, or have `limits.key_bytes` raised",
    )


def _kept(image: GoodImage, part: str, keeper: Keeper) -> NewImage:
    _check_names(part, image.cls, image.name)
    width, height = image.size
    return NewImage(
        part,
        image.cls,
        image.name,
        keeper.put(image.content),
        len(image.content),
        zlib.crc32(image.content),
        width,
        height,
    )


def _check_names(*names: str) -> None:
    """What could not be written into a zip, or into a database, under the same name."""
    for name in names:
        is_text = not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
        if not is_text or "\\" in name or name[1:2] == ":":
            raise UserError(
                f"`{name.encode('utf-8', 'backslashreplace').decode()}` cannot be a name in a "
                "data set",
                hint="rename it: letters, digits, spaces, `-`, `_` and `.` are safe",
            )


def _check_directory(zip_path: Path, limits: Limits) -> None:
    """Refuses a list of files that would fill the memory: `zipfile` reads all of it at once."""
    with zip_path.open("rb") as file:
        try:
            # its own, unofficial, way to the list: another one might be shown another size
            end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
        except OSError:
            end = None
    if end is None:
        return  # no zip: `read_catalog` says so
    if end[zipfile._ECD_SIZE] > _BYTES_AN_ENTRY * limits.num_dataset_files:  # type: ignore[attr-defined]
        raise _too_many(limits)


def _check_extent(num_files: int, num_bytes: int, limits: Limits) -> None:
    if num_files > limits.num_dataset_files:
        raise _too_many(limits)
    if num_bytes > limits.dataset_bytes:
        raise TooLargeError(
            f"the files have more than {limits.dataset_bytes / MIB:g} MiB in all",
            hint="leave out what is not needed, or divide it into several data sets",
        )


def _too_many(limits: Limits) -> TooLargeError:
    return TooLargeError(
        f"there are more than {limits.num_dataset_files:,} files",
        hint="leave out what is not needed, or divide it into several data sets",
    )


def _files_inside(folder: Path, root: Path) -> Iterator[Path]:
    """Every file of a folder; raises ForbiddenError where a link leads out of it."""
    walk: Callable[..., Iterator[tuple[str, list[str], list[str]]]] = os.walk
    for where, folders, files in walk(folder, followlinks=False):
        for name in (*folders, *files):
            path = Path(where) / name
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise ForbiddenError(
                    f"`{path.relative_to(root)}` leads out of the folder",
                    hint="replace the link by what it leads to",
                )
        yield from (path for name in files if (path := Path(where) / name).is_file())
