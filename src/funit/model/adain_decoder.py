"""The AdaIN decoder: a class code in; the mean and the deviation of every AdaIN channel out.

Shapes: B images, S class-code size, C channels of one AdaIN layer.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import linear


def adain_layer_sizes(config: ModelConfig) -> list[int]:
    """Channels of each AdaIN layer of the image decoder, in order."""
    channels = config.base_channels * 2**config.num_halvings
    sizes = [channels] * (2 * config.num_residual_blocks)
    for doublings in range(config.num_halvings + 1):
        if doublings and config.upsampling_norm == "adain":
            sizes.append(channels)
        if config.attention_channels is not None and doublings == config.attention_doublings:
            sizes += [channels] * 2
        channels //= 2
    return sizes


class AdaINDecoder(nn.Module):
    """Turns the look of a class into what the image decoder's AdaIN layers need.

    Means and deviations travel as arguments: nothing is stored between calls, so each image of a
    batch can have its own class.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layer_sizes = adain_layer_sizes(config)
        self.hidden1 = linear(config.class_code_size, config.mlp_size)
        self.hidden2 = linear(config.mlp_size, config.mlp_size)
        self.statistics = linear(config.mlp_size, 2 * sum(self.layer_sizes))
        with torch.no_grad():  # start as plain instance norm: deviation 1; the paper is silent
            for statistics in self.statistics.bias.split([2 * size for size in self.layer_sizes]):
                statistics.chunk(2)[1].fill_(1)

    def forward(self, class_code: Tensor) -> list[tuple[Tensor, Tensor]]:
        # (B, S) -> the mean and the deviation, each (B, C), of each AdaIN layer
        hidden = F.relu(self.hidden1(class_code))
        statistics = self.statistics(F.relu(self.hidden2(hidden)))
        layers = statistics.split([2 * size for size in self.layer_sizes], dim=1)
        return [tuple(layer.chunk(2, dim=1)) for layer in layers]
