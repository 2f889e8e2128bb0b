"""The judge of translation accuracy: features of an image in; the probability of each class out.

Shapes: N images, D numbers a feature, C classes.

The paper fine-tunes the whole network. Here the feature network is frozen and only a linear softmax
classifier on its pooled features is trained: minutes instead of hours, the same to the bit on every
run of one machine, and a network that no training of funit has touched. How right the judge is on
real images that it was never trained on stands beside what it judges: `Classifier.held_out`.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from funit.evaluation.distribution import Features, TooFewImagesError, float64_rows
from funit.evaluation.metrics import Values
from funit.feature_networks import FeatureNetwork
from funit.home import home, whole_file

Labels = NDArray[np.integer[Any]]
Indices = NDArray[np.intp]

FORMAT = 1  # of the cached file; a change of the training is a new number too
MIN_IMAGES_A_CLASS = 5  # one to choose the strength, one to hold out, three to learn from
HELD_OUT_SHARE = VALIDATION_SHARE = 0.2  # of each class
STRENGTHS = tuple(10.0**power for power in range(2, -6, -1))  # of the penalty, strongest first
FEW_SHOT_STRENGTH = 1e-2  # 1 to 1e-4 give the same accuracy within 0.02 on LPC and the menagerie

_MAX_STEPS = 200  # of L-BFGS
# Share of the mean variance that is added to each: where there are few images, a feature that they
# hardly show would else be blown up (1 image a class of LPC: accuracy 0.57 with it, 0.48 without).
_VARIANCE_SHARE = 0.1


@dataclass(frozen=True)
class HeldOut:
    """How often a classifier is right on real images that nothing was learned or chosen from.

    The mean over the classes: translations, too, go equally often into each.
    """

    top1: float
    top5: float | None
    """None where there are no more than five classes."""
    num_images: int


@dataclass(frozen=True, eq=False)
class Classifier:
    """A linear softmax classifier of features, with its own accuracy."""

    class_names: tuple[str, ...]
    weight: Values
    """(C, D)"""
    bias: Values
    """(C,)"""
    strength: float
    """Of the penalty, as chosen."""
    held_out: HeldOut

    @property
    def is_doubtful(self) -> bool:
        """Whether it is nearer to guessing than to being always right."""
        return self.held_out.top1 < (1 + 1 / len(self.class_names)) / 2

    def probabilities(self, features: Features) -> Values:
        """(N, D) -> (N, C), which add up to 1."""
        return _probabilities(float64_rows(features), self.weight, self.bias)

    def save(self, path: Path) -> None:
        """Writes one safetensors file whose metadata has all but the weights."""
        facts = {
            "class_names": self.class_names,
            "strength": self.strength,
            "held_out": asdict(self.held_out),
        }
        about = json.dumps(facts)
        metadata = {"about": about, "sha256": _digest(about, self.weight, self.bias)}
        with whole_file(path) as temporary:
            temporary.write_bytes(save({"weight": self.weight, "bias": self.bias}, metadata))

    @classmethod
    def load(cls, path: Path) -> "Classifier":
        """What `save` wrote; raises OSError where nothing can be read, ValueError if damaged."""
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                weight, bias = file.get_tensor("weight"), file.get_tensor("bias")
        except SafetensorError as error:
            raise ValueError(f"`{path}` is damaged: {error}") from None
        about = metadata.get("about", "")
        if metadata.get("sha256") != _digest(about, weight, bias):
            raise ValueError(f"`{path}` is damaged: its SHA-256 is not the one that was saved")
        facts = json.loads(about)
        held_out = HeldOut(**facts["held_out"])
        return cls(tuple(facts["class_names"]), weight, bias, facts["strength"], held_out)


@dataclass(frozen=True, eq=False)
class Shares:
    """Which images are for what: each class is divided alike."""

    training: Indices
    validation: Indices
    """Choose the strength of the penalty, then are learned from too."""
    held_out: Indices
    """Are never learned from."""


def divide(labels: Labels, class_names: Sequence[str], seed: int) -> Shares:
    """A fifth of each class held out, a fifth for validation, at random; at least one of each.

    A class is divided by its name and the seed: the same whatever other classes there are. Raises
    TooFewImagesError unless each class has 5 images.
    """
    if len(class_names) < 2:
        raise TooFewImagesError(f"a classifier needs 2 classes; there is {len(class_names)}")
    counts = np.bincount(labels, minlength=len(class_names))
    assert len(counts) == len(class_names), "a label without a name"
    if counts.min() < MIN_IMAGES_A_CLASS:
        raise TooFewImagesError(
            f"a classifier needs {MIN_IMAGES_A_CLASS} images of each class, else a fifth of them "
            f"is none; `{class_names[int(counts.argmin())]}` has {counts.min()}"
        )
    parts: list[list[Indices]] = []
    for label, name in enumerate(class_names):
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
        order = np.random.default_rng([seed % 2**64, number]).permutation(
            np.flatnonzero(labels == label)
        )
        first = round(HELD_OUT_SHARE * len(order))
        second = first + round(VALIDATION_SHARE * len(order))
        parts.append(np.split(order, [first, second]))
    held_out, validation, training = (
        np.sort(np.concatenate(part)) for part in zip(*parts, strict=True)
    )
    return Shares(training, validation, held_out)


def train_classifier(
    features: Features, labels: Labels, class_names: Sequence[str], seed: int
) -> Classifier:
    """Multinomial logistic regression with an L2 penalty on real images: (N, D), (N,).

    Minimises the mean cross-entropy, every class weighing the same, plus strength / 2 times the
    squared weights of the standardised features. The strength has the least cross-entropy on a
    validation share, which then joins the training. In 64 bits, so that no rounding decides when
    L-BFGS has arrived; the features are in memory about three times over. Raises
    TooFewImagesError with the reason.
    """
    shares = divide(labels, class_names, seed)
    rows = float64_rows(features)
    strength = _best_strength(rows, labels, shares, len(class_names))
    known = np.sort(np.concatenate([shares.training, shares.validation]))
    weights = _balanced(labels[known], len(class_names))
    weight, bias = _Regression(rows[known], labels[known], weights).fit(strength)

    probabilities = _probabilities(rows[shares.held_out], weight, bias)
    held_out = _held_out(probabilities, labels[shares.held_out])
    return Classifier(tuple(class_names), weight, bias, strength, held_out)


def classifier_key(
    network: FeatureNetwork,
    fingerprint: str,
    size: int,
    part: str,
    class_names: Sequence[str],
    seed: int,
) -> str:
    """The name of a classifier in the cache.

    The images are those of that part of the data with that fingerprint, at `size` pixels. The
    classes are named too: DATA without parts is divided anew by every seed.
    """
    settings = [FORMAT, network.name, network.sha256, fingerprint, size, part, *class_names, seed]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:32]


def cached_classifier(key: str, train: Callable[[], Classifier]) -> Classifier:
    """The classifier of that key: from the cache, else trained now and kept there."""
    path = home() / "classifiers" / f"{key}.safetensors"
    try:
        return Classifier.load(path)
    except (OSError, ValueError):  # none yet, or damaged: the cache is ours, so it is made anew
        pass
    classifier = train()
    classifier.save(path)
    return classifier


# What is judged


def top_k_accuracy(probabilities: Features, labels: Labels, k: int) -> Values:
    """1 for each image whose class is among the k most probable: (N, C), (N,) -> (N,).

    The paper's translation accuracy where the labels are the classes translated into: "all" by a
    classifier of all classes, "test" by one of the unseen alone. 0..1, higher is better. A class
    that is only as probable as others is not told from them: it ranks behind. Raises
    TooFewImagesError where k classes are all there are.
    """
    num_classes = probabilities.shape[1]
    if num_classes <= k:
        raise TooFewImagesError(
            f"top-{k} accuracy needs {k + 1} classes, else every answer is right; "
            f"there are {num_classes}"
        )
    assert np.isfinite(probabilities).all(), "NaN has no rank"
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    return ((probabilities >= own).sum(axis=1) <= k).astype(np.float64)


@dataclass(frozen=True, eq=False)
class ThresholdEffect:
    """What is gained and lost by using only results of at least some score: [0051]."""

    thresholds: Values
    """(T,)"""
    coverage: Values
    """(T,): the share of results that are used."""
    accuracy: Values
    """(T,): the share of those that are right; NaN where none is used."""


def threshold_effect(
    scores: Values, correct: Values, thresholds: Values | None = None
) -> ThresholdEffect:
    """Of each result its score, as the probability of the likeliest class, and 1 if it is right.

    Thresholds are 0, 0.01, ... 1 unless given.
    """
    assert len(scores) == len(correct) > 0, "a score and a truth for each result"
    thresholds = np.linspace(0, 1, 101) if thresholds is None else thresholds
    order = np.argsort(scores)
    first_used = np.searchsorted(scores[order], thresholds)
    used = len(scores) - first_used
    num_right = np.append(np.cumsum(correct[order][::-1])[::-1], 0.0)[first_used]
    accuracy = np.full(len(thresholds), np.nan)
    np.divide(num_right, used, out=accuracy, where=used > 0)
    return ThresholdEffect(thresholds, used / len(scores), accuracy)


@dataclass(frozen=True, eq=False)
class Labelled:
    """Features and the classes of their images, 0 to C - 1."""

    features: Features
    """(N, D)"""
    labels: Labels
    """(N,)"""


def few_shot_accuracy(
    real: Labelled,
    translated: Labelled | None,
    held_out: Labelled,
    *,
    translated_share: float = 0.5,
    strength: float = FEW_SHOT_STRENGTH,
) -> Values:
    """1 for each held-out real image that few real images and translations teach to recognise.

    The paper's use of translations: a classifier is trained on K real images a class and, with
    them, M translations a class (or none), and meets real images. As `train_classifier`, but
    nothing is chosen by any other image: the strength is given, and so is how much of a class its
    translations weigh together, however many they are. 0..1, higher is better; the gain is the
    difference to no translations. Raises TooFewImagesError where a class has no real image.
    """
    assert 0 < translated_share < 1, translated_share
    sets = [real, held_out] if translated is None else [real, held_out, translated]
    num_classes = 1 + max(int(each.labels.max(initial=0)) for each in sets)
    counts = np.bincount(real.labels, minlength=num_classes)
    if counts.min() == 0:
        raise TooFewImagesError(
            f"few-shot use needs a real image of each class; class {counts.argmin()} has none"
        )
    features, labels, weights = real.features, real.labels, _balanced(real.labels, num_classes)
    if translated is not None and len(translated.labels):
        helped = np.isin(labels, translated.labels)  # each class still weighs 1 / C in all
        weights = np.where(helped, 1 - translated_share, 1) * weights
        added = translated_share * _balanced(translated.labels, num_classes)
        weights = np.concatenate([weights, added])
        features = np.concatenate([features, translated.features])
        labels = np.concatenate([labels, translated.labels])
    weight, bias = _Regression(float64_rows(features), labels, weights).fit(strength)
    probabilities = _probabilities(float64_rows(held_out.features), weight, bias)
    return top_k_accuracy(probabilities, held_out.labels, 1)


# Training


class _Regression:
    """Weighted logistic regression on features that are standardised first.

    Successive fits go on from each other: the nearer the strengths, the fewer the steps.
    """

    def __init__(self, rows: Values, labels: Labels, weights: Values) -> None:
        self.mean, self.deviation = _standard(rows, weights)
        self.rows = torch.from_numpy((rows - self.mean) / self.deviation)
        self.labels = torch.from_numpy(labels.astype(np.int64))
        self.weights = torch.from_numpy(weights)
        size = (int(labels.max()) + 1, rows.shape[1] + 1)
        self.parameters = torch.zeros(size, dtype=torch.float64, requires_grad=True)

    def fit(self, strength: float) -> tuple[Values, Values]:
        """The weights (C, D) and biases (C,), for features that are not standardised."""
        optimizer = torch.optim.LBFGS(
            [self.parameters],
            max_iter=_MAX_STEPS,
            tolerance_grad=1e-6,
            tolerance_change=1e-12,
            history_size=10,
            line_search_fn="strong_wolfe",
        )

        def loss() -> Tensor:
            optimizer.zero_grad()
            weight, bias = self.parameters[:, :-1], self.parameters[:, -1]
            logits = torch.addmm(bias, self.rows, weight.T)
            entropies = F.cross_entropy(logits, self.labels, reduction="none")
            total = self.weights @ entropies + strength / 2 * weight.square().sum()
            total.backward()
            return total

        optimizer.step(loss)
        found = self.parameters.detach().numpy()
        weight: Values = found[:, :-1] / self.deviation
        bias: Values = found[:, -1] - weight @ self.mean
        return weight, bias


def _best_strength(rows: Values, labels: Labels, shares: Shares, num_classes: int) -> float:
    """The strength of the least cross-entropy on the validation share, from strong to weak."""
    taught, asked = labels[shares.training], labels[shares.validation]
    regression = _Regression(rows[shares.training], taught, _balanced(taught, num_classes))
    best, least = STRENGTHS[0], np.inf
    for strength in STRENGTHS:
        weight, bias = regression.fit(strength)
        logits = torch.from_numpy(rows[shares.validation] @ weight.T + bias)
        entropies = F.cross_entropy(logits, torch.from_numpy(asked), reduction="none").numpy()
        found = float(_balanced(asked, num_classes) @ entropies)
        if found >= least:  # beyond the minimum: weaker fits would only take longer
            break
        best, least = strength, found
    return best


def _standard(rows: Values, weights: Values) -> tuple[Values, Values]:
    """The weighted mean of each feature, and by what it is divided."""
    mean = weights @ rows
    variance = weights @ np.square(rows - mean)
    if variance.max() == 0:  # features that tell nothing
        return mean, np.ones_like(mean)
    return mean, np.sqrt(variance + _VARIANCE_SHARE * variance.mean())


def _balanced(labels: Labels, num_classes: int) -> Values:
    """The weight of each image: every class has 1 / C in all, if it has images."""
    counts = np.bincount(labels, minlength=num_classes)
    return 1 / (num_classes * counts[labels])


def _probabilities(rows: Values, weight: Values, bias: Values) -> Values:
    probabilities: Values = torch.from_numpy(rows @ weight.T + bias).softmax(dim=1).numpy()
    return probabilities


def _held_out(probabilities: Values, labels: Labels) -> HeldOut:
    num_classes = probabilities.shape[1]
    weights = _balanced(labels, num_classes)
    top1 = float(weights @ top_k_accuracy(probabilities, labels, 1))
    top5 = None
    if num_classes > 5:
        top5 = float(weights @ top_k_accuracy(probabilities, labels, 5))
    return HeldOut(top1, top5, len(labels))


def _digest(about: str, weight: Values, bias: Values) -> str:
    digest = hashlib.sha256(about.encode())
    for array in (weight, bias):
        digest.update(repr((array.shape, array.dtype.str)).encode() + array.tobytes())
    return digest.hexdigest()
