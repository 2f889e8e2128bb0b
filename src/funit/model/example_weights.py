"""How much each example counts: class codes in; codes whose mean is a weighted one, out.

A code travels multiplied by its weight, and the weight beside it: whoever adds such codes up, by
any shares and as often as they like, has the weighted mean by one division at the end. So
`Look.merged` needs to know nothing of it.

Shapes: B images, S class-code size.
"""

import torch
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import linear

LARGEST_SCORE = 3.0  # an example counts at most e^6 times as much as another


class ExampleWeights(nn.Module):
    """Learns from a class code what its example is worth; at the start all are worth the same."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.score = linear(config.class_code_size, 1)
        nn.init.zeros_(self.score.weight)

    def weighed(self, class_code: Tensor) -> Tensor:
        """The code times its weight, and the weight: (B, S) -> (B, S + 1)."""
        weight = (LARGEST_SCORE * torch.tanh(self.score(class_code))).exp()
        return torch.cat([class_code * weight, weight], dim=1)

    def class_code(self, weighed: Tensor) -> Tensor:
        """The code of one, or the mean of several that were added up: (B, S + 1) -> (B, S)."""
        return weighed[:, :-1] / weighed[:, -1:]
