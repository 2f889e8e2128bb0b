"""Distances of deep features against their definitions, and with a real network on real damage."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from funit.data.menagerie import write_menagerie
from funit.evaluation.metrics import Images, Values
from funit.evaluation.perceptual import Maps, dipd, perceptual_distance
from funit.feature_networks import FeatureNetwork, feature_network

Distance = Callable[[Maps, Maps], Values]

both = pytest.mark.parametrize("distance", [dipd, perceptual_distance])


def maps(num: int, seed: int = 0) -> list[Tensor]:
    """Three of a network; DIPD looks at the second."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(4, 20, 16), (6, 14, 15), (9, 7, 7)]
    return [torch.randn((num, *shape), generator=generator) for shape in shapes]


# The definitions


def test_dipd_equals_its_definition_written_as_loops() -> None:
    content, translation = maps(3), [m + maps(3)[i] for i, m in enumerate(maps(3, seed=1))]

    found = dipd(content, translation)

    assert found.dtype == np.float64
    np.testing.assert_allclose(found, slow_dipd(content[1], translation[1]), rtol=1e-5)
    assert 0.3 < found.min() < found.max() < 0.9  # a case that could go wrong


def slow_dipd(content: Tensor, translation: Tensor) -> list[float]:
    """2 - 2r, averaged over the channels."""
    found = []
    for a, b in zip(content.numpy(), translation.numpy(), strict=True):
        r = [np.corrcoef(p.ravel(), q.ravel())[0, 1] for p, q in zip(a, b, strict=True)]
        found.append(float(2 - 2 * np.mean(r)))
    return found


def test_the_perceptual_distance_equals_its_definition_written_as_loops() -> None:
    one, other = maps(2), maps(2, seed=1)

    found = perceptual_distance(one, other)

    assert found.dtype == np.float64
    np.testing.assert_allclose(found, slow_perceptual_distance(one, other), rtol=1e-5)


def slow_perceptual_distance(one: Maps, other: Maps) -> Values:
    """2 - 2 cos, averaged over the positions, then over the maps."""
    found = []
    for a, b in zip(one, other, strict=True):
        of_images = []
        for p, q in zip(a.double().flatten(2), b.double().flatten(2), strict=True):
            cosines = [x @ y / (x.norm() * y.norm()) for x, y in zip(p.T, q.T, strict=True)]
            of_images.append(2 - 2 * float(torch.stack(cosines).mean()))
        found.append(of_images)
    return np.mean(found, axis=0)


@both
def test_equal_maps_are_no_distance_apart(distance: Distance) -> None:
    np.testing.assert_array_equal(distance(maps(3), maps(3)), [0, 0, 0])


@both
def test_unrelated_maps_are_two_apart_and_opposite_ones_four(distance: Distance) -> None:
    one = maps(20)

    unrelated = distance(one, maps(20, seed=1))
    opposite = distance(one, [-features for features in one])

    assert unrelated.mean() == pytest.approx(2, abs=0.05)
    np.testing.assert_allclose(opposite, 4, rtol=1e-5)


@both
def test_the_distance_is_the_same_both_ways(distance: Distance) -> None:
    one, other = maps(3), maps(3, seed=1)

    np.testing.assert_array_equal(distance(one, other), distance(other, one))


@both
def test_an_image_has_the_same_distance_in_any_batch_and_order(distance: Distance) -> None:
    one, other = maps(5), maps(5, seed=1)
    order = [3, 0, 4, 2, 1]

    together = distance(one, other)
    alone = [distance([m[i : i + 1] for m in one], [m[i : i + 1] for m in other]) for i in range(5)]
    shuffled = distance([m[order] for m in one], [m[order] for m in other])

    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-6)
    np.testing.assert_allclose(shuffled, together[order], rtol=1e-6)


def test_dipd_ignores_the_gain_and_the_offset_of_each_channel() -> None:
    content, translation = maps(3), maps(3, seed=1)
    gain, offset = 0.1 + torch.rand(3, 6, 1, 1), 20 * torch.rand(3, 6, 1, 1)
    gain[:, 0], offset[:, 0] = 1e-5, 0  # a channel that hardly fires is a channel
    changed = [translation[0], gain * translation[1] + offset, translation[2]]

    np.testing.assert_allclose(dipd(content, changed), dipd(content, translation), rtol=1e-4)


