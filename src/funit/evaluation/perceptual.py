"""How far two images are apart as a feature network sees them: their maps -> a number an image.

Shapes: N images, C channels at h x w positions.

The maps are those of `Features.maps`. The figures of two networks are not comparable, so the caller
names a metric by its network. An image's number does not depend on the others of its batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from funit.evaluation.metrics import Values
from funit.feature_networks import unit_distance

Maps = Sequence[Tensor]

# What is deeper says what is there, not where. Of translations with the same and with another pose,
# stride 16 of EfficientNet-lite0 tells which is which for 93% of pairs, its head of 7 x 7 for 71%.
MIN_CONTENT_SIDE = 14  # positions

_FLAT = 1e-5  # a deviation below this share of the mean is rounding: the channel is constant


def dipd(content_maps: Maps, translation_maps: Maps) -> Values:
    """Domain-invariant perceptual distance (Huang et al., 2018; the paper's DIPD): (N,).

    The mean over channels and positions of (a - b)^2, where a and b are one map of the content
    image and of its translation, each channel with mean 0 and variance 1 over the positions: what
    a class changes everywhere is gone, where things are stays. The map is the deepest of at least
    14 x 14 positions: for VGG-16 that is conv5_3, as in the paper; for the others, stride 16 too.

    It is 2 - 2r, r being the correlation of a channel's two maps, averaged over the channels. 0 if
    alike, 2 if unrelated, at most 4; lower is content better kept. No root is taken: the figure is
    then linear in r, and the mean over images that over all their channels. Others may scale it
    otherwise: only figures of this form are comparable. A constant channel
    counts as all 0: nothing beside another such, 1 beside one that is not.
    """
    _check_alike(content_maps, translation_maps)
    number = content_map(content_maps)
    content, translation = content_maps[number], translation_maps[number]
    difference = _instance_normalised(content) - _instance_normalised(translation)
    return _values(difference.square().mean(dim=(1, 2, 3)))


def perceptual_distance(
    one_maps: Maps, other_maps: Maps, masks: NDArray[np.bool_] | None = None
) -> Values:
    """Distance of deep features without learned weights (Zhang et al., 2018, their baseline): (N,).

    The features at each position are a vector over the channels, scaled to length 1. Squared
    differences, summed over channels; the mean over positions; the mean over all maps (theirs is
    the sum: divide by the number of maps). 2 - 2 cos of the angle between the vectors: 0 if alike,
    at most 4, and at most 2 where features follow a ReLU; lower is nearer.

    With masks (N, H, W) a position counts by the share of its pixels that the mask holds; NaN for
    an image whose mask is empty.
    """
    _check_alike(one_maps, other_maps)
    distances = []
    for one, other in zip(one_maps, other_maps, strict=True):
        distances.append(_weighted(unit_distance(one, other), masks))
    mean: Values = np.mean(distances, axis=0)
    return mean


def _weighted(distances: Tensor, masks: NDArray[np.bool_] | None) -> Values:
    # (N, h, w) -> (N,)
    if masks is None:
        return _values(distances.mean((1, 2)))
    pixels = torch.from_numpy(masks).to(distances.device).float()
    shares = F.interpolate(pixels[:, None], distances.shape[1:], mode="area")[:, 0]
    return _values((distances * shares).sum((1, 2)) / shares.sum((1, 2)))  # 0 / 0 is NaN


def content_map(maps: Maps) -> int:
    """The number of the deepest map that is fine enough to tell of places."""
    fine = [i for i, features in enumerate(maps) if min(features.shape[2:]) >= MIN_CONTENT_SIDE]
    assert fine, f"no map has {MIN_CONTENT_SIDE} x {MIN_CONTENT_SIDE} positions"
    return fine[-1]


def _instance_normalised(features: Tensor) -> Tensor:
    # (N, C, h, w) -> (N, C, h, w)
    mean = features.mean(dim=(2, 3), keepdim=True)
    centred = features - mean
    deviation = centred.square().mean(dim=(2, 3), keepdim=True).sqrt()
    # instead of the usual 1e-5 beside the variance, which would favour channels of large values
    is_flat = deviation <= _FLAT * mean.abs()
    return (centred / deviation).masked_fill(is_flat, 0)


def _values(distances: Tensor) -> Values:
    values: Values = distances.cpu().double().numpy()
    return values


def _check_alike(one_maps: Maps, other_maps: Maps) -> None:
    shapes = [tuple(features.shape) for features in one_maps]
    assert shapes, "no maps"
    assert shapes == [tuple(features.shape) for features in other_maps], "maps of one network"
