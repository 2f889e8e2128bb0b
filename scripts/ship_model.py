"""Makes a run's average generator a model inside the package, with scores, a gallery and a card.

    python scripts/ship_model.py RUN --name default
    python scripts/ship_model.py RUN --name sprites --data lpc.zip
    python scripts/ship_model.py --rebuild default

`default` is measured by `funit demo`, with creatures drawn anew; `sprites` by the evaluation on the
unseen classes of DATA, whose AUTHORS.txt has the credits. A model that is there already is replaced
only by a better one, unless --force is given: of a lower error on the foreground with five
examples; or of a lower perceptual distance there, at an error that is at most 3% higher, since of
two such pictures people take the sharper one.

--rebuild makes graphs, gallery, statistics, card and licence of a shipped model anew; its weights
stay, and its scores if evaluation.json is there. Where DATA is needed and not given, gallery,
statistics and licence stay.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from funit.config import Config
from funit.curator import NUM_LOOKS, Choice, choose_gallery
from funit.data.catalog import kept_back, read_catalog
from funit.data.menagerie import draw_species, write_menagerie
from funit.demo import MENAGERIE, SEED, run_demo
from funit.engines.choice import TORCH
from funit.evaluation.protocol import evaluate
from funit.evaluation.report import Report
from funit.model.code_statistics import CodeStatistics
from funit.model_folder import (
    ABOUT_FILE,
    GALLERY_FILE,
    LICENCE_FILE,
    open_model,
    save_model,
    write_about,
)
from funit.onnx_export import write_graphs
from funit.repository import SHIPPED, ModelRepository
from funit.statistics import NUM_IMAGES, code_statistics
from funit.translator import Translator

ROOT = Path(__file__).parent.parent
CARDS = ROOT / "scripts" / "cards"
MAX_BYTES = 16_000_000
EVALUATION_FILE, CURVES_FILE = "evaluation.json", "curves.png"
SHOTS = (1, 2, 5)
MEASURE, PERCEIVED = "l1_foreground", "perceptual_foreground_efficientnet_lite0"
SLACK = 0.03  # of the error, which is known to as much
KEPT_SCORES = ("l1", MEASURE, "psnr", "ssim", PERCEIVED)  # in model.json; the report has all

# The training data of `default`, as scripts/train_default.sh draws them
NUM_SPECIES, NUM_POSES, POSE_POOL, DATA_SEED = 2000, 36, 4000, 1
NUM_DRAWN, NUM_LOOK_POSES = 60, 16  # so many of them are drawn for the gallery


@dataclass(frozen=True)
class Recipe:
    """What is particular about a shipped model."""

    licence: str
    command: str
    """How it was made, in all its runs."""
    needs_data: bool
    """Whether its data cannot be drawn."""
    data: str
    """What its gallery says it is of."""
    choice: Choice


RECIPES = {
    "default": Recipe("Apache-2.0", "scripts/train_default.sh FOLDER", False, MENAGERIE, Choice()),
    "sprites": Recipe(
        "CC-BY-SA-3.0 OR GPL-3.0",
        "scripts/train_sprites.sh FOLDER LPC.zip",
        True,
        "lpc",
        Choice(rows=tuple(f"walk_{side}_0[1-8]" for side in "swne")),
    ),
}


def main() -> None:
    """Reads the options and ships the model."""
    options = read_options()
    name = options.rebuild or options.name
    with tempfile.TemporaryDirectory(dir=SHIPPED, prefix=".new-") as temporary:
        new, old = Path(temporary) / name, SHIPPED / name
        if options.rebuild:
            shutil.copytree(old, new)
        else:
            save(options, new)
        complete(new, RECIPES[name], options.data)
        is_measured = (new / EVALUATION_FILE).exists()
        if not is_measured and (options.data or not RECIPES[name].needs_data):
            score(new, RECIPES[name], options)
        check(new, old, options.force or bool(options.rebuild))
        shutil.rmtree(old, ignore_errors=True)
        new.rename(old)
    print(f"shipped {SHIPPED / name}")


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path, nargs="?", help="a run folder, or a checkpoint of one")
    parser.add_argument("--name", choices=sorted(RECIPES), default="default")
    parser.add_argument("--data", type=Path, help="for a model whose data cannot be drawn")
    parser.add_argument("--pairs", type=int, default=500, help="that are measured on DATA")
    parser.add_argument("--rebuild", choices=sorted(RECIPES), help="a model that is there")
    parser.add_argument("--force", action="store_true")
    options = parser.parse_args()
    if (options.run is None) == (options.rebuild is None):
        parser.error("give either RUN or --rebuild NAME")
    if options.run and RECIPES[options.name].needs_data and options.data is None:
        parser.error(f"`{options.name}` is measured on its data: give --data")
    return options


def save(options: argparse.Namespace, folder: Path) -> None:
    """Writes the run's newest average as a model folder."""
    found = ModelRepository().find(options.run)
    save_model(
        folder,
        found.tensors(),
        found.info.config,
        name=options.name,
        version=1,
        training=found.info.training,
        licence=RECIPES[options.name].licence,
    )
    for run in (found.path, found.path.absolute().parent.parent):  # a run, or its checkpoint
        if (run / CURVES_FILE).exists():
            shutil.copy(run / CURVES_FILE, folder / CURVES_FILE)
            break


