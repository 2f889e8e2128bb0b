"""The generator: a content image and K examples of a class in; the translation out.

Shapes: B images of H x W pixels, K examples, S class-code size, (C, h, w) a content map.
"""

import torch
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.errors import UserError
from funit.model.adain_decoder import AdaINDecoder
from funit.model.class_encoder import ClassEncoder
from funit.model.content_encoder import ContentEncoder
from funit.model.image_decoder import ImageDecoder


class Generator(nn.Module):
    """Redraws content images in the look of classes that examples show (patent claim 1).

    Content maps and class codes can be made apart, kept, and combined again in any pairing.
    Images are in [-1, 1]. A model larger than `model.max_bytes` is a UserError.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        _check_size(config)
        self.content_encoder = ContentEncoder(config)
        self.class_encoder = ClassEncoder(config)
        self.adain_decoder = AdaINDecoder(config)
        self.image_decoder = ImageDecoder(config)

    def encode_content(self, images: Tensor) -> Tensor:
        """The content maps of images: (B, 3, H, W) -> (B, C, h, w)."""
        return self.content_encoder(images)

    def encode_class(self, examples: Tensor) -> Tensor:
        """The class codes of sets of examples: (B, K, 3, H, W) -> (B, S)."""
        return self.class_encoder(examples)

    def decode(self, content_map: Tensor, class_code: Tensor) -> Tensor:
        """Images from content maps and class codes: (B, C, h, w), (B, S) -> (B, 3, H, W)."""
        return self.image_decoder(content_map, self.adain_decoder(class_code))

    def forward(self, content: Tensor, examples: Tensor) -> Tensor:
        """Translations: (B, 3, H, W), (B, K, 3, H, W) -> (B, 3, H, W)."""
        return self.decode(self.encode_content(content), self.encode_class(examples))


def weight_bytes(config: ModelConfig) -> int:
    """Bytes of the generator's weights in 32 bits, counted without making them."""
    with torch.device("meta"):
        generator = Generator(config.model_copy(update={"max_bytes": None}))
    return 4 * sum(parameter.numel() for parameter in generator.parameters())


def _check_size(config: ModelConfig) -> None:
    """Refuses a configuration whose weights are larger than was allowed [0044]."""
    if config.max_bytes is not None and (needed := weight_bytes(config)) > config.max_bytes:
        raise UserError(
            f"`model.max_bytes` {config.max_bytes:,} is less than the {needed:,} bytes that the "
            "generator's weights need",
            hint="raise it, or lower `model.base_channels` "
            f"{config.base_channels}: half of it needs about a quarter",
        )
