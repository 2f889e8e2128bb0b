"""What was published: versions, aliases and files in the database, contents in the storage.

Contents come first, under their SHA-256; one transaction then makes the version. Whoever is killed
in between leaves contents that nothing names, which `clean` removes, and never half a version.
"""

import hashlib
import shutil
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session, selectinload

from funit.contents import clean, keeping
from funit.database.connection import open_database, reading, wait_for_turn, writing
from funit.database.schema import ModelAlias, ModelFile, ModelName, ModelVersion
from funit.errors import ConflictError, NotThereError
from funit.home import folder_beside, home
from funit.model.parent import ParentRecord
from funit.model_folder import (
    ModelFolder,
    ModelInfo,
    card,
    open_model,
    write_about,
)
from funit.storage import Storage


class PublishedModels:
    """The versions that were published, and the second names that they have."""

    def __init__(self, database: str | Engine, storage: str | Storage) -> None:
        self.database = open_database(database) if isinstance(database, str) else database
        self._storage = storage
        if isinstance(database, str):
            weakref.finalize(self, self.database.dispose)

    @cached_property
    def storage(self) -> Storage:
        """Where the contents are; opened when they are needed, as lists need none."""
        given = self._storage
        return Storage(given) if isinstance(given, str) else given

    # ------------------------------------------------------------------ read

    def versions(self, name: str | None = None) -> Sequence[ModelVersion]:
        """All versions, or those of one name, in order; without their files."""
        wanted = select(ModelVersion).order_by(ModelVersion.name, ModelVersion.version)
        if name is not None:
            wanted = wanted.where(ModelVersion.name == name)
        with reading(self.database) as session:
            return session.scalars(wanted).all()

    def numbers(self, name: str) -> list[int]:
        """The versions of one name, in order."""
        wanted = select(ModelVersion.version).where(ModelVersion.name == name)
        with reading(self.database) as session:
            return list(session.scalars(wanted.order_by(ModelVersion.version)))

    def aliases(self, name: str | None = None) -> dict[tuple[str, int], list[str]]:
        """The second names of each version, by its name and number."""
        wanted = select(ModelAlias.alias, ModelVersion.name, ModelVersion.version)
        wanted = wanted.join(ModelAlias.version).order_by(ModelAlias.alias)
        if name is not None:
            wanted = wanted.where(ModelAlias.name == name)
        found: dict[tuple[str, int], list[str]] = {}
        with reading(self.database) as session:
            for alias, model, version in session.execute(wanted):
                found.setdefault((model, version), []).append(alias)
        return found

    def version(self, name: str, number: int) -> ModelVersion:
        """A version with its files; raises NotThereError."""
        with reading(self.database) as session:
            return _version(session, name, number, with_files=True)

    def parents(self, versions: Sequence[ModelVersion]) -> dict[int, str]:
        """What each was trained from, as NAME@VERSION, by the row; those that are kept here."""
        wanted = {row.parent_id for row in versions if row.parent_id is not None}
        query = select(ModelVersion.id, ModelVersion.name, ModelVersion.version)
        with reading(self.database) as session:
            found = session.execute(query.where(ModelVersion.id.in_(wanted))).all()
        named = {key: f"{name}@{version}" for key, name, version in found}
        return {row.id: named[row.parent_id] for row in versions if row.parent_id in named}

    def folder(self, name: str, number: int) -> ModelFolder:
        """A version as a folder of files found whole, in the cache; raises UserError.

        It is made in one piece the first time, and again where a file is missing.
        """
        row = self.version(name, number)
        folder = _cache() / _cached_name(row)
        if not _is_there(folder, row.files):
            self._make(folder, row.files)
        return open_model(folder, f"remove `{folder}`: it is fetched again from where it is kept")

    def _make(self, folder: Path, files: Sequence[ModelFile]) -> None:
        with folder_beside(folder) as temporary:
            made = temporary / "new"
            for file in files:
                self.storage.fetch(file.sha256, made / file.path)
            while not _is_there(folder, files):
                try:
                    if folder.exists():  # it lacks a file
                        folder.rename(temporary / "old")
                    made.rename(folder)
                except OSError:  # another process was faster
                    if not _is_there(folder, files):
                        raise

    # ---------------------------------------------------------------- change

    def add(self, folder: Path, info: ModelInfo, above: int = 0) -> ModelInfo:
        """Keeps a model folder as the next version of its name, higher than `above`."""
        number = self._next_number(info.name, above)
        info = info.model_copy(update={"version": number})
        write_about(folder, info)
        paths = sorted(path for path in folder.iterdir() if path.is_file())
        with keeping(self.database, self.storage) as keeper:
            files = [
                ModelFile(path=path.name, sha256=keeper.put_file(path), size=path.stat().st_size)
                for path in paths
            ]
            with keeper.naming() as session:
                wait_for_turn(session)
                session.add(
                    ModelVersion(
                        name=info.name,
                        version=number,
                        info=info.model_dump(mode="json"),
                        card=card(info),
                        licence=info.licence,
                        data_fingerprint=info.training.data.get("fingerprint"),
                        size=sum(file.size for file in files),
                        parent_id=_parent_id(session, info.training.parent),
                        files=files,
                    )
                )
        return info

    def set_alias(self, name: str, number: int, alias: str) -> None:
        """Makes `alias` a second name of a version, whatever it named before."""
        with self._changing() as session:
            row = _version(session, name, number)
            found = session.get(ModelAlias, (name, alias))
            if found is None:
                session.add(ModelAlias(name=name, alias=alias, version_id=row.id))
            else:
                found.version_id = row.id

    def remove_alias(self, name: str, alias: str) -> None:
        """Drops a second name; raises NotThereError."""
        with self._changing() as session:
            found = session.get(ModelAlias, (name, alias))
            if found is None:
                raise NotThereError(
                    f"`{name}` has no alias `{alias}`", hint="`funit models list` shows them"
                )
            session.delete(found)

    def remove(self, name: str, number: int) -> None:
        """Drops a version; raises ConflictError where an alias names it, or NotThereError."""
        with self._changing() as session:
            row = _version(session, name, number, with_files=True)
            named = select(ModelAlias.alias).where(ModelAlias.version_id == row.id)
            if aliases := session.scalars(named.order_by(ModelAlias.alias)).all():
                raise ConflictError(
                    f"`{name}@{number}` is {_quoted(aliases)}",
                    hint=f"`funit models alias {name}@VERSION {aliases[0]}` moves that to another "
                    "version, `--remove` drops it",
                )
            children = update(ModelVersion).where(ModelVersion.parent_id == row.id)
            session.execute(children.values(parent_id=None))
            session.delete(row)

    def clean(self) -> tuple[int, int]:
        """Removes contents that nothing in the database names; gives how many, and their bytes.

        What others are storing stays. Models that were removed leave the cache, too.
        """
        found = clean(self.database, self.storage)
        self._clean_cache()
        return found

    def _clean_cache(self) -> None:
        with reading(self.database) as session:
            rows = session.scalars(
                select(ModelVersion).options(selectinload(ModelVersion.files))
            ).all()
        kept = {_cached_name(row) for row in rows}
        for folder in _cache().glob("*@*-*"):
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _next_number(self, name: str, above: int) -> int:
        with self._changing() as session:
            row = session.get(ModelName, name)
            if row is None:
                row = ModelName(name=name, last_version=0)
                session.add(row)
            row.last_version = max(row.last_version, above) + 1
            return row.last_version

    @contextmanager
    def _changing(self) -> Iterator[Session]:
        """A session that changes what is there while no other one of these does."""
        with writing(self.database) as session:
            wait_for_turn(session)
            yield session


