"""Which images a model is tested on: pairs of a content image and a class to translate it into.

Shapes: N pairs, K examples each, H x W pixels; all images uint8 (..., H, W, 3).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from funit.data.dataset import crop
from funit.data.packed import Packed, PackedClass
from funit.errors import UserError
from funit.evaluation.metrics import Images


@dataclass(frozen=True)
class Pair:
    """One translation to make, as the numbers of its images in their classes."""

    source: PackedClass
    """The content's class, A."""
    target: PackedClass
    """The class to translate into, B."""
    content: int
    """Of A, in pose p."""
    examples: tuple[int, ...]
    """Of B, in poses other than p."""
    counterparts: tuple[int, ...] | None
    """Of A, in the poses of the examples; None where one is not known."""
    truth: int | None
    """Of B, in pose p; None where it is not known."""


@dataclass(frozen=True)
class Pairs:
    """The images of some pairs; of all of them the truth is known or of none, counterparts too."""

    content: Images
    """(N, H, W, 3): class A in pose p."""
    examples: Images
    """(N, K, H, W, 3): class B in poses other than p."""
    counterparts: Images | None
    """(N, K, H, W, 3): class A in the poses of the examples."""
    truth: Images | None
    """(N, H, W, 3): class B in pose p."""

    def with_shots(self, shots: int) -> "Pairs":
        """The same pairs with only the first examples of each."""
        counterparts = None if self.counterparts is None else self.counterparts[:, :shots]
        return Pairs(self.content, self.examples[:, :shots], counterparts, self.truth)

    def __len__(self) -> int:
        return len(self.content)


def choose_pairs(
    packed: Packed, part: str, num_pairs: int, num_examples: int, seed: int
) -> list[Pair]:
    """The pairs of an evaluation; the first ones of more pairs, and of more examples, are the same.

    Each class of the part is the target as often as the others. Content images are of the seen
    classes if there are any, else of the part's others; where a class has images with the names of
    the target's, one whose truth is known is taken. Examples never bear the content's name. Raises
    UserError where a class has too few images.
    """
    targets = packed.part(part)
    sources = packed.parts.get("seen", targets) if part != "seen" else targets
    _check_enough(targets, sources, num_examples)
    numbers = {id(cls): {name: i for i, name in enumerate(cls.names)} for cls in targets + sources}
    pairs = []
    for index in range(num_pairs):
        random = np.random.default_rng([seed % 2**64, index])
        target = targets[index % len(targets)]
        others = [cls for cls in sources if cls is not target]
        source = others[int(random.integers(len(others)))]
        in_target, in_source = numbers[id(target)], numbers[id(source)]

        answered = [i for i, name in enumerate(source.names) if name in in_target]
        content = _one_of(answered or range(len(source)), random)
        truth = in_target.get(source.names[content])
        order = (int(i) for i in random.permutation(len(target)))
        examples = [i for i in order if i != truth][:num_examples]
        counterparts = [in_source.get(target.names[i]) for i in examples]
        known = [i for i in counterparts if i is not None]
        pairs.append(
            Pair(
                source,
                target,
                content,
                tuple(examples),
                tuple(known) if len(known) == len(counterparts) else None,
                truth,
            )
        )
    return pairs


def load_pairs(
    packed: Packed, pairs: Sequence[Pair], size: int, shots: int, at_once: int
) -> Iterator[tuple[list[int], Pairs]]:
    """The images of the pairs, some at a time, with the pairs' numbers.

    Together come pairs of which as much is known.
    """

    def known(n: int) -> tuple[bool, bool]:
        return pairs[n].truth is None, pairs[n].counterparts is None

    for _, group in groupby(sorted(range(len(pairs)), key=known), key=known):
        numbers = list(group)
        for start in range(0, len(numbers), at_once):
            chunk = numbers[start : start + at_once]
            yield chunk, _images(packed, [pairs[n] for n in chunk], size, shots)


def _images(packed: Packed, pairs: Sequence[Pair], size: int, shots: int) -> Pairs:
    def image(cls: PackedClass, i: int) -> Images:
        return crop(packed.pixels_of(cls, i), size, 0.5, 0.5)

    counterparts = [
        [image(pair.source, i) for i in pair.counterparts[:shots]]
        for pair in pairs
        if pair.counterparts is not None
    ]
    truth = [image(pair.target, pair.truth) for pair in pairs if pair.truth is not None]
    return Pairs(
        np.stack([image(pair.source, pair.content) for pair in pairs]),
        np.array([[image(pair.target, i) for i in pair.examples[:shots]] for pair in pairs]),
        np.array(counterparts) if counterparts else None,
        np.stack(truth) if truth else None,
    )


def _check_enough(
    targets: Sequence[PackedClass], sources: Sequence[PackedClass], num_examples: int
) -> None:
    if len({id(cls) for cls in [*targets, *sources]}) < 2:
        raise UserError(
            f"`{targets[0].name}` is the only class", hint="an image is translated into another"
        )
    smallest = min(targets, key=len)
    if len(smallest) <= num_examples:  # one may bear the content's name
        raise UserError(
            f"class `{smallest.name}` has {len(smallest)} images, too few for {num_examples} "
            "examples beside the truth",
            hint=f"ask for at most {len(smallest) - 1} with `--shots`",
        )


def _one_of(numbers: Sequence[int], random: np.random.Generator) -> int:
    return numbers[int(random.integers(len(numbers)))]
