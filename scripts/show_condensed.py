"""What joining the positions of a look costs, as a gallery does: beside looks of fewer examples.

    python scripts/show_condensed.py MODEL DATA [--part unseen] [--pairs 100]

Translates the same pairs with five examples, with fewer, and with those five joined into fewer
positions (`curator.condensed`). Prints a Markdown table: positions; how far the images are from
those of five whole examples, in 0..255; `l1_foreground` as a ratio to copying the pose image.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from show_limits import SHOTS, known_pairs

from funit.curator import NUM_POSITIONS, condensed
from funit.engines.engine import Look
from funit.errors import UserError
from funit.evaluation.metrics import Images, Values, l1
from funit.evaluation.pairs import Pairs
from funit.gallery import from_8_bits, in_8_bits
from funit.translator import Translator

FEWER_EXAMPLES, FEWER_POSITIONS = (3, 2, 1), (512, 256, 128, 64)


def main() -> None:
    """Reads the options and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("--part", default="unseen")
    parser.add_argument("--pairs", type=int, default=100)
    options = parser.parse_args()
    try:
        table = list(rows(options.model, options.data, options.part, options.pairs))
    except UserError as error:
        sys.exit(f"{error.message}\n{error.hint}")
    print("| a look of | positions | mean difference from 5 whole examples | error |")
    print("|---|---|---|---|")
    print("\n".join(table))


def rows(model: str, data: Path, part: str, num_pairs: int) -> Iterator[str]:
    """A row of the table for each kind of look."""
    translator = Translator.load(model)
    found: dict[str, list[Values]] = {}
    for pairs, truth in known_pairs(data, part, num_pairs, translator.image_size):
        copied, whole = l1(pairs.content, truth, pairs.foreground), None
        for name, num_positions, images in drawn(translator, pairs):
            whole = images if whole is None else whole
            difference = np.abs(images.astype(np.float64) - whole).mean(axis=(1, 2, 3))
            error = l1(images, truth, pairs.foreground)
            positions = np.full(len(pairs), num_positions)
            found.setdefault(name, []).append(np.stack([positions, difference, error, copied]))
    for name, values in found.items():
        positions, difference, error, copied = np.concatenate(values, axis=1).mean(axis=1)
        yield f"| {name} | {positions:,.0f} | {difference:.2f} | {error / copied:.3f} |"


def drawn(translator: Translator, pairs: Pairs) -> Iterator[tuple[str, int, Images]]:
    """The translations by each kind of look, with its number of positions; whole looks first."""
    contents = translator.encode_content(list(pairs.content))
    kinds = [dict(looks(translator, list(examples))) for examples in pairs.examples]
    for name in kinds[0]:
        some = [kind[name] for kind in kinds]
        images = map(np.asarray, translator.translate(contents, some))
        yield name, some[0].keys.shape[2], np.stack(list(images))


def looks(translator: Translator, examples: list[Images]) -> Iterator[tuple[str, Look]]:
    """The look of all examples, of fewer, and of all joined."""
    whole = translator.encode_class(examples)
    yield f"{SHOTS} examples", whole
    for count in FEWER_EXAMPLES:
        name = "1 example" if count == 1 else f"{count} examples"
        yield name, translator.encode_class(examples[:count])
    for count in FEWER_POSITIONS:
        joined = condensed(whole, count)
        yield f"{SHOTS} examples, joined to {count}", joined
        if count == NUM_POSITIONS:
            kept = joined._replace(values=from_8_bits(*in_8_bits(joined.values)))
            yield "the same in 8 bits, as a gallery has it", kept


if __name__ == "__main__":
    main()
