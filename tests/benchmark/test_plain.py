"""The plain model is the model: the same translations from the same weights."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from funit.benchmark import plain
from funit.config import ModelConfig
from funit.model.discriminator import Discriminator
from funit.model.generator import Generator
from funit.model.restored import restored_generator
from funit.repository import ModelRepository

FORMS: Mapping[str, dict[str, Any]] = {
    "paper": {},
    "three halvings, 32 px": {
        "image_size": 32,
        "num_halvings": 3,
        "class_encoder_halvings": 4,
        "discriminator_halvings": 3,
        "discriminator_blocks": 2,
    },
    "kernel of 3": {"upsampling_kernel_size": 3},
    "adain after doublings": {"upsampling_norm": "adain"},
    "one residual block": {"num_residual_blocks": 1},
    "plain background": {"plain_background": True},
    "pixels": {"attention_channels": 4, "attention_pixels": True, "plain_background": True},
    "pixels that overlap": {
        "attention_channels": 4,
        "attention_pixels": True,
        "attention_overlap": True,
    },
    "attention": {"attention_channels": 4},
    "attention before doubling": {"attention_channels": 4, "attention_doublings": 0},
    "pixels after two doublings": {
        "attention_channels": 4,
        "attention_doublings": 2,
        "attention_pixels": True,
        "upsampling_norm": "adain",
    },
    "pose code": {"pose_code_size": 5},
    "all of ours": {
        "upsampling_kernel_size": 3,
        "upsampling_norm": "adain",
        "plain_background": True,
        "attention_channels": 4,
        "pose_code_size": 5,
    },
    "pooled, normalised scores": {"discriminator_head": "pooled", "discriminator_norm": True},
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, tiny: ModelConfig) -> ModelConfig:
    return ModelConfig.model_validate(tiny.model_dump() | FORMS[request.param])


def with_biases(network: nn.Module) -> nn.Module:
    """The network with random biases, which begin as 0 and would hide a mistake."""
    for parameter in network.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter, std=0.1)
    return network


def pictures(size: int) -> tuple[Tensor, Tensor]:
    """Two content images and two examples for each."""
    return torch.rand(2, 3, size, size) * 2 - 1, torch.rand(2, 2, 3, size, size) * 2 - 1


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)], ids=["32", "64"]
)
def test_both_generators_draw_the_same(
    form: ModelConfig, dtype: torch.dtype, tolerance: float
) -> None:
    ours = with_biases(Generator(form)).to(dtype).eval()
    theirs = plain.Generator(form).to(dtype)
    theirs.load_state_dict(ours.state_dict())
    content, examples = (images.to(dtype) for images in pictures(form.image_size))

    torch.testing.assert_close(
        ours(content, examples), theirs(content, examples), atol=tolerance, rtol=0
    )


def test_both_discriminators_score_the_same(form: ModelConfig) -> None:
    ours = with_biases(Discriminator(form)).double()
    theirs = plain.Discriminator(form).double()
    theirs.load_state_dict(ours.state_dict())
    images, classes = pictures(form.image_size)[0].double(), torch.tensor([3, 1])

    for one, other in zip(ours(images, classes), theirs(images, classes), strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def test_both_draw_the_same_with_the_weights_of_the_shipped_model() -> None:
    folder = ModelRepository().find("default")
    theirs = plain.Generator(folder.info.config.model)
    theirs.load_state_dict(load_file(folder.whole_weights()))
    ours = restored_generator(folder.whole_weights(), folder.info.config.model)
    content, examples = (
        images.double() for images in pictures(folder.info.config.model.image_size)
    )

    with torch.inference_mode():
        drawn, plainly = ours.double()(content, examples), theirs.double()(content, examples)

    torch.testing.assert_close(drawn, plainly, atol=1e-10, rtol=0)
