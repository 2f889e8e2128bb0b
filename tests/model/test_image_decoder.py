import pytest
import torch

from funit.config import ModelConfig
from funit.model.adain_decoder import AdaINDecoder
from funit.model.image_decoder import ImageDecoder


def test_the_paper_draws_128_px_from_a_map_of_16(paper: ModelConfig) -> None:
    with torch.device("meta"):
        statistics = AdaINDecoder(paper)(torch.empty(2, 64))
        images = ImageDecoder(paper)(torch.empty(2, 512, 16, 16), statistics)

    assert images.shape == (2, 3, 128, 128)


@pytest.mark.parametrize("norm", ["instance", "adain"])
def test_images_stay_within_minus_one_and_one(tiny: ModelConfig, norm: str) -> None:
    config = tiny.model_copy(update={"upsampling_norm": norm})
    statistics = AdaINDecoder(config)(10 * torch.randn(2, 6))

    images = ImageDecoder(config)(10 * torch.randn(2, 16, 4, 4), statistics)

    assert images.shape == (2, 3, 16, 16)
    assert images.abs().max() <= 1


def test_every_statistic_shows_in_the_image(tiny: ModelConfig) -> None:
    config = tiny.model_copy(update={"upsampling_norm": "adain"})
    decoder = ImageDecoder(config)
    content_map = torch.randn(1, 16, 4, 4)
    statistics = AdaINDecoder(config)(torch.randn(1, 6))
    for mean, deviation in statistics:
        mean.retain_grad()
        deviation.retain_grad()

    decoder(content_map, statistics).square().sum().backward()

    for mean, deviation in statistics:
        assert mean.grad is not None
        assert mean.grad.any()
        assert deviation.grad is not None
        assert deviation.grad.any()
