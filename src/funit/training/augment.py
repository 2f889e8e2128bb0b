"""Differentiable augmentation: what the discriminator sees, of real images and of translations.

Moves, colours and cut-outs are those of DiffAugment (Zhao et al., 2020), each with a probability,
which may follow how sure the discriminator is of the images it learns from (ADA, Karras et al.,
2020). Numbers are drawn from the seed and the step alone: a run that goes on needs no replay.

Shapes: B images of H x W pixels, C feature channels, h x w patches.
"""

import numpy as np
import torch
from torch import Tensor

from funit.config import TrainingConfig
from funit.data.resident import sent
from funit.model.discriminator import Scorer
from funit.training.checkpoint import Tensors

IMAGES_FROM_0_TO_1 = 50_000  # the probability moves so fast; ADA's 500,000 are for longer runs
LARGEST_MOVE, CUT_SIZE = 1 / 8, 1 / 2  # of an image's side, as in DiffAugment

_NUM_NUMBERS = 10  # of each image: three decide, seven say how
_STREAM = 0xA06  # so that these numbers are not those of the batch


class Augmentation:
    """With what probability images are augmented now; that is all the state there is."""

    def __init__(self, training: TrainingConfig, device: torch.device) -> None:
        self.seed, self.target = training.seed, training.augment_target
        self.probability = torch.tensor(training.augment, dtype=torch.float32, device=device)
        self.real_sign = torch.zeros_like(self.probability)

    def around(self, discriminator: Scorer, step: int) -> "Augmented":
        """The discriminator as it is in a step: it sees every image augmented anew."""
        state = np.random.SeedSequence([self.seed % 2**64, step, _STREAM]).generate_state(1)
        return Augmented(
            discriminator, self.probability, torch.Generator().manual_seed(int(state[0]))
        )

    @torch.no_grad()
    def hear(self, margins: Tensor) -> None:
        """Moves the probability: up where more real images are told from others than wanted.

        `margins` (B, ...) are above 0 where the discriminator is right about a real image.
        """
        self.real_sign = margins.sign().mean()
        if self.target is not None:
            move = (self.real_sign - self.target).sign() * len(margins) / IMAGES_FROM_0_TO_1
            self.probability = (self.probability + move).clamp(0, 1)

    def state(self) -> dict[str, Tensor]:
        """What the log shows."""
        return {"augment": self.probability, "real_sign": self.real_sign}

    def tensors(self) -> Tensors:
        """All that a checkpoint keeps."""
        return {"probability": self.probability}

    def restore(self, tensors: Tensors) -> None:
        """Goes on from a checkpoint."""
        self.probability = tensors["probability"].to(self.probability.device)


class Augmented:
    """A discriminator that sees every image augmented; gradients pass through, twice too."""

    def __init__(self, discriminator: Scorer, probability: Tensor, random: torch.Generator) -> None:
        self.discriminator = discriminator
        self.probability, self.random = probability, random

    def __call__(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """As that of the discriminator."""
        # (B, 3, H, W), (B,) -> scores (B, h, w), features (B, C, h, w)
        return self.discriminator(self._seen(images), classes)

    def features(self, images: Tensor) -> Tensor:
        """As that of the discriminator."""
        return self.discriminator.features(self._seen(images))

    def score(self, features: Tensor, classes: Tensor) -> Tensor:
        """As that of the discriminator."""
        return self.discriminator.score(features, classes)

    def _seen(self, images: Tensor) -> Tensor:
        numbers = torch.rand(len(images), _NUM_NUMBERS, generator=self.random)
        return augmented(images, sent(numbers, images.device), self.probability)


def augmented(images: Tensor, numbers: Tensor, probability: Tensor) -> Tensor:
    """The images recoloured, moved and cut, each of the three with the probability.

    What is moved in or cut out is 0, the grey in the middle. (B, 3, H, W) and ten uniform numbers
    for each -> (B, 3, H, W).
    """
    happens, numbers = numbers[:, :3] < probability, numbers[:, 3:]
    images = _recoloured(images, numbers[:, :3] * 2 - 1, happens[:, 0])
    images = _moved(images, numbers[:, 3:5] * 2 - 1, happens[:, 1])
    return _cut(images, numbers[:, 5:7], happens[:, 2])


def _recoloured(images: Tensor, strengths: Tensor, happens: Tensor) -> Tensor:
    """Brightness by up to 0.5, saturation by 0 to 2, contrast by 0.5 to 1.5."""
    strengths = strengths * happens[:, None]
    brightness, saturation, contrast = strengths.to(images).T[..., None, None, None]
    images = images + brightness / 2
    images = torch.lerp(images.mean(dim=1, keepdim=True), images, 1 + saturation)
    return torch.lerp(images.mean(dim=(1, 2, 3), keepdim=True), images, 1 + contrast / 2)


def _moved(images: Tensor, directions: Tensor, happens: Tensor) -> Tensor:
    """By whole pixels, down and to the right, where the numbers are above 0."""
    for dim in (2, 3):
        size = images.shape[dim]
        moves = (directions[:, dim - 2] * LARGEST_MOVE * size).round() * happens
        places = torch.arange(size, device=images.device) - moves[:, None].long()  # (B, size)
        shape = [len(images), 1, 1, 1]
        shape[dim] = size
        # round about, so that no place is read twice: a sum on a GPU has then one order
        moved = images.gather(dim, (places % size).view(shape).expand_as(images))
        images = moved * ((places >= 0) & (places < size)).view(shape)
    return images


def _cut(images: Tensor, centres: Tensor, happens: Tensor) -> Tensor:
    """A square of half the side, its centre anywhere."""
    is_inside = happens[:, None, None, None]
    for dim in (2, 3):
        size = images.shape[dim]
        shape = [len(images), 1, 1, 1]
        shape[dim] = size
        places = torch.arange(size, device=images.device) + 0.5
        distances = (places - centres[:, dim - 2, None] * size).abs()
        is_inside = is_inside & (distances < CUT_SIZE * size / 2).view(shape)
    return images * ~is_inside
