"""A database by its URL, with its tables brought up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from funit.errors import UserError

HEAD = "0002"  # the newest migration
VERSION_TABLE = "funit_version"  # Optuna, in the same database, keeps its own
_LOCK = 0x66756E6974  # of PostgreSQL's advisory locks: `funit`
_TURN = _LOCK + 1
_BUSY_MS = 30_000


def open_database(url: str) -> Engine:
    """The database at a URL, migrated where it is older; raises UserError where it cannot be used.

    `sqlite:///PATH` is made on demand; `postgresql://USER:PASSWORD@HOST/NAME` must exist.
    """
    engine = _engine(url)
    try:
        if _version(engine) != HEAD:
            _migrate(engine)
    except OperationalError as error:
        shown = engine.url.render_as_string(hide_password=True)
        raise UserError(
            f"the database `{shown}` cannot be used: {str(error.orig).strip().splitlines()[0]}",
            hint="check the URL, and that the server runs and lets this user in",
        ) from None
    return engine


@contextmanager
def reading(database: Engine) -> Iterator[Session]:
    """A session that only reads: it waits for nobody, and nobody waits for it."""
    with Session(database.execution_options(reads=True), expire_on_commit=False) as session:
        yield session


@contextmanager
def writing(database: Engine) -> Iterator[Session]:
    """A session whose changes are all kept at its end, or none of them after an error."""
    with Session(database, expire_on_commit=False) as session, session.begin():
        yield session


def wait_for_turn(session: Session, *, shared: bool = False) -> None:
    """Until its session ends, what writes after this does so alone; writers to SQLite always do.

    Where it is `shared`, others that share it do so at the same time.
    """
    connection = session.connection()  # SQLite's turn begins with the transaction
    if connection.dialect.name == "postgresql":
        kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(text(f"SELECT {kind}(:key)"), {"key": _TURN})


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except (ArgumentError, ImportError, ValueError) as error:
        raise UserError(
            f"`{url}` cannot be used as a database: {str(error).splitlines()[0]}",
            hint="write `sqlite:////path/funit.db`, or `postgresql://user:password@host/name` "
            "(which needs `pip install 'funit[serve]'`)",
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin)
    return engine


def _set_up_sqlite(connection: object, _: ConnectionPoolEntry) -> None:
    """Readers do not wait for writers, writers wait for each other, and references hold."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    connection.isolation_level = None  # type: ignore[attr-defined]  # `_begin` begins
    for pragma in (
        f"busy_timeout={_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """A transaction that reads first and writes later would fail where another wrote between."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _version(engine: Engine) -> str | None:
    if not inspect(engine).has_table(VERSION_TABLE):
        return None
    with reading(engine) as session:
        return session.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _migrate(engine: Engine) -> None:
    """To the newest tables; of several processes that start at once, one does it."""
    from alembic import command  # takes long, and is needed once
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig()
    config.set_main_option("script_location", str(resources.files("funit.database") / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
