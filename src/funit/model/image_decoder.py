"""The image decoder: a content map and the AdaIN statistics in; an image out.

Shapes: B images of H x W pixels, d = 2**num_halvings, C = base_channels * d, V attended channels.
"""

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.class_encoder import class_encoder_widths
from funit.model.found_pixels import found_channels
from funit.model.layers import (
    AdaINResidualBlock,
    FewChannelConvolution,
    UpsamplingConvolution,
    adain,
    convolution,
    instance_norm,
)


class ImageDecoder(nn.Module):
    """Draws the pose of a content map in the look that the AdaIN statistics carry.

    Colours come before the tanh that takes them to [-1, 1]. On a plain background there is a
    fourth channel, how much the drawing hides it, before the sigmoid. Where the attention finds
    pixels there is a last one, how much of them shows, before the sigmoid too.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.base_channels * 2**config.num_halvings
        self.attention_doublings = config.attention_doublings
        self.blocks = nn.ModuleList(
            AdaINResidualBlock(channels) for _ in range(config.num_residual_blocks)
        )
        self.doublings = nn.ModuleList(
            UpsamplingConvolution(channels // 2**i, config.upsampling_kernel_size)
            for i in range(config.num_halvings)
        )
        if config.attention_channels is not None:
            attended = class_encoder_widths(config)[config.num_halvings - self.attention_doublings]
            painted = channels // 2**self.attention_doublings
            self.paint = convolution(attended + found_channels(config), painted, 1)
            self.painted_block = AdaINResidualBlock(painted)
        num_drawn = 3 + config.plain_background + config.finds_pixels
        self.to_image = FewChannelConvolution(config.base_channels, num_drawn, 7)
        self.has_adain_doublings = config.upsampling_norm == "adain"

    def forward(
        self,
        content_map: Tensor,
        statistics: list[tuple[Tensor, Tensor]],
        attended: Tensor | None = None,
    ) -> Tensor:
        # (B, C, H / d, W / d), the mean and the deviation of each AdaIN layer, and what the
        # attention found, (B, V, s H / d, s W / d), if there is any -> (B, 3 to 5, H, W)
        remaining = iter(statistics)
        features = content_map
        for block in self.blocks:
            features = block(features, next(remaining), next(remaining))
        for doublings in range(len(self.doublings) + 1):
            if doublings:
                features = self._doubled(self.doublings[doublings - 1], features, remaining)
            if attended is not None and doublings == self.attention_doublings:
                features = features + self.paint(attended)
                features = self.painted_block(features, next(remaining), next(remaining))
        drawn: Tensor = self.to_image(features)
        return drawn.to(self.to_image.weight.dtype)  # under autocast too

    def _doubled(
        self, doubling: nn.Module, features: Tensor, remaining: Iterator[tuple[Tensor, Tensor]]
    ) -> Tensor:
        doubled = doubling(features)
        if self.has_adain_doublings:
            return F.relu(adain(doubled, *next(remaining)))
        return F.relu(instance_norm(doubled))
