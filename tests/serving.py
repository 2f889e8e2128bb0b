"""A real `funit serve`: its own process, a free port, real signals."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

_SECONDS = 60.0  # a busy machine takes its time to import
_SLOW_WORKER = Path(__file__).parent / "service" / "slow_worker.py"
_WITH_WORKER = (
    "import sys\n"
    "from funit.service import server\n"
    "server.WORKER = (sys.executable, sys.argv.pop(1))\n"
    "from funit.cli import main\n"
    "main()\n"
)


@dataclass
class Served:
    """A service that runs: its URL, its process, what it logged."""

    process: subprocess.Popen[str]
    url: str = ""
    lines: list[str] = field(default_factory=list)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.get(f"{self.url}{path}", timeout=_SECONDS, **options)

    def logged(self, message: str, **fields: Any) -> list[dict[str, Any]]:
        """The log's lines of that message and with those fields."""
        lines = [json.loads(line) for line in self.lines]
        return [
            line for line in lines if line["message"] == message and fields.items() <= line.items()
        ]

    def wait_for(self, message: str, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """The same, once there are as many."""
        deadline = time.monotonic() + _SECONDS
        while len(found := self.logged(message, **fields)) < count:
            assert time.monotonic() < deadline, f"no {message!r}: {self.lines}"
            time.sleep(0.05)
        return found

    def stop(self, signal_number: int) -> int:
        """Sends a signal; gives the exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(_SECONDS)


def funit(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "funit", *words],
        env={**os.environ, "FUNIT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )


@contextmanager
def serving(
    *options: str,
    home: Path,
    with_slow_routes: bool = False,
    worker: Path | None = None,
    wait: bool = True,
    inside: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """`funit serve` with these options; `with_slow_routes` adds those of slow_worker.py.

    `worker` is a program that is started in place of the service's own web worker, `inside` a
    command that becomes the one behind it.
    """
    worker = _SLOW_WORKER if with_slow_routes else worker
    start: Sequence[str] = ("-c", _WITH_WORKER, str(worker)) if worker else ("-m", "funit")
    process = subprocess.Popen(
        [*inside, sys.executable, *start, "serve", "--port", "0", *options],
        env={**os.environ, "FUNIT_HOME": str(home), **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    served, printed = Served(process), queue.Queue[str]()
    readers = [
        threading.Thread(target=lambda: [printed.put(line) for line in process.stdout or ()]),
        threading.Thread(
            target=lambda: [served.lines.append(line) for line in process.stderr or ()]
        ),
    ]
    for reader in readers:
        reader.start()
    try:
        served.url = printed.get(timeout=_SECONDS).strip()
        if wait:
            served.get("/healthz").raise_for_status()
        yield served
    finally:
        process.terminate()
        process.wait(_SECONDS)
        for reader in readers:
            reader.join()
        process.stdout.close()
        process.stderr.close()
        print("".join(served.lines))
