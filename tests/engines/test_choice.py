"""The first engine that is ready answers; what cannot be had says what to do."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from funit.config import ModelConfig
from funit.engines import choice
from funit.engines.choice import Weights, choose_engine, made_graphs
from funit.errors import UserError
from funit.model_folder import open_model


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "has_gpu", lambda: False)


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(choice, "is_installed", lambda name: name in (*names, "torch"))


@pytest.mark.parametrize(
    ("installed", "has_graphs", "precision", "chosen"),
    [
        (["openvino", "onnxruntime"], True, "fp32", "onnxruntime"),
        (["openvino", "onnxruntime"], True, "int8", "openvino"),
        (["onnxruntime"], True, "int8", "onnxruntime"),
        (["openvino"], True, "fp32", "openvino"),
        (["onnxruntime"], True, "fp32", "onnxruntime"),
        (["onnxruntime"], True, "bf16", "torch"),
        (["openvino", "onnxruntime"], True, "bf16", "openvino"),
        (["openvino", "onnxruntime"], False, "fp32", "torch"),
        ([], True, "fp32", "torch"),
    ],
)
def test_auto_is_the_first_that_is_installed_and_ready(
    no_gpu: None,
    monkeypatch: pytest.MonkeyPatch,
    installed: list[str],
    has_graphs: bool,
    precision: str,
    chosen: str,
) -> None:
    install(monkeypatch, *installed)

    assert choose_engine("auto", "auto", precision, has_graphs=has_graphs) == chosen


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_auto_is_pytorch_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    install(monkeypatch, "openvino", "onnxruntime")
    monkeypatch.setattr(choice, "has_gpu", lambda: True)

    assert choose_engine("auto", device, "fp32", has_graphs=True) == "torch"
    assert choose_engine("auto", "cpu", "fp32", has_graphs=True) != "torch"


@pytest.mark.parametrize(
    ("engine", "device", "precision", "told"),
    [
        ("tensorflow", "auto", "fp32", "there is no engine `tensorflow`"),
        ("onnxruntime", "auto", "bf16", "`onnxruntime` cannot compute in `bf16`"),
        ("auto", "auto", "int3", "there is no precision `int3`"),
        ("torch", "auto", "int8", "`torch` cannot compute in `int8`"),
        ("auto", "cuda", "int8", "`onnxruntime` computes on the CPU, not on `cuda`"),
        ("onnxruntime", "cuda", "fp16", "`onnxruntime` computes on the CPU, not on `cuda`"),
        ("openvino", "cuda", "fp32", "`openvino` computes on the CPU, not on `cuda`"),
        ("openvino", "auto", "fp32", "`openvino` is not installed"),
    ],
)
def test_what_cannot_be_had_is_an_error_for_the_user(
    monkeypatch: pytest.MonkeyPatch, engine: str, device: str, precision: str, told: str
) -> None:
    install(monkeypatch, "onnxruntime")

    with pytest.raises(UserError, match=told):
        choose_engine(engine, device, precision, has_graphs=True)


def test_graphs_are_made_once_and_nothing_is_written_beside_the_model(
    tmp_path: Path, tiny: ModelConfig, saved: Callable[..., Path]
) -> None:
    found = open_model(saved(tmp_path / "m", tiny))
    weights = Weights(found.whole_weights(), found.info.weights_sha256, tiny, None)
    before = sorted(path.name for path in (tmp_path / "m").iterdir())

    folder = made_graphs(weights).path
    made = (folder / "translation.onnx").stat().st_mtime_ns
    again = made_graphs(weights).path

    assert again == folder
    assert (folder / "translation.onnx").stat().st_mtime_ns == made
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == before


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_translation_without_pytorch_does_not_import_it(engine: str) -> None:
    code = (
        "import sys, numpy; from funit import Translator;"
        f"translator = Translator.load('default', engine='{engine}');"
        "look = translator.encode_class(numpy.zeros((64, 64, 3), 'uint8'));"
        "translator.translate(numpy.zeros((64, 64, 3), 'uint8'), look);"
        "print('torch' in sys.modules)"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert printed.split() == ["False"]
