from collections import Counter
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from funit.config import DataConfig, TrainingConfig
from funit.data.catalog import read_catalog
from funit.data.dataset import (
    Batch,
    Dataset,
    Twins,
    ahead,
    choose,
    crop,
    fixed_samples,
    num_of_share,
)
from funit.data.images import to_floats
from funit.data.packed import Packed, pack
from funit.data.resident import Resident, resident_for
from funit.errors import UserError

SIZE = 8
COUNTS = (1, 2, 5, 12)  # images of each seen class


def make_packed(folder: Path, counts: tuple[int, ...] = COUNTS, size: int = SIZE) -> Packed:
    """Every pixel says which image it is: red the class, green the image, blue the column."""
    for cls, count in enumerate(counts):
        for i in range(count):
            pixels = np.empty((size, size, 3), dtype=np.uint8)
            pixels[...] = np.stack(np.broadcast_arrays(cls, i, np.arange(size)), axis=-1)
            # the last class is unseen
            part = "seen" if cls < len(counts) - 1 else "unseen"
            path = folder / "data" / part / f"c{cls}" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return pack(read_catalog(folder / "data"), size, folder / "x.pack")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return make_packed(tmp_path_factory.mktemp("packed"), (*COUNTS, 4))


def dataset_of(packed: Packed, flip: bool = False, **training: Any) -> Dataset:
    settings = {"batch_size": 12, "shots": 3, "reconstruct_from": "class", **training}
    return Dataset(packed, SIZE, DataConfig(flip=flip), TrainingConfig.model_validate(settings))


def bytes_of(images: torch.Tensor) -> torch.Tensor:
    return images.add(1).mul(127.5).round().to(torch.uint8)


def whose(images: torch.Tensor) -> list[tuple[int, int]]:
    """The class and number of each image of (N, 3, H, W)."""
    red, green, _ = bytes_of(images)[:, :, 0, 0].unbind(dim=1)
    return list(zip(red.tolist(), green.tolist(), strict=True))


def assert_same(one: Batch, other: Batch) -> None:
    for field in fields(Batch):
        assert torch.equal(getattr(one, field.name), getattr(other, field.name)), field.name


def joined(batches: list[Batch]) -> Batch:
    names = [field.name for field in fields(Batch)]
    return Batch(*(torch.cat([getattr(batch, name) for batch in batches]) for name in names))


# ---------------------------------------------------------------- what a batch is


def test_a_batch_has_the_promised_shapes_and_range(packed: Packed) -> None:
    batch = dataset_of(packed).batch(0)

    assert len(batch) == 12
    assert batch.content.shape == (12, 3, SIZE, SIZE)
    assert batch.examples.shape == batch.siblings.shape == (12, 3, 3, SIZE, SIZE)
    assert batch.content_classes.shape == batch.classes.shape == (12,)
    assert batch.content_classes.dtype == batch.classes.dtype == torch.int64
    assert batch.content.dtype == torch.float32
    assert -1 <= batch.content.min() <= batch.content.max() <= 1
    assert_same(batch.to("cpu"), batch)


def test_the_images_are_of_the_classes_that_the_batch_says(packed: Packed) -> None:
    for batch in islice(dataset_of(packed).batches(), 20):
        assert [cls for cls, _ in whose(batch.content)] == batch.content_classes.tolist()
        for images, labels in (
            (batch.examples, batch.classes),
            (batch.siblings, batch.content_classes),
        ):
            found = [cls for cls, _ in whose(images.flatten(0, 1))]
            assert found == labels.repeat_interleave(3).tolist()


def test_the_class_to_translate_into_is_never_the_contents(packed: Packed) -> None:
    for batch in islice(dataset_of(packed).batches(), 100):
        assert (batch.classes != batch.content_classes).all()


def test_the_channels_lie_last_in_memory_and_no_example_needs_a_copy(packed: Packed) -> None:
    batch = dataset_of(packed).batch(0)

    for images in (batch.content, batch.examples.flatten(0, 1), batch.siblings.flatten(0, 1)):
        assert images.is_contiguous(memory_format=torch.channels_last)
    assert batch.examples.flatten(0, 1).data_ptr() == batch.examples.data_ptr()


