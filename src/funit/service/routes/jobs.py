"""Training jobs: asked for, watched, paused, resumed, cancelled."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

import anyio
from anyio import to_thread
from fastapi import APIRouter, Header, Query, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict

from funit.database.schema import Job, JobEvent
from funit.errors import NotThereError
from funit.service.auth import Trains
from funit.service.errors import responses
from funit.service.jobs import manager, store
from funit.service.jobs.curves import curves_of
from funit.service.jobs.requests import EXAMPLE, JobRequest
from funit.service.services import Services, ServicesOf

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

JobId = Annotated[str, InPath(description="Of the job.", examples=["20261125-140000-9f86d081"])]
EventId = Annotated[int, Query(ge=0, le=2**31 - 1, description="Only events behind this one.")]
Candidate = Annotated[
    int | None,
    Query(ge=0, le=16, description="From 0; by default the one that is being trained, or was last"),
]

# Nothing but what is in the file itself, and no script.
_POLICY_OF_REPORTS = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
)
_LOOK_SECONDS = 0.5
_QUIET_SECONDS = 15.0  # after which a comment keeps the connection open

_EXAMPLE_JOB: dict[str, Any] = {
    "id": "20261125-140000-9f86d081",
    "state": "running",
    "wanted": None,
    "created_at": "2026-11-25T14:00:00Z",
    "changed_at": "2026-11-25T14:20:00Z",
    "priority": 0,
    "device": "auto",
    "request": EXAMPLE,
    "progress": {
        "candidate": 0,
        "round": 0,
        "max_images": None,
        "images": 25_000,
        "images_wanted": 100_000,
        "images_per_second": 21.4,
        "minutes": 19.5,
        "losses": {"g/reconstruction": 1.31},
    },
    "alerts": [{"kind": "too_few_images", "message": "2 classes with 10 images are kept back"}],
    "num_evaluations": 0,
    "model": None,
    "error": None,
    "schedule_id": None,
}


class JobBody(BaseModel):
    """A job: what was asked for, and how far it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_JOB]})

    id: str
    state: store.State
    wanted: str | None
    """`pause` or `cancel` while that is being carried out."""
    created_at: datetime
    changed_at: datetime
    priority: int
    device: str
    request: dict[str, Any]
    """With the versions of the data set and of the models that it was pinned to."""
    progress: dict[str, Any]
    """The candidate (from 0), how often it was trained further, images seen and wanted, losses."""
    alerts: list[dict[str, Any]]
    """Why its evaluations are not to be trusted, if they are not."""
    num_evaluations: int
    """There is a report once there is one."""
    model: str | None
    """NAME@VERSION, once it is published."""
    error: str | None
    schedule_id: int | None

    @classmethod
    def of(cls, job: Job) -> "JobBody":
        """From the database."""
        return cls.model_validate(manager.described(job))


class JobPage(BaseModel):
    """Some of the jobs, the newest first."""

    items: list[JobBody]
    next: str | None
    """Give it as `before` for those that follow; null at the end."""


class JobReport(BaseModel):
    """The newest evaluation of a job, and what was decided by each."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "verdict": {"is_met": True, "value": 0.71, "next": "publish"},
                    "history": [{"is_met": True, "value": 0.71, "next": "publish"}],
                    "evaluation": {"rows": [], "warnings": []},
                    "has_page": True,
                }
            ]
        }
    )

    verdict: dict[str, Any]
    history: list[dict[str, Any]]
    evaluation: dict[str, Any]
    """As `funit evaluate --json` writes it."""
    has_page: bool
    """Whether there is the page that `funit evaluate --html` makes of it."""


class Pictures(BaseModel):
    """The names of the pictures there are."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"names": ["curves.png", "0000005000.png"]}]}
    )

    names: list[str]
    """`curves.png`, and sample grids by the images seen."""


class CandidateCurves(BaseModel):
    """What the training of a candidate logged."""

    candidate: int
    """From 0."""
    curves: dict[str, list[tuple[int, float]]]
    """By name, as `g/reconstruction`: images seen, and the mean since the point before."""


