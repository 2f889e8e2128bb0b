"""The image manager: data sets in versions, from uploads and from folders on the server.

A version is the images that came with it or before and have not gone by then; it never changes.
Its fingerprint is that of a zip with its images: the same for the same content, here, on another
server, and in the card of a model that was trained on it.
"""

import re
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import ColumnElement, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from funit.contents import keeping
from funit.data.catalog import ALL, Problem, catalog_of, zip_stamp
from funit.data.images import is_image_name
from funit.database.connection import reading, writing
from funit.database.schema import ENDED_STATES, DataSet, DataSetImage, DataSetVersion, Job, Schedule
from funit.errors import ConflictError, NotThereError, UserError
from funit.home import home, make_room, mark_used, whole_file
from funit.service.intake import (
    Intake,
    NewImage,
    Upload,
    find_folder,
    no_room,
    take_files,
    take_folder,
    take_zip,
)
from funit.service.owners import used_bytes
from funit.service.services import Services
from funit.service.settings import Limits

MAX_PROBLEMS = 1000  # that a report names
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_COPIED_BYTES = 1 << 20


# ------------------------------------------------------------------- changes


def create_from_zip(
    services: Services, name: str, upload: BinaryIO, key_id: int | None
) -> DataSetVersion:
    """A new data set out of a zip; raises ConflictError where the name is taken."""
    limits = services.settings.limits
    _check_name(name)
    with reading(services.database) as session:
        _refuse_taken(session, name)
        room = _room(session, key_id, limits)
    with tempfile.TemporaryDirectory(prefix="upload-", dir=home()) as folder:
        zip_path = Path(folder) / "upload.zip"
        with zip_path.open("wb") as file:
            while block := upload.read(_COPIED_BYTES):
                file.write(block)
        with keeping(services.database, services.storage) as keeper:
            intake = take_zip(zip_path, name, keeper, limits, room)
            with keeper.naming() as session:
                _refuse_taken(session, name)
                dataset = _new(session, name, key_id)
                return _change(session, dataset, intake.images, (), intake.problems, limits)


def register_folder(
    services: Services, name: str, folder: str, key_id: int | None
) -> DataSetVersion:
    """A data set out of a folder under `data_roots`; registered again, what changed is a version.

    Its images are copied into the storage: a version does not change when the folder does.
    """
    limits = services.settings.limits
    _check_name(name)
    path = find_folder(folder, services.settings.data_roots)
    with reading(services.database) as session:
        known = session.scalar(select(DataSet).where(DataSet.name == name))
        _refuse_other_source(known, name, path)
        room = _room(session, known.key_id if known else key_id, limits)
        room += _bytes_of(session, known) if known else 0
    with keeping(services.database, services.storage) as keeper:
        intake = take_folder(path, name, keeper, limits, room)
        with keeper.naming() as session:
            dataset = session.scalar(select(DataSet).where(DataSet.name == name).with_for_update())
            _refuse_other_source(dataset, name, path)
            if dataset is None:
                dataset = _new(session, name, key_id, str(path))
            wanted = {(*image.place, image.sha256): image for image in intake.images}
            rows = _current(session, dataset)
            gone = [row for row in rows if (*_place(row), row.sha256) not in wanted]
            for row in rows:
                wanted.pop((*_place(row), row.sha256), None)
            added = list(wanted.values())
            return _change(session, dataset, added, gone, intake.problems, limits)


def add_images(
    services: Services, name: str, part: str, cls: str, uploads: Sequence[Upload]
) -> tuple[DataSetVersion, Intake]:
    """A new version with more images of a class, which may be new, too; [0053].

    What cannot be used is left out and told. An image that is there under its name changes
    nothing; another one of that name raises ConflictError.
    """
    _check_class(part, cls)
    for upload in uploads:
        _check_file_name(upload.name)
    with reading(services.database) as session:
        _find(session, name)
    limits = services.settings.limits
    with keeping(services.database, services.storage) as keeper:
        intake = take_files(part, cls, uploads, keeper, limits)
        if not intake.images:
            raise UserError(
                f"no image can be used: {intake.problems[0]}"
                if intake.problems
                else "no image is sent"
            )
        with keeper.naming() as session:
            dataset = _find(session, name, lock=True)
            added = _new_among(intake.images, name, _current(session, dataset))
            version = _change(session, dataset, added, (), intake.problems, limits)
    return version, intake


