import torch

from funit.config import ModelConfig
from funit.model.content_encoder import ContentEncoder
from funit.model.layers import convolution


def test_the_papers_content_map_is_512_x_16_x_16(paper: ModelConfig) -> None:
    with torch.device("meta"):
        content_map = ContentEncoder(paper)(torch.empty(2, 3, 128, 128))

    assert content_map.shape == (2, 512, 16, 16)


def test_the_content_map_forgets_brightness_and_contrast_of_the_image(tiny: ModelConfig) -> None:
    """One gain and one offset for the whole image are gone after the first instance norm."""
    encoder = ContentEncoder(tiny).eval()
    images = torch.rand(2, 3, 16, 16) - 0.5

    changed = encoder(1.7 * images + 0.2)

    torch.testing.assert_close(changed, encoder(images), rtol=1e-2, atol=1e-2)


def test_images_of_a_batch_do_not_see_each_other(tiny: ModelConfig) -> None:
    encoder = ContentEncoder(tiny).train()
    images = torch.randn(3, 3, 16, 16)

    alone = torch.cat([encoder(image[None]) for image in images])

    torch.testing.assert_close(encoder(images), alone, rtol=1e-4, atol=1e-4)


def test_the_content_map_mirrors_with_weights_that_mirror(tiny: ModelConfig) -> None:
    """Position survives: where something is in the image is where it is in the map."""
    encoder = ContentEncoder(tiny).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.dim() == 4:
                parameter.copy_((parameter + parameter.flip(-1)) / 2)
    images = torch.randn(1, 3, 16, 16)

    mirrored = encoder(images.flip(-1))

    torch.testing.assert_close(mirrored, encoder(images).flip(-1), rtol=1e-3, atol=1e-3)


def test_widths_double_with_every_halving(tiny: ModelConfig) -> None:
    encoder = ContentEncoder(tiny)

    assert [conv.weight.shape[0] for conv in encoder.halvings] == [8, 16]
    assert encoder.stem.weight.shape == convolution(3, 4, 7).weight.shape
    assert encoder(torch.randn(1, 3, 16, 16)).shape == (1, 16, 4, 4)
