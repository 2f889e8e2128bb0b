"""Shows whether every metric of `funit evaluate` moves the right way, on answers known to be bad.

    python scripts/show_damage.py [--classes 12] [--poses 40] [--pairs 480] [--seed 0] > table.md

Draws a new menagerie, half of its classes unseen, and measures the true answers, then the true
answers with ever more damage of one kind. Prints a Markdown table with a line for each grade and a
verdict for each kind; what is left out and why stands below. Takes 7 minutes on one core; FID needs
`--poses 120 --pairs 1440`, and `--measures distribution` then spares the rest.
"""

import argparse
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from funit.data.menagerie import write_menagerie
from funit.data.packed import Packed, PackedClass, packed_for
from funit.evaluation.baselines import BASELINES
from funit.evaluation.candidates import Baseline, Candidate
from funit.evaluation.findings import Findings
from funit.evaluation.judge import Judge
from funit.evaluation.measures import DEFAULT_NETWORK, MEASURES, better
from funit.evaluation.metrics import Images, l1
from funit.evaluation.pairs import Pair, Pairs, choose_pairs, real_image
from funit.evaluation.protocol import Test
from funit.evaluation.report import Row
from funit.feature_networks import feature_network

PART = "unseen"
TRUTH = "the truth"
SHOTS = 1  # the damage does not look at the examples

SHARES = (0.25, 0.5, 1.0)
GRADES: Mapping[str, Sequence[float]] = {
    "blur": (0.5, 1, 2),  # pixels of 64
    "noise": (8, 16, 32),  # of 255
    "wrong class": SHARES,
    "shuffled pose": SHARES,
    "mode collapse": (8, 3, 1),  # pictures of each class
    "training images": SHARES,
}
GRADE_NAMES = {
    "blur": "{:g} px",
    "noise": "{:g} of 255",
    "mode collapse": "{:g} a class",
}

RIGHT, UNEVEN, BLIND, WRONG = "**yes**", "mostly", "blind", "**WRONG**"

LEGEND = f"""\
{RIGHT}: the strongest grade is worse than the truth and their intervals do not meet; no grade is \
better than the one before by more than a hundredth of the whole change. {UNEVEN}: one is. \
{BLIND}: the intervals of the strongest grade and of the truth meet. {WRONG}: a grade is better \
than the truth and their intervals do not meet. Worse, of the spreads, is farther from 1."""

_ALLOWED_BACK = 0.01  # of the whole change


