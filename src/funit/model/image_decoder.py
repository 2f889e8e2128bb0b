"""The image decoder: a content map and the AdaIN statistics in; an image out.

Shapes: B images of H x W pixels, d = 2**num_halvings, C = base_channels * d, V attended channels.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.class_encoder import class_encoder_widths
from funit.model.layers import (
    AdaINResidualBlock,
    UpsamplingConvolution,
    adain,
    convolution,
    instance_norm,
)


class ImageDecoder(nn.Module):
    """Draws the pose of a content map in the look that the AdaIN statistics carry.

    Colours come before the tanh that takes them to [-1, 1]. On a plain background there is a
    fourth channel, how much the drawing hides it, before the sigmoid.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.base_channels * 2**config.num_halvings
        self.num_doublings = config.num_halvings
        self.blocks = nn.ModuleList(
            AdaINResidualBlock(channels) for _ in range(config.num_residual_blocks)
        )
        self.doublings = nn.ModuleList(
            UpsamplingConvolution(channels // 2**i, config.upsampling_kernel_size)
            for i in range(config.num_halvings)
        )
        if config.attention_channels is not None:
            attended = class_encoder_widths(config)[config.num_halvings - 1] + 3
            self.paint = convolution(attended, channels // 2, 1)
            self.painted_block = AdaINResidualBlock(channels // 2)
        self.to_image = convolution(config.base_channels, 4 if config.plain_background else 3, 7)
        self.has_adain_doublings = config.upsampling_norm == "adain"

    def forward(
        self,
        content_map: Tensor,
        statistics: list[tuple[Tensor, Tensor]],
        attended: Tensor | None = None,
    ) -> Tensor:
        # (B, C, H / d, W / d), the mean and the deviation of each AdaIN layer, and what the
        # attention found, (B, V, 2H / d, 2W / d), if there is any -> (B, 3 or 4, H, W)
        remaining = iter(statistics)
        features = content_map
        for block in self.blocks:
            features = block(features, next(remaining), next(remaining))
        for i, doubling in enumerate(self.doublings):
            features = doubling(features)
            if self.has_adain_doublings:
                features = F.relu(adain(features, *next(remaining)))
            else:
                features = F.relu(instance_norm(features))
            if i == 0 and attended is not None:
                features = features + self.paint(attended)
                features = self.painted_block(features, next(remaining), next(remaining))
        drawn: Tensor = self.to_image(features)
        return drawn.to(self.to_image.weight.dtype)  # under autocast too
