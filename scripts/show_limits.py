"""What limits a model's truth error: what it is shown, or what it can draw.

    python scripts/show_limits.py MODEL DATA [--part unseen] [--pairs 300] [--json FILE]

The same pairs four times, five examples each: as they are; with the true answer in place of the
pose image, so that the shape is known; in place of every example, so that the look is; in place of
both, so that it has only to be drawn. Prints `l1_foreground` as a ratio to copying the pose image,
with 95% intervals.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from funit.data.packed import packed_for
from funit.errors import UserError
from funit.evaluation.candidates import translations
from funit.evaluation.metrics import Images, Values, bootstrap_ratio, l1
from funit.evaluation.pairs import Pairs, choose_pairs, load_pairs
from funit.translator import Translator

SHOTS, SEED, AT_ONCE = 5, 0, 50
AS_IT_IS = "as it is"


def main() -> None:
    """Reads the options and prints what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("--part", default="unseen")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        found = limits(options.model, options.data, options.part, options.pairs)
    except UserError as error:
        sys.exit(f"{error.message}\n{error.hint}")
    for name, row in found.items():
        print(f"{name:34} {row['ratio']:.3f}  {row['low']:.3f} to {row['high']:.3f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def limits(model: str, data: Path, part: str, num_pairs: int) -> Mapping[str, dict[str, float]]:
    """The ratio to copying the pose image, and its interval, by what the model was shown."""
    translator = Translator.load(model)
    errors: dict[str, list[Values]] = {}
    for pairs, truth in known_pairs(data, part, num_pairs, translator.image_size):
        for name, images in shown(translator, pairs, truth).items():
            errors.setdefault(name, []).append(l1(images, truth, pairs.foreground))
    joined = {name: np.concatenate(values) for name, values in errors.items()}
    copied = joined.pop("the pose image")
    return {name: row_of(values, copied) for name, values in joined.items()}


def known_pairs(data: Path, part: str, num_pairs: int, size: int) -> Iterator[tuple[Pairs, Images]]:
    """Pairs with five examples, some at a time, and their true answers; UserError without those."""
    packed = packed_for(data, size)
    chosen = choose_pairs(packed, part, num_pairs, SHOTS, SEED)
    for _, pairs in load_pairs(packed, chosen, size, SHOTS, AT_ONCE):
        if pairs.truth is None:
            raise UserError(
                f"the true answers of `{data}` are not known",
                hint="give data in which file names are poses, as `funit data menagerie` draws",
            )
        yield pairs, pairs.truth


def shown(translator: Translator, pairs: Pairs, truth: Images) -> Mapping[str, Images]:
    """What the model answers to the pairs, and to those with the truth in them."""
    answers = {
        name: translations(translator, some) for name, some in with_truth(pairs, truth).items()
    }
    return {"the pose image": pairs.content} | answers


def with_truth(pairs: Pairs, truth: Images) -> Mapping[str, Pairs]:
    """The pairs as they are, and with the true answers in place of what a model is shown."""
    known = np.broadcast_to(truth[:, None], pairs.examples.shape)
    variants: Mapping[str, dict[str, Any]] = {
        AS_IT_IS: {},
        "the truth as the pose image": {"content": truth},
        "the truth as every example": {"examples": known},
        "the truth as both": {"content": truth, "examples": known},
    }
    return {name: replace(pairs, **changes) for name, changes in variants.items()}


def row_of(values: Values, copied: Values) -> dict[str, float]:
    """A ratio of means with its interval."""
    low, high = bootstrap_ratio(values, copied, SEED)
    return {"ratio": float(values.mean() / copied.mean()), "low": low, "high": high}


if __name__ == "__main__":
    main()
