"""Processes that one parent starts, keeps alive and stops: web workers, and the jobs process."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from funit.errors import UserError

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
_EARLY_SECONDS = 10.0  # who ends sooner did not really start
_MAX_EARLY_ENDS = 3  # in a row


@dataclass
class Child:
    """A process: what it is for, and its command."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    num_early_ends: int = field(default=0, init=False)


@dataclass(frozen=True)
class Children:
    """Children that run until the parent is told to stop; one that ends is started again."""

    all: Sequence[Child]
    environment: Mapping[str, str]
    """Beside what the parent has."""
    descriptors: Sequence[int]
    """Open files that they inherit."""
    grace_seconds: float
    """How long they may take to finish what they do."""
    on_end: Callable[[int], None]
    """Hears the process id of a child that ended."""

    def run(self, on_start: Callable[[], None]) -> None:
        """Returns after SIGTERM or SIGINT, once all have ended; a second signal ends them at once.

        Raises UserError where a child cannot be kept alive.
        """
        with _told_to_stop() as stop:
            try:
                for child in self.all:
                    self._start(child)
                on_start()
                while not stop.wait(_POLL_SECONDS):
                    for child in self.all:
                        self._keep_alive(child)
            finally:
                stop.clear()
                self._stop_all(stop)

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(
            child.command,
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,  # it ends with us: `follow_parent`
            stdout=sys.stderr.fileno(),  # ours is for the URL alone
            pass_fds=self.descriptors,
            process_group=0,  # Ctrl-C is for us: we tell them
        )
        child.started = time.monotonic()
        fields = {"child": child.name, "child_pid": child.process.pid}
        log.info("started", extra={"fields": fields})

    def _keep_alive(self, child: Child) -> None:
        assert child.process is not None
        code = child.process.poll()
        if code is None:
            return
        self.on_end(child.process.pid)
        fields = {"child": child.name, "child_pid": child.process.pid, "code": code}
        log.error("ended unasked", extra={"fields": fields})
        is_early = time.monotonic() - child.started < _EARLY_SECONDS
        child.num_early_ends = child.num_early_ends + 1 if is_early else 0
        if child.num_early_ends >= _MAX_EARLY_ENDS:
            raise UserError(
                f"the {child.name} process ends as soon as it is started",
                hint="the lines above say why",
            )
        self._start(child)

    def _stop_all(self, hurry: threading.Event) -> None:
        running = [child.process for child in self.all if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self.grace_seconds
        while any(process.poll() is None for process in running):
            if hurry.wait(_POLL_SECONDS) or time.monotonic() > deadline:
                log.error("killed: it took too long to stop")
                for process in running:
                    process.kill()
                break
        for process in running:
            process.wait()
            assert process.stdin is not None
            process.stdin.close()


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(each, lambda *_: stop.set()) for each in signals]
    try:
        yield stop
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def follow_parent() -> None:
    """Makes this process, a child, end as if told to when its parent is gone, however that went."""

    def wait() -> None:
        while os.read(0, 1024):  # the parent writes nothing: this returns when the pipe breaks
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="follow-parent", daemon=True).start()