def main() -> None:
    """Reads the options and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--classes", type=int, default=12, help="unseen ones, and as many seen")
    parser.add_argument("--poses", type=int, default=40)
    parser.add_argument("--pairs", type=int, default=480)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measures", default=",".join(MEASURES))
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        packed = draw_zoo(Path(folder), options.classes, options.poses, options.size, options.seed)
        candidates = damaged(packed, options.size, options.seed)
        measures = options.measures.split(",")
        findings = measure_damage(
            candidates, packed, options.size, options.pairs, options.seed, measures
        )
    print(damage_table(findings))


def draw_zoo(folder: Path, num_classes: int, num_poses: int, size: int, seed: int) -> Packed:
    """As many seen as unseen classes, all in the same poses."""
    show = partial(show_progress, "drawing", total=2 * num_classes * num_poses)
    write_menagerie(folder / "zoo", 2 * num_classes, num_poses, size, seed, show)
    return packed_for(
        folder / "zoo", size, num_unseen=num_classes, seed=seed, cache_dir=folder / "packed"
    )


def measure_damage(
    candidates: Sequence[Candidate],
    packed: Packed,
    size: int,
    num_pairs: int,
    seed: int,
    measures: Sequence[str],
) -> Findings:
    """What the evaluation of the package says of them, and of the baselines."""
    findings = Findings(PART, seed)
    pairs = {SHOTS: choose_pairs(packed, PART, num_pairs, SHOTS, seed)}
    everyone = (*candidates, *map(Baseline, BASELINES))
    test = Test(everyone, packed, size, PART, pairs, measures, findings)
    test.run([Judge(feature_network(DEFAULT_NETWORK))], show_progress)
    return findings


def show_progress(what: str, done: int, total: int) -> None:
    """One line on stderr for each kind of work."""
    print(f"\r{what}: {done:,} of {total:,}", end="\n" * (done >= total), file=sys.stderr)


# The damage


@dataclass(frozen=True, eq=False)
class Damaged:
    """The true answers after some damage: what is measured, as a model would be."""

    name: str
    damage: Callable[[Pair, Images], Images]
    """One pair and its truth (H, W, 3) -> the answer."""
    about: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, pairs: Sequence[Pair], images: Pairs) -> Images:
        """The damaged truth of each pair."""
        assert images.truth is not None, "all creatures stand in the same poses"
        return np.stack([self.damage(*each) for each in zip(pairs, images.truth, strict=True)])


def damaged(packed: Packed, size: int, seed: int) -> list[Candidate]:
    """The truth, then each damage in each grade."""
    damages = Damages(packed, size, seed)
    known: dict[str, Callable[[Pair, Images, Any], Images]] = {
        "blur": damages.blur,
        "noise": damages.noise,
        "wrong class": damages.wrong_class,
        "shuffled pose": damages.shuffled_pose,
        "mode collapse": damages.mode_collapse,
        "training images": damages.training_images,
    }
    found: list[Candidate] = [Damaged(TRUTH, lambda _, truth: truth)]
    for kind, grades in GRADES.items():
        found += [
            Damaged(name_of(kind, grade), partial(known[kind], grade=grade)) for grade in grades
        ]
    return found


def name_of(kind: str, grade: float) -> str:
    """How a candidate is called."""
    return f"{kind}, {GRADE_NAMES.get(kind, '{:.0%}').format(grade)}"


class Damages:
    """What may be wrong with a translation.

    A damage follows from the pair alone. A larger share holds the pairs of a smaller one, more
    kept pictures the fewer.
    """

    def __init__(self, packed: Packed, size: int, seed: int) -> None:
        self._packed, self._size, self._seed = packed, size, seed
        self._targets, self._seen = packed.part(PART), packed.part("seen")

    def blur(self, pair: Pair, truth: Images, grade: float) -> Images:  # noqa: ARG002
        """A Gaussian of this deviation."""
        return np.asarray(Image.fromarray(truth).filter(ImageFilter.GaussianBlur(grade)))

    def noise(self, pair: Pair, truth: Images, grade: float) -> Images:
        """Gaussian noise of this deviation, for each true image its own."""
        random = self._random("noise", pair.target.name, pair.truth)
        noisy = truth + grade * random.standard_normal(truth.shape)
        return np.rint(noisy).clip(0, 255).astype(np.uint8)

    def wrong_class(self, pair: Pair, truth: Images, grade: float) -> Images:
        """A share shows another of the classes translated into, in the right pose."""
        random = self._random_of(pair, "class")
        if random.random() >= grade:
            return truth
        other = _one_of([cls for cls in self._targets if cls is not pair.target], random)
        return self._image(other, other.names.index(pair.source.names[pair.content]))

    def shuffled_pose(self, pair: Pair, truth: Images, grade: float) -> Images:
        """A share shows the right class in another pose."""
        random = self._random_of(pair, "pose")
        if random.random() >= grade:
            return truth
        poses = [i for i in range(len(pair.target)) if i != pair.truth]
        return self._image(pair.target, _one_of(poses, random))

    def mode_collapse(self, pair: Pair, truth: Images, grade: int) -> Images:
        """Only so many pictures of a class are ever shown: the one that is nearest."""
        order = np.random.default_rng([self._seed, 1]).permutation(len(pair.target))
        kept = np.stack([self._image(pair.target, int(i)) for i in order[:grade]])
        nearest: Images = kept[np.argmin(l1(kept, truth))]
        return nearest

    def training_images(self, pair: Pair, truth: Images, grade: float) -> Images:
        """A share shows an image of a seen class, in any pose."""
        random = self._random_of(pair, "copy")
        if random.random() >= grade:
            return truth
        seen = _one_of(self._seen, random)
        return self._image(seen, int(random.integers(len(seen))))

    def _random_of(self, pair: Pair, kind: str) -> np.random.Generator:
        return self._random(kind, pair.source.name, pair.content, pair.target.name)

    def _random(self, *words: object) -> np.random.Generator:
        return np.random.default_rng([self._seed, zlib.crc32(repr(words).encode())])

    def _image(self, cls: PackedClass, number: int) -> Images:
        return real_image(self._packed, cls, number, self._size)


def _one_of(choices: Sequence[Any], random: np.random.Generator) -> Any:
    return choices[int(random.integers(len(choices)))]


# The table


def damage_table(findings: Findings) -> str:
    """A line a damage and grade, a column a metric, a verdict a kind of damage; then the rest."""
    rows = {(row.model, short(row.metric)): row for row in findings.rows if is_shown(row)}
    metrics = list(dict.fromkeys(metric for _, metric in rows))

    def line(model: str) -> list[str]:
        return [model, *(cell(rows.get((model, metric))) for metric in metrics)]

    lines = [["", *(f"`{metric}`" for metric in metrics)], ["---"] * (1 + len(metrics))]
    lines.append(line(TRUTH))
    for kind, grades in GRADES.items():
        names = [name_of(kind, grade) for grade in grades]
        lines += [line(name) for name in names]
        each = [[rows.get((name, metric)) for name in (TRUTH, *names)] for metric in metrics]
        lines.append([f"*seen: {kind}?*", *map(verdict, metrics, each)])
    lines += [line(name) for name in BASELINES]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    left_out = [f"- `{item.metric}`: {item.reason}" for item in findings.left_out]
    warnings = [f"- {warning}" for warning in findings.warnings]
    rest = "\n".join(dict.fromkeys([*left_out, *warnings]))
    return "\n\n".join([table, LEGEND, *([rest] if rest else [])])


def is_shown(row: Row) -> bool:
    """All but ratios, thresholds, and what no translation has a part in."""
    without_translations = not row.shots or row.metric.startswith("few_shot_0")
    return not without_translations and "/" not in row.metric and "@" not in row.metric


def short(metric: str) -> str:
    """The name of a metric without that of its network."""
    return metric.replace(f"_{DEFAULT_NETWORK}", "")


def cell(row: Row | None) -> str:
    """A figure of three digits."""
    return f"{row.value:.3g}" if row else ""


def verdict(metric: str, rows: Sequence[Row | None]) -> str:
    """Whether the metric follows the damage, from none to the strongest."""
    known = [row for row in rows if row]
    if len(known) < len(rows):
        return ""
    truth, *grades = known
    badness = [_badness(metric, row.value) for row in known]
    if any(
        bad < badness[0] and _apart(truth, row)
        for bad, row in zip(badness[1:], grades, strict=True)
    ):
        return WRONG
    if not _apart(truth, grades[-1]):
        return BLIND
    allowed = -_ALLOWED_BACK * (badness[-1] - badness[0])
    return RIGHT if np.diff(badness).min() >= allowed else UNEVEN


def _apart(one: Row, other: Row) -> bool:
    """Whether the intervals do not meet."""
    return one.high < other.low or other.high < one.low


def _badness(metric: str, value: float) -> float:
    """Rises as the figure gets worse."""
    if better(metric) == "neither":
        return abs(value - 1)
    return value if better(metric) == "lower" else -value


if __name__ == "__main__":
    main()