def test_every_class_is_as_likely_whatever_its_number_of_images(packed: Packed) -> None:
    batches = list(islice(dataset_of(packed, shots=1).batches(), 400))

    for name in ("content_classes", "classes"):
        drawn = torch.cat([getattr(batch, name) for batch in batches])
        shares = torch.bincount(drawn, minlength=len(COUNTS)) / len(drawn)
        torch.testing.assert_close(shares, torch.full((len(COUNTS),), 0.25), atol=0.03, rtol=0)


def test_every_image_of_a_class_is_as_likely(packed: Packed) -> None:
    drawn: Counter[tuple[int, int]] = Counter()
    for batch in islice(dataset_of(packed, shots=1).batches(), 400):
        drawn.update(whose(batch.content))

    largest = [drawn[3, i] for i in range(12)]
    assert len(drawn) == sum(COUNTS)
    assert min(largest) > 0.6 * sum(largest) / 12


def test_examples_are_distinct_while_the_class_has_enough(packed: Packed) -> None:
    for batch in islice(dataset_of(packed).batches(), 50):
        for cls, images in zip(batch.classes.tolist(), batch.examples, strict=True):
            assert len(set(whose(images))) == min(3, COUNTS[cls])


def test_siblings_are_other_images_unless_the_class_has_one(packed: Packed) -> None:
    for batch in islice(dataset_of(packed).batches(), 50):
        for content, siblings in zip(batch.content, batch.siblings, strict=True):
            (own,), others = whose(content[None]), set(whose(siblings))
            count = COUNTS[own[0]]
            assert len(others) == min(3, max(1, count - 1))
            assert (own in others) == (count == 1)


def test_siblings_are_left_out_unless_they_are_needed(packed: Packed) -> None:
    batch = dataset_of(packed, reconstruct_from="itself").batch(3)
    with_siblings = dataset_of(packed).batch(3)

    assert batch.siblings.shape == (12, 0, 3, SIZE, SIZE)
    assert torch.equal(batch.content, with_siblings.content)
    assert torch.equal(batch.examples, with_siblings.examples)


def test_unseen_classes_are_never_trained_on(packed: Packed) -> None:
    for batch in islice(dataset_of(packed).batches(), 50):
        assert int(torch.cat([batch.classes, batch.content_classes]).max()) < len(COUNTS)


def test_the_number_of_examples_is_drawn_for_each_batch(packed: Packed) -> None:
    dataset = dataset_of(packed, shots=(1, 4))

    counts = Counter(dataset.batch(i).examples.shape[1] for i in range(100))

    assert set(counts) == {1, 2, 3, 4}
    assert min(counts.values()) > 10


# ---------------------------------------------------------------- augmentation


def test_half_of_the_images_are_mirrored_each_by_itself(packed: Packed) -> None:
    mirrored = []
    for batch in islice(dataset_of(packed, flip=True).batches(), 40):
        blue = bytes_of(torch.cat([batch.content[:, None], batch.examples], dim=1))[:, :, 2, 0, 0]
        assert set(blue.flatten().tolist()) <= {0, SIZE - 1}
        mirrored.append((blue > 0).float())
    rows = torch.cat(mirrored)

    assert rows.mean() == pytest.approx(0.5, abs=0.05)
    assert rows.std(dim=1).mean() > 0  # not all images of a sample together


def test_no_image_is_mirrored_when_not_asked_for(packed: Packed) -> None:
    batch = dataset_of(packed).batch(0)

    assert (bytes_of(batch.content)[:, 2, :, 0] == 0).all()


def test_crops_reach_every_place_of_a_larger_image(tmp_path: Path) -> None:
    packed = make_packed(tmp_path, (3, 3, 3), size=SIZE + 3)

    lefts: Counter[int] = Counter()
    for batch in islice(dataset_of(packed).batches(), 40):
        lefts.update(bytes_of(batch.content)[:, 2, 0, 0].tolist())

    assert set(lefts) == {0, 1, 2, 3}
    assert min(lefts.values()) > 60


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_a_crop_lies_inside_the_image(top: float, left: float) -> None:
    image = np.zeros((9, 13, 3), dtype=np.uint8)

    assert crop(image, 7, top, left).shape == (7, 7, 3)


@given(st.integers(1, 9), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=12))
def test_nothing_is_chosen_twice_before_everything_is_chosen(
    count: int, numbers: list[float]
) -> None:
    chosen = choose(count, numbers)

    assert len(chosen) == len(numbers)
    assert set(chosen) <= set(range(count))
    assert len(set(chosen)) == min(count, len(numbers))
    assert max(Counter(chosen).values()) - min(Counter(chosen).values()) <= 1 or count > len(chosen)


