"""Does a job, step by step: train, evaluate, decide, publish.

Each step may be cut off at any moment, with its process or with the machine, and is then done
again: what it did is found, and not done twice. Whatever takes long or may crash is a child
process (`child.py`); this one imports no PyTorch.
"""

import fcntl
import json
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from funit.config import Settings, merged
from funit.database.connection import reading
from funit.database.schema import Job
from funit.errors import UserError
from funit.home import home, whole_file
from funit.model_folder import checkpoint_folders
from funit.service.jobs import manager, store, verdict
from funit.service.jobs.child import Ended, run_child
from funit.service.jobs.follower import Follower
from funit.service.jobs.requests import LocalRequest, settings_of, shots_of, split_catalog
from funit.service.jobs.store import Position
from funit.service.services import Services

log = logging.getLogger(__name__)

Outcome = Literal["done", "failed", "left"]  # left: paused, cancelled, or another turn's
PUBLISHER = "funit.service.jobs.publishing"

_MAX_CRASHES = 20  # of a child, in a row, without a new checkpoint
_CRASH_SECONDS = 1.0  # before the next attempt


class LeftError(Exception):
    """The job is no longer this turn's to do."""


class Runner:
    """Does the jobs of one jobs process."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.settings = services.settings.jobs
        self.stopping = threading.Event()
        self._at_work = 0
        self._lock = threading.Lock()

    # ----------------------------------------------------------------- steps

    def begin(self, job_id: str, turn: int) -> dict[str, Any] | None:
        """Takes a job from the queue; where to train, or None where it is not to be done now."""
        with store.changing(self.services.database, job_id) as (session, job):
            if job.turn != turn or job.state not in ("queued", *store.UNDER_WAY):
                return None
            store.move(session, job, "running")
            return store.position_of(job).as_json()

    def train(self, job_id: str, turn: int, position: Position) -> Outcome:
        """Trains a candidate up to its limit, from its last checkpoint on."""
        try:
            request = self._enter(job_id, turn, "running")
            run = manager.run_folder(job_id, position.candidate)
            command = self._training(job_id, request, position)
            ended = self._run(job_id, turn, command, run)
            if ended.code != 0:
                self._note_failure(job_id, position, ended.error)
                return "failed"
            self._note_images(job_id, run)
        except LeftError:
            return "left"
        except UserError as error:
            self._note_failure(job_id, position, error.message)
            return "failed"
        return "done"

    def evaluate(self, job_id: str, turn: int, position: Position) -> Outcome:
        """Measures the candidate as it is now; a measurement that is there is not repeated."""
        try:
            request = self._enter(job_id, turn, "evaluating")
            report = manager.report_file(job_id, position)
            if not report.exists():
                command = self._evaluation(job_id, request, position, report)
                ended = self._run(job_id, turn, command)
                if ended.code != 0:
                    self._note_failure(job_id, position, ended.error)
                    return "failed"
        except LeftError:
            return "left"
        except UserError as error:
            self._note_failure(job_id, position, error.message)
            return "failed"
        return "done"

    def decide(self, job_id: str, turn: int, position: Position, outcome: Outcome) -> Any:
        """What comes next, by the evaluation; it is kept with the job."""
        with reading(self.services.database) as session:
            found = session.get(Job, job_id)
            assert found is not None
        request = manager.request_of(found)
        if outcome == "failed":
            step, row = verdict.next_candidate(request, position), None
        else:
            step, row = self._judge(found, request, position)
        with store.changing(self.services.database, job_id) as (session, job):
            if job.turn != turn or job.state not in store.UNDER_WAY:
                return None
            if row is not None:
                _add_verdict(session, job, row)
            if step.do == "publish":
                store.move(session, job, "publishing")
            elif step.do == "train":
                assert step.position is not None
                store.set_position(job, step.position)
                store.move(session, job, "running")
            else:
                store.move(session, job, "failed", error=_last_words(job))
            return {
                "do": step.do,
                "position": step.position.as_json() if step.position else None,
            }

    def publish(self, job_id: str, turn: int, position: Position) -> Outcome:
        """Makes the candidate the next version of its name, once."""
        try:
            self._enter(job_id, turn, "publishing")
            folder = manager.job_folder(job_id)
            result = folder / "published.txt"
            if not result.exists():
                ended = self._run(job_id, turn, self._publishing(job_id, position, result))
                if ended.code != 0:
                    self._fail(job_id, f"publishing failed: {ended.error}")
                    return "failed"
        except LeftError:
            return "left"
        except UserError as error:
            self._fail(job_id, f"publishing failed: {error.message}")
            return "failed"
        with store.changing(self.services.database, job_id) as (session, job):
            if job.state != "published":
                job.model = result.read_text()
                store.move(session, job, "published", model=job.model)
        return "done"

    def fail(self, job_id: str, error: Exception) -> None:
        """Ends a job after a mistake of ours."""
        self._fail(job_id, f"a mistake of the service: {type(error).__name__}: {error}")

    # -------------------------------------------------------------- stopping

    def stop(self) -> None:
        """Stops all children behind a checkpoint, and returns when there is none any more.

        Their workflows stay as if the machine had been switched off: the next launch goes on.
        """
        self.stopping.set()
        deadline = time.monotonic() + self.settings.grace_seconds + 5
        while self._at_work and time.monotonic() < deadline:
            time.sleep(0.05)

    # -------------------------------------------------------------- commands

    def _training(self, job_id: str, request: LocalRequest, position: Position) -> list[str]:
        data = manager.data_path(self.services, request)
        settings = self._settings(job_id, request, position)
        shots_of(request, split_catalog(request, data, settings))  # refused before, not after
        candidate = request.candidates[position.candidate]
        run = manager.run_folder(job_id, position.candidate)
        file = run.with_suffix(".json")
        with whole_file(file) as temporary:
            temporary.write_text(json.dumps(settings, indent=1))
        command = ["funit", "train", str(data), "--out", str(run), "--config", str(file)]
        if candidate.preset:
            command += ["--preset", candidate.preset]
        if candidate.from_model:
            command += ["--from", candidate.from_model]
        return command

    def _settings(self, job_id: str, request: LocalRequest, position: Position) -> Settings:
        data = manager.data_path(self.services, request)
        # which classes there are is looked up once: data in a folder may change under a job
        file = manager.run_folder(job_id, position.candidate).with_suffix(".json")
        if file.exists():
            settings: Settings = json.loads(file.read_text())
        else:
            settings = settings_of(request, position.candidate, split_catalog(request, data, {}))
        limits: Settings = {"training": {"device": self._job(job_id).device}}
        if position.max_images is not None:
            limits["training"] |= {"max_images": position.max_images, "max_passes": None}
        return merged(settings, limits)

    def _evaluation(
        self, job_id: str, request: LocalRequest, position: Position, report: Path
    ) -> list[str]:
        asked = request.evaluation
        data = manager.data_path(self.services, request)
        run = manager.run_folder(job_id, position.candidate)
        command = ["funit", "evaluate", str(run), str(data), "--json", str(report)]
        if find_spec("jinja2") is not None:  # the page of the report, for people
            command += ["--html", str(report.with_suffix(".html"))]
        catalog = split_catalog(request, data, self._settings(job_id, request, position))
        command += ["--shots", ",".join(map(str, shots_of(request, catalog)))]
        command += ["--seed", str(request.seed), "--device", self._job(job_id).device]
        if asked.quick:
            command += ["--quick"]
        if asked.pairs is not None:
            command += ["--pairs", str(asked.pairs)]
        if asked.measures is not None:
            command += ["--only", ",".join(asked.measures)]
        return command

    def _publishing(self, job_id: str, position: Position, result: Path) -> list[str]:
        run = manager.run_folder(job_id, position.candidate)
        asked = manager.job_folder(job_id) / "request.json"
        with whole_file(asked) as temporary:
            temporary.write_text(json.dumps(self._job(job_id).request))
        scores = manager.report_file(job_id, position)
        return [PUBLISHER, str(run), job_id, str(asked), str(scores), str(result)]

    # ---------------------------------------------------------------- pieces

    def _run(
        self, job_id: str, turn: int, command: Sequence[str], run: Path | None = None
    ) -> Ended:
        """Runs a child to its own end; raises LeftError where the job is paused or cancelled.

        One that is killed, or told to stop by somebody else, is started again.
        """
        crashes, before = 0, _newest_checkpoint(run)
        while True:
            ended = self._run_once(job_id, command, run)
            if self.stopping.is_set():
                self._wait_for_the_end()
            self._leave_if_wanted(job_id, turn)
            has_ended_itself = ended.code >= 0 and not ended.was_stopped
            if has_ended_itself and not any("asked to by SIG" in line for line in ended.lines[-5:]):
                return ended
            crashes = crashes + 1 if _newest_checkpoint(run) == before else 1
            before = _newest_checkpoint(run)
            if not ended.was_stopped:
                with store.changing(self.services.database, job_id) as (session, job):
                    store.note(session, job, "restart", code=ended.code, images=before)
            if crashes >= _MAX_CRASHES:
                return Ended(1, False, [f"Error: it crashed {crashes} times: {ended.error}"])
            time.sleep(_CRASH_SECONDS)

    def _run_once(self, job_id: str, command: Sequence[str], run: Path | None) -> Ended:
        log_file = manager.job_folder(job_id) / "log.txt"
        follower = Follower(self.services.database, job_id, log_file, run)
        with self._lock:
            self._at_work += 1
        try:
            if run is not None:
                self._wait_for_lock(run, follower)
            ended = run_child(
                command,
                log_file,
                lambda: follower.look() or self.stopping.is_set(),
                environment=self._environment(),
                poll_seconds=self.settings.poll_seconds,
                grace_seconds=self.settings.grace_seconds,
            )
            follower.flush()
            return ended
        finally:
            with self._lock:
                self._at_work -= 1

    def _wait_for_lock(self, run: Path, follower: Follower) -> None:
        """Where a child cannot be tied to us it may have outlived us, and still hold the run."""
        while _is_locked(run / "lock"):
            if follower.look() or self.stopping.is_set():
                return
            time.sleep(self.settings.poll_seconds)

    def _environment(self) -> dict[str, str]:
        """What makes a child's repository the one of the service."""
        return {
            "FUNIT_HOME": str(home()),
            "FUNIT_DATABASE_URL": self.services.settings.database_url,
            "FUNIT_STORAGE": self.services.settings.storage_url,
        }

    def _wait_for_the_end(self) -> None:
        """Whatever returned now would be kept as the step's result: this thread ends with us."""
        threading.Event().wait()

    def _enter(self, job_id: str, turn: int, state: store.State) -> LocalRequest:
        """The request of a job that is about to be in that state; raises LeftError if it may not.

        The states of a later turn, or of a person's wish, are found here after a restart.
        """
        if self.stopping.is_set():
            self._wait_for_the_end()
        self._leave_if_wanted(job_id, turn)
        with store.changing(self.services.database, job_id) as (session, job):
            store.move(session, job, state)
            return manager.request_of(job)

    def _leave_if_wanted(self, job_id: str, turn: int) -> None:
        with store.changing(self.services.database, job_id) as (session, job):
            if job.turn == turn and job.state in store.UNDER_WAY and job.state != "publishing":
                if job.wanted == "pause":
                    store.move(session, job, "paused")
                elif job.wanted == "cancel":
                    store.move(session, job, "cancelled")
            is_ours = job.turn == turn and job.state in store.UNDER_WAY
        if not is_ours:
            raise LeftError

    def _judge(
        self, job: Job, request: LocalRequest, position: Position
    ) -> tuple[verdict.Step, dict[str, Any]]:
        """What an evaluation leads to, and what is kept of it."""
        run = manager.run_folder(job.id, position.candidate)
        report = _read_report(job.id, position)
        found = verdict.judge(request.minimum, report, run.name)
        images = _newest_checkpoint(run)
        earlier = [
            each["images"]
            for each in (job.report or {}).get("history", [])
            if each["candidate"] == position.candidate and each["round"] < position.round
        ]
        step = verdict.next_step(request, position, found, images, images not in earlier)
        settings = self._settings(job.id, request, position)
        catalog = split_catalog(request, manager.data_path(self.services, request), settings)
        known = self._classes_of(request.candidates[position.candidate].from_model)
        told = list(verdict.alerts(request, report, found, catalog, known))
        kept = {
            **position.as_json(),
            "images": images,
            "minimum": str(request.minimum) if request.minimum else None,
            "next": step.do,
            "alerts": told,
            **asdict(found),
        }
        shown = {name: report[name] for name in ("about", "rows", "left_out", "warnings")}
        return step, {"verdict": kept, "evaluation": shown, "seen_classes": sorted(catalog.seen)}

    def _classes_of(self, model: str | None) -> list[str]:
        """The classes that a model was trained on, if a job here made it."""
        with reading(self.services.database) as session:
            made = session.scalar(select(Job).where(Job.model == model)) if model else None
        return list((made.report or {}).get("seen_classes", [])) if made else []

    def _job(self, job_id: str) -> Job:
        return store.find_job(self.services.database, job_id)

    def _note_failure(self, job_id: str, position: Position, error: str) -> None:
        with store.changing(self.services.database, job_id) as (session, job):
            store.set_progress(job, failure=error)
            store.note(session, job, "failure", candidate=position.candidate, error=error)

    def _note_images(self, job_id: str, run: Path) -> None:
        """All that was seen: the log's last line may have come before the end."""
        with store.changing(self.services.database, job_id) as (_, job):
            store.set_progress(job, images=_newest_checkpoint(run))

    def _fail(self, job_id: str, error: str) -> None:
        with store.changing(self.services.database, job_id) as (session, job):
            if job.state in store.UNDER_WAY:
                store.move(session, job, "failed", error=error)


