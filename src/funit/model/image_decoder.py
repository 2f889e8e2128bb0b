"""The image decoder: a content map and the AdaIN statistics in; an image out.

Shapes: B images of H x W pixels, d = 2**num_halvings, C = base_channels * d
or content_channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import AdaINResidualBlock, UpsamplingConvolution, adain, affine, convolution


class ImageDecoder(nn.Module):
    """Draws the pose of a content map in the look that the AdaIN statistics carry."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.base_channels * 2**config.num_halvings
        self.widen: nn.Module = nn.Identity()
        if config.content_channels is not None:
            self.widen = convolution(config.content_channels, channels, 1)
        self.blocks = nn.ModuleList(
            AdaINResidualBlock(channels) for _ in range(config.num_residual_blocks)
        )
        self.doublings = nn.ModuleList(
            UpsamplingConvolution(channels // 2**i, config.upsampling_kernel_size)
            for i in range(config.num_halvings)
        )
        self.to_image = convolution(config.base_channels, 3, 7)
        self.upsampling_norm = config.upsampling_norm

    def forward(self, content_map: Tensor, statistics: list[tuple[Tensor, Tensor]]) -> Tensor:
        # (B, C, H / d, W / d), and the mean and the deviation of each AdaIN layer -> (B, 3, H, W)
        remaining = iter(statistics)
        features = self.widen(content_map)
        for block in self.blocks:
            features = block(features, next(remaining), next(remaining))
        for doubling in self.doublings:
            features = doubling(features)
            if self.upsampling_norm == "instance":
                features = F.relu(F.instance_norm(features))
            elif self.upsampling_norm == "adain":
                features = F.relu(adain(features, *next(remaining)))
            else:
                features = F.relu(affine(features, *next(remaining)))
        return torch.tanh(self.to_image(features))