def test_every_ordered_choice_is_as_likely() -> None:
    random = np.random.default_rng(0)

    drawn = Counter(tuple(choose(4, random.random(2).tolist())) for _ in range(12_000))

    assert len(drawn) == 12
    assert all(count == pytest.approx(1000, rel=0.15) for count in drawn.values())


# ---------------------------------------------------------------- determinism


def plain_batch(packed: Packed, shots: int, seed: int, index: int) -> Batch:
    """What `Dataset.batch` draws for 12 samples, written without regard for speed."""
    random = np.random.Generator(np.random.Philox(key=[seed, index]))
    random.random()  # would choose the number of examples
    samples = []
    for row in random.random((12, 56 + 2 * shots + 3 * (1 + 2 * shots))):
        num_classes = len(packed.classes)
        own = int(row[0] * num_classes)
        other = [c for c in range(num_classes) if c != own][int(row[2] * (num_classes - 1))]
        content = int(row[1] * packed.count(own))
        others = [i for i in range(packed.count(own)) if i != content]
        numbers = row[56:].tolist()  # 3 to 55 recolour and bend
        examples = choose(packed.count(other), numbers[:shots])
        siblings = [others[i] for i in choose(len(others), numbers[shots : 2 * shots])]
        chosen = [(own, content), *((other, i) for i in examples), *((own, i) for i in siblings)]
        images = []
        for place, (cls, i) in enumerate(chosen):
            flip, top, left = numbers[2 * shots + 3 * place :][:3]
            picture = Image.fromarray(packed.image(cls, i))
            x = int(left * (picture.width - SIZE + 1))
            y = int(top * (picture.height - SIZE + 1))
            picture = picture.crop((x, y, x + SIZE, y + SIZE))
            if flip < 0.5:
                picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            images.append(torch.from_numpy(to_floats(picture)))
        drawn = torch.stack(images)
        samples.append(
            Batch(
                content=drawn[:1],
                original=drawn[:1],
                content_classes=torch.tensor([own]),
                examples=drawn[None, 1 : 1 + shots],
                classes=torch.tensor([other]),
                siblings=drawn[None, 1 + shots :],
            )
        )
    return joined(samples)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Noise, larger than is trained on, and not square."""
    folder = tmp_path_factory.mktemp("wide")
    random = np.random.default_rng(0)
    for number, (width, height) in enumerate([(11, 11), (14, 11), (11, 13)] * 4):
        path = folder / "data" / f"c{number % 4}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return pack(read_catalog(folder / "data"), SIZE + 3, folder / "x.pack")


def test_a_batch_is_what_the_plain_way_draws_to_the_bit(wide: Packed) -> None:
    for index in range(5):
        batch = dataset_of(wide, flip=True, shots=2, seed=7).batch(index)

        assert_same(batch, plain_batch(wide, 2, 7, index))


def on_device(packed: Packed, device: str, **training: Any) -> Dataset:
    """Batches on a device, with everything that can be asked for."""
    settings = TrainingConfig.model_validate({"batch_size": 12, "seed": 7, **training})
    return Dataset(packed, SIZE, DataConfig(recolour=True, bend=0.1), settings, device=device)


@pytest.mark.parametrize("reconstruct_from", ["class", "itself"])
@pytest.mark.parametrize("shots", [2, [1, 4]])
def test_images_that_lie_on_the_device_give_the_same_batches_to_the_bit(
    wide: Packed, reconstruct_from: str, shots: Any
) -> None:
    drawn_here = on_device(wide, "cpu", reconstruct_from=reconstruct_from, shots=shots)
    drawn_there = on_device(wide, "cpu", reconstruct_from=reconstruct_from, shots=shots)
    drawn_there.resident = Resident(wide, torch.device("cpu"))

    for index in range(5):
        batch = drawn_there.batch(index)

        assert_same(batch, drawn_here.batch(index))
        assert batch.content.stride() == drawn_here.batch(index).content.stride()
    assert_same(next(drawn_there.batches(start=3)), drawn_here.batch(3))


@pytest.mark.gpu
@pytest.mark.parametrize("fits", [True, False])
def test_a_gpu_gets_the_same_batches_but_for_the_rounding_of_colours_and_bends(
    wide: Packed, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fits:
        monkeypatch.setattr("funit.data.resident.MEMORY_SHARE", 0.0)
    settings = {"reconstruct_from": "class", "shots": 2}
    there, here = (on_device(wide, device, **settings) for device in ("cuda", "cpu"))

    for index, batch in zip(range(3, 6), there.batches(start=3), strict=False):
        assert (there.resident is not None) == fits
        assert batch.content.device.type == "cuda"
        wanted = here.batch(index)
        torch.testing.assert_close(batch.content.cpu(), wanted.content, rtol=0, atol=1e-4)
        for name in ("original", "examples", "siblings", "classes", "content_classes"):
            assert torch.equal(getattr(batch, name).cpu(), getattr(wanted, name)), name


def test_images_lie_on_a_gpu_alone_and_only_where_they_fit(
    wide: Packed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (len(wide.all_pixels), 2**40))

    assert resident_for(wide, torch.device("cpu")) is None
    assert resident_for(wide, torch.device("cuda")) is None


def test_what_is_drawn_ahead_is_the_same_and_ends_when_nobody_asks(packed: Packed) -> None:
    dataset, asked = dataset_of(packed), list[int]()

    def draw(index: int) -> Batch:
        asked.append(index)
        return dataset.batch(index)

    batches = ahead(draw, 5)
    found = list(islice(batches, 3))
    batches.close()

    for index, batch in enumerate(found, start=5):
        assert_same(batch, dataset.batch(index))
    assert asked == list(range(5, 5 + len(asked)))
    assert len(asked) <= 3 + 2


def test_a_batch_depends_on_the_seed_and_its_number_alone(packed: Packed) -> None:
    one, other = dataset_of(packed, flip=True), dataset_of(packed, flip=True)
    other.batch(0)

    assert_same(one.batch(7), other.batch(7))
    assert not torch.equal(one.batch(7).content, one.batch(8).content)
    assert not torch.equal(one.batch(7).content, dataset_of(packed, seed=1).batch(7).content)
    assert_same(next(one.batches(start=7)), one.batch(7))


def test_the_state_of_the_global_generators_does_not_matter(packed: Packed) -> None:
    first = dataset_of(packed).batch(0)
    torch.manual_seed(1)
    np.random.seed(1)

    assert_same(dataset_of(packed).batch(0), first)


@pytest.mark.parametrize("world_size", [2, 3, 12])
@pytest.mark.parametrize("shots", [2, (1, 4)])
def test_the_shares_of_several_processes_are_the_batch_of_one(
    packed: Packed, world_size: int, shots: int | tuple[int, int]
) -> None:
    data, training = DataConfig(), TrainingConfig(batch_size=12, shots=shots)

    for index in range(5):
        whole = Dataset(packed, SIZE, data, training).batch(index)
        shares = [
            Dataset(packed, SIZE, data, training, rank, world_size).batch(index)
            for rank in range(world_size)
        ]
        assert_same(joined(shares), whole)


@pytest.mark.parametrize("world_size", [1, 3])
def test_without_shuffling_each_image_is_the_content_once_a_pass(
    packed: Packed, world_size: int
) -> None:
    every = [(cls, i) for cls, num in enumerate(COUNTS) for i in range(num)]
    data, training = DataConfig(flip=False, shuffle=False), TrainingConfig(batch_size=12)
    parts = [Dataset(packed, SIZE, data, training, rank, world_size) for rank in range(world_size)]

    batches = [joined([part.batch(index) for part in parts]) for index in range(len(every))]

    contents = [each for batch in batches for each in whose(batch.content)]
    assert contents == every * 12  # batches are of 12
    assert all((batch.classes != batch.content_classes).all() for batch in batches)


def test_a_share_of_a_batch_is_one_sample_at_least() -> None:
    found = [num_of_share(0.5, num_samples) for num_samples in (1, 2, 3, 8)]

    assert found == [1, 1, 2, 4]
    assert num_of_share(0, 8) == 0
    assert num_of_share(1e-3, 8) == 1


def test_a_negative_seed_is_a_seed(packed: Packed) -> None:
    assert len(dataset_of(packed, seed=-1).batch(0)) == 12


# ---------------------------------------------------------------------- errors


def test_a_batch_that_cannot_be_shared_is_refused(packed: Packed) -> None:
    with pytest.raises(UserError, match="12 cannot be shared by 5 processes") as caught:
        Dataset(packed, SIZE, DataConfig(), TrainingConfig(batch_size=12), 0, 5)

    assert "15" in caught.value.hint


def test_a_single_class_cannot_be_trained_on(tmp_path: Path) -> None:
    packed = make_packed(tmp_path, (3, 3))

    with pytest.raises(UserError, match="has a single class to train on, `c0`"):
        dataset_of(packed)


# --------------------------------------------------------------------- samples


def test_samples_are_the_same_whenever_asked(packed: Packed) -> None:
    one, other = (fixed_samples(packed, "seen", SIZE, 3, 2, 2, seed=0) for _ in range(2))

    assert one.contents.shape == (3, 3, SIZE, SIZE)
    assert one.examples.shape == (2, 2, 3, SIZE, SIZE)
    assert torch.equal(one.contents, other.contents)
    assert torch.equal(one.examples, other.examples)
    assert (one.content_classes, one.classes) == (other.content_classes, other.classes)


def test_samples_of_unseen_classes_have_seen_contents(packed: Packed) -> None:
    samples = fixed_samples(packed, "unseen", SIZE, 6, 5, 2, seed=0)

    assert samples.classes == ("c4",)  # there are no more
    assert {cls for cls, _ in whose(samples.examples.flatten(0, 1))} == {4}
    assert {f"c{cls}" for cls, _ in whose(samples.contents)} == set(samples.content_classes)
    assert set(samples.content_classes) == {"c0", "c1", "c2", "c3"}


def test_contents_and_examples_are_of_different_classes_while_there_are_enough(
    packed: Packed,
) -> None:
    samples = fixed_samples(packed, "seen", SIZE, 2, 2, 1, seed=3)

    assert not set(samples.content_classes) & set(samples.classes)


def test_samples_of_unseen_classes_need_unseen_classes(tmp_path: Path) -> None:
    make_packed(tmp_path, (2, 2, 2))
    packed = pack(read_catalog(tmp_path / "data" / "seen"), SIZE, tmp_path / "y.pack")

    with pytest.raises(UserError, match="has no part `unseen`"):
        fixed_samples(packed, "unseen", SIZE, 2, 2, 1, seed=0)


def test_only_the_content_is_recoloured_and_its_original_is_kept(packed: Packed) -> None:
    plain = dataset_of(packed).batch(3)
    training = TrainingConfig(batch_size=12, shots=3, reconstruct_from="class")
    turned = Dataset(packed, SIZE, DataConfig(flip=False, recolour=True), training).batch(3)

    assert torch.equal(plain.content, plain.original)
    assert torch.equal(turned.original, plain.original)
    assert torch.equal(turned.examples, plain.examples)
    assert torch.equal(turned.siblings, plain.siblings)
    assert not torch.equal(turned.content, turned.original)


def test_the_images_of_a_class_have_one_hue_in_a_sample_and_twins_are_turned_with_it(
    packed: Packed,
) -> None:
    training = TrainingConfig(batch_size=12, shots=3, reconstruct_from="class", twins=0.5)
    plain, turning = (
        Dataset(packed, SIZE, DataConfig(flip=False, turn_hues=share), training)
        for share in (0.0, 1.0)
    )
    twins = np.random.default_rng(0).permutation(plain.num_images)

    found = with_mates(plain)._replace(nearest=twins)

    before, after = plain.batch(3, found), turning.batch(3, found)

    assert torch.equal(after.classes, before.classes)
    for name in ("content", "original", "siblings", "examples"):
        assert not torch.allclose(getattr(before, name), getattr(after, name))
    again = turning.batch(3, found)
    assert torch.equal(after.original, again.original)
    # an original and its siblings by the same angle, but for what was clamped; examples by another
    own, twin, same, other = (
        torch.stack([angle(was, now) for was, now in zip(*images, strict=True)])
        for name in ("original", "content", "siblings", "examples")
        for images in [(getattr(before, name), getattr(after, name))]
    )
    assert (torch.exp(1j * (own - same)) - 1).abs().max() < 0.2
    assert (torch.exp(1j * (own - twin)) - 1).abs().max() < 0.2
    assert (torch.exp(1j * (own - other)) - 1).abs().median() > 0.5


def mixing(packed: Packed, share: float = 1.0, flip: bool = False) -> Dataset:
    training = TrainingConfig(batch_size=40, shots=3, reconstruct_from="class", twins=1.0)
    return Dataset(packed, SIZE, DataConfig(flip=flip, mix_classes=share), training)


def with_mates(dataset: Dataset) -> Twins:
    """Two mates of each image, each of one class for all of a class's; the last are not sure."""
    ends = dataset.ends.tolist()
    own = np.searchsorted(ends, np.arange(dataset.num_images), side="right")
    starts = np.array([0, *ends[:-1]])
    counts = np.array([len(cls) for cls in dataset.classes])
    mates = []
    for step in (1, 2):
        other = (own + step) % len(ends)
        mates.append(starts[other] + np.arange(dataset.num_images) % counts[other])
    is_sure = np.broadcast_to(own < len(ends) - 1, (2, len(own)))
    return Twins(np.arange(dataset.num_images)[::-1].copy(), np.stack(mates), is_sure)


