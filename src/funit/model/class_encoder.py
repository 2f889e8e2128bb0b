"""The class encoder: K example images of one class in; one class code, its look, out.

Shapes: B classes, K examples of each, H x W pixels, S class-code size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import convolution

TOLERANCE = 8 / 127.5  # 8 of 255 levels, images being in [-1, 1]


class ClassEncoder(nn.Module):
    """Turns examples of a class into its class code.

    Convolutions, then the mean over positions (claim 8), then over the examples (claim 9): the
    order of the examples and where things are in them do not matter.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        base, halvings = config.base_channels, config.class_encoder_halvings
        widths = [base * 2 ** min(i, 2) for i in range(halvings + 1)]
        self.stem = convolution(3, base, 7)
        self.halvings = nn.ModuleList(
            convolution(widths[i], widths[i + 1], 4, stride=2) for i in range(halvings)
        )
        self.has_plain_background = config.plain_background
        self.code = convolution(widths[-1], config.class_code_size, 1)

    def forward(self, examples: Tensor) -> Tensor:
        # (B, K, 3, H, W) -> (B, S)
        codes = self.encode_images(examples.flatten(0, 1))
        return codes.unflatten(0, examples.shape[:2]).mean(dim=1)

    def encode_images(self, images: Tensor) -> Tensor:
        """One class code for each image: (B, 3, H, W) -> (B, S)."""
        if self.has_plain_background:
            images = without_background(images)
        features = F.relu(self.stem(images))
        for conv in self.halvings:
            features = F.relu(conv(features))
        pooled = features.mean(dim=(2, 3), keepdim=True)
        return self.code(pooled).flatten(1)


def without_background(images: Tensor) -> Tensor:
    """The images with grey, 0, for every pixel of the background's colour: (B, 3, H, W).

    The background's colour is the median of the one-pixel border.
    """
    edges = (images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1])
    background = torch.cat(edges, dim=2).median(dim=2).values[:, :, None, None]
    difference = (images - background).abs().amax(dim=1, keepdim=True)
    return images * (difference > TOLERANCE)
