"""Chooses the constants of `funit classify` on drawn creatures, and measures them on others.

    python scripts/measure_classification.py [--data DATA]... [--model default] [--seed 0]

Draws two menageries: on one the share of the class code, the temperature, the similarity of "none
of them" and the threshold are chosen, on the other, of other creatures, they are measured; so they
are on the unseen classes of each DATA. An episode has N known classes with K examples each, and as
many classes of strangers. Prints Markdown: how many images of known classes get their class, how
many of strangers "none of them". Takes five minutes on one core.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from funit.classification import Recogniser, probabilities, unit, with_trained
from funit.data.menagerie import write_menagerie
from funit.data.packed import packed_for
from funit.evaluation.classifier import train_classifier

NUMS_CLASSES, SHOTS, EPISODES = (2, 5, 15), (1, 5), 15
IMAGES, ASKED = 20, 8  # of a class; of these asked about in an episode
CODE_SHARES = (0.0, 0.15, 0.3, 1.0)
TEMPERATURES = (0.015, 0.02, 0.03, 0.04, 0.06)
STRANGERS = (0.6, 0.65, 0.68, 0.7, 0.72, 0.74, 0.76, 0.8, 0.9)
THRESHOLDS = tuple(round(0.05 * n, 2) for n in range(2, 19))

Rows = NDArray[np.float64]
Constants = tuple[float, float, float]  # share of the code, temperature, stranger


@dataclass(frozen=True)
class Seen:
    """Class codes and features of images, and their classes."""

    codes: Rows
    features: Rows
    raw: Rows
    labels: NDArray[np.intp]


@dataclass(frozen=True)
class Episode:
    """Similarities, by code and by network, of known images and of strangers; the answers."""

    num_classes: int
    shots: int
    known: tuple[Rows, Rows]
    strangers: tuple[Rows, Rows]
    labels: NDArray[np.intp]

    def scores(self, constants: Constants) -> tuple[Rows, Rows]:
        """Of known images and of strangers: a column a class."""
        share, temperature, stranger = constants
        known, strangers = (
            probabilities(share * codes + (1 - share) * features, temperature, stranger)
            for codes, features in (self.known, self.strangers)
        )
        return known, strangers


def look(recogniser: Recogniser, data: Path, part: str, seed: int) -> Seen:
    """What is seen in some images of each class of a part."""
    packed = packed_for(data, recogniser.translator.image_size)
    codes, features, labels = [], [], []
    for number, cls in enumerate(packed.part(part)):
        order = np.random.default_rng([seed, number]).permutation(len(cls))[:IMAGES]
        pictures = recogniser.pictures(packed, [(cls, int(i)) for i in order])
        codes.append(recogniser.codes([*pictures]))
        features.append(recogniser.features(pictures))
        labels += [number] * len(order)
    raw = np.concatenate(features)
    return Seen(np.concatenate(codes), unit(raw), raw, np.array(labels))


def episodes(seen: Seen, seed: int) -> Iterator[Episode]:
    """So many of each number of classes and of examples."""
    for num_classes in NUMS_CLASSES:
        for shots in SHOTS:
            for number in range(EPISODES):
                rng = np.random.default_rng([seed, num_classes, shots, number])
                yield episode(seen, num_classes, shots, rng)


def episode(seen: Seen, num_classes: int, shots: int, rng: np.random.Generator) -> Episode:
    """Classes, examples, questions and strangers, drawn by chance."""
    order = rng.permutation(seen.labels.max() + 1)
    images = [rng.permutation(np.flatnonzero(seen.labels == c)) for c in order[: 2 * num_classes]]
    examples = [each[:shots] for each in images[:num_classes]]
    asked = [each[shots : shots + ASKED] for each in images[:num_classes]]
    strange = np.concatenate([each[:ASKED] for each in images[num_classes:]])
    labels = np.repeat(np.arange(num_classes), [len(each) for each in asked])

    def similarities(which: NDArray[np.intp]) -> tuple[Rows, Rows]:
        codes, features = (
            rows[which] @ np.stack([rows[each].mean(axis=0) for each in examples]).T
            for rows in (seen.codes, seen.features)
        )
        return codes, features

    return Episode(
        num_classes, shots, similarities(np.concatenate(asked)), similarities(strange), labels
    )


def surprise(some: list[Episode], constants: Constants) -> float:
    """The mean negative logarithm of what the right answer got."""
    total = 0.0
    for one in some:
        known, strangers = one.scores(constants)
        right = known[np.arange(len(known)), one.labels]
        none = 1 - strangers.sum(axis=1)
        total -= np.log(right + 1e-9).mean() + np.log(np.maximum(none, 0) + 1e-9).mean()
    return total / (2 * len(some))


def rates(one: Episode, constants: Constants, threshold: float) -> tuple[float, float, float]:
    """Known images whose class is right at all, and at the threshold; strangers left out by it."""
    known, strangers = one.scores(constants)
    right = known.argmax(axis=1) == one.labels
    kept = right & (known.max(axis=1) >= threshold)
    return right.mean(), kept.mean(), (strangers.max(axis=1) < threshold).mean()


def choose(some: list[Episode], shares: tuple[float, ...]) -> tuple[Constants, float]:
    """The constants of least surprise, then the threshold of most right answers of both kinds."""
    constants = min(
        ((c, t, s) for c in shares for t in TEMPERATURES for s in STRANGERS),
        key=lambda each: surprise(some, each),
    )
    chosen = max(THRESHOLDS, key=lambda t: np.mean([rates(e, constants, t)[1:] for e in some]))
    return constants, chosen


def print_table(title: str, some: list[Episode], constants: Constants, threshold: float) -> None:
    """A row for each number of classes and of examples."""
    print(f"\n{title}\n")
    print("| classes | examples | class right | right and above the threshold | strangers: none |")
    print("|---|---|---|---|---|")
    for num_classes in NUMS_CLASSES:
        for shots in SHOTS:
            these = [e for e in some if (e.num_classes, e.shots) == (num_classes, shots)]
            row = np.mean([rates(e, constants, threshold) for e in these], axis=0)
            print(f"| {num_classes} | {shots} | " + " | ".join(f"{v:.2f}" for v in row) + " |")


def print_data(seen: Seen, name: str, constants: Constants, threshold: float) -> None:
    """As `--data` does it: every second class is known by 12 images, the others are strangers."""
    share, temperature, stranger = constants
    every = [np.flatnonzero(seen.labels == c) for c in range(seen.labels.max() + 1)]
    taught, asked = ([each[part] for each in every[::2]] for part in (np.s_[:12], np.s_[12:]))
    strange = np.concatenate([each[12:] for each in every[1::2]])
    labels = np.repeat(np.arange(len(taught)), [len(each) for each in taught])
    names = [str(n) for n in range(len(taught))]
    trained = train_classifier(seen.raw[np.concatenate(taught)], labels, names, 0)

    def scores(which: NDArray[np.intp]) -> Rows:
        codes, features = (
            rows[which] @ np.stack([rows[each].mean(axis=0) for each in taught]).T
            for rows in (seen.codes, seen.features)
        )
        nearest = probabilities(share * codes + (1 - share) * features, temperature, stranger)
        return with_trained(nearest, trained.probabilities(seen.raw[which]))

    known, strangers = scores(np.concatenate(asked)), scores(strange)
    right = known.argmax(axis=1) == np.repeat(np.arange(len(asked)), [len(e) for e in asked])
    kept = right & (known.max(axis=1) >= threshold)
    none = strangers.max(axis=1) < threshold
    print(
        f"\n{name}, as `--data`, {len(taught)} classes of 12 images: {right.mean():.2f} right, "
        f"{kept.mean():.2f} right and above the threshold; {none.mean():.2f} of strangers none"
    )


def main() -> None:
    """Draws, chooses, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--model", default="default")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    recogniser = Recogniser.load(given.model, "cpu")
    size = recogniser.translator.image_size
    with tempfile.TemporaryDirectory() as folder:
        drawn = {}
        for name, seed in (("choose", 1000 + given.seed), ("measure", 2000 + given.seed)):
            path = Path(folder) / f"{name}.zip"
            write_menagerie(path, 40, IMAGES, size, seed, pose_pool=200)
            drawn[name] = look(recogniser, path, "all", given.seed)
        seen = {"other creatures": drawn["measure"]}
        for data in given.data:
            seen[f"unseen classes of {data.name}"] = look(recogniser, data, "unseen", given.seed)
    chosen_on = list(episodes(drawn["choose"], given.seed))
    for share in CODE_SHARES:
        constants, threshold = choose(chosen_on, (share,))
        print(f"code {share:g}: {constants}, {threshold}: {surprise(chosen_on, constants):.3f}")
    constants, threshold = choose(chosen_on, CODE_SHARES)
    print(
        f"chosen: share {constants[0]}, temperature {constants[1]}, stranger {constants[2]}, "
        f"threshold {threshold}"
    )
    for name, each in seen.items():
        some = list(episodes(each, given.seed + 1))
        print_table(name, some, constants, threshold)
        code_only, its_threshold = choose(chosen_on, (1.0,))
        print_table(f"{name}, the class code alone", some, code_only, its_threshold)
        print_data(each, name, constants, threshold)


if __name__ == "__main__":
    main()
