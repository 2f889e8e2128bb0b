"""Which class an image shows, or none of them: by its class code and by the network that judges.

Shapes: N images, C classes, S class-code size, D features of the network.

A class is known by examples, one is enough, or by DATA. An image is compared with each class by the
cosine between its class code and those of the examples, and by that of the features that the
judging network sees. A softmax over the classes, and over "none of them", makes scores of that.
Where DATA has enough images, the classifier of the evaluation is trained on it and has half the say
in which class it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from funit.data.images import ImageSource, fit, read_image
from funit.data.packed import Packed, PackedClass, packed_for
from funit.errors import UserError
from funit.evaluation.classifier import (
    Classifier,
    cached_classifier,
    classifier_key,
    train_classifier,
)
from funit.evaluation.distribution import TooFewImagesError
from funit.evaluation.judge import Judge
from funit.evaluation.measures import DEFAULT_NETWORK
from funit.evaluation.metrics import Images, Values
from funit.evaluation.pairs import real_image
from funit.feature_networks import FeatureNetwork, feature_network
from funit.model.device import find_device
from funit.translator import Translator, shares_of

# Chosen by scripts/measure_classification.py on drawn creatures; docs/classification.md has its
# figures.
CODE_SHARE = 0.15  # of the similarity; the rest is the network's
TEMPERATURE = 0.02  # of the softmax
STRANGER = 0.72  # the similarity at which a class and "none of them" are as probable
DEFAULT_THRESHOLD = 0.5

MAX_CLASSES = 500
MAX_IMAGES_A_CLASS = 100  # of DATA
_NUM_CODES = 16  # of these, as examples of the class code
_AT_ONCE = 16  # images in the network


@dataclass(frozen=True, eq=False)
class KnownClasses:
    """What is known of the classes to choose from."""

    names: tuple[str, ...]
    codes: Values
    """(C, S): of each class the mean of its examples' class codes, each of length 1."""
    features: Values
    """(C, D): the same of what the network sees."""
    trained: Classifier | None = None
    """Where there were images enough."""

    def similarity(self, codes: Values, features: Values) -> Values:
        """(N, S), (N, D), each of length 1 -> (N, C): the mean cosine to the examples."""
        found: Values = CODE_SHARE * codes @ self.codes.T
        return found + (1 - CODE_SHARE) * features @ self.features.T


@dataclass(frozen=True)
class Classified:
    """What an image shows."""

    cls: str | None
    """None: none of them."""
    score: float
    """0..1, of the likeliest class."""
    scores: Mapping[str, float]
    """Of every class, the likeliest first; what is missing to 1 is "none of them"."""


