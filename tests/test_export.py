"""An exported model is whole, computes as PyTorch does, and can be used as a model."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest

from funit.config import ModelConfig
from funit.errors import UserError
from funit.export import export_model, new_export, record_of
from funit.model_folder import TrainingRecord, open_model
from funit.onnx_export import write_graphs
from funit.repository import ModelRepository
from funit.translator import Translator

RECORD = TrainingRecord(seed=0, images=5, minutes=0)


@pytest.fixture
def model(tmp_path: Path, attending: ModelConfig, saved: Callable[..., Path]) -> Path:
    facts = {"version": 3, "training": RECORD, "licence": "Mine", "licence_text": "You may.\n"}
    return saved(tmp_path / "m", attending, **facts)


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


def names(folder: Path) -> list[str]:
    """What lies in a folder, a cache apart."""
    return sorted(path.name for path in folder.iterdir() if path.name != "funit-home")


def test_a_model_is_replaced_with_force_alone_and_nothing_stays_behind(
    model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export_model(model, out)
    before = (out / "model.json").read_bytes()

    with pytest.raises(UserError, match="exists"):
        export_model(model, out, "fp16")
    assert (out / "model.json").read_bytes() == before

    export_model(model, out, "fp16", force=True)
    assert record_of(out).precision == "fp16"
    assert names(tmp_path) == ["m", "out"]


@pytest.mark.parametrize(
    "files", [["mine.txt"], ["model.json"], ["model.json", "weights.safetensors", "run.json"]]
)
def test_what_is_no_model_is_not_replaced_even_with_force(
    model: Path, tmp_path: Path, files: list[str]
) -> None:
    (tmp_path / "out").mkdir()
    for file in files:
        (tmp_path / "out" / file).write_text("keep")

    with pytest.raises(UserError, match="is no model folder"):
        export_model(model, tmp_path / "out", force=True)

    assert names(tmp_path / "out") == sorted(files)


@pytest.mark.parametrize("out", [".", "..", "m/..", "/"])
def test_a_folder_without_a_name_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UserError, match="cannot be replaced by a model"):
        export_model(model, Path(out), force=True)


def test_exports_to_one_folder_at_the_same_time_leave_a_whole_model(
    model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    found = open_model(model)
    with new_export(found, out, write_graphs, force=True):
        with new_export(found, out, write_graphs, force=True):
            pass
        first = open_model(out).info

    assert open_model(out).whole_graphs() == out
    assert open_model(out).info == first
    assert names(tmp_path) == ["m", "out"]


def test_what_appears_meanwhile_is_not_replaced_without_force(model: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match="exists"),
        new_export(open_model(model), tmp_path / "out", write_graphs, force=False),
    ):
        (tmp_path / "out").mkdir()

    assert names(tmp_path / "out") == []


def test_a_folder_that_cannot_be_made_is_an_error_for_the_user(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UserError, match="cannot be written"):
        export_model(model, tmp_path / "file" / "out")


def test_an_unknown_precision_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot compute in `int2`"):
        export_model(model, tmp_path / "out", "int2")


def test_a_damaged_graph_is_found_by_the_engine_that_would_use_it(
    model: Path, tmp_path: Path
) -> None:
    export_model(model, tmp_path / "out")
    path = tmp_path / "out" / "translation.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(UserError, match=r"translation\.onnx.* is damaged"):
        Translator.load(tmp_path / "out", engine="onnxruntime")
    assert Translator.load(tmp_path / "out", engine="torch").engine.name == "torch"


def test_graphs_of_another_format_are_as_if_not_there(model: Path, tmp_path: Path) -> None:
    export_model(model, tmp_path / "out", "fp16")
    about = tmp_path / "out" / "model.json"
    content = json.loads(about.read_text())
    content["graphs"]["format"] = 0
    about.write_text(json.dumps(content))

    translator = Translator.load(tmp_path / "out", "cpu")

    assert (translator.engine.name, translator.engine.precision) == ("torch", "fp32")


@pytest.mark.parametrize("engine", ["auto", "openvino"])
def test_graphs_in_16_bits_do_not_compute_in_others(
    model: Path, tmp_path: Path, engine: str
) -> None:
    export_model(model, tmp_path / "out", "fp16")

    with pytest.raises(UserError, match="compute in `fp16`, not in `bf16`"):
        Translator.load(tmp_path / "out", "cpu", engine, "bf16")
    assert Translator.load(tmp_path / "out", "cpu", "torch", "bf16").engine.precision == "bf16"


def test_a_published_model_keeps_the_graphs_that_it_has(model: Path, tmp_path: Path) -> None:
    record = export_model(model, tmp_path / "out", "fp16").record

    info = ModelRepository().publish(tmp_path / "out", "zoo", write_graphs=write_graphs)

    assert info.graphs == record
    published = ModelRepository().find("zoo")
    assert published.whole_graphs() == published.path


def test_a_published_model_keeps_its_weights_and_its_graphs_as_they_are(
    model: Path, tmp_path: Path, attending: ModelConfig, saved: Callable[..., Path]
) -> None:
    graphs = partial(write_graphs, precision="fp16")
    saved(tmp_path / "out", attending, half=False, write_graphs=graphs, version=3, training=RECORD)

    info = ModelRepository().publish(tmp_path / "out", "zoo", write_graphs=write_graphs)

    found = ModelRepository().find("zoo")
    assert info.graphs == found.graphs == open_model(tmp_path / "out").graphs
    assert info.weights_sha256 == open_model(tmp_path / "out").info.weights_sha256
    assert found.whole_graphs() == found.path