def _add_verdict(session: Session, job: Job, row: dict[str, Any]) -> None:
    """Keeps an evaluation, and what was held against it; again after a crash changes nothing."""
    found = row["verdict"]
    history = list((job.report or {}).get("history", []))
    place = (found["candidate"], found["round"])
    if place not in [(each["candidate"], each["round"]) for each in history]:
        history.append(found)
        store.note(session, job, "evaluation", **found)
    job.report = {**row, "history": history}
    for kind, message in found["alerts"]:
        store.add_alert(session, job, kind, message)


def _last_words(job: Job) -> str:
    """Why a job gave up."""
    history = (job.report or {}).get("history", [])
    if not history:
        return str(job.progress.get("failure", "nothing could be trained"))
    return f"below the minimum in {len(history)} evaluations; at last {history[-1]['reason']}"


def _read_report(job_id: str, position: Position) -> dict[str, Any]:
    """An evaluation, in which the run has its name: where it is on the server is nobody's."""
    run = manager.run_folder(job_id, position.candidate)
    text = manager.report_file(job_id, position).read_text()
    report: dict[str, Any] = json.loads(text.replace(json.dumps(str(run))[1:-1], run.name))
    return report


def _newest_checkpoint(run: Path | None) -> int:
    """The images of the newest checkpoint; 0 where there is none."""
    found = checkpoint_folders(run / "checkpoints") if run else []
    return int(found[-1].name) if found else 0


def _is_locked(path: Path) -> bool:
    """Whether a training holds the run folder."""
    if not path.exists():
        return False
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
