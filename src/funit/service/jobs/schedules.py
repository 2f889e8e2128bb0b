"""Training again: after a time, or once enough new images have come [0053].

A schedule makes jobs like the one it was made with. Each starts from the newest version that there
is under the model's name, so each version has the one before as its parent.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from funit.config import Section
from funit.database.connection import reading, writing
from funit.database.schema import ENDED_STATES, DataSet, DataSetImage, Job, Schedule, now
from funit.errors import ConflictError, NotThereError, UserError
from funit.service.jobs import manager
from funit.service.jobs.client import try_to_enqueue
from funit.service.jobs.requests import (
    JobRequest,
    LocalRequest,
    Name,
    build_request,
    check_request,
)
from funit.service.services import Services

log = logging.getLogger(__name__)

Hours = Annotated[float, Field(gt=0, le=24 * 366)]
NumImages = Annotated[int, Field(gt=0, le=10**9)]


class ScheduleRequest(Section):
    """When to train again, and how."""

    name: Name
    """Of the schedule."""

    job: JobRequest
    """What is done each time; its data set is then the newest version."""

    every_hours: Hours | None = None
    """So long after the last time."""

    new_images: NumImages | None = None
    """Once so many images have come since the last time."""

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.every_hours is None and self.new_images is None:
            raise ValueError("say every_hours, new_images or both")
        return self


class LocalScheduleRequest(ScheduleRequest):
    """A request of this machine's own user: its data may be any folder or zip here."""

    job: LocalRequest


class ScheduleChange(Section):
    """What is to be other than it was; what is not named stays."""

    job: JobRequest | None = None
    """What is done each time from now on."""

    every_hours: Hours | None = None
    """So long after the last time; null: not by time any more."""

    new_images: NumImages | None = None
    """Once so many images have come since the last time; null: not for their number any more."""


class LocalScheduleChange(ScheduleChange):
    """A change by this machine's own user: its data may be any folder or zip here."""

    job: LocalRequest | None = None


# ----------------------------------------------------------------- by people


def create_schedule(services: Services, asked: ScheduleRequest) -> Schedule:
    """A schedule whose first job is made when it is due; raises ConflictError for a taken name."""
    request = _checked(services, asked.job)
    with writing(services.database) as session:
        if session.scalar(select(Schedule.id).where(Schedule.name == asked.name)):
            raise ConflictError(f"there is a schedule `{asked.name}`", hint="give another name")
        schedule = Schedule(name=asked.name, enabled=True)
        _set(session, schedule, request, asked.every_hours, asked.new_images)
        session.add(schedule)
    return schedule


def list_schedules(services: Services) -> list[Schedule]:
    """All schedules, by name."""
    with reading(services.database) as session:
        return list(session.scalars(select(Schedule).order_by(Schedule.name)))


def find_schedule(services: Services, name: str) -> Schedule:
    """The schedule of that name; raises NotThereError."""
    with reading(services.database) as session:
        return _found(session, name)


def change_schedule(services: Services, name: str, change: ScheduleChange) -> Schedule:
    """Another time or another job from now on; those that were made stay. Raises UserError."""
    request = _checked(services, change.job) if change.job else None
    with _changing(services, name) as (session, schedule):
        times = {
            field: getattr(change if field in change.model_fields_set else schedule, field)
            for field in ("every_hours", "new_images")
        }
        _set(session, schedule, request or schedule.request, **times)
        schedule.error = None
        return schedule


def pause_schedule(services: Services, name: str) -> Schedule:
    """Makes no job until it is resumed; its data set may be removed meanwhile."""
    with _changing(services, name) as (_, schedule):
        schedule.enabled = False
        return schedule


def resume_schedule(services: Services, name: str) -> Schedule:
    """Makes jobs again: one at once if it was due meanwhile. NotThereError without its data set."""
    with _changing(services, name) as (session, schedule):
        if dataset := schedule.request.get("dataset"):
            manager.find_version(session, dataset)
        schedule.enabled, schedule.error = True, None
        return schedule


def remove_schedule(services: Services, name: str) -> None:
    """Makes no more jobs; those that were made stay. Raises NotThereError."""
    with _changing(services, name) as (session, found):
        session.execute(update(Job).where(Job.schedule_id == found.id).values(schedule_id=None))
        session.delete(found)


def described(schedule: Schedule) -> dict[str, Any]:
    """A schedule as JSON."""
    last = schedule.last_run_at
    return {
        "id": schedule.id,
        "name": schedule.name,
        "created_at": schedule.created_at.isoformat(),
        "state": "active" if schedule.enabled else "paused",
        "request": schedule.request,
        "every_hours": schedule.every_hours,
        "new_images": schedule.new_images,
        "last_run_at": last.isoformat() if last else None,
        "last_version": schedule.last_version,
        "error": schedule.error,
    }


# ---------------------------------------------------------------- by the clock


