"""`funit demo`: the shipped model on creatures of classes that it never saw.

Draws new species of the menagerie, shows the model examples of each, lets it redraw other
creatures' poses in their look, and compares with the true drawings and with the baselines.
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
from funit.evaluation.report import Report, about
from funit.translator import Translator

SEED = 20190505  # of the creatures; a training that used it would have seen them
SHOTS = (1, 5)
PART = "unseen"
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
    if out.exists() and not out.is_dir():
        raise UserError(f"`{out}` is a file", hint="give `--out` a folder")
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
