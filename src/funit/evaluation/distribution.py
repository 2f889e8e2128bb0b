"""How far the translations of a set are from the real images of a set: features -> numbers.

Shapes: N real images, M translations, D numbers a feature, C classes. Any feature network will
do: the figures of two networks are not comparable, so the caller names a metric by its network.
Where each image has its own value, the metric is the mean of what is returned.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from funit.evaluation.metrics import Values

Features = NDArray[np.floating[Any]]

MIN_KID_IMAGES = 20  # any number is unbiased, but below this the deviation is itself a guess
MIN_IMAGES_PER_NEIGHBOUR = 10  # a ball that holds more than a tenth of its set is not local

_MAX_ENTRIES = 2**22  # distances held at once: 32 MiB
_ROUNDING = 1e-12  # squared distances below this share of the squared norms are zero
_TIE = 1e-9  # squared distances nearer than this to each other, as a share, are equal


class TooFewImagesError(Exception):
    """There are too few images for the metric to mean anything; the message says why.

    The report leaves the metric out and prints the message.
    """


@dataclass(frozen=True, eq=False)
class Gaussian:
    """The Gaussian fitted to a set of features, which may come in batches of any size.

    Its memory grows with the square of the feature, not with the number of images.
    """

    num_images: int
    mean: Values
    """(D,)"""
    scatter: Values
    """(D, D): the sum of the outer products of the deviations from the mean."""

    @classmethod
    def of(cls, features: Features) -> "Gaussian":
        """Of one batch: (N, D), N > 0."""
        rows = float64_rows(features)
        mean = rows.mean(axis=0)
        return cls(len(rows), mean, (rows - mean).T @ (rows - mean))

    @classmethod
    def of_batches(cls, batches: Iterable[Features]) -> "Gaussian":
        """Of all the batches together, one batch in memory at a time."""
        gaussians = (cls.of(batch) for batch in batches if len(batch))
        whole = next(gaussians, None)
        if whole is None:
            raise TooFewImagesError("a Gaussian needs an image; there is none")
        for gaussian in gaussians:
            whole = whole.merged(gaussian)
        return whole

    def merged(self, other: "Gaussian") -> "Gaussian":
        """Of the images of both (Chan et al., 1979: nothing large is subtracted)."""
        num_images = self.num_images + other.num_images
        shift = other.mean - self.mean
        mean = self.mean + shift * (other.num_images / num_images)
        between = np.outer(shift, shift) * (self.num_images * other.num_images / num_images)
        return Gaussian(num_images, mean, self.scatter + other.scatter + between)

    @property
    def covariance(self) -> Values:
        """The unbiased covariance, (D, D)."""
        return self.scatter / (self.num_images - 1)

    @cached_property
    def root(self) -> Values:
        """A matrix R for which R R^T is the covariance: (D, D)."""
        variances, directions = np.linalg.eigh(self.covariance)
        root: Values = directions * np.sqrt(np.maximum(variances, 0))
        return root


def fid(real: Gaussian, translated: Gaussian) -> float:
    """Fréchet Inception distance (Heusel et al., 2017), of sets that are large enough.

    The formula is that of `frechet_distance`. From 0 (equal); lower is better.

    Needs more than D images on each side, as its authors ask: with fewer, a covariance is singular
    whatever the images are, and the figure tells of their number. Two samples of N from one
    Gaussian that is equally wide in all directions are still about (D + 5) / 2N of its total
    variance apart: compare only figures of equally many images.
    """
    size, found = len(real.mean), min(real.num_images, translated.num_images)
    _require(
        found, size + 1, f"FID over features of {size} numbers", "else a covariance is singular"
    )
    return frechet_distance(real, translated)


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """The squared 2-Wasserstein distance of two Gaussians; from 0, lower is nearer.

    |m - n|^2 + tr S + tr T - 2 tr (S^1/2 T S^1/2)^1/2 (Dowson and Landau, 1982). The last trace is
    the sum of the singular values of T^1/2 S^1/2: the eigenvalues of S^1/2 T S^1/2 are their
    squares, of which rounding would lose the small ones.
    """
    shift = one.mean - other.mean
    product = other.root.T @ one.root
    overlap = np.linalg.svd(product, compute_uv=False).sum()
    traces = np.trace(one.covariance) + np.trace(other.covariance)
    return max(0.0, float(shift @ shift + traces - 2 * overlap))


def kid(
    real: Features,
    translated: Features,
    seed: int,
    num_subsets: int = 100,
    max_subset_size: int = 1000,
) -> tuple[float, float]:
    """Kernel Inception distance (Bińkowski et al., 2018): its mean and deviation over subsets.

    `squared_mmd` of random subsets, each without replacement. From about 0 (equal; unbiased, so it
    may be negative); lower is better. The right one for small sets.

    A subset is half the smaller set, at most 1000 images as in the authors' code. Of halves, the
    deviation is about the standard error of the mean (a half-sample jackknife); of less than a
    half, it is that of so small a set. Needs 20 images on each side.
    """
    found = min(len(real), len(translated))
    _require(found, MIN_KID_IMAGES, "KID", "else its deviation is a guess")
    real, translated = float64_rows(real), float64_rows(translated)
    size = min(max_subset_size, found // 2)
    draws = np.random.default_rng(seed)
    values = [
        squared_mmd(
            real[draws.choice(len(real), size, replace=False)],
            translated[draws.choice(len(translated), size, replace=False)],
        )
        for _ in range(num_subsets)
    ]
    return float(np.mean(values)), float(np.std(values))


def squared_mmd(one: Features, other: Features) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy (Gretton et al., 2012).

    mean k(x, x') + mean k(y, y') - 2 mean k(x, y), no image paired with itself, where
    k(x, y) = (x.y / D + 1)^3. About 0 if equal, negative by chance; lower is nearer.
    """
    one, other = float64_rows(one), float64_rows(other)
    between = _cubic_kernel(one, other).mean()
    return float(_mean_of_pairs(one) + _mean_of_pairs(other) - 2 * between)


