"""Eight bits are taken where translations stay as near to the truth, else refused."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from funit.data.menagerie import write_menagerie
from funit.errors import UserError
from funit.evaluation.candidates import Model
from funit.model_folder import open_model
from funit.quantization import quantise_model
from funit.translator import Translator


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Creatures that the model inside the package never saw."""
    folder = tmp_path_factory.mktemp("zoo") / "zoo"
    write_menagerie(folder, num_classes=5, num_poses=8, size=64, seed=77)
    return folder


@pytest.fixture(autouse=True)
def _few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("funit.quantization._NUM_CALIBRATION", 8)
    monkeypatch.setattr("funit.quantization._NUM_CHECKED", 30)


def test_the_shipped_model_in_int8_is_as_near_to_the_truth_and_its_translations_differ_little(
    zoo: Path, tmp_path: Path
) -> None:
    quantised = quantise_model("default", zoo, tmp_path / "int8", part="all")

    assert 0.95 < quantised.ratio <= 1.02
    assert open_model(tmp_path / "int8").info.graphs == quantised.record
    assert quantised.record.precision == "int8"
    classes = sorted(zoo.iterdir())
    content, *examples = (sorted(cls.iterdir())[0] for cls in classes[:3])
    drawn = {}
    for engine in ("auto", "openvino", "onnxruntime", "torch"):
        translator = Translator.load(tmp_path / "int8", "cpu", engine)
        assert translator.engine.precision == ("fp32" if engine == "torch" else "int8")
        look = translator.encode_class(examples)
        drawn[engine] = np.asarray(translator.translate(content, look), dtype=float)
    for engine in ("auto", "openvino", "onnxruntime"):
        difference = np.abs(drawn[engine] - drawn["torch"])
        assert 0 < difference.mean() < 3


def test_a_folder_that_is_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exists"):
        quantise_model("default", tmp_path / "no data", tmp_path)


def test_int8_is_judged_by_the_engine_that_is_farthest_from_the_truth(
    zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = {"fp32": 0.1, "openvino": 0.11, "onnxruntime": 0.1}

    def measured(candidates: list[Model], *_: object) -> dict[str, Any]:
        assert {each.name for each in candidates} == set(errors)
        return {
            name: SimpleNamespace(values={"l1_foreground": np.array([error, np.nan])})
            for name, error in errors.items()
        }

    monkeypatch.setattr("funit.quantization.measure", measured)

    with pytest.raises(UserError, match=r"10\.0% farther"):
        quantise_model("default", zoo, tmp_path / "int8", part="all")


def test_int8_that_is_worse_is_refused_and_nothing_is_written(
    zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funit.quantization.MAX_RATIO", 0.9)

    with pytest.raises(UserError, match=r"in int8 the translations of .* farther from the truth"):
        quantise_model("default", zoo, tmp_path / "int8", part="all")

    assert list(tmp_path.glob("*int8*")) == []


def test_without_a_known_truth_int8_is_not_judged_and_so_refused(zoo: Path, tmp_path: Path) -> None:
    for cls in sorted(zoo.iterdir())[:3]:
        for number, path in enumerate(sorted(cls.iterdir())):
            target = tmp_path / "data" / cls.name / f"{cls.name}-{number}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.open(path).save(target)

    with pytest.raises(UserError, match="no truth is known"):
        quantise_model("default", tmp_path / "data", tmp_path / "int8", part="all")


def test_a_model_without_such_graphs_says_how_to_get_them() -> None:
    with pytest.raises(UserError, match="no graphs in `int8`") as raised:
        Translator.load("default", precision="int8")

    assert "funit export --precision int8" in raised.value.hint
