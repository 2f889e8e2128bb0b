"""The trials of the recipe: short trainings that differ in one thing, beside each other.

    python scripts/recipe.py divide LPC.zip DEV.zip        # 30 seen classes kept back to choose by
    python scripts/recipe.py divide LPC.zip DEV-20.zip --classes 20    # and 20 to learn from
    python scripts/recipe.py run DEV.zip FOLDER TRIAL... [--images N] [--minutes M] [--size 32]
                                 [--seeds 0,1] [--at-once 2] [--pairs-of DEV.zip]
                                 [--machine NAME]
    python scripts/recipe.py list
    python scripts/recipe.py tables                        # docs/recipe.md, from the JSON

`run` trains each trial for the same number of images, or the same minutes, one thread each, as many
at once as asked, and adds its curve to docs/recipe.json: error of unseen classes against images
seen and minutes. A run that stands there with as much is not made again. What is measured while it
trains is `l1_foreground` with five examples, as a ratio to copying the content image; trials of
different data are compared on the same pairs by `--pairs-of`. A trial from coarse to fine (with
`--minutes`) spends a share of its time on images of half the size, in a run of its own. Minutes of
two machines do not compare: `--machine` files trials apart from those of another one.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from recipe_data import divide
from recipe_tables import Entry, read_results, write_results, write_tables
from recipe_trials import COARSE_SHARES, LAST_WITH_ALL, TAKEN_OUT, TRIALS

from funit.config import Config, Settings, build_config, merged, parse_assignments, preset
from funit.data.packed import packed_for
from funit.engines.torch_engine import TorchEngine
from funit.evaluation.candidates import translations
from funit.evaluation.metrics import bootstrap_ratio, l1
from funit.evaluation.pairs import choose_pairs, load_pairs
from funit.fine_tuning import train
from funit.model.generator import Generator
from funit.training.checkpoint import latest_checkpoint
from funit.translator import Translator

NUM_PAIRS, SHOTS, SEED = 300, 5, 0
DEFAULT_IMAGES = 20_000  # where no minutes are asked for
_writing = Lock()


def main() -> None:
    """Reads the options and does what is asked for."""
    options = read_options()
    if options.command == "list":
        for name, assignments in TRIALS.items():
            print(f"{name}: {' '.join(assignments) or '-'}")
        print(f"taken out after {LAST_WITH_ALL}: {' '.join(TAKEN_OUT)}")
    elif options.command == "tables":
        write_tables()
    elif options.command == "divide":
        divide(options.given, options.out, options.classes)
    elif options.command == "child":
        train_trial(options, options.trials[0], int(options.seeds))
    else:
        run(options)


def read_options() -> argparse.Namespace:
    """The command and what it is told."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    commands.add_parser("tables")
    one = commands.add_parser("divide")
    one.add_argument("given", type=Path)
    one.add_argument("out", type=Path)
    one.add_argument("--classes", type=int)
    for name in ("run", "child"):
        one = commands.add_parser(name)
        one.add_argument("data", type=Path)
        one.add_argument("folder", type=Path)
        one.add_argument("trials", nargs="+", choices=TRIALS, metavar="TRIAL")
        one.add_argument("--images", type=int)
        one.add_argument("--minutes", type=float)
        one.add_argument("--size", type=int, default=32)
        one.add_argument("--seeds", default="0")
        one.add_argument("--at-once", type=int, default=1)
        one.add_argument("--pairs-of", type=Path)
        one.add_argument("--machine", default="", metavar="NAME")
    options = parser.parse_args()
    if "trials" in options:
        options.pairs_of = options.pairs_of or options.data
        if not (options.images or options.minutes):
            options.images = DEFAULT_IMAGES
    return options


def run(options: argparse.Namespace) -> None:
    """Every trial with every seed, each in a process of its own."""
    wanted = [(t, int(s)) for t in options.trials for s in options.seeds.split(",")]
    with ThreadPoolExecutor(options.at_once) as pool:
        list(pool.map(lambda task: run_one(options, *task), wanted))


def run_one(options: argparse.Namespace, trial: str, seed: int) -> None:
    """Trains one trial, if it is not in the results, and adds it."""
    key = "/".join(_parts(options, trial, seed))
    before = read_results().get(key)
    if before and before.get("pairs", options.data.stem) != options.pairs_of.stem:
        print(f"{key} is there, measured on the pairs of {before['pairs']}", file=sys.stderr)
        return
    if before and _is_done(before, options):
        print(f"{key} is in docs/recipe.json; `--machine NAME` trains it again, beside that one")
        return
    out = _run_folder(options, trial, seed)
    if train_child(options, trial, seed, out.with_suffix(".log")):
        print(f"{key} failed: see {out.with_suffix('.log')}", file=sys.stderr)
        return
    lines = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    images, minutes = _so_far(_coarse_folder(out))
    entry = {
        "settings": TRIALS[trial],
        "commit": _commit(),
        "classes": len(json.loads((out / "run.json").read_text())["classes"]),
        "pairs": options.pairs_of.stem,
        "curve": list(_curve(lines, images, minutes)),
    }
    with _writing:
        write_results(read_results() | {key: entry})
    last = entry["curve"][-1]
    print(f"{key} {last['images']:,} images {last['minutes']:.1f} min {last['error']:.4f}")


