"""The durable workflow of a job: DBOS keeps which steps are done, and takes up the rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbos import DBOS
from sqlalchemy.exc import DBAPIError

from funit.database.schema import Job
from funit.service.jobs.client import (
    APPLICATION,
    EXECUTOR,
    VERSION,
    WORKFLOW,
    queue_name,
    serializer,
    system_url,
    workflow_id,
)
from funit.service.jobs.runner import Runner
from funit.service.jobs.store import Position

ALIVE = frozenset({"PENDING", "ENQUEUED", "DELAYED"})  # states of a workflow


def do_job(runner: Runner, job_id: str, turn: int) -> str:
    """Does a job to its end, or until it is paused; each step is done once, whatever happens."""
    found = DBOS.run_step({"name": "begin"}, runner.begin, job_id, turn)
    while found is not None:
        at = Position(**found)
        outcome = DBOS.run_step({"name": "train"}, runner.train, job_id, turn, at)
        if outcome == "done":
            outcome = DBOS.run_step({"name": "evaluate"}, runner.evaluate, job_id, turn, at)
        if outcome == "left":
            return outcome
        step = DBOS.run_step({"name": "decide"}, runner.decide, job_id, turn, at, outcome)
        if step is None or step["do"] == "give up":
            return "ended"
        if step["do"] == "publish":
            return DBOS.run_step({"name": "publish"}, runner.publish, job_id, turn, at)
        found = step["position"]
    return "left"


@contextmanager
def launched(runner: Runner, database_url: str, devices: dict[str, int]) -> Iterator[None]:
    """DBOS at work in this process: it goes on with every job that was left, at once."""

    @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)  # a machine may be restarted often
    def workflow(job_id: str, turn: int) -> str:
        try:
            return do_job(runner, job_id, turn)
        except DBAPIError:  # the database does not answer: the workflow is put back in a while
            raise
        except Exception as error:
            runner.fail(job_id, error)
            raise

    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": system_url(database_url),
            "application_version": VERSION,
            "executor_id": EXECUTOR,
            "serializer": serializer(),
            "log_level": "WARNING",
        }
    )
    DBOS.launch()
    for device, slots in devices.items():
        DBOS.register_queue(
            queue_name(device),
            worker_concurrency=slots,
            polling_interval_sec=runner.settings.poll_seconds,
            on_conflict="always_update",
        )
    try:
        yield
    finally:
        DBOS.destroy(destroy_registry=True)


def without_workflow(jobs: list[Job], known: list[Any]) -> tuple[list[Job], list[Job]]:
    """Jobs that no workflow was made for, and jobs whose workflow came to an end without them."""
    states = {status.workflow_id: status.status for status in known}
    new = [job for job in jobs if workflow_id(job) not in states]
    dropped = [job for job in jobs if states.get(workflow_id(job), "PENDING") not in ALIVE]
    return new, dropped