def _version(session: Session, name: str, number: int, *, with_files: bool = False) -> ModelVersion:
    wanted = select(ModelVersion).where(ModelVersion.name == name, ModelVersion.version == number)
    if with_files:
        wanted = wanted.options(selectinload(ModelVersion.files))
    row = session.scalar(wanted)
    if row is None:
        raise NotThereError(
            f"`{name}` has no published version {number}", hint="`funit models list` shows them"
        )
    return row


def _parent_id(session: Session, parent: ParentRecord | None) -> int | None:
    """The row that a training started from, if it is that model and not another of its name."""
    if parent is None:
        return None
    wanted = select(ModelVersion).where(
        ModelVersion.name == parent.name, ModelVersion.version == parent.version
    )
    row = session.scalar(wanted)
    is_it = row is not None and row.info.get("weights_sha256") == parent.weights_sha256
    return row.id if row is not None and is_it else None


def _cache() -> Path:
    return home() / "cache" / "models"


def _cached_name(row: ModelVersion) -> str:
    """The hash is of all files: two databases may have different models of one name."""
    listed = "\n".join(f"{file.sha256} {file.path}" for file in row.files)
    return f"{row.name}@{row.version}-{hashlib.sha256(listed.encode()).hexdigest()[:16]}"


def _is_there(folder: Path, files: Sequence[ModelFile]) -> bool:
    """Whether each file has its size; that its content is whole is looked at where it is used."""

    def size(path: Path) -> int:
        return path.stat().st_size if path.is_file() else -1

    return all(size(folder / file.path) == file.size for file in files)


def _quoted(names: Sequence[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)
