"""Codes are held against those of the training data, position by position and share by share."""

import subprocess
import sys

import numpy as np
import pytest

from funit.config import ModelConfig
from funit.model.strangeness import (
    content_codes,
    distances,
    look_codes,
    look_distances,
    statistics_of,
)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_what_was_measured_is_as_usual_and_what_is_elsewhere_is_not() -> None:
    codes = noise(200, 12) * np.arange(1, 13) + 5

    statistics = statistics_of(codes, codes[:, :3])

    found = np.array(distances(codes, statistics.content))
    assert np.square(found).mean() == pytest.approx(1, rel=1e-3)
    far = codes.mean(axis=0) + 3 * codes.std(axis=0)
    assert distances(far[None], statistics.content) == pytest.approx([3], rel=1e-3)
    assert (len(statistics.content.mean), len(statistics.look.mean)) == (12, 3)


def test_a_number_that_never_changes_does_not_outweigh_all_others() -> None:
    codes = noise(100, 10)
    codes[:, 0] = 7

    (found,) = distances(codes[:1] + np.eye(10)[:1], statistics_of(codes, codes).content)

    assert 1 < found < 10


def test_a_pose_is_its_channels_means_and_deviations_without_the_background(
    attending: ModelConfig,
) -> None:
    maps = noise(4, 8, 3, 3)
    other = maps.copy()
    other[:, -3:] += 100  # the colour of the background
    turned = maps[:, :, ::-1, ::-1]

    codes = content_codes(maps, attending)

    assert codes.shape == (4, 10)
    np.testing.assert_allclose(codes[:, 0], maps[:, 0].mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(codes[:, 5], maps[:, 0].std(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(codes, content_codes(other, attending))
    np.testing.assert_allclose(codes, content_codes(turned, attending), rtol=1e-4)


def test_positions_of_a_look_count_their_shares(attending: ModelConfig) -> None:
    class_code, keys = noise(2, attending.class_code_size), noise(2, 4, 5)
    shares = np.array([[1, 1, 1, 1, 4]] * 2, np.float32)
    repeated = np.concatenate([keys, keys[:, :, 4:].repeat(3, axis=2)], axis=2)

    code = look_codes(class_code, keys, np.log(shares))

    assert code.shape == (2, attending.class_code_size + 8)
    same = look_codes(class_code, repeated, np.zeros((2, 8), np.float32))
    np.testing.assert_allclose(code, same, rtol=1e-5)


def test_a_look_without_attention_is_its_class_code(tiny: ModelConfig) -> None:
    class_code = noise(2, tiny.class_code_size)
    no_keys, no_shares = np.empty((2, 0, 0), np.float32), np.empty((2, 0), np.float32)

    code = look_codes(class_code, no_keys, no_shares)

    np.testing.assert_array_equal(code, class_code)


def test_a_look_is_as_strange_as_the_stranger_of_its_class_code_and_its_keys(
    attending: ModelConfig,
) -> None:
    size = attending.class_code_size
    codes = noise(200, size + 8)
    usual = statistics_of(codes, codes).look
    strange = np.tile(np.array(usual.mean), (3, 1))
    strange[1, :size] += 3 * np.array(usual.deviation[:size])
    strange[2, size:] += 4 * np.array(usual.deviation[size:])

    found = look_distances(strange, usual, attending)

    assert found == pytest.approx([0, 3, 4], rel=1e-3)
    alone = statistics_of(codes, codes[:, :size]).look
    assert look_distances(strange[:, :size], alone, attending) == pytest.approx([0, 3, 0], rel=1e-3)


def test_a_list_of_models_needs_no_numpy() -> None:
    code = "import sys, funit.model_folder; assert 'numpy' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)
