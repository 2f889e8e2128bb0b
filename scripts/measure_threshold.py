"""Measures what a threshold does while translating: what is refused, and how good the rest is.

    python scripts/measure_threshold.py [--data DATA] [--model default] [--pairs 300] [--seed 0]

Translates content images into classes that the model never saw, drawn creatures or the unseen
classes of DATA, and scores each result against the examples, as `funit translate --threshold`
does; so it does with true images of the class, with the content images as they were, and with
translations into another class. Prints Markdown. Takes four minutes on one core.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from funit.classification import Recogniser
from funit.data.menagerie import write_menagerie
from funit.data.packed import packed_for
from funit.evaluation.metrics import Images, l1
from funit.evaluation.pairs import Chooser, ChosenPairs, Pairs, load_pairs

SHOTS = (1, 5)
THRESHOLDS = (0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
KINDS = ("true images", "translations", "into another class", "content as it was")

Scores = dict[str, NDArray[np.float64]]


def pictures(images: Images) -> list[Image.Image]:
    """As the translator takes them."""
    return [Image.fromarray(image) for image in images]


def measure(recogniser: Recogniser, pairs: Pairs, others: Images) -> tuple[Scores, Images]:
    """The scores of each kind of result; and the translations. `others`: examples of others."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    translated = []
    assert pairs.truth is not None, "DATA without a known truth"
    for content, examples, truth, other in zip(
        pairs.content, pairs.examples, pairs.truth, others, strict=True
    ):
        translator, shown = recogniser.translator, pictures(examples)
        source = Image.fromarray(content)
        right = translator.translate(source, translator.encode_class(shown))
        wrong = translator.translate(source, translator.encode_class(pictures(other)))
        results = [Image.fromarray(truth), right, wrong, source]
        for kind, score in zip(
            KINDS, recogniser.likeness(results, recogniser.learn_one(shown)), strict=True
        ):
            found[kind].append(score)
        translated.append(np.asarray(right))
    return {kind: np.array(scores) for kind, scores in found.items()}, np.stack(translated)


def print_table(shots: int, scores: Scores, errors: NDArray[np.float64]) -> None:
    """What is used at each threshold, and the error of the translations that are."""
    print(f"\n{shots} example{'s' * (shots > 1)}, {len(errors)} pairs:\n")
    print("| threshold | " + " | ".join(KINDS) + " | error, as a share of that of all |")
    print("|---|" + "---|" * len(KINDS) + "---|")
    for threshold in THRESHOLDS:
        used = scores["translations"] >= threshold
        shares = [f"{(scores[kind] >= threshold).mean():.2f}" for kind in KINDS]
        error = f"{errors[used].mean() / errors.mean():.2f}" if used.any() else "-"
        print(f"| {threshold} | " + " | ".join([*shares, error]) + " |")


def all_pairs(chunks: Sequence[tuple[list[int], Pairs]]) -> tuple[Pairs, NDArray[np.intp]]:
    """The pairs whose truth is known, and of each the number of one of another class."""
    known = [(numbers, pairs) for numbers, pairs in chunks if pairs.truth is not None]
    joined = Pairs(
        np.concatenate([pairs.content for _, pairs in known]),
        np.concatenate([pairs.examples for _, pairs in known]),
        None,
        np.concatenate([pairs.truth for _, pairs in known if pairs.truth is not None]),
    )
    return joined, np.concatenate([numbers for numbers, _ in known])


def main() -> None:
    """Draws, translates, scores, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    recogniser = Recogniser.load(given.model, "cpu")
    size = recogniser.translator.image_size
    with tempfile.TemporaryDirectory() as folder:
        data, part = given.data, "unseen"
        if data is None:
            data, part = Path(folder) / "creatures.zip", "all"
            write_menagerie(data, 40, 20, size, 3000 + given.seed)
        packed = packed_for(data, size)
        chosen = ChosenPairs(Chooser(packed, part, max(SHOTS), given.seed, True), given.pairs)
        for shots in SHOTS:
            pairs, numbers = all_pairs(list(load_pairs(packed, chosen, size, shots, given.pairs)))
            targets = [id(chosen[number].target) for number in numbers]
            following = [
                next(
                    j % len(targets)
                    for j in range(i, i + len(targets))
                    if targets[j % len(targets)] != targets[i]
                )
                for i in range(len(targets))
            ]
            scores, translated = measure(recogniser, pairs, pairs.examples[following])
            assert pairs.truth is not None
            print_table(shots, scores, l1(translated, pairs.truth, pairs.foreground))


if __name__ == "__main__":
    main()