def run_due(services: Services) -> list[Job]:
    """Makes the jobs of the schedules that are due; each time makes one, whatever happens."""
    made = [job for each in list_schedules(services) if (job := _run(services, each))]
    for job in made:
        try_to_enqueue(services.settings.database_url, job)
    return made


def _run(services: Services, schedule: Schedule) -> Job | None:
    """The job of a schedule, if it is due; why it cannot be made is kept with the schedule."""
    with reading(services.database) as session:
        if not _is_due(session, schedule):
            return None
    try:
        request = _continued(services, build_request(schedule.request))
        with writing(services.database) as session:
            row = session.scalar(
                select(Schedule).where(Schedule.id == schedule.id).with_for_update()
            )
            is_same = row is not None and row.request == schedule.request
            if row is None or not is_same or not _is_due(session, row):
                return None
            job = manager.insert_job(services, session, request, schedule_id=row.id)
            row.last_run_at, row.error = now(), None
            row.last_version = _version_of(job)
            return job
    except UserError as error:  # a model, the data set or the device is gone: it is tried again
        _note_error(services, schedule, error)
        return None


def _note_error(services: Services, schedule: Schedule, error: UserError) -> None:
    if schedule.error == error.message:
        return
    log.warning("the schedule `%s` makes no job: %s", schedule.name, error.message)
    with writing(services.database) as session:
        changed = update(Schedule).where(Schedule.id == schedule.id)
        session.execute(changed.values(error=error.message))


def _continued(services: Services, request: JobRequest) -> JobRequest:
    """The request, starting from the newest version of its model, if there is one."""
    try:
        info = services.models.find_named(request.name).info
    except UserError:  # this is the first one
        return manager.pin_models(services, request)
    newest = {"from_model": f"{info.name}@{info.version}", "preset": None}
    return manager.pin_models(services, request.model_copy(update=newest))


def _is_due(session: Session, schedule: Schedule) -> bool:
    """Whether it is time, it is not paused, and the job before is not still at work."""
    if not schedule.enabled:
        return False
    busy = select(Job.id).where(
        Job.schedule_id == schedule.id, Job.state.not_in(sorted(ENDED_STATES))
    )
    if session.scalar(busy.limit(1)):
        return False
    if schedule.every_hours is not None:
        last = schedule.last_run_at or schedule.created_at
        if now() - last >= timedelta(hours=schedule.every_hours):
            return True
    return schedule.new_images is not None and _num_new(session, schedule) >= schedule.new_images


def _num_new(session: Session, schedule: Schedule) -> int:
    """How many images of the data set came after the version of the last job."""
    dataset = str(schedule.request["dataset"])
    counted = (
        select(func.count())
        .select_from(DataSetImage)
        .join(DataSet, DataSet.id == DataSetImage.dataset_id)
        .where(
            DataSet.name == dataset,
            DataSetImage.added_in > (schedule.last_version or 0),
            DataSetImage.removed_in.is_(None),
        )
    )
    return session.scalar(counted) or 0


def _version_of(job: Job) -> int | None:
    """The version of the data set that a job was pinned to."""
    version = str(job.request["dataset"] or "").partition("@")[2]
    return int(version) if version.isdecimal() else None


def _checked(services: Services, job: JobRequest) -> dict[str, Any]:
    """The request for any version of its data set; what is wrong with it is said now."""
    check_request(job)
    manager.pin_models(services, job)
    dataset = job.dataset.partition("@")[0] if job.dataset else None
    return job.model_copy(update={"dataset": dataset}).model_dump(mode="json")


def _set(
    session: Session,
    schedule: Schedule,
    request: dict[str, Any],
    every_hours: float | None,
    new_images: int | None,
) -> None:
    """When it is due and what it makes; images of another data set are counted from now on."""
    if every_hours is None and new_images is None:
        raise UserError(
            "the schedule would never be due", hint="say every_hours, new_images or both"
        )
    dataset = request["dataset"]
    if dataset is None and new_images is not None:
        raise UserError(
            "new images are counted in data sets of the service alone",
            hint="say every_hours, or send the data to the service",
        )
    if dataset is None:
        schedule.last_version = None
    elif schedule.request is None or schedule.request.get("dataset") != dataset:
        schedule.last_version = manager.find_version(session, dataset)
    schedule.request = request
    schedule.every_hours, schedule.new_images = every_hours, new_images


@contextmanager
def _changing(services: Services, name: str) -> Iterator[tuple[Session, Schedule]]:
    """The schedule, locked, to be changed; raises NotThereError."""
    with writing(services.database) as session:
        yield session, _found(session, name, lock=True)


def _found(session: Session, name: str, *, lock: bool = False) -> Schedule:
    wanted = select(Schedule).where(Schedule.name == name)
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NotThereError(f"there is no schedule `{name}`", hint="`GET /v1/schedules` lists them")
    return found
