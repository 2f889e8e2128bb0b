r"""Jobs in the database: what is asked of them, how far they are, and what happened to them.

    queued -> running -> evaluating -> publishing -> published
       |         |  ^         |   \--> running (further, or the next candidate)
       v         v  |         v
     paused <----+--+---------+            ... or cancelled, or failed

A person's wish for a job that is under way is kept in `wanted`; the jobs process carries it out.
Every change locks the job's row, so the events of a job have ids in the order of their coming.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from funit.database.connection import reading, writing
from funit.database.schema import ENDED_STATES, Job, JobEvent
from funit.errors import ConflictError, NotThereError, UserError

State = Literal[
    "queued",
    "running",
    "evaluating",
    "publishing",
    "paused",
    "published",
    "failed",
    "cancelled",
]
STATES: tuple[State, ...] = get_args(State)
UNDER_WAY = frozenset({"running", "evaluating", "publishing"})

_MAX_LINE = 2000  # characters of a line of the log that is kept as an event


@dataclass(frozen=True)
class Position:
    """Where a job is in what it may try."""

    candidate: int = 0
    round: int = 0
    """0: the first training; then how often it was trained further."""
    max_images: int | None = None
    """Of the whole run, where it is trained further."""

    def as_json(self) -> dict[str, Any]:
        """As the durable workflow keeps it."""
        return asdict(self)


# ------------------------------------------------------------------ creation


def add_job(
    session: Session,
    request: Mapping[str, Any],
    *,
    priority: int = 0,
    device: str = "auto",
    key_id: int | None = None,
    schedule_id: int | None = None,
) -> Job:
    """A new job that waits for its turn."""
    number = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
    job = Job(
        id=number,
        state="queued",
        priority=priority,
        device=device,
        request=dict(request),
        progress=Position().as_json(),
        key_id=key_id,
        schedule_id=schedule_id,
    )
    session.add(job)
    session.flush()
    note(session, job, "state", state="queued")
    return job


def queue_lengths(session: Session) -> dict[str, int]:
    """How many jobs wait for each device, or use it."""
    counted = (
        select(Job.device, func.count().label("num_jobs"))
        .where(Job.state.in_(["queued", *sorted(UNDER_WAY)]))
        .group_by(Job.device)
    )
    return {row.device: row.num_jobs for row in session.execute(counted)}


# ----------------------------------------------------------------- questions


def find_job(database: Engine, job_id: str) -> Job:
    """The job of that id; raises NotThereError where there is none."""
    with reading(database) as session:
        return _found(session.get(Job, job_id), job_id)


def known_state(text: str) -> State:
    """The state of that name; raises UserError."""
    for state in STATES:
        if text == state:
            return state
    raise UserError(f"no job is ever `{text}`", hint=f"jobs are {', '.join(STATES)}")


def list_jobs(
    database: Engine, states: Sequence[str] = (), *, before: str | None = None, limit: int = 100
) -> list[Job]:
    """Jobs, the newest first: of some states, and older than a job, if asked."""
    wanted = select(Job).order_by(Job.id.desc()).limit(limit)
    if states:
        wanted = wanted.where(Job.state.in_(states))
    if before is not None:
        wanted = wanted.where(Job.id < before)
    with reading(database) as session:
        return list(session.scalars(wanted))


def unfinished(database: Engine) -> list[Job]:
    """The jobs that a workflow must be doing or waiting for, in the order to be begun in."""
    wanted = (
        select(Job)
        .where(Job.state.in_(["queued", *sorted(UNDER_WAY)]))
        .order_by(Job.priority.desc(), Job.created_at)
    )
    with reading(database) as session:
        return list(session.scalars(wanted))


def events_after(
    database: Engine, job_id: str, after: int = 0, limit: int = 200
) -> tuple[list[JobEvent], bool]:
    """A job's events behind an id, and whether more may come."""
    with reading(database) as session:
        job = _found(session.get(Job, job_id), job_id)
        wanted = (
            select(JobEvent)
            .where(JobEvent.job_id == job_id, JobEvent.id > after)
            .order_by(JobEvent.id)
            .limit(limit)
        )
        found = list(session.scalars(wanted))
        return found, len(found) == limit or job.state not in ENDED_STATES


