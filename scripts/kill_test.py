"""Kills the jobs process, the API and their children at random, and checks that no job suffers.

    python scripts/kill_test.py --kills 500

Tiny trainings run as jobs, asked for over HTTP; every process is killed with SIGKILL at random
moments and started again, as a supervisor would. At the end no job may be lost, each must be
published exactly once, no run may ever have been trained by two processes at once, and none may
have gone back behind a checkpoint that it had. The result is JSON on stdout; exit code 1 if not.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from funit.config import merged, read_settings
from funit.data.menagerie import write_menagerie
from funit.database.connection import open_database
from funit.repository import ModelRepository
from funit.service.datasets import register_folder
from funit.service.jobs import store
from funit.service.server import JOBS
from funit.service.services import open_services
from funit.service.settings import SETTINGS, ServiceSettings

TINY = merged(
    read_settings(Path(__file__).parents[1] / "tests" / "tiny.yaml"),
    {
        "training": {
            "log_every_images": 16,
            "sample_every_images": 4000,
            "checkpoint_every_images": 64,
        }
    },
)
API = """
import os, socket, uvicorn
from funit.service.app import create_app
from funit.service.services import open_services
from funit.service.settings import SETTINGS, ServiceSettings
with open_services(ServiceSettings.model_validate_json(os.environ[SETTINGS])) as services:
    uvicorn.run(create_app(services), port=int(os.environ["PORT"]), log_level="critical")
