"""A folder or zip of class folders -> Catalog: classes, paths, the seen/unseen split, problems.

DATA is `PART/CLASS/IMAGE`, with a part `seen` to train on and a part `unseen` to test with, or
`CLASS/IMAGE`, split here. A folder around all of that, as zips often have, does not matter.
Nothing is ever written to DATA or unpacked beside it.
"""

import hashlib
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from PIL import Image

from funit.data.images import MAX_PIXELS, WHITE, Color, is_image_name, read_image
from funit.errors import UserError

MIN_SIZE = 8  # pixels of the shorter side: less shows nothing
Classes = Mapping[str, tuple[str, ...]]  # class -> the names of its images
Progress = Callable[[int, int], None]  # (images done, images in all)

SEEN, UNSEEN = "seen", "unseen"
ALL = "all"  # the classes of every part
MAX_FILE_BYTES = 512 * 2**20  # what a zip may unpack to for a single image

T = TypeVar("T")

_LAYOUT_HINT = "it should hold `seen/CLASS/*.png` and `unseen/CLASS/*.png`, or just `CLASS/*.png`"
_MAX_DEPTH = 6  # deeper folders hold no classes; it also ends loops of links
_JUNK = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Problem:
    """An image that is left out, and why."""

    path: str  # inside DATA
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class GoodImage(NamedTuple):
    """An image that can be used, with its file."""

    part: str
    cls: str
    name: str
    content: bytes
    size: tuple[int, int]
    """Width and height."""


@dataclass(frozen=True)
class Catalog:
    """What DATA holds."""

    path: Path
    parts: Mapping[str, Classes]
    """`seen`, `unseen` and whatever other parts there are; classes and images in order."""
    roots: Mapping[str, str]
    """For each part the folder inside DATA with its class folders: `` or `seen/`."""
    fingerprint: str
    """The same for the same content: of all names, sizes, and CRCs (zip) or times (folder)."""
    problems: tuple[Problem, ...] = ()
    size_range: tuple[tuple[int, int], tuple[int, int]] | None = None
    """Width and height of the smallest and the largest image, once they are checked."""
    _files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Path inside DATA -> name in the zip; the two differ where a zip has backslashes."""

    @property
    def seen(self) -> Classes:
        """The classes to train on."""
        return find_part(self.parts, SEEN, self.path)

    @property
    def unseen(self) -> Classes:
        """The classes to test with; none if DATA has no such part."""
        return self.parts.get(UNSEEN, {})

    @property
    def num_images(self) -> int:
        """Of all parts."""
        return sum(len(names) for classes in self.parts.values() for names in classes.values())

    def images(self) -> Iterator[tuple[str, str, str]]:
        """The part, class and name of every image, in order."""
        for part, classes in self.parts.items():
            for cls, names in classes.items():
                for name in names:
                    yield part, cls, name

    def path_of(self, part: str, cls: str, name: str) -> str:
        """Where the image is inside DATA."""
        return f"{self.roots[part]}{cls}/{name}"

    def read_bytes(self, part: str, cls: str, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """The image's file; raises UserError where it cannot be read any more, or is too large."""
        path = self.path_of(part, cls, name)
        try:
            if self._zip is None:
                return _read_from_folder(self.path / path, path, max_bytes)
            return _read_from_zip(self._zip, self._files[path], path, max_bytes)
        except UserError:
            raise
        except Exception as error:  # a password, a damaged block: each compression has its own
            raise UserError(
                f"`{path}` cannot be read: {error}", hint=f"make or download `{self.path}` again"
            ) from error

    def open_image(
        self, part: str, cls: str, name: str, background: Color = WHITE, shortest: int | None = None
    ) -> Image.Image:
        """The image as `read_image` gives it; raises UserError for one that is too small, too."""
        path = self.path_of(part, cls, name)
        return open_checked(self.read_bytes(part, cls, name), path, background, shortest=shortest)

    @property
    def summary(self) -> dict[str, Any]:
        """What `funit data check` shows: plain numbers and words, ready for JSON."""
        sizes = [list(size) for size in self.size_range] if self.size_range else None
        return {
            "path": str(self.path),
            "fingerprint": self.fingerprint,
            "images": self.num_images,
            "parts": {part: _summary_of(classes) for part, classes in self.parts.items()},
            "smallest_image": sizes[0] if sizes else None,
            "largest_image": sizes[1] if sizes else None,
            "problems": [{"path": p.path, "reason": p.reason} for p in self.problems],
        }

    @cached_property
    def _zip(self) -> zipfile.ZipFile | None:
        # Opened once: reading the directory of a large zip takes half a second.
        return None if self.path.is_dir() else _open_zip(self.path)


