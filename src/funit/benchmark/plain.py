"""The plain model, the yardstick of every speed: the paper's networks as drawn, layer by layer.

Eager PyTorch in 32 bits, NCHW; nothing here is ever made faster. Its weights bear the names of
those in `funit.model`, so that the same file serves both. Of the parts that go beyond the paper it
takes the attention and what it finds, the pose code and the plain background from there: none has a
fast version.

Shapes: B images of H x W pixels, K examples, C channels, S class-code size, N classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.config import ModelConfig
from funit.model.adain_decoder import adain_layer_sizes
from funit.model.attention import Attention
from funit.model.background import background_colour, without_background
from funit.model.found_pixels import found_channels, laid_together, pixels_at_positions
from funit.model.look import Look
from funit.model.pose_code import PoseCode

Statistics = list[tuple[Tensor, Tensor]]  # the mean and the deviation, (B, C), of each AdaIN layer


class Generator(nn.Module):
    """Redraws content images in the look of classes that examples show."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.content_encoder = ContentEncoder(config)
        self.class_encoder = ClassEncoder(config)
        self.adain_decoder = AdaINDecoder(config)
        self.image_decoder = ImageDecoder(config)
        self.attention = None if config.attention_channels is None else Attention(config)
        self.has_plain_background = config.plain_background
        self.has_pixels, self.overlap = config.finds_pixels, config.pixels_overlap
        self.num_found = found_channels(config)
        self.attended_halvings = config.num_halvings - config.attention_doublings

    def forward(self, content: Tensor, examples: Tensor) -> Tensor:
        # (B, 3, H, W), (B, K, 3, H, W) -> (B, 3, H, W)
        return self.decode(content, self.encode_content(content), self.encode_class(examples))

    def encode_content(self, images: Tensor) -> Tensor:
        """The content maps of images: (B, 3, H, W) -> (B, C, h, w)."""
        return self.content_encoder(self._foreground(images))

    def encode_class(self, examples: Tensor) -> Look:
        """The looks that sets of examples show: (B, K, 3, H, W) -> B looks."""
        images = self._foreground(examples.flatten(0, 1))
        features = self.class_encoder.features(images)
        code = self.class_encoder.class_code(features[-1])
        keys = values = code.new_empty(len(images), 0, 0)
        if self.attention is not None:
            keys = self.attention.keys(self.content_encoder(images)).flatten(2)
            colours = self._colours(images)
            values = torch.cat([features[self.attended_halvings], colours], dim=1).flatten(2)
        shares = examples.new_full(examples.shape[:2], 1 / examples.shape[1])
        return Look(code, keys, values, code.new_zeros(len(images), keys.shape[2])).merged(shares)

    def decode(self, content: Tensor, content_map: Tensor, look: Look) -> Tensor:
        """Images from content maps and looks; `content` gives the background, if it is plain."""
        attended = None if self.attention is None else self.attention(content_map, look)
        drawn = self.image_decoder(content_map, self.adain_decoder(look.class_code), attended)
        images = torch.tanh(drawn[:, :3])
        if attended is not None and self.has_pixels:
            side = 2**self.attended_halvings
            pixels = laid_together(attended[:, -self.num_found :], side, overlap=self.overlap)
            images = torch.lerp(images, pixels, drawn[:, -1:].sigmoid())
        if not self.has_plain_background:
            return images
        return torch.lerp(background_colour(content), images, drawn[:, 3:4].sigmoid())

    def _foreground(self, images: Tensor) -> Tensor:
        return without_background(images) if self.has_plain_background else images

    def _colours(self, foreground: Tensor) -> Tensor:
        side = 2**self.attended_halvings
        if self.has_pixels:
            return pixels_at_positions(foreground, side, overlap=self.overlap)
        return F.avg_pool2d(foreground, side)


