"""Trainings: asked for, followed, paused, resumed, cancelled, and made again by a schedule."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx2
from PIL import Image

from funit.client.connection import AbsentError, Answer, Connection, error_of, given, read, word
from funit.client.sources import opened

ENDED_STATES = frozenset({"published", "failed", "cancelled"})  # as the service's database has it

_QUIET_SECONDS = 60.0  # the service says every 15 that it is still there
_AGAIN_SECONDS = 0.5  # between tries to reach a service that went away


class Job(Answer):
    """What was asked for, and how far it is."""

    id: str
    state: str
    wanted: str | None
    """`pause` or `cancel` while that is being carried out."""
    created_at: datetime
    changed_at: datetime
    priority: int
    device: str
    request: dict[str, Any]
    progress: dict[str, Any]
    alerts: tuple[dict[str, Any], ...]
    """Why its evaluations are not to be trusted, if they are not."""
    num_evaluations: int
    """There is a report once there is one."""
    model: str | None
    """NAME@VERSION, once it is published."""
    error: str | None
    schedule_id: int | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing happens to it any more."""
        return self.state in ENDED_STATES


class JobEvent(Answer):
    """Something that happened to a job."""

    id: int
    kind: str
    """`state`, `progress`, `sample`, `log`, `alert`, `evaluation` and others."""
    at: datetime
    data: dict[str, Any]


class JobCurves(Answer):
    """What the training of one of a job's candidates logged."""

    candidate: int
    """From 0."""
    curves: dict[str, tuple[tuple[int, float], ...]]
    """By name, as `g/reconstruction`: images seen, and the mean since the point before."""


class JobReport(Answer):
    """The newest evaluation of a job, and what was decided by each."""

    verdict: dict[str, Any]
    history: tuple[dict[str, Any], ...]
    evaluation: dict[str, Any]
    """As `funit evaluate --json` writes it."""
    has_page: bool
    """Whether there is the page that `funit evaluate --html` makes of it."""


class Schedule(Answer):
    """When a data set is trained on again, and how."""

    id: int
    name: str
    created_at: datetime
    state: str
    """`active` or `paused`."""
    request: dict[str, Any]
    every_hours: float | None
    new_images: int | None
    last_run_at: datetime | None
    last_version: int | None
    """Of the data set, when it was last trained on."""
    error: str | None
    """Why it made no job when it was last due."""


