"""A PostgreSQL server of the tests' own: made in a temporary folder, by an unprivileged user."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

USER = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name  # not as root


def find_program(name: str) -> Path | None:
    """Debian keeps the server's programs outside the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    on_path = shutil.which(name)
    return found[-1] if found else Path(on_path) if on_path else None


@contextmanager
def running_server() -> Iterator[str | None]:
    """The URL of a server that lives as long as the context; None where there is none."""
    initdb, postgres = find_program("initdb"), find_program("postgres")
    if initdb is None or postgres is None or USER not in {u.pw_name for u in pwd.getpwall()}:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="funit-pg-") as folder:
        data = Path(folder) / "data"
        shutil.chown(folder, USER)
        _run([str(initdb), "-D", str(data), "-U", "funit", "-A", "trust", "-E", "UTF8", "-N"])
        port = _free_port()
        options = ["-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"]
        options += ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=60"]
        server = subprocess.Popen(
            [str(postgres), "-D", str(data), *options],
            user=_user(),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"postgresql://funit@127.0.0.1:{port}"
            _wait_for(url)
            yield url
        finally:
            server.terminate()
            server.wait(30)


@contextmanager
def new_database(server: str, name: str) -> Iterator[str]:
    """The URL of an empty database, dropped at the end."""
    engine = create_engine(
        f"{server.replace('postgresql', 'postgresql+psycopg')}/postgres",
        isolation_level="AUTOCOMMIT",
    )
    try:
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        yield f"{server}/{name}"
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        engine.dispose()


def _user() -> str | None:
    return USER if os.getuid() == 0 else None


def _run(command: list[str]) -> None:
    subprocess.run(command, user=_user(), cwd="/", check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str) -> None:
    engine = create_engine(f"{url.replace('postgresql', 'postgresql+psycopg')}/postgres")
    for _ in range(300):
        try:
            engine.connect().close()
            engine.dispose()
            return
        except OperationalError:
            time.sleep(0.1)
    raise TimeoutError("PostgreSQL did not start")