def inception_score(
    probabilities: Features, seed: int, num_splits: int = 10
) -> tuple[float, float]:
    """Inception score (Salimans et al., 2016): its mean and deviation over splits.

    exp of the mean over images of KL(p(y|x) || p(y)), where p(y) is the mean of p(y|x) over the
    split, for (M, C) probabilities of a classifier. From 1 (all predictions alike) to C (certain of
    each, all classes equally often); higher is better. It sees no real image.

    The images are dealt to 10 splits, as in the paper, but at random: they may come class by class.
    A split of fewer than C images cannot reach C, so it needs C images for each split.
    """
    num_images, num_classes = probabilities.shape
    sums = InceptionSums.of(num_images, num_classes, seed, num_splits)
    sums.add(probabilities)
    return sums.score()


@dataclass(eq=False)
class InceptionSums:
    """What the inception score needs of probabilities that come some at a time."""

    splits: NDArray[np.intp]
    """(M,): of each image."""
    totals: Values
    """(splits, C): the sums of the probabilities."""
    entropies: Values
    """(splits,): the sums of the entropies."""
    num_added: int = 0

    @classmethod
    def of(
        cls, num_images: int, num_classes: int, seed: int, num_splits: int = 10
    ) -> "InceptionSums":
        """None yet; raises TooFewImagesError where there will be too few."""
        _require(
            num_images,
            num_classes * num_splits,
            f"the inception score over {num_classes} classes in {num_splits} splits",
            "else a split has fewer images than classes",
        )
        splits = np.empty(num_images, np.intp)
        order = np.random.default_rng(seed).permutation(num_images)
        for number, images in enumerate(np.array_split(order, num_splits)):
            splits[images] = number
        return cls(splits, np.zeros((num_splits, num_classes)), np.zeros(num_splits))

    def add(self, probabilities: Features) -> None:
        """The next images: (M', C)."""
        rows = float64_rows(probabilities)
        assert np.allclose(rows.sum(axis=1), 1, atol=1e-3), "probabilities, not scores"
        splits = self.splits[self.num_added : self.num_added + len(rows)]
        self.num_added += len(rows)
        np.add.at(self.totals, splits, rows)
        np.add.at(self.entropies, splits, _entropy(rows))

    def score(self) -> tuple[float, float]:
        """The mean and the deviation over splits."""
        assert self.num_added == len(self.splits), "some are missing"
        counts = np.bincount(self.splits)
        # The mean KL is the entropy of the mean less the mean entropy: no division, no log of zero.
        means = self.totals / counts[:, None]
        scores = np.exp(_entropy(means) - self.entropies / counts)
        return float(np.mean(scores)), float(np.std(scores))


@dataclass(frozen=True, eq=False)
class PRDC:
    """Precision, recall, density and coverage, a value an image: each metric is the mean."""

    precision: Values
    """(M,): 1 for a translation inside the ball of any real image. 0..1, higher is better."""
    recall: Values
    """(N,): 1 for a real image inside the ball of any translation. 0..1, higher is better, but
    a few translations far from all else, whose balls are large, can raise it."""
    density: Values
    """(M,): in how many balls of real images a translation is, over K. From 0, about 1 if equal
    and above it where the translations crowd where real images are dense; higher is better."""
    coverage: Values
    """(N,): 1 for a real image with a translation in its ball. 0..1, higher is better; two equal
    distributions have 1 - 2^-K, if N = M is large."""