def complete(folder: Path, recipe: Recipe, data: Path | None) -> None:
    """Adds graphs, gallery, statistics, card and licence to the weights in a folder."""
    found = open_model(folder)
    info = found.info
    notes = (CARDS / f"{info.name}.md").read_text()
    graphs = write_graphs(found.whole_weights(), info.config.model)
    changed: dict[str, Any] = {"notes": notes, "graphs": graphs, "licence": recipe.licence}
    changed["training"] = info.training.model_copy(update={"command": recipe.command})
    write_about(folder, info.model_copy(update=changed))
    if data or not recipe.needs_data:
        with gallery_data(recipe, info.config, data) as source:
            gallery = choose_gallery(folder, source, recipe.choice, recipe.data)
            changed["statistics"] = seen_statistics(folder, source)
        content = gallery.to_bytes()
        (folder / GALLERY_FILE).write_bytes(content)
        licence = licence_text(info.name, recipe, data)
        (folder / LICENCE_FILE).write_text(licence, encoding="utf-8")
        changed["gallery_sha256"] = hashlib.sha256(content).hexdigest()
    write_about(folder, info.model_copy(update=changed))


def seen_statistics(folder: Path, source: Path) -> CodeStatistics:
    """What is usual of the codes of seen classes."""
    catalog = read_catalog(source)
    files = [(cls, name) for cls, names in catalog.seen.items() for name in names]
    files = files[:: max(len(files) // NUM_IMAGES, 1)]
    images = [np.asarray(catalog.open_image("seen", cls, name)) for cls, name in files]
    return code_statistics(Translator.load(folder, "cpu", TORCH), images)


def score(folder: Path, recipe: Recipe, options: argparse.Namespace) -> None:
    """Measures the model as it is in the folder, and writes that down."""
    if recipe.needs_data:
        report = evaluate(
            [folder],
            options.data,
            part="unseen",
            shots=SHOTS,
            num_pairs=options.pairs,
            measures=(),
        )
        kept = [row for row in report.rows if row.metric in KEPT_SCORES]
    else:
        report = run_demo(folder, folder.parent / "demo")
        kept = list(report.rows)
    replace(report, classes=()).write(folder / EVALUATION_FILE)  # class by class it is large
    named(folder / EVALUATION_FILE, folder)
    scores = [asdict(row) for row in kept]
    rows = [row | {"model": folder.name} if row["model"] == str(folder) else row for row in scores]
    info = open_model(folder).info
    write_about(folder, info.model_copy(update={"scores": rows}))
    print_scores(report, str(folder))


def named(file: Path, folder: Path) -> None:
    """Calls the model by its name where a report has the folder that it was measured in."""
    file.write_text(file.read_text().replace(f'"{folder}"', f'"{folder.name}"'))


def print_scores(report: Report, model: str) -> None:
    """The error on the foreground, and its ratio to copying."""
    for shots in sorted({row.shots for row in report.rows if row.shots}):
        error = report.value(model, shots, MEASURE)
        copying = report.value("copy-content", shots, MEASURE)
        print(f"K = {shots}: {MEASURE} {error:.4f}, {error / copying:.3f} of copying")


def check(new: Path, old: Path, force: bool) -> None:
    """Ends the script when the model is too large, or no better than the one it would replace."""
    size = sum(path.stat().st_size for path in new.iterdir())
    print(f"{size:,} bytes, of which the gallery {(new / GALLERY_FILE).stat().st_size:,}")
    if size > MAX_BYTES:
        sys.exit(f"Error: the model has {size:,} bytes; {MAX_BYTES:,} are allowed")
    if (old / ABOUT_FILE).exists() and not force:
        scores, before = shipped_scores(new), shipped_scores(old)
        if not is_better(scores, before):
            found, there = in_words(scores), in_words(before)
            sys.exit(f"Error: {found}; the model that is there has {there}; see --force")


def in_words(scores: Mapping[str, float]) -> str:
    """`l1_foreground 0.1252, ...`"""
    return ", ".join(f"{name} {value:.4f}" for name, value in scores.items())


def is_better(scores: Mapping[str, float], before: Mapping[str, float]) -> bool:
    """Whether a model of these scores replaces one of those."""
    ratios = {name: scores[name] / before[name] for name in scores.keys() & before.keys()}
    return ratios[MEASURE] < 1 or (ratios[MEASURE] <= 1 + SLACK and ratios.get(PERCEIVED, 1) < 1)


def shipped_scores(folder: Path) -> dict[str, float]:
    """Those by which a model replaces another, with five examples."""
    return {
        row.metric: row.value
        for row in Report.read(folder / EVALUATION_FILE).rows
        if (row.model, row.shots) == (folder.name, 5) and row.metric in (MEASURE, PERCEIVED)
    }


# --------------------------------------------------------- what is not the model


@contextmanager
def gallery_data(recipe: Recipe, config: Config, data: Path | None) -> Iterator[Path]:
    """DATA with seen and unseen classes; creatures are drawn into a folder for a while."""
    if recipe.needs_data:
        assert data is not None
        yield data
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / MENAGERIE
        draw_creatures(folder, config)
        yield folder


def draw_creatures(folder: Path, config: Config) -> None:
    """Some of the species that the model was trained on, and some that the demo draws."""
    size = config.model.image_size
    write_menagerie(folder / "seen", NUM_DRAWN, NUM_POSES, size, DATA_SEED, pose_pool=POSE_POOL)
    names = [f"{i:04d}-{draw_species(DATA_SEED, i).name}" for i in range(NUM_SPECIES)]
    for name in kept_back(names, config.data.num_unseen, config.training.seed):
        shutil.rmtree(folder / "seen" / name, ignore_errors=True)
    write_menagerie(folder / "unseen", NUM_LOOKS, NUM_LOOK_POSES, size, SEED)
    for path in sorted((folder / "unseen").iterdir()):  # `0003-spotted-fox`: a seen one has 0003
        number, _, name = path.name.partition("-")
        again = (path.parent / name).exists()
        path.rename(path.with_name(f"{name}-{int(number)}" if again else name))


def licence_text(name: str, recipe: Recipe, data: Path | None) -> str:
    """The licence file: that of the code, or the terms and the credits that DATA has."""
    if not recipe.needs_data:
        return (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert data is not None
    terms = (CARDS / f"{name}-licence.txt").read_text(encoding="utf-8")
    credits_, upstream = texts_in(data, ("AUTHORS.txt", "UPSTREAM-README.md"))
    return "\n".join(
        [
            terms,
            f"{' AUTHORS.txt of the data ':-^80}\n",
            credits_,
            f"{' README of the collection that the data are from ':-^80}\n",
            upstream,
        ]
    )


def texts_in(data: Path, names: Sequence[str]) -> list[str]:
    """Text files at the top of DATA, a folder or a zip."""
    found = []
    for name in names:
        if data.is_dir():
            content = (data / name).read_bytes()
        else:
            with zipfile.ZipFile(data) as archive:
                content = archive.read(name)
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        found.append("\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n")
    return found


if __name__ == "__main__":
    main()
