"""Spectral normalisation: a layer's weights over their largest singular value.

That is how much a layer can enlarge what it is given (Miyato et al., 2018). torch's own computes in
16 bits under autocast, and keeps a vector more than it needs.

Shapes: a weight is seen as a matrix, its outputs the rows.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization


class SpectralNorm(nn.Module):
    """Weights in; the same over an estimate of their largest singular value, out.

    While it trains, each call makes the estimate better by a step of power iteration.
    """

    left: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        # no random numbers: those of the layers stay as they were
        self.register_buffer("left", F.normalize(weight.detach().flatten(1).sum(dim=1), dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        # (out, in, ...) -> the same
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            with torch.no_grad():
                right = F.normalize(matrix.T @ self.left, dim=0)
                left = F.normalize(matrix @ right, dim=0)
                if self.training:
                    self.left.copy_(left)
            return weight / (left @ matrix @ right)


def normalise_spectrally(network: nn.Module) -> None:
    """All convolutions and linear layers of a network."""
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear):
            register_parametrization(module, "weight", SpectralNorm(module.weight))
