"""A real data set and settings so small that a whole training takes a second."""

from pathlib import Path

import pytest

from funit.config import Settings, merged, read_settings
from funit.data.menagerie import write_menagerie

TINY: Settings = merged(
    read_settings(Path(__file__).parents[1] / "tiny.yaml"),
    {"data": {"num_unseen": 2}, "training": {"max_images": 48, "sample_every_images": 24}},
)


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six classes in five poses, 16 px."""
    path = tmp_path_factory.mktemp("data") / "zoo"
    write_menagerie(path, num_classes=6, num_poses=5, size=16, seed=3)
    return path


@pytest.fixture
def settings() -> Settings:
    return merged({}, TINY)
