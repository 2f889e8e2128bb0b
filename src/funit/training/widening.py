"""Larger networks that compute what smaller ones do, to start a training from.

Each new channel is the copy of an old one, and what reads both takes from each a share of what it
took from the old one. The shares are drawn, so that copies learn different things: Net2Net (Chen et
al., 2016), "Net2WiderNet", with unequal shares in place of noise.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from funit.config import ModelConfig
from funit.model.adain_decoder import adain_layer_sizes
from funit.model.found_pixels import found_channels, found_side
from funit.model.generator import Generator
from funit.training.checkpoint import Tensors

SHARES = (0.2, 0.8)  # before they are scaled to sum up to 1
HIDDEN = -4.0  # before the sigmoid: 2% of the pixels that the attention has begun to find show


def widened(tensors: Tensors, own: ModelConfig, wanted: ModelConfig, seed: int) -> Tensors:
    """The generator's weights for another `base_channels`, which draw the same images.

    `own` are the settings of `tensors`, `wanted` the same with a `base_channels` that is no
    smaller. Only rounding tells the images apart.
    """
    random = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in Generator(wanted).state_dict().items()}
    found = {}
    for name, shape in shapes.items():
        tensor = tensors[name].float()
        if name.startswith("adain_decoder.statistics."):
            tensor = tensor[_of_statistics(own, wanted)]
        elif tensor.dim() and tensor.shape[0] != shape[0]:
            group = 4**own.attention_doublings if name.startswith("attention.hidden.") else 1
            tensor = tensor[_copies(shape[0], tensor.shape[0], group)]
        if len(shape) > 1 and tensor.shape[1] != shape[1]:
            # behind the values that attention finds there are as many colours in each width
            same = found_channels(own) if name == "image_decoder.paint.weight" else 0
            tensor = _shared(tensor, shape[1], same, random)
        found[name] = tensor
    return found


def with_pixels(tensors: Tensors, own: ModelConfig, wanted: ModelConfig) -> Tensors:
    """The generator's weights for `attention_pixels`, which draw nearly the same images.

    What was read of a mean colour is read of all the pixels that it was the mean of.
    """
    colours = found_channels(own)
    num_pixels = found_channels(wanted) // colours
    paint = tensors["image_decoder.paint.weight"].float()
    values, mean = paint.split([paint.shape[1] - colours, colours], dim=1)
    each = (mean / num_pixels).repeat_interleave(num_pixels, dim=1)
    weight, bias = (tensors[f"image_decoder.to_image.{name}"] for name in ("weight", "bias"))
    return tensors | {
        "image_decoder.paint.weight": torch.cat([values, each], dim=1),
        "image_decoder.to_image.weight": torch.cat([weight, torch.zeros_like(weight[:1])]),
        "image_decoder.to_image.bias": torch.cat([bias, torch.full_like(bias[:1], HIDDEN)]),
    }


def with_overlap(tensors: Tensors, own: ModelConfig) -> Tensors:
    """The generator's weights for `attention_overlap`, which draw nearly the same images.

    Of the pixels around a position nothing is read at first.
    """
    side, count = found_side(own), found_channels(own)
    paint = tensors["image_decoder.paint.weight"].float()
    values, pixels = paint.split([paint.shape[1] - count, count], dim=1)
    around = F.pad(F.pixel_shuffle(pixels, side), [side // 2] * 4)
    quadrants = F.pixel_unshuffle(around, side).flatten(2).transpose(1, 2)  # (N, 4, 3 side^2)
    wanted = quadrants.flatten(1)[:, :, None, None]
    return tensors | {"image_decoder.paint.weight": torch.cat([values, wanted], dim=1)}


def _copies(new: int, old: int, group: int = 1) -> Tensor:
    """The old channel of each new one; those that a pixel shuffle joins stay `group` by `group`."""
    channel = torch.arange(new)
    return channel // group % (old // group) * group + channel % group


def _of_statistics(own: ModelConfig, wanted: ModelConfig) -> Tensor:
    """The same of the AdaIN statistics: for each layer its means, then its deviations."""
    rows, start = [], 0
    sizes = zip(adain_layer_sizes(wanted), adain_layer_sizes(own), strict=True)
    for new, old in sizes:
        for _ in ("means", "deviations"):
            rows.append(start + _copies(new, old))
            start += old
    return torch.cat(rows)


def _shared(tensor: Tensor, new: int, same: int, random: torch.Generator) -> Tensor:
    """(N, old, ...) -> (N, new, ...): copies share out what the old channel gave.

    The last `same` channels have no copies.
    """
    old = tensor.shape[1]
    copies = torch.cat([_copies(new - same, old - same), torch.arange(old - same, old)])
    shares = torch.empty(tensor.shape[0], new).uniform_(*SHARES, generator=random)
    sums = torch.zeros(tensor.shape[0], old).index_add_(1, copies, shares)
    shares /= sums[:, copies]
    return tensor[:, copies] * shares[(...,) + (None,) * (tensor.dim() - 2)]
