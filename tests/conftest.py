"""Real networks, only very small: every test runs the code that users run."""

from pathlib import Path

import pytest
import torch

from funit.config import ModelConfig


@pytest.fixture
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


@pytest.fixture
def attending(tiny: ModelConfig) -> ModelConfig:
    """What goes beyond the paper, as in the preset `small`: attention, on a plain background."""
    return tiny.model_copy(
        update={"upsampling_norm": "adain", "plain_background": True, "attention_channels": 4}
    )


@pytest.fixture(params=["tiny", "attending"])
def either(request: pytest.FixtureRequest) -> ModelConfig:
    """Both of them in turn: what must hold for every generator."""
    config: ModelConfig = request.getfixturevalue(request.param)
    return config


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's caches and models."""
    monkeypatch.setenv("FUNIT_HOME", str(tmp_path / "funit-home"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
