import math
import re

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.errors import UserError
from funit.model.background import without_background
from funit.model.generator import Generator, weight_bytes
from funit.model.look import Look


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


def test_each_image_of_a_batch_follows_its_own_look(either: ModelConfig) -> None:
    generator = Generator(either).eval()
    content_map = generator.encode_content(torch.randn(1, 3, 16, 16))
    looks = [generator.encode_class(torch.randn(1, 2, 3, 16, 16)) for _ in range(2)]

    together = generator.decode(content_map.expand(2, -1, -1, -1), Look.cat(looks))

    alone = torch.cat([generator.decode(content_map, look) for look in looks])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together[0], together[1])


def test_content_maps_and_looks_can_be_made_apart_kept_and_combined(either: ModelConfig) -> None:
    generator = Generator(either).eval()
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


def test_nothing_is_remembered_between_calls(either: ModelConfig) -> None:
    generator = Generator(either)
    content, examples = torch.randn(2, 3, 16, 16), torch.randn(2, 2, 3, 16, 16)
    first = generator(content, examples)

    generator(torch.randn(4, 3, 16, 16), torch.randn(4, 1, 3, 16, 16))

    assert torch.equal(generator(content, examples), first)
    assert not list(generator.buffers())


def test_images_stay_within_minus_one_and_one(either: ModelConfig) -> None:
    generator = Generator(either).eval()
    content_map = generator.encode_content(torch.rand(2, 3, 16, 16) * 2 - 1)
    look = generator.encode_class(30 * torch.randn(2, 1, 3, 16, 16))

    images = generator.decode(content_map, look)

    assert images.shape == (2, 3, 16, 16)
    assert 0.9 < images.abs().max() <= 1


# a norm takes the mean away, and with it the bias of the convolution before it
BEFORE_A_NORM = re.compile(r"(content_encoder|image_decoder)\.(?!to_image).*\.bias")


@pytest.mark.parametrize("norm", ["instance", "adain"])
@pytest.mark.parametrize("attends", [False, True])
def test_gradients_reach_every_parameter_that_has_an_effect(
    tiny: ModelConfig, attending: ModelConfig, attends: bool, norm: str
) -> None:
    config = (attending if attends else tiny).model_copy(update={"upsampling_norm": norm})
    generator = Generator(config).double()
    content = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    target = torch.randn(2, 3, 16, 16, dtype=torch.float64)

    # squared differences: the instance norms leave a plain sum of outputs without a gradient
    (generator(content, content[:, None]) - target).square().mean().backward()

    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        largest = parameter.grad.abs().max().item()
        has_no_effect = BEFORE_A_NORM.fullmatch(name)
        assert (largest < 1e-12) if has_no_effect else (largest > 1e-9), f"{name}: {largest}"


# ------------------------------------------------------------------- examples


def test_the_order_of_the_examples_does_not_matter(either: ModelConfig) -> None:
    generator = Generator(either).eval()
    content, examples = torch.randn(1, 3, 16, 16), torch.randn(1, 5, 3, 16, 16)

    shuffled = generator(content, examples[:, torch.tensor([3, 0, 4, 1, 2])])

    torch.testing.assert_close(shuffled, generator(content, examples), rtol=1e-4, atol=1e-5)


def test_the_same_example_again_changes_nothing(either: ModelConfig) -> None:
    generator = Generator(either).eval()
    content, example = torch.randn(1, 3, 16, 16), torch.randn(1, 1, 3, 16, 16)

    repeated = generator(content, example.expand(-1, 4, -1, -1, -1))

    torch.testing.assert_close(repeated, generator(content, example), rtol=1e-4, atol=1e-5)


def test_examples_may_be_larger_than_the_model(either: ModelConfig) -> None:
    generator = Generator(either).eval()

    translated = generator(torch.randn(2, 3, 16, 16), torch.randn(2, 3, 3, 48, 32))

    assert translated.shape == (2, 3, 16, 16)
    assert translated.isfinite().all()


# ---------------------------------------------------------- a plain background


RED, BLUE = (0.9, -0.8, -0.8), (-0.6, -0.7, 0.7)


