"""Schedules: trainings that come again by themselves."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict

from funit.database.schema import Schedule
from funit.service.auth import Trains
from funit.service.errors import responses
from funit.service.jobs import schedules
from funit.service.jobs.requests import EXAMPLE
from funit.service.jobs.schedules import ScheduleChange, ScheduleRequest
from funit.service.services import ServicesOf

router = APIRouter(prefix="/v1/schedules", tags=["jobs"])

ScheduleName = Annotated[str, InPath(description="Its name.", examples=["heroes-weekly"])]


class ScheduleBody(BaseModel):
    """When a data set is trained on again, and how."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 1,
                    "name": "heroes-weekly",
                    "created_at": "2026-11-25T14:00:00Z",
                    "state": "active",
                    "request": EXAMPLE,
                    "every_hours": 168,
                    "new_images": 500,
                    "last_run_at": None,
                    "last_version": 3,
                    "error": None,
                }
            ]
        }
    )

    id: int
    name: str
    created_at: datetime
    state: Literal["active", "paused"]
    request: dict[str, Any]
    every_hours: float | None
    new_images: int | None
    last_run_at: datetime | None
    last_version: int | None
    """Of the data set, when it was last trained on."""
    error: str | None
    """Why it made no job when it was last due; it is tried again."""

    @classmethod
    def of(cls, row: Schedule) -> "ScheduleBody":
        """From the database."""
        return cls.model_validate(schedules.described(row))


@router.post("", status_code=201, summary="Makes a schedule", responses=responses(404, 409))
def create_schedule(asked: ScheduleRequest, _: Trains, services: ServicesOf) -> ScheduleBody:
    """Makes such a job each time it is due; each starts from the version of the one before."""
    return ScheduleBody.of(schedules.create_schedule(services, asked))


@router.get("", summary="Lists schedules")
def list_schedules(_: Trains, services: ServicesOf) -> list[ScheduleBody]:
    """By name."""
    return [ScheduleBody.of(row) for row in schedules.list_schedules(services)]


@router.get("/{name}", summary="A schedule", responses=responses(404))
def get_schedule(name: ScheduleName, _: Trains, services: ServicesOf) -> ScheduleBody:
    """When it is due, what it makes, and when it last did."""
    return ScheduleBody.of(schedules.find_schedule(services, name))


@router.patch("/{name}", summary="Changes a schedule", responses=responses(404))
def change_schedule(
    name: ScheduleName, change: ScheduleChange, _: Trains, services: ServicesOf
) -> ScheduleBody:
    """Another time, another number of images, another job: what is not named stays."""
    return ScheduleBody.of(schedules.change_schedule(services, name, change))


@router.post("/{name}/pause", summary="Pauses a schedule", responses=responses(404))
def pause_schedule(name: ScheduleName, _: Trains, services: ServicesOf) -> ScheduleBody:
    """It makes no jobs until it is resumed; those under way go on."""
    return ScheduleBody.of(schedules.pause_schedule(services, name))


@router.post("/{name}/resume", summary="Resumes a schedule", responses=responses(404))
def resume_schedule(name: ScheduleName, _: Trains, services: ServicesOf) -> ScheduleBody:
    """It makes jobs again: one at once if it was due meanwhile."""
    return ScheduleBody.of(schedules.resume_schedule(services, name))


@router.delete("/{name}", status_code=204, summary="Removes a schedule", responses=responses(404))
def remove_schedule(name: ScheduleName, _: Trains, services: ServicesOf) -> Response:
    """Its jobs stay, those under way too."""
    schedules.remove_schedule(services, name)
    return Response(status_code=204)