def remove_image(services: Services, name: str, image_id: int) -> DataSetVersion:
    """A new version without an image; the versions before keep it."""
    with writing(services.database) as session:
        dataset = _find(session, name, lock=True)
        gone = [row for row in _current(session, dataset) if row.id == image_id]
        if not gone:
            raise _no_image(name, image_id)
        return _change(session, dataset, (), gone, (), services.settings.limits)


def remove_dataset(services: Services, name: str) -> None:
    """Forgets a data set with all its versions; raises ConflictError while a job needs it.

    The storage drops its images when contents without a name are cleaned away.
    """
    with writing(services.database) as session:
        dataset = _find(session, name, lock=True)
        _refuse_used(session, name)
        fingerprints = [version.fingerprint for version in dataset.versions]
        session.delete(dataset)
    for fingerprint in fingerprints:
        _cached(fingerprint).unlink(missing_ok=True)  # made anew if another data set is the same


def _change(
    session: Session,
    dataset: DataSet,
    added: Sequence[NewImage],
    gone: Sequence[DataSetImage],
    problems: Sequence[Problem],
    limits: Limits,
) -> DataSetVersion:
    """The next version; the last one if that is the same. Raises as `funit data check` does."""
    last = _newest(session, dataset)
    left_out = {row.id for row in gone}
    stays = [row for row in _current(session, dataset) if row.id not in left_out]
    rows: list[NewImage | DataSetImage] = [*stays, *added]
    stamps = {_path(row): zip_stamp(row.size, row.crc) for row in rows}
    catalog = catalog_of(Path(dataset.name), stamps)
    if catalog.num_images != len(rows):
        raise UserError(
            f"{catalog.problems[0]}",
            hint=f"either all classes of `{dataset.name}` are in a part, or none is",
        )
    if last is not None and last.fingerprint == catalog.fingerprint:
        return last
    if sum(image.size for image in added) > (room := _room(session, dataset.key_id, limits)):
        raise no_room(room)
    number = last.version + 1 if last else 1
    if added:
        session.execute(
            insert(DataSetImage),
            [vars(image) | {"dataset_id": dataset.id, "added_in": number} for image in added],
        )
    for row in gone:
        row.removed_in = number
    sizes = sorted(((row.width, row.height) for row in rows), key=lambda s: (s[0] * s[1], s))
    told = tuple(problems[:MAX_PROBLEMS])
    checked = replace(catalog, problems=told, size_range=(sizes[0], sizes[-1]))
    version = DataSetVersion(
        dataset_id=dataset.id,
        version=number,
        fingerprint=catalog.fingerprint,
        num_images=len(rows),
        size=sum(row.size for row in rows),
        report=checked.summary | {"num_problems": len(problems)},
    )
    session.add(version)
    return version


# ------------------------------------------------------------------- questions


def list_datasets(
    services: Services, after: str, limit: int
) -> list[tuple[DataSet, DataSetVersion]]:
    """Data sets by name, each with its newest version, from behind a name on."""
    newest = (
        select(DataSetVersion.dataset_id, func.max(DataSetVersion.version).label("version"))
        .group_by(DataSetVersion.dataset_id)
        .subquery()
    )
    wanted = (
        select(DataSet, DataSetVersion)
        .join(newest, newest.c.dataset_id == DataSet.id)
        .join(
            DataSetVersion,
            (DataSetVersion.dataset_id == DataSet.id)
            & (DataSetVersion.version == newest.c.version),
        )
        .where(DataSet.name > after)
        .order_by(DataSet.name)
        .limit(limit)
    )
    with reading(services.database) as session:
        return [(dataset, version) for dataset, version in session.execute(wanted)]


def find_dataset(services: Services, name: str) -> tuple[DataSet, list[DataSetVersion]]:
    """A data set and its versions, the newest last; raises NotThereError where there is none."""
    with reading(services.database) as session:
        dataset = _find(session, name)
        return dataset, list(dataset.versions)


def find_version(services: Services, name: str, version: int | None = None) -> DataSetVersion:
    """A version of a data set, by default the newest; raises NotThereError where there is none."""
    with reading(services.database) as session:
        return _version(session, _find(session, name), version)


