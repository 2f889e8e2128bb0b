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
from funit.model.discriminator import Scorer
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
    discriminator: Scorer,
    batch: Batch,
    translated: Tensor,
    weights: LossWeights,
    penalty_factor: int,
) -> Terms:
    """The hinge loss on one real image of each target class and its translation; the penalty.

    `penalty_factor` multiplies the gradient penalty: 0 in a step that leaves it out, else the
    number of steps that it stands for.
    """
    real = real_terms(discriminator, batch, weights, penalty_factor)
    return added(real, fake_terms(discriminator, batch, translated, weights))


def real_terms(
    discriminator: Scorer, batch: Batch, weights: LossWeights, penalty_factor: int
) -> Terms:
    """The part of the hinge loss that is of the real images, and the penalty."""
    images, penalised = batch.examples[:, 0].detach(), PenalisedPass()
    with_penalty = bool(penalty_factor and weights.gradient_penalty)
    if with_penalty:
        images.requires_grad_()  # it differentiates by the image
    with without_autocast(images) if with_penalty else nullcontext(), penalised.forward():
        scores, _ = discriminator(images, batch.classes)
    terms = {"adversarial": weights.adversarial * F.relu(1 - whole(scores)).mean()}
    if with_penalty:
        with without_autocast(images):
            penalty = gradient_penalty(whole(scores), images, penalised)
        terms["gradient_penalty"] = penalty_factor * weights.gradient_penalty * penalty
    return terms


def fake_terms(
    discriminator: Scorer, batch: Batch, translated: Tensor, weights: LossWeights
) -> Terms:
    """The part of the hinge loss that is of the translations."""
    scores, _ = discriminator(translated.detach(), batch.classes)
    return {"adversarial": weights.adversarial * F.relu(1 + whole(scores)).mean()}


def added(some: Terms, others: Terms) -> Terms:
    """All terms of both; those of one name are one, their sum."""
    return some | {
        name: some[name] + term if name in some else term for name, term in others.items()
    }


def generator_terms(
    discriminator: Scorer,
    batch: Batch,
    drawn: Drawn,
    weights: LossWeights,
    perceptual: PerceptualLoss | None = None,
) -> Terms:
    """The generator's side of the hinge loss, feature matching, and reconstruction."""
    scores, features = discriminator(drawn.translated, batch.classes)
    with torch.no_grad():  # the examples are real: nothing to learn from them here
        real = discriminator.features(batch.examples.flatten(0, 1))
        real = real.unflatten(0, batch.examples.shape[:2])
    return {
        "adversarial": weights.adversarial * fooling(scores),
        "feature_matching": weights.feature_matching * feature_distance(features, real),
    } | reconstruction_terms(drawn.reconstruction, drawn.original, weights, perceptual)


def fooling(scores: Tensor) -> Tensor:
    """What the generator minimises: less where the discriminator takes its images for real."""
    return -whole(scores).mean()


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


def feature_distance(features: Tensor, of_examples: Tensor) -> Tensor:
    """L1 between the features of translations and the mean features of their examples.

    Features are averaged over positions, those of the K examples over K too: (B, C, h, w) and
    (B, K, C, h, w) -> a scalar.
    """
    real = whole(of_examples).mean(dim=(3, 4)).mean(dim=1)
    # with the channels last, or the gradient would come back in the other layout
    return F.l1_loss(whole(features).movedim(1, -1).mean(dim=(1, 2)), real)
