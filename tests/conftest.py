"""Real networks, only very small: every test runs the code that users run."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from postgresql import new_database, running_server

from funit.config import Config, LossWeights, ModelConfig
from funit.model.generator import Generator
from funit.model_folder import TrainingRecord, save_model


@pytest.fixture(scope="session")
def tiny() -> ModelConfig:
    """16 px, four channels at the top, five classes: two halvings each way."""
    return ModelConfig(
        num_classes=5,
        image_size=16,
        base_channels=4,
        num_halvings=2,
        class_encoder_halvings=3,
        class_code_size=6,
        mlp_size=8,
        discriminator_channels=4,
        discriminator_halvings=2,
        discriminator_blocks=1,
    )


@pytest.fixture(scope="session")
def attending(tiny: ModelConfig) -> ModelConfig:
    """What goes beyond the paper, as in the preset `small`: attention, on a plain background."""
    return tiny.model_copy(
        update={"upsampling_norm": "adain", "plain_background": True, "attention_channels": 4}
    )


@pytest.fixture(scope="session", params=["tiny", "attending"])
def either(request: pytest.FixtureRequest) -> ModelConfig:
    """Both of them in turn: what must hold for every generator."""
    config: ModelConfig = request.getfixturevalue(request.param)
    return config


@pytest.fixture(scope="session")
def saved() -> Callable[..., Path]:
    """Saves a model that learned nothing: (folder, config, seed=0, weights=None) -> its path.

    Whatever else is given goes to `save_model`.
    """

    def save(
        folder: Path,
        config: ModelConfig,
        seed: int = 0,
        weights: LossWeights | None = None,
        **facts: Any,
    ) -> Path:
        torch.manual_seed(seed)
        record = TrainingRecord(seed=0, images=0, minutes=0)
        given = {"name": "m", "version": 1, "training": record} | facts
        whole = Config(model=config, weights=weights or LossWeights())
        save_model(folder, Generator(config).state_dict(), whole, **given)
        return folder

    return save


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's caches and models."""
    monkeypatch.setenv("FUNIT_HOME", str(tmp_path / "funit-home"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[str | None]:
    with running_server() as url:
        yield url


@pytest.fixture
def postgresql_url(_postgresql: str | None) -> Iterator[str]:
    """An empty database of a real PostgreSQL server."""
    if _postgresql is None:
        pytest.skip("NO POSTGRESQL HERE: `apt-get install postgresql` brings it; .ci/run does so")
    with new_database(_postgresql, f"test_{secrets.token_hex(6)}") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'funit.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url
