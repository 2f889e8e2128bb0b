"""Packed -> an endless, seeded, resumable stream of Batch, a share for each process.

Shapes: B images, K examples of each class code, H x W pixels.

Batch i depends on the seed and i alone: a run that goes on needs no replay. Sample j of it depends
on the seed, i and j: the shares of several processes, joined, are the batch of one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from itertools import chain, count, pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from funit.config import DataConfig, TrainingConfig
from funit.data.alterations import GRID_SIZE, bent, hues_turned, mirrored, recoloured
from funit.data.images import to_signed
from funit.data.packed import Packed, PackedClass, Pixels
from funit.data.resident import Place, resident_for, sent
from funit.errors import UserError

T = TypeVar("T")
Floats = np.ndarray[Any, np.dtype[np.float32]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]

# Random numbers of a sample before those of its images, and of each image.
_COLOURS = slice(3, 6)  # after content class, content image, class to translate into
_BEND = slice(6, 6 + 2 * GRID_SIZE**2)
_PER_SAMPLE = _BEND.stop
_PER_IMAGE = 3  # mirrored, top, left
_CUTS = 0.3, 0.8  # of an image's height: between these, classes are cut to be mixed
_AHEAD = 2  # batches drawn while a GPU works


@dataclass(frozen=True)
class Batch:
    """Images to translate, and examples of what to translate them into."""

    content: Tensor  # (B, 3, H, W) in [-1, 1]: gives the pose
    original: Tensor  # (B, 3, H, W): the content before it was recoloured, bent, or its twin
    content_classes: Tensor  # (B,) int64
    examples: Tensor  # (B, K, 3, H, W): K images of the class to translate into
    classes: Tensor  # (B,) int64: the class of the examples, never the original's
    siblings: Tensor  # (B, K, 3, H, W): K others of the content's class; K = 0 if not asked for

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device; a GPU gets it without being waited for."""
        place = torch.device(device)
        return Batch(*(sent(getattr(self, field.name), place) for field in fields(self)))

    def __len__(self) -> int:
        return len(self.content)


@dataclass(frozen=True)
class Samples:
    """Images for a sample grid: each content image is to be drawn in each look."""

    contents: Tensor  # (N, 3, H, W) in [-1, 1]
    examples: Tensor  # (M, K, 3, H, W): K images of each of M classes
    content_classes: tuple[str, ...]
    classes: tuple[str, ...]

    def to(self, device: torch.device | str) -> "Samples":
        """The samples on another device."""
        contents, examples = self.contents.to(device), self.examples.to(device)
        return Samples(contents, examples, self.content_classes, self.classes)


def num_of_share(share: float, num_samples: int) -> int:
    """So many samples of a batch; one at least, unless the share is 0."""
    return max(1, round(share * num_samples)) if share else 0


class Twins(NamedTuple):
    """Which of the N images of a pass show the same pose, by their numbers there."""

    nearest: Numbers  # (N,): the image of another class that may be shown in an image's place
    mates: Numbers  # (M, N): in each of M other classes, the same for all images of a class
    is_sure: np.ndarray[Any, np.dtype[np.bool_]]  # (M, N): an image and its mate have each other


def training_classes(packed: Packed) -> list[PackedClass]:
    """Those that are trained on; raises UserError where there are not two."""
    classes = packed.part("seen")
    if len(classes) < 2:
        raise UserError(
            f"`{packed.path}` has a single class to train on, `{classes[0].name}`",
            hint="an image is translated into another class: two are needed at least",
        )
    return classes


