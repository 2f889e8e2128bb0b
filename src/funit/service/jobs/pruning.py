"""What nobody needs any more is removed: old events of jobs, and workflows that ended long ago."""

import logging
from datetime import datetime, timedelta

from dbos import DBOSClient
from sqlalchemy import Engine, delete, select

from funit.database.connection import writing
from funit.database.schema import JobEvent, now
from funit.service.services import Services

log = logging.getLogger(__name__)

_AT_ONCE = 5000  # rows in one transaction: others wait for it


def prune(services: Services, client: DBOSClient) -> None:
    """Removes what is older than the setting `jobs.keep_days`; says in the log how much that was.

    Jobs themselves stay, with their reports; a workflow is needed by nobody once it has ended.
    """
    days = services.settings.jobs.keep_days
    before = now() - timedelta(days=days)
    removed = {
        "events": _prune_events(services.database, before),
        "workflows": _prune_workflows(client, before),
    }
    if any(removed.values()):
        log.info("pruned", extra={"fields": {**removed, "older_than_days": days}})


def _prune_events(database: Engine, before: datetime) -> int:
    num_removed = 0
    while True:
        with writing(database) as session:
            oldest = select(JobEvent.id, JobEvent.at).order_by(JobEvent.id).limit(_AT_ONCE)
            ids = [row.id for row in session.execute(oldest) if row.at < before]
            session.execute(delete(JobEvent).where(JobEvent.id.in_(ids)))
        num_removed += len(ids)
        if len(ids) < _AT_ONCE:  # ids are in the order of time, as good as
            return num_removed


def _prune_workflows(client: DBOSClient, before: datetime) -> int:
    num_removed = 0
    while found := client.list_workflows(
        completed_before=before.isoformat(),
        limit=_AT_ONCE,
        load_input=False,
        load_output=False,
    ):
        client.delete_workflows([each.workflow_id for each in found])
        num_removed += len(found)
    return num_removed