def test_dipd_looks_at_the_deepest_map_that_tells_of_places() -> None:
    content, translation = maps(3), maps(3, seed=1)
    distances = dipd(content, translation)

    np.testing.assert_array_equal(dipd(content[1:2], translation[1:2]), distances)
    with pytest.raises(AssertionError, match="14 x 14 positions"):
        dipd(content[2:], translation[2:])


@pytest.mark.parametrize("level", [0.0, 6.0, 0.1, 1e4])
def test_constant_channels_are_nothing_to_each_other_and_one_to_others(level: float) -> None:
    content, translation = maps(2)[1:2], maps(2)[1:2]

    content[0][:, 0] = translation[0][:, 0] = level
    np.testing.assert_array_equal(dipd(content, translation), [0, 0])

    content[0][:, 1] = level
    np.testing.assert_allclose(dipd(content, translation), 1 / 6, rtol=1e-5)


def test_positions_without_features_are_nothing_to_each_other_and_one_to_others() -> None:
    one, other = maps(2), maps(2)
    for features in one:
        features.zero_()

    np.testing.assert_allclose(perceptual_distance(one, other), 1, rtol=1e-6)
    np.testing.assert_array_equal(perceptual_distance(one, one), [0, 0])


def test_the_perceptual_distance_ignores_the_length_of_the_features() -> None:
    one, other = maps(3), maps(3, seed=1)

    longer = perceptual_distance([7 * features for features in one], other)

    np.testing.assert_allclose(longer, perceptual_distance(one, other), rtol=1e-5)


@both
def test_maps_of_different_images_or_networks_are_refused(distance: Distance) -> None:
    with pytest.raises(AssertionError, match="one network"):
        distance(maps(3), maps(2))
    with pytest.raises(AssertionError, match="one network"):
        distance(maps(3), maps(3)[:2])


# A real network, on drawn creatures


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    return feature_network("efficientnet_lite0", device="cpu")


@pytest.fixture(scope="module")
def creatures(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """(6, 6, 64, 64, 3): of six classes in six poses."""
    folder = tmp_path_factory.mktemp("creatures") / "zoo"
    write_menagerie(folder, num_classes=6, num_poses=6, size=64, seed=5)
    return np.array(
        [
            [np.asarray(Image.open(path).convert("RGB")) for path in sorted(cls.iterdir())]
            for cls in sorted(folder.iterdir())
        ]
    )


def blurred(images: Images, radius: float) -> Images:
    blur = ImageFilter.GaussianBlur(radius)
    return np.stack([np.asarray(Image.fromarray(image).filter(blur)) for image in images])


def noisy(images: Images, deviation: float) -> Images:
    noise = np.random.default_rng(0).normal(size=images.shape) * deviation
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def shifted(images: Images, pixels: float) -> Images:
    return np.roll(images, int(pixels), axis=2)


@pytest.mark.parametrize(
    ("damaged", "degrees"),
    [(blurred, [0.5, 1, 2, 4]), (noisy, [4, 12, 36]), (shifted, [1, 3, 8])],
)
def test_more_damage_is_farther_away(
    damaged: Callable[[Images, float], Images],
    degrees: list[float],
    network: FeatureNetwork,
    creatures: Images,
) -> None:
    images = creatures[[0, 1], [0, 1]]
    whole = network(images).maps

    found = [network(damaged(images, degree)).maps for degree in degrees]

    for distance in (dipd, perceptual_distance):
        np.testing.assert_array_equal(distance(whole, whole), [0, 0])
        values = [np.zeros(2), *(distance(whole, each) for each in found)]
        assert all((b > 1.05 * a).all() for a, b in pairwise(values)), (distance, values)


def test_another_class_in_the_same_pose_keeps_more_content_than_another_pose(
    network: FeatureNetwork, creatures: Images
) -> None:
    classes, poses = np.arange(6), np.arange(6)
    content = network(creatures[classes, poses]).maps

    same_pose = dipd(content, network(creatures[classes - 1, poses]).maps)
    other_pose = dipd(content, network(creatures[classes - 1, poses - 1]).maps)
    recoloured = dipd(content, network(creatures[classes, poses][..., [1, 2, 0]]).maps)

    assert (recoloured < 0.5 * same_pose).all()
    assert (same_pose < other_pose).all()
