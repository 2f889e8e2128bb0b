"""`funit serve`: a socket, the web workers that answer on it, and whoever checks their keys.

The workers start last, and what they import takes most of the time to the first answer: so as
little as can be is imported here before.
"""

import ipaddress
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from funit.config import Settings
from funit.errors import UserError
from funit.service.children import Child, Children
from funit.service.logs import set_up_logs
from funit.service.settings import (
    BACKLOG,
    SETTINGS,
    SHARED_FOLDER,
    SOCKET,
    ServiceSettings,
    build_settings,
)
from funit.storage import Storage

Address = tuple[str, int]

WORKER = (sys.executable, "-m", "funit.service.worker")
JOBS = (sys.executable, "-m", "funit.service.jobs.process")
_STOPPING_SECONDS = 10.0  # beside what requests under way may take


def serve(
    host: str,
    port: int,
    *,
    config: Path | None = None,
    given: Settings | None = None,
    workers: int = 1,
    jobs: bool = True,
    on_start: Callable[[str], None],
) -> None:
    """Serves until SIGTERM or SIGINT, and does the jobs; `on_start` hears the URL.

    Raises UserError where the settings are wrong, the socket cannot be had, or strangers could
    reach a service without keys.
    """
    family, address = resolve(host, port)
    settings = settings_for(host, address[0], config, given or {})
    if "://" in settings.storage_url:  # a wrong URL is said here, not by a worker that ends
        Storage(settings.storage_url)
    if settings.keys == "required":
        check_keys(settings)
    set_up_logs()
    with (
        listen(family, address) as listener,
        tempfile.TemporaryDirectory(prefix="funit-metrics-") as folder,
    ):
        environment = {
            SETTINGS: settings.model_dump_json(),
            SOCKET: str(listener.fileno()),
            **({SHARED_FOLDER: folder} if workers > 1 else {}),
        }
        named = f"[{host}]" if ":" in host else host
        url = f"http://{named}:{listener.getsockname()[1]}"

        def started() -> None:
            if settings.keys == "none":  # this takes a while, and the workers can begin meanwhile
                check_database(settings)
            on_start(url)

        Children(
            children(workers, jobs),
            environment,
            [listener.fileno()],
            _grace_seconds(settings, jobs),
            partial(_forget, folder),
        ).run(started)


def children(workers: int, jobs: bool) -> list[Child]:
    """What is started, kept alive and stopped with the service."""
    web = [Child("web", WORKER) for _ in range(workers)]
    return [*web, Child("jobs", JOBS)] if jobs else web


def _grace_seconds(settings: ServiceSettings, jobs: bool) -> float:
    """How long children may take to stop: trainings write their checkpoints meanwhile."""
    longest = settings.limits.seconds
    if jobs:
        longest = max(longest, settings.jobs.grace_seconds)
    return longest + _STOPPING_SECONDS


def settings_for(host: str, address: str, config: Path | None, given: Settings) -> ServiceSettings:
    """The settings of a service on an address: on this machine's own it needs no keys by default.

    Raises UserError where it should need none elsewhere.
    """
    is_local = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    asked = build_settings(config, given)
    named = "keys" in asked.model_fields_set
    if asked.keys == "none" and not is_local:
        raise UserError(
            f"without keys, whoever reaches `{host}` could do everything",
            hint="leave `--keys none` out and make a key: `funit keys create NAME --scope admin`",
        )
    keys = asked.keys if named else "none" if is_local else "required"
    names = ("localhost", "127.0.0.1", "::1", *([host.lower()] if is_local else []))
    hosts = asked.hosts or (tuple(dict.fromkeys(names)) if keys == "none" else ())
    return asked.model_copy(update={"keys": keys, "hosts": hosts})


def check_database(settings: ServiceSettings) -> None:
    """Brings the database up to date; raises UserError where it cannot be used."""
    from funit.database.connection import open_database

    open_database(settings.database_url).dispose()


def check_keys(settings: ServiceSettings) -> None:
    """Brings the database up to date; raises UserError where it has no key."""
    from funit.database.connection import open_database
    from funit.service.auth import has_keys

    database = open_database(settings.database_url)
    try:
        if not has_keys(database):
            raise UserError(
                "the service needs API keys, and there are none",
                hint="make one: `funit keys create NAME --scope admin`; without keys it serves "
                "127.0.0.1 alone",
            )
    finally:
        database.dispose()


def resolve(host: str, port: int) -> tuple[socket.AddressFamily, Address]:
    """The one address that a host stands for; raises UserError where there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise UserError(
            f"there is no address `{host}`: {error.strerror or error}",
            hint="`--host` is a name or an address of this machine",
        ) from None
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def listen(family: socket.AddressFamily, address: Address) -> socket.socket:
    """A socket that listens; raises UserError where it cannot be had."""
    try:
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        host, port = address
        raise UserError(
            f"`{host}`, port {port} cannot be served on: {error.strerror or error}",
            hint="`--port 0` takes a free port; `--host` is an address of this machine",
        ) from None


def _forget(folder: str, process_id: int) -> None:
    """What a worker that ended had waiting is not waiting any more."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(process_id, folder)
