"""Follows the child of a job: its figures, pictures and lines go to the database as they come."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from funit.config import read_settings
from funit.errors import UserError
from funit.service.jobs import store
from funit.service.jobs.child import Tail

_PROGRESS_SECONDS = 2.0  # between events of progress: a GPU writes many lines


class Follower:
    """What a child writes, noted with its job; and whether somebody wants it to stop."""

    def __init__(self, database: Engine, job_id: str, log: Path, run: Path | None = None) -> None:
        self.database, self.job_id, self.run = database, job_id, run
        self.lines = Tail(log)
        self.metrics = Tail(run / "metrics.jsonl") if run else None
        self.pictures = {path.name for path in self._samples()}
        self.newest: dict[str, Any] | None = None
        self.told_at = 0.0
        self.images_wanted: int | None = None

    def look(self) -> bool:
        """Notes what is new; whether the job is to be paused or cancelled."""
        lines = [line for line in self.lines.new_lines() if line.strip()]
        alarms = self._read_metrics()
        pictures = [path.name for path in self._samples() if path.name not in self.pictures]
        self.pictures.update(pictures)
        is_due = time.monotonic() - self.told_at > _PROGRESS_SECONDS
        progress = self.newest if is_due else None
        if not (lines or pictures or alarms or progress):
            return store.find_job(self.database, self.job_id).wanted is not None
        with store.changing(self.database, self.job_id) as (session, job):
            store.note_lines(session, job, lines)
            if progress is not None:
                self.newest, self.told_at = None, time.monotonic()
                store.set_progress(job, **progress)
                store.note(session, job, "progress", **job.progress)
            for picture in pictures:
                store.note(session, job, "sample", name=picture)
            for alarm in alarms:
                store.add_alert(session, job, "collapse", alarm)
            return job.wanted is not None

    def flush(self) -> None:
        """Notes the last progress, however soon it comes after the one before."""
        self.told_at = 0.0
        self.look()

    def _read_metrics(self) -> list[str]:
        alarms = []
        for text in self.metrics.new_lines() if self.metrics else ():
            with suppress(ValueError):
                line = json.loads(text)
                if "alarm" in line:
                    alarms.append(f"at {line['images']:,} images: {line['alarm']}")
                if "images_per_second" in line:
                    self.newest = self._progress_of(line)
        return alarms

    def _progress_of(self, line: dict[str, Any]) -> dict[str, Any]:
        if self.images_wanted is None:
            self.images_wanted = self._find_wanted()
        known = ("images", "minutes", "images_per_second")
        losses = {name: value for name, value in line.items() if name[:2] in ("d/", "g/")}
        figures = {name: line[name] for name in known}
        return {**figures, "images_wanted": self.images_wanted, "losses": losses}

    def _find_wanted(self) -> int | None:
        """The images after which the training ends, as the run folder says."""
        assert self.run is not None
        try:
            training = read_settings(self.run / "config.yaml")["training"]
            data = json.loads((self.run / "run.json").read_text())["data"]
        except (UserError, OSError, ValueError):  # it is being written
            return None
        passes = training.get("max_passes")
        limits = [training.get("max_images"), passes and round(passes * data["num_images"])]
        return min((limit for limit in limits if limit), default=None)

    def _samples(self) -> list[Path]:
        return sorted((self.run / "samples").glob("[0-9]*.png")) if self.run else []