class Curves(BaseModel):
    """The curves of a job's trainings."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "candidates": [
                        {"candidate": 0, "curves": {"g/reconstruction": [[1000, 1.9], [2000, 1.4]]}}
                    ]
                }
            ]
        }
    )

    candidates: list[CandidateCurves]
    """Those that were begun."""


@router.post("", status_code=201, summary="Asks for a training", responses=responses(404))
def create_job(request: JobRequest, caller: Trains, services: ServicesOf) -> JobBody:
    """Trains, evaluates on classes kept back, and publishes what is good enough: queued at once."""
    return JobBody.of(manager.create_job(services, request, caller.key_id))


@router.get("", summary="Lists jobs")
def list_jobs(
    _: Trains,
    services: ServicesOf,
    state: Annotated[
        list[store.State] | None, Query(description="Only jobs in these states.")
    ] = None,
    before: Annotated[str | None, Query(description="Only jobs older than this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many.")] = 100,
) -> JobPage:
    """The newest first."""
    found = store.list_jobs(services.database, state or (), before=before, limit=limit)
    more = found[-1].id if len(found) == limit else None
    return JobPage(items=[JobBody.of(job) for job in found], next=more)


@router.get("/{job_id}", summary="A job", responses=responses(404))
def get_job(job_id: JobId, _: Trains, services: ServicesOf) -> JobBody:
    """What was asked for, and how far it is."""
    return JobBody.of(store.find_job(services.database, job_id))


@router.post("/{job_id}/pause", summary="Pauses a job", responses=responses(404, 409))
def pause_job(job_id: JobId, _: Trains, services: ServicesOf) -> JobBody:
    """A training writes a checkpoint first; its slot is free for others until it is resumed."""
    return JobBody.of(manager.pause_job(services, job_id))


@router.post("/{job_id}/resume", summary="Resumes a paused job", responses=responses(404, 409))
def resume_job(job_id: JobId, _: Trains, services: ServicesOf) -> JobBody:
    """It waits for its turn, then goes on where it was."""
    return JobBody.of(manager.resume_job(services, job_id))


@router.post("/{job_id}/cancel", summary="Cancels a job", responses=responses(404, 409))
def cancel_job(job_id: JobId, _: Trains, services: ServicesOf) -> JobBody:
    """A training writes a checkpoint first; its run folders stay."""
    return JobBody.of(manager.cancel_job(services, job_id))


@router.get("/{job_id}/report", summary="The report of a job", responses=responses(404))
def get_job_report(job_id: JobId, _: Trains, services: ServicesOf) -> JobReport:
    """The newest evaluation, and what each one was held against."""
    job = store.find_job(services.database, job_id)
    if job.report is None:
        raise NotThereError(f"the job `{job_id}` has no report yet", hint="it is still training")
    has_page = manager.report_page_file(job) is not None
    return JobReport.model_validate({**job.report, "has_page": has_page})


@router.get(
    "/{job_id}/report/page",
    summary="The report of a job as a page",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}, **responses(404)},
)
def get_job_report_page(job_id: JobId, _: Trains, services: ServicesOf) -> HTMLResponse:
    """The newest evaluation with its samples and every class, as one HTML file."""
    page = manager.report_page(store.find_job(services.database, job_id))
    if page is None:
        raise NotThereError(
            f"the job `{job_id}` has no page of a report",
            hint=f"`GET /v1/jobs/{job_id}/report` has what there is",
        )
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY_OF_REPORTS})


@router.get(
    "/{job_id}/log",
    summary="The end of a job's log",
    response_class=PlainTextResponse,
    responses=responses(404),
)
def get_job_log(
    job_id: JobId,
    _: Trains,
    services: ServicesOf,
    lines: Annotated[int, Query(ge=1, le=5000, description="At most so many.")] = 100,
) -> str:
    """What its child processes printed last."""
    job = store.find_job(services.database, job_id)
    return "".join(f"{line}\n" for line in manager.log_tail(job, lines))


@router.get("/{job_id}/curves", summary="The curves of a job", responses=responses(404))
def get_job_curves(
    job_id: JobId,
    _: Trains,
    services: ServicesOf,
    points: Annotated[int, Query(ge=2, le=10_000, description="At most so many a curve.")] = 500,
) -> Curves:
    """Losses, speed and what was measured of samples, over images seen."""
    store.find_job(services.database, job_id)
    found = curves_of(job_id, points)
    return Curves(
        candidates=[CandidateCurves(candidate=n, curves=dict(c)) for n, c in found.items()]
    )


@router.get("/{job_id}/pictures", summary="Lists a job's pictures", responses=responses(404))
def list_job_pictures(
    job_id: JobId, _: Trains, services: ServicesOf, candidate: Candidate = None
) -> Pictures:
    """The pictures of one candidate."""
    job = store.find_job(services.database, job_id)
    return Pictures(names=list(manager.pictures(job, candidate)))


@router.get(
    "/{job_id}/pictures/{name}",
    summary="A picture of a job",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **responses(404)},
)
def get_job_picture(
    job_id: JobId,
    name: Annotated[str, InPath(description="As listed.", examples=["curves.png"])],
    _: Trains,
    services: ServicesOf,
    candidate: Candidate = None,
) -> FileResponse:
    """The curves of the losses, or a grid: poses above, examples at the left."""
    found = manager.pictures(store.find_job(services.database, job_id), candidate)
    if name not in found:
        raise NotThereError(
            f"the job `{job_id}` has no picture `{name}`",
            hint=f"`GET /v1/jobs/{job_id}/pictures` lists those there are",
        )
    return FileResponse(found[name], media_type="image/png")


@router.get(
    "/{job_id}/events",
    summary="What happens to a job, as it happens",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}, **responses(404)},
)
async def stream_job_events(
    job_id: JobId,
    _: Trains,
    services: ServicesOf,
    after: EventId = 0,
    past: Annotated[bool, Query(description="Whether it begins with what is past.")] = True,
    last_event_id: Annotated[int, Header(ge=0, le=2**31 - 1)] = 0,
) -> StreamingResponse:
    """Server-sent events: state, progress, sample, log, alert, evaluation, restart, failure.

    It begins with what is past, unless `past` is false, and ends with the job. With the header
    `Last-Event-ID`, which a browser sends when it connects again, nothing comes twice. Where
    `past` is false, it first tells the id to connect again with, without an event.
    """
    await to_thread.run_sync(store.find_job, services.database, job_id)
    begin = max(after, last_event_id)
    if not past and not begin:
        begin = await to_thread.run_sync(store.newest_event, services.database, job_id)
    events = _events(services, job_id, begin, tell=not past)
    return StreamingResponse(
        events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
    )


async def _events(services: Services, job_id: str, after: int, tell: bool) -> AsyncIterator[str]:
    quiet = 0.0
    if tell:
        yield f"id: {after}\n\n"
    while not services.stopping.is_set():
        found, has_more = await to_thread.run_sync(
            store.events_after, services.database, job_id, after
        )
        for event in found:
            after, quiet = event.id, 0.0
            yield _as_text(event)
        if not has_more:
            return
        if not found:
            await anyio.sleep(_LOOK_SECONDS)
            quiet += _LOOK_SECONDS
        if quiet >= _QUIET_SECONDS:
            quiet = 0.0
            yield ": still there\n\n"


def _as_text(event: JobEvent) -> str:
    data = json.dumps({"at": event.at.isoformat(), **event.data})
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"