def something_on(colour: tuple[float, float, float]) -> Tensor:
    """A few blocks of fixed colours in the middle of a plain background: (1, 3, 16, 16)."""
    image = torch.tensor(colour)[None, :, None, None].repeat(1, 1, 16, 16)
    blocks = torch.linspace(-0.5, 0.5, 3 * 16).view(1, 3, 4, 4).flip(1)
    image[..., 4:12, 4:12] = F.interpolate(blocks, scale_factor=2)
    return image


@pytest.mark.parametrize("attention_channels", [None, 4])
def test_a_look_does_not_depend_on_the_examples_background(
    attending: ModelConfig, attention_channels: int | None
) -> None:
    config = attending.model_copy(update={"attention_channels": attention_channels})
    generator = Generator(config).eval()
    on_red, on_blue = something_on(RED)[None], something_on(BLUE)[None]

    look = generator.encode_class(on_red)

    for part, other in zip(look, generator.encode_class(on_blue), strict=True):
        assert torch.equal(part, other)
    brighter = generator.encode_class(on_red + 0.1)
    assert not torch.allclose(look.class_code, brighter.class_code)


def test_of_the_contents_background_a_content_map_keeps_the_colour_alone(
    attending: ModelConfig,
) -> None:
    generator = Generator(attending).eval()

    on_red, on_blue = (generator.encode_content(something_on(c)) for c in (RED, BLUE))

    assert on_red.shape == (1, 16 + 3, 4, 4)
    assert torch.equal(on_red[:, :-3], on_blue[:, :-3])
    assert torch.equal(on_red[:, -3:], torch.tensor(RED)[None, :, None, None].expand(1, 3, 4, 4))


def test_where_nothing_is_drawn_the_translation_has_the_contents_background(
    attending: ModelConfig,
) -> None:
    generator = Generator(attending).eval()
    with torch.no_grad():  # opacity is all or nothing
        generator.image_decoder.to_image.weight[3] *= 1e6
    content, examples = something_on(BLUE), torch.randn(1, 2, 3, 16, 16)

    on_blue = generator(content, examples)
    on_red = generator(something_on(RED), examples)

    is_blue = (on_blue == torch.tensor(BLUE)[None, :, None, None]).all(dim=1)
    is_red = (on_red == torch.tensor(RED)[None, :, None, None]).all(dim=1)
    assert 0 < is_blue.sum() < 16 * 16
    assert torch.equal(is_blue, is_red)
    drawn = ~is_blue.unsqueeze(1).expand(-1, 3, -1, -1)
    assert torch.equal(on_blue[drawn], on_red[drawn])


def test_opacity_goes_from_the_background_to_what_is_drawn(attending: ModelConfig) -> None:
    generator = Generator(attending).eval()
    on_red, on_blue = (generator.encode_content(something_on(c)) for c in (RED, BLUE))
    look = generator.encode_class(torch.randn(1, 2, 3, 16, 16))

    red, blue = generator.draw(on_red, look), generator.draw(on_blue, look)

    assert red.opacity is not None
    assert blue.opacity is not None
    torch.testing.assert_close(red.opacity, blue.opacity)
    transparency = 1 - red.opacity.sigmoid()
    difference = (torch.tensor(RED) - torch.tensor(BLUE))[None, :, None, None]
    torch.testing.assert_close(red.images - blue.images, transparency * difference)


def test_the_opacity_to_draw_is_1_where_the_thing_is(attending: ModelConfig) -> None:
    expected = torch.zeros(1, 1, 16, 16)
    expected[..., 4:12, 4:12] = 1

    opacity = Generator(attending).perfect(something_on(RED)).opacity

    assert opacity is not None
    assert torch.equal(opacity, expected)


def test_each_translation_of_a_batch_has_its_own_background(attending: ModelConfig) -> None:
    generator = Generator(attending).eval()
    with torch.no_grad():  # nothing is drawn anywhere
        generator.image_decoder.to_image.bias[3] = -1e6
    content = torch.cat([something_on(RED), something_on(BLUE)])

    translated = generator(content, torch.randn(2, 1, 3, 16, 16))

    expected = torch.tensor([RED, BLUE])[:, :, None, None].expand(2, 3, 16, 16)
    assert torch.equal(translated, expected)


