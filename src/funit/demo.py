"""`funit demo`: the shipped model on creatures of classes that it never saw.

Draws new species of the menagerie, shows the model examples of each, lets it redraw other
creatures' poses in their look, and compares with the true drawings and with the baselines. A model
of other things shows the poses and looks of its gallery, which need no picture.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from funit.data.images import WHITE, write_image
from funit.data.menagerie import MENAGERIE_VERSION, draw_pose, draw_species, render
from funit.errors import UserError
from funit.evaluation.baselines import BASELINES, baseline_images
from funit.evaluation.candidates import translations
from funit.evaluation.findings import Findings
from funit.evaluation.measured import truth_errors
from funit.evaluation.metrics import Images
from funit.evaluation.pairs import Pairs
from funit.evaluation.report import Report, Row, about
from funit.exhibition import gallery_sheet, write_look
from funit.gallery import Gallery
from funit.model_folder import ModelFolder
from funit.repository import ModelRepository
from funit.translator import Translator

SEED = 20190505  # of the creatures; a training that used it would have seen them
SHOTS = (1, 5)
PART = "unseen"
MENAGERIE = "menagerie"  # what a gallery says it is of, if it is of creatures
SHEET_FILE, SCORES_FILE = "contact-sheet.png", "scores.json"

# Of the contact sheet, pixels. A cell is at least twice the model's size.
CELL_SIZE, HEAD_SIZE, PADDING, GAP, MARGIN = 128, 40, 4, 20, 16
INK = (60, 60, 60)

Column = tuple[str, Images]  # its label, and an image for each row
Progress = Callable[[int, int], None]  # (images drawn, images in all)


@dataclass(frozen=True)
class DemoSize:
    """How much the demo draws: enough for steady scores, in a few seconds."""

    num_groups: int = 10
    """Of classes that share poses of their own, so that few drawings show many poses."""
    num_classes: int = 6
    """Of a group."""
    num_poses: int = 8
    """Of a group."""
    num_pairs: int = 200
    num_rows: int = 10
    """Of the contact sheet."""


FULL_SIZE = DemoSize()


def run_demo(
    model: str | Path,
    out: Path,
    size: DemoSize | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Report:
    """Writes the contact sheet and the scores of a model into a folder; returns the report."""
    size = size or FULL_SIZE
    _check_folder(out)
    translator = Translator.load(model, device)
    creatures = draw_creatures(size, translator.image_size, progress)
    pairs = choose_pairs(creatures, size.num_pairs, max(SHOTS))

    findings = Findings(PART, SEED)
    translated = []
    for shots in SHOTS:
        answers = _answers(str(model), translator, pairs.with_shots(shots))
        translated.append(answers[str(model)])
        for name, images in answers.items():
            for metric, values in truth_errors(images, pairs).items():
                findings.add_mean(name, shots, metric, values)

    report = Report(
        about(
            seed=SEED,
            config=translator.config.model_dump(mode="json"),
            fingerprint=f"menagerie {MENAGERIE_VERSION}, seed {SEED}",
        ),
        findings.rows,
    )
    write_image(contact_sheet(pairs, translated, size.num_rows), out / SHEET_FILE)
    report.write(out / SCORES_FILE)
    return report


def is_of_creatures(model: str | Path) -> bool:
    """Whether creatures show what a model can: unless its gallery is of something else."""
    path = ModelRepository().find(model).whole_gallery()
    return path is None or Gallery.read(path).data == MENAGERIE


def show_gallery(model: str | Path, out: Path, device: str = "auto") -> Report:
    """Writes a contact sheet of a model's gallery, and the scores that it was saved with."""
    _check_folder(out)
    folder = ModelRepository().find(model)
    sheet = gallery_sheet(Translator.of(folder, device), _gallery_of(folder))
    info = folder.info
    rows = [
        Row(**(row | {"model": str(model) if row["model"] == info.name else row["model"]}))
        for row in info.scores
        if row["part"] == PART
    ]
    described = about(
        seed=info.training.seed,
        config=info.config.model_dump(mode="json"),
        fingerprint=info.training.data.get("fingerprint", ""),
    )
    report = Report(described | {"measured": "before the model was saved"}, rows)
    write_image(sheet, out / SHEET_FILE)
    report.write(out / SCORES_FILE)
    return report