def newest_event(database: Engine, job_id: str) -> int:
    """The id of the last event of a job; 0 where there is none."""
    with reading(database) as session:
        newest = select(func.max(JobEvent.id)).where(JobEvent.job_id == job_id)
        return session.scalar(newest) or 0


# -------------------------------------------------------------------- wishes


def pause(database: Engine, job_id: str) -> Job:
    """Stops a job behind a checkpoint until it is resumed; raises ConflictError if it ended."""
    with changing(database, job_id) as (session, job):
        if job.state == "queued":
            move(session, job, "paused")
        elif job.state != "paused":
            _wish(session, job, "pause")
        return job


def resume(database: Engine, job_id: str) -> Job:
    """Lets a paused job go on where it was; raises ConflictError if it ended."""
    with changing(database, job_id) as (session, job):
        if job.state == "paused":
            requeue(session, job)
        else:
            _refuse_ended(job)
            if job.wanted == "pause":  # not carried out yet
                job.wanted = None
        return job


def cancel(database: Engine, job_id: str) -> Job:
    """Ends a job behind a checkpoint, for good; raises ConflictError if it ended otherwise."""
    with changing(database, job_id) as (session, job):
        if job.state in ("queued", "paused"):
            move(session, job, "cancelled")
        elif job.state != "cancelled":
            _wish(session, job, "cancel")
        return job


def _wish(session: Session, job: Job, wanted: str) -> None:
    _refuse_ended(job)
    if job.state == "publishing":
        raise ConflictError(
            f"the job `{job.id}` is being published", hint="that takes seconds, and is not stopped"
        )
    if job.wanted != "cancel":  # which no later wish for a pause takes back
        job.wanted = wanted
        note(session, job, "wanted", wanted=wanted)


def _refuse_ended(job: Job) -> None:
    if job.state in ENDED_STATES:
        raise ConflictError(f"the job `{job.id}` is {job.state}", hint="make another one")


# ------------------------------------------------------------------- changes


@contextmanager
def changing(database: Engine, job_id: str) -> Iterator[tuple[Session, Job]]:
    """The job's row, locked, to be changed; raises NotThereError where there is none."""
    with writing(database) as session:
        row = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
        yield session, _found(row, job_id)


def move(session: Session, job: Job, state: State, **details: Any) -> None:
    """Puts a job into another state, and says so."""
    if job.state != state or details:
        note(session, job, "state", state=state, **details)
    job.state = state
    if state in ENDED_STATES or state == "paused":
        job.wanted = None
    if state in ENDED_STATES and details.get("error"):
        job.error = details["error"]


def requeue(session: Session, job: Job) -> None:
    """Lets a job wait for its turn again: a new workflow of it goes on where it was."""
    job.turn += 1
    move(session, job, "queued")


def set_progress(job: Job, **changes: Any) -> None:
    """Adds to what is known of how far a job is."""
    job.progress = {**job.progress, **changes}  # another dict: SQLAlchemy sees that it changed


def set_position(job: Job, position: Position) -> None:
    """Where the job is now in what it may try."""
    set_progress(job, **position.as_json())


def position_of(job: Job) -> Position:
    """Where the job is in what it may try."""
    return Position(**{name: job.progress[name] for name in Position().as_json()})


def add_alert(session: Session, job: Job, kind: str, message: str) -> None:
    """Warns of an evaluation that is not to be trusted; the same is not said twice."""
    alert = {"kind": kind, "message": message}
    if alert not in job.alerts:
        job.alerts = [*job.alerts, alert]
        note(session, job, "alert", **alert)


def note(session: Session, job: Job, kind: str, /, **data: Any) -> None:
    """Adds to what happened to a job."""
    session.add(JobEvent(job_id=job.id, kind=kind, data=data))


def note_lines(session: Session, job: Job, lines: Sequence[str]) -> None:
    """Lines that a child of the job printed."""
    for line in lines:
        note(session, job, "log", line=line[:_MAX_LINE])


def _found(job: Job | None, job_id: str) -> Job:
    if job is None:
        raise NotThereError(f"there is no job `{job_id}`", hint="`funit jobs list` shows them")
    return job
