"""The data sets that the service keeps."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from PIL import Image

from funit.client.connection import Answer, Connection, given, read, word
from funit.client.sources import File, ImageSource, files_of, opened, several, unreadable

Progress = Callable[[int, int], object]
"""Hears how many bytes were sent, of how many."""


class DataSetVersion(Answer):
    """What a data set was at a time; it never changes."""

    version: int
    created_at: datetime
    fingerprint: str
    num_images: int
    size: int
    """Bytes of all images."""


class DataSet(Answer):
    """A data set with its newest version."""

    name: str
    created_at: datetime
    origin: Literal["upload", "folder"]
    newest: DataSetVersion


class DataSetDetails(DataSet):
    """A data set with all its versions, and what was found in one."""

    versions: tuple[DataSetVersion, ...]
    report: dict[str, Any]
    """As of `funit data check --json`."""


class DataSetClass(Answer):
    """A class of a data set."""

    part: str
    """Empty where the data are not divided."""
    cls: str
    num_images: int


class DataSetImage(Answer):
    """An image of a data set."""

    id: int
    part: str
    cls: str
    name: str
    size: int
    """Bytes."""
    width: int
    height: int


class Problem(Answer):
    """An image that was left out, and why."""

    path: str
    reason: str


class Addition(Answer):
    """What came of images that were added."""

    version: DataSetVersion
    num_added: int
    """Those that can be used; what was there already counts, too."""
    problems: tuple[Problem, ...]


class DataSets(Connection):
    """What an image manager does; the key needs the scope `data`."""

    def upload_dataset(
        self, name: str, path: str | Path, progress: Progress | None = None
    ) -> DataSetDetails:
        """Makes a data set out of a zip of class folders; it is checked before this returns."""
        try:
            file = Path(path).open("rb")  # noqa: SIM115 - it is closed below
        except OSError as error:
            raise unreadable(path, error) from None
        with file:
            sent = _Counted(file, progress) if progress else file
            return self._one(
                DataSetDetails,
                "POST",
                "/v1/datasets",
                data={"name": name},
                files={"file": (Path(path).name, sent)},
                timeout=self._patient(),
            )

    def register_dataset(self, name: str, folder: str) -> DataSetDetails:
        """Makes a data set of a folder on the server; again: a version, if the folder changed."""
        body = {"name": name, "folder": folder}
        slow = self._patient()
        return self._one(DataSetDetails, "POST", "/v1/datasets/registered", json=body, timeout=slow)

    def datasets(self) -> list[DataSet]:
        """The data sets, by name."""
        return [read(DataSet, each) for each in self._paged("/v1/datasets", {})]

    def find_dataset(self, name: str, version: int | None = None) -> DataSetDetails:
        """A data set with its versions, and the report of one: the newest if none is named."""
        asked = given(version=version)
        return self._one(DataSetDetails, "GET", f"/v1/datasets/{word(name)}", params=asked)

    def dataset_classes(self, name: str, version: int | None = None) -> list[DataSetClass]:
        """The classes of a data set."""
        path, asked = f"/v1/datasets/{word(name)}/classes", given(version=version)
        return [read(DataSetClass, each) for each in self._json("GET", path, params=asked)]

    def dataset_images(
        self,
        name: str,
        version: int | None = None,
        *,
        part: str | None = None,
        cls: str | None = None,
    ) -> Iterator[DataSetImage]:
        """The images of a data set, or of a part or class of it, in the order they came in."""
        asked = given(version=version, part=part, cls=cls)
        for each in self._paged(f"/v1/datasets/{word(name)}/images", asked):
            yield read(DataSetImage, each)

    def dataset_thumbnail(
        self, name: str, image: DataSetImage | int, size: Literal[64, 128] = 64
    ) -> Image.Image:
        """A small picture of an image; `size` is of its longer side, in pixels."""
        path = f"/v1/datasets/{word(name)}/images/{_number(image)}/thumbnail"
        return opened(self._answer("GET", path, params={"size": size}).content)

    def add_images(
        self,
        name: str,
        cls: str,
        images: ImageSource | Sequence[ImageSource],
        part: str = "",
    ) -> Addition:
        """Adds images to a class, which may be a new one: the next version of the data set.

        Files keep their names; other pictures get one that is made of their content.
        """
        path, form = f"/v1/datasets/{word(name)}/images", given(cls=cls, part=part or None)
        return self._one(Addition, "POST", path, data=form, files=_with_names(images))

    def remove_image(self, name: str, image: DataSetImage | int) -> DataSetVersion:
        """Makes a version without an image; the versions before keep it."""
        path = f"/v1/datasets/{word(name)}/images/{_number(image)}"
        return self._one(DataSetVersion, "DELETE", path)

    def remove_dataset(self, name: str) -> None:
        """Forgets a data set; raises ConflictError while a job or a schedule needs it."""
        self._answer("DELETE", f"/v1/datasets/{word(name)}")

    def _paged(self, path: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        after: dict[str, Any] = {}
        while True:
            page = self._json("GET", path, params={**asked, **after, "limit": 500})
            yield from page["items"]
            if page["next"] is None:
                return
            after = {"after": page["next"]}


class _Counted:
    """A file that says how much of it was read."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file, self._progress = file, progress
        self._total = file.seek(0, 2)
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        if block:
            self._progress(self._file.tell(), self._total)
        return block

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()


def _with_names(images: ImageSource | Sequence[ImageSource]) -> list[File]:
    """Files of pictures that are kept by their names: no two pictures have the same."""
    files = []
    for image, (field, (name, content)) in zip(
        several(images), files_of("files", images), strict=True
    ):
        if not isinstance(image, str | Path):
            name = f"{hashlib.sha256(content).hexdigest()[:16]}.png"
        files.append((field, (name, content)))
    return files


def _number(image: DataSetImage | int) -> int:
    return image if isinstance(image, int) else image.id
