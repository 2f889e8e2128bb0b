"""A pose code leaves room for few numbers between an image and its content map."""

import pytest
import torch
from torch import Tensor

from funit.config import ModelConfig
from funit.model.content_encoder import ContentEncoder

NUM_NUMBERS = 5


@pytest.fixture
def narrow(tiny: ModelConfig) -> ContentEncoder:
    return ContentEncoder(tiny.model_copy(update={"pose_code_size": NUM_NUMBERS}))


def independent(content_maps: Tensor) -> int:
    """How many numbers at least tell which of the maps it is."""
    flat = content_maps.flatten(1)
    return int(torch.linalg.matrix_rank(flat - flat.mean(dim=0), rtol=1e-4))


@torch.no_grad()
def test_the_maps_of_all_images_differ_in_as_many_numbers_as_the_code_has(
    tiny: ModelConfig, narrow: ContentEncoder
) -> None:
    images = torch.randn(20, 3, 16, 16)

    assert independent(narrow(images)) == NUM_NUMBERS
    assert independent(ContentEncoder(tiny)(images)) == len(images) - 1


@torch.no_grad()
def test_the_map_is_as_large_as_without_a_code(tiny: ModelConfig, narrow: ContentEncoder) -> None:
    images = torch.randn(2, 3, 16, 16)

    assert narrow(images).shape == ContentEncoder(tiny)(images).shape


def test_every_weight_of_it_learns(narrow: ContentEncoder) -> None:
    narrow(torch.randn(2, 3, 16, 16)).square().mean().backward()

    assert narrow.pose_code is not None
    for name, weight in narrow.pose_code.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name
