"""Trains in two ways side by side and compares the truth errors; `funit bench` reports it.

    python scripts/measure_trainings.py light|lean FOLDER [--cpu N]

The comparisons are those of src/funit/benchmark/trainings.py. Both trainings run at once, one
thread each, on the same processor if one is named. The same command goes on where it was stopped.
Both translate the same pairs of unseen classes by five examples; the ratio of their truth errors
goes to src/funit/benchmark/trainings.json.
"""

import argparse
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import numpy as np

from funit.benchmark.bench import processor
from funit.benchmark.trainings import (
    COMPARISONS,
    DATA_SEED,
    FILE,
    NUM_POSES,
    NUM_SEEN,
    NUM_UNSEEN,
    Comparison,
)
from funit.config import merged
from funit.data.menagerie import write_menagerie
from funit.data.packed import Packed, packed_for
from funit.evaluation.candidates import Baseline, Model
from funit.evaluation.measured import measure
from funit.evaluation.metrics import Values, interval
from funit.evaluation.pairs import choose_pairs
from funit.home import whole_file
from funit.training.checkpoint import latest_checkpoint
from funit.training.loop import train
from funit.translator import Translator

BASE, OURS, COPYING = "base", "ours", "copy-content"
CPU_SECONDS = "cpu_seconds.txt"
NUM_PAIRS, SHOTS, SEED, METRIC = 400, 5, 0, "l1_foreground"


def main() -> None:
    """Reads the options; trains, measures, and adds the figure to the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", choices=COMPARISONS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--child", nargs=2, metavar=("WHO", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    comparison, folder = COMPARISONS[options.name], options.folder / options.name
    if options.child:
        who, seed = options.child
        train_one(comparison, who, int(seed), folder)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not before the children have ended
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})  # of the children, too
    draw_data(comparison, folder / "zoo")
    for seed in comparison.seeds:
        train_both(options.name, seed, options.folder)
    keep(options.name, compared(comparison, folder))


def keep(name: str, found: dict[str, object]) -> None:
    """Enters what was found into the file."""
    entry = {"command": command_of(name)} | found | {"made_from": COMPARISONS[name].made_from()}
    content = json.loads(FILE.read_text()) if FILE.exists() else {}
    with whole_file(FILE) as temporary:
        temporary.write_text(json.dumps(content | {name: entry}, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def command_of(name: str) -> str:
    """What is to be typed to measure it again."""
    return shlex.join(["python", "scripts/measure_trainings.py", name, "FOLDER"])


def draw_data(comparison: Comparison, zoo: Path) -> None:
    """A menagerie of the comparison's size, its first classes the unseen ones."""
    if zoo.exists():
        return
    size = comparison.base.model.image_size
    drawn = zoo.with_name("drawn")
    write_menagerie(drawn, NUM_SEEN + NUM_UNSEEN, NUM_POSES, size, DATA_SEED)
    for index, path in enumerate(sorted(drawn.iterdir())):
        part = drawn / ("unseen" if index < NUM_UNSEEN else "seen")
        part.mkdir(exist_ok=True)
        path.rename(part / path.name)
    drawn.rename(zoo)


def train_both(name: str, seed: int, folder: Path) -> None:
    """The two trainings of one seed at once, a process each."""
    children = {}
    for who in (BASE, OURS):
        log = folder / name / f"{who}-{seed}.log"
        command = [sys.executable, __file__, name, folder, "--child", who, seed]
        with log.open("a") as file:
            children[log] = subprocess.Popen(
                list(map(str, command)),
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                stdout=file,
                stderr=file,
            )
    try:
        if failed := [log for log, child in children.items() if child.wait()]:
            raise SystemExit(f"a training failed: see {failed[0]}")
    finally:
        for child in children.values():
            child.terminate()  # its checkpoint is written first
            child.wait()


