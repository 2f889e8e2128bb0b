"""Trains on a lent GPU in slices: data are packed here, learned from there, and joined here again.

    python scripts/train_on_gpu.py pack CARRY sprites-64=lpc.zip butterflies-128=butterflies.zip
    python scripts/train_on_gpu.py run STEP CARRY WORK --out OUT [--max-minutes 8.5]
    python scripts/train_on_gpu.py join OUT/STEP MODEL
    python scripts/train_on_gpu.py rehearse FOLDER     # all of it on a CPU, tiny, in a minute

CARRY is what the machine is given, in all less than 60 MiB. `run` ends in time; the same command
goes on where it stopped while WORK is there. OUT/STEP gets curves, samples, metrics.jsonl,
summary.json and the weights in 16 bits in parts, each file less than 16 MiB, eight at most. Where
WORK is lost with its machine, `join` into CARRY/STEP: the next slices begin with these weights.
"""

import argparse
import hashlib
import json
import lzma
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from funit.benchmark.bench import run_bench
from funit.benchmark.workbench import Scale
from funit.config import Settings, build_config, merged, preset
from funit.data.catalog import read_catalog
from funit.data.menagerie import write_menagerie
from funit.data.packed import SUFFIX, pack
from funit.errors import UserError
from funit.evaluation.report import about
from funit.fine_tuning import train
from funit.home import whole_file
from funit.model_folder import ModelFolder, ModelInfo, open_model, open_run, save_model, write_about

ROOT = Path(__file__).parent.parent
MAX_CARRIED = 60 * 2**20  # bytes
PART_SIZE, MAX_FILES = 15 * 2**20, 8
NUM_UNSEEN_IMAGES = 8  # of each unseen class: samples alone are drawn of them
MINUTES_FOR_RESULTS = 0.3
COMPRESSED = f"{SUFFIX}.xz"


@dataclass(frozen=True)
class Step:
    """A training of the campaign."""

    settings: Settings
    """Over the preset `small`."""
    is_photos: bool = False
    """Its files stay as they are, since JPEG is smaller than what is packed and compressed."""


_COMMON: Settings = {
    "model": {"base_channels": 32, "mlp_size": 256, "discriminator_channels": 32},
    "training": {
        "batch_size": 32,
        "precision": "bf16",
        "average_half_life": 20_000,
        "log_every_images": 10_000,
        "sample_every_images": 100_000,
        "checkpoint_every_images": 50_000,
    },
}
TRAININGS: Mapping[str, Step] = {
    "sprites-64": Step(
        {
            # 28, so that its gallery fits into the 16 MB, too
            "model": {"base_channels": 28, "discriminator_max_channels": 256},
            "data": {"recolour": False, "bend": 0.0, "turn_hues": 0.5, "mix_classes": 0.5},
            "training": {
                "back_translation": 0.0,
                "twins": 1.0,
                "twins_among": 4,
                "twins_from_images": 50_000,
                "twins_every_images": 300_000,
                "learning_rate_decay_images": 2_000_000,
                "max_images": 2_000_000,
            },
        }
    ),
    "butterflies-128": Step(
        {
            "model": {
                "image_size": 128,
                "plain_background": False,
                "discriminator_halvings": 4,
                "discriminator_max_channels": 512,
            },
            "data": {"recolour": False, "resize_ratio": 140 / 128},
            "training": {"adversarial_from_images": 20_000, "max_images": 1_000_000},
        },
        is_photos=True,
    ),
}
TESTS, BENCH = "tests", "bench"
STEPS = (TESTS, BENCH, *TRAININGS)  # what is tested first says what the rest is worth

_TINY_MODEL: Settings = {
    "image_size": 16,
    "base_channels": 4,
    "num_halvings": 2,
    "class_encoder_halvings": 3,
    "mlp_size": 8,
    "attention_channels": 4,
    "discriminator_channels": 4,
    "discriminator_halvings": 2,
}
TINY: Settings = {
    "model": _TINY_MODEL,
    "data": {"resize_ratio": 1.0},
    "training": {
        "batch_size": 4,
        "twins_from_images": 8,
        "adversarial_from_images": 8,
        "max_images": 24,
        "log_every_images": 4,
        "sample_every_images": 12,
        "checkpoint_every_images": 12,
        "num_threads": 1,
        "device": "cpu",
    },
}


@dataclass(frozen=True)
class Campaign:
    """Where everything is, and what lies over the settings of every step."""

    carry: Path
    work: Path
    out: Path
    over: Settings = field(default_factory=dict)
    scale: Scale = field(default_factory=Scale)
    max_minutes: float = 8.5
    started: float = field(default_factory=time.monotonic)

    @property
    def is_rehearsed(self) -> bool:
        """Whether there is no GPU to be tested."""
        return bool(self.over)

    def settings(self, name: str) -> Settings:
        """Those of a training, over the preset `small`."""
        return merged(_COMMON, TRAININGS[name].settings, self.over)

    def minutes_left(self) -> float:
        """Until results must be written."""
        passed = (time.monotonic() - self.started) / 60
        return self.max_minutes - passed - MINUTES_FOR_RESULTS


