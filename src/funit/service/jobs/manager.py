"""What people do with jobs and schedules, by HTTP or on the command line."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from funit.database.connection import writing
from funit.database.schema import DataSet, DataSetVersion, Job
from funit.errors import NotThereError, UserError
from funit.home import home
from funit.service.datasets import open_dataset
from funit.service.jobs import store
from funit.service.jobs.client import try_to_enqueue
from funit.service.jobs.requests import Candidate, JobRequest, LocalRequest, check_request
from funit.service.services import Services


def create_job(services: Services, request: JobRequest, key_id: int | None = None) -> Job:
    """A new job in the queue, its data set and its models pinned to the versions of now.

    Raises UserError for settings that cannot be right, NotThereError for what is not there.
    """
    check_request(request)
    pinned = pin_models(services, request)
    with writing(services.database) as session:
        job = insert_job(services, session, pinned, key_id=key_id)
    try_to_enqueue(services.settings.database_url, job)
    return job


def pause_job(services: Services, job_id: str) -> Job:
    """Stops a job behind a checkpoint, in about a second."""
    return store.pause(services.database, job_id)


def resume_job(services: Services, job_id: str) -> Job:
    """Lets a paused job wait for its turn, to go on where it was."""
    job = store.resume(services.database, job_id)
    if job.state == "queued":
        try_to_enqueue(services.settings.database_url, job)
    return job


def cancel_job(services: Services, job_id: str) -> Job:
    """Ends a job behind a checkpoint; its run folders stay."""
    return store.cancel(services.database, job_id)


# -------------------------------------------------------------------- pieces


def insert_job(
    services: Services,
    session: Session,
    request: JobRequest,
    *,
    key_id: int | None = None,
    schedule_id: int | None = None,
) -> Job:
    """The row of a job whose models are pinned; its data set is pinned here."""
    device = _device(services, session, request.device)
    request = pin_dataset(session, request)
    return store.add_job(
        session,
        request.model_dump(mode="json"),
        priority=request.priority,
        device=device,
        key_id=key_id,
        schedule_id=schedule_id,
    )


def request_of(job: Job) -> LocalRequest:
    """What was asked for."""
    return LocalRequest.model_validate(job.request)


def pin_models(services: Services, request: JobRequest) -> JobRequest:
    """The request with the version of each model to start from; NotThereError if one is not."""

    def pinned(candidate: Candidate) -> Candidate:
        if candidate.from_model is None:
            return candidate
        info = services.models.find_named(candidate.from_model).info
        return candidate.model_copy(update={"from_model": f"{info.name}@{info.version}"})

    first = pinned(request.candidates[0])
    others = tuple(pinned(candidate) for candidate in request.otherwise)
    return request.model_copy(update={"from_model": first.from_model, "otherwise": others})


def pin_dataset(session: Session, request: JobRequest) -> JobRequest:
    """The request with the version of its data set; NotThereError where there is none."""
    if request.dataset is None:  # a folder or zip of this machine's own user
        return request
    name, _, version = request.dataset.partition("@")
    number = find_version(session, name, _number(version) if version else None)
    return request.model_copy(update={"dataset": f"{name}@{number}"})


def find_version(session: Session, name: str, number: int | None = None) -> int:
    """A version of a data set, by default the newest; NotThereError where there is none.

    Until the session ends the data set is not removed.
    """
    dataset = select(DataSet.id).where(DataSet.name == name).with_for_update(read=True)
    dataset_id = session.scalar(dataset)
    wanted = select(DataSetVersion.version).where(DataSetVersion.dataset_id == dataset_id)
    if number is not None:
        wanted = wanted.where(DataSetVersion.version == number)
    found = session.scalar(wanted.order_by(DataSetVersion.version.desc()).limit(1))
    if found is None:
        label = name if number is None else f"{name}@{number}"
        raise NotThereError(
            f"there is no data set `{label}`", hint="`GET /v1/datasets` lists those there are"
        )
    return found


def data_path(services: Services, request: JobRequest) -> Path:
    """The folder or zip that a job trains on."""
    if isinstance(request, LocalRequest) and request.path is not None:
        return request.path
    name, _, version = str(request.dataset).partition("@")
    return open_dataset(services, name, _number(version) if version else None)


def job_folder(job_id: str) -> Path:
    """Where a job keeps its runs, evaluations and logs."""
    return home() / "jobs" / job_id


def run_folder(job_id: str, candidate: int) -> Path:
    """The run folder of a candidate."""
    return job_folder(job_id) / f"candidate-{candidate}"


def report_file(job_id: str, position: store.Position) -> Path:
    """Where the evaluation of a candidate is written, as JSON; beside it is its page."""
    return job_folder(job_id) / f"evaluation-{position.candidate}-{position.round}.json"


def report_page_file(job: Job) -> Path | None:
    """Where the page of a job's newest evaluation is, in HTML; None where there is none."""
    if job.report is None:
        return None
    newest = job.report["verdict"]
    position = store.Position(newest["candidate"], newest["round"])
    page = report_file(job.id, position).with_suffix(".html")
    return page if page.exists() else None


def report_page(job: Job) -> str | None:
    """That page; in it the run has its name: where it is on the server is nobody's."""
    page = report_page_file(job)
    if page is None or job.report is None:
        return None
    run = run_folder(job.id, job.report["verdict"]["candidate"])
    return page.read_text(encoding="utf-8").replace(html.escape(str(run)), run.name)


def pictures(job: Job, candidate: int | None = None) -> Mapping[str, Path]:
    """Curves and sample grids, by name: by default of the candidate that is being trained."""
    run = run_folder(job.id, store.position_of(job).candidate if candidate is None else candidate)
    found = {path.name: path for path in sorted((run / "samples").glob("[0-9]*.png"))}
    curves = run / "curves.png"
    return {curves.name: curves, **found} if curves.exists() else found


def log_tail(job: Job, num_lines: int) -> list[str]:
    """The last lines that the job's children printed."""
    path = job_folder(job.id) / "log.txt"
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - num_lines * 500))
        return file.read().decode("utf-8", errors="replace").splitlines()[-num_lines:]


def described(job: Job) -> dict[str, Any]:
    """A job as JSON."""
    return {
        "id": job.id,
        "state": job.state,
        "wanted": job.wanted,
        "created_at": job.created_at.isoformat(),
        "changed_at": job.changed_at.isoformat(),
        "priority": job.priority,
        "device": job.device,
        "request": job.request,
        "progress": job.progress,
        "alerts": job.alerts,
        "num_evaluations": len((job.report or {}).get("history", [])),
        "model": job.model,
        "error": job.error,
        "schedule_id": job.schedule_id,
    }


def _device(services: Services, session: Session, asked: str | None) -> str:
    """The device that is asked for, or the one with the fewest jobs for each of its slots."""
    devices = services.settings.jobs.devices
    if asked is not None:
        if asked not in devices:
            raise UserError(
                f"there is no device `{asked}`", hint=f"there are {', '.join(sorted(devices))}"
            )
        return asked
    lengths = store.queue_lengths(session)
    return min(devices, key=lambda device: (lengths.get(device, 0) / devices[device], device))


def _number(version: str) -> int:
    return int(version) if version.isdecimal() and len(version) < 10 else 0
