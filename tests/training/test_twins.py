"""Twins: images of two classes in one pose, found without being told."""

from pathlib import Path

import numpy as np
import pytest
import torch

from funit.config import Settings, build_config, merged
from funit.data.dataset import Dataset, Numbers, Twins
from funit.data.packed import Packed, packed_for
from funit.model.background import background_colour
from funit.model.generator import Generator
from funit.training.checkpoint import write_checkpoint
from funit.training.loop import train
from funit.training.trainer import Trainer
from funit.training.twins import (
    few_numbers,
    find_mates,
    find_twins,
    nearest_allowed,
    other_classes,
    without_class_means,
)

NUM_CLASSES, NUM_POSES = 4, 5  # that are seen: two of the zoo's six are kept back


@pytest.fixture
def with_twins(settings: Settings) -> Settings:
    twins = {"twins": 0.5, "twins_from_images": 0, "reconstruct_from": "class"}
    return merged(
        settings,
        {"model": {"pose_code_size": 5, "num_classes": NUM_CLASSES}, "training": twins},
    )


@pytest.fixture
def packed(zoo: Path) -> Packed:
    return packed_for(zoo, 16, num_unseen=2)


def dataset_of(packed: Packed, settings: Settings) -> Dataset:
    config = build_config(settings)
    return Dataset(packed, 16, config.data, config.training)


def nearest(generator: Generator, dataset: Dataset, draw: int = 0) -> Numbers:
    twins = find_twins(generator, dataset, draw)
    assert twins is not None
    return twins.nearest


def without_mates(nearest: Numbers) -> Twins:
    nothing = np.empty((0, len(nearest)), dtype=np.int64)
    return Twins(nearest, nothing, nothing.astype(bool))


def owners() -> torch.Tensor:
    return torch.arange(NUM_CLASSES).repeat_interleave(NUM_POSES)


# ---------------------------------------------------------------- who they are


def test_images_of_one_pose_are_twins_whatever_their_classes_have_in_common() -> None:
    random = torch.Generator().manual_seed(1)
    poses = torch.randn(NUM_POSES, 6, generator=random).repeat(NUM_CLASSES, 1)
    shapes = 3 * torch.randn(NUM_CLASSES, 6, generator=random)[owners()]
    noise = 0.05 * torch.randn(len(poses), 6, generator=random)

    codes = without_class_means(poses + shapes + noise, owners())
    found = nearest_allowed(codes, codes, owners()[:, None] != owners())

    assert (found % NUM_POSES == torch.arange(len(poses)) % NUM_POSES).all()
    assert (owners()[found] != owners()).all()


def test_each_image_has_a_twin_of_another_class_that_the_pose_codes_are_nearest_to(
    packed: Packed, with_twins: Settings
) -> None:
    dataset = dataset_of(packed, with_twins)
    generator = Generator(build_config(with_twins).model).eval()

    found = find_twins(generator, dataset)

    assert found is not None
    assert found.nearest.shape == (NUM_CLASSES * NUM_POSES,)
    with torch.no_grad():
        codes = generator.pose_codes(dataset.middles(range(NUM_CLASSES * NUM_POSES)))
    codes = codes.view(-1, NUM_POSES, 5)
    codes = (codes - codes.mean(dim=1, keepdim=True)).flatten(0, 1)
    distances = torch.cdist(codes, codes)
    distances[owners()[:, None] == owners()] = torch.inf
    np.testing.assert_array_equal(found.nearest, distances.argmin(dim=1))


