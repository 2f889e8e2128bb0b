import pytest
import torch
from torch import nn

from funit.config import ModelConfig
from funit.errors import UserError
from funit.model.generator import Generator, weight_bytes


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_generator_has_the_papers_parameters(paper: ModelConfig) -> None:
    with torch.device("meta"):
        generator = Generator(paper)

    assert count(generator.content_encoder) == 12_202_112
    assert count(generator.class_encoder) == 2_779_328
    assert count(generator.adain_decoder) == 1_135_104
    assert count(generator.image_decoder) == 13_749_891
    assert count(generator) == 29_866_435


def test_the_papers_translation_is_128_px(paper: ModelConfig) -> None:
    with torch.device("meta"):
        translated = Generator(paper)(torch.empty(2, 3, 128, 128), torch.empty(2, 5, 3, 128, 128))

    assert translated.shape == (2, 3, 128, 128)


def test_each_image_of_a_batch_follows_its_own_class_code(tiny: ModelConfig) -> None:
    generator = Generator(tiny).eval()
    content_map = generator.encode_content(torch.randn(1, 3, 16, 16))
    codes = torch.randn(2, tiny.class_code_size)

    together = generator.decode(content_map.expand(2, -1, -1, -1), codes)

    alone = torch.cat([generator.decode(content_map, code[None]) for code in codes])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together[0], together[1])


def test_content_maps_and_class_codes_can_be_made_apart_kept_and_combined(
    tiny: ModelConfig,
) -> None:
    generator = Generator(tiny).eval()
    content, examples = torch.randn(2, 3, 16, 16), torch.randn(3, 2, 3, 16, 16)
    maps, looks = generator.encode_content(content), generator.encode_class(examples)

    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(
                generator.decode(maps[i : i + 1], looks[j : j + 1]),
                generator(content[i : i + 1], examples[j : j + 1]),
                rtol=1e-4,
                atol=1e-5,
            )


def test_nothing_is_remembered_between_calls(tiny: ModelConfig) -> None:
    generator = Generator(tiny)
    content, examples = torch.randn(2, 3, 16, 16), torch.randn(2, 2, 3, 16, 16)
    first = generator(content, examples)

    generator(torch.randn(4, 3, 16, 16), torch.randn(4, 1, 3, 16, 16))

    assert torch.equal(generator(content, examples), first)
    assert not list(generator.buffers())


@pytest.mark.parametrize("norm", ["instance", "adain"])
def test_gradients_reach_every_parameter_that_has_an_effect(tiny: ModelConfig, norm: str) -> None:
    config = tiny.model_copy(update={"upsampling_norm": norm})
    generator = Generator(config).double()
    content = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    target = torch.randn(2, 3, 16, 16, dtype=torch.float64)

    # squared differences: the instance norms leave a plain sum of outputs without a gradient
    (generator(content, content[:, None]) - target).square().mean().backward()

    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        # a norm takes the mean away, and with it the bias of the convolution before it
        before_norm = (
            name.startswith(("content_encoder.", "image_decoder."))
            and name.endswith(".bias")
            and name != "image_decoder.to_image.bias"
        )
        largest = parameter.grad.abs().max().item()
        assert (largest < 1e-12) if before_norm else (largest > 1e-9), f"{name}: {largest}"


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
def test_sizes_from_32_to_512_px_work(size: int) -> None:
    config = ModelConfig(num_classes=3, image_size=size, base_channels=2, mlp_size=8)
    content = torch.randn(1, 3, size, size)

    with torch.inference_mode():
        translated = Generator(config)(content, content[:, None])

    assert translated.shape == content.shape
    assert translated.isfinite().all()


def test_weight_bytes_are_counted_without_making_the_weights(tiny: ModelConfig) -> None:
    assert weight_bytes(tiny) == sum(p.nbytes for p in Generator(tiny).parameters())


def test_the_papers_weights_are_counted(paper: ModelConfig) -> None:
    assert weight_bytes(paper) == 4 * 29_866_435


def test_a_model_larger_than_max_bytes_is_refused(tiny: ModelConfig) -> None:
    needed = weight_bytes(tiny)

    Generator(tiny.model_copy(update={"max_bytes": needed}))
    with pytest.raises(UserError, match=f"`model.max_bytes` .*{needed:,}") as caught:
        Generator(tiny.model_copy(update={"max_bytes": needed - 1}))

    assert "model.base_channels" in caught.value.hint