def test_a_mixed_class_has_the_lower_part_of_a_mate_in_all_of_its_images(packed: Packed) -> None:
    dataset = mixing(packed)
    twins = with_mates(dataset)
    starts = [0, *dataset.ends.tolist()]

    before, after = mixing(packed, 0.0).batch(1, twins), dataset.batch(1, twins)

    assert torch.equal(after.content, before.content)  # the twin is shown, whatever is asked for
    assert torch.equal(after.examples, before.examples)
    heights, mates_of = set(), set()
    for n, own in enumerate(after.content_classes.tolist()):
        images = torch.cat([after.original[n : n + 1], after.siblings[n]])
        red, green, _ = bytes_of(images)[..., 0].unbind(dim=1)  # (4, H): class and image
        if own == len(COUNTS) - 1:  # unsure
            assert torch.equal(images[0], before.original[n])
            assert torch.equal(images[1:], before.siblings[n])
            continue
        (cut,) = {int((rows == own).sum()) for rows in red}
        (other,) = {int(rows[-1]) for rows in red}
        assert (red[:, :cut] == own).all()
        assert (red[:, cut:] == other).all()
        mate = (other - own) % len(COUNTS) - 1
        for top, bottom in zip(green[:, 0].tolist(), green[:, -1].tolist(), strict=True):
            assert twins.mates[mate, starts[own] + top] == starts[other] + bottom
        heights.add(cut)
        mates_of.add(mate)
    assert heights <= set(range(2, 7))  # 0.3 to 0.8 of 8
    assert len(heights) > 2
    assert mates_of == {0, 1}


