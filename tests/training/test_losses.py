"""Each loss against a slow plain version, and what each may and may not change."""

import pytest
import torch
import torch.nn.functional as F

from funit.config import LossWeights, ModelConfig
from funit.data.dataset import Batch
from funit.model.discriminator import Discriminator
from funit.model.generator import Drawing
from funit.training.losses import (
    Drawn,
    discriminator_terms,
    feature_distance,
    generator_terms,
    gradient_penalty,
    reconstruction_terms,
)


@pytest.fixture
def discriminator(tiny: ModelConfig) -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(tiny).double()


@pytest.fixture
def batch(tiny: ModelConfig) -> Batch:
    torch.manual_seed(1)
    size = tiny.image_size
    return Batch(
        content=torch.randn(3, 3, size, size, dtype=torch.float64),
        original=torch.randn(3, 3, size, size, dtype=torch.float64),
        content_classes=torch.tensor([0, 1, 2]),
        examples=torch.randn(3, 2, 3, size, size, dtype=torch.float64),
        classes=torch.tensor([1, 2, 4]),
        siblings=torch.randn(3, 2, 3, size, size, dtype=torch.float64),
    )


def example_features(discriminator: Discriminator, batch: Batch) -> torch.Tensor:
    features = discriminator.features(batch.examples.flatten(0, 1))
    return features.unflatten(0, batch.examples.shape[:2])


def test_the_gradient_penalty_is_the_mean_over_images_of_each_image_alone(
    discriminator: Discriminator, batch: Batch
) -> None:
    images = batch.content.clone().requires_grad_()

    together = gradient_penalty(discriminator(images, batch.classes)[0], images)

    alone = []
    for image, label in zip(batch.content, batch.classes, strict=True):
        one = image[None].clone().requires_grad_()
        score = discriminator(one, label[None])[0].mean()
        (gradient,) = torch.autograd.grad(score, one)
        alone.append(gradient.square().sum())
    torch.testing.assert_close(together, torch.stack(alone).mean())


def test_the_released_codes_penalty_is_ours_over_the_batch_size_squared(
    discriminator: Discriminator, batch: Batch
) -> None:
    images = batch.content.clone().requires_grad_()
    scores = discriminator(images, batch.classes)[0]
    ours = gradient_penalty(scores, images)

    (gradient,) = torch.autograd.grad(scores.mean(), images)
    of_batch_mean = gradient.square().sum(dim=(1, 2, 3)).mean()

    torch.testing.assert_close(of_batch_mean, ours.detach() / len(batch) ** 2)


def test_the_discriminators_hinge_stops_at_a_margin_of_one(
    discriminator: Discriminator, batch: Batch
) -> None:
    translated = torch.randn_like(batch.content)
    terms = discriminator_terms(discriminator, batch, translated, LossWeights(), 0)

    real = discriminator(batch.examples[:, 0], batch.classes)[0]
    fake = discriminator(translated, batch.classes)[0]
    by_hand = (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()

    assert list(terms) == ["adversarial"]
    torch.testing.assert_close(terms["adversarial"], by_hand)


def test_a_penalty_that_stands_for_eight_steps_counts_eight_times(
    discriminator: Discriminator, batch: Batch
) -> None:
    def penalty(factor: int) -> torch.Tensor:
        terms = discriminator_terms(
            discriminator, batch, batch.content, LossWeights(gradient_penalty=10), factor
        )
        return terms["gradient_penalty"]

    torch.testing.assert_close(penalty(8), 8 * penalty(1))


def test_the_penalty_teaches_the_discriminator(discriminator: Discriminator, batch: Batch) -> None:
    terms = discriminator_terms(discriminator, batch, batch.content, LossWeights(), 1)

    terms["gradient_penalty"].backward()

    gradient = discriminator.stem.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


def test_the_discriminators_terms_teach_the_generator_nothing(
    discriminator: Discriminator, batch: Batch
) -> None:
    translated = batch.content.clone().requires_grad_()

    terms = discriminator_terms(discriminator, batch, translated, LossWeights(), 1)
    torch.stack(list(terms.values())).sum().backward()

    assert translated.grad is None


def test_feature_matching_compares_means_over_positions_and_examples(
    discriminator: Discriminator, batch: Batch
) -> None:
    features = discriminator.features(batch.content)

    distance = feature_distance(features, example_features(discriminator, batch))

    first = discriminator.features(batch.examples[:, 0]).mean(dim=(2, 3))
    second = discriminator.features(batch.examples[:, 1]).mean(dim=(2, 3))
    by_hand = (features.mean(dim=(2, 3)) - (first + second) / 2).abs().mean()
    torch.testing.assert_close(distance, by_hand)


def test_the_generators_terms_are_the_papers_with_the_given_weights(
    discriminator: Discriminator, batch: Batch
) -> None:
    reconstruction = Drawing(torch.randn_like(batch.content), None, None)
    original = Drawing(batch.original, None, None)
    drawn = Drawn(torch.randn_like(batch.content), reconstruction, original)
    weights = LossWeights(adversarial=2, reconstruction=3, feature_matching=5)

    terms = generator_terms(discriminator, batch, drawn, weights)

    scores, features = discriminator(drawn.translated, batch.classes)
    torch.testing.assert_close(terms["adversarial"], -2 * scores.mean())
    torch.testing.assert_close(
        terms["reconstruction"], 3 * F.l1_loss(reconstruction.images, batch.original)
    )
    torch.testing.assert_close(
        terms["feature_matching"],
        5 * feature_distance(features, example_features(discriminator, batch)),
    )


def test_the_attentions_term_is_the_mean_difference_of_the_colours_it_found(batch: Batch) -> None:
    found, true = torch.rand(2, 3, 3, 4, 4, dtype=torch.float64)
    drawn, original = Drawing(batch.content, None, found), Drawing(batch.original, None, true)

    terms = reconstruction_terms(drawn, original, LossWeights(attention=7))

    by_hand = sum(abs(a - b) for a, b in zip(found.flatten(), true.flatten(), strict=True))
    assert set(terms) == {"reconstruction", "attention"}
    torch.testing.assert_close(terms["attention"], 7 * by_hand / found.numel())


def test_the_opacitys_term_is_its_mean_cross_entropy(batch: Batch) -> None:
    logits = torch.randn(3, 1, 4, 4, dtype=torch.float64)
    hides = torch.randint(2, (3, 1, 4, 4)).double()
    drawn, original = Drawing(batch.content, logits, None), Drawing(batch.original, hides, None)

    terms = reconstruction_terms(drawn, original, LossWeights(opacity=3))

    chance = torch.where(hides == 1, logits.sigmoid(), 1 - logits.sigmoid())
    assert set(terms) == {"reconstruction", "opacity"}
    torch.testing.assert_close(terms["opacity"], 3 * -chance.log().mean())


def test_a_drawing_that_is_fully_transparent_still_learns_to_hide_the_background() -> None:
    logits = torch.full((1, 1, 4, 4), -50.0, requires_grad=True)
    images, hides = torch.zeros(1, 3, 4, 4), torch.ones(1, 1, 4, 4)

    terms = reconstruction_terms(
        Drawing(images, logits, None), Drawing(images, hides, None), LossWeights()
    )
    torch.stack(list(terms.values())).sum().backward()

    assert logits.grad is not None
    assert (logits.grad < -0.01).all()


def test_the_papers_generator_is_taught_by_the_reconstruction_alone(batch: Batch) -> None:
    drawn, original = Drawing(batch.content, None, None), Drawing(batch.original, None, None)

    assert set(reconstruction_terms(drawn, original, LossWeights())) == {"reconstruction"}
