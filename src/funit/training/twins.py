"""Twins: for each training image, one of another class that shows the same pose.

To draw an image from its twin, the shape of one class has to become that of another, as in any
translation; and here the true answer is at hand. Nobody says which images are twins: the model's
pose codes tell, or its content maps, less what those of a class have in common, which is no pose.
Where classes are shown in the same poses, as on sprite sheets, many are found; elsewhere the
nearest pose has to do.

Mates are twins for whole classes: the images of two classes in the same poses, from which the data
set makes classes that never were, the upper part of one and the lower of another.

Shapes: N images of a pass, D numbers of a pose code.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from funit.data.dataset import Dataset, Twins
from funit.model.generator import Generator

IMAGES_AT_ONCE, ROWS_AT_ONCE = 64, 512
NUM_MATES = 4  # classes that each is mixed with, until twins are found anew
MOST_NUMBERS = 256  # of a pose: a whole content map is projected to so many


@torch.inference_mode()
def find_twins(
    generator: Generator, dataset: Dataset, draw: int = 0, is_ended: Callable[[], object] = bool
) -> Twins | None:
    """The twin of each image of a pass, and its mates; None if it was to end meanwhile.

    A twin is looked for among `training.twins_among` other classes, drawn anew for another `draw`;
    mates are of 4 classes, drawn for each class.
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
    with torch.autocast(device.type, enabled=False):  # 16 bits tell too few apart
        for some in torch.arange(len(poses), device=device).split(ROWS_AT_ONCE):
            if is_ended():
                return None
            allowed = other_classes(owners[some], num_classes, dataset.twins_among, random)
            found.append(nearest_allowed(poses, poses[some], allowed[:, owners]))
        mates, is_sure = find_mates(poses, owners, NUM_MATES if dataset.mix_classes else 0, random)
    return Twins(*(part.cpu().numpy() for part in (torch.cat(found), mates, is_sure)))


def find_mates(
    poses: Tensor, owners: Tensor, num_mates: int, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """For each image the nearest one of each of some classes, the same for all images of a class.

    And whether it is itself the nearest to that one: (N, D), (N,) -> (M, N), (M, N).
    """
    ends = owners.bincount().cumsum(dim=0).cpu()
    members = torch.arange(len(owners), device=owners.device).tensor_split(ends[:-1])
    mates = torch.empty(num_mates, len(owners), dtype=torch.int64, device=owners.device)
    is_sure = torch.empty_like(mates, dtype=torch.bool)
    for own, ours in enumerate(members):
        drawn = random.integers(len(members) - 1, size=num_mates)
        for mate, other in enumerate(drawn + (drawn >= own)):
            theirs = members[other]
            distances = torch.cdist(poses[ours], poses[theirs])
            nearest = distances.argmin(dim=1)
            mates[mate, ours] = theirs[nearest]
            back = distances.argmin(dim=0)[nearest]
            is_sure[mate, ours] = back == torch.arange(len(ours), device=back.device)
    return mates, is_sure


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
