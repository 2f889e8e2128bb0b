"""A wider generator draws what the narrower one did, and can learn more."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from funit.config import ModelConfig
from funit.model.generator import Generator
from funit.training.checkpoint import Tensors
from funit.training.widening import HIDDEN, widened, with_overlap, with_pixels

VARIANTS: list[dict[str, Any]] = [
    {"plain_background": True},
    {"attention_channels": None, "upsampling_norm": "instance"},
    {"attention_doublings": 0},
    {"attention_doublings": 2, "upsampling_norm": "adain"},
    {"pose_code_size": 5},
    {"class_encoder_halvings": 2, "upsampling_kernel_size": 3},
    {"attention_channels": 4, "plain_background": True, "attention_pixels": True},
    {"attention_channels": 4, "attention_pixels": True, "attention_overlap": True},
]


def pair(tiny: ModelConfig, base_channels: int, **settings: Any) -> tuple[Generator, Generator]:
    """A generator and a wider one that was made of it."""
    own = ModelConfig.model_validate(tiny.model_dump() | settings)
    wanted = own.model_copy(update={"base_channels": base_channels})
    torch.manual_seed(3)
    return remade(own, wanted, lambda tensors: widened(tensors, own, wanted, seed=1))


def remade(
    own: ModelConfig, wanted: ModelConfig, weights: Callable[[Tensors], Tensors]
) -> tuple[Generator, Generator]:
    """A generator of any weights, and another one that was made of it."""
    before, after = Generator(own), Generator(wanted)
    for tensor in before.parameters():  # biases too, which start as 0
        torch.nn.init.normal_(tensor, std=0.3)
    after.load_state_dict(weights(before.state_dict()))
    return before, after


@pytest.mark.parametrize("base_channels", [4, 8, 12])
@pytest.mark.parametrize("settings", VARIANTS)
def test_it_draws_the_same(tiny: ModelConfig, base_channels: int, settings: dict[str, Any]) -> None:
    narrow, wide = pair(tiny, base_channels, **settings)
    size = tiny.image_size
    content, examples = (
        torch.rand(2, 3, size, size) * 2 - 1,
        torch.rand(2, 3, 3, size, size) * 2 - 1,
    )

    with torch.inference_mode():
        wanted, found = narrow(content, examples), wide(content, examples)

    assert wanted.std() > 0.05
    torch.testing.assert_close(found, wanted, atol=2e-4, rtol=0)


@pytest.mark.parametrize("doublings", [0, 1])
@pytest.mark.parametrize("plain_background", [False, True])
def test_a_generator_that_gets_pixels_draws_nearly_the_same(
    tiny: ModelConfig, doublings: int, plain_background: bool
) -> None:
    changed = {
        "attention_channels": 4,
        "attention_doublings": doublings,
        "plain_background": plain_background,
    }
    own = ModelConfig.model_validate(tiny.model_dump() | changed)
    wanted = own.model_copy(update={"attention_pixels": True})
    before, after = remade(own, wanted, lambda tensors: with_pixels(tensors, own, wanted))
    content, examples = torch.rand(2, 2, 3, tiny.image_size, tiny.image_size) * 2 - 1

    with torch.inference_mode():
        expected, found = before(content, examples[:, None]), after(content, examples[:, None])

    share = torch.tensor(HIDDEN).sigmoid().item()
    difference = (found - expected).abs()
    assert 0 < difference.max() <= 2 * share  # of colours in -1..1


@pytest.mark.parametrize("doublings", [0, 1])
def test_a_generator_whose_pixels_overlap_at_last_draws_the_same_where_they_agree(
    tiny: ModelConfig, doublings: int
) -> None:
    changed = {
        "attention_channels": 4,
        "attention_doublings": doublings,
        "attention_pixels": True,
    }
    own = ModelConfig.model_validate(tiny.model_dump() | changed)
    wanted = own.model_copy(update={"attention_overlap": True})
    before, after = remade(own, wanted, lambda tensors: with_overlap(tensors, own))
    for generator in (before, after):  # each position finds itself
        generator.attention.log_sharpness.data.fill_(math.log(1e6))
    content = torch.rand(2, 3, tiny.image_size, tiny.image_size) * 2 - 1

    with torch.inference_mode():
        expected, found = before(content, content[:, None]), after(content, content[:, None])

    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_width_that_is_no_multiple_draws_the_same(tiny: ModelConfig) -> None:
    narrow, wide = pair(tiny, 5, attention_doublings=1)
    content = torch.rand(2, 3, tiny.image_size, tiny.image_size) * 2 - 1

    with torch.inference_mode():
        wanted, found = narrow(content, content[:, None]), wide(content, content[:, None])

    torch.testing.assert_close(found, wanted, atol=2e-4, rtol=0)


def test_twins_learn_different_things(tiny: ModelConfig) -> None:
    _, wide = pair(tiny, 8)
    content = torch.rand(2, 3, tiny.image_size, tiny.image_size) * 2 - 1

    wide(content, content[:, None]).square().mean().backward()

    gradient = wide.content_encoder.stem.weight.grad
    assert gradient is not None
    ones, others = gradient[:4], gradient[4:]
    assert ((ones - others).abs().amax(dim=(1, 2, 3)) > 1e-3 * gradient.abs().max()).any()
