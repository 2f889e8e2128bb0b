"""One suite for all engines: each answers what PyTorch answers, for any number of anything."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from funit.config import ModelConfig
from funit.engines.choice import ENGINES, TORCH, Weights, open_engine
from funit.engines.engine import Engine, Floats, Look
from funit.model.graphs import GRAPH_FILES
from funit.model_folder import open_model
from funit.onnx_export import write_graphs

SIZE = 16
TOLERANCE = 1e-4  # of images in [-1, 1]

ATTENTION = {"upsampling_norm": "adain", "plain_background": True, "attention_channels": 4}
CONFIGS: dict[str, dict[str, Any]] = {  # what each changes of the tiny one
    "the paper's": {},
    "with attention": ATTENTION,
    "with attention to fewer positions": {"attention_channels": 4, "attention_doublings": 0},
    "with attention to pixels": {**ATTENTION, "attention_pixels": True},
    "with pixels that overlap": {
        **ATTENTION,
        "attention_pixels": True,
        "attention_overlap": True,
    },
    "with attention to more positions": {"attention_channels": 4, "attention_doublings": 2},
    "with a pose code": {**ATTENTION, "pose_code_size": 5},
    "with small kernels": {"upsampling_kernel_size": 3},
}


@pytest.fixture(scope="module", params=CONFIGS)
def weights(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    tiny: ModelConfig,
    saved: Callable[..., Path],
) -> Weights:
    """A model with its graphs."""
    config = tiny.model_copy(update=CONFIGS[request.param])
    folder = saved(tmp_path_factory.mktemp("models") / "m", config, write_graphs=write_graphs)
    found = open_model(folder)
    return Weights(found.whole_weights(), found.info.weights_sha256, config, found.whole_graphs)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, weights: Weights) -> Engine:
    return open_engine(weights, request.param, "cpu")


@pytest.fixture
def plain(weights: Weights) -> Engine:
    return open_engine(weights, TORCH, "cpu")


def pictures(*shape: int, seed: int = 0) -> Floats:
    """Like drawings: a plain background, and something on it."""
    random = np.random.default_rng(seed)
    images = np.broadcast_to(
        random.uniform(-1, 1, (*shape, 3, 1, 1)).astype(np.float32), (*shape, 3, SIZE, SIZE)
    ).copy()
    images[..., 3:12, 4:13] = random.uniform(-1, 1, (*shape, 3, 9, 9))
    return images


def even(num_looks: int, num_examples: int) -> Floats:
    return np.full((num_looks, num_examples), 1 / num_examples, np.float32)


def assert_near(one: Floats, other: Floats) -> None:
    assert one.dtype == other.dtype == np.float32
    np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("num_images", "num_examples"), [(1, 1), (1, 5), (3, 2), (8, 1)])
def test_every_engine_translates_as_pytorch_does(
    engine: Engine, plain: Engine, num_images: int, num_examples: int
) -> None:
    contents = pictures(num_images, seed=1)
    examples, shares = pictures(num_images, num_examples, seed=2), even(num_images, num_examples)

    drawn, expected = (
        each.decode(each.encode_content(contents), each.encode_class(examples, shares))
        for each in (engine, plain)
    )

    assert drawn.images.shape == (num_images, 3, SIZE, SIZE)
    assert_near(drawn.images, expected.images)
    assert_near(drawn.content_maps, plain.encode_content(contents))


def test_a_look_of_one_engine_is_that_of_another(engine: Engine, plain: Engine) -> None:
    examples, shares = pictures(2, 3, seed=2), np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]], "f4")

    look, expected = (each.encode_class(examples, shares) for each in (engine, plain))

    for part, wanted in zip(look, expected, strict=True):
        assert part.shape == wanted.shape
        assert_near(part, wanted)
    contents = pictures(2, seed=3)
    assert_near(
        engine.decode(engine.encode_content(contents), expected).images,
        plain.decode(plain.encode_content(contents), look).images,
    )


@pytest.mark.parametrize("num_images", [1, 3])
def test_every_engine_draws_content_maps_as_pytorch_does(
    engine: Engine, plain: Engine, num_images: int
) -> None:
    maps = plain.encode_content(pictures(num_images, seed=1))
    look = plain.encode_class(pictures(num_images, 2, seed=2), even(num_images, 2))

    drawn = engine.draw(maps, look)

    contents = engine.encode_content(pictures(num_images, seed=1))
    assert_near(drawn, plain.decode(maps, look).images)
    assert_near(drawn, engine.decode(contents, look).images)


def test_each_image_of_a_batch_is_what_it_is_alone(engine: Engine) -> None:
    contents, examples = pictures(3, seed=1), pictures(3, 2, seed=2)
    looks = [engine.encode_class(examples[i : i + 1], even(1, 2)) for i in range(3)]

    together = engine.decode(engine.encode_content(contents), Look.cat(looks)).images

    for i, look in enumerate(looks):
        alone = engine.decode(engine.encode_content(contents[i : i + 1]), look).images
        assert_near(together[i : i + 1], alone)
    assert np.abs(together[0] - together[1]).max() > 0.01


def test_what_an_engine_gave_stays_as_it_was(engine: Engine) -> None:
    contents, examples = pictures(2, seed=1), pictures(2, 1, seed=2)
    look = engine.encode_class(examples[:1], even(1, 1))
    first = engine.decode(engine.encode_content(contents[:1]), look).images
    kept, kept_look = first.copy(), [part.copy() for part in look]

    engine.encode_class(examples[1:], even(1, 1))
    engine.decode(engine.encode_content(contents[1:]), look)

    np.testing.assert_array_equal(first, kept)
    for part, before in zip(look, kept_look, strict=True):
        np.testing.assert_array_equal(part, before)


def test_threads_that_share_an_engine_get_their_own_answers(engine: Engine) -> None:
    def translated(seed: int) -> Floats:
        look = engine.encode_class(pictures(1, 2, seed=seed), even(1, 2))
        return engine.decode(engine.encode_content(pictures(1, seed=seed + 100)), look).images

    seeds = range(40)
    alone = [translated(seed) for seed in seeds]

    with ThreadPoolExecutor(max_workers=2) as pool:
        together = list(pool.map(translated, seeds))

    for one, other in zip(together, alone, strict=True):
        assert_near(one, other)


@pytest.mark.parametrize("name", ["openvino", "torch"])
def test_bfloat16_is_near(weights: Weights, plain: Engine, name: str) -> None:
    engine = open_engine(weights, name, "cpu", "bf16")
    contents, examples, shares = pictures(2, seed=1), pictures(2, 1, seed=2), even(2, 1)

    drawn, expected = (
        each.decode(each.encode_content(contents), each.encode_class(examples, shares)).images
        for each in (engine, plain)
    )

    assert engine.precision == "bf16"
    assert np.abs(drawn - expected).mean() < 0.03


def test_the_graphs_point_to_the_weights_and_hold_none(weights: Weights) -> None:
    assert weights.graphs is not None
    names = {path.name for path in weights.graphs().iterdir()}

    assert {*GRAPH_FILES, "weights.safetensors"} <= names
    for file in GRAPH_FILES:
        content = (weights.graphs() / file).read_bytes()
        assert b"weights.safetensors" in content
        assert len(content) < 120_000
