"""Measures whether fitting the class code to the examples helps: the table of docs/training.md.

    python scripts/measure_fit_steps.py [--model default] [--pairs 100] [--shots 1,5]
        [--rates 0.01,0.03,0.1] [--steps 0,10,30,100] [--values]

Only the class code moves (with --values what the attention finds in the examples, too), by Adam,
to the L1 between each example and its reconstruction from the others; a single example from
itself. The creatures are those of `funit data menagerie --seed 4242`, which no model saw.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from funit.data.images import to_signed
from funit.data.menagerie import write_menagerie
from funit.data.packed import packed_for
from funit.evaluation.metrics import Images, Values, bootstrap_ratio, l1
from funit.evaluation.pairs import Pairs, choose_pairs, load_pairs
from funit.model.generator import Generator
from funit.model.look import Look
from funit.model.restored import restored_generator
from funit.repository import ModelRepository

SEED, NUM_CLASSES, NUM_POSES = 4242, 100, 8
AT_ONCE = 10  # pairs that are fitted together: each has a class code of its own


def main() -> None:
    """Reads the options and prints a row for each number of examples, rate and number of steps."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--shots", default="1,5")
    parser.add_argument("--rates", default="0.01,0.03,0.1")
    parser.add_argument("--steps", default="0,10,30,100")
    parser.add_argument("--values", action="store_true", help="move the attention's values too")
    options = parser.parse_args()
    found = ModelRepository().find(options.model)
    generator = restored_generator(found.whole_weights(), found.info.config.model)
    steps = sorted({0, *map(int, options.steps.split(","))})
    size = found.info.config.model.image_size
    moved = "class code and values" if options.values else "class code"
    print("| moved | examples | learning rate | steps | l1_foreground | ratio to 0 steps | loss |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        zoo = Path(folder) / "zoo"
        write_menagerie(zoo, num_classes=NUM_CLASSES, num_poses=NUM_POSES, size=size, seed=SEED)
        packed = packed_for(zoo, size)
        for shots in map(int, options.shots.split(",")):
            chosen = choose_pairs(packed, "all", options.pairs, shots, seed=0)
            for rate in map(float, options.rates.split(",")):
                errors, losses = measure(
                    generator,
                    (pairs for _, pairs in load_pairs(packed, chosen, size, shots, AT_ONCE)),
                    steps,
                    rate,
                    options.values,
                )
                for n in steps:
                    row = f"| {moved} | {shots} | {rate:g} | {n} | {compared(errors[n], errors[0])}"
                    print(f"{row} | {losses[n].mean():.4f} |", flush=True)


def measure(
    generator: Generator, some: Iterator[Pairs], steps: Sequence[int], rate: float, values: bool
) -> tuple[dict[int, Values], dict[int, Values]]:
    """The error on the foreground and the loss of each pair, after each number of steps."""
    errors: dict[int, list[Values]] = {n: [] for n in steps}
    losses: dict[int, list[Values]] = {n: [] for n in steps}
    for pairs in some:
        assert pairs.truth is not None
        content_map = generator.encode_content(floats(pairs.content))
        for n, look, loss in fitted(generator, floats(pairs.examples), steps, rate, values):
            with torch.inference_mode():
                drawn = generator.decode(content_map, look)
            images = ((drawn.permute(0, 2, 3, 1).numpy() + 1) * 127.5).round().astype(np.uint8)
            errors[n].append(l1(images, pairs.truth, pairs.foreground))
            losses[n].append(loss.double().numpy())
    return joined(errors), joined(losses)


def fitted(
    generator: Generator, examples: Tensor, steps: Sequence[int], rate: float, values: bool
) -> Iterator[tuple[int, Look, Tensor]]:
    """The looks of N sets of examples after each number of steps, and the loss there."""
    # (N, K, 3, H, W)
    num_sets, shots = examples.shape[:2]
    flat = examples.flatten(0, 1)
    with torch.no_grad():
        singles, content_maps = generator.encode_examples(flat), generator.encode_content(flat)
    code = torch.zeros(num_sets, 1, singles.class_code.shape[1], requires_grad=True)
    found = torch.zeros_like(singles.values, requires_grad=values)
    optimizer = torch.optim.Adam([code, found] if values else [code], rate)

    def look_of(shares: Tensor) -> Look:
        """The looks of the same examples, R times a set: (R, K) shares -> N * R looks."""
        repeats = len(shares)

        def repeated(part: Tensor) -> Tensor:
            grouped = part.unflatten(0, (num_sets, 1, shots))
            return grouped.expand(-1, repeats, *grouped.shape[2:]).flatten(0, 2)

        whole = singles._replace(values=singles.values + found)
        merged = Look(*map(repeated, whole)).merged(shares.repeat(num_sets, 1))
        moved = code.expand(-1, repeats, -1).flatten(0, 1)
        return merged._replace(class_code=merged.class_code + moved)

    others = torch.ones(1, 1) if shots == 1 else (1 - torch.eye(shots)) / (shots - 1)
    for step in range(max(steps) + 1):
        drawn = generator.decode(content_maps, look_of(others))
        each = (drawn - flat).abs().mean(dim=(1, 2, 3)).unflatten(0, (num_sets, shots)).mean(dim=1)
        if step in steps:
            with torch.no_grad():
                yield step, look_of(torch.full((1, shots), 1 / shots)), each.detach()
        optimizer.zero_grad()
        each.sum().backward()  # the sets are independent, and Adam goes by each number alone
        optimizer.step()


def floats(images: Images) -> Tensor:
    """(..., H, W, 3) in 0..255 -> (..., 3, H, W) in [-1, 1]."""
    return torch.from_numpy(to_signed(images)).movedim(-1, -3).contiguous()


def compared(errors: Values, base: Values) -> str:
    """The mean error, and its ratio to another with the 95% interval."""
    low, high = bootstrap_ratio(errors, base, seed=0)
    return f"{errors.mean():.4f} | {errors.mean() / base.mean():.3f} ({low:.3f} to {high:.3f})"


def joined(parts: dict[int, list[Values]]) -> dict[int, Values]:
    """The values of all pairs."""
    return {n: np.concatenate(some) for n, some in parts.items()}


if __name__ == "__main__":
    main()
