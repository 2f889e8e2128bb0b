"""The pose code: what is kept of a content map, in so few numbers that the shape does not fit.

A content map has room for the shape of a class beside the pose. A generator that learns from
reconstructions then finds the shape there, and has no need to learn it from the examples. Through
few numbers the shape does not fit, and the examples are the only place to find it: AutoVC (Qian et
al., 2019) parts voices from words so. The paper has nothing like it; there the discriminator alone
asks for the shape of the class.

Shapes: B images, (C, h, w) a content map, N numbers of a pose code.
"""

import torch
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import convolution, linear

CHANNELS = 16  # of what is between map and code: all C would make most of the model's weights


class PoseCode(nn.Module):
    """Content maps in; the content maps that their codes tell, of the same size, out."""

    def __init__(self, config: ModelConfig, num_numbers: int) -> None:
        super().__init__()
        channels = config.base_channels * 2**config.num_halvings
        side = config.image_size // 2**config.num_halvings
        self.shape = CHANNELS, side, side
        self.squeeze = convolution(channels, CHANNELS, 1)
        self.code = linear(CHANNELS * side * side, num_numbers)
        self.unfold = linear(num_numbers, CHANNELS * side * side)
        self.spread = convolution(CHANNELS, channels, 1)

    def numbers(self, content_map: Tensor) -> Tensor:
        """The pose codes of content maps: (B, C, h, w) -> (B, N)."""
        code: Tensor = self.code(torch.tanh(self.squeeze(content_map)).flatten(1))
        return code

    def forward(self, content_map: Tensor) -> Tensor:
        # (B, C, h, w) -> (B, C, h, w), by way of (B, N)
        told = self.unfold(self.numbers(content_map)).unflatten(1, self.shape)
        spread: Tensor = self.spread(told)
        return spread
