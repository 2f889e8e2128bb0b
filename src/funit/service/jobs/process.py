"""The jobs process: the only one that does jobs, for one database.

`python -m funit.service.jobs.process` as a child of the service, or `funit jobs run`.
"""

import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dbos import DBOSClient
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from funit.errors import ConflictError, UserError
from funit.service.children import follow_parent
from funit.service.jobs import store
from funit.service.jobs.client import enqueue, opened_client, workflow_id
from funit.service.jobs.pruning import prune
from funit.service.jobs.runner import Runner
from funit.service.jobs.schedules import run_due
from funit.service.jobs.workflow import launched, without_workflow
from funit.service.logs import set_up_logs
from funit.service.services import Services, open_services
from funit.service.settings import SETTINGS, ServiceSettings

log = logging.getLogger(__name__)

_LOCK = 0x66756E69746A  # of PostgreSQL's advisory locks: `funitj`
_WAIT_SECONDS = 90.0  # for one that is still stopping
_LOOK_SECONDS = 2.0  # between looks for jobs without a workflow, and for schedules
_PRUNE_SECONDS = 3600.0


def run_jobs(settings: ServiceSettings, on_start: Callable[[], None] = lambda: None) -> None:
    """Does jobs until SIGTERM or SIGINT; then children write checkpoints, and the process ends.

    Raises ConflictError where another process does the jobs of this database.
    """
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    # trainings and what publishes them find models where the service does
    os.environ["FUNIT_DATABASE_URL"] = settings.database_url
    os.environ["FUNIT_STORAGE"] = settings.storage_url
    with ExitStack() as stack:
        services = stack.enter_context(open_services(settings))
        is_held = stack.enter_context(only_one(services.database, stop))
        runner = Runner(services)
        devices = devices_of(services)
        stack.enter_context(launched(runner, settings.database_url, devices))
        client = stack.enter_context(opened_client(settings.database_url))
        log.info("does jobs", extra={"fields": {"devices": devices}})
        on_start()
        next_pruning = 0.0
        while not stop.wait(_LOOK_SECONDS):
            if not is_held():
                log.error("the lock on the database is lost: ending before another one starts")
                os._exit(1)  # and our children with us
            with _patient():
                look_after(services, client)
            if time.monotonic() >= next_pruning:
                next_pruning = time.monotonic() + _PRUNE_SECONDS
                with _patient():
                    prune(services, client)
        runner.stop()
        logging.shutdown()
        os._exit(0)  # not through DBOS: what it waits for is to stay as it is


def devices_of(services: Services) -> dict[str, int]:
    """The slots of each device; a device that only old jobs name has one, so that none is lost."""
    named = {job.device: 1 for job in store.unfinished(services.database)}
    return named | services.settings.jobs.devices


def look_after(services: Services, client: DBOSClient) -> None:
    """Puts jobs that have no workflow into the queue, and makes those that are due."""
    run_due(services)
    jobs = store.unfinished(services.database)
    known = client.list_workflows(
        workflow_ids=[workflow_id(job) for job in jobs], load_input=False, load_output=False
    )
    new, dropped = without_workflow(jobs, known)
    for job in new:  # the first is begun before the last is in the queue
        enqueue(client, job)
    for job in dropped:
        with store.changing(services.database, job.id) as (session, row):
            if row.turn == job.turn and row.state == job.state:
                store.note(session, row, "restart", reason="its workflow ended without it")
                store.requeue(session, row)


@contextmanager
def _patient() -> Iterator[None]:
    """What the database does not answer now, it may the next time; the log is told."""
    try:
        yield
    except SQLAlchemyError as error:
        log.error("the database cannot be used: %s", getattr(error, "orig", error))


@contextmanager
def only_one(database: Engine, stop: threading.Event) -> Iterator[Callable[[], bool]]:
    """Holds the jobs of a database for this process; gives what tells whether it still does.

    Waits for one that is stopping; raises ConflictError where it does not stop.
    """
    hold = _hold_file if database.dialect.name == "sqlite" else _hold_database
    with hold(database, stop) as is_held:
        yield is_held


@contextmanager
def _hold_file(database: Engine, stop: threading.Event) -> Iterator[Callable[[], bool]]:
    path = Path(f"{make_url(str(database.url)).database}-jobs.lock")
    with path.open("a") as file:  # the system releases it however the process ends

        def take() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        _wait_for(take, stop)
        yield lambda: True


@contextmanager
def _hold_database(database: Engine, stop: threading.Event) -> Iterator[Callable[[], bool]]:
    with database.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")

        def take() -> bool:
            query = text("SELECT pg_try_advisory_lock(:key)")
            return bool(connection.execute(query, {"key": _LOCK}).scalar())

        def is_held() -> bool:
            try:
                connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                return False
            return True

        _wait_for(take, stop)
        yield is_held


def _wait_for(take: Callable[[], bool], stop: threading.Event) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not take():
        if time.monotonic() > deadline or stop.wait(0.2):
            raise ConflictError(
                "another process does the jobs of this database", hint="one is enough: stop it"
            )


def main() -> None:
    """Does jobs until SIGTERM; exits with 1, and the reason in the log, where it cannot."""
    follow_parent()
    set_up_logs()
    try:
        run_jobs(ServiceSettings.model_validate_json(os.environ[SETTINGS]))
    except UserError as error:
        log.error("%s; hint: %s", error.message, error.hint)
        sys.exit(1)
    except Exception:
        log.exception("the jobs process cannot go on")
        sys.exit(1)


if __name__ == "__main__":
    main()