def list_classes(
    services: Services, name: str, version: int | None = None
) -> list[tuple[str, str, int, int]]:
    """The part, the name, the number of images and the first image's id of each class, in order."""
    with reading(services.database) as session:
        dataset = _find(session, name)
        number = _version(session, dataset, version).version
        counted = (
            select(DataSetImage.part, DataSetImage.cls, func.count(), func.min(DataSetImage.id))
            .where(_in_version(dataset, number))
            .group_by(DataSetImage.part, DataSetImage.cls)
            .order_by(DataSetImage.part, DataSetImage.cls)
        )
        return [(part, cls, count, id_) for part, cls, count, id_ in session.execute(counted)]


def list_images(
    services: Services,
    name: str,
    version: int | None = None,
    *,
    part: str | None = None,
    cls: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> tuple[int, list[DataSetImage]]:
    """How many images there are, and those from behind an id on, in the order of their coming."""
    with reading(services.database) as session:
        dataset = _find(session, name)
        wanted = [_in_version(dataset, _version(session, dataset, version).version)]
        if part is not None:
            wanted.append(DataSetImage.part == part)
        if cls is not None:
            wanted.append(DataSetImage.cls == cls)
        total = session.scalar(select(func.count()).select_from(DataSetImage).where(*wanted)) or 0
        page = (
            select(DataSetImage)
            .where(*wanted, DataSetImage.id > after)
            .order_by(DataSetImage.id)
            .limit(limit)
        )
        return total, list(session.scalars(page))


def read_file(services: Services, name: str, image_id: int) -> bytes:
    """The original file of an image, to be decoded, never to be served."""
    with reading(services.database) as session:
        dataset = _find(session, name)
        found = session.scalar(
            select(DataSetImage).where(
                DataSetImage.id == image_id, DataSetImage.dataset_id == dataset.id
            )
        )
    if found is None:
        raise _no_image(name, image_id)
    return services.storage.get(found.sha256)


def open_dataset(services: Services, name: str, version: int | None = None) -> Path:
    """A version as a zip on this machine that `funit train` reads; made once, in one piece.

    It lies under `$FUNIT_HOME/cache/datasets` by its fingerprint, and may be removed at any time.
    """
    with reading(services.database) as session:
        dataset = _find(session, name)
        found = _version(session, dataset, version)
        wanted = _in_version(dataset, found.version)
        rows = list(session.scalars(select(DataSetImage).where(wanted).order_by(DataSetImage.id)))
    path = _cached(found.fingerprint)
    if path.exists():
        mark_used(path)
        return path
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as file:
        for row in sorted(rows, key=_path):
            entry = zipfile.ZipInfo(_path(row), date_time=(1980, 1, 1, 0, 0, 0))
            file.writestr(entry, services.storage.get(row.sha256))
    make_room(path.parent, "*.zip")
    return path


# --------------------------------------------------------------------- pieces


def _path(row: NewImage | DataSetImage) -> str:
    return f"{row.part}/{row.cls}/{row.name}" if row.part else f"{row.cls}/{row.name}"


def _place(row: DataSetImage) -> tuple[str, str, str]:
    return row.part, row.cls, row.name


def _cached(fingerprint: str) -> Path:
    return home() / "cache" / "datasets" / f"{fingerprint}.zip"


def _find(session: Session, name: str, *, lock: bool = False) -> DataSet:
    wanted = select(DataSet).where(DataSet.name == name)
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NotThereError(
            f"there is no data set `{name}`", hint="`GET /v1/datasets` lists those there are"
        )
    return found


def _new(session: Session, name: str, key_id: int | None, source: str | None = None) -> DataSet:
    dataset = DataSet(name=name, key_id=key_id, source=source)
    session.add(dataset)
    try:
        session.flush()
    except IntegrityError:  # another request, at the same time, took the name
        raise _taken(name) from None
    return dataset


def _newest(session: Session, dataset: DataSet) -> DataSetVersion | None:
    return session.scalar(
        select(DataSetVersion)
        .where(DataSetVersion.dataset_id == dataset.id)
        .order_by(DataSetVersion.version.desc())
        .limit(1)
    )


def _version(session: Session, dataset: DataSet, version: int | None) -> DataSetVersion:
    if version is None:
        found = _newest(session, dataset)
    else:
        found = session.scalar(
            select(DataSetVersion).where(
                DataSetVersion.dataset_id == dataset.id, DataSetVersion.version == version
            )
        )
    if found is None:
        raise NotThereError(
            f"the data set `{dataset.name}` has no version {version}",
            hint=f"`GET /v1/datasets/{dataset.name}` lists those there are",
        )
    return found


def _in_version(dataset: DataSet, version: int) -> ColumnElement[bool]:
    return (
        (DataSetImage.dataset_id == dataset.id)
        & (DataSetImage.added_in <= version)
        & or_(DataSetImage.removed_in.is_(None), DataSetImage.removed_in > version)
    )


def _current(session: Session, dataset: DataSet) -> list[DataSetImage]:
    return list(
        session.scalars(
            select(DataSetImage).where(
                DataSetImage.dataset_id == dataset.id, DataSetImage.removed_in.is_(None)
            )
        )
    )


def _new_among(
    images: Sequence[NewImage], dataset: str, rows: Sequence[DataSetImage]
) -> list[NewImage]:
    """Those that are not there; raises ConflictError where another one has the name."""
    known: dict[tuple[str, str, str], NewImage | DataSetImage] = {_place(row): row for row in rows}
    added = []
    for image in images:
        there = known.setdefault(image.place, image)
        if there.sha256 != image.sha256:
            raise ConflictError(
                f"class `{image.cls}` of `{dataset}` has another image `{image.name}`",
                hint="send it under another name, or remove the other one first",
            )
        if there is image:
            added.append(image)
    return added


def _room(session: Session, key_id: int | None, limits: Limits) -> int:
    """The bytes that a key may still add; what old versions keep counts, too."""
    return limits.key_bytes - used_bytes(session, key_id)


def _bytes_of(session: Session, dataset: DataSet) -> int:
    wanted = select(func.sum(DataSetImage.size)).where(DataSetImage.dataset_id == dataset.id)
    return int(session.scalar(wanted) or 0)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"`{name}` cannot be the name of a data set",
            hint="use up to 64 small letters, digits, `-`, `_` and `.`, a letter or digit first",
        )


