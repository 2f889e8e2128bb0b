"""Errors of models on unseen classes of DATA whose file names name the pose, beside the baselines.

    python scripts/truth_errors.py DATA RUN... [--pairs 200] [--shots 1,5]

Content images are of seen classes, examples and truth of unseen ones; an example never bears the
content's file name. Prints a Markdown table of l1_foreground and its ratio to copying the pose.
"""

import argparse
from pathlib import Path

import numpy as np

from funit.data.catalog import SEEN, UNSEEN, Catalog, read_catalog
from funit.data.images import fit, read_image
from funit.evaluation.metrics import Images
from funit.evaluation.protocol import (
    BASELINES,
    Pairs,
    baseline_images,
    rows,
    translations,
    truth_errors,
)
from funit.translator import Translator


def main() -> None:
    """Reads the options and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--shots", default="1,5")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shots = [int(number) for number in options.shots.split(",")]

    translators = {run: Translator.load(run) for run in options.runs}
    size = next(iter(translators.values())).image_size
    pairs = choose(read_catalog(options.data), options.pairs, max(shots), size, options.seed)
    print("| model | examples | l1_foreground | 95% interval | / copying |\n|---|---|---|---|---|")
    for k in shots:
        some = pairs.with_shots(k)
        copying = truth_errors(some.content, some)["l1_foreground"].mean()
        answers = {run: translations(translator, some) for run, translator in translators.items()}
        answers |= {name: baseline_images(name, some) for name in BASELINES}
        for name, images in answers.items():
            (row,) = rows(
                name, UNSEEN, k, {"l1_foreground": truth_errors(images, some)["l1_foreground"]}
            )
            print(
                f"| {name} | {k} | {row.value:.4f} | {row.low:.4f} to {row.high:.4f} "
                f"| {row.value / copying:.3f} |"
            )


def choose(catalog: Catalog, num_pairs: int, num_examples: int, size: int, seed: int) -> Pairs:
    """Pairs of a content image of a seen class and an unseen class, with the true answer."""
    random = np.random.default_rng(seed)
    seen, unseen = list(catalog.seen), list(catalog.unseen)

    def pixels(part: str, cls: str, name: str) -> Images:
        return np.asarray(fit(read_image(catalog.read_bytes(part, cls, name)), size))

    chosen = []
    for index in range(num_pairs):
        source, target = seen[random.integers(len(seen))], unseen[index % len(unseen)]
        common = sorted(set(catalog.seen[source]) & set(catalog.unseen[target]))
        name, *shown = (str(n) for n in random.permutation(common)[: num_examples + 1])
        chosen.append(
            (
                pixels(SEEN, source, name),
                np.stack([pixels(UNSEEN, target, n) for n in shown]),
                np.stack([pixels(SEEN, source, n) for n in shown]),
                pixels(UNSEEN, target, name),
            )
        )
    return Pairs(*(np.stack(arrays) for arrays in zip(*chosen, strict=True)))


if __name__ == "__main__":
    main()
