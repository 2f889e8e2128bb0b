"""A spectrally normalised discriminator: bounded layers, the same gradients, a whole checkpoint."""

import pytest
import torch
from torch import nn

from funit.config import LossWeights, ModelConfig
from funit.data.dataset import Batch
from funit.model.discriminator import Discriminator
from funit.model.spectral import normalise_spectrally
from funit.training.losses import discriminator_terms, gradient_penalty


@pytest.fixture(params=["patch", "projection"])
def normalised(tiny: ModelConfig, request: pytest.FixtureRequest) -> ModelConfig:
    return tiny.model_copy(
        update={"discriminator_spectral_norm": True, "discriminator_head": request.param}
    )


def test_after_some_calls_the_largest_singular_value_is_1() -> None:
    layers = nn.ModuleList([nn.Linear(7, 5), nn.Conv2d(3, 4, 3)])
    normalise_spectrally(layers)

    for layer in layers:
        for _ in range(100):
            weight = layer.weight

        largest = torch.linalg.matrix_norm(weight.flatten(1), 2)
        torch.testing.assert_close(largest, torch.tensor(1.0), atol=1e-3, rtol=0)


def test_in_use_it_stays_as_it_is(normalised: ModelConfig) -> None:
    discriminator = Discriminator(normalised).eval()
    images, classes = torch.randn(2, 3, 16, 16), torch.tensor([0, 1])

    first, second = (discriminator(images, classes)[0] for _ in range(2))

    assert torch.equal(first, second)


def test_the_penalty_and_its_gradient_are_those_of_plain_convolutions(
    normalised: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    discriminator = Discriminator(normalised).double().eval()
    images, classes = torch.randn(3, 3, 16, 16).double(), torch.tensor([0, 1, 1])
    batch = Batch(images, images, classes, images[:, None], classes, images[:, :0])

    terms = discriminator_terms(discriminator, batch, images, LossWeights(adversarial=0), 1)
    terms["gradient_penalty"].backward()
    found = {name: p.grad for name, p in discriminator.named_parameters()}

    discriminator.zero_grad()
    for module in discriminator.modules():
        if isinstance(module, nn.Conv2d):
            monkeypatch.setattr(module, "forward", lambda x, m=module: nn.Conv2d.forward(m, x))
    plain = images.clone().requires_grad_()
    penalty = 10 * gradient_penalty(discriminator(plain, classes)[0], plain)
    penalty.backward()

    torch.testing.assert_close(terms["gradient_penalty"], penalty)
    for name, parameter in discriminator.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad)


def test_weights_come_back_from_a_checkpoint(normalised: ModelConfig) -> None:
    one, other = (Discriminator(normalised) for _ in range(2))
    images, classes = torch.randn(2, 3, 16, 16), torch.tensor([0, 1])
    one(images, classes)  # a step of the estimates

    other.load_state_dict(one.state_dict())

    assert torch.equal(one(images, classes)[0], other(images, classes)[0])


def test_in_bf16_the_estimates_stay_exact(normalised: ModelConfig) -> None:
    discriminator = Discriminator(normalised)
    exact = discriminator.stem.weight

    discriminator.load_state_dict(discriminator.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        scores, _ = discriminator(torch.randn(2, 3, 16, 16), torch.tensor([0, 1]))

    assert exact.dtype == discriminator.stem.weight.dtype == torch.float32
    assert scores.isfinite().all()
    assert all(b.dtype == torch.float32 for b in discriminator.buffers())


def test_a_projection_is_a_class_row_and_a_row_for_all(tiny: ModelConfig) -> None:
    discriminator = Discriminator(tiny.model_copy(update={"discriminator_head": "projection"}))
    assert discriminator.of_any_class is not None
    features, classes = torch.randn(2, 32, 4, 4), torch.tensor([3, 1])

    scores = discriminator.score(features, classes)

    activated = nn.functional.leaky_relu(features, 0.2).movedim(1, -1)
    of_class = discriminator.head(activated)[torch.arange(2), :, :, classes]
    torch.testing.assert_close(scores, of_class + discriminator.of_any_class(activated)[..., 0])
