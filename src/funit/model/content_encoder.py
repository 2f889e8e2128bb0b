"""The content encoder: an image in; a content map, which keeps its pose, out.

Shapes: B images of H x W pixels, d = 2**num_halvings, C = base_channels * d.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import ResidualBlock, convolution, instance_norm
from funit.model.pose_code import PoseCode


class ContentEncoder(nn.Module):
    """Turns an image into its content map: what is where, not what it looks like.

    Convolutions, then residual blocks (claim 8). Instance norm takes every channel's mean and
    deviation away, and with them much of the look.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        base, halvings = config.base_channels, config.num_halvings
        widths = [base * 2**i for i in range(halvings + 1)]
        self.stem = convolution(3, base, 7)
        self.halvings = nn.ModuleList(
            convolution(widths[i], widths[i + 1], 4, stride=2) for i in range(halvings)
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(widths[-1]) for _ in range(config.num_residual_blocks)
        )
        size = config.pose_code_size
        self.pose_code = None if size is None else PoseCode(config, size)

    def forward(self, images: Tensor) -> Tensor:
        # (B, 3, H, W) -> (B, C, H / d, W / d)
        features = self._features(images)
        return features if self.pose_code is None else self.pose_code(features)

    def pose_codes(self, images: Tensor) -> Tensor:
        """The numbers that tell poses, the whole content map without a code: -> (B, N)."""
        features = self._features(images)
        return features.flatten(1) if self.pose_code is None else self.pose_code.numbers(features)

    def _features(self, images: Tensor) -> Tensor:
        features = F.relu(instance_norm(self.stem(images)))
        for conv in self.halvings:
            features = F.relu(instance_norm(conv(features)))
        for block in self.blocks:
            features = block(features)
        return features
