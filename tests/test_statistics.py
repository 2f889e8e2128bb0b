"""A published model knows what is usual for it, if the data of its training are there."""

import json
from pathlib import Path

import numpy as np
import pytest

from funit import train
from funit.config import ModelConfig
from funit.data.menagerie import write_menagerie
from funit.data.packed import find_packed
from funit.errors import UserError
from funit.home import home
from funit.repository import ModelRepository
from funit.statistics import code_statistics, training_images, training_statistics
from funit.translator import Translator


@pytest.fixture
def run(tmp_path: Path, attending: ModelConfig) -> Path:
    write_menagerie(tmp_path / "zoo", num_classes=5, num_poses=3, size=16, seed=1)
    settings = {
        "model": attending.model_dump(exclude={"num_classes"}),
        "data": {"num_unseen": 0},
        "training": {"max_images": 8, "batch_size": 4, "device": "cpu"},
    }
    train(tmp_path / "zoo", tmp_path / "run", settings)
    return tmp_path / "run"


def test_a_published_run_knows_the_codes_of_its_training_data(run: Path) -> None:
    models = ModelRepository()

    info = models.publish(run, "beasts", measure_codes=training_statistics)

    statistics = info.statistics
    assert statistics is not None
    assert statistics.num_images == 15
    packed = find_packed(json.loads((run / "run.json").read_text())["data"]["fingerprint"])
    assert packed is not None
    again = code_statistics(
        Translator.load("beasts", engine="torch"), training_images(packed)
    )  # in 16 bits
    np.testing.assert_allclose(statistics.content.mean, again.content.mean, atol=0.02)
    np.testing.assert_allclose(statistics.look.deviation, again.look.deviation, atol=0.02)
    assert models.publish("beasts", "copied").statistics == statistics


def test_without_its_data_it_does_not(run: Path) -> None:
    for path in (home() / "packed").iterdir():
        path.unlink()

    assert ModelRepository().publish(run, "b", measure_codes=training_statistics).statistics is None


def test_images_are_chosen_evenly(run: Path) -> None:
    packed = find_packed(json.loads((run / "run.json").read_text())["data"]["fingerprint"])
    assert packed is not None

    few, all_of_them = training_images(packed, 5), training_images(packed)

    assert [np.asarray(image).shape for image in few] == [(16, 16, 3)] * 5
    assert len(all_of_them) == 15
    assert all(np.array_equal(few[n], all_of_them[3 * n]) for n in range(5))


def test_only_pytorch_gives_content_maps() -> None:
    with pytest.raises(UserError, match="gives no content maps"):
        code_statistics(Translator.load("default", engine="onnxruntime"), [])
