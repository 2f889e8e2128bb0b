"""Heads over a frozen network learn, the network does not, and evaluations know of it."""

import pytest
import torch

from funit.config import Config, ModelConfig, Settings, build_config, merged
from funit.data.dataset import Batch
from funit.training.frozen_discriminator import FrozenDiscriminator
from funit.training.trainer import Trainer

CPU = torch.device("cpu")


def config_with(settings: Settings, features: str, **training: object) -> Config:
    own = {"model": {"num_classes": 4, "discriminator_features": features}}
    return build_config(
        merged(settings, own, {"training": {"adversarial_from_images": 0, **training}})
    )


def a_batch() -> Batch:
    images, classes = torch.rand(2, 3, 16, 16) * 2 - 1, torch.tensor([0, 1])
    return Batch(images, images, classes, images[:, None], classes.flip(0), images[:, :0])


def test_each_of_three_maps_has_its_scores_and_other_classes_learn_nothing(
    tiny: ModelConfig,
) -> None:
    discriminator = FrozenDiscriminator(tiny, CPU)

    scores, features = discriminator(torch.randn(2, 3, 32, 64), torch.tensor([3, 1]))
    scores.sum().backward()

    assert scores.shape == (2, 3, 2, 4)
    assert features.shape == (2, 3 * 16, 2, 4)
    gradient = discriminator.rows.weight.grad
    assert gradient is not None
    assert gradient.abs().sum(dim=1).nonzero().flatten().tolist() == [1, 3]


def test_the_heads_learn_and_are_kept_and_the_network_does_neither(tiny: ModelConfig) -> None:
    discriminator = FrozenDiscriminator(tiny, CPU)

    discriminator(torch.randn(2, 3, 16, 16), torch.tensor([0, 1]))[0].sum().backward()

    learned = dict(discriminator.named_parameters())
    assert all(weight.grad is not None for weight in learned.values())
    assert discriminator.state_dict().keys() == learned.keys()
    assert {name.partition(".")[0] for name in learned} == {"heads", "rows"}


def test_images_get_a_gradient_through_it(tiny: ModelConfig) -> None:
    images = torch.randn(2, 3, 16, 16, requires_grad=True)

    FrozenDiscriminator(tiny, CPU)(images, torch.tensor([0, 1]))[0].mean().backward()

    assert images.grad is not None
    assert (images.grad.flatten(1).abs().sum(dim=1) > 0).all()


def test_both_discriminators_learn_and_teach(settings: Settings) -> None:
    trainer = Trainer(config_with(settings, "both"), CPU)
    assert trainer.second is not None
    before = [p.clone() for p in trainer.discriminators.parameters()]

    terms = trainer.step(a_batch())

    expected = {"adversarial", "frozen_adversarial", "gradient_penalty"}
    assert {f"d/{name}" for name in expected} <= terms.keys()
    assert {"g/adversarial", "g/frozen_adversarial", "g/feature_matching"} <= terms.keys()
    for network in (trainer.discriminator.state_dict(), trainer.second.state_dict()):
        assert any(not any(torch.equal(v, b) for b in before) for v in network.values())


def test_alone_it_has_no_penalty_but_features_to_match(settings: Settings) -> None:
    trainer = Trainer(config_with(settings, "frozen", precision="bf16"), CPU)

    terms = trainer.step(a_batch())

    assert isinstance(trainer.discriminator, FrozenDiscriminator)
    assert "d/gradient_penalty" not in terms
    assert terms["g/feature_matching"] > 0
    assert all(term.dtype == torch.float32 for term in terms.values())


@pytest.mark.parametrize("features", ["frozen", "both"])
def test_its_network_is_named_so_that_it_does_not_judge(settings: Settings, features: str) -> None:
    assert config_with(settings, features).feature_networks == ("efficientnet_lite2",)
    assert config_with(settings, "pixels").feature_networks == ()
