"""Settings of the paper's form, so small that a step takes no time."""

import pytest

from funit.config import Config, ModelConfig, build_config


@pytest.fixture
def paper(tiny: ModelConfig) -> Config:
    """The preset `paper`, only tiny: three images a step."""
    return build_config({"model": tiny.model_dump(), "training": {"batch_size": 3}})
