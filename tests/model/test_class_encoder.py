import torch
import torch.nn.functional as F
from torch import Tensor

from funit.config import ModelConfig
from funit.model.class_encoder import ClassEncoder, class_encoder_widths
from funit.model.generator import Generator


def class_codes(generator: Generator, examples: Tensor) -> Tensor:
    """As every translation gets them: (B, K, 3, H, W) -> (B, S)."""
    return generator.encode_class(examples).class_code


def test_the_papers_class_code_has_64_numbers(paper: ModelConfig) -> None:
    with torch.device("meta"):
        code = class_codes(Generator(paper), torch.empty(2, 5, 3, 128, 128))

    assert code.shape == (2, 64)


def test_a_class_code_is_the_mean_over_positions_then_over_images(tiny: ModelConfig) -> None:
    generator = Generator(tiny).eval()
    examples = torch.randn(2, 3, 3, 16, 16)

    encoder = generator.class_encoder
    codes = class_codes(generator, examples)

    for code, images in zip(codes, examples, strict=True):
        plain = torch.zeros(tiny.class_code_size)
        for image in images:
            features = F.relu(encoder.stem(image[None]))
            for conv in encoder.halvings:
                features = F.relu(conv(features))
            _, _, height, width = features.shape
            positions = [features[0, :, y, x] for y in range(height) for x in range(width)]
            mean = sum(positions, torch.zeros(16)) / len(positions)
            plain += encoder.code.weight[:, :, 0, 0] @ mean + encoder.code.bias
        torch.testing.assert_close(code, plain / 3, rtol=1e-4, atol=1e-5)


def test_the_order_of_the_examples_does_not_matter(tiny: ModelConfig) -> None:
    generator = Generator(tiny).eval()
    examples = torch.randn(1, 5, 3, 16, 16)

    shuffled = class_codes(generator, examples[:, torch.tensor([3, 0, 4, 1, 2])])

    torch.testing.assert_close(shuffled, class_codes(generator, examples))


def test_the_code_of_one_example_is_the_code_of_that_image(tiny: ModelConfig) -> None:
    generator = Generator(tiny).eval()
    images = torch.randn(4, 3, 16, 16)

    encoder = generator.class_encoder
    alone = encoder.class_code(encoder.features(images)[-1])

    torch.testing.assert_close(class_codes(generator, images[:, None]), alone)


def test_the_same_example_again_changes_nothing(tiny: ModelConfig) -> None:
    generator = Generator(tiny).eval()
    image = torch.randn(1, 1, 3, 16, 16)

    torch.testing.assert_close(
        class_codes(generator, image.expand(-1, 4, -1, -1, -1)), class_codes(generator, image)
    )


def test_examples_may_be_larger_than_the_model(tiny: ModelConfig) -> None:
    generator = Generator(tiny).eval()

    assert class_codes(generator, torch.randn(1, 2, 3, 48, 32)).shape == (1, tiny.class_code_size)


def test_features_are_those_before_the_first_halving_and_after_each(tiny: ModelConfig) -> None:
    encoder = ClassEncoder(tiny)

    features = encoder.features(torch.randn(2, 3, 16, 16))

    assert [f.shape for f in features] == [
        (2, 4, 16, 16),
        (2, 8, 8, 8),
        (2, 16, 4, 4),
        (2, 16, 2, 2),
    ]
    assert [f.shape[1] for f in features] == class_encoder_widths(tiny)