class Dataset:
    """Draws class-balanced batches: a class, then one of its images, each as likely as any other.

    Without `data.shuffle` the content images are all images in the order of the data, pass by pass.
    On a GPU the images are cropped, mirrored, recoloured and bent there, if they fit; else they are
    drawn ahead on the CPU. What is drawn is the same, but for the rounding of colours and bends.
    Raises UserError where there are not two classes, or where the processes cannot share a batch.
    """

    def __init__(
        self,
        packed: Packed,
        image_size: int,
        data: DataConfig,
        training: TrainingConfig,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        self.packed = packed
        self.device = torch.device(device)
        self.resident = resident_for(packed, self.device)
        self.image_size = image_size
        self.shuffle = data.shuffle
        self.flip = data.flip
        self.recolour = data.recolour
        self.turn_hues = data.turn_hues
        self.mix_classes = data.mix_classes
        self.bend = data.bend
        self.twin_share, self.twins_among = training.twins, training.twins_among
        self.seed = training.seed
        self.shots_range = training.shots_range
        self.draws_siblings = training.reconstruct_from == "class"
        self.batch_size = training.batch_size
        self.share = _share(training.batch_size, rank, world_size)
        self.classes = training_classes(packed)
        self.ends = np.cumsum([len(cls) for cls in self.classes])  # of classes in a pass
        self.num_images = int(self.ends[-1])
        assert packed.size >= image_size, "packed for another image size"

    def batches(self, start: int = 0, twins: Twins | None = None) -> Iterator[Batch]:
        """The batches from number `start` on, without end; `twins` as for `batch`."""
        draw = partial(self.batch, twins=twins)
        is_drawn_here = self.device.type == "cuda" and self.resident is None
        return ahead(draw, start) if is_drawn_here else map(draw, count(start))

    def batch(self, index: int, twins: Twins | None = None) -> Batch:
        """This process's share of batch number `index`, on the device.

        The nearest twin is shown as the content of the last `training.twins` of the samples, and
        `data.mix_classes` of them show classes that are mixed with those of their mates.
        """
        # Philox is cheap to start at any key; PCG64 would need a hash of the seed first
        key = np.array([self.seed % 2**64, index], dtype=np.uint64)
        random = np.random.Generator(np.random.Philox(key=key))
        num_shots = _pick(random.random(), *self.shots_range)
        # A row a sample: numbers for siblings are drawn even if not asked for, so that the
        # setting does not change the rest. Numbers of all processes are drawn: they cost little.
        num_numbers = _PER_SAMPLE + 2 * num_shots + _PER_IMAGE * (1 + 2 * num_shots)
        rows = random.random((self.batch_size, num_numbers))[self.share].tolist()

        labels = np.empty((2, len(rows)), dtype=np.int64)
        places: list[list[Place]] = []
        first = index * self.batch_size + self.share.start
        for number, (row, label) in enumerate(zip(rows, labels.T, strict=True), first):
            label[0], label[1], chosen = self._choose(number, row, num_shots)
            places.append(chosen)
        original, examples, siblings = self._images(places, num_shots)
        # drawn behind all else, used or not: these settings do not change the rest
        for_hues, for_mixing = (random.random((self.batch_size, 3))[self.share] for _ in range(2))
        if twins is not None and self.mix_classes:
            shown = [[own, *others[num_shots:]] for own, *others in places]
            self._mix(twins, labels[0], shown, (original, siblings), for_mixing.tolist())
        content = self._with_twins(twins, labels[0], places, original)
        if self.turn_hues:
            turns = np.where(for_hues[:, :1] < self.turn_hues, for_hues[:, 1:], 0)
            own, other = turns.T.tolist()
            turned = hues_turned(original, own)
            # a twin too: its background is the original's
            content = turned if content is original else hues_turned(content, own)
            original = turned
            siblings, examples = hues_turned(siblings, own), hues_turned(examples, other)
        original, content = original[:, 0], content[:, 0]
        if self.recolour:
            content = recoloured(content, [row[_COLOURS] for row in rows])
        if self.bend:
            content = bent(content, [row[_BEND] for row in rows], self.bend)
        # the channels last in memory, as those of all other images
        content = content.contiguous(memory_format=torch.channels_last)
        content_classes, classes = torch.from_numpy(labels)
        return Batch(content, original, content_classes, examples, classes, siblings).to(
            self.device
        )

    def middles(self, numbers: Iterable[int]) -> Tensor:
        """Middle crops of images by their numbers in a pass, on the device: (N, 3, S, S)."""
        size, places = self.image_size, []
        for number in numbers:
            class_index, i = self._at(number)
            cls = self.classes[class_index]
            places.append(
                [(cls, i, *_corner(cls.heights[i], cls.widths[i], size, 0.5, 0.5), False)]
            )
        return self._images(places, 0)[0][:, 0].to(self.device)

    def _choose(
        self, number: int, row: list[float], num_shots: int
    ) -> tuple[int, int, list[Place]]:
        """The content's and the other class of a sample; the places of its 1 + K [+ K] images."""
        content_class, content = self._content(number, row)
        class_index = _skip(int(row[2] * (len(self.classes) - 1)), content_class)
        own, other = self.classes[content_class], self.classes[class_index]
        for_examples = row[_PER_SAMPLE : _PER_SAMPLE + num_shots]
        for_siblings = row[_PER_SAMPLE + num_shots : _PER_SAMPLE + 2 * num_shots]
        for_images = row[_PER_SAMPLE + 2 * num_shots :]

        chosen = [(own, content)]
        chosen += [(other, i) for i in choose(len(other), for_examples)]
        if self.draws_siblings:
            chosen += [(own, i) for i in _siblings(len(own), content, for_siblings)]
        places = []
        for place, (cls, i) in enumerate(chosen):
            side, top, left = for_images[_PER_IMAGE * place : _PER_IMAGE * (place + 1)]
            y, x = _corner(cls.heights[i], cls.widths[i], self.image_size, top, left)
            places.append((cls, i, y, x, self.flip and side < 0.5))
        return content_class, class_index, places

    def _content(self, number: int, row: list[float]) -> tuple[int, int]:
        """The class of the content image of sample `number`, and which of the class's it is."""
        if self.shuffle:
            content_class = int(row[0] * len(self.classes))
            return content_class, int(row[1] * len(self.classes[content_class]))
        return self._at(number % self.num_images)

    def _at(self, number: int) -> tuple[int, int]:
        """The class of an image by its number in a pass, and which of the class's it is."""
        class_index = int(np.searchsorted(self.ends, number, side="right"))
        from_end = int(self.ends[class_index]) - number
        return class_index, len(self.classes[class_index]) - from_end

    def _with_twins(
        self, twins: Twins | None, own: Numbers, places: list[list[Place]], original: Tensor
    ) -> Tensor:
        """The originals, or their twins in place of the last of them: (B, 1, 3, H, W)."""
        num_twins = num_of_share(self.twin_share, len(places))
        if twins is None or not num_twins:
            return original
        owners = zip(own[-num_twins:].tolist(), places[-num_twins:], strict=True)
        shown = [[self._twin(twins.nearest, cls, place)] for cls, (place, *_) in owners]
        return torch.cat([original[:-num_twins], self._images(shown, 0)[0]])

    def _mix(
        self,
        twins: Twins,
        own: Numbers,
        places: list[list[Place]],
        images: tuple[Tensor, Tensor],
        numbers: list[list[float]],
    ) -> None:
        """Puts the lower part of another class into the images of some samples, in place.

        Those are an original, mixed only if its mate surely shows its pose, and its siblings, which
        may be a frame off.
        """
        mixed, shown, rows = [], [], []
        samples = zip(own.tolist(), places, numbers, strict=True)
        for n, (cls, (first, *_), (share, which, cut)) in enumerate(samples):
            mate = int(which * len(twins.mates))
            if share < self.mix_classes and twins.is_sure[mate, self._number(cls, first)]:
                mixed.append(n)
                shown.append([self._twin(twins.mates[mate], cls, place) for place in places[n]])
                rows.append(int((_CUTS[0] + (_CUTS[1] - _CUTS[0]) * cut) * self.image_size))
        if mixed:
            original, _, siblings = self._images(shown, 0)
            is_lower = torch.arange(self.image_size) >= torch.tensor(rows)[:, None]
            is_lower = sent(is_lower, original.device)[:, None, None, :, None]
            for image, lower in zip(images, (original, siblings), strict=True):
                image[mixed] = torch.where(is_lower, lower, image[mixed])

    def _number(self, class_index: int, place: Place) -> int:
        """The number in a pass of an image of a class."""
        own, i, *_ = place
        return int(self.ends[class_index]) - len(own) + i

    def _twin(self, twins: Numbers, class_index: int, place: Place) -> Place:
        """Where the twin of an image is, cropped and mirrored alike."""
        _, _, y, x, is_mirrored = place
        class_index, j = self._at(int(twins[self._number(class_index, place)]))
        cls, size = self.classes[class_index], self.image_size
        return cls, j, min(y, cls.heights[j] - size), min(x, cls.widths[j] - size), is_mirrored

    def _images(self, places: list[list[Place]], num_shots: int) -> list[Tensor]:
        """Contents (B, 1, 3, H, W), examples and siblings (B, K, 3, H, W), each by itself."""
        size = self.image_size
        ends = (0, 1, 1 + num_shots, len(places[0]))
        parts = [slice(*bounds) for bounds in pairwise(ends)]
        if self.resident is not None:
            found = [
                self.resident.images([sample[part] for sample in places], size) for part in parts
            ]
        else:
            drawn = [
                np.empty((len(places), part.stop - part.start, size, size, 3), dtype=np.float32)
                for part in parts
            ]
            for sample, *out in zip(places, *drawn, strict=True):
                self._fill(chain(*out), sample)
            found = [torch.from_numpy(images) for images in drawn]
        # (..., H, W, 3) -> (..., 3, H, W), the channels still last in memory, as networks like it
        return [images.movedim(-1, -3) for images in found]

    def _fill(self, out: Iterable[Floats], places: list[Place]) -> None:
        size = self.image_size
        for image, (cls, i, y, x, is_mirrored) in zip(out, places, strict=True):
            pixels = self.packed.pixels_of(cls, i)[y : y + size, x : x + size]
            if is_mirrored:
                pixels = mirrored(pixels)
            # `to_signed` for one image, which stays in the cache, and never in several threads:
            # they would wait longer for each other than it takes
            np.divide(pixels, np.float32(127.5), out=image)
            np.subtract(image, 1, out=image)


def ahead(draw: Callable[[int], T], start: int) -> Iterator[T]:
    """What `draw` gives for `start` and each number after it, drawn while the last is used."""
    with ThreadPoolExecutor(1) as pool:
        drawn = deque(pool.submit(draw, start + i) for i in range(_AHEAD))
        for index in count(start + _AHEAD):
            yield drawn.popleft().result()
            drawn.append(pool.submit(draw, index))


def fixed_samples(
    packed: Packed,
    part: str,
    image_size: int,
    num_contents: int,
    num_classes: int,
    shots: int,
    seed: int,
) -> Samples:
    """The images of a sample grid, the same whenever asked: middle crops, not mirrored.

    Content images are of seen classes, examples of classes of the part, no class of them twice
    while there are enough; fewer classes than asked for make a smaller grid.
    """
    random = np.random.default_rng([seed % 2**64, len(packed.classes)])
    wanted = packed.part(part)
    looks = [wanted[i] for i in random.permutation(len(wanted))[:num_classes]]
    own = packed.part("seen")
    names = {cls.name for cls in looks}
    # classes that are not among the looks come first: a translation then changes something
    order = sorted(random.permutation(len(own)), key=lambda i: own[i].name in names)
    poses = [own[order[n % len(order)]] for n in range(num_contents)]

    def middle(cls: PackedClass, i: int) -> Pixels:
        return crop(packed.pixels_of(cls, i), image_size, 0.5, 0.5)

    contents = [middle(cls, int(random.integers(len(cls)))) for cls in poses]
    examples = [
        [middle(cls, i) for i in choose(len(cls), random.random(shots).tolist())] for cls in looks
    ]
    return Samples(
        _to_images(np.stack(contents)),
        _to_images(np.stack([np.stack(images) for images in examples])),
        tuple(cls.name for cls in poses),
        tuple(cls.name for cls in looks),
    )


def choose(count: int, numbers: Sequence[float]) -> list[int]:
    """As many of range(count) as there are random numbers: none twice while there are enough."""
    chosen: list[int] = []
    for step, number in enumerate(numbers[:count]):
        i = int(number * (count - step))
        for earlier in sorted(chosen):  # the i-th of those that are left
            i += i >= earlier
        chosen.append(i)
    return [chosen[n % len(chosen)] for n in range(len(numbers))]


def crop(image: Pixels, size: int, top: float, left: float) -> Pixels:
    """A square of (H, W, 3); `top` and `left` in [0, 1) say where."""
    height, width, _ = image.shape
    if height == width == size:
        return image
    y, x = _corner(height, width, size, top, left)
    return image[y : y + size, x : x + size]


def _corner(height: int, width: int, size: int, top: float, left: float) -> tuple[int, int]:
    return int(top * (height - size + 1)), int(left * (width - size + 1))


def _siblings(count: int, content: int, numbers: list[float]) -> list[int]:
    if count == 1:
        return [content] * len(numbers)
    return [_skip(i, content) for i in choose(count - 1, numbers)]


def _skip(i: int, missing: int) -> int:
    """The i-th of the whole numbers without one of them."""
    return i + (i >= missing)


def _pick(number: float, low: int, high: int) -> int:
    return low + int(number * (high - low + 1))


def _share(batch_size: int, rank: int, world_size: int) -> slice:
    if batch_size % world_size:
        raise UserError(
            f"`training.batch_size` {batch_size} cannot be shared by {world_size} processes",
            hint=f"choose a multiple, e.g. {(batch_size // world_size + 1) * world_size}",
        )
    size = batch_size // world_size
    return slice(rank * size, (rank + 1) * size)


def _to_images(pixels: Pixels) -> Tensor:
    """(..., H, W, 3) bytes -> (..., 3, H, W) in [-1, 1]."""
    return torch.from_numpy(to_signed(pixels)).movedim(-1, -3).contiguous()
