"""Twins: for each training image, one of another class that shows the same pose.

To draw an image from its twin, the shape of one class has to become that of another, as in any
translation; and here the true answer is at hand. Nobody says which images are twins: the model's
pose codes tell, or its content maps, less what those of a class have in common, which is no pose.
Where classes are shown in the same poses, as on sprite sheets, many are found; elsewhere the
nearest pose has to do.

Shapes: N images of a pass, D numbers of a pose code.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from funit.data.dataset import Dataset, Numbers
from funit.model.generator import Generator

IMAGES_AT_ONCE, ROWS_AT_ONCE = 64, 512
MOST_NUMBERS = 256  # of a pose: a whole content map is projected to so many


@torch.inference_mode()
def find_twins(
    generator: Generator, dataset: Dataset, draw: int = 0, is_ended: Callable[[], object] = bool
) -> Numbers | None:
    """The number of the twin of each image of a pass (N,); None if it was to end meanwhile.

    Each is looked for among `training.twins_among` other classes, drawn anew for another `draw`.
    """
    device, num_classes = dataset.device, len(dataset.classes)
    owners = torch.arange(num_classes, device=device).repeat_interleave(
        torch.tensor([len(cls) for cls in dataset.classes], device=device)
    )
    codes: list[Tensor] = []
    for start in range(0, len(owners), IMAGES_AT_ONCE):
        if is_ended():
            return None
        numbers = range(start, min(start + IMAGES_AT_ONCE, len(owners)))
        codes.append(few_numbers(generator.pose_codes(dataset.middles(numbers)).float()))
    poses = without_class_means(torch.cat(codes), owners)
    random = np.random.default_rng([dataset.seed % 2**64, draw])
    found = []
    for some in torch.arange(len(poses), device=device).split(ROWS_AT_ONCE):
        if is_ended():
            return None
        allowed = other_classes(owners[some], num_classes, dataset.twins_among, random)
        with torch.autocast(device.type, enabled=False):  # 16 bits tell too few apart
            found.append(nearest_allowed(poses, poses[some], allowed[:, owners]))
    return torch.cat(found).cpu().numpy().astype(np.int64)


def few_numbers(codes: Tensor) -> Tensor:
    """Codes of more than 256 numbers projected at random: distances stay, to a few per cent.

    Johnson and Lindenstrauss (1984): (N, D) -> (N, 256).
    """
    if (num_numbers := codes.shape[1]) <= MOST_NUMBERS:
        return codes
    with torch.autocast(codes.device.type, enabled=False):
        return codes @ _projection(num_numbers, codes.device)


@lru_cache(maxsize=1)  # asked for again for every few images
def _projection(num_numbers: int, device: torch.device) -> Tensor:
    random = torch.Generator().manual_seed(0)
    projection = torch.randn(num_numbers, MOST_NUMBERS, generator=random) / MOST_NUMBERS**0.5
    return projection.to(device)


def without_class_means(codes: Tensor, owners: Tensor) -> Tensor:
    """The pose codes less the mean of their class: (N, D), class numbers (N,) -> (N, D)."""
    sums = codes.new_zeros(int(owners.max()) + 1, codes.shape[1]).index_add_(0, owners, codes)
    return codes - (sums / owners.bincount()[:, None])[owners]


def other_classes(
    own: Tensor, num_classes: int, among: int | None, random: np.random.Generator
) -> Tensor:
    """Which classes a twin may be of: some that are drawn, all others for None: (M,) -> (M, C)."""
    is_other = own[:, None] != torch.arange(num_classes, device=own.device)
    if among is None or among >= num_classes - 1:
        return is_other
    order = torch.from_numpy(random.random(is_other.shape)).to(own.device)
    drawn = order.masked_fill(~is_other, 2).topk(among, largest=False).indices
    return torch.zeros_like(is_other).scatter_(1, drawn, True)


def nearest_allowed(poses: Tensor, some: Tensor, is_allowed: Tensor) -> Tensor:
    """For some poses, the number of the nearest that is allowed: (N, D), (M, D), (M, N) -> (M,)."""
    # the squared distance, but for what is the same in a row
    distances = torch.addmm(poses.square().sum(dim=1), some, poses.T, alpha=-2)
    return distances.masked_fill_(~is_allowed, torch.inf).argmin(dim=1)
