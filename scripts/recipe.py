"""The trials of the recipe: short trainings that differ in one thing, beside each other.

    python scripts/recipe.py divide LPC.zip DEV.zip        # 30 seen classes kept back to choose by
    python scripts/recipe.py run DEV.zip FOLDER TRIAL... [--images N] [--size 32] [--seeds 0,1]
    python scripts/recipe.py list
    python scripts/recipe.py tables                        # docs/recipe.md, from the JSON

`run` trains each trial for the same number of images, one thread each, as many at once as asked,
and adds its curve to docs/recipe.json: error of unseen classes against images seen and minutes. A
run that stands there with as many images is not made again. What is measured while it trains is
`l1_foreground` with five examples, as a ratio to copying the content image.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from recipe_trials import PLOTTED, QUESTIONS, TRIALS

from funit.config import Settings, merged, parse_assignments, preset
from funit.data.images import to_signed
from funit.data.packed import packed_for
from funit.evaluation.metrics import Images, bootstrap_ratio, l1
from funit.evaluation.pairs import Pairs, choose_pairs, load_pairs
from funit.home import whole_file
from funit.model.generator import Generator
from funit.training.trainer import train

DOCS = Path(__file__).parent.parent / "docs"
RESULTS, PAGE, PLOT = DOCS / "recipe.json", DOCS / "recipe.md", DOCS / "images" / "recipe.png"
START, END = "<!-- trials -->", "<!-- /trials -->"
NUM_KEPT_BACK, NUM_PAIRS, SHOTS, SEED = 30, 300, 5, 0
_writing = Lock()

Entries = Mapping[str, Any]  # by trial/size/data/seed: settings, commit, curve


def main() -> None:
    """Reads the options and does what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    commands.add_parser("tables")
    one = commands.add_parser("divide")
    one.add_argument("lpc", type=Path)
    one.add_argument("out", type=Path)
    for name in ("run", "child"):
        one = commands.add_parser(name)
        one.add_argument("data", type=Path)
        one.add_argument("folder", type=Path)
        one.add_argument("trials", nargs="+")
        one.add_argument("--images", type=int, default=20_000)
        one.add_argument("--minutes", type=float)
        one.add_argument("--size", type=int, default=32)
        one.add_argument("--seeds", default="0")
        one.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    if options.command == "list":
        for name, assignments in TRIALS.items():
            print(f"{name}: {' '.join(assignments) or '-'}")
    elif options.command == "tables":
        write_tables()
    elif options.command == "divide":
        divide(options.lpc, options.out)
    elif options.command == "child":
        train_trial(options, options.trials[0], int(options.seeds))
    else:
        run(options)


def divide(lpc: Path, out: Path) -> None:
    """The seen classes alone, some of them as unseen ones: choosing must not look at the others."""
    with zipfile.ZipFile(lpc) as given, zipfile.ZipFile(out, "w") as divided:
        seen = [name for name in given.namelist() if name.startswith("seen/") and name[-1] != "/"]
        classes = sorted({name.split("/")[1] for name in seen})
        kept_back = set(random.Random(SEED).sample(classes, NUM_KEPT_BACK))
        for name in seen:
            cls = name.split("/")[1]
            part = "unseen" if cls in kept_back else "seen"
            divided.writestr(part + name.removeprefix("seen"), given.read(name))


def run(options: argparse.Namespace) -> None:
    """Every trial with every seed, each in a process of its own."""
    wanted = [(t, int(s)) for t in options.trials for s in options.seeds.split(",")]
    with ThreadPoolExecutor(options.at_once) as pool:
        list(pool.map(lambda task: run_one(options, *task), wanted))


def run_one(options: argparse.Namespace, trial: str, seed: int) -> None:
    """Trains one trial, if it is not in the results, and adds it."""
    key = f"{trial}/{options.size}px/{options.data.stem}/seed{seed}"
    before = _results().get(key)
    if before and not options.minutes and before["curve"][-1]["images"] >= options.images:
        return
    command = [sys.executable, __file__, "child", str(options.data), str(options.folder), trial]
    command += ["--images", str(options.images), "--size", str(options.size), "--seeds", str(seed)]
    if options.minutes:
        command += ["--minutes", str(options.minutes)]
    log = options.folder / f"{_folder(trial, options.size, seed)}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        done = subprocess.run(
            command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=file, stderr=file
        )
    if done.returncode:
        print(f"{key} failed: see {log}", file=sys.stderr)
        return
    path = options.folder / _folder(trial, options.size, seed) / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    entry = {"settings": TRIALS[trial], "commit": _commit(), "curve": list(_curve(lines))}
    with _writing:
        results = _results() | {key: entry}
        with whole_file(RESULTS) as temporary:
            temporary.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    last = entry["curve"][-1]
    print(f"{key} {last['images']:,} images {last['minutes']:.1f} min {last['error']:.4f}")