class ContentEncoder(nn.Module):
    """An image in; its content map out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        widths = [config.base_channels * 2**i for i in range(config.num_halvings + 1)]
        self.stem = convolution(3, widths[0], 7)
        self.halvings = halvings(widths)
        self.blocks = nn.ModuleList(
            ResidualBlock(widths[-1]) for _ in range(config.num_residual_blocks)
        )
        size = config.pose_code_size
        self.pose_code = None if size is None else PoseCode(config, size)

    def forward(self, images: Tensor) -> Tensor:
        # (B, 3, H, W) -> (B, C, h, w)
        features = F.relu(F.instance_norm(self.stem(images)))
        for conv in self.halvings:
            features = F.relu(F.instance_norm(conv(features)))
        for block in self.blocks:
            features = block(features)
        return features if self.pose_code is None else self.pose_code(features)


class ClassEncoder(nn.Module):
    """An example in; its class code, and features on the way, out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        depth = config.class_encoder_halvings
        widths = [config.base_channels * 2 ** min(i, 2) for i in range(depth + 1)]
        self.stem = convolution(3, widths[0], 7)
        self.halvings = halvings(widths)
        self.code = convolution(widths[-1], config.class_code_size, 1)

    def features(self, images: Tensor) -> list[Tensor]:
        """Before the first halving and after each: (B, 3, H, W) -> (B, C, H, W) each."""
        features = [F.relu(self.stem(images))]
        for conv in self.halvings:
            features.append(F.relu(conv(features[-1])))
        return features

    def class_code(self, features: Tensor) -> Tensor:
        """The class codes of the last features: (B, C, h, w) -> (B, S)."""
        return self.code(features.mean(dim=(2, 3), keepdim=True)).flatten(1)


class AdaINDecoder(nn.Module):
    """A class code in; the mean and the deviation of every AdaIN channel out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layer_sizes = adain_layer_sizes(config)
        self.hidden1 = nn.Linear(config.class_code_size, config.mlp_size)
        self.hidden2 = nn.Linear(config.mlp_size, config.mlp_size)
        self.statistics = nn.Linear(config.mlp_size, 2 * sum(self.layer_sizes))

    def forward(self, class_code: Tensor) -> Statistics:
        # (B, S) -> the mean and the deviation, each (B, C), of each AdaIN layer
        hidden = F.relu(self.hidden2(F.relu(self.hidden1(class_code))))
        layers = self.statistics(hidden).split([2 * size for size in self.layer_sizes], dim=1)
        return [(layer.chunk(2, dim=1)[0], layer.chunk(2, dim=1)[1]) for layer in layers]


class ImageDecoder(nn.Module):
    """A content map and the AdaIN statistics in; an image, before the tanh, out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        base, depth = config.base_channels, config.num_halvings
        widths = [base * 2 ** (depth - i) for i in range(depth + 1)]
        self.blocks = nn.ModuleList(
            AdaINResidualBlock(widths[0]) for _ in range(config.num_residual_blocks)
        )
        self.doublings = nn.ModuleList(
            UpsamplingConvolution(width, config.upsampling_kernel_size) for width in widths[:-1]
        )
        self.attention_doublings = config.attention_doublings
        if config.attention_channels is not None:
            painted = widths[config.attention_doublings]
            attended = base * 2 ** min(depth - config.attention_doublings, 2)
            self.paint = convolution(attended + found_channels(config), painted, 1)
            self.painted_block = AdaINResidualBlock(painted)
        self.to_image = convolution(base, 3 + config.plain_background + config.finds_pixels, 7)
        self.has_adain_doublings = config.upsampling_norm == "adain"

    def forward(
        self, content_map: Tensor, statistics: Statistics, attended: Tensor | None
    ) -> Tensor:
        # (B, C, h, w), the statistics, what the attention found -> (B, 3 to 5, H, W)
        remaining = iter(statistics)
        features = content_map
        for block in self.blocks:
            features = block(features, next(remaining), next(remaining))
        for doublings in range(len(self.doublings) + 1):
            if doublings:
                features = self.doublings[doublings - 1](features)
                if self.has_adain_doublings:
                    features = F.relu(adain(features, *next(remaining)))
                else:
                    features = F.relu(F.instance_norm(features))
            if doublings == self.attention_doublings and attended is not None:
                features = features + self.paint(attended)
                features = self.painted_block(features, next(remaining), next(remaining))
        return self.to_image(features)


