"""What each network minimises, term by term: tensors in, weighted scalars out.

Shapes: B images, K examples, C feature channels, h x w patches. docs/losses.md has the formulas.
"""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from funit.config import LossWeights
from funit.data.dataset import Batch
from funit.model.discriminator import Discriminator
from funit.model.generator import Drawing
from funit.model.twice import PenalisedPass
from funit.training.perceptual_loss import PerceptualLoss

Terms = dict[str, Tensor]  # weighted scalars: their sum is minimised, their names are logged


@dataclass(frozen=True)
class Drawn:
    """What the generator drew from a batch: one pass serves the updates of both networks."""

    translated: Tensor  # (B, 3, H, W): the content in the look of the examples
    reconstruction: Drawing  # the content in the look of its own class
    original: Drawing  # what the reconstruction should be


def whole(tensor: Tensor) -> Tensor:
    """What a network under autocast gave, in 32 bits: losses are never computed in fewer."""
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def without_autocast(tensor: Tensor) -> torch.autocast:
    """A context in which networks compute in the precision of their weights."""
    return torch.autocast(tensor.device.type, enabled=False)


def gradient_penalty(
    scores: Tensor, images: Tensor, penalised: PenalisedPass | None = None
) -> Tensor:
    """Mean squared gradient of each image's mean score (R1, Mescheder et al., 2018).

    `penalised` is the pass that gave the scores; knowing it spares time.
    """
    per_image = scores.flatten(1).mean(dim=1)  # (B, h, w) patch scores -> (B,)
    with penalised.by_images_alone() if penalised else nullcontext():
        (gradient,) = torch.autograd.grad(per_image.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def discriminator_terms(
    discriminator: Discriminator,
    batch: Batch,
    translated: Tensor,
    weights: LossWeights,
    penalty_factor: int,
) -> Terms:
    """Hinge loss on one real image of each target class and its translation; the penalty.

    `penalty_factor` multiplies the gradient penalty: 0 in a step that leaves it out, else the
    number of steps that it stands for.
    """
    real = batch.examples[:, 0]
    with_penalty = bool(penalty_factor and weights.gradient_penalty)
    if with_penalty:
        real = real.detach().requires_grad_()  # R1 differentiates by the image
    penalised = PenalisedPass()
    with without_autocast(real) if with_penalty else nullcontext(), penalised.forward():
        real_scores, _ = discriminator(real, batch.classes)
    fake_scores, _ = discriminator(translated.detach(), batch.classes)
    real_scores, fake_scores = whole(real_scores), whole(fake_scores)
    hinge = F.relu(1 - real_scores).mean() + F.relu(1 + fake_scores).mean()
    terms = {"adversarial": weights.adversarial * hinge}
    if with_penalty:
        weight = penalty_factor * weights.gradient_penalty
        with without_autocast(real):
            terms["gradient_penalty"] = weight * gradient_penalty(real_scores, real, penalised)
    return terms


def generator_terms(
    discriminator: Discriminator,
    batch: Batch,
    drawn: Drawn,
    weights: LossWeights,
    perceptual: PerceptualLoss | None = None,
) -> Terms:
    """The generator's side of the hinge loss, feature matching, and reconstruction."""
    scores, features = discriminator(drawn.translated, batch.classes)
    return {
        "adversarial": weights.adversarial * -whole(scores).mean(),
        "feature_matching": weights.feature_matching
        * feature_distance(features, discriminator, batch.examples),
    } | reconstruction_terms(drawn.reconstruction, drawn.original, weights, perceptual)


def reconstruction_terms(
    drawn: Drawing,
    original: Drawing,
    weights: LossWeights,
    perceptual: PerceptualLoss | None = None,
) -> Terms:
    """L1 between the content images, in their own colours, and their reconstructions.

    With a frozen network, the distance that it sees, too.

    Where there is attention, L1 of the colours that it found, too: it learns to match from the
    start. On a plain background, the cross-entropy of the opacity: else a bad drawing is soon made
    transparent, and then has no gradient.
    """
    distance = F.l1_loss(drawn.images, original.images)
    terms = {"reconstruction": weights.reconstruction * distance}
    if perceptual is not None:
        with without_autocast(drawn.images):
            terms["perceptual"] = weights.perceptual * perceptual(drawn.images, original.images)
    if drawn.found_colours is not None and original.found_colours is not None:
        distance = F.l1_loss(whole(drawn.found_colours), original.found_colours)
        terms["attention"] = weights.attention * distance
    if drawn.opacity is not None and original.opacity is not None:
        surprise = F.binary_cross_entropy_with_logits(drawn.opacity, original.opacity)
        terms["opacity"] = weights.opacity * surprise
    return terms


def feature_distance(features: Tensor, discriminator: Discriminator, examples: Tensor) -> Tensor:
    """L1 between the features of translations and the mean features of their examples.

    Features are averaged over positions, those of the K examples over K too: (B, C, h, w) and
    (B, K, 3, H, W) -> a scalar.
    """
    with torch.no_grad():  # the examples are real: nothing to learn from them here
        real = whole(discriminator.features(examples.flatten(0, 1))).mean(dim=(2, 3))
    real = real.unflatten(0, examples.shape[:2]).mean(dim=1)
    return F.l1_loss(whole(features).mean(dim=(2, 3)), real)
