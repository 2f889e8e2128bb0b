"""Models by name: those inside the package, and those that were published, each in versions.

Those inside the package are folders, funit/models/NAME/. Those that were published are known to the
database, their files stand in the storage, and they are opened as a folder of the cache
(`funit.published_models`). A version is named by its number or by an alias, which can be moved from
one to another; `latest` is the highest number.
"""

import difflib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from funit import __version__
from funit.errors import ConflictError, LimitError, NotThereError, UserError
from funit.home import database_url, storage_url
from funit.model.code_statistics import CodeStatistics
from funit.model_folder import (
    ABOUT_FILE,
    CARD_FILE,
    LICENCE_FILE,
    GraphWriter,
    ModelFolder,
    ModelInfo,
    card,
    copy_model,
    open_folder,
    open_model,
    read_info,
    save_model,
    sha256_of,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from funit.database.schema import ModelVersion
    from funit.published_models import PublishedModels
    from funit.storage import Storage

SHIPPED = Path(__file__).parent / "models"
LATEST = "latest"
_OR_A_FOLDER = ", or give a folder"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ALIAS = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_ANY_NAME = re.compile(
    rf"(?P<name>{_NAME.pattern})(@((?P<number>[0-9]{{1,9}})|(?P<alias>{_ALIAS.pattern})))?"
)

OnProblem = Callable[[UserError], None]


class FileEntry(BaseModel, frozen=True):
    """A file of a model."""

    name: str
    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True)
class ModelEntry:
    """What is known of a version of a model without opening it."""

    info: ModelInfo
    aliases: tuple[str, ...]
    """What it is called beside its number; `latest` is among them."""
    size: int
    """Bytes of all files."""
    created_at: datetime | None
    """None: it is inside the package."""
    parent: str | None
    """NAME@VERSION of what its training started from, if that is kept here."""
    card: str

    @property
    def label(self) -> str:
        """NAME@VERSION."""
        return f"{self.info.name}@{self.info.version}"

    def described(self) -> dict[str, Any]:
        """`ModelInfo` and what is known beside it, as JSON."""
        return {
            **self.info.model_dump(mode="json"),
            "aliases": list(self.aliases),
            "size": self.size,
            "created_at": self.created_at.isoformat() if self.created_at else None,
            "parent": self.parent,
        }