def read_catalog(data: Path, num_unseen: int = 0, seed: int = 0) -> Catalog:
    """Lists the classes and images of DATA without opening one; raises UserError if it has none.

    Where DATA has just one set of classes, `num_unseen` of them, chosen by `seed`, become the part
    `unseen`; a class added later moves at most one other.
    """
    return _catalog(data, _list(data), num_unseen, seed)


def catalog_of(data: Path, stamps: Mapping[str, str]) -> Catalog:
    """The catalog of a zip called `data` of which only a list is there: of each path its stamp.

    What would be wrong with the zip is a UserError or a problem here, too. `zip_stamp` makes
    stamps.
    """
    return _catalog(data, {path: _Entry(path, stamp) for path, stamp in stamps.items()}, 0, 0)


def zip_stamp(size: int, crc: int) -> str:
    """What tells a file in a zip from another of its path."""
    return f"{size} {crc:08x}"


def _catalog(data: Path, listing: Mapping[str, "_Entry"], num_unseen: int, seed: int) -> Catalog:
    layout = _layout(listing)
    parts, problems = _arrange(listing, layout)
    _check_parts(parts, problems, data)
    roots = {part: f"{layout.wrapper}{part}/" if layout.has_parts else "" for part in parts}
    if num_unseen:
        parts = _split(parts, num_unseen, seed, data)
        roots = dict.fromkeys(parts, next(iter(roots.values())))
    catalog = Catalog(data, parts, roots, "", tuple(problems))
    paths = sorted(catalog.path_of(*image) for image in catalog.images())
    return replace(
        catalog,
        fingerprint=_hash(f"{path}\0{listing[path].stamp}" for path in paths),
        _files={path: listing[path].stored_name for path in paths},
    )


def check_images(
    catalog: Catalog,
    progress: Progress | None = None,
    *,
    max_bytes: int = MAX_FILE_BYTES,
    max_pixels: int = MAX_PIXELS,
    on_good: Callable[[GoodImage], None] | None = None,
) -> Catalog:
    """The catalog without the images that cannot be read, are too small or too large.

    They become problems; raises UserError where a class is left without an image. `on_good` hears
    of each of the others, in order.
    """
    good: dict[str, dict[str, list[str]]] = {
        part: {cls: [] for cls in classes} for part, classes in catalog.parts.items()
    }
    problems, sizes, total = list(catalog.problems), set(), catalog.num_images
    for done, (part, cls, name) in enumerate(catalog.images(), start=1):
        path = catalog.path_of(part, cls, name)
        try:
            content = catalog.read_bytes(part, cls, name, max_bytes)
            size = open_checked(content, path, max_pixels=max_pixels).size
        except UserError as error:
            problems.append(problem_of(path, error))
        else:
            good[part][cls].append(name)
            sizes.add(size)
            if on_good:
                on_good(GoodImage(part, cls, name, content, size))
        if progress:
            progress(done, total)
    check_not_empty(good, problems, catalog.path)
    by_area = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    return replace(
        catalog,
        parts={p: {c: tuple(names) for c, names in cs.items()} for p, cs in good.items()},
        problems=tuple(problems),
        size_range=(by_area[0], by_area[-1]),
    )


def open_checked(
    content: bytes,
    path: str,
    background: Color = WHITE,
    max_pixels: int = MAX_PIXELS,
    shortest: int | None = None,
) -> Image.Image:
    """An image as `read_image` gives it; raises UserError for one that is too small, too."""
    image = read_image(content, background, max_pixels, name=path, shortest=shortest)
    if min(image.size) < MIN_SIZE:
        raise UserError(
            f"`{path}` is too small: {image.width} x {image.height} pixels",
            hint=f"both sides need {MIN_SIZE} pixels at least",
        )
    return image


def find_part(parts: Mapping[str, T], name: str, data: Path) -> T:
    """The part of that name; a single part of any name but `unseen` serves as `seen`.

    Raises UserError, naming the parts there are, where there is none.
    """
    if name in parts:
        return parts[name]
    if name == SEEN and len(parts) == 1 and UNSEEN not in parts:
        return next(iter(parts.values()))
    raise UserError(
        f"`{data}` has no part `{name}`",
        hint=f"it has {' and '.join(f'`{part}`' for part in parts)}: rename a folder, or say "
        "which one is meant",
    )


def check_not_empty(
    parts: Mapping[str, Mapping[str, Sized]], problems: Iterable[Problem], data: Path
) -> None:
    """Raises UserError, with a reason, where a class has no image."""
    empty = [
        f"{part}/{cls}" for part, cs in parts.items() for cls, names in cs.items() if not names
    ]
    if not empty:
        return
    first = empty[0].partition("/")[2]
    reasons = [str(problem) for problem in problems if f"{first}/" in problem.path]
    more = f" (nor have {len(empty) - 1} other classes)" if len(empty) > 1 else ""
    raise UserError(
        f"class `{first}` in `{data}` has no readable image{more}"
        + (f": {reasons[0]}" if reasons else ""),
        hint="add images to its folder, or remove it",
    )