class Discriminator(nn.Module):
    """Scores patches of an image as real pictures of each of N classes, then picks one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.discriminator_channels
        self.stem = convolution(3, width, 7)
        self.scales = nn.ModuleList()
        for scale in range(config.discriminator_halvings + 1):
            is_last = scale == config.discriminator_halvings
            num_blocks = 2 if is_last else config.discriminator_blocks
            wider = min(2 * width, config.discriminator_max_channels)
            widths = [width] * num_blocks + [wider]
            blocks = (
                PreActivationBlock(widths[i], widths[i + 1], config.discriminator_norm)
                for i in range(num_blocks)
            )
            self.scales.append(nn.Sequential(*blocks))
            width = wider
        self.head = nn.Linear(width, config.num_classes)
        self.is_pooled = config.discriminator_head == "pooled"

    def forward(self, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        # (B, 3, H, W), (B,) -> scores (B, h, w), features (B, C, h, w)
        features = self.stem(images)
        for index, scale in enumerate(self.scales):
            if index:
                features = F.avg_pool2d(F.pad(features, (1, 1, 1, 1), mode="reflect"), 3, 2)
            features = scale(features)
        activated = F.leaky_relu(features, 0.2)
        if self.is_pooled:
            activated = activated.mean(dim=(2, 3), keepdim=True)
        every = F.conv2d(activated, self.head.weight[:, :, None, None], self.head.bias)
        return every[torch.arange(len(images), device=images.device), classes], features


class PreActivationBlock(nn.Module):
    """A residual block with activation first; a 1x1 shortcut where the widths differ."""

    def __init__(self, in_channels: int, out_channels: int, norm: bool) -> None:
        super().__init__()
        narrow = min(in_channels, out_channels)
        self.norm1 = nn.InstanceNorm2d(in_channels, affine=True) if norm else nn.Identity()
        self.conv1 = convolution(in_channels, narrow, 3)
        self.norm2 = nn.InstanceNorm2d(narrow, affine=True) if norm else nn.Identity()
        self.conv2 = convolution(narrow, out_channels, 3)
        is_wider = in_channels != out_channels
        self.shortcut = (
            nn.Conv2d(in_channels, out_channels, 1, bias=False) if is_wider else nn.Identity()
        )

    def forward(self, features: Tensor) -> Tensor:
        # (B, in, H, W) -> (B, out, H, W)
        hidden = self.conv1(F.leaky_relu(self.norm1(features), 0.2))
        hidden = self.conv2(F.leaky_relu(self.norm2(hidden), 0.2))
        return self.shortcut(features) + hidden


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance norm beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, channels, 3)
        self.conv2 = convolution(channels, channels, 3)

    def forward(self, features: Tensor) -> Tensor:
        # (B, C, H, W) -> (B, C, H, W)
        hidden = F.relu(F.instance_norm(self.conv1(features)))
        return features + F.instance_norm(self.conv2(hidden))


class AdaINResidualBlock(nn.Module):
    """A residual block whose two normalisations are AdaIN."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, channels, 3)
        self.conv2 = convolution(channels, channels, 3)

    def forward(
        self, features: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]
    ) -> Tensor:
        # (B, C, H, W) and twice the mean and the deviation, each (B, C) -> (B, C, H, W)
        hidden = F.relu(adain(self.conv1(features), *first))
        return features + adain(self.conv2(hidden), *second)


class UpsamplingConvolution(nn.Module):
    """Doubles height and width (nearest neighbour), then convolves to half the channels."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = convolution(channels, channels // 2, kernel_size)

    def forward(self, features: Tensor) -> Tensor:
        # (B, C, H, W) -> (B, C / 2, 2H, 2W)
        return self.conv(F.interpolate(features, scale_factor=2.0, mode="nearest"))


def convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
) -> nn.Conv2d:
    """A convolution with reflection padding that keeps the size, or divides it by `stride`."""
    padding = (kernel_size - 1) // 2
    return nn.Conv2d(
        in_channels, out_channels, kernel_size, stride, padding, padding_mode="reflect"
    )


def halvings(widths: list[int]) -> nn.ModuleList:
    """A 4x4 convolution with stride 2 from each width to the next."""
    return nn.ModuleList(
        convolution(widths[i], widths[i + 1], 4, stride=2) for i in range(len(widths) - 1)
    )


def adain(features: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Gives each channel of each image the mean and the deviation decoded for it."""
    return F.instance_norm(features) * deviation[:, :, None, None] + mean[:, :, None, None]
