"""Twins: for each training image, one of another class that shows the same pose.

To draw an image from its twin, the shape of one class has to become that of another, as in any
translation; and here the true answer is at hand. Nobody says which images are twins: the model's
pose codes tell, or its content maps, less what those of a class have in common, which is no pose.
Where classes are shown in the same poses, as on sprite sheets, many are found; elsewhere the
nearest pose has to do. Where every class shows every pose, two classes can be matched one to one:
of frames that are nearly the same each then has its own.

Mates are twins for whole classes: the images of two classes in the same poses, from which the data
set makes classes that never were, the upper part of one and the lower of another.

Shapes: N images of a pass, D numbers of a pose code.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from funit.data.dataset import Dataset, Twins
from funit.model.generator import Generator

IMAGES_AT_ONCE, ROWS_AT_ONCE = 64, 512
NUM_MATES = 4  # classes that each is mixed with, until twins are found anew
MOST_NUMBERS = 256  # of a pose: a whole content map is projected to so many


class Matches(NamedTuple):
    """For each of N images one of each of M other classes, the same for all images of a class."""

    numbers: Tensor  # (M, N)
    distances: Tensor  # (M, N)
    is_sure: Tensor  # (M, N): both have each other, and nothing nearer

    def nearest(self, among: int) -> Tensor:
        """The nearest of the first classes: (N,)."""
        best = self.distances[:among].argmin(dim=0, keepdim=True)
        return self.numbers.gather(0, best)[0]


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
    among = min(dataset.twins_among or num_classes, num_classes - 1)
    num_mates = NUM_MATES if dataset.mix_classes else 0
    with torch.autocast(device.type, enabled=False):  # 16 bits tell too few apart
        if dataset.twins_one_to_one:
            num_others = max(among, num_mates)
            matches = match_classes(poses, owners, num_others, random, True, is_ended)
            nearest = matches.nearest(among)
        else:
            nearest = nearest_images(poses, owners, among, random, is_ended)
            matches = match_classes(poses, owners, num_mates, random, False, is_ended)
    if is_ended():
        return None
    mates, is_sure = matches.numbers[:num_mates], matches.is_sure[:num_mates]
    return Twins(*(part.cpu().numpy() for part in (nearest, mates, is_sure)))


def nearest_images(
    poses: Tensor,
    owners: Tensor,
    among: int,
    random: np.random.Generator,
    is_ended: Callable[[], object] = bool,
) -> Tensor:
    """For each image the nearest one of some other classes, drawn for it alone: (N, D) -> (N,)."""
    nearest, num_classes = torch.zeros_like(owners), int(owners[-1]) + 1
    for some in torch.arange(len(poses), device=poses.device).split(ROWS_AT_ONCE):
        if is_ended():
            break
        allowed = other_classes(owners[some], num_classes, among, random)
        nearest[some] = nearest_allowed(poses, poses[some], allowed[:, owners])
    return nearest


def match_classes(
    poses: Tensor,
    owners: Tensor,
    num_others: int,
    random: np.random.Generator,
    one_to_one: bool = False,
    is_ended: Callable[[], object] = bool,
) -> Matches:
    """Each class beside some others, drawn for it, as `matched_images` has it: (N, D), (N,)."""
    members = torch.arange(len(owners), device=owners.device).tensor_split(
        owners.bincount().cumsum(dim=0)[:-1].cpu()
    )
    num_others = min(num_others, len(members) - 1)
    numbers = torch.zeros(num_others, len(owners), dtype=torch.int64, device=owners.device)
    matches = Matches(numbers, poses.new_zeros(numbers.shape), numbers.bool())
    for own, ours in enumerate(members):
        if is_ended():
            break
        drawn = random.permutation(len(members) - 1)[:num_others]
        for row, other in enumerate(drawn + (drawn >= own)):
            distances = torch.cdist(poses[ours], poses[members[other]])
            matched, is_sure = matched_images(distances, one_to_one)
            matches.numbers[row, ours] = members[other][matched]
            matches.distances[row, ours] = distances.gather(1, matched[:, None])[:, 0]
            matches.is_sure[row, ours] = is_sure
    return matches


def matched_images(distances: Tensor, one_to_one: bool) -> tuple[Tensor, Tensor]:
    """Which of the others each image has, and whether surely: (A, B) -> (A,), (A,).

    The nearest, or one to one those of the least sum of distances; what is left over there has the
    nearest. Sure are images that are each other's nearest.
    """
    nearest, back = distances.argmin(dim=1), distances.argmin(dim=0)
    matched = nearest.clone()
    if one_to_one:
        rows, columns = map(torch.from_numpy, linear_sum_assignment(distances.cpu().numpy()))
        matched[rows.to(matched.device)] = columns.to(matched.device)
    own = torch.arange(len(nearest), device=nearest.device)
    return matched, (matched == nearest) & (back[matched] == own)


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


def other_classes(own: Tensor, num_classes: int, among: int, random: np.random.Generator) -> Tensor:
    """Which classes a twin may be of, some that are drawn, never its own: (M,) -> (M, C)."""
    is_other = own[:, None] != torch.arange(num_classes, device=own.device)
    if among >= num_classes - 1:
        return is_other
    order = torch.from_numpy(random.random(is_other.shape)).to(own.device)
    drawn = order.masked_fill(~is_other, 2).topk(among, largest=False).indices
    return torch.zeros_like(is_other).scatter_(1, drawn, True)


def nearest_allowed(poses: Tensor, some: Tensor, is_allowed: Tensor) -> Tensor:
    """For some poses, the number of the nearest that is allowed: (N, D), (M, D), (M, N) -> (M,)."""
    # the squared distance, but for what is the same in a row
    distances = torch.addmm(poses.square().sum(dim=1), some, poses.T, alpha=-2)
    return distances.masked_fill_(~is_allowed, torch.inf).argmin(dim=1)