def problem_of(path: str, error: UserError) -> Problem:
    """What is wrong with the image at that path, without naming it twice."""
    return Problem(path, error.message.removeprefix(f"`{path}` "))


class _Entry(NamedTuple):
    stored_name: str  # in the zip
    stamp: str  # differs when the content does


class _Layout(NamedTuple):
    wrapper: str  # a folder around everything, as `lpc/`, or nothing
    has_parts: bool
    tops: frozenset[str]  # the folders inside the wrapper that are parts, or classes


# ------------------------------------------------------------------- listing


def _list(data: Path) -> dict[str, _Entry]:
    """Path -> entry of every file, and, ending in a slash, every folder; hidden ones left out."""
    if data.is_dir():
        found = dict(_list_folder(data, "", 0))
    elif data.is_file():
        with _open_zip(data) as file:
            found = dict(_list_zip(file, data))
    else:
        raise UserError(f"there is no `{data}`", hint="DATA is a folder or a zip of images")
    return {path: entry for path, entry in found.items() if not _is_hidden(path)}


def _list_folder(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, _Entry]]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise UserError(
            f"the folder `{folder}` cannot be read: {error.strerror}", hint="check its permissions"
        ) from None
    for entry in entries:
        path = prefix + entry.name
        if entry.is_dir():
            yield f"{path}/", _Entry("", "")
            if depth < _MAX_DEPTH and not _is_hidden(path):
                yield from _list_folder(Path(entry.path), f"{path}/", depth + 1)
        elif entry.is_file():
            status = entry.stat()
            yield path, _Entry("", f"{status.st_size} {status.st_mtime_ns}")
        elif entry.is_symlink():  # to nothing: a problem when it is read, not silence
            yield path, _Entry("", "broken link")


def _list_zip(file: zipfile.ZipFile, data: Path) -> Iterator[tuple[str, _Entry]]:
    for info in file.infolist():
        # some Windows programs write backslashes
        path = info.filename.replace("\\", "/").removeprefix("./")
        if path.startswith("/") or ".." in path.split("/") or path[1:2] == ":":
            raise UserError(
                f"`{data}` holds the unsafe path `{info.filename}`",
                hint="make the zip anew, from inside the folder of the data",
            )
        yield path, _Entry(info.filename, zip_stamp(info.file_size, info.CRC))
        folder = path.removesuffix("/").rpartition("/")[0]
        while folder:  # a zip need not mention the folders of its files
            yield f"{folder}/", _Entry("", "")
            folder = folder.rpartition("/")[0]


def _is_hidden(path: str) -> bool:
    return path.startswith(".") or "/." in path or not _JUNK.isdisjoint(path.split("/"))


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, EOFError) as error:
        looks_like_one = path.suffix.lower() == ".zip"
        what = f"is a damaged zip: {error}" if looks_like_one else "is neither a folder nor a zip"
        raise UserError(
            f"`{path}` {what}",
            hint="copy or download it again" if looks_like_one else _LAYOUT_HINT,
        ) from None


def _read_from_zip(file: zipfile.ZipFile, stored_name: str, path: str, max_bytes: int) -> bytes:
    info = file.getinfo(stored_name)
    if info.file_size > max_bytes:  # zipfile never unpacks more than this number says
        raise UserError(f"`{path}` would unpack to {info.file_size:,} bytes")
    return file.read(info)


def _read_from_folder(file: Path, path: str, max_bytes: int) -> bytes:
    with file.open("rb") as opened:
        content = opened.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UserError(f"`{path}` has more than {max_bytes:,} bytes")
    return content


# -------------------------------------------------------------------- layout


def _layout(listing: Mapping[str, _Entry]) -> _Layout:
    images = [path.split("/") for path in listing if is_image_name(path)]
    wrapper = ""
    while top := _wrapping(images):
        wrapper += f"{top}/"
        images = [path[1:] for path in images if path[0] == top]
    tops = {path[0] for path in images if len(path) > 1}
    classes = {path[0] for path in images if len(path) == 2}
    parts = {path[0] for path in images if len(path) == 3}
    if not {SEEN, UNSEEN}.isdisjoint(tops) or not classes:
        return _Layout(wrapper, True, frozenset(parts))
    return _Layout(wrapper, False, frozenset(classes))


def _wrapping(images: list[list[str]]) -> str | None:
    """The one top folder, if what looks like parts lies inside it."""
    tops = {path[0] for path in images if len(path) > 1}
    if len(tops) != 1 or not {SEEN, UNSEEN}.isdisjoint(tops):
        return None
    inner = [path for path in images if len(path) > 1]
    if all(len(path) >= 4 for path in inner) or {SEEN, UNSEEN} & {path[1] for path in inner}:
        return tops.pop()
    return None


