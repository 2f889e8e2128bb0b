"""Two ways to train, side by side: the same pairs for both, and figures that know their source."""

import json
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from funit.benchmark.trainings import Comparison
from funit.config import ModelConfig, build_config

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, with a small menagerie, and its own file of figures."""
    monkeypatch.syspath_prepend(SCRIPTS)
    import measure_trainings

    for name, value in {"NUM_SEEN": 5, "NUM_UNSEEN": 3, "NUM_POSES": 8, "NUM_PAIRS": 12}.items():
        monkeypatch.setattr(measure_trainings, name, value)
    monkeypatch.setattr(measure_trainings, "FILE", tmp_path / "trainings.json")
    return measure_trainings


@pytest.fixture
def comparison(tiny: ModelConfig) -> Comparison:
    """Of a training with another that has seen nothing."""
    model = tiny.model_dump()
    training = {"batch_size": 2, "num_threads": 1}
    base, ours = (
        build_config({"model": model, "training": {**training, "max_images": count}})
        for count in (8, 2)
    )
    return Comparison("x", "y", base, ours, seeds=(0, 1))


def test_both_trainings_are_measured_and_the_figures_know_what_they_are_of(
    script: ModuleType, comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(script.COMPARISONS, "tiny", comparison)
    script.draw_data(comparison, tmp_path / "zoo")
    for seed in comparison.seeds:
        for who in (script.BASE, script.OURS):
            script.train_one(comparison, who, seed, tmp_path)

    script.keep("tiny", script.compared(comparison, tmp_path))

    found = json.loads((tmp_path / "trainings.json").read_text())["tiny"]
    assert len(list((tmp_path / "zoo" / "unseen").iterdir())) == 3
    assert found["images"] == {"base": [8, 8], "ours": [2, 2]}
    figure = found["figure"]
    assert figure["low"] <= figure["ratio"] <= figure["high"]
    assert comparison.is_of(found["made_from"])
    assert "measure_trainings.py tiny" in found["command"]


def test_a_training_that_is_complete_is_not_gone_on_with(
    script: ModuleType, comparison: Comparison, tmp_path: Path
) -> None:
    script.draw_data(comparison, tmp_path / "zoo")

    for _ in range(2):
        script.train_one(comparison, script.BASE, 0, tmp_path)

    assert script.images(tmp_path, script.BASE, 0) == 8
    assert len((tmp_path / "base-0" / "cpu_seconds.txt").read_text().split()) == 2


def test_a_training_ends_when_it_has_had_its_share_of_the_processor(
    script: ModuleType, comparison: Comparison, tmp_path: Path
) -> None:
    script.draw_data(comparison, tmp_path / "zoo")
    training = comparison.base.training.model_copy(update={"max_images": None})
    endless = comparison.base.model_copy(update={"training": training})
    so_far = time.process_time()  # of this process: other tests have run in it
    limited = replace(comparison, base=endless, cpu_minutes=(so_far + 2) / 60)

    script.train_one(limited, script.BASE, 0, tmp_path)
    taken = script.cpu_minutes(tmp_path, script.BASE, 0)
    seen = script.images(tmp_path, script.BASE, 0)
    script.train_one(limited, script.BASE, 0, tmp_path)

    assert limited.cpu_minutes is not None
    assert limited.cpu_minutes <= taken < limited.cpu_minutes + 0.2
    assert script.images(tmp_path, script.BASE, 0) == seen > 8


def test_what_differs_from_seed_to_seed_shows_in_the_interval(script: ModuleType) -> None:
    base = np.ones((4, 50))
    steady = np.full((4, 50), 0.9)
    by_chance = steady + np.array([-0.2, -0.1, 0.1, 0.2])[:, None]

    low, high = script.spread(base, steady)
    wider_low, wider_high = script.spread(base, by_chance)

    assert low == pytest.approx(high) == pytest.approx(0.9)
    assert wider_low < 0.85
    assert wider_high > 0.95
