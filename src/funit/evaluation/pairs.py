"""Which images a model is tested on: pairs of a content image and a class to translate it into.

Shapes: N pairs, K examples each, H x W pixels; all images uint8 (..., H, W, 3).
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from funit.data.dataset import crop
from funit.data.packed import Packed, PackedClass
from funit.errors import UserError
from funit.evaluation.metrics import Images, Mask, foreground_of, l1
from funit.home import whole_file

CSV_COLUMNS = ("image", "content", "target", "examples")
CSV_SEPARATOR = "|"  # between examples; no file system's path, and rarely in a name


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
    counterparts: tuple[int | None, ...]
    """Of A, in the pose of each example; None where it is not known."""
    truth: int | None
    """Of B, in pose p; None where it is not known."""

    def with_shots(self, shots: int) -> "Pair":
        """The same pair with only the first examples."""
        examples, counterparts = self.examples[:shots], self.counterparts[:shots]
        return replace(self, examples=examples, counterparts=counterparts)

    @property
    def known(self) -> tuple[bool, bool]:
        """Whether the truth is known, and whether all counterparts are."""
        return self.truth is not None, None not in self.counterparts


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

    @cached_property
    def foreground(self) -> Mask | None:
        """The pixels that matter, (N, H, W); None where the truth is not known."""
        return None if self.truth is None else foreground_of(self.truth, self.content)

    def __len__(self) -> int:
        return len(self.content)


class Chooser:
    """Draws pairs from the classes of a part: the same ones for the same words, in any order.

    Each class of the part is the target as often as the others. Content images are of the seen
    classes if there are any, else of the part's others; where a class has images with the names of
    the target's, one whose truth is known is taken. Examples never bear the content's name. Raises
    UserError where a class has too few images. Where names are no poses, no truth is known.
    """

    def __init__(
        self,
        packed: Packed,
        part: str,
        num_examples: int,
        seed: int,
        names_are_poses: bool = True,
    ) -> None:
        self.targets = packed.part(part)
        self.sources = packed.parts.get("seen", self.targets) if part != "seen" else self.targets
        self.num_examples, self.seed = num_examples, seed % 2**64
        _check_enough(self.targets, self.sources, num_examples)
        self._numbers = _Numbers([*self.targets, *self.sources], names_are_poses)

    def pair(self, index: int) -> Pair:
        """The pair of that number; the classes of the part take turns as its target."""
        random = np.random.default_rng([self.seed, index])
        target = self.targets[index % len(self.targets)]
        return self._with_examples(self._source(target, random), target, None, random)

    def same_content(self, group: int, num_pairs: int) -> list[Pair]:
        """One content image, to be translated into several classes."""
        random = np.random.default_rng([self.seed, group, 1])
        chosen = random.permutation(len(self.targets))[:num_pairs]
        targets = [self.targets[int(i)] for i in chosen]
        others = [cls for cls in self.sources if all(cls is not target for target in targets)]
        if not others:  # DATA of few classes: the content's own class is not translated into
            others, targets = targets[:1], targets[1:]
        source = others[int(random.integers(len(others)))]
        content = _one_of(range(len(source)), random)
        return [self._with_examples(source, target, content, random) for target in targets]

    def same_look(self, group: int, num_pairs: int) -> list[Pair]:
        """Several content images, to be translated by the same examples of one class."""
        random = np.random.default_rng([self.seed, group, 2])
        target = self.targets[group % len(self.targets)]
        source = self._source(target, random)
        examples = self._examples(target, None, random)
        contents = random.permutation(self._unlike(source, target, examples))[:num_pairs]
        return [self._numbers.pair(source, target, int(i), examples) for i in contents]

    def few_shot(self, split: int, num_translations: int) -> list[list[Pair]]:
        """For each class of the part several content images, all with the same examples."""
        found = []
        for number, target in enumerate(self.targets):
            random = np.random.default_rng([self.seed, split, number, 3])
            examples = self._examples(target, None, random)
            pairs = []
            for _ in range(num_translations):
                source = self._source(target, random)
                content = _one_of(self._unlike(source, target, examples), random)
                pairs.append(self._numbers.pair(source, target, content, examples))
            found.append(pairs)
        return found

    def _unlike(
        self, source: PackedClass, target: PackedClass, examples: tuple[int, ...]
    ) -> Sequence[int]:
        """The images of a class that have another name than the examples; all if none has."""
        named = [self._numbers.of(target, name) for name in source.names]
        unlike = [i for i, number in enumerate(named) if number not in examples]
        return unlike or range(len(source))

    def _source(self, target: PackedClass, random: np.random.Generator) -> PackedClass:
        others = [cls for cls in self.sources if cls is not target]
        return others[int(random.integers(len(others)))]

    def _examples(
        self, target: PackedClass, truth: int | None, random: np.random.Generator
    ) -> tuple[int, ...]:
        order = (int(i) for i in random.permutation(len(target)))
        return tuple([i for i in order if i != truth][: self.num_examples])

    def _with_examples(
        self,
        source: PackedClass,
        target: PackedClass,
        content: int | None,
        random: np.random.Generator,
    ) -> Pair:
        if content is None:
            answered = [
                i
                for i, name in enumerate(source.names)
                if self._numbers.of(target, name) is not None
            ]
            content = _one_of(answered or range(len(source)), random)
        truth = self._numbers.of(target, source.names[content])
        return self._numbers.pair(source, target, content, self._examples(target, truth, random))


class ChosenPairs(Sequence[Pair]):
    """The pairs of an evaluation; the first ones of more, and of more examples, are the same.

    Each is drawn when it is asked for: 25,000 for every class take no memory.
    """

    def __init__(self, chooser: Chooser, num_pairs: int) -> None:
        self._chooser, self._num_pairs = chooser, num_pairs

    def __len__(self) -> int:
        return self._num_pairs

    def __getitem__(self, index: Any) -> Any:
        """A pair, or the list of those of a slice."""
        numbers = range(self._num_pairs)[index]
        if isinstance(numbers, int):
            return self._chooser.pair(numbers)
        return [self._chooser.pair(number) for number in numbers]


def choose_pairs(
    packed: Packed, part: str, num_pairs: int, num_examples: int, seed: int
) -> ChosenPairs:
    """The pairs of an evaluation, as `Chooser` draws them."""
    return ChosenPairs(Chooser(packed, part, num_examples, seed), num_pairs)


def namesakes_distance(packed: Packed, size: int, num_pairs: int = 400) -> float | None:
    """How far images of one name in two classes are apart, as a ratio to images of other names.

    Well below 1 where the name is the pose, about 1 where it is only a number; None where no name
    stands in two classes. By L1.
    """
    classes = [cls for some in packed.parts.values() for cls in some]
    numbers = _Numbers(classes)
    random = np.random.default_rng(0)
    alike, unlike = [], []
    for _ in range(num_pairs):
        one, other = (classes[i] for i in random.permutation(len(classes))[:2])
        shared = [i for i, name in enumerate(one.names) if numbers.of(other, name) is not None]
        if shared and len(other) > 1:
            i = _one_of(shared, random)
            same = numbers.of(other, one.names[i])
            different = _one_of([j for j in range(len(other)) if j != same], random)
            image = real_image(packed, one, i, size)
            alike.append(l1(real_image(packed, other, int(same or 0), size), image))
            unlike.append(l1(real_image(packed, other, different, size), image))
    if not alike or not np.mean(unlike):
        return None
    return float(np.mean(alike) / np.mean(unlike))


def real_image(packed: Packed, cls: PackedClass, number: int, size: int) -> Images:
    """The middle of an image of a class, as everything here is shown it: (size, size, 3)."""
    return crop(packed.pixels_of(cls, number), size, 0.5, 0.5)


def load_pairs(
    packed: Packed, pairs: Sequence[Pair], size: int, shots: int, at_once: int
) -> Iterator[tuple[list[int], Pairs]]:
    """The images of the pairs, some at a time, with the pairs' numbers.

    Together come pairs of which as much is known.
    """
    for start in range(0, len(pairs), at_once):
        alike: dict[tuple[bool, bool], dict[int, Pair]] = {}
        for number, pair in enumerate(pairs[start : start + at_once], start):
            shown = pair.with_shots(shots)
            alike.setdefault(shown.known, {})[number] = shown
        for some in alike.values():
            yield list(some), _images(packed, list(some.values()), size)


# Pairs as a file, so that other programs can be measured on them


def write_pairs(packed: Packed, pairs: Sequence[Pair], shots: Sequence[int], path: Path) -> None:
    """Writes a CSV of the translations to make, with the file that each is to be saved to.

    Paths are `PART/CLASS/FILE` within DATA, `CLASS/FILE` where it has a single part.
    """
    paths = _Paths(packed)
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for k in shots:
            for number, pair in enumerate(pairs):
                examples = [paths.of(pair.target, i) for i in pair.examples[:k]]
                writer.writerow(
                    [
                        f"{k}/{number:06}.png",
                        paths.of(pair.source, pair.content),
                        paths.folders[id(pair.target)],
                        CSV_SEPARATOR.join(examples),
                    ]
                )


def read_pairs(
    packed: Packed, path: Path, names_are_poses: bool = True
) -> dict[int, dict[str, Pair]]:
    """The pairs of a CSV by their number of examples and their file; UserError if one is wrong."""
    paths = _Paths(packed)
    classes = [cls for some in packed.parts.values() for cls in some]
    numbers = _Numbers(classes, names_are_poses)
    found: dict[int, dict[str, Pair]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            for line, row in enumerate(reader, start=2):
                if missing := [name for name in CSV_COLUMNS if not row.get(name)]:
                    raise _wrong_line(path, line, f"has no `{missing[0]}`")
                pair = _parsed(row, paths, numbers, path, line)
                some = found.setdefault(len(pair.examples), {})
                if row["image"] in some:
                    raise _wrong_line(path, line, f"names `{row['image']}` a second time")
                some[row["image"]] = pair
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"`{path}` cannot be read: {error}", hint="it must be a CSV file in UTF-8"
        ) from None
    if not found:
        raise UserError(f"`{path}` has no pairs", hint=_CSV_HINT)
    return found


_CSV_HINT = "`funit evaluate --write-pairs FILE` shows how such a file looks"


def _parsed(
    row: Mapping[str, str], paths: "_Paths", numbers: "_Numbers", path: Path, line: int
) -> Pair:
    target = paths.classes.get(row["target"])
    if target is None:
        raise _wrong_line(path, line, f"names the class `{row['target']}`, which DATA has not")
    examples = row["examples"].split(CSV_SEPARATOR)
    images = [paths.images.get(image) for image in (row["content"], *examples)]
    for image, name in zip(images, (row["content"], *examples), strict=True):
        if image is None:
            raise _wrong_line(path, line, f"names `{name}`, which DATA has not")
    (source, content), *shown = [image for image in images if image is not None]
    if any(cls is not target for cls, _ in shown):
        raise _wrong_line(path, line, f"has an example that is not of `{row['target']}`")
    if source is target:
        raise _wrong_line(path, line, f"translates `{row['content']}` into its own class")
    pair = numbers.pair(source, target, content, tuple(i for _, i in shown))
    if pair.truth is not None and pair.truth in pair.examples:
        raise _wrong_line(path, line, "has the true answer among the examples")
    return pair


def _wrong_line(path: Path, line: int, what: str) -> UserError:
    return UserError(f"line {line} of `{path}` {what}", hint=_CSV_HINT)


class _Paths:
    """How a CSV names the classes and images of DATA."""

    def __init__(self, packed: Packed) -> None:
        self.classes = {
            f"{part}/{cls.name}" if len(packed.parts) > 1 else cls.name: cls
            for part, classes in packed.parts.items()
            for cls in classes
        }
        self.folders = {id(cls): folder for folder, cls in self.classes.items()}
        self.images = {
            f"{folder}/{name}": (cls, i)
            for folder, cls in self.classes.items()
            for i, name in enumerate(cls.names)
        }

    def of(self, cls: PackedClass, i: int) -> str:
        return f"{self.folders[id(cls)]}/{cls.names[i]}"


class _Numbers:
    """The number of each file name in its class; of none where names tell nothing."""

    def __init__(self, classes: Sequence[PackedClass], names_are_poses: bool = True) -> None:
        self._numbers = {
            id(cls): {name: i for i, name in enumerate(cls.names)} if names_are_poses else {}
            for cls in classes
        }

    def of(self, cls: PackedClass, name: str) -> int | None:
        return self._numbers[id(cls)].get(name)

    def pair(
        self, source: PackedClass, target: PackedClass, content: int, examples: tuple[int, ...]
    ) -> Pair:
        """The pair, with what the file names tell."""
        counterparts = tuple(self.of(source, target.names[i]) for i in examples)
        truth = self.of(target, source.names[content])
        return Pair(source, target, content, examples, counterparts, truth)


def _images(packed: Packed, pairs: Sequence[Pair], size: int) -> Pairs:
    """The images of pairs of which as much is known."""

    def images(classes_and_numbers: Iterable[tuple[PackedClass, int | None]]) -> list[Images]:
        return [real_image(packed, cls, i, size) for cls, i in classes_and_numbers if i is not None]

    truth_known, counterparts_known = pairs[0].known
    examples = [images((pair.target, i) for i in pair.examples) for pair in pairs]
    counterparts = [images((pair.source, i) for i in pair.counterparts) for pair in pairs]
    return Pairs(
        np.stack(images((pair.source, pair.content) for pair in pairs)),
        np.array(examples),
        np.array(counterparts) if counterparts_known else None,
        np.stack(images((pair.target, pair.truth) for pair in pairs)) if truth_known else None,
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
