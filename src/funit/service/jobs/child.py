"""A child process of a job: trains, evaluates or publishes, in a process of its own.

What it prints goes to a file, so that no death of a reader stops it; it dies with us (`tied.py`).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Tick = Callable[[], bool]  # whether the child is to stop

TIED = Path(__file__).with_name("tied.py")


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    code: int
    """Its exit status, or minus the signal that killed it."""
    was_stopped: bool
    """Whether we asked for it."""
    lines: Sequence[str]
    """What it printed last."""

    @property
    def error(self) -> str:
        """What it said was wrong."""
        said = [line for line in self.lines if line.startswith("Error: ")]
        if said:
            return said[-1].removeprefix("Error: ")
        last = self.lines[-1] if self.lines else "it printed nothing"
        return f"it ended with the status {self.code}: {last}"


class Tail:
    """The lines that are added to a file from now on; a file that is replaced is begun at its end.

    A training that goes on rewrites its metrics up to its checkpoint: those lines are old.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inode, self.offset = self._end()

    def new_lines(self) -> list[str]:
        """Whole lines that came since the last call."""
        inode, size = self._end()
        if inode != self.inode or size < self.offset:
            was_there, self.inode = self.inode, inode
            self.offset = size if was_there else 0
        if size <= self.offset:
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole.decode("utf-8", errors="replace").splitlines()

    def _end(self) -> tuple[int, int]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_ino, status.st_size


def run_child(
    command: Sequence[str],
    log: Path,
    tick: Tick,
    *,
    environment: Mapping[str, str],
    poll_seconds: float,
    grace_seconds: float,
) -> Ended:
    """Runs `python -m COMMAND` to its end; asks it to stop when `tick` says so, then kills it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    start = log.stat().st_size if log.exists() else 0
    tied = [sys.executable, "-I", "-S", str(TIED), str(os.getpid()), sys.executable, "-m", *command]
    with log.open("ab") as output:
        process = subprocess.Popen(
            tied,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            process_group=0,  # Ctrl-C is for us: we tell it
        )
    asked_at: float | None = None
    try:
        while process.poll() is None:
            if tick() and asked_at is None:
                process.terminate()
                asked_at = time.monotonic()
            if asked_at is not None and time.monotonic() - asked_at > grace_seconds:
                process.kill()
            try:
                process.wait(poll_seconds)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if process.poll() is None:  # `tick` failed: no child is left that nobody follows
            process.kill()
            process.wait()
    tick()  # what it wrote last
    with log.open("rb") as file:
        file.seek(start)
        printed = file.read().decode("utf-8", errors="replace").splitlines()
    return Ended(process.returncode, asked_at is not None, printed[-50:])