class ModelRepository:
    """The models that have names: those inside the package, and those published here.

    The database is opened when it is needed; where nothing was ever published none is made.
    """

    def __init__(
        self,
        database: "str | Engine | None" = None,
        storage: "str | Storage | None" = None,
        shipped: Path = SHIPPED,
    ) -> None:
        self._database = database if database is not None else database_url()
        self._storage = storage if storage is not None else storage_url()
        self._opened: PublishedModels | None = None
        self.shipped = shipped

    # ------------------------------------------------------------------ read

    def list(self, on_problem: OnProblem | None = None) -> list[ModelInfo]:
        """All versions of all models; `on_problem` hears of those that cannot be read."""
        return [entry.info for entry in self.entries(on_problem=on_problem)]

    def entries(
        self, name: str | None = None, on_problem: OnProblem | None = None
    ) -> Sequence[ModelEntry]:
        """All versions of all models, or of one, with what is known beside `ModelInfo`."""
        published = self._published()
        rows = published.versions(name) if published else ()
        there = {(row.name, row.version) for row in rows}
        newest = {row.name: row.version for row in rows}  # they come in order
        shipped = self._shipped(name, on_problem)
        for folder in shipped:
            newest[folder.info.name] = max(newest.get(folder.info.name, 0), folder.info.version)
        found = [
            _shipped_entry(folder, folder.info.version == newest[folder.info.name])
            for folder in shipped
            if (folder.info.name, folder.info.version) not in there
        ]
        if published and rows:
            aliases, parents = published.aliases(name), published.parents(rows)
            for row in rows:
                called = aliases.get((row.name, row.version), [])
                if row.version == newest[row.name]:
                    called = [LATEST, *called]
                for info in _readable(row, on_problem):
                    found.append(
                        ModelEntry(
                            info,
                            tuple(called),
                            row.size,
                            row.created_at,
                            parents.get(row.id),
                            row.card,
                        )
                    )
        return sorted(found, key=lambda entry: (entry.info.name, entry.info.version))

    def entry(self, model: str) -> ModelEntry:
        """What is known of NAME, NAME@VERSION or NAME@ALIAS; raises NotThereError."""
        name, number = self._resolve(model)
        return next(entry for entry in self.entries(name) if entry.info.version == number)

    def files(self, model: str) -> Sequence[FileEntry]:
        """The files of NAME, NAME@VERSION or NAME@ALIAS; raises NotThereError."""
        name, number = self._resolve(model)
        published = self._published()
        if published and number in published.numbers(name):
            files = published.version(name, number).files
            return [FileEntry(name=f.path, sha256=f.sha256, size=f.size) for f in files]
        return [
            FileEntry(name=path.name, sha256=sha256_of(path), size=path.stat().st_size)
            for path in sorted((self.shipped / name).iterdir())
            if path.is_file()
        ]

    def find(self, model: str | Path) -> ModelFolder:
        """The model of that name (the newest, NAME@VERSION or NAME@ALIAS), or in that folder.

        A folder is that of a model, of a run, or of one checkpoint of a run. A name comes before a
        folder of the same name: `./NAME` is the folder. Raises UserError.
        """
        name = _ANY_NAME.fullmatch(model) if isinstance(model, str) else None
        if name and self._numbers(name["name"]):
            return self._open(*self._resolve(str(model)))
        path = Path(model)
        if path.is_dir():
            return open_folder(path)
        if isinstance(model, Path) or path.name != model:
            raise NotThereError(
                f"there is no model folder or run folder `{model}`",
                hint=self._hint(path.name, _OR_A_FOLDER),
            )
        raise self._unknown(model, _OR_A_FOLDER)

    def find_named(self, model: str) -> ModelFolder:
        """The model of that name, as of `find`, and never a folder: for what strangers ask for.

        Raises NotThereError where there is none, UserError where its files are damaged.
        """
        if not _ANY_NAME.fullmatch(model):
            raise NotThereError(
                f"no model is called `{model}`", hint="names are like `cats-64px@2`"
            )
        return self._open(*self._resolve(model))

    # ---------------------------------------------------------------- change

    def publish(
        self,
        source: str | Path,
        name: str,
        *,
        scores: Sequence[Mapping[str, Any]] | None = None,
        licence: str | None = None,
        licence_text: str | None = None,
        write_graphs: GraphWriter | None = None,
        measure_codes: Callable[[ModelFolder], CodeStatistics | None] | None = None,
        max_size: int | None = None,
    ) -> ModelInfo:
        """Makes what a run has learned (the average generator), or a model, a version of NAME.

        The graphs of a model are copied, too; `write_graphs` makes those of one that has none, as
        `measure_codes` gives the statistics of its training data to one that has none. The rows of
        `scores` that are of `source` bear the new name. More than `max_size` bytes in all are
        refused [0044]. Of a crash nothing is seen afterwards.
        """
        if not _NAME.fullmatch(name):
            raise UserError(
                f"`{name}` cannot be the name of a model",
                hint="use small letters, digits, `-`, `_` and `.`, e.g. `cats-64px`",
            )
        found = self.find(source)
        info = found.info.model_copy(update={"name": name, "made_by": __version__})
        if scores is not None:
            info = info.model_copy(update={"scores": _named_scores(scores, str(source), name)})
        if licence:
            info = info.model_copy(update={"licence": licence})
        if measure_codes and info.statistics is None:
            info = info.model_copy(update={"statistics": measure_codes(found)})
        with tempfile.TemporaryDirectory(prefix="funit-") as temporary:
            folder = Path(temporary) / "model"
            copied = _save_run if found.is_run else copy_model
            info = copied(found, folder, info, write_graphs)
            if licence_text is not None:
                (folder / LICENCE_FILE).write_text(licence_text, encoding="utf-8")
            _check_size(folder, max_size)
            published = self._published(make=True)
            assert published is not None
            return published.add(folder, info, above=self._shipped_version(name) or 0)

    def set_alias(self, model: str, alias: str) -> ModelEntry:
        """Makes `alias` a name of NAME@VERSION and of no other version; raises UserError."""
        name, number = self._resolve(model)
        if alias == LATEST or not _ALIAS.fullmatch(alias):
            raise UserError(
                f"`{alias}` cannot be an alias",
                hint="`latest` is always the highest version"
                if alias == LATEST
                else "begin with a small letter; use letters, digits, `-`, `_` and `.`",
            )
        self._published_with(name, number).set_alias(name, number, alias)
        return self.entry(f"{name}@{number}")

    def remove_alias(self, name: str, alias: str) -> None:
        """Drops an alias; the version stays. Raises UserError."""
        if alias == LATEST:
            raise ConflictError(
                f"`{LATEST}` is the highest version of `{name}`", hint="name another alias"
            )
        if not self._numbers(name):
            raise self._unknown(name)
        published = self._published()
        if published is None:
            raise NotThereError(f"`{name}` has no alias `{alias}`", hint="it has none")
        published.remove_alias(name, alias)

    def remove(self, model: str) -> str:
        """Drops NAME@VERSION, and gives that name; `latest` goes back to the version before.

        Raises ConflictError where another alias names it, or where it is inside the package. Its
        files go with `clean`.
        """
        if "@" not in model:
            self._resolve(model)
            raise UserError(
                f"it is not said which version of `{model}`", hint=f"write `{model}@VERSION`"
            )
        name, number = self._resolve(model)
        self._published_with(name, number).remove(name, number)
        return f"{name}@{number}"

    def clean(self) -> tuple[int, int]:
        """Removes stored files that nothing names any more; gives how many, and their bytes."""
        published = self._published()
        return published.clean() if published else (0, 0)

    # ---------------------------------------------------------------- pieces

    def _published(self, *, make: bool = False) -> "PublishedModels | None":
        """What was published; without `make` None where no database is there."""
        if self._opened is None and (make or _is_there(self._database)):
            # SQLAlchemy takes as long as a command that needs only what is in the package
            from funit.published_models import PublishedModels

            self._opened = PublishedModels(self._database, self._storage)
        return self._opened

    def _published_with(self, name: str, number: int) -> "PublishedModels":
        """What was published, with this among it; raises ConflictError."""
        published = self._published()
        if published is None or number not in published.numbers(name):
            raise ConflictError(
                f"`{name}@{number}` is inside the package, where nothing is changed",
                hint=f"`funit publish {name} --name NAME` makes a version of your own",
            )
        return published

    def _numbers(self, name: str) -> Sequence[int]:
        """The versions of a name, in order."""
        published, shipped = self._published(), self._shipped_version(name)
        numbers = set(published.numbers(name) if published else ())
        return sorted(numbers | ({shipped} if shipped is not None else set()))

    def _resolve(self, model: str) -> tuple[str, int]:
        """The name and the number of NAME, NAME@VERSION or NAME@ALIAS; raises NotThereError."""
        asked = _ANY_NAME.fullmatch(model)
        numbers = self._numbers(asked["name"]) if asked else []
        if asked is None or not numbers:
            raise self._unknown(model)
        name, alias = asked["name"], asked["alias"]
        if alias and alias != LATEST:
            published = self._published()
            found = published.aliases(name) if published else {}
            for (_, number), aliases in found.items():
                if alias in aliases:
                    return name, number
            known = sorted({LATEST, *(each for aliases in found.values() for each in aliases)})
            raise NotThereError(
                f"`{name}` has no alias `{alias}`", hint=f"there {_is(known)} {', '.join(known)}"
            )
        number = int(asked["number"]) if asked["number"] else numbers[-1]
        if number not in numbers:
            there = ", ".join(map(str, numbers))
            raise NotThereError(
                f"`{name}` has no version {number}", hint=f"there {_is(numbers)} {there}"
            )
        return name, number

    def _open(self, name: str, number: int) -> ModelFolder:
        published = self._published()
        if published and number in published.numbers(name):
            return published.folder(name, number)
        return open_model(self.shipped / name)

    def _shipped_version(self, name: str) -> int | None:
        """The version of that name inside the package, if there is one."""
        about = self.shipped / name / ABOUT_FILE
        return open_model(about.parent).info.version if about.exists() else None

    def _shipped(self, name: str | None, on_problem: OnProblem | None) -> Sequence[ModelFolder]:
        found = []
        for path in sorted(self.shipped.glob(f"{name or '*'}/{ABOUT_FILE}")):
            try:
                found.append(open_model(path.parent))
            except UserError as error:
                if on_problem is None:
                    raise
                on_problem(error)
        return found

    def _unknown(self, model: str, more: str = "") -> NotThereError:
        name = model.partition("@")[0]
        return NotThereError(f"no model is called `{model}`", hint=self._hint(name, more))

    def _hint(self, model: str, more: str = "") -> str:
        published = self._published()
        names = {path.parent.name for path in self.shipped.glob(f"*/{ABOUT_FILE}")}
        names |= {row.name for row in published.versions()} if published else set()
        if close := difflib.get_close_matches(model, sorted(names), n=1):
            return f"did you mean `{close[0]}`? `funit models list` shows all"
        if not names:
            return "there are none yet: `funit train` makes one, `funit publish` names it"
        return f"`funit models list` shows the {len(names)} there {_is(names)}{more}"