def test_a_twin_is_the_nearest_of_a_few_classes_that_are_drawn(
    packed: Packed, with_twins: Settings
) -> None:
    config = merged(with_twins, {"training": {"twins_among": 1}})
    dataset, generator = dataset_of(packed, config), Generator(build_config(config).model).eval()

    found, same, other = (nearest(generator, dataset, draw) for draw in (0, 0, 1))

    np.testing.assert_array_equal(found, same)
    assert (found != other).any()
    of_class, own = found // NUM_POSES, owners().numpy()
    assert (of_class != own).all()
    # each image for itself: not all images of a class have their twins in the same one
    assert len({*zip(own.tolist(), of_class.tolist(), strict=True)}) > NUM_CLASSES
    with torch.no_grad():
        codes = generator.pose_codes(dataset.middles(range(len(found)))).view(-1, NUM_POSES, 5)
    codes = codes - codes.mean(dim=1, keepdim=True)
    for number, twin in enumerate(found):
        there = codes[twin // NUM_POSES] - codes[number // NUM_POSES, number % NUM_POSES]
        assert there.norm(dim=1).argmin() == twin % NUM_POSES


def test_every_other_class_is_drawn_as_often_and_the_own_one_never() -> None:
    own = torch.arange(6).repeat(500)

    allowed = other_classes(own, 6, 2, np.random.default_rng(0))

    assert (allowed.sum(dim=1) == 2).all()
    assert not allowed[torch.arange(len(own)), own].any()
    counts = allowed.sum(dim=0)
    assert counts.min() > 900  # of 1,000
    assert (other_classes(own, 6, 7, np.random.default_rng(0)).sum(dim=1) == 5).all()


def test_without_a_pose_code_the_whole_content_map_tells_in_fewer_numbers(
    packed: Packed, with_twins: Settings
) -> None:
    whole = merged(with_twins, {"model": {"pose_code_size": None}})
    dataset, generator = dataset_of(packed, whole), Generator(build_config(whole).model).eval()

    found = nearest(generator, dataset)

    with torch.no_grad():
        maps = generator.pose_codes(dataset.middles(range(NUM_CLASSES * NUM_POSES)))
    assert maps.shape[1] == generator.encode_content(dataset.middles([0])).numel()
    codes = without_class_means(few_numbers(maps), owners())
    expected = nearest_allowed(codes, codes, owners()[:, None] != owners())
    np.testing.assert_array_equal(found, expected)


def test_many_numbers_become_few_that_keep_the_distances() -> None:
    codes = torch.randn(50, 4000, generator=torch.Generator().manual_seed(0))

    few = few_numbers(codes)

    assert few.shape == (50, 256)
    ratios = torch.pdist(few) / torch.pdist(codes)
    assert 0.8 < ratios.min() < ratios.max() < 1.2
    assert few_numbers(few) is few


def test_in_16_bits_too_distances_are_told_in_32(packed: Packed, with_twins: Settings) -> None:
    dataset = dataset_of(packed, with_twins)
    generator = Generator(build_config(with_twins).model).eval()
    precise = generator.pose_codes

    def far_off(images: torch.Tensor) -> torch.Tensor:
        """As accurate as before, and so large that 16 bits leave nothing of their differences."""
        with torch.autocast("cpu", enabled=False):
            return precise(images) + 1e3

    generator.pose_codes = far_off  # type: ignore[method-assign]
    alone = nearest(generator, dataset)

    with torch.autocast("cpu", torch.bfloat16):
        found = nearest(generator, dataset)

    np.testing.assert_array_equal(found, alone)


def test_mates_of_a_class_are_all_of_one_other_and_sure_where_they_have_each_other() -> None:
    random = torch.Generator().manual_seed(1)
    poses = torch.randn(NUM_POSES, 6, generator=random).repeat(NUM_CLASSES, 1)
    poses += 0.05 * torch.randn(len(poses), 6, generator=random)
    poses[1] = poses[0]  # the first class shows a pose twice, and lacks another

    mates, is_sure = find_mates(poses, owners(), 3, np.random.default_rng(0))

    assert mates.shape == is_sure.shape == (3, len(poses))
    of_class = owners()[mates].view(3, NUM_CLASSES, NUM_POSES)
    assert (of_class == of_class[:, :, :1]).all()
    assert (of_class != torch.arange(NUM_CLASSES)[:, None]).all()
    is_same = mates % NUM_POSES == torch.arange(len(poses)) % NUM_POSES
    assert is_same[:, NUM_POSES:][is_sure[:, NUM_POSES:]].all()
    assert is_sure.float().mean() > 0.8
    assert (is_sure[:, 0] ^ is_sure[:, 1]).all()  # one pose, one mate
    unsure = (of_class[:, 1:, 0] == 0)[:, :, None] & (torch.arange(NUM_POSES) == 1)
    assert not is_sure[:, NUM_POSES:].view(3, -1, NUM_POSES)[unsure].any()


def test_mates_are_looked_for_only_where_classes_are_mixed(
    packed: Packed, with_twins: Settings
) -> None:
    mixing = merged(with_twins, {"data": {"mix_classes": 0.5}})
    generator = Generator(build_config(with_twins).model).eval()

    without, found, again = (
        find_twins(generator, dataset_of(packed, settings))
        for settings in (with_twins, mixing, mixing)
    )

    assert without is not None
    assert found is not None
    assert again is not None
    assert without.mates.shape == (0, NUM_CLASSES * NUM_POSES)
    assert found.mates.shape == found.is_sure.shape == (4, NUM_CLASSES * NUM_POSES)
    np.testing.assert_array_equal(found.nearest, without.nearest)
    np.testing.assert_array_equal(found.mates, again.mates)


def test_a_checkpoint_of_a_version_without_mates_is_gone_on_from(
    zoo: Path, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    twins = {"twins": 0.5, "twins_from_images": 8, "reconstruct_from": "class"}
    wanted = merged(settings, {"model": {"pose_code_size": 5}, "training": twins})
    run = tmp_path / "run"
    last = train(zoo, run, merged(wanted, {"training": {"max_images": 16}}))
    found = last.tensors("twins")
    files = {name: last.tensors(name) for name in ("generator", "average", "discriminator")}
    files |= {"optimizers": last.tensors("optimizers")}
    older = {"numbers": found["nearest"], "found_at": found["found_at"]}
    state = {name: value for name, value in last.state().items() if name != "files"}
    write_checkpoint(run / "checkpoints", 16, files | {"twins": older}, state)

    ended = train(zoo, run, merged(wanted, {"training": {"max_images": 24}}))

    assert ended.images == 24
    assert set(ended.tensors("twins")) == {"nearest", "mates", "is_sure", "found_at"}
    said = capsys.readouterr()
    assert (said.out + said.err).count("finding the twins") == 2
    assert "going on from 16 images" in said.err


def test_a_search_ends_when_it_is_asked_to(packed: Packed, with_twins: Settings) -> None:
    generator = Generator(build_config(with_twins).model).eval()

    assert (
        find_twins(generator, dataset_of(packed, with_twins), is_ended=lambda: "a signal") is None
    )


# ---------------------------------------------------------------- what is learned from them


def test_the_last_contents_of_a_batch_are_twins_and_their_originals_are_not(
    packed: Packed, with_twins: Settings
) -> None:
    plain = merged(with_twins, {"data": {"recolour": False, "bend": 0.0}})
    dataset = dataset_of(packed, plain)
    twins = np.random.default_rng(0).permutation(NUM_CLASSES * NUM_POSES)

    def pixels(number: int) -> torch.Tensor:
        return dataset.middles([number])[0]

    alone, batch = dataset.batch(3), dataset.batch(3, without_mates(twins))

    half = len(batch) // 2
    assert torch.equal(batch.content[:half], alone.content[:half])
    assert torch.equal(batch.original, alone.original)
    numbers = range(len(twins))
    for content, original in zip(batch.content[half:], batch.original[half:], strict=True):
        found = {
            (number, turned)
            for number in numbers
            for turned in (False, True)
            if torch.equal(original, pixels(number).flip(-1) if turned else pixels(number))
        }
        assert any(
            torch.equal(content, pixels(twin).flip(-1) if turned else pixels(twin))
            for number, turned in found
            for twin in [int(twins[number])]
        )


def test_a_twin_is_drawn_on_the_background_of_the_image_that_it_stands_for(
    packed: Packed, with_twins: Settings
) -> None:
    flat = merged(with_twins, {"model": {"plain_background": True}})
    trainer = Trainer(build_config(flat), torch.device("cpu"))
    dataset = dataset_of(packed, flat)
    trainer.find_twins(dataset)
    batch = dataset.batch(0, trainer.twins)
    with torch.no_grad():  # so that nothing hides the background
        trainer.generator.image_decoder.to_image.weight.zero_()
        trainer.generator.image_decoder.to_image.bias.fill_(-50)

        drawn = trainer.draw(batch)

    own = background_colour(batch.original).expand_as(batch.original)
    assert not torch.allclose(background_colour(batch.content), own[:, :, :1, :1], atol=0.02)
    torch.testing.assert_close(drawn.reconstruction.images, own)


def test_twins_are_found_anew_after_so_many_images(packed: Packed, with_twins: Settings) -> None:
    config = build_config(
        merged(with_twins, {"training": {"twins_from_images": 8, "twins_every_images": 12}})
    )
    trainer = Trainer(config, torch.device("cpu"))
    dataset = dataset_of(packed, with_twins)

    found_at = []
    while trainer.images < 40:
        if trainer.are_twins_due():
            trainer.find_twins(dataset)
            found_at.append(trainer.images)
        trainer.step(dataset.batch(trainer.steps, trainer.twins))

    assert found_at == [8, 20, 32]


def test_a_run_finds_twins_no_more_when_it_is_at_its_end(
    zoo: Path, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    twins = {"twins": 0.5, "twins_from_images": 8, "twins_every_images": 8, "max_images": 16}
    wanted = {"model": {"pose_code_size": 5}, "training": {**twins, "reconstruct_from": "class"}}

    train(zoo, tmp_path / "run", merged(settings, wanted))

    said = capsys.readouterr()
    assert (said.out + said.err).count("finding the twins of 20 images") == 1