# ------------------------------------------------------------------- attention


def test_an_image_finds_its_own_colours_in_itself(attending: ModelConfig) -> None:
    generator = Generator(attending).double().eval()
    assert generator.attention is not None
    with torch.no_grad():
        generator.attention.log_sharpness.fill_(math.log(1e6))
    images = torch.rand(2, 3, 16, 16).double() * 2 - 1

    look = generator.encode_class(images[:, None])
    drawing = generator.draw(generator.encode_content(images), look)

    torch.testing.assert_close(drawing.found_colours, generator.perfect(images).found_colours)


def test_the_colours_to_find_are_the_means_of_the_foregrounds_at_each_position(
    attending: ModelConfig,
) -> None:
    images = torch.cat([something_on(RED), something_on(BLUE)])

    colours = Generator(attending).perfect(images).found_colours

    assert colours is not None
    assert colours.shape == (2, 3, 8, 8)  # a position is 2 x 2 pixels
    foreground = without_background(images)
    torch.testing.assert_close(colours[:, :, 3, 2], foreground[..., 6:8, 4:6].mean(dim=(2, 3)))
    assert not colours[..., 0, 0].any()


def test_what_is_where_in_the_examples_shows_in_the_translation(attending: ModelConfig) -> None:
    generator = Generator(attending).eval()
    content_map = generator.encode_content(torch.randn(1, 3, 16, 16))
    look = generator.encode_class(torch.randn(1, 1, 3, 16, 16))
    other = look._replace(values=look.values.flip(2))

    drawn = generator.decode(content_map, look)

    assert not torch.allclose(generator.decode(content_map, other), drawn, atol=0.01)


def test_the_papers_generator_has_neither_attention_nor_a_background(tiny: ModelConfig) -> None:
    generator = Generator(tiny)
    content = torch.randn(2, 3, 16, 16)
    content_map, look = generator.encode_content(content), generator.encode_class(content[:, None])

    drawing = generator.draw(content_map, look)

    assert content_map.shape == (2, 16, 4, 4)
    assert look.keys.numel() == look.values.numel() == 0
    assert drawing.opacity is drawing.found_colours is None
    assert generator.perfect(content) == (content, None, None)


@pytest.mark.parametrize("num_halvings", [1, 2, 3])
def test_attention_works_at_every_depth(attending: ModelConfig, num_halvings: int) -> None:
    config = attending.model_copy(
        update={"num_halvings": num_halvings, "class_encoder_halvings": num_halvings}
    )
    generator = Generator(config)
    content = torch.randn(1, 3, 16, 16)

    drawing = generator.draw(
        generator.encode_content(content), generator.encode_class(content[:, None])
    )

    assert drawing.images.shape == content.shape
    assert drawing.found_colours is not None
    assert drawing.found_colours.shape[2:] == (32 // 2**num_halvings,) * 2


# ----------------------------------------------------------------------- sizes


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
def test_sizes_from_32_to_512_px_work(size: int) -> None:
    config = ModelConfig(num_classes=3, image_size=size, base_channels=2, mlp_size=8)
    content = torch.randn(1, 3, size, size)

    with torch.inference_mode():
        translated = Generator(config)(content, content[:, None])

    assert translated.shape == content.shape
    assert translated.isfinite().all()


def test_weight_bytes_are_counted_without_making_the_weights(either: ModelConfig) -> None:
    assert weight_bytes(either) == sum(p.nbytes for p in Generator(either).parameters())


def test_the_papers_weights_are_counted(paper: ModelConfig) -> None:
    assert weight_bytes(paper) == 4 * 29_866_435


def test_a_model_larger_than_max_bytes_is_refused(tiny: ModelConfig) -> None:
    needed = weight_bytes(tiny)

    Generator(tiny.model_copy(update={"max_bytes": needed}))
    with pytest.raises(UserError, match=f"`model.max_bytes` .*{needed:,}") as caught:
        Generator(tiny.model_copy(update={"max_bytes": needed - 1}))

    assert "model.base_channels" in caught.value.hint
