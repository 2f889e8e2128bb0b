import pytest
import torch

from funit.config import ModelConfig
from funit.model.adain_decoder import AdaINDecoder, adain_layer_sizes


def test_the_paper_has_four_adain_layers_of_512_channels(paper: ModelConfig) -> None:
    with torch.device("meta"):
        decoder = AdaINDecoder(paper)
        statistics = decoder(torch.empty(2, 64))

    assert adain_layer_sizes(paper) == [512] * 4
    assert decoder.statistics.out_features == 4096
    assert [(m.shape, d.shape) for m, d in statistics] == [((2, 512), (2, 512))] * 4


def test_adain_when_doubling_adds_a_layer_for_each_doubling(tiny: ModelConfig) -> None:
    config = tiny.model_copy(update={"upsampling_norm": "adain"})

    assert adain_layer_sizes(config) == [16] * 4 + [8, 4]
    assert [m.shape[1] for m, _ in AdaINDecoder(config)(torch.randn(1, 6))] == [16] * 4 + [8, 4]


@pytest.mark.parametrize(
    ("norm", "sizes"), [("instance", [16] * 4 + [8, 8]), ("adain", [16] * 4 + [8, 8, 8, 4])]
)
def test_attention_adds_two_layers_after_the_first_doubling(
    attending: ModelConfig, norm: str, sizes: list[int]
) -> None:
    config = attending.model_copy(update={"upsampling_norm": norm})

    assert adain_layer_sizes(config) == sizes
    assert [m.shape[1] for m, _ in AdaINDecoder(config)(torch.randn(1, 6))] == sizes


def test_it_starts_near_plain_instance_norm(tiny: ModelConfig) -> None:
    statistics = AdaINDecoder(tiny)(torch.zeros(1, 6))

    for mean, deviation in statistics:
        torch.testing.assert_close(mean, torch.zeros_like(mean))
        torch.testing.assert_close(deviation, torch.ones_like(deviation))


def test_each_class_code_of_a_batch_is_decoded_alone(tiny: ModelConfig) -> None:
    decoder = AdaINDecoder(tiny)
    codes = torch.randn(3, 6)

    together = decoder(codes)

    for index in range(3):
        alone = decoder(codes[index : index + 1])
        for (mean, deviation), (alone_mean, alone_deviation) in zip(together, alone, strict=True):
            torch.testing.assert_close(mean[index], alone_mean[0])
            torch.testing.assert_close(deviation[index], alone_deviation[0])