def train_trial(options: argparse.Namespace, trial: str, seed: int) -> None:
    """The training itself; what is measured goes to its metrics.jsonl."""
    settings = trial_settings(trial, options.size, seed, options.images)
    if options.minutes:
        settings = merged(settings, {"training": {"max_minutes": options.minutes}})
    train(
        options.data,
        options.folder / _folder(trial, options.size, seed),
        settings,
        preset="small",
        on_snapshot=Truth(options.data, options.size),
    )


def trial_settings(trial: str, size: int, seed: int, images: int) -> Settings:
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
    """Measures a generator against the truth on the unseen classes."""

    def __init__(self, data: Path, size: int) -> None:
        packed = packed_for(data, size, (255, 255, 255))
        chosen = choose_pairs(packed, "unseen", NUM_PAIRS, SHOTS, SEED)
        self.chunks = [some for _, some in load_pairs(packed, chosen, size, SHOTS, 50)]
        self.copying = np.concatenate(
            [l1(some.content, some.truth, some.foreground) for some in self.chunks]
        )

    def __call__(self, generator: Generator) -> dict[str, float]:
        """The error as a ratio to copying, with its 95% interval."""
        errors = np.concatenate(
            [
                l1(_translations(generator, some), some.truth, some.foreground)
                for some in self.chunks
            ]
        )
        low, high = bootstrap_ratio(errors, self.copying, SEED)
        return {"error": float(errors.mean() / self.copying.mean()), "low": low, "high": high}


def _translations(generator: Generator, pairs: Pairs) -> Images:
    with torch.inference_mode():
        drawn = generator(_tensor(pairs.content), _tensor(pairs.examples))
    return ((drawn + 1) * 127.5).round().to(torch.uint8).movedim(1, -1).numpy()


def _tensor(images: Images) -> torch.Tensor:
    """(..., H, W, 3) -> (..., 3, H, W)"""
    return torch.from_numpy(to_signed(images)).movedim(-1, -3)


def write_tables() -> None:
    """Puts a table for each question, and the curves, into docs/recipe.md."""
    entries = _results()
    text = PAGE.read_text()
    before, after = text.split(START)[0], text.split(END)[1]
    tables = "\n".join(_table(question, names, entries) for question, names in QUESTIONS.items())
    PAGE.write_text(f"{before}{START}\n\n{tables}\n{END}{after}")
    _plot(entries)


def _table(question: str, names: Sequence[str], entries: Entries) -> str:
    rows = [
        f"### {question}\n",
        "| trial | data | images | minutes | error | 95% |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        for key, entry in entries.items():
            trial, size, data, seed = key.split("/")
            if trial == name:
                last = entry["curve"][-1]
                rows.append(
                    f"| `{name}` | {data}, {size}, {seed.replace('seed', 'seed ')} "
                    f"| {last['images']:,} | {last['minutes']:.1f} | {last['error']:.3f} "
                    f"| {last['low']:.3f} to {last['high']:.3f} |"
                )
    return "\n".join(rows) + "\n"


def _plot(entries: Entries) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True)
    for axis, unit in zip(axes, ("images", "minutes"), strict=True):
        for key, entry in entries.items():
            if key.split("/")[0] in PLOTTED:
                xs, ys = zip(*((p[unit], p["error"]) for p in entry["curve"]), strict=True)
                axis.plot(xs, ys, label=key.replace("/", ", "))
        axis.set_xlabel(f"{unit} of training")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("error, as a ratio to copying")
    axes[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(PLOT, dpi=100)


def _curve(lines: Iterable[dict[str, float]]) -> Iterable[dict[str, float]]:
    minutes = 0.0
    for line in lines:
        minutes = line.get("minutes", minutes)
        if "s/error" in line:
            yield {"images": line["images"], "minutes": minutes} | {
                name: round(line[f"s/{name}"], 5) for name in ("error", "low", "high")
            }


def _folder(trial: str, size: int, seed: int) -> str:
    return f"{trial}-{size}px-seed{seed}"


def _results() -> dict[str, Any]:
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def _commit() -> str:
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