def train_one(comparison: Comparison, who: str, seed: int, folder: Path) -> None:
    """One training, or what is left of it; the CPU time of each call goes to a file."""
    config = comparison.base if who == BASE else comparison.ours
    out = run_folder(folder, who, seed)
    settings = merged(config.model_dump(mode="json"), {"training": {"seed": seed}})
    if comparison.cpu_minutes is not None:
        left = comparison.cpu_minutes - cpu_minutes(folder, who, seed)
        if left <= 0:
            return
        Thread(target=stop_after, args=[60 * left], daemon=True).start()
    train(folder / "zoo", out, settings)
    with (out / CPU_SECONDS).open("a") as file:
        file.write(f"{time.process_time():.1f}\n")


def stop_after(cpu_seconds: float) -> None:
    """Asks the training in this process to stop when it has had so much of the processor."""
    while time.process_time() < cpu_seconds:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def run_folder(folder: Path, who: str, seed: int) -> Path:
    """Where a training is."""
    return folder / f"{who}-{seed}"


def compared(comparison: Comparison, folder: Path) -> dict[str, object]:
    """The ratio of the truth errors, and what it is made of."""
    packed = packed_for(folder / "zoo", comparison.base.model.image_size)
    found = [errors(folder, seed, packed) for seed in comparison.seeds]
    base, ours = (np.stack([one[who] for one in found]) for who in (BASE, OURS))  # (seeds, pairs)
    low, high = spread(base, ours)
    ratio = float(ours.mean() / base.mean())
    copying = found[0][COPYING].mean()
    return {
        "figure": {"ratio": ratio, "low": low, "high": high},
        "metric": METRIC,
        "shots": SHOTS,
        "pairs": NUM_PAIRS,
        "errors_to_copying": {
            who: [round(float(one[who].mean() / copying), 4) for one in found]
            for who in (BASE, OURS)
        },
        "images": {who: [images(folder, who, s) for s in comparison.seeds] for who in (BASE, OURS)},
        "cpu_minutes": {
            who: [round(cpu_minutes(folder, who, seed), 1) for seed in comparison.seeds]
            for who in (BASE, OURS)
        },
        "processor": processor(),
        "python": platform.python_version(),
    }


def errors(folder: Path, seed: int, packed: Packed) -> dict[str, Values]:
    """The truth error of each pair, by who answers it."""
    candidates = [
        Model(who, Translator.load(run_folder(folder, who, seed), "cpu", "torch"))
        for who in (BASE, OURS)
    ]
    size = candidates[0].config.model.image_size
    pairs = choose_pairs(packed, "unseen", NUM_PAIRS, SHOTS, SEED)
    measured = measure([*candidates, Baseline(COPYING)], packed, pairs, size, SHOTS, [], say)
    return {name: one.values[METRIC] for name, one in measured.items()}


def spread(base: Values, ours: Values, num_draws: int = 1000) -> tuple[float, float]:
    """The 95% interval of the ratio: seeds and pairs are drawn anew, for both alike."""
    random = np.random.default_rng(SEED)
    num_seeds, num_pairs = base.shape
    ratios = []
    for _ in range(num_draws):
        seeds = random.integers(num_seeds, size=(num_seeds, 1))
        pairs = random.integers(num_pairs, size=num_pairs)
        ratios.append(ours[seeds, pairs].mean() / base[seeds, pairs].mean())
    return interval(np.array(ratios))


def images(folder: Path, who: str, seed: int) -> int:
    """How many a training has seen."""
    checkpoint = latest_checkpoint(run_folder(folder, who, seed) / "checkpoints", print)
    assert checkpoint is not None, "it ended with one"
    return checkpoint.images


def cpu_minutes(folder: Path, who: str, seed: int) -> float:
    """What all calls of a training took of the processor, so far."""
    path = run_folder(folder, who, seed) / CPU_SECONDS
    return sum(map(float, path.read_text().split())) / 60 if path.exists() else 0.0


def say(done: int, total: int) -> None:
    """One line, overwritten."""
    print(f"\r{done:,} of {total:,}  ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
