"""Pairs of noise: what the baselines and the protocol are tested on."""

import numpy as np
import pytest

from funit.evaluation.metrics import Images
from funit.evaluation.pairs import Pairs


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
