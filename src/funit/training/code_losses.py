"""What class codes are taught besides drawing well: to tell the classes apart.

Shapes: M single images with a class each, S class-code size, N training classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import Config
from funit.model.layers import linear
from funit.training.losses import Terms, whole

TEMPERATURE = 0.1  # of cosines, as in SupCon (Khosla et al., 2020)


class CodeLosses(nn.Module):
    """A linear classifier of class codes, and the terms; no published generator has it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.weights = config.weights
        self.classifier = linear(config.model.class_code_size, config.model.num_classes)

    def terms(self, codes: Tensor, classes: Tensor) -> Terms:
        """The terms that have a weight: (M, S), (M,) -> scalars."""
        terms, codes = {}, whole(codes)
        with torch.autocast(codes.device.type, enabled=False):
            if weight := self.weights.code_classification:
                surprise = F.cross_entropy(self.classifier(codes), classes)
                terms["code_classification"] = weight * surprise
            if weight := self.weights.code_contrast:
                terms["code_contrast"] = weight * contrast(codes, classes)
        return terms


def contrast(codes: Tensor, classes: Tensor) -> Tensor:
    """InfoNCE: of all other images, which are of the same class, by the cosine of the codes?

    The mean over the pairs of one class; 0 where there are none. (M, S), (M,) -> a scalar.
    """
    unit = F.normalize(codes, dim=1)
    is_same = classes[:, None] == classes
    itself = torch.eye(len(codes), dtype=torch.bool, device=codes.device)
    similar = (unit @ unit.T / TEMPERATURE).masked_fill(itself, -torch.inf)
    # a class's other images are no wrong answers
    wrong = similar.masked_fill(is_same, -torch.inf).logsumexp(dim=1, keepdim=True)
    surprise = torch.logaddexp(similar, wrong) - similar
    pairs = is_same & ~itself
    return surprise.masked_fill(~pairs, 0).sum() / pairs.sum().clamp_min(1)
