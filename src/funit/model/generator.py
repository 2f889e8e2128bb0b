"""The generator: a content image and K examples of a class in; the translation out.

Shapes: B images of H x W pixels, K examples, (C, h, w) a content map.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.errors import UserError
from funit.model.adain_decoder import AdaINDecoder
from funit.model.attention import Attention
from funit.model.background import background_colour, foreground_mask, without_background
from funit.model.class_encoder import ClassEncoder
from funit.model.content_encoder import ContentEncoder
from funit.model.found_pixels import (
    found_channels,
    found_side,
    laid_together,
    pixels_at_positions,
)
from funit.model.image_decoder import ImageDecoder
from funit.model.look import Look


class Drawing(NamedTuple):
    """What the generator draws, and what training wants to know of how it came about."""

    images: Tensor  # (B, 3, H, W) in [-1, 1]
    opacity: Tensor | None  # (B, 1, H, W), logits: how much hides the background, if it is plain
    found_colours: Tensor | None  # (B, F, s h, s w): the examples', by attention, if there is any


class Generator(nn.Module):
    """Redraws content images in the look of classes that examples show (patent claim 1).

    Content maps and looks can be made apart, kept, and combined again in any pairing. Images are
    in [-1, 1]. A model larger than `model.max_bytes` is a UserError.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        _check_size(config)
        self.content_encoder = ContentEncoder(config)
        self.class_encoder = ClassEncoder(config)
        self.adain_decoder = AdaINDecoder(config)
        self.image_decoder = ImageDecoder(config)
        self.attention = None if config.attention_channels is None else Attention(config)
        self.has_plain_background = config.plain_background
        self.has_pixels, self.overlap = config.finds_pixels, config.pixels_overlap
        self.num_found, self.found_side = found_channels(config), found_side(config)
        self.attended_halvings = config.num_halvings - config.attention_doublings

    def encode_content(self, images: Tensor) -> Tensor:
        """The content maps of images: (B, 3, H, W) -> (B, C, h, w).

        On a plain background, three more channels hold its colour.
        """
        content_map: Tensor = self.content_encoder(self._foreground(images))
        return _coloured(content_map, images) if self.has_plain_background else content_map

    def pose_codes(self, images: Tensor) -> Tensor:
        """The pose codes of images, or their content maps in a row: (B, 3, H, W) -> (B, N)."""
        return self.content_encoder.pose_codes(self._foreground(images))

    def on_background_of(self, images: Tensor, content_map: Tensor) -> Tensor:
        """Content maps as if the plain background, if there is one, were that of these images."""
        return _coloured(content_map[:, :-3], images) if self.has_plain_background else content_map

    def encode_class(self, examples: Tensor) -> Look:
        """The looks that sets of examples show: (B, K, 3, H, W) -> B looks."""
        return self.encode_examples(examples.flatten(0, 1)).merged_evenly(examples.shape[1])

    def encode_examples(self, images: Tensor) -> Look:
        """The look that each single image shows: (B, 3, H, W) -> B looks."""
        foreground = self._foreground(images)
        features = self.class_encoder.features(foreground)
        class_code = self.class_encoder.class_code(features[-1])
        if self.attention is None:
            nothing = class_code.new_empty(len(images), 0, 0)
            return Look(class_code, nothing, nothing, nothing.flatten(1))
        keys = self.attention.keys(self.content_encoder(foreground)).flatten(2)
        # the colours as they are, too: what is copied need not be learned
        values = torch.cat([features[self.attended_halvings], self._colours(foreground)], dim=1)
        return Look(class_code, keys, values.flatten(2), torch.zeros_like(keys[:, 0]))

    def decode(self, content_map: Tensor, look: Look) -> Tensor:
        """Images from content maps and looks, one for each: (B, C, h, w) -> (B, 3, H, W)."""
        return self.draw(content_map, look).images

    def draw(self, content_map: Tensor, look: Look) -> Drawing:
        """What `decode` gives, and how it came about."""
        background = None
        if self.has_plain_background:
            content_map, background = content_map[:, :-3], content_map[:, -3:, :1, :1]
        attended = None if self.attention is None else self.attention(content_map, look)
        drawn = self.image_decoder(content_map, self.adain_decoder(look.class_code), attended)
        images, opacity, found = torch.tanh(drawn[:, :3]), None, None
        if attended is not None:
            found = attended[:, -self.num_found :]
        if found is not None and self.has_pixels:
            pixels = laid_together(found.to(images.dtype), self.found_side, overlap=self.overlap)
            images = torch.lerp(images, pixels, drawn[:, -1:].sigmoid())
        if background is not None:
            opacity = drawn[:, 3:4]
            full = background.dtype  # in 16 bits the background would not stay as it is
            images = torch.lerp(background, images.to(full), opacity.sigmoid().to(full))
        return Drawing(images, opacity, found)

    def perfect(self, images: Tensor) -> Drawing:
        """What `draw` should have given for these images; opacity in 0..1."""
        return Drawing(
            images,
            foreground_mask(images) if self.has_plain_background else None,
            None if self.attention is None else self._colours(self._foreground(images)),
        )

    def forward(self, content: Tensor, examples: Tensor) -> Tensor:
        """Translations: (B, 3, H, W), (B, K, 3, H, W) -> (B, 3, H, W)."""
        return self.decode(self.encode_content(content), self.encode_class(examples))

    def _foreground(self, images: Tensor) -> Tensor:
        return without_background(images) if self.has_plain_background else images

    def _colours(self, foreground: Tensor) -> Tensor:
        """The colours of a foreground at each position of the attention: (B, F, s h, s w)."""
        if self.has_pixels:
            return pixels_at_positions(foreground, self.found_side, overlap=self.overlap)
        return F.avg_pool2d(foreground, self.found_side)


def _coloured(content_map: Tensor, images: Tensor) -> Tensor:
    """Content maps with the background's colour behind them: (B, C, h, w) -> (B, C + 3, h, w)."""
    colour = background_colour(images).expand(-1, -1, *content_map.shape[2:])
    return torch.cat([content_map, colour], dim=1)


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