def train_child(options: argparse.Namespace, trial: str, seed: int, log: Path) -> int:
    """Trains in a process of its own, of one thread; its exit code."""
    command = [sys.executable, __file__, "child", options.data, options.folder, trial]
    command += ["--size", options.size, "--seeds", seed, "--pairs-of", options.pairs_of]
    command += ["--machine", options.machine]
    for name in ("images", "minutes"):
        if limit := getattr(options, name):
            command += [f"--{name}", limit]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        return subprocess.run(
            list(map(str, command)),
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=file,
            stderr=file,
        ).returncode


def train_trial(options: argparse.Namespace, trial: str, seed: int) -> None:
    """The training itself; what is measured goes to its metrics.jsonl."""
    out, size = _run_folder(options, trial, seed), options.size
    settings = trial_settings(trial, size, seed, options.images)
    parent, minutes = None, options.minutes
    if share := COARSE_SHARES.get(trial):
        if not minutes:
            raise SystemExit(f"`{trial}` divides its time: say how much with --minutes")
        parent = _coarse_folder(out)
        coarse = merged(settings, {"model": {"image_size": size // 2}})
        _train_for(share * minutes, options.data, parent, coarse)
        minutes *= 1 - share
    truth = Truth(options.pairs_of, build_config(merged(settings, {"model": {"num_classes": 2}})))
    _train_for(minutes, options.data, out, settings, from_model=parent, on_snapshot=truth)


def _train_for(
    minutes: float | None, data: Path, out: Path, settings: Settings, **more: Any
) -> None:
    """Trains for so long over all calls: one that was ended goes on for what is left."""
    if minutes:
        left = minutes - _so_far(out)[1]
        settings = merged(settings, {"training": {"max_minutes": max(left, 0.001)}})
    train(data, out, settings, preset="small", **more)


def _so_far(run: Path) -> tuple[int, float]:
    """Images seen and minutes of a run; none where there is no run."""
    checkpoint = latest_checkpoint(run / "checkpoints", print)
    return (checkpoint.images, checkpoint.state()["minutes"]) if checkpoint else (0, 0.0)


def trial_settings(trial: str, size: int, seed: int, images: int | None) -> Settings:
    """All settings of a trial; smaller images are halved less often, to the same 8 positions."""
    fewer = {64: 0, 32: 1}[size]
    by_size = {
        "model": {
            "image_size": size,
            "num_halvings": 3 - fewer,
            "class_encoder_halvings": 4 - fewer,
            "discriminator_halvings": 3 - fewer,
        },
        "training": {
            "seed": seed,
            "num_threads": 1,
            "max_images": images,
            "sample_every_images": 2_500,
            "checkpoint_every_images": 5_000,
        },
    }
    return merged(preset("small"), by_size, parse_assignments(TRIALS[trial]))


class Truth:
    """Measures a generator with these settings against the truth on the unseen classes."""

    def __init__(self, data: Path, config: Config) -> None:
        self.config, size = config, config.model.image_size
        packed = packed_for(data, size, (255, 255, 255))
        chosen = choose_pairs(packed, "unseen", NUM_PAIRS, SHOTS, SEED)
        loaded = list(load_pairs(packed, chosen, size, SHOTS, 50))
        self.chunks = [some for _, some in loaded]
        numbers = np.concatenate([numbers for numbers, _ in loaded])
        targets = numbers % len(packed.part("unseen"))  # they take turns
        self.of_class = [targets == target for target in np.unique(targets)]
        self.copying = np.concatenate(
            [l1(some.content, some.truth, some.foreground) for some in self.chunks]
        )

    def __call__(self, generator: Generator) -> dict[str, Any]:
        """The error as a ratio to copying, with its 95% interval, and that of each class."""
        translator = Translator(TorchEngine(generator), self.config)
        errors = np.concatenate(
            [
                l1(translations(translator, some), some.truth, some.foreground)
                for some in self.chunks
            ]
        )
        low, high = bootstrap_ratio(errors, self.copying, SEED)
        copying = self.copying.mean()
        return {
            "error": float(errors.mean() / copying),
            "low": low,
            "high": high,
            "by_class": [round(float(errors[of].mean() / copying), 4) for of in self.of_class],
        }


def _curve(
    lines: Iterable[dict[str, Any]], images: int, minutes: float
) -> Iterable[dict[str, Any]]:
    """What was measured, after so many images and minutes of the coarse run."""
    now = minutes
    for line in lines:
        now = minutes + line["minutes"] if "minutes" in line else now
        if "s/error" in line:
            rounded = {name: round(line[f"s/{name}"], 5) for name in ("error", "low", "high")}
            by_class = {name: line[f"s/{name}"] for name in ("by_class",) if f"s/{name}" in line}
            yield {"images": images + line["images"], "minutes": now} | rounded | by_class


def _is_done(entry: Entry, options: argparse.Namespace) -> bool:
    """Whether it stands where one of the limits would end it."""
    last = entry["curve"][-1]
    limits = {name: getattr(options, name) for name in ("images", "minutes")}
    return any(limit and last[name] >= limit for name, limit in limits.items())


def _parts(options: argparse.Namespace, trial: str, seed: int) -> list[str]:
    """Of its key in the results, and of its folder's name: no machine goes on with another's."""
    parts = [trial, f"{options.size}px", options.data.stem, f"seed{seed}", options.machine]
    return [part for part in parts if part]


def _run_folder(options: argparse.Namespace, trial: str, seed: int) -> Path:
    return options.folder / "-".join(_parts(options, trial, seed))


def _coarse_folder(out: Path) -> Path:
    return out.with_name(f"{out.name}-coarse")


def _commit() -> str:
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
