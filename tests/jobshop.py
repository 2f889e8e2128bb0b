"""A service with jobs for tests: real processes, and trainings of a few seconds."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from funit.config import Settings, merged
from funit.database.schema import ENDED_STATES, Job, JobEvent
from funit.home import home
from funit.service.jobs import manager, store
from funit.service.jobs.requests import LocalRequest
from funit.service.server import JOBS
from funit.service.services import Services, open_services
from funit.service.settings import SETTINGS, JobSettings, ServiceSettings

TINY: Settings = {
    "model": {
        "image_size": 16,
        "base_channels": 4,
        "num_halvings": 2,
        "class_encoder_halvings": 3,
        "class_code_size": 6,
        "mlp_size": 8,
        "attention_channels": 4,
        "discriminator_channels": 4,
        "discriminator_halvings": 2,
        "discriminator_blocks": 1,
    },
    "training": {
        "batch_size": 4,
        "penalty_every": 3,
        "adversarial_from_images": 12,
        "log_every_images": 8,
        "sample_every_images": 48,
        "checkpoint_every_images": 16,
        "num_threads": 1,
    },
    "weights": {"perceptual": 0.0},
}
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