def show_look(model: str | Path, out: Path, look: str, device: str = "auto") -> list[Path]:
    """Draws a look of a model's gallery in all its poses; returns the files. Raises UserError."""
    _check_folder(out)
    folder = ModelRepository().find(model)
    gallery = _gallery_of(folder)
    index = gallery.look(look)
    return write_look(Translator.of(folder, device), gallery, index, out)


def _gallery_of(folder: ModelFolder) -> Gallery:
    path = folder.whole_gallery()
    if path is None:
        raise UserError(
            f"the model `{folder.info.name}` has no gallery of looks",
            hint="the models inside the package have one; `funit translate` needs none",
        )
    return Gallery.read(path)


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"`{out}` is a file", hint="give `--out` a folder")


def draw_creatures(size: DemoSize, image_size: int, progress: Progress | None = None) -> Images:
    """Each class of each group in each pose of its group: (groups, classes, poses, H, W, 3)."""
    shape = (size.num_groups, size.num_classes, size.num_poses)
    creatures = np.empty((*shape, image_size, image_size, 3), dtype=np.uint8)
    for done, (group, cls, pose) in enumerate(np.ndindex(shape), start=1):
        creatures[group, cls, pose] = render(
            draw_species(SEED, group * size.num_classes + cls),
            draw_pose(SEED, group * size.num_poses + pose),
            image_size,
        )
        if progress:
            progress(done, math.prod(shape))
    return creatures


def choose_pairs(creatures: Images, num_pairs: int, num_examples: int) -> Pairs:
    """Pairs of a content image and examples of another class, never in the content's pose."""
    num_groups, num_classes, num_poses = creatures.shape[:3]
    assert num_poses > num_examples, "examples have poses of their own"
    random = np.random.default_rng(SEED)
    chosen: list[tuple[Images, ...]] = []
    for index in range(num_pairs):  # each class is the target as often as the others
        group = creatures[index % num_groups]
        target = index // num_groups % num_classes
        source = (target + 1 + int(random.integers(num_classes - 1))) % num_classes
        pose, *shown = random.permutation(num_poses)[: num_examples + 1]
        chosen.append(
            (group[source, pose], group[target, shown], group[source, shown], group[target, pose])
        )
    return Pairs(*(np.stack(arrays) for arrays in zip(*chosen, strict=True)))


def contact_sheet(pairs: Pairs, translated: Sequence[Images], num_rows: int) -> Image.Image:
    """Rows of examples, pose, a translation for each number of examples, and truth; labelled."""
    truth = pairs.truth
    assert truth is not None  # drawn
    groups: list[list[Column]] = [
        [(f"example {k + 1}", pairs.examples[:, k]) for k in range(pairs.examples.shape[1])],
        [("pose", pairs.content)],
        [(_from(shots), images) for shots, images in zip(SHOTS, translated, strict=True)],
        [("truth", truth)],
    ]
    num_rows = min(num_rows, len(pairs.content))
    cell = pairs.content.shape[1] * max(2, CELL_SIZE // pairs.content.shape[1])
    lefts, width = _lefts([len(group) for group in groups], cell)
    sheet = Image.new("RGB", (width, HEAD_SIZE + num_rows * (cell + PADDING) + MARGIN), WHITE)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(cell / 8)
    for left, (label, images) in zip(lefts, (c for group in groups for c in group), strict=True):
        draw.text((left + cell / 2, HEAD_SIZE / 2), label, fill=INK, font=font, anchor="mm")
        for row in range(num_rows):
            picture = Image.fromarray(images[row]).resize((cell, cell), Image.Resampling.BICUBIC)
            sheet.paste(picture, (left, HEAD_SIZE + row * (cell + PADDING)))
    return sheet


def _lefts(group_sizes: Sequence[int], cell: int) -> tuple[list[int], int]:
    """Where each column of each group begins, and the width of the sheet."""
    lefts, left = [], MARGIN
    for num_columns in group_sizes:
        lefts += [left + i * (cell + PADDING) for i in range(num_columns)]
        left = lefts[-1] + cell + GAP
    return lefts, left - GAP + MARGIN


def _from(shots: int) -> str:
    return f"from {shots} example{'s' * (shots > 1)}"


def _answers(model: str, translator: Translator, pairs: Pairs) -> dict[str, Images]:
    """What the model and each baseline make of the pairs."""
    images = {model: translations(translator, pairs)}
    return images | {name: baseline_images(name, pairs) for name in BASELINES}
