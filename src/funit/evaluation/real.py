"""The real images that translations are judged beside: their features, and classifiers of them.

Shapes: N images, D features.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from funit.data.packed import Packed, PackedClass
from funit.evaluation.classifier import (
    Classifier,
    Labelled,
    cached_classifier,
    classifier_key,
    train_classifier,
)
from funit.evaluation.judge import Judge
from funit.evaluation.pairs import real_image

MAX_TARGET_IMAGES = 1000  # of a class that is translated into
# Of the seen classes, which the classifier "all" must know too. They can be very many.
MAX_SEEN_CLASSES = 500
MAX_SEEN_IMAGES, MIN_SEEN_IMAGES_A_CLASS = 10_000, 10
# Of the classes translated into, in all, where a few must do: a core looks at 25 a second.
FEW_IMAGES, MIN_FEW_A_CLASS = 300, 10

_AT_ONCE = 64  # images in memory

Progress = Callable[[int, int], None]  # (done, in all)


@dataclass(frozen=True, eq=False)
class RealImages:
    """Which real images are looked at: of each class a few, chosen by a seed."""

    targets: Sequence[PackedClass]
    seen: Sequence[PackedClass]
    """Classes that were there to train on; none where DATA has only those translated into."""
    num_seen_classes: int
    """Before some were chosen."""
    max_target_images: int
    """Of a class."""
    max_seen_images: int
    """Of a class."""
    seed: int

    @classmethod
    def few(cls, targets: Sequence[PackedClass], seed: int) -> "RealImages":
        """Those of the classes translated into alone, and not many of them."""
        most = max(MIN_FEW_A_CLASS, FEW_IMAGES // len(targets))
        return cls(targets, (), 0, most, 0, seed)

    @classmethod
    def of(cls, packed: Packed, targets: Sequence[PackedClass], seed: int) -> "RealImages":
        """Those of the classes translated into, and of the seen ones beside them."""
        others = [c for c in packed.parts.get("seen", []) if all(c is not t for t in targets)]
        order = np.random.default_rng([seed % 2**64, 4]).permutation(len(others))
        chosen = [others[i] for i in sorted(order[:MAX_SEEN_CLASSES])]
        share = MAX_SEEN_IMAGES // max(1, len(chosen))
        most = max(MIN_SEEN_IMAGES_A_CLASS, share)
        return cls(targets, chosen, len(others), MAX_TARGET_IMAGES, most, seed)

    @property
    def num_images(self) -> int:
        """How many are looked at."""
        return sum(len(self.numbers_of(cls)) for cls in [*self.targets, *self.seen])

    def numbers_of(self, cls: PackedClass) -> NDArray[np.intp]:
        """Which of a class's images: all, or so many by chance."""
        is_target = any(cls is target for target in self.targets)
        most = self.max_target_images if is_target else self.max_seen_images
        if len(cls) <= most:
            return np.arange(len(cls))
        order = np.random.default_rng([self.seed % 2**64, 5]).permutation(len(cls))
        return np.sort(order[:most])


@dataclass(frozen=True, eq=False)
class RealFeatures:
    """What one judge sees in the real images."""

    targets: Labelled
    """Labels are the numbers of the classes translated into."""
    seen: Labelled
    """Labels go on after those of the targets."""

    @property
    def all(self) -> Labelled:
        """Both."""
        return Labelled(
            np.concatenate([self.targets.features, self.seen.features]),
            np.concatenate([self.targets.labels, self.seen.labels]),
        )


def real_features(
    judge: Judge, packed: Packed, size: int, real: RealImages, progress: Progress | None = None
) -> RealFeatures:
    """Looks at the real images, or remembers what was seen."""
    done = 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, real.num_images)

    def look(classes: Sequence[PackedClass], first_label: int) -> Labelled:
        features = [np.empty((0, judge.num_features), np.float32)]
        labels: list[int] = []
        for label, cls in enumerate(classes, first_label):
            numbers = real.numbers_of(cls)
            for start in range(0, len(numbers), _AT_ONCE):
                some = numbers[start : start + _AT_ONCE]
                images = [real_image(packed, cls, int(i), size) for i in some]
                features.append(judge.features(np.stack(images)))
                report(len(some))
            labels += [label] * len(numbers)
        return Labelled(np.concatenate(features), np.array(labels, dtype=np.intp))

    return RealFeatures(look(real.targets, 0), look(real.seen, len(real.targets)))


def classifiers(
    judge: Judge, packed: Packed, size: int, part: str, real: RealImages, features: RealFeatures
) -> dict[str, Callable[[], Classifier]]:
    """How to get the paper's two: "test" knows the classes translated into, "all" the seen too."""
    targets = [cls.name for cls in real.targets]
    everything = [*targets, *(f"seen/{cls.name}" for cls in real.seen)]
    limits = f"{part}, {real.max_target_images}, {real.max_seen_images}"

    def of(images: Labelled, names: Sequence[str]) -> Callable[[], Classifier]:
        key = classifier_key(judge.network, packed.fingerprint, size, limits, names, real.seed)
        rows = images.features[:, judge.first]
        return lambda: cached_classifier(
            key, lambda: train_classifier(rows, images.labels, names, real.seed)
        )

    found = {"test": of(features.targets, targets)}
    if real.seen:
        found["all"] = of(features.all, everything)
    return found