def prdc(real: Features, translated: Features, num_neighbours: int = 5) -> PRDC:
    """Precision and recall (Kynkäänniemi et al., 2019), density and coverage (Naeem et al., 2020).

    The ball of an image reaches to, and does not include, its K-th nearest neighbour in its own
    set, as in the code of Naeem et al.; K = 5 is theirs too (3 in the older paper). All four
    depend on N and M. Needs 10 K images on each side.
    """
    _require(
        min(len(real), len(translated)),
        MIN_IMAGES_PER_NEIGHBOUR * num_neighbours,
        f"precision, recall, density and coverage with {num_neighbours} neighbours",
        "else a neighbourhood is a large part of its set",
    )
    real, translated = float64_rows(real), float64_rows(translated)
    real_radii = _squared_radii(real, num_neighbours)
    translated_radii = _squared_radii(translated, num_neighbours)
    num_balls = np.zeros(len(translated))
    recall, coverage = np.zeros(len(real)), np.zeros(len(real))
    for part, distances in _squared_distances(real, translated):
        in_real = distances < real_radii[part, None] * (1 - _TIE)
        num_balls += in_real.sum(axis=0)
        coverage[part] = in_real.any(axis=1)
        recall[part] = (distances < translated_radii * (1 - _TIE)).any(axis=1)
    precision = (num_balls > 0).astype(np.float64)
    return PRDC(precision, recall, num_balls / num_neighbours, coverage)


def nearer_to_training(translated: Features, training: Features, others: Features) -> Values:
    """1 for each translation that is nearer to a training image than to any other real image: (M,).

    The mean is the share of likely copies. 0..1; lower is better. Chance alone gives T / (T + N) if
    T training and N other images are of one kind; translations into an unseen class,
    beside other images of that class, should be well below.
    """
    _require(min(len(training), len(others)), 1, "the memory check", "on either side of the choice")
    to_training = _squared_to_nearest(translated, training)
    return (to_training < _squared_to_nearest(translated, others) * (1 - _TIE)).astype(np.float64)


def diversity(features: Features) -> float:
    """The mean Euclidean distance between two of a group of outputs: (M, D), M > 1.

    Of one pose in several looks, 0 says that the look is ignored; of one look in several poses, 0
    says that the pose is. From 0; as good as that of real images of the same looks and
    poses, so report it as a share of theirs.
    """
    _require(len(features), 2, "the distance between outputs", "to have a pair")
    rows = float64_rows(features)
    total = sum(np.sqrt(distances).sum() for _, distances in _squared_distances(rows, rows))
    return float(total / (len(rows) * (len(rows) - 1)))


def _require(found: int, needed: int, metric: str, reason: str) -> None:
    if found < needed:
        images = "image" if needed == 1 else "images"
        raise TooFewImagesError(f"{metric} needs {needed} {images}, {reason}; there are {found}")


def float64_rows(features: Features) -> Values:
    """Features to compute with: (N, D) in 64 bits, all finite."""
    array = np.asarray(features, dtype=np.float64)
    assert array.ndim == 2, "one row an image"
    assert np.isfinite(array).all(), "NaN and infinity have no distance"
    return array


def _cubic_kernel(one: Values, other: Values) -> Values:
    kernel: Values = (one @ other.T / one.shape[1] + 1) ** 3
    return kernel


def _mean_of_pairs(rows: Values) -> float:
    """The mean of the kernel over pairs of different rows."""
    kernel = _cubic_kernel(rows, rows)
    return float((kernel.sum() - np.trace(kernel)) / (len(rows) * (len(rows) - 1)))


def _entropy(probabilities: Values) -> Values:
    """In nats, over the last axis; 0 log 0 is 0."""
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return -np.sum(probabilities * logs, axis=-1)


def _squared_radii(rows: Values, num_neighbours: int) -> Values:
    """The squared distance of each row to its K-th nearest other row."""
    radii = np.empty(len(rows))
    for part, distances in _squared_distances(rows, rows):
        # place 0 is the row itself
        radii[part] = np.partition(distances, num_neighbours, axis=1)[:, num_neighbours]
    return radii


def _squared_to_nearest(rows: Features, columns: Features) -> Values:
    nearest = np.empty(len(rows))
    for part, distances in _squared_distances(float64_rows(rows), float64_rows(columns)):
        nearest[part] = distances.min(axis=1)
    return nearest


def _squared_distances(rows: Values, columns: Values) -> Iterator[tuple[slice, Values]]:
    """Each row's squared distance to each column, a few rows at a time, and which rows.

    The distance of equal features is exactly zero.
    """
    centre = columns.mean(axis=0)  # near the origin rounding takes less
    rows, columns = rows - centre, columns - centre
    row_norms, column_norms = np.square(rows).sum(axis=1), np.square(columns).sum(axis=1)
    size = max(1, _MAX_ENTRIES // len(columns))
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        norms = row_norms[part, None] + column_norms
        distances = norms - 2 * rows[part] @ columns.T
        distances[distances < _ROUNDING * norms] = 0
        yield part, distances
