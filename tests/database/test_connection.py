"""The database on SQLite and on PostgreSQL: migrations, sessions, and many at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

import funit.database.migrations
from funit.database.connection import HEAD, VERSION_TABLE, open_database, reading, writing
from funit.database.schema import ApiKey, ModelAlias, ModelVersion, Table
from funit.errors import UserError


def key(name: str) -> ApiKey:
    return ApiKey(name=name, sha256=name, scopes=["translate"])


def version(number: int) -> ModelVersion:
    return ModelVersion(name="cats", version=number, info={}, card="", licence="", size=1)


def test_the_migrations_make_the_tables_that_the_code_uses(database_url: str) -> None:
    database = open_database(database_url)

    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        differences = compare_metadata(context, Table.metadata)

    assert differences == []
    database.dispose()


def test_every_migration_can_be_taken_back(database_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    database = open_database(database_url)
    config = Config()
    folder = Path(str(funit.database.migrations.__file__)).parent
    config.set_main_option("script_location", str(folder))

    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        left = set(database.dialect.get_table_names(connection)) - {VERSION_TABLE}
    again = open_database(database_url)

    assert left == set()
    with reading(again) as session:
        assert session.scalar(select(func.count()).select_from(ApiKey)) == 0
    database.dispose()
    again.dispose()


def test_the_newest_migration_is_the_one_that_is_looked_for() -> None:
    folder = Path(str(funit.database.migrations.__file__)).parent

    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


def test_what_is_written_is_read_by_others(database_url: str) -> None:
    one, other = open_database(database_url), open_database(database_url)

    with writing(one) as session:
        session.add(key("ada"))

    with reading(other) as session:
        found = session.scalars(select(ApiKey)).one()
    assert (found.name, found.scopes) == ("ada", ["translate"])
    assert abs(found.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    one.dispose()
    other.dispose()


def test_an_error_leaves_nothing_of_a_session_behind(database_url: str) -> None:
    database = open_database(database_url)

    def fail() -> None:
        with writing(database) as session:
            session.add(key("ada"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    with reading(database) as session:
        assert session.scalars(select(ApiKey)).all() == []
    database.dispose()


def test_what_an_alias_names_cannot_be_removed(database_url: str) -> None:
    database = open_database(database_url)
    with writing(database) as session:
        one = version(1)
        session.add(one)
        session.flush()
        session.add(ModelAlias(name="cats", alias="production", version_id=one.id))

    def remove() -> None:
        with writing(database) as session:
            session.execute(text("DELETE FROM model_versions"))

    with pytest.raises(IntegrityError):
        remove()
    database.dispose()


def test_many_writers_wait_for_each_other(database_url: str) -> None:
    database = open_database(database_url)
    with writing(database) as session:
        session.add(version(0))

    def count_up(_: int) -> None:  # a read, and a write of what was read
        with writing(database) as session:
            found = session.scalars(select(ModelVersion).with_for_update()).one()
            found.size += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_up, range(40)))

    with reading(database) as session:
        assert session.scalars(select(ModelVersion)).one().size == 41
    database.dispose()


def test_several_that_open_a_new_database_at_once_all_get_it(database_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        databases = list(pool.map(open_database, [database_url] * 6))

    for database in databases:
        with reading(database) as session:
            assert session.scalars(select(ApiKey)).all() == []
        database.dispose()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "cannot be used as a database"),
        ("sqlite:////no/such/folder/funit.db", "cannot be used: unable to open"),
        ("postgresql://ada:secret@127.0.0.1:1/funit", "cannot be used"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_and_no_password(url: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        open_database(url)

    assert message in raised.value.message
    assert "secret" not in raised.value.message
    assert raised.value.hint