def main() -> None:
    """Reads the options and does what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("pack")
    one.add_argument("carry", type=Path)
    one.add_argument("data", nargs="+", metavar="STEP=DATA.zip")
    one = commands.add_parser("run")
    one.add_argument("step", choices=STEPS)
    one.add_argument("carry", type=Path)
    one.add_argument("work", type=Path)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--max-minutes", type=float, default=8.5)
    one = commands.add_parser("join")
    one.add_argument("results", type=Path)
    one.add_argument("model", type=Path)
    one = commands.add_parser("rehearse")
    one.add_argument("folder", type=Path)
    options = parser.parse_args()
    try:
        do(options)
    except UserError as error:
        sys.exit(f"Error: {error}\n\nhint: {error.hint}")


def do(options: argparse.Namespace) -> None:
    """One of the four commands."""
    if options.command == "pack":
        pairs = (given.partition("=")[::2] for given in options.data)
        pack_all(options.carry, {name: Path(path) for name, path in pairs})
    elif options.command == "run":
        campaign = Campaign(
            options.carry, options.work, options.out, max_minutes=options.max_minutes
        )
        run(campaign, options.step)
    elif options.command == "join":
        print(join(options.results, options.model).path)
    else:
        rehearse(options.folder)


# ---------------------------------------------------------------- before: packing


def pack_all(carry: Path, data: Mapping[str, Path], over: Settings | None = None) -> None:
    """Writes the data of each training into CARRY; raises UserError where they are too large."""
    carry.mkdir(parents=True, exist_ok=True)
    for name, path in data.items():
        if name not in TRAININGS:
            raise UserError(
                f"no training is called `{name}`", hint=f"there are {', '.join(TRAININGS)}"
            )
        settings = merged(preset("small"), _COMMON, TRAININGS[name].settings, over or {})
        _pack(carry, name, path, settings)
    sizes = {path.name: path.stat().st_size for path in sorted(carry.rglob("*")) if path.is_file()}
    for file, size in sizes.items():
        print(f"{size / 2**20:6.1f} MiB  {file}")
    if (total := sum(sizes.values())) > MAX_CARRIED:
        raise UserError(
            f"`{carry}` has {total / 2**20:.1f} MiB; {MAX_CARRIED / 2**20:.0f} can be carried",
            hint="carry the data of one training at a time",
        )


def _pack(carry: Path, name: str, data: Path, settings: Settings) -> None:
    thinned = carry / f"{name}.zip"
    _thin_out(data, thinned)
    if TRAININGS[name].is_photos:
        return
    checked = build_config(merged({"model": {"num_classes": 2}}, settings))
    size = round(checked.data.resize_ratio * checked.model.image_size)
    packed = pack(read_catalog(thinned), size, carry / f"{name}{SUFFIX}", checked.data.background)
    with whole_file(carry / f"{name}{COMPRESSED}") as temporary:  # drawn frames repeat
        temporary.write_bytes(lzma.compress(packed.path.read_bytes(), preset=1))
    packed.path.unlink()
    thinned.unlink()


def _thin_out(data: Path, out: Path) -> None:
    """The images as they are, but few of each unseen class."""
    taken: Counter[str] = Counter()
    with (
        zipfile.ZipFile(data) as given,
        whole_file(out) as temporary,
        zipfile.ZipFile(temporary, "w") as thinned,
    ):
        for name in sorted(given.namelist()):
            folder, _, file = name.rpartition("/")
            taken[folder] += bool(file)
            is_wanted = folder.startswith("seen/") or taken[folder] <= NUM_UNSEEN_IMAGES
            if folder and file and is_wanted:
                thinned.writestr(name, given.read(name))


# ------------------------------------------------------------------ there: slices


def run(campaign: Campaign, name: str) -> None:
    """One slice of a step, and what it has to show in OUT/STEP."""
    results = campaign.out / name
    results.mkdir(parents=True, exist_ok=True)
    campaign.work.mkdir(parents=True, exist_ok=True)
    if name == TESTS:
        run_tests(campaign, results)
    elif name == BENCH:
        run_benchmark(campaign, results)
    else:
        run_training(campaign, name, results)
    files = list(results.iterdir())
    assert len(files) <= MAX_FILES, "more files than come back"
    for file in sorted(files):
        print(f"{file.stat().st_size:12,}  {file}")


def run_tests(campaign: Campaign, results: Path) -> None:
    """The tests that need a GPU; in a rehearsal they are counted alone."""
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider", "tests"]
    command += ["--collect-only"] if campaign.is_rehearsed else []
    with (results / "log.txt").open("w") as log:
        limit = max(60 * campaign.minutes_left(), 1)
        done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, timeout=limit)
    print(f"the tests ended with {done.returncode}")


def run_benchmark(campaign: Campaign, results: Path) -> None:
    """`funit bench --what gpu`, one size after the other; those that are measured stay."""
    for size in campaign.scale.gpu_sizes:
        path = campaign.work / f"bench-{size}.json"
        if not path.exists():
            if campaign.minutes_left() <= 0:
                break
            found = run_bench(("gpu",), replace(campaign.scale, gpu_sizes=(size,)))
            found.write(path)
        shutil.copyfile(path, results / path.name)


def run_training(campaign: Campaign, name: str, results: Path) -> None:
    """Goes on with a training until the slice is over, and writes what it has learned."""
    data, path = _data(campaign, name), campaign.work / name
    parent = campaign.carry / name
    limit = {"training": {"max_minutes": max(campaign.minutes_left(), 0.01)}}
    train(
        data,
        path,
        merged(campaign.settings(name), limit),
        preset="small",
        from_model=parent if parent.exists() else None,
        command=f"scripts/train_on_gpu.py run {name}",
    )
    for file in ("curves.png", "metrics.jsonl"):
        shutil.copyfile(path / file, results / file)
    shutil.copyfile(max((path / "samples").iterdir()), results / "samples.png")
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    _write_results(open_run(path), name, lines, results)


def _data(campaign: Campaign, name: str) -> Path:
    """The photos as they were carried, or the packed file, unpacked once."""
    if TRAININGS[name].is_photos:
        return campaign.carry / f"{name}.zip"
    packed = campaign.work / f"{name}{SUFFIX}"
    if not packed.exists():
        with whole_file(packed) as temporary:
            compressed = campaign.carry / f"{name}{COMPRESSED}"
            with lzma.open(compressed) as given, temporary.open("wb") as out:
                shutil.copyfileobj(given, out)
    return packed


def _write_results(
    found: ModelFolder, name: str, lines: Sequence[Mapping[str, Any]], results: Path
) -> None:
    """The weights of the moving average in parts, and summary.json, by which they are joined."""
    folder = results / "model"
    config, training = found.info.config, found.info.training
    info = save_model(folder, found.tensors(), config, name=name, version=1, training=training)
    for old in results.glob("weights.*"):
        old.unlink()
    content = (folder / "weights.safetensors").read_bytes()
    parts = []
    for start in range(0, len(content), PART_SIZE):
        part = results / f"weights.{len(parts)}"
        part.write_bytes(content[start : start + PART_SIZE])
        parts.append(part.name)
    shutil.rmtree(folder)
    described = about(config.training.seed, {}, training.data["fingerprint"])
    rates = [line["images_per_second"] for line in lines if "images_per_second" in line]
    memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    summary = {
        "step": name,
        "images": training.images,
        "minutes": training.minutes,
        "is_finished": training.images >= (config.training.max_images or 0),
        "pairs_per_second": statistics.median(rates[-20:]) if rates else None,
        "gpu_bytes_at_most": memory,
        "version": described["version"],
        "commit": described["commit"],
        "machine": described["machine"],
        "parts": parts,
        "model": info.model_dump(mode="json"),
    }
    (results / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(json.dumps({key: summary[key] for key in ("images", "minutes", "pairs_per_second")}))


# ------------------------------------------------------------------ after: joining


def join(results: Path, folder: Path) -> ModelFolder:
    """Puts the parts in OUT/STEP together as a model folder; raises UserError where one is bad."""
    summary = json.loads((results / "summary.json").read_text())
    info = ModelInfo.model_validate(summary["model"])
    content = b"".join((results / part).read_bytes() for part in summary["parts"])
    if hashlib.sha256(content).hexdigest() != info.weights_sha256:
        raise UserError(
            f"the weights in `{results}` are not those that were written", hint="fetch them again"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(content)
    write_about(folder, info)
    return open_model(folder)


# --------------------------------------------------------------------- a rehearsal


def rehearse(folder: Path) -> None:
    """Every step on a CPU, tiny, each training in two slices, with creatures for data."""
    for part, classes, seed in (("seen", 6, 1), ("unseen", 2, 2)):
        write_menagerie(folder / "data" / part, classes, 5, 16, seed)
    archive = Path(shutil.make_archive(str(folder / "data"), "zip", folder / "data"))
    pack_all(folder / "carry", dict.fromkeys(TRAININGS, archive), TINY)
    tiny = build_config(merged({"model": {"num_classes": 2}}, {"model": _TINY_MODEL}))
    scale = Scale(tiny, gpu_sizes=(16,), gpu_bases=(4,), gpu_batch=2, gpu_matrix=64, gpu_rounds=1)
    for images in (12, 24):
        over = merged(TINY, {"training": {"max_images": images}})
        places = (folder / name for name in ("carry", "work", "out"))
        campaign = Campaign(*places, over=over, scale=scale)
        for name in STEPS if images == 12 else TRAININGS:
            print(f"{name}, {images} images")
            run(campaign, name)
    for name in TRAININGS:
        print(f"joined {join(folder / 'out' / name, folder / 'models' / name).path}")


if __name__ == "__main__":
    main()
