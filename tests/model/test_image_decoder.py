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
@pytest.mark.parametrize(("plain_background", "channels"), [(False, 3), (True, 4)])
def test_a_plain_background_adds_a_channel_to_the_colours(
    tiny: ModelConfig, norm: str, plain_background: bool, channels: int
) -> None:
    config = tiny.model_copy(update={"upsampling_norm": norm, "plain_background": plain_background})
    statistics = AdaINDecoder(config)(torch.randn(2, 6))

    drawn = ImageDecoder(config)(torch.randn(2, 16, 4, 4), statistics)

    assert drawn.shape == (2, channels, 16, 16)


def test_what_the_attention_found_is_drawn_where_it_was_found(attending: ModelConfig) -> None:
    decoder = ImageDecoder(attending)
    content_map = torch.randn(8, 16, 4, 4)
    statistics = AdaINDecoder(attending)(torch.randn(8, 6))
    attended = torch.randn(8, 8 + 3, 8, 8)
    other = attended.clone()
    other[..., :3, :3] = attended[..., :3, :3].flip(2, 3)  # the upper left corner turned

    drawn = decoder(content_map, statistics, attended)
    change = (decoder(content_map, statistics, other) - drawn).abs()

    # the norms carry a little of it everywhere
    assert change[..., :6, :6].mean() > 3 * change[..., 10:, 10:].mean()


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
