"""Old events and finished workflows go; jobs, and what is not done yet, stay."""

import json
import os
import subprocess
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from jobshop import Shop, stop
from sqlalchemy import func, select, update

from funit.database.connection import reading, writing
from funit.database.schema import JobEvent, now
from funit.service.jobs import manager, store
from funit.service.jobs.client import opened_client
from funit.service.jobs.pruning import prune
from funit.service.server import JOBS
from funit.service.settings import SETTINGS

LONG = 100_000  # images: such a training does not end in a test


def make_old(shop: Shop, job_id: str) -> None:
    """As if all that happened to a job had done so long ago."""
    with writing(shop.services.database) as session:
        events = update(JobEvent).where(JobEvent.job_id == job_id)
        session.execute(events.values(at=now() - timedelta(days=31)))


def num_events(shop: Shop, job_id: str) -> int:
    with reading(shop.services.database) as session:
        wanted = select(func.count()).select_from(JobEvent).where(JobEvent.job_id == job_id)
        return session.scalar(wanted) or 0


def first_line(process: subprocess.Popen[bytes], message: str) -> dict[str, Any]:
    """The first line of its log with that message."""
    assert process.stderr is not None
    for line in process.stderr:
        said: dict[str, Any] = json.loads(line)
        if said["message"] == message:
            return said
    raise AssertionError(f"it ended and never said {message!r}")


def test_a_jobs_process_removes_old_events_and_says_so(shop: Shop) -> None:
    old, new = shop.create(), shop.create()
    for job_id in (old, new):
        manager.cancel_job(shop.services, job_id)
    make_old(shop, old)
    settings = shop.services.settings.model_dump_json()

    process = subprocess.Popen(
        JOBS,
        env={**os.environ, SETTINGS: settings},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        said = first_line(process, "pruned")
    finally:
        stop(process)
        assert process.stderr is not None
        process.stderr.close()

    assert (said["events"], said["workflows"], said["older_than_days"]) == (2, 0, 30)
    assert (num_events(shop, old), num_events(shop, new)) == (0, 2)
    assert shop.job(old).state == "cancelled"


@pytest.mark.slow
def test_workflows_that_ended_long_ago_go_and_others_are_done(shop: Shop) -> None:
    first = shop.create(max_images=LONG)
    process = shop.start()
    shop.wait(first, lambda _: bool(shop.children(first)))
    second = shop.create()
    manager.cancel_job(shop.services, first)
    shop.wait_for(first, "cancelled")
    shop.wait_for(second, "running")
    stop(process)  # the second is under way
    shop.processes.remove(process)
    soon = timedelta(seconds=0.001).total_seconds() / 86400
    jobs = shop.services.settings.jobs.model_copy(update={"keep_days": soon})
    settings = shop.services.settings.model_copy(update={"jobs": jobs})
    url = settings.database_url

    with opened_client(url) as client:
        before = {each.workflow_id for each in client.list_workflows()}
        prune(shop.services, client)
        kept = {each.workflow_id for each in client.list_workflows()}
        prune(replace(shop.services, settings=settings), client)
        left = {each.workflow_id for each in client.list_workflows()}

    assert before == kept == {f"{first}.1", f"{second}.1"}
    assert left == {f"{second}.1"}
    shop.start()
    shop.wait_for(second, "published")
    assert store.find_job(shop.services.database, first).state == "cancelled"