def _check_class(part: str, cls: str) -> None:
    for what, name in (("part", part), ("class", cls)):
        wrong = "/" in name or name.startswith(".") or name == ALL
        if wrong or (what == "class" and not name):
            raise UserError(
                f"`{name}` cannot be the name of a {what}",
                hint="give a name without `/` that does not begin with a dot",
            )


def _check_file_name(name: str) -> None:
    if "/" in name or name.startswith(".") or not is_image_name(name):
        raise UserError(
            f"`{name}` cannot be the name of an image",
            hint="give a name without `/` that ends as `.png`, `.jpg`, `.webp`, `.bmp` or `.gif`",
        )


def _refuse_taken(session: Session, name: str) -> None:
    if session.scalar(select(DataSet.id).where(DataSet.name == name)) is not None:
        raise _taken(name)


def _taken(name: str) -> ConflictError:
    return ConflictError(
        f"there is a data set `{name}`",
        hint="give another name, or add to it by `POST /v1/datasets/NAME/images`",
    )


def _refuse_other_source(dataset: DataSet | None, name: str, path: Path) -> None:
    if dataset is not None and dataset.source != str(path):
        raise ConflictError(
            f"there is a data set `{name}` of another origin", hint="give another name"
        )


def _refuse_used(session: Session, name: str) -> None:
    """Refuses where a job that has not ended, or a schedule, names the data set."""
    jobs = session.execute(
        select(Job.id, Job.request).where(Job.state.not_in(sorted(ENDED_STATES)))
    )
    schedules = session.execute(select(Schedule.name, Schedule.request).where(Schedule.enabled))
    for what, found in (("job", jobs), ("schedule", schedules)):
        for which, request in found:
            if name in _datasets_of(request):
                raise ConflictError(
                    f"the {what} `{which}` needs the data set `{name}`",
                    hint=f"wait for it or cancel it, then remove `{name}`",
                )


def _datasets_of(request: dict[str, Any]) -> Iterable[str]:
    """The data sets that a job's request names, as NAME or NAME@VERSION."""
    named = (request.get("dataset"), request.get("data"))
    return {text.partition("@")[0] for text in named if isinstance(text, str)}


def _no_image(name: str, image_id: int) -> NotThereError:
    return NotThereError(
        f"the data set `{name}` has no image {image_id}",
        hint=f"`GET /v1/datasets/{name}/images` lists those there are",
    )