class Jobs(Connection):
    """The verbs of `funit jobs`; the key needs the scope `train`."""

    def create_job(self, dataset: str, name: str, **asked: Any) -> Job:
        """Queues a training on a data set for a model's name; docs/jobs.md says what else to ask.

        `client.create_job("heroes", "heroes-64px", preset="small", max_images=100_000)`
        """
        body = {"dataset": dataset, "name": name, **asked}
        return self._one(Job, "POST", "/v1/jobs", json=body)

    def jobs(self, states: Sequence[str] = ()) -> list[Job]:
        """The jobs, or those in some states, the newest first."""
        found: list[Job] = []
        before: dict[str, str] = {}
        while True:
            asked = {"state": list(states), "limit": 500, **before}
            page = self._json("GET", "/v1/jobs", params=asked)
            found += [read(Job, each) for each in page["items"]]
            if page["next"] is None:
                return found
            before = {"before": page["next"]}

    def find_job(self, job: Job | str) -> Job:
        """A job as it is now."""
        return self._one(Job, "GET", f"/v1/jobs/{_id(job)}")

    def pause_job(self, job: Job | str) -> Job:
        """Stops a job behind a checkpoint; its slot is free for others."""
        return self._one(Job, "POST", f"/v1/jobs/{_id(job)}/pause")

    def resume_job(self, job: Job | str) -> Job:
        """Lets a paused job go on where it was."""
        return self._one(Job, "POST", f"/v1/jobs/{_id(job)}/resume")

    def cancel_job(self, job: Job | str) -> Job:
        """Ends a job behind a checkpoint, for good; its run folders stay."""
        return self._one(Job, "POST", f"/v1/jobs/{_id(job)}/cancel")

    def follow_job(self, job: Job | str, after: int = 0) -> Iterator[JobEvent]:
        """What happens to a job, as it happens, from its beginning or behind an event, to its end.

        Where the connection breaks, or the service starts anew, it goes on behind the last event.
        Raises AbsentError where nobody answers for `timeout` seconds.
        """
        heard_at = time.monotonic()
        while True:
            is_quiet = True
            try:
                for event in self._events(_id(job), after):
                    after, is_quiet = event.id, False
                    yield event
                if is_quiet and self.find_job(job).has_ended:
                    return
                heard_at = time.monotonic()
            except AbsentError:
                if not is_quiet:
                    heard_at = time.monotonic()
                if time.monotonic() - heard_at > self.timeout:
                    raise
            if is_quiet:
                time.sleep(_AGAIN_SECONDS)

    def _events(self, job_id: str, after: int) -> Iterator[JobEvent]:
        """The events of one connection; a service that stops ends it."""
        quiet = httpx2.Timeout(self.timeout, read=max(self.timeout, _QUIET_SECONDS))
        path, headers = f"/v1/jobs/{job_id}/events", {"Last-Event-ID": str(after)}
        with self._told(), self._http.sse(path, headers=headers, timeout=quiet) as source:
            if not source.response.is_success:
                source.response.read()
                raise error_of(source.response)
            for each in source:
                data = json.loads(each.data)
                told = {"id": each.id, "kind": each.event, "at": data.pop("at"), "data": data}
                yield read(JobEvent, told)

    def job_report(self, job: Job | str) -> JobReport:
        """The newest evaluation, and what each was held against."""
        return self._one(JobReport, "GET", f"/v1/jobs/{_id(job)}/report")

    def job_report_page(self, job: Job | str) -> str:
        """The same with samples and every class, as one HTML file."""
        return self._answer("GET", f"/v1/jobs/{_id(job)}/report/page").text

    def job_log(self, job: Job | str, lines: int = 100) -> str:
        """What a job's processes printed last."""
        return self._answer("GET", f"/v1/jobs/{_id(job)}/log", params={"lines": lines}).text

    def job_curves(self, job: Job | str, points: int = 500) -> list[JobCurves]:
        """The losses of each candidate that was begun, and how fast it is, over images seen."""
        asked = {"points": points}
        found = self._json("GET", f"/v1/jobs/{_id(job)}/curves", params=asked)
        return [read(JobCurves, each) for each in found["candidates"]]

    def job_pictures(self, job: Job | str, candidate: int | None = None) -> list[str]:
        """The names of a job's pictures: the loss curves, and sample grids by the images seen.

        Of a candidate, from 0; by default the one that is being trained, or was last.
        """
        asked = given(candidate=candidate)
        return list(self._json("GET", f"/v1/jobs/{_id(job)}/pictures", params=asked)["names"])

    def job_picture(self, job: Job | str, name: str, candidate: int | None = None) -> Image.Image:
        """One of them."""
        path, asked = f"/v1/jobs/{_id(job)}/pictures/{word(name)}", given(candidate=candidate)
        return opened(self._answer("GET", path, params=asked).content)

    # -------------------------------------------------------------- schedules

    def create_schedule(
        self,
        name: str,
        job: Mapping[str, Any],
        *,
        every_hours: float | None = None,
        new_images: int | None = None,
    ) -> Schedule:
        """Makes such a job each time it is due: after some hours, or once images have come.

        `job` is what `create_job` takes, `dataset` and `name` among it.
        """
        body = given(name=name, job=dict(job), every_hours=every_hours, new_images=new_images)
        return self._one(Schedule, "POST", "/v1/schedules", json=body)

    def schedules(self) -> list[Schedule]:
        """The schedules, by name."""
        return [read(Schedule, each) for each in self._json("GET", "/v1/schedules")]

    def find_schedule(self, schedule: Schedule | str) -> Schedule:
        """A schedule as it is now."""
        return self._one(Schedule, "GET", f"/v1/schedules/{_name(schedule)}")

    def change_schedule(self, schedule: Schedule | str, **changes: Any) -> Schedule:
        """Another `every_hours`, `new_images` (None: not for that) or `job`; the rest stays."""
        return self._one(Schedule, "PATCH", f"/v1/schedules/{_name(schedule)}", json=changes)

    def pause_schedule(self, schedule: Schedule | str) -> Schedule:
        """Makes no jobs until it is resumed."""
        return self._one(Schedule, "POST", f"/v1/schedules/{_name(schedule)}/pause")

    def resume_schedule(self, schedule: Schedule | str) -> Schedule:
        """Makes jobs again: one at once if it was due meanwhile."""
        return self._one(Schedule, "POST", f"/v1/schedules/{_name(schedule)}/resume")

    def remove_schedule(self, schedule: Schedule | str) -> None:
        """Makes no more jobs; those that were made stay."""
        self._answer("DELETE", f"/v1/schedules/{_name(schedule)}")


def _id(job: Job | str) -> str:
    return word(job if isinstance(job, str) else job.id)


def _name(schedule: Schedule | str) -> str:
    return word(schedule if isinstance(schedule, str) else schedule.name)
