"""The content image has a say in the class code, apart from where its things are."""

import pytest
import torch

from funit.config import ModelConfig
from funit.model.content_conditioning import ContentConditioning
from funit.model.generator import Generator


@pytest.fixture
def conditioned(either: ModelConfig) -> ModelConfig:
    return either.model_copy(update={"content_conditioned_code": True})


def test_the_code_depends_on_the_content_the_examples_and_the_bias(tiny: ModelConfig) -> None:
    conditioning = ContentConditioning(tiny)
    code, content_map = torch.randn(2, 6), torch.randn(2, 16, 4, 4)

    before = conditioning(code, content_map)
    with torch.no_grad():
        others = [conditioning(code + 1, content_map), conditioning(code, content_map + 1)]
        conditioning.style_bias.add_(1)
    others.append(conditioning(code, content_map))

    assert before.shape == code.shape
    assert not any(torch.allclose(before, other) for other in others)


def test_the_code_does_not_depend_on_where_things_are(tiny: ModelConfig) -> None:
    conditioning = ContentConditioning(tiny)
    code, content_map = torch.randn(2, 6), torch.randn(2, 16, 4, 4)

    moved = conditioning(code, content_map.roll((1, 2), dims=(2, 3)))

    torch.testing.assert_close(moved, conditioning(code, content_map))


@torch.no_grad()
def test_each_image_of_a_batch_has_its_own_code(conditioned: ModelConfig) -> None:
    generator = Generator(conditioned).eval()
    content, examples = torch.randn(3, 3, 16, 16), torch.randn(3, 2, 3, 16, 16)

    together = generator(content, examples)

    alone = [generator(content[i : i + 1], examples[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_every_weight_of_it_learns(conditioned: ModelConfig) -> None:
    generator = Generator(conditioned)

    generator(torch.randn(2, 3, 16, 16), torch.randn(2, 1, 3, 16, 16)).square().mean().backward()

    assert generator.conditioning is not None
    for name, weight in generator.conditioning.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name
