"""Small data and small real models: what evaluations are tested on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from funit.data.menagerie import write_menagerie
from funit.evaluation.judge import Judge
from funit.evaluation.metrics import Images
from funit.evaluation.pairs import Pairs
from funit.feature_networks import feature_network

Save = Callable[..., Path]


@pytest.fixture
def pairs() -> Pairs:
    def noise(*shape: int, seed: int) -> Images:
        return np.random.default_rng(seed).integers(0, 256, size=(*shape, 3), dtype=np.uint8)

    return Pairs(
        content=noise(4, 16, 16, seed=1),
        examples=noise(4, 5, 16, 16, seed=2),
        counterparts=noise(4, 5, 16, 16, seed=3),
        truth=noise(4, 16, 16, seed=4),
    )


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Four classes in eight poses, two of them unseen."""
    write_menagerie(tmp_path / "all", num_classes=4, num_poses=8, size=16, seed=3)
    for index, folder in enumerate(sorted((tmp_path / "all").iterdir())):
        part = tmp_path / "zoo" / ("seen" if index % 2 else "unseen")
        part.mkdir(parents=True, exist_ok=True)
        folder.rename(part / folder.name)
    return tmp_path / "zoo"


@pytest.fixture
def save(tmp_path: Path, saved: Save) -> Save:
    """Saves a model as a folder of the test: (name, config, seed=0, weights=None) -> its path."""
    return lambda name, *facts, **more: saved(tmp_path / name, *facts, **more)


@pytest.fixture
def judge() -> Judge:
    """EfficientNet-lite0, as users have it."""
    return Judge(feature_network("efficientnet_lite0", device="cpu"))
