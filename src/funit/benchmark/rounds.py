"""Costs that are measured in turn, so that whatever slows the machine down slows all of them.

A cost is what a function gives back: seconds of its own work, of a child's, bytes.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from funit.benchmark.results import Values

Cost = Callable[[], float]
Progress = Callable[[str, int, int], None]  # (what is measured, rounds done, rounds in all)


def in_turn(
    what: str, costs: Mapping[str, Cost], num_rounds: int, progress: Progress, warm_up: bool = True
) -> dict[str, Values]:
    """Each cost once a round, forwards and backwards by turns: (rounds,) each."""
    if warm_up:
        for cost in costs.values():
            cost()
    found: dict[str, list[float]] = {name: [] for name in costs}
    for done in range(num_rounds):
        progress(what, done, num_rounds)
        for name in list(costs)[:: -1 if done % 2 else 1]:
            found[name].append(costs[name]())
    progress(what, num_rounds, num_rounds)
    return {name: np.array(values) for name, values in found.items()}


def seconds(work: Callable[[], object]) -> Cost:
    """The cost of some work in seconds on the clock."""

    def cost() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return cost


def own_seconds(work: Callable[[], object]) -> Cost:
    """The cost of some work in seconds: of CPU time, if the process has one thread to compute with.

    Whatever else runs on the machine makes the clock go on, and leaves CPU time nearly as it is.
    """
    if torch.get_num_threads() > 1:
        return seconds(work)

    def cost() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return cost


def child_cpu_seconds(
    command: Sequence[str | Path], variables: Mapping[str, str] | None = None
) -> Cost:
    """The cost of a Python process in seconds of CPU time, of all its threads."""

    def cost() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run_python(command, variables)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return cost


def child_bytes(command: Sequence[str | Path]) -> Cost:
    """The cost of a Python process in bytes, as its last line says: {"bytes": ...}."""

    def cost() -> float:
        said: Any = json.loads(run_python(command).splitlines()[-1])
        return float(said["bytes"])

    return cost


def run_python(command: Sequence[str | Path], variables: Mapping[str, str] | None = None) -> str:
    """What `python COMMAND` prints, with variables of its environment; errors pass through."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **(variables or {})},
    ).stdout


class MemoryMeter:
    """Counts the bytes that a process needs at most from now on."""

    def __init__(self) -> None:
        self.before = _status("VmRSS") or _peak()

    def most(self) -> int:
        """What was needed at the worst moment, beyond what there was at the beginning."""
        return _peak() - self.before


def _peak() -> int:
    # A new process begins with the `ru_maxrss` of the one that started it, not with its `VmHWM`.
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(name: str) -> int | None:
    """Bytes in a line of Linux's /proc/self/status; None elsewhere."""
    path = Path("/proc/self/status")
    if os.name != "posix" or not path.exists():
        return None
    lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
    return int(lines[name].split()[0]) * 1024
