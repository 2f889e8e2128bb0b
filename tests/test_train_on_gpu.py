"""The campaign for a lent GPU: rehearsed on a CPU, and within what a machine takes and gives."""

import json
import runpy
import zipfile
from pathlib import Path
from typing import Any

import pytest

from funit import Translator, UserError
from funit.config import build_config, merged, preset
from funit.model.generator import weight_bytes
from funit.model_folder import TrainingRecord, save_model
from funit.repository import ModelRepository

SCRIPT = Path(__file__).parent.parent / "scripts" / "train_on_gpu.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.mark.slow
def test_the_whole_campaign_runs_on_a_cpu(script: dict[str, Any], tmp_path: Path) -> None:
    script["rehearse"](tmp_path)

    for name in script["TRAININGS"]:
        results = tmp_path / "out" / name
        summary = json.loads((results / "summary.json").read_text())
        files = {path.name for path in results.iterdir()}
        assert files >= {"curves.png", "samples.png", "metrics.jsonl", *summary["parts"]}
        assert len(files) <= 8
        assert (summary["images"], summary["is_finished"]) == (24, True)
        assert summary["pairs_per_second"] > 0
        assert summary["machine"]["torch"]
        lines = (results / "metrics.jsonl").read_text().splitlines()
        images = [json.loads(line)["images"] for line in lines]
        assert images == sorted(images)
        assert images[0] < 12 < images[-1], "two slices, and the second went on"
        assert Translator.load(tmp_path / "models" / name, engine="torch")
    assert "not measured: no GPU" in (tmp_path / "out" / "bench" / "bench-16.json").read_text()
    log = (tmp_path / "out" / "tests" / "log.txt").read_text()
    assert "test_no_step_on_a_gpu_waits_for_it" in log


def test_every_training_of_the_campaign_gives_back_no_more_than_eight_files(
    script: dict[str, Any],
) -> None:
    for name, step in script["TRAININGS"].items():
        config = build_config(
            merged(
                preset("small"),
                script["_COMMON"],
                step.settings,
                {"model": {"num_classes": 200}},
            )
        )

        num_parts = -(-weight_bytes(config.model) // 2 // script["PART_SIZE"])

        assert num_parts + 4 <= script["MAX_FILES"], name
        assert script["PART_SIZE"] < 16 * 2**20


@pytest.fixture
def written(script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a step leaves behind, the weights of the model in the package in parts of a megabyte."""
    given = ModelRepository().find("default")
    save_model(
        tmp_path / "given",
        given.tensors(),
        given.info.config,
        name="given",
        version=1,
        training=TrainingRecord(seed=0, images=5, minutes=1.0, data={"fingerprint": "x"}),
    )
    results = tmp_path / "results"
    results.mkdir()
    monkeypatch.setitem(script["_write_results"].__globals__, "PART_SIZE", 2**20)
    script["_write_results"](ModelRepository().find(tmp_path / "given"), "given", [], results)
    return results


def test_the_parts_joined_are_the_model(
    script: dict[str, Any], written: Path, tmp_path: Path
) -> None:
    joined = script["join"](written, tmp_path / "joined")

    parts = json.loads((written / "summary.json").read_text())["parts"]
    assert len(parts) > 1
    assert all((written / part).stat().st_size <= 2**20 for part in parts)
    given = tmp_path / "given" / "weights.safetensors"
    assert joined.whole_weights().read_bytes() == given.read_bytes()
    assert joined.info.training.images == 5


def test_a_damaged_part_is_refused(script: dict[str, Any], written: Path, tmp_path: Path) -> None:
    part = written / "weights.1"
    part.write_bytes(part.read_bytes()[:-1] + b"?")

    with pytest.raises(UserError, match="not those that were written"):
        script["join"](written, tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


def test_few_images_of_unseen_classes_are_carried_and_all_of_seen_ones(
    script: dict[str, Any], tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for part in ("seen", "unseen"):
            for number in range(20):
                archive.writestr(f"{part}/fox/{number}.jpg", b"x")
        archive.writestr("AUTHORS.txt", "somebody")

    script["_thin_out"](tmp_path / "data.zip", tmp_path / "thin.zip")

    names = zipfile.ZipFile(tmp_path / "thin.zip").namelist()
    assert sum(name.startswith("seen/fox/") for name in names) == 20
    assert sum(name.startswith("unseen/fox/") for name in names) == 8
    assert len(names) == 28


def test_data_that_are_too_large_to_carry_are_refused(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("seen/fox/0.jpg", bytes(1000))
    monkeypatch.setitem(script["pack_all"].__globals__, "MAX_CARRIED", 999)

    with pytest.raises(UserError, match="can be carried"):
        script["pack_all"](tmp_path / "carry", {"butterflies-128": tmp_path / "data.zip"})
    with pytest.raises(UserError, match="no training is called `foxes`"):
        script["pack_all"](tmp_path / "carry", {"foxes": tmp_path / "data.zip"})
