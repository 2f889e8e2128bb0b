"""The paper's own configuration: its tests build on the `meta` device, without memory or time."""

import pytest

from funit.config import ModelConfig, build_config, merged, preset


@pytest.fixture
def paper() -> ModelConfig:
    """The preset `paper` for the 119 source classes of Animal Faces."""
    return build_config(merged(preset("paper"), {"model": {"num_classes": 119}})).model
