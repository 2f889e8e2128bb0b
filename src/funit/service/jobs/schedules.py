"""Training again: after a time, or once enough new images have come [0053].

A schedule makes jobs like the one it was made with. Each starts from the newest version that there
is under the model's name, so each version has the one before as its parent.
"""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from funit.config import Positive, Section
from funit.database.connection import reading, writing
from funit.database.schema import ENDED_STATES, DataSet, DataSetImage, Job, Schedule, now
from funit.errors import ConflictError, NotThereError, UserError
from funit.service.jobs import manager
from funit.service.jobs.client import try_to_enqueue
from funit.service.jobs.requests import JobRequest, LocalRequest, Name, check_request
from funit.service.services import Services


class ScheduleRequest(Section):
    """When to train again, and how."""

    name: Name
    """Of the schedule."""

    job: JobRequest
    """What is done each time; its data set is then the newest version."""

    every_hours: Annotated[float, Field(gt=0)] | None = None
    """So long after the last time."""

    new_images: Positive | None = None
    """Once so many images have come since the last time."""

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.every_hours is None and self.new_images is None:
            raise ValueError("say every_hours, new_images or both")
        return self


def create_schedule(services: Services, asked: ScheduleRequest) -> Schedule:
    """A schedule whose first job is made when it is due; raises ConflictError for a taken name."""
    check_request(asked.job)
    dataset = asked.job.dataset.partition("@")[0]
    request = asked.job.model_copy(update={"dataset": dataset})
    manager.pin_models(services, request)  # what is not there is said now
    with writing(services.database) as session:
        if session.scalar(select(Schedule.id).where(Schedule.name == asked.name)):
            raise ConflictError(f"there is a schedule `{asked.name}`", hint="give another name")
        newest = manager.find_version(session, dataset)
        schedule = Schedule(
            name=asked.name,
            request=request.model_dump(mode="json"),
            every_hours=asked.every_hours,
            new_images=asked.new_images,
            last_version=newest,
            enabled=True,
        )
        session.add(schedule)
    return schedule


def list_schedules(services: Services) -> list[Schedule]:
    """All schedules, by name."""
    with reading(services.database) as session:
        return list(session.scalars(select(Schedule).order_by(Schedule.name)))


def remove_schedule(services: Services, name: str) -> None:
    """Makes no more jobs; those that were made stay. Raises NotThereError."""
    with writing(services.database) as session:
        found = session.scalar(select(Schedule).where(Schedule.name == name))
        if found is None:
            raise NotThereError(
                f"there is no schedule `{name}`", hint="`GET /v1/schedules` lists them"
            )
        session.execute(update(Job).where(Job.schedule_id == found.id).values(schedule_id=None))
        session.delete(found)


def run_due(services: Services) -> list[Job]:
    """Makes the jobs of the schedules that are due; each time makes one, whatever happens."""
    made = []
    for schedule in list_schedules(services):
        if not schedule.enabled:
            continue
        try:
            request = _continued(services, LocalRequest.model_validate(schedule.request))
        except UserError:  # a model of it was removed: the schedule waits for another
            continue
        with writing(services.database) as session:
            row = session.scalar(
                select(Schedule).where(Schedule.id == schedule.id).with_for_update()
            )
            if row is None or not _is_due(session, row):
                continue
            job = manager.insert_job(services, session, request, schedule_id=row.id)
            row.last_run_at = now()
            row.last_version = _version_of(job)
            made.append(job)
    for job in made:
        try_to_enqueue(services.settings.database_url, job)
    return made


def _continued(services: Services, request: JobRequest) -> JobRequest:
    """The request, starting from the newest version of its model, if there is one."""
    try:
        info = services.models.find(request.name).info
    except UserError:  # this is the first one
        return manager.pin_models(services, request)
    newest = {"from_model": f"{info.name}@{info.version}", "preset": None}
    return manager.pin_models(services, request.model_copy(update=newest))


def _is_due(session: Session, schedule: Schedule) -> bool:
    """Whether it is time, and the job before is not still at work."""
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