"""
AT_WORK = 2  # jobs that are not ended, at any time


@dataclass
class Watch:
    """Looks at all processes, twenty times a second: which work on which run folder."""

    home: Path
    at_once: int = 0
    """The most processes that ever trained one run folder."""
    newest: dict[Path, int] = field(default_factory=dict)
    """The images of the newest checkpoint of each run folder."""
    went_back: list[str] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `done`."""
        while not self.done.wait(0.05):
            runs = Counter(run for _, run in self.children("train"))
            self.at_once = max(self.at_once, *runs.values(), 0)
            for run in self.home.glob("jobs/*/candidate-*/checkpoints"):
                images = max((int(path.name) for path in run.glob("[0-9]*")), default=0)
                if images < self.newest.get(run, 0):
                    self.went_back.append(f"{run}: from {self.newest[run]} to {images}")
                self.newest[run] = images

    def children(self, what: str = "") -> Iterator[tuple[int, str]]:
        """The id of each child of a job, and the run folder that it works on."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:  # it has ended
                continue
            if words[1:2] != ["-m"]:  # not yet what it is to become
                continue
            runs = [
                word for word in words if re.search(rf"{self.home}/jobs/.*/candidate-\d+$", word)
            ]
            if runs and (not what or what in words):
                yield int(process.name), runs[0]


@dataclass
class Test:
    """The processes under test, and what was seen of them."""

    folder: Path
    settings: ServiceSettings
    port: int
    random: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    asked: list[str] = field(default_factory=list)
    ended_unasked: int = 0

    def __post_init__(self) -> None:
        self.environment = {
            **os.environ,
            "FUNIT_HOME": str(self.folder),
            SETTINGS: self.settings.model_dump_json(),
            "PORT": str(self.port),
        }
        self.log = (self.folder / "processes.log").open("ab")
        self.database = open_database(self.settings.database_url)
        self.watch = Watch(self.folder)
        self.jobs, self.api = self.start_jobs(), self.start_api()

    def start_jobs(self) -> subprocess.Popen[bytes]:
        """The jobs process; the pipe is held open: it ends with us."""
        return self._start(list(JOBS))

    def start_api(self) -> subprocess.Popen[bytes]:
        """A web worker."""
        return self._start([sys.executable, "-c", API])

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=self.log,
            stderr=self.log,
        )

    def ask(self) -> None:
        """A job over HTTP; where the API was just killed, the answer may be lost: that is told."""
        body = {
            "dataset": "zoo",
            "name": f"zoo-{len(self.asked)}",
            "max_images": 512,
            "settings": TINY,
            "evaluation": {"pairs": 10, "shots": [1]},
            "graphs": False,
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/jobs",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.asked.append(json.load(answer)["id"])
        except urllib.error.HTTPError:
            raise
        except OSError:
            return

    def keep_alive(self) -> None:
        """What ended by itself is started again, and told."""
        for process, start in ((self.jobs, self.start_jobs), (self.api, self.start_api)):
            if process.poll() is not None:
                self.ended_unasked += 1
                if process is self.jobs:
                    self.jobs = start()
                else:
                    self.api = start()

    def kill_one(self) -> bool:
        """Whether one process, chosen at random, was killed; what had died is started again."""
        children = list(self.watch.children())
        targets = ["jobs process", "api"] + ["child", "child"] * bool(children)
        target = self.random.choice(targets)
        if target == "jobs process":
            self.jobs.kill()
            self.jobs.wait()
            self.jobs = self.start_jobs()
        elif target == "api":
            self.api.kill()
            self.api.wait()
            self.api = self.start_api()
        else:
            number, _ = self.random.choice(children)
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                return False
        self.kills[target] += 1
        return True

    def unfinished(self) -> int:
        """Jobs that are not ended."""
        return len(store.unfinished(self.database))

    def stop(self) -> None:
        """Ends everything that was started here."""
        for process in (self.jobs, self.api):
            process.terminate()
            process.wait(90)
        self.log.close()


def went_back(home: Path) -> list[str]:
    """Runs that went on from fewer images than a checkpoint that they were seen to have."""
    wrong = []
    for log in sorted(home.glob("jobs/*/log.txt")):
        newest = 0
        for found in re.finditer(r"going on from ([\d,]+) images", log.read_text(errors="replace")):
            images = int(found[1].replace(",", ""))
            if images < newest:
                wrong.append(f"{log.parent.name}: from {newest} to {images}")
            newest = images
    return wrong


def run(kills: int, seconds: float, database_url: str | None, seed: int, folder: Path) -> Any:
    """Kills so often, lets the rest finish in peace, and says what came of it."""
    os.environ["FUNIT_HOME"] = str(folder)
    write_menagerie(folder / "zoo", num_classes=8, num_poses=5, size=16, seed=3)
    url = database_url or f"sqlite:///{folder / 'funit.db'}"
    settings = ServiceSettings(
        database_url=url, storage_url=str(folder / "storage"), keys="none", data_roots=(folder,)
    )
    os.environ |= {"FUNIT_DATABASE_URL": url, "FUNIT_STORAGE": settings.storage_url}
    register(settings, folder / "zoo")
    test = Test(folder, settings, free_port(), random.Random(seed))
    watcher = threading.Thread(target=test.watch.run, daemon=True)
    watcher.start()
    start = time.monotonic()
    try:
        for _ in track(range(kills), "kills", console=Console(stderr=True)):
            if test.unfinished() < AT_WORK:
                test.ask()
            time.sleep(test.random.uniform(0.05, 2 * seconds))
            test.keep_alive()
            while not test.kill_one():
                pass
        while test.unfinished() and time.monotonic() - start < 3600 + kills * 60:
            test.keep_alive()
            time.sleep(1)
    finally:
        test.stop()
        test.watch.done.set()
        watcher.join()
    return result(test, time.monotonic() - start)


def result(test: Test, seconds: float) -> dict[str, Any]:
    """What is told: every job that was ever made, asked for with an answer or not."""
    jobs = store.list_jobs(test.database, limit=100_000)
    versions: Counter[str] = Counter()
    for info in ModelRepository().list():
        for job in jobs:
            versions[job.id] += job.id in info.training.command
    known = {job.id for job in jobs}
    return {
        "kills": sum(test.kills.values()),
        "killed": dict(test.kills),
        "jobs": len(jobs),
        "states": dict(Counter(job.state for job in jobs)),
        "lost": sorted(set(test.asked) - known)
        + [job.id for job in jobs if job.state != "published" or versions[job.id] < 1],
        "doubled": [job.id for job in jobs if versions[job.id] > 1],
        "most_processes_of_a_run_at_once": test.watch.at_once,
        "went_back_behind_a_checkpoint": test.watch.went_back + went_back(test.folder),
        "ended_unasked": test.ended_unasked,
        "errors": [job.error for job in jobs if job.error],
        "database": test.database.dialect.name,
        "minutes": round(seconds / 60, 1),
    }


def register(settings: ServiceSettings, zoo: Path) -> None:
    """The data set `zoo`, of a folder of the server."""
    with open_services(settings) as services:
        register_folder(services, "zoo", str(zoo), None)


def free_port() -> int:
    """A port that nobody uses now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=4.0, help="between kills, on average")
    parser.add_argument("--database-url", help="an empty one; by default a SQLite file")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="funit-kill-") as folder:
        found = run(asked.kills, asked.seconds, asked.database_url, asked.seed, Path(folder))
    print(json.dumps(found, indent=1))
    is_wrong = found["lost"] or found["doubled"] or found["went_back_behind_a_checkpoint"]
    sys.exit(1 if is_wrong or found["most_processes_of_a_run_at_once"] > 1 else 0)


if __name__ == "__main__":
    main()
