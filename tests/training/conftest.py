"""A real data set and settings so small that a whole training takes a second."""

from pathlib import Path

import pytest

from funit.config import Settings, merged
from funit.data.menagerie import write_menagerie

TINY: Settings = {
    "model": {
        "image_size": 16,
        "base_channels": 4,
        "num_halvings": 2,
        "class_encoder_halvings": 3,
        "class_code_size": 6,
        "mlp_size": 8,
        "attention_channels": 4,
        "discriminator_channels": 4,
        "discriminator_halvings": 2,
        "discriminator_blocks": 1,
    },
    "data": {"num_unseen": 2},
    "training": {
        "batch_size": 4,
        "penalty_every": 3,
        "adversarial_from_images": 12,
        "max_images": 48,
        "log_every_images": 8,
        "sample_every_images": 24,
        "checkpoint_every_images": 16,
        "num_threads": 1,  # bit-for-bit equality holds on one thread
    },
}


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six classes in five poses, 16 px."""
    path = tmp_path_factory.mktemp("data") / "zoo"
    write_menagerie(path, num_classes=6, num_poses=5, size=16, seed=3)
    return path


@pytest.fixture
def settings() -> Settings:
    return merged({}, TINY)
