"""Putting jobs into the queue, from any process: the durable workflows are DBOS's.

DBOS keeps them in tables of its own: on PostgreSQL in a schema of the same database, on SQLite in a
file beside ours. They hold no more than ids: whatever is lost of them, the jobs process puts back
from our own tables.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from funit.database.schema import Job

if TYPE_CHECKING:
    from dbos import DBOSClient

log = logging.getLogger(__name__)

APPLICATION, VERSION, EXECUTOR = "funit", "1", "jobs"  # fixed: a launch takes up what is left
WORKFLOW = "train_job"

_MIDDLE = 2000  # DBOS's priorities are positive, and a lower one comes sooner


def system_url(database_url: str) -> str:
    """Where DBOS keeps its tables."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        url = url.set(database=f"{url.database.removesuffix('.db')}-workflows.db")
    return url.render_as_string(hide_password=False)


def queue_name(device: str) -> str:
    """The queue of a device."""
    return f"device {device}"


def workflow_id(job: Job) -> str:
    """Of the job's present turn."""
    return f"{job.id}.{job.turn}"


def serializer() -> Any:
    """How DBOS writes: never pickle, as who writes to the database must not run code."""
    from dbos._serialization import DBOSPortableJSON

    return DBOSPortableJSON


def enqueue(client: "DBOSClient", job: Job) -> None:
    """Puts the job's present turn into its queue; does nothing where it is there."""
    client.enqueue(
        {
            "workflow_name": WORKFLOW,
            "queue_name": queue_name(job.device),
            "workflow_id": workflow_id(job),
            "app_version": VERSION,
            "priority": _MIDDLE - job.priority,
        },
        job.id,
        job.turn,
    )


@contextmanager
def opened_client(database_url: str) -> "Iterator[DBOSClient]":
    """A client of the queue; it is there once a jobs process was started for the first time."""
    from dbos import DBOSClient  # a fifth of a web worker's start, and few requests need it

    client = DBOSClient(
        system_database_url=system_url(database_url),
        serializer=serializer(),
        application_name=APPLICATION,
        retry_connection_errors=False,
        system_database_pool_size=2,
    )
    try:
        yield client
    finally:
        client.destroy()


def try_to_enqueue(database_url: str, job: Job) -> None:
    """Puts a job into its queue now, or leaves that to the jobs process if there is no queue."""
    try:
        with opened_client(database_url) as client:
            enqueue(client, job)
    except SQLAlchemyError as error:
        log.info("the jobs process will enqueue `%s`: %s", job.id, str(error).splitlines()[0])