def _arrange(
    listing: Mapping[str, _Entry], layout: _Layout
) -> tuple[dict[str, Classes], list[Problem]]:
    """The names of the images by part and class, and the files that belong to no class."""
    depth = 3 if layout.has_parts else 2  # of an image, in names
    found: dict[str, dict[str, list[str]]] = {}
    problems = []
    for path in sorted(listing, key=_natural):
        names = path.removeprefix(layout.wrapper).removesuffix("/").split("/")
        in_class = len(names) == depth and names[0] in layout.tops
        if path.endswith("/"):
            if len(names) == depth - 1 and (depth == 2 or names[0] in layout.tops):
                _class_of(found, names, depth)  # an empty one is an error later
        elif in_class and is_image_name(path):
            _class_of(found, names[:-1], depth).append(names[-1])
        elif in_class:
            problems.append(Problem(path, "not an image type"))
        elif is_image_name(path):
            where = "deeper than" if len(names) > depth else "not in"
            problems.append(Problem(path, f"{where} a class folder"))
    return {p: {c: tuple(n) for c, n in cs.items()} for p, cs in found.items()}, problems


def _class_of(found: dict[str, dict[str, list[str]]], names: list[str], depth: int) -> list[str]:
    part = names[0] if depth == 3 else SEEN
    return found.setdefault(part, {}).setdefault(names[-1], [])


def _natural(name: str) -> tuple[list[str | int], str]:
    # `pose_10` after `pose_9`; words and numbers alternate, so that like meets like
    pieces = re.split(r"([0-9]+)", name)
    return [int(piece) if i % 2 else piece for i, piece in enumerate(pieces)], name


def _check_parts(parts: Mapping[str, Classes], problems: Iterable[Problem], data: Path) -> None:
    num_classes = sum(len(classes) for classes in parts.values())
    if not num_classes:
        raise UserError(f"`{data}` holds no class folders with images", hint=_LAYOUT_HINT)
    if num_classes == 1:
        (only,) = (cls for classes in parts.values() for cls in classes)
        raise UserError(f"`{data}` has a single class, `{only}`", hint="two are needed at least")
    for classes in parts.values():
        spellings: dict[str, str] = {}
        for cls in classes:
            other = spellings.setdefault(cls.casefold(), cls)
            if other != cls:
                raise UserError(
                    f"classes `{other}` and `{cls}` of `{data}` differ only by case",
                    hint="rename one: many file systems cannot hold both",
                )
    seen = {cls.casefold() for cls in parts.get(SEEN, ())}
    if both := sorted(cls for cls in parts.get(UNSEEN, ()) if cls.casefold() in seen):
        raise UserError(
            f"class `{both[0]}` of `{data}` is both seen and unseen",
            hint="an unseen class is one that is never trained on: keep it in one part",
        )
    check_not_empty(parts, problems, data)


def _split(
    parts: Mapping[str, Classes], num_unseen: int, seed: int, data: Path
) -> dict[str, Classes]:
    if len(parts) > 1 or UNSEEN in parts:
        raise UserError(
            f"`{data}` has parts already: {', '.join(parts)}",
            hint="leave `--unseen` and `data.num_unseen` away",
        )
    (classes,) = parts.values()
    if num_unseen > len(classes) - 2:
        raise UserError(
            f"{num_unseen} of the {len(classes)} classes in `{data}` cannot be unseen",
            hint=f"two must be left to train on: at most {max(len(classes) - 2, 0)}",
        )
    unseen = kept_back(classes, num_unseen, seed)
    return {
        SEEN: {cls: names for cls, names in classes.items() if cls not in unseen},
        UNSEEN: {cls: names for cls, names in classes.items() if cls in unseen},
    }


def kept_back(classes: Iterable[str], count: int, seed: int) -> set[str]:
    """The classes that become unseen where DATA has just one set of them."""
    # by a hash, not a shuffle: another class in DATA leaves the others where they are
    return set(sorted(classes, key=lambda cls: _hash([f"{seed}/{cls}"]))[:count])


def _hash(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        # file names need not be Unicode: Python keeps their odd bytes as surrogates
        digest.update(f"{line}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _summary_of(classes: Classes) -> dict[str, Any]:
    if not classes:
        return {"classes": 0, "images": 0}
    sizes = {cls: len(names) for cls, names in classes.items()}
    smallest, largest = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    return {
        "classes": len(sizes),
        "images": sum(sizes.values()),
        "smallest_class": {"name": smallest, "images": sizes[smallest]},
        "largest_class": {"name": largest, "images": sizes[largest]},
    }