def test_classes_are_mixed_in_a_share_of_the_samples_and_mates_are_mirrored_alike(
    packed: Packed,
) -> None:
    dataset = mixing(packed, 0.4, flip=True)
    twins = with_mates(dataset)

    before, after = mixing(packed, 0.0, flip=True).batch(0, twins), dataset.batch(0, twins)

    is_mixed = (before.original != after.original).flatten(1).any(dim=1)
    could_be = before.content_classes < len(COUNTS) - 1
    assert 0.2 < is_mixed.sum() / could_be.sum() < 0.6
    columns = bytes_of(after.original)[:, 2]  # ascending, or descending where mirrored
    assert (columns == columns[:, :1]).all()
    assert torch.equal(dataset.batch(0).original, before.original)  # nobody knows the mates yet


def test_hues_are_turned_in_a_share_of_the_samples(packed: Packed) -> None:
    training = TrainingConfig(batch_size=40)
    before, after = (
        Dataset(packed, SIZE, DataConfig(flip=False, turn_hues=share), training).batch(0)
        for share in (0.0, 0.3)
    )

    is_turned = (before.examples != after.examples).flatten(1).any(dim=1)

    assert torch.equal((before.original != after.original).flatten(1).any(dim=1), is_turned)
    assert 5 <= is_turned.sum() <= 20


def angle(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """By how much hues were turned: red, green and blue are a third of a turn apart."""
    corners = torch.exp(2j * torch.pi / 3 * torch.arange(3))
    was, now = (torch.einsum("...chw,c->...hw", x + 0j, corners) for x in (before, after))
    return (now * was.conj()).sum().angle()


def test_only_the_content_is_bent_and_its_original_is_kept(packed: Packed) -> None:
    plain = dataset_of(packed).batch(3)
    training = TrainingConfig(batch_size=12, shots=3, reconstruct_from="class")
    bend = Dataset(packed, SIZE, DataConfig(flip=False, bend=0.1), training).batch(3)

    assert torch.equal(bend.original, plain.original)
    assert torch.equal(bend.examples, plain.examples)
    assert torch.equal(bend.siblings, plain.siblings)
    assert not torch.equal(bend.content, bend.original)
