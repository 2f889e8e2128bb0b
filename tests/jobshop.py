"""A service with jobs for tests: real processes, and trainings of a few seconds."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from funit.config import Settings, merged, read_settings
from funit.database.connection import writing
from funit.database.schema import (
    ENDED_STATES,
    DataSet,
    DataSetImage,
    DataSetVersion,
    Job,
    JobEvent,
)
from funit.home import home
from funit.service.jobs import manager, store
from funit.service.jobs.requests import LocalRequest
from funit.service.server import JOBS
from funit.service.services import Services, open_services
from funit.service.settings import SETTINGS, JobSettings, ServiceSettings

TINY: Settings = merged(
    read_settings(Path(__file__).with_name("tiny.yaml")),
    {"training": {"sample_every_images": 48}, "weights": {"perceptual": 0.0}},
)
SECONDS = 120.0  # for anything: the machine may be busy


@dataclass
class Shop:
    """A service with jobs, and the processes that do them."""

    services: Services
    zoo: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def request(self, **changed: Any) -> LocalRequest:
        """A tiny training, changed; its settings lie over the tiny ones."""
        given: dict[str, Any] = {
            "path": self.zoo,
            "name": "zoo",
            "max_images": 48,
            "evaluation": {"pairs": 8, "shots": [1]},
            "graphs": False,
        }
        settings = merged(TINY, changed.pop("settings", {}))
        return LocalRequest.model_validate({**given, **changed, "settings": settings})

    def create(self, **changed: Any) -> str:
        """A job in the queue; gives its id."""
        return manager.create_job(self.services, self.request(**changed)).id

    def start(self) -> subprocess.Popen[bytes]:
        """A jobs process."""
        settings = self.services.settings.model_dump_json()
        process = subprocess.Popen(
            JOBS, env={**os.environ, SETTINGS: settings}, stdin=subprocess.PIPE
        )
        self.processes.append(process)
        return process

    def job(self, job_id: str) -> Job:
        return store.find_job(self.services.database, job_id)

    def events(self, job_id: str, kind: str) -> list[JobEvent]:
        found, _ = store.events_after(self.services.database, job_id, limit=100_000)
        return [event for event in found if event.kind == kind]

    def wait(self, job_id: str, until: Callable[[Job], bool]) -> Job:
        """Until a job is as it should be."""
        deadline = time.monotonic() + SECONDS
        while not until(job := self.job(job_id)):
            assert time.monotonic() < deadline, manager.described(job)
            assert job.state not in ENDED_STATES, (manager.described(job), self.log(job_id))
            time.sleep(0.1)
        return job

    def wait_for(self, job_id: str, *states: str) -> Job:
        """Until a job is in one of these states."""
        return self.wait(job_id, lambda job: job.state in states)

    def wait_for_job(self) -> Job:
        """The first job that there is."""
        deadline = time.monotonic() + SECONDS
        while not (found := store.list_jobs(self.services.database)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return found[-1]

    def log(self, job_id: str) -> str:
        path = manager.job_folder(job_id) / "log.txt"
        return path.read_text() if path.exists() else ""

    def checkpoint(self, job_id: str, candidate: int = 0) -> int:
        """The images of its newest checkpoint."""
        folder = manager.run_folder(job_id, candidate) / "checkpoints"
        return max((int(path.name) for path in folder.glob("[0-9]*")), default=0)

    def children(self, job_id: str) -> list[int]:
        """The ids of the processes that work on a job now."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            folder = str(home() / "jobs" / job_id).encode()
            if words[1:2] == [b"-m"] and any(word.startswith(folder) for word in words):
                found.append(int(process.name))
        return found

    def versions(self, name: str = "zoo") -> list[int]:
        """The versions of a model."""
        return [info.version for info in self.services.models.list() if info.name == name]


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(60)
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


@contextmanager
def opened_shop(database_url: str, storage: Path, zoo: Path) -> Iterator[Shop]:
    """Open for a test; its processes end with it."""
    settings = ServiceSettings(
        database_url=database_url,
        storage_url=str(storage),
        keys="none",
        jobs=JobSettings(devices={"cpu": 1}, poll_seconds=0.1),
    )
    with open_services(settings) as services:
        shop = Shop(services, zoo)
        try:
            yield shop
        finally:
            for process in shop.processes:
                stop(process)


def add_version(services: Services, num_images: int, dataset: str = "zoo") -> int:
    """A version of a data set with so many images more; gives its number."""
    with writing(services.database) as session:
        found = session.scalar(select(DataSet).where(DataSet.name == dataset))
        if found is None:
            found = DataSet(name=dataset)
            session.add(found)
            session.flush()
        number = len(found.versions) + 1
        found.versions.append(
            DataSetVersion(
                version=number, fingerprint=f"f{number}", num_images=num_images, size=1, report={}
            )
        )
        for image in range(num_images):
            row = {"part": "", "cls": "a", "name": f"{number}-{image}.png", "sha256": "none"}
            facts = {"size": 1, "crc": 0, "width": 16, "height": 16, "added_in": number}
            session.add(DataSetImage(dataset_id=found.id, **row, **facts))
        return number
