"""Whether anything changed: exactly on SQLite, never known on PostgreSQL."""

import sqlite3
from pathlib import Path

from sqlalchemy import select

from funit.database.changes import Changes
from funit.database.connection import open_database, reading, writing
from funit.database.schema import ApiKey


def test_every_change_counts_whoever_makes_it_and_nothing_else_does(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'funit.db'}")
    changes = Changes(database)
    counts = [changes.count()]

    with reading(database) as session:
        session.scalars(select(ApiKey)).all()
    counts.append(changes.count())
    with writing(database) as session:
        session.add(ApiKey(name="ada", sha256="1", scopes=[]))
        session.flush()
        counts.append(changes.count())  # it may still be taken back
    counts.append(changes.count())
    with sqlite3.connect(tmp_path / "funit.db") as other:
        other.execute("UPDATE api_keys SET name = 'eve'")
    other.close()
    counts.append(changes.count())

    before, read, begun, written, by_another = counts
    assert before == read == begun
    assert len({before, written, by_another}) == 3
    assert None not in counts
    changes.close()
    assert changes.count() is None
    database.dispose()


def test_of_postgresql_it_cannot_be_told(postgresql_url: str) -> None:
    database = open_database(postgresql_url)

    assert Changes(database).count() is None
    database.dispose()