class Recogniser:
    """A model and the judging network, which classify together."""

    def __init__(self, translator: Translator, network: FeatureNetwork) -> None:
        self.translator, self.network = translator, network

    @classmethod
    def load(cls, model: str | Path = "default", device: str = "auto") -> "Recogniser":
        """With the class encoder of a model: its name, NAME@VERSION or a folder."""
        return cls.of(Translator.load(model, device), device)

    @classmethod
    def of(cls, translator: Translator, device: str = "auto") -> "Recogniser":
        """With the class encoder of a translator; raises UserError without the judging network."""
        return cls(translator, feature_network(DEFAULT_NETWORK, device=find_device(device)))

    def learn(self, examples: Mapping[str, Sequence[ImageSource]]) -> KnownClasses:
        """Classes of which a few images are shown."""
        for name, images in examples.items():
            if not images:
                raise UserError(f"class `{name}` has no example", hint="give at least one image")
        if not examples:
            raise UserError("no class is given", hint="show examples of one class at least")
        seen = [self._looked_at(images) for images in examples.values()]
        return KnownClasses(
            tuple(examples),
            np.stack([codes.mean(axis=0) for codes, _ in seen]),
            np.stack([features.mean(axis=0) for _, features in seen]),
        )

    def learn_data(self, data: Path, seed: int = 0) -> KnownClasses:
        """All classes of DATA, of which up to 100 images each are looked at.

        What the network saw is remembered; so is the classifier that is trained on it, if there are
        two classes and each has five images.
        """
        packed = packed_for(data, self.translator.image_size)
        chosen = _chosen(packed, seed)
        judge = Judge(self.network)  # its memory is for one thread
        rows, codes = [], []
        for images in chosen.values():  # one class after another: all may not fit into memory
            pictures = self.pictures(packed, images)
            rows.append(judge.features(pictures)[:, judge.first].astype(np.float64))
            codes.append(self.codes([*pictures[:_NUM_CODES]]))
        return KnownClasses(
            tuple(chosen),
            np.stack([each.mean(axis=0) for each in codes]),
            np.stack([unit(each).mean(axis=0) for each in rows]),
            self._trained(packed, list(chosen), rows, seed),
        )

    def classify(
        self,
        images: Sequence[ImageSource],
        known: KnownClasses,
        threshold: float = DEFAULT_THRESHOLD,
    ) -> list[Classified]:
        """The class of each image; None where no score reaches the threshold, [0051]."""
        if not 0 <= threshold <= 1:
            raise UserError(
                f"the threshold {threshold:g} is not in 0..1",
                hint=f"{DEFAULT_THRESHOLD} is the default",
            )
        if not images:
            return []
        size = self.translator.image_size
        pictures = [self._picture(image, size) for image in images]
        codes, features = self.codes(pictures), self.features(np.stack(pictures))
        scores = probabilities(known.similarity(codes, unit(features)), TEMPERATURE, STRANGER)
        if known.trained:
            scores = with_trained(scores, known.trained.probabilities(features))
        return [_classified(row, known.names, threshold) for row in scores]

    def learn_one(
        self, examples: Sequence[ImageSource], weights: Sequence[float] | None = None
    ) -> KnownClasses:
        """A single class, of which each example counts what it does in the look they make."""
        shares = shares_of(weights, len(examples))
        codes, features = self._looked_at(examples)
        return KnownClasses(("shown",), (shares @ codes)[None], (shares @ features)[None])

    def likeness(self, results: Sequence[ImageSource], known: KnownClasses) -> list[float]:
        """How like each result is to the examples of a single class, 0..1; [0051].

        It is the similarity of which `classify` makes its scores. Those say whether it is a real
        image of the class, which few translations pass for; this tells better ones from worse.
        """
        similarity = known.similarity(*self._looked_at(results))
        return [float(value) for value in similarity[:, 0].clip(0, 1)]

    def _looked_at(self, images: Sequence[ImageSource]) -> tuple[Values, Values]:
        """The class codes and the features of images, each of length 1."""
        size = self.translator.image_size
        pictures = [self._picture(image, size) for image in images]
        return self.codes(pictures), unit(self.features(np.stack(pictures)))

    def _picture(self, image: ImageSource, size: int) -> Images:
        background = self.translator.config.data.background
        return np.asarray(fit(read_image(image, background, shortest=2 * size), size))

    def pictures(self, packed: Packed, images: Sequence[tuple[PackedClass, int]]) -> Images:
        """Images of a packed file, at the model's size."""
        size = self.translator.image_size
        return np.stack([real_image(packed, cls, i, size) for cls, i in images])

    def codes(self, pictures: Sequence[Images]) -> Values:
        """The class code of each picture, of length 1: (N, S)."""
        return unit(self.translator.class_codes([Image.fromarray(each) for each in pictures]))

    def features(self, pictures: Images) -> Values:
        """What the network sees in each picture, (N, D); nothing of it is kept on disk."""
        starts = range(0, len(pictures), _AT_ONCE)
        parts = [self.network(pictures[i : i + _AT_ONCE]).pooled for i in starts]
        return np.concatenate(parts).astype(np.float64)

    def _trained(
        self, packed: Packed, names: Sequence[str], rows: Sequence[Values], seed: int
    ) -> Classifier | None:
        what = f"classify, {MAX_IMAGES_A_CLASS}"
        size = self.translator.image_size
        key = classifier_key(self.network, packed.fingerprint, size, what, names, seed)
        labels = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
        try:
            return cached_classifier(
                key, lambda: train_classifier(np.concatenate(rows), labels, names, seed)
            )
        except TooFewImagesError:
            return None


def probabilities(similarity: Values, temperature: float, stranger: float) -> Values:
    """(N, C) -> (N, C): the share of each class where "none of them" is as near as `stranger`."""
    none = np.full((len(similarity), 1), stranger)
    logits = np.concatenate([similarity, none], axis=1) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Values = (powers / powers.sum(axis=1, keepdims=True))[:, :-1]
    return shares


def with_trained(scores: Values, trained: Values) -> Values:
    """Both have half the say in which class it is; the first alone in whether it is any."""
    return (scores + scores.sum(axis=1, keepdims=True) * trained) / 2


def _classified(row: Values, names: Sequence[str], threshold: float) -> Classified:
    order = np.argsort(-row, kind="stable")
    scores = {names[i]: float(row[i]) for i in order}
    best = int(order[0])
    score = float(row[best])
    return Classified(names[best] if score >= threshold else None, score, scores)


def _chosen(packed: Packed, seed: int) -> dict[str, list[tuple[PackedClass, int]]]:
    """Of each class, whatever part it is in, up to so many images by chance."""
    found: dict[str, list[tuple[PackedClass, int]]] = {}
    for classes in packed.parts.values():
        for cls in classes:
            found.setdefault(cls.name, []).extend((cls, i) for i in range(len(cls)))
    if len(found) > MAX_CLASSES:
        raise UserError(
            f"`{packed.path}` has {len(found)} classes: the limit is {MAX_CLASSES}",
            hint="give data of those classes alone that come into question",
        )
    for name, images in found.items():
        order = np.random.default_rng([seed % 2**64, 6]).permutation(len(images))
        found[name] = [images[i] for i in order[:MAX_IMAGES_A_CLASS]]
    return found


def unit(rows: NDArray[np.floating[Any]]) -> Values:
    """Rows of length 1."""
    wide: Values = rows.astype(np.float64)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
