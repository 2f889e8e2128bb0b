"""The class code as the content needs it: COCO-FUNIT's content-conditioned code.

What of a class's look applies depends on what is drawn, and should not on the examples' pose. So
the code is multiplied by what the content says, and beside it stands a learned constant, the style
bias, which no example can change (Saito et al., 2020). The paper has a content encoder of its own
for this; here it is the generator's.

Shapes: B images, S class-code size, (C, h, w) a content map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.layers import linear


class ContentConditioning(nn.Module):
    """Class codes and content maps in; class codes out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, channels = config.class_code_size, config.base_channels * 2**config.num_halvings
        self.style_bias = nn.Parameter(torch.randn(size))
        self.of_content = linear(channels, size)
        self.of_class = linear(2 * size, size)
        self.code = linear(size, size)

    def forward(self, class_code: Tensor, content_map: Tensor) -> Tensor:
        # (B, S), (B, C, h, w) -> (B, S)
        content = F.relu(self.of_content(content_map.mean(dim=(2, 3))))
        bias = self.style_bias.to(class_code.dtype).expand_as(class_code)
        look = self.of_class(torch.cat([class_code, bias], dim=1))
        code: Tensor = self.code(content * look)
        return code
