"""An exported model is whole, computes as PyTorch does, and can be used as a model."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from funit.config import Config, ModelConfig
from funit.errors import UserError
from funit.export import export_model
from funit.model.generator import Generator
from funit.repository import TrainingRecord, open_model, save_model
from funit.translator import Translator


@pytest.fixture
def model(tmp_path: Path, attending: ModelConfig) -> Path:
    save_model(
        tmp_path / "m",
        Generator(attending).state_dict(),
        Config(model=attending),
        name="m",
        version=3,
        training=TrainingRecord(seed=0, images=5, minutes=0),
        licence="Mine",
        licence_text="You may.\n",
    )
    return tmp_path / "m"


def test_an_exported_folder_is_a_model_with_graphs_and_the_parity_is_measured(
    model: Path, tmp_path: Path
) -> None:
    exported = export_model(model, tmp_path / "out")

    info = open_model(tmp_path / "out").info
    assert info.graphs == exported.record
    assert (info.name, info.version, info.licence) == ("m", 3, "Mine")
    assert (tmp_path / "out" / "LICENSE").read_text() == "You may.\n"
    assert {one.engine for one in exported.parity} == {"openvino", "onnxruntime"}
    assert all(0 < one.largest < 1e-4 for one in exported.parity)
    for file in exported.record.sha256:
        graph = onnx.load(tmp_path / "out" / file)
        onnx.checker.check_model(tmp_path / "out" / file)
        assert graph.opset_import[0].version == exported.record.opset
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    drawn = [
        np.asarray(translator.translate(image, translator.encode_class(image)), dtype=int)
        for translator in (
            Translator.load(tmp_path / "out", engine="onnxruntime"),
            Translator.load(model, engine="torch"),
        )
    ]
    assert np.abs(drawn[0] - drawn[1]).max() <= 1


def test_half_precision_graphs_are_near(model: Path, tmp_path: Path) -> None:
    exported = export_model(model, tmp_path / "out", "fp16")

    assert exported.record.precision == "fp16"
    assert all(one.largest < 0.05 for one in exported.parity)


def test_nothing_is_replaced_without_force_and_nothing_stays_behind(
    model: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")

    with pytest.raises(UserError, match="exists"):
        export_model(model, tmp_path / "out")

    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"
    export_model(model, tmp_path / "out", force=True)
    assert not (tmp_path / "out" / "mine.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_an_unknown_precision_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot compute in `int2`"):
        export_model(model, tmp_path / "out", "int2")


def test_a_damaged_graph_is_found_when_the_model_is_opened(model: Path, tmp_path: Path) -> None:
    export_model(model, tmp_path / "out")
    path = tmp_path / "out" / "translation.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(UserError, match=r"translation\.onnx.* is damaged"):
        Translator.load(tmp_path / "out", engine="onnxruntime")