def _is_there(database: "str | Engine") -> bool:
    """Whether a database is there to be opened; one that is no file is asked."""
    if not isinstance(database, str) or not database.startswith("sqlite:///"):
        return True
    return Path(database.removeprefix("sqlite:///").partition("?")[0]).exists()


def _shipped_entry(folder: ModelFolder, is_latest: bool) -> ModelEntry:
    size = sum(path.stat().st_size for path in folder.path.iterdir() if path.is_file())
    text = folder.path / CARD_FILE
    return ModelEntry(
        folder.info,
        (LATEST,) if is_latest else (),
        size,
        None,
        None,
        text.read_text(encoding="utf-8") if text.exists() else card(folder.info),
    )


def _readable(row: "ModelVersion", on_problem: OnProblem | None) -> Iterator[ModelInfo]:
    """The `ModelInfo` of a version, or none where this funit cannot read it."""
    label = f"{row.name}@{row.version}"
    try:
        yield read_info(row.info, label, f"`{label}`")
    except UserError as error:
        if on_problem is None:
            raise
        on_problem(error)


def _named_scores(
    scores: Sequence[Mapping[str, Any]], source: str, name: str
) -> list[dict[str, Any]]:
    """Rows in which a model has a name: where its run was is nobody's business."""
    return [{**row, "model": name if row["model"] == source else row["model"]} for row in scores]


def _check_size(folder: Path, max_size: int | None) -> None:
    """Refuses a model whose files are larger than was allowed [0044]."""
    size = sum(path.stat().st_size for path in folder.iterdir())
    if max_size is not None and size > max_size:
        raise LimitError(
            f"the model has {size:,} bytes; {max_size:,} are allowed",
            hint="raise `--max-size`, or train with a lower `model.base_channels`",
        )


def _save_run(
    found: ModelFolder, folder: Path, info: ModelInfo, write_graphs: GraphWriter | None
) -> ModelInfo:
    """Saves a run's networks as a model, in half the bytes."""
    return save_model(
        folder,
        found.tensors(),
        info.config,
        name=info.name,
        version=info.version,
        training=info.training,
        discriminator=found.discriminator_tensors(),
        scores=info.scores,
        licence=info.licence,
        licence_text=found.licence_text,
        write_graphs=write_graphs,
        statistics=info.statistics,
    )


def _is(things: Sequence[Any] | set[str]) -> str:
    return "is" if len(things) == 1 else "are"
