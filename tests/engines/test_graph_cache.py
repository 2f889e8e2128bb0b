"""Graphs are kept within a size: what was used last stays, and so does what is in use."""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from funit.config import ModelConfig
from funit.engines.choice import ONNXRUNTIME, Weights, open_engine
from funit.engines.graph_cache import KeptGraphs, kept_graphs
from funit.home import home
from funit.model.graphs import GRAPH_FILES, WEIGHTS_FILE
from funit.model_folder import open_model

FILES = (*GRAPH_FILES, WEIGHTS_FILE)
SIZE = 1000 * len(FILES)  # bytes of one

HOLD = """
import sys
from pathlib import Path
from funit.engines.graph_cache import kept_graphs
kept = kept_graphs(sys.argv[1], lambda folder: None)
print("held", flush=True)
sys.stdin.read()
"""
USE = """
import random, sys, time
from funit.engines.graph_cache import kept_graphs
from funit.model.graphs import GRAPH_FILES, WEIGHTS_FILE

def write(folder):
    for file in (*GRAPH_FILES, WEIGHTS_FILE):
        (folder / file).write_bytes(bytes(1000))

until = time.monotonic() + 2
used = 0
while time.monotonic() < until:
    kept = kept_graphs(random.choice("abc"), write, 4500)  # there is room for one
    for _ in range(3):
        time.sleep(random.uniform(0, 0.002))
        for file in (*GRAPH_FILES, WEIGHTS_FILE):
            assert len((kept.path / file).read_bytes()) == 1000, file
    kept.release()
    used += 1
print(used)
"""


def write(folder: Path) -> None:
    for file in FILES:
        (folder / file).write_bytes(bytes(1000))


def used(name: str, when: int, max_bytes: int = 10 * SIZE) -> None:
    """Graphs of that name, last used at a time, and in use no more."""
    kept = kept_graphs(name, write, max_bytes)
    kept.release()
    os.utime(kept.path, (when, when))


def names() -> list[str]:
    return sorted(path.name for path in (home() / "graphs").iterdir())


@contextmanager
def held_elsewhere(name: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the graphs of that name in use."""
    command = [sys.executable, "-c", HOLD, name]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_what_was_used_least_recently_makes_room() -> None:
    for when, name in enumerate("abc"):
        used(name, when=1000 + when)
    used("a", when=2000)

    used("d", when=3000, max_bytes=3 * SIZE)

    assert names() == ["a", "c", "d"]


def test_what_is_used_again_is_not_made_again() -> None:
    used("a", when=1000)

    kept = kept_graphs("a", lambda _: pytest.fail("it is there"))

    assert kept.path.stat().st_mtime > 1_000_000  # it counts as used now


def test_what_another_process_uses_stays_until_that_is_killed() -> None:
    used("a", when=1000)
    with held_elsewhere("a") as process:
        os.utime(home() / "graphs" / "a", (1000, 1000))
        used("b", when=2000, max_bytes=SIZE)
        assert names() == ["a", "b"]

        process.send_signal(signal.SIGKILL)
        process.wait()
    used("c", when=3000, max_bytes=SIZE)

    assert names() == ["c"]


def test_what_is_not_whole_is_made_again_and_what_killed_processes_left_goes() -> None:
    used("a", when=1000)
    (home() / "graphs" / "a" / FILES[0]).unlink()
    for name, when in ((".new-killed", 1000), (".old-killed", 1000)):
        (home() / "graphs" / name).mkdir()
        os.utime(home() / "graphs" / name, (when, when))

    used("a", when=2000)

    assert names() == ["a"]
    assert all((home() / "graphs" / "a" / file).exists() for file in FILES)


def test_processes_that_make_use_and_drop_at_once_never_miss_a_file() -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", USE], stdout=-1, stderr=-1, text=True)
        for _ in range(4)
    ]

    ended = [process.communicate(timeout=60) for process in processes]

    for process, (printed, told) in zip(processes, ended, strict=True):
        assert process.returncode == 0, told
        assert int(printed) > 10
    assert all(not name.startswith(".") for name in names())


def test_an_engine_has_its_graphs_for_as_long_as_it_is_there(
    tmp_path: Path, tiny: ModelConfig, saved: Callable[..., Path]
) -> None:
    found = open_model(saved(tmp_path / "m", tiny))
    weights = Weights(found.whole_weights(), found.info.weights_sha256, tiny, None)
    engine = open_engine(weights, ONNXRUNTIME)
    (own,) = names()

    used("other", when=1000, max_bytes=1)
    look = engine.encode_class(np.zeros((1, 1, 3, 16, 16), np.float32), np.ones((1, 1), np.float32))
    drawn = engine.draw(np.zeros((1, 16, 4, 4), np.float32), look)  # opened only now

    assert drawn.shape == (1, 3, 16, 16)
    assert own in names()
    del engine
    gc.collect()
    used("third", when=2000, max_bytes=1)
    assert names() == ["third"]


def test_what_is_collected_is_not_in_use() -> None:
    kept: KeptGraphs | None = kept_graphs("a", write)
    assert kept is not None
    kept = None
    gc.collect()

    used("b", when=2000, max_bytes=1)

    assert names() == ["b"]
