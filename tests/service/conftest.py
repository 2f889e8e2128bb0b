"""A service over a real database and a real storage."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from funit.config import Config, ModelConfig
from funit.model.generator import Generator
from funit.model_folder import TrainingRecord, save_model
from funit.service.app import create_app
from funit.service.services import Services, open_services
from funit.service.settings import ServiceSettings


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(
        database_url=f"sqlite:///{tmp_path / 'funit.db'}",
        storage_url=str(tmp_path / "storage"),
        keys="none",
    )


@pytest.fixture
def services(settings: ServiceSettings) -> Iterator[Services]:
    with open_services(settings) as opened:
        yield opened


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client_with(settings: ServiceSettings) -> Iterator[Callable[..., TestClient]]:
    """Makes a client of a service with other settings."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make(**changed: object) -> TestClient:
            other = settings.model_copy(update=changed)
            opened = stack.enter_context(open_services(other))
            app = create_app(opened)
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield make


@pytest.fixture
def tiny_model(tmp_path: Path, tiny: ModelConfig) -> Path:
    """The folder of a model of 16 px for PyTorch, without graphs and a gallery."""
    folder = tmp_path / "made" / "tiny"
    save_model(
        folder,
        Generator(tiny).state_dict(),
        Config(model=tiny),
        name="tiny",
        version=1,
        training=TrainingRecord(seed=0, images=0, minutes=0),
    )
    return folder
