import torch
import torch.nn.functional as F

from funit.config import ModelConfig
from funit.model.class_encoder import ClassEncoder


def test_the_papers_class_code_has_64_numbers(paper: ModelConfig) -> None:
    with torch.device("meta"):
        code = ClassEncoder(paper)(torch.empty(2, 5, 3, 128, 128))

    assert code.shape == (2, 64)


def test_a_class_code_is_the_mean_over_positions_then_over_images(tiny: ModelConfig) -> None:
    encoder = ClassEncoder(tiny).eval()
    examples = torch.randn(2, 3, 3, 16, 16)

    codes = encoder(examples)

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
    encoder = ClassEncoder(tiny).eval()
    examples = torch.randn(1, 5, 3, 16, 16)

    shuffled = encoder(examples[:, torch.tensor([3, 0, 4, 1, 2])])

    torch.testing.assert_close(shuffled, encoder(examples))


def test_the_code_of_one_example_is_the_code_of_that_image(tiny: ModelConfig) -> None:
    encoder = ClassEncoder(tiny).eval()
    images = torch.randn(4, 3, 16, 16)

    torch.testing.assert_close(encoder(images[:, None]), encoder.encode_images(images))


def test_the_same_example_again_changes_nothing(tiny: ModelConfig) -> None:
    encoder = ClassEncoder(tiny).eval()
    image = torch.randn(1, 1, 3, 16, 16)

    torch.testing.assert_close(encoder(image.expand(-1, 4, -1, -1, -1)), encoder(image))


def test_examples_may_be_larger_than_the_model(tiny: ModelConfig) -> None:
    encoder = ClassEncoder(tiny).eval()

    assert encoder(torch.randn(1, 2, 3, 48, 32)).shape == (1, tiny.class_code_size)


def test_on_a_plain_background_the_class_code_does_not_depend_on_the_background(
    tiny: ModelConfig,
) -> None:
    encoder = ClassEncoder(tiny.model_copy(update={"plain_background": True}))
    on_red, on_blue = torch.zeros(2, 1, 1, 3, 16, 16)
    on_red[:, :, 0], on_blue[:, :, 2] = 0.9, 0.7
    on_red[..., 4:12, 4:12] = on_blue[..., 4:12, 4:12] = -0.5

    torch.testing.assert_close(encoder(on_red), encoder(on_blue))
    assert not torch.allclose(encoder(on_red), encoder(on_red + 0.2))
