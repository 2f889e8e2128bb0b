import math

import pytest
import torch
from torch import Tensor

from funit.config import ModelConfig
from funit.model.attention import Attention
from funit.model.background import without_background
from funit.model.generator import Generator
from funit.model.look import Look

NUM_POSITIONS = 64  # of an example: 8 x 8, twice the content map's 4 x 4


@pytest.fixture
def attention(attending: ModelConfig) -> Attention:
    return Attention(attending).double()


def look_of(keys: Tensor, values: Tensor) -> Look:
    """Of single examples: (B, A, P), (B, V, P)."""
    codes = keys.new_empty(len(keys), 6)
    return Look(codes, keys, values, torch.zeros_like(keys[:, 0]))


def some_looks(number: int) -> Look:
    keys = torch.nn.functional.normalize(torch.randn(number, 4, NUM_POSITIONS).double(), dim=1)
    return look_of(keys, torch.randn(number, 5, NUM_POSITIONS).double())


def content_map(number: int = 1) -> Tensor:
    return torch.randn(number, 16, 4, 4).double()


def even(number: int) -> Tensor:
    return torch.full((1, number), 1 / number).double()


def test_keys_have_length_1_at_twice_the_content_maps_size(attention: Attention) -> None:
    keys = attention.keys(content_map(2))

    assert keys.shape == (2, 4, 8, 8)
    torch.testing.assert_close(keys.norm(dim=1), torch.ones(2, 8, 8).double())


@pytest.mark.parametrize(("doublings", "side"), [(0, 4), (2, 16)])
def test_keys_are_at_the_size_that_was_asked_for(
    attending: ModelConfig, doublings: int, side: int
) -> None:
    other = attending.model_copy(update={"attention_doublings": doublings})

    keys = Attention(other).double().keys(content_map(2))

    assert keys.shape == (2, 4, side, side)


@pytest.mark.parametrize(("doublings", "side"), [(0, 4), (2, 16)])
def test_the_generator_compares_the_colours_that_were_found_where_they_were_found(
    attending: ModelConfig, doublings: int, side: int
) -> None:
    other = attending.model_copy(update={"attention_doublings": doublings})
    generator, images = Generator(other), torch.rand(2, 3, other.image_size, other.image_size)

    drawn = generator.draw(
        generator.encode_content(images), generator.encode_class(images[:, None])
    )

    assert drawn.images.shape == images.shape
    assert drawn.found_colours is not None
    wanted = generator.perfect(images).found_colours
    assert wanted is not None
    assert drawn.found_colours.shape == wanted.shape == (2, 3, side, side)


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("doublings", [0, 1])
def test_pixels_that_were_found_are_mixed_into_the_drawing_by_a_share_of_its_own(
    attending: ModelConfig, doublings: int, overlap: bool
) -> None:
    settings = {
        "attention_pixels": True,
        "attention_overlap": overlap,
        "attention_doublings": doublings,
    }
    config = attending.model_copy(update=settings)
    generator = Generator(config)
    images = torch.rand(2, 3, config.image_size, config.image_size) * 2 - 1
    pose, look = generator.encode_content(images), generator.encode_class(images[:, None])
    last = generator.image_decoder.to_image
    assert generator.attention is not None
    with torch.no_grad():
        generator.attention.log_sharpness.fill_(math.log(1e6))  # each position finds itself
        last.weight[3:] = 0
        last.bias[3] = 50  # nothing of the background shows

        last.bias[-1] = -50
        alone = generator.draw(pose, look)
        last.bias[-1] = 50
        found = generator.draw(pose, look)
        last.bias[-1] = 0
        mixed = generator.draw(pose, look)

    own = generator.perfect(images)
    assert own.found_colours is not None
    assert found.found_colours is not None
    torch.testing.assert_close(found.found_colours, own.found_colours)
    torch.testing.assert_close(found.images, without_background(images))
    torch.testing.assert_close(mixed.images, (alone.images + found.images) / 2)
    assert not torch.allclose(alone.images, found.images, atol=0.1)


def test_a_position_finds_the_value_of_the_position_with_its_key(attention: Attention) -> None:
    pose = content_map()
    values = torch.randn(1, 5, NUM_POSITIONS).double()
    shuffled = torch.randperm(NUM_POSITIONS)
    look = look_of(attention.keys(pose).flatten(2)[..., shuffled], values[..., shuffled])
    with torch.no_grad():
        attention.log_sharpness.fill_(math.log(1e6))

    found = attention(pose, look)

    torch.testing.assert_close(found, values.view(1, 5, 8, 8))


def test_what_is_found_is_the_mean_of_the_values_weighted_by_match_and_share(
    attention: Attention,
) -> None:
    pose, shares = content_map(), torch.tensor([[0.7, 0.3]]).double()
    single = some_looks(2)

    found = attention(pose, single.merged(shares))

    sharpness = attention.log_sharpness.exp()
    for y, x in [(0, 0), (3, 6), (7, 7)]:
        key = attention.keys(pose)[0, :, y, x]
        total, counts = torch.zeros(5).double(), torch.tensor(0.0).double()
        for example in range(2):
            for position in range(NUM_POSITIONS):
                match = (sharpness * key @ single.keys[example, :, position]).exp()
                total += shares[0, example] * match * single.values[example, :, position]
                counts += shares[0, example] * match
        torch.testing.assert_close(found[0, :, y, x], total / counts)


def test_each_content_map_of_a_batch_finds_what_is_in_its_own_look(attention: Attention) -> None:
    poses, looks = content_map(3), some_looks(3)

    alone = torch.cat([attention(poses[i : i + 1], looks[i : i + 1]) for i in range(3)])

    torch.testing.assert_close(attention(poses, looks), alone)


def test_the_order_of_the_examples_does_not_matter(attention: Attention) -> None:
    pose, single = content_map(), some_looks(3)
    shuffled = Look(*(part[torch.tensor([2, 0, 1])] for part in single))

    found = attention(pose, shuffled.merged(even(3)))

    torch.testing.assert_close(found, attention(pose, single.merged(even(3))))


def test_the_same_example_again_changes_nothing(attention: Attention) -> None:
    pose, single = content_map(), some_looks(1)

    found = attention(pose, Look.cat([single] * 4).merged(even(4)))

    torch.testing.assert_close(found, attention(pose, single))


def test_an_example_of_three_times_the_share_is_three_copies_of_it(attention: Attention) -> None:
    pose, single = content_map(), some_looks(2)
    one, other = single[:1], single[1:]

    found = attention(pose, single.merged(torch.tensor([[0.75, 0.25]]).double()))

    copies = Look.cat([one, one, one, other]).merged(even(4))
    torch.testing.assert_close(found, attention(pose, copies))
    assert not torch.allclose(found, attention(pose, single.merged(even(2))))
