"""How unlike the training data an image is: the distance of its codes from theirs.

A code is made of what a network gives at each position: means, then deviations, over positions. Its
distance is the root mean square of its numbers, each in deviations of the training data: 1 is as
usual; of 100 training images few reach 1.5, and what reaches 2 is another kind of picture. A look
has two such distances, that of its class code and that of its attention's keys, and the larger one
counts: noise mostly has a usual class code with unusual keys.

Shapes: N images, C channels of h x w content map, S class-code size, A key channels, P positions.
This module imports no torch.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from funit.config import ModelConfig
from funit.model.code_statistics import CodeStatistics, Moments

Floats = NDArray[np.floating[Any]]

_LEAST = 0.05  # of the mean deviation: a number that hardly ever differs would outweigh all others


def statistics_of(content: Floats, looks: Floats) -> CodeStatistics:
    """The statistics of N images: their `content_codes` and `look_codes`."""
    return CodeStatistics(num_images=len(content), content=_moments(content), look=_moments(looks))


def distances(codes: Floats, usual: Moments) -> list[float]:
    """How far each of (N, D) codes is from what is usual."""
    apart = (codes - np.array(usual.mean)) / np.array(usual.deviation)
    return [float(distance) for distance in np.sqrt(np.square(apart).mean(axis=1))]


def look_distances(codes: Floats, usual: Moments, config: ModelConfig) -> list[float]:
    """How far each of (N, S + 2A) codes of looks is from what is usual."""
    size = config.class_code_size
    parts = [part for part in (slice(size), slice(size, None)) if usual.mean[part]]
    found = [
        distances(codes[:, part], Moments(mean=usual.mean[part], deviation=usual.deviation[part]))
        for part in parts
    ]
    return [max(each) for each in zip(*found, strict=True)]


def content_codes(maps: Floats, config: ModelConfig) -> Floats:
    """What is compared of content maps: (N, C, h, w) -> (N, 2C), a background's colour left out."""
    if config.plain_background:
        maps = maps[:, :-3]
    lines = maps.reshape(*maps.shape[:2], -1)
    num_positions = lines.shape[2]
    return _pooled(lines, np.full((len(lines), num_positions), 1 / num_positions))


def look_codes(class_code: Floats, keys: Floats, log_shares: Floats) -> Floats:
    """What is compared of looks: (N, S), (N, A, P), (N, P) -> (N, S + 2A)."""
    if not keys.size:
        return class_code
    shares = np.exp(log_shares)
    pooled = _pooled(keys, shares / shares.sum(axis=1, keepdims=True))
    return np.concatenate([class_code, pooled], axis=1)


def _pooled(lines: Floats, shares: Floats) -> Floats:
    """Means, then deviations, positions counting their shares: (N, C, P), (N, P) -> (N, 2C)."""
    mean = np.einsum("ncp,np->nc", lines, shares)
    variance = np.einsum("ncp,np->nc", np.square(lines - mean[:, :, None]), shares)
    return np.concatenate([mean, np.sqrt(variance)], axis=1)


def _moments(codes: Floats) -> Moments:
    deviation = codes.std(axis=0, dtype=np.float64)
    deviation = np.maximum(deviation, _LEAST * deviation.mean() or 1.0)
    return Moments(mean=_short(codes.mean(axis=0, dtype=np.float64)), deviation=_short(deviation))


def _short(numbers: Floats) -> list[float]:
    """Five digits are enough."""
    return [float(f"{number:.5g}") for number in numbers]
