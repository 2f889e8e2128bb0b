"""One service for all tests of the client: a process of its own, asked over HTTP."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from serving import Served, serving

from funit import Client
from funit.data.menagerie import write_menagerie


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of eight classes in five poses, 16 px."""
    path = tmp_path_factory.mktemp("data") / "zoo.zip"
    write_menagerie(path, num_classes=8, num_poses=5, size=16, seed=3)
    return path


@pytest.fixture(scope="session")
def data_root(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on the server, in which there is a folder `zoo`."""
    folder = tmp_path_factory.mktemp("root")
    with zipfile.ZipFile(zoo) as file:
        file.extractall(folder / "zoo")
    return folder


@pytest.fixture(scope="session")
def served(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that does no jobs: what is asked of them can be looked at."""
    home = tmp_path_factory.mktemp("home")
    config = home / "service.yaml"
    config.write_text(yaml.safe_dump({"limits": {"requests_per_minute": 6000}}))
    options = ["--config", str(config), "--data-root", str(data_root), "--no-jobs"]
    with serving(*options, home=home) as served:
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url) as client:
        yield client
