"""Attention: each position of the content finds the positions of the examples that show the same.

One class code cannot carry what every part of a costume or a wing looks like; the examples can.
The paper has nothing like it. Keys come from content maps, so that what is matched is what is
where; values from the class encoder, so that what is found is the look.

Shapes: B images, h x w positions of the content map, A key and V value channels, P example
positions. Attention works at s times the content map's height and width, s = 1, 2 or 4.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import convolution
from funit.model.look import Look

SHARPNESS = 10.0  # at the start: with unit keys, the best match counts e^20 times the worst


class Attention(nn.Module):
    """Content maps and looks in; for each position, the values that its matches have, out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        assert config.attention_channels is not None
        channels = config.base_channels * 2**config.num_halvings
        self.scale = 2**config.attention_doublings
        self.hidden = convolution(channels, channels, 3)
        self.key = convolution(channels // self.scale**2, config.attention_channels, 3)
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(SHARPNESS)))

    def keys(self, content_map: Tensor) -> Tensor:
        """What is at each position, as a vector of length 1: (B, C, h, w) -> (B, A, s h, s w)."""
        hidden = F.pixel_shuffle(F.relu(self.hidden(content_map)), self.scale)
        return F.normalize(self.key(hidden), dim=1)

    def forward(self, content_map: Tensor, look: Look) -> Tensor:
        # (B, C, h, w) -> (B, V, s h, s w): scaled dot-product attention (Vaswani et al., 2017)
        keys = self.keys(content_map)
        queries = keys.flatten(2).transpose(1, 2) * self.log_sharpness.exp()
        scores = torch.baddbmm(look.log_shares[:, None], queries, look.keys)
        found = scores.softmax(dim=2) @ look.values.transpose(1, 2)
        return found.transpose(1, 2).unflatten(2, keys.shape[2:])
