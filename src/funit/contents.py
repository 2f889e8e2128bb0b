"""Content of the storage and the tables that name it: none goes that is named, or about to be.

Who removes content has the turn alone, and looks first whether any table names it. So whoever keeps
content either shares the turn until the session that names it ends (`put_named`), or, where that
would take long, writes down first what is about to come (`keeping`). Neither a crash nor another
process can come between, with any database and any storage.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select, union
from sqlalchemy.orm import Session

from funit.database.connection import reading, wait_for_turn, writing
from funit.database.schema import ReservedContent, Table, now
from funit.storage import Storage

DAY = timedelta(days=1)  # a reservation that is older is that of a process that was killed

_NUM_RESERVED, _BYTES_RESERVED = 100, 16 << 20  # of contents that are written down together
_NUM_REMOVED = 50  # contents in one turn: others wait for it
_NUM_LOOKED_UP = 500


def put_named(session: Session, storage: Storage, content: bytes) -> str:
    """Keeps content that a row of this session will name; gives its SHA-256.

    Until the session ends nobody removes any: this is for small content.
    """
    wait_for_turn(session, shared=True)
    return storage.put(content)


class Keeper:
    """Puts into the storage what is to be named in the end, however long that takes."""

    def __init__(self, database: Engine, storage: Storage) -> None:
        self.database, self.storage = database, storage
        self._owner = secrets.token_hex(16)
        self._waiting: dict[str, bytes] = {}
        self._has_reserved = False

    def put(self, content: bytes) -> str:
        """Takes content; gives its SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._waiting[sha256] = content
        num_bytes = sum(map(len, self._waiting.values()))
        if len(self._waiting) >= _NUM_RESERVED or num_bytes >= _BYTES_RESERVED:
            self._put_waiting()
        return sha256

    def put_file(self, path: Path) -> str:
        """Keeps what a local file holds; gives its SHA-256."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._reserve([sha256])
        return self.storage.put_file(path)

    @contextmanager
    def naming(self) -> Iterator[Session]:
        """A session for the rows that name what was kept, all of which is there by now."""
        self._put_waiting()
        with writing(self.database) as session:
            yield session
            self._release(session)
        self._has_reserved = False

    def end(self) -> None:
        """What was kept and is not named may go."""
        if self._has_reserved:
            with writing(self.database) as session:
                self._release(session)

    def _put_waiting(self) -> None:
        if self._waiting:
            self._reserve(self._waiting)
            for content in self._waiting.values():
                self.storage.put(content)
            self._waiting = {}

    def _reserve(self, hashes: Iterable[str]) -> None:
        with writing(self.database) as session:
            wait_for_turn(session, shared=True)
            rows = [{"owner": self._owner, "sha256": sha256} for sha256 in hashes]
            session.execute(insert(ReservedContent), rows)
        self._has_reserved = True

    def _release(self, session: Session) -> None:
        session.execute(delete(ReservedContent).where(ReservedContent.owner == self._owner))


@contextmanager
def keeping(database: Engine, storage: Storage) -> Iterator[Keeper]:
    """What is put through it stays until the end, by when a table should name it."""
    keeper = Keeper(database, storage)
    try:
        yield keeper
    finally:
        keeper.end()


def drop_unnamed(
    database: Engine, storage: Storage, hashes: Iterable[str | None]
) -> tuple[int, int]:
    """Removes those contents that no table names any more; gives how many, and their bytes."""
    left = iter({sha256 for sha256 in hashes if sha256})
    num_removed = num_bytes = 0
    while some := list(islice(left, _NUM_REMOVED)):
        with writing(database) as session:
            wait_for_turn(session)
            for sha256 in set(some) - _named(session, some):
                size = storage.remove(sha256)
                if size is not None:
                    num_removed, num_bytes = num_removed + 1, num_bytes + size
    return num_removed, num_bytes


def clean(database: Engine, storage: Storage) -> tuple[int, int]:
    """Removes all contents that no table names; gives how many, and their bytes.

    What others are about to name stays.
    """
    with writing(database) as session:
        session.execute(delete(ReservedContent).where(ReservedContent.at < now() - DAY))
    unnamed: list[str] = []
    everything = storage.all()
    while some := list(islice(everything, _NUM_LOOKED_UP)):
        with reading(database) as session:
            unnamed += set(some) - _named(session, some)
    storage.remove_unfinished(DAY)
    return drop_unnamed(database, storage, unnamed)


def _named(session: Session, hashes: Collection[str]) -> set[str]:
    """Those that any column of any table names, that of reservations too.

    One statement sees one state of the database: between two of them a reservation may become a
    name in a table that was looked through already.
    """
    columns = [
        column
        for table in Table.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("sha256")
    ]
    return set(session.scalars(union(*(select(each).where(each.in_(hashes)) for each in columns))))
