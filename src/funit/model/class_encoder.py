"""The class encoder: example images in; the class code of each, and features on the way, out.

Shapes: B images of H x W pixels, S class-code size.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import convolution


class ClassEncoder(nn.Module):
    """Turns each example of a class into its class code.

    Convolutions, then the mean over positions (claim 8): where things are does not matter. The mean
    over the examples (claim 9) is taken by `Look.merged`.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        base, halvings = config.base_channels, config.class_encoder_halvings
        widths = class_encoder_widths(config)
        self.stem = convolution(3, base, 7)
        self.halvings = nn.ModuleList(
            convolution(widths[i], widths[i + 1], 4, stride=2) for i in range(halvings)
        )
        self.code = convolution(widths[-1], config.class_code_size, 1)

    def features(self, images: Tensor) -> list[Tensor]:
        """The features of images before the first halving and after each: (B, 3, H, W) each."""
        features = [F.relu(self.stem(images))]
        for conv in self.halvings:
            features.append(F.relu(conv(features[-1])))
        return features

    def class_code(self, features: Tensor) -> Tensor:
        """One class code for each image, of its last features: (B, C, h, w) -> (B, S)."""
        return self.code(features.mean(dim=(2, 3), keepdim=True)).flatten(1)


def class_encoder_widths(config: ModelConfig) -> list[int]:
    """Channels before the first halving and after each."""
    return [config.base_channels * 2 ** min(i, 2) for i in range(config.class_encoder_halvings + 1)]
