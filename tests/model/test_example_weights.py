"""Examples count as their learned scores say, however often and by whom looks are merged."""

import numpy as np
import pytest
import torch
from torch import Tensor

from funit.config import ModelConfig
from funit.engines import engine
from funit.model.generator import Generator
from funit.model.look import Look


@pytest.fixture
def weighing(tiny: ModelConfig) -> Generator:
    generator = Generator(tiny.model_copy(update={"example_attention": True})).eval()
    assert generator.example_weights is not None
    torch.nn.init.normal_(generator.example_weights.score.weight)
    return generator


@pytest.fixture
def examples() -> Tensor:
    return torch.randn(2, 3, 3, 16, 16)


@torch.no_grad()
def test_the_class_code_is_the_mean_that_scores_and_shares_weigh(
    weighing: Generator, examples: Tensor
) -> None:
    shares = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])

    found = weighing.class_code(weighing.encode_examples(examples.flatten(0, 1)).merged(shares))

    encoder, weights = weighing.class_encoder, weighing.example_weights
    assert weights is not None
    codes = encoder.class_code(encoder.features(examples.flatten(0, 1))[-1]).unflatten(0, (2, 3))
    counts = shares * (3 * weights.score(codes)[..., 0].tanh()).exp()
    expected = (codes * counts[..., None]).sum(dim=1) / counts.sum(dim=1, keepdim=True)
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, (codes * shares[..., None]).sum(dim=1), atol=1e-3)


@torch.no_grad()
def test_looks_that_are_merged_twice_are_those_that_are_merged_at_once(
    weighing: Generator, examples: Tensor
) -> None:
    singles = weighing.encode_examples(examples.flatten(0, 1)[:4])
    pairs = singles.merged(torch.tensor([[0.5, 0.5], [0.75, 0.25]]))

    twice = weighing.class_code(pairs.merged(torch.tensor([[0.4, 0.6]])))

    at_once = weighing.class_code(singles.merged(torch.tensor([[0.2, 0.2, 0.45, 0.15]])))
    torch.testing.assert_close(twice, at_once)


@torch.no_grad()
def test_arrays_are_merged_as_tensors_are(weighing: Generator, examples: Tensor) -> None:
    singles, shares = weighing.encode_examples(examples[0]), torch.tensor([[0.5, 0.3, 0.2]])

    merged = engine.Look(*(part.numpy() for part in singles)).merged(shares[0].numpy())

    expected = singles.merged(shares)
    np.testing.assert_allclose(merged.class_code, expected.class_code, rtol=1e-5)


@torch.no_grad()
def test_at_the_start_it_is_the_plain_mean(tiny: ModelConfig, examples: Tensor) -> None:
    weighing = Generator(tiny.model_copy(update={"example_attention": True}))
    plain = Generator(tiny)
    plain.load_state_dict(weighing.state_dict(), strict=False)
    content = torch.randn(2, 3, 16, 16)

    torch.testing.assert_close(weighing(content, examples), plain(content, examples))


def test_the_scores_learn(tiny: ModelConfig, examples: Tensor) -> None:
    weighing = Generator(tiny.model_copy(update={"example_attention": True}))

    weighing(torch.randn(2, 3, 16, 16), examples).square().mean().backward()

    assert weighing.example_weights is not None
    gradient = weighing.example_weights.score.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


@torch.no_grad()
def test_a_look_of_one_example_is_the_code_of_that_example(
    weighing: Generator, examples: Tensor
) -> None:
    look: Look = weighing.encode_class(examples[:, :1])

    encoder = weighing.class_encoder
    expected = encoder.class_code(encoder.features(examples[:, 0])[-1])
    torch.testing.assert_close(weighing.class_code(look), expected)
