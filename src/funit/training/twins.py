"""Twins: for each training image, one of another class that shows the same pose.

To draw an image from its twin, the shape of one class has to become that of another, as in any
translation; and here the true answer is at hand. Nobody says which images are twins: the model's
pose codes tell, less what those of a class have in common, which is no pose. Where classes are
shown in the same poses, as on sprite sheets, many are found; elsewhere the nearest pose has to do.

Shapes: N images of a pass, D numbers of a pose code.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from funit.data.dataset import Dataset, Numbers
from funit.model.generator import Generator

IMAGES_AT_ONCE, ROWS_AT_ONCE = 64, 512


@torch.inference_mode()
def find_twins(
    generator: Generator, dataset: Dataset, is_ended: Callable[[], object] = bool
) -> Numbers | None:
    """The number of the twin of each image of a pass (N,); None if it was to end meanwhile."""
    owners = torch.arange(len(dataset.classes), device=dataset.device).repeat_interleave(
        torch.tensor([len(cls) for cls in dataset.classes], device=dataset.device)
    )
    codes: list[Tensor] = []
    for start in range(0, len(owners), IMAGES_AT_ONCE):
        if is_ended():
            return None
        numbers = range(start, min(start + IMAGES_AT_ONCE, len(owners)))
        codes.append(generator.pose_codes(dataset.middles(numbers)).float())
    poses = without_class_means(torch.cat(codes), owners)
    found = []
    for some in torch.arange(len(poses), device=dataset.device).split(ROWS_AT_ONCE):
        if is_ended():
            return None
        with torch.autocast(dataset.device.type, enabled=False):  # 16 bits tell too few apart
            found.append(nearest_of_others(poses, owners, some))
    return torch.cat(found).cpu().numpy().astype(np.int64)


def without_class_means(codes: Tensor, owners: Tensor) -> Tensor:
    """The pose codes less the mean of their class: (N, D), class numbers (N,) -> (N, D)."""
    sums = codes.new_zeros(int(owners.max()) + 1, codes.shape[1]).index_add_(0, owners, codes)
    return codes - (sums / owners.bincount()[:, None])[owners]


def nearest_of_others(poses: Tensor, owners: Tensor, some: Tensor) -> Tensor:
    """For some of the images, the nearest one of another class: (N, D), (N,), (M,) -> (M,)."""
    # the squared distance, but for what is the same in a row
    distances = torch.addmm(poses.square().sum(dim=1), poses[some], poses.T, alpha=-2)
    is_own = owners[some][:, None] == owners
    return distances.masked_fill_(is_own, torch.inf).argmin(dim=1)
