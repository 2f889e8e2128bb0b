"""A training goes on after anything, equals itself, and stops for good reasons."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from beyond import BEYOND
from safetensors.torch import load_file

from funit.config import Settings, merged
from funit.errors import UserError
from funit.model.generator import Generator
from funit.training.checkpoint import Checkpoint
from funit.training.loop import train


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def assert_equal_to_the_bit(one: Checkpoint, other: Checkpoint) -> None:
    files = {path.stem for path in one.path.glob("*.safetensors")}
    assert files == {path.stem for path in other.path.glob("*.safetensors")}
    assert files >= {"generator", "average", "discriminator", "optimizers"}
    for name in files:
        left, right = one.tensors(name), other.tensors(name)
        assert left.keys() == right.keys()
        for key, value in left.items():
            assert torch.equal(value, right[key]), f"{name}: {key}"


def test_a_training_leaves_what_a_person_needs(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    checkpoint = train(zoo, tmp_path / "run", settings)

    run = tmp_path / "run"
    logged = lines(run)
    assert checkpoint.images == 48
    assert checkpoint.path.parent == run / "checkpoints"
    assert len(list((run / "checkpoints").iterdir())) == 2
    assert (run / "samples" / "0000000024.png").exists()
    assert (run / "curves.png").exists()
    assert json.loads((run / "run.json").read_text())["data"]["num_images"] == 20
    assert {"images", "minutes", "images_per_second", "g/reconstruction"} <= logged[0].keys()
    assert any("s/spread_looks" in line for line in logged)


def test_the_end_of_a_run_is_logged_and_drawn_where_a_checkpoint_was_due_there(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    rare = {"max_images": 32, "log_every_images": 24, "sample_every_images": 24}

    train(zoo, tmp_path / "run", merged(settings, {"training": rare}))

    logged = lines(tmp_path / "run")
    assert [line["images"] for line in logged if "g/reconstruction" in line] == [24, 32]
    assert [line["images"] for line in logged if "s/spread_looks" in line] == [24, 32]
    assert (tmp_path / "run" / "samples" / "0000000032.png").exists()

    train(zoo, tmp_path / "run", {})  # it is at its end: nothing is done twice

    assert lines(tmp_path / "run") == logged


def test_an_interrupted_and_resumed_run_equals_the_uninterrupted_one_to_the_bit(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    whole = train(zoo, tmp_path / "whole", settings)

    half = merged(settings, {"training": {"max_images": 20}})
    train(zoo, tmp_path / "halves", half)
    resumed = train(zoo, tmp_path / "halves", {"training": {"max_images": 48}})

    assert resumed.images == whole.images == 48
    assert "attention.log_sharpness" in whole.tensors("generator")
    assert_equal_to_the_bit(whole, resumed)


@pytest.mark.parametrize("variant", BEYOND)
def test_what_goes_beyond_the_paper_resumes_to_the_bit_too(
    zoo: Path, tmp_path: Path, settings: Settings, variant: str
) -> None:
    wanted = merged(settings, {"training": {"max_images": 28, "shots": 2}}, BEYOND[variant])
    whole = train(zoo, tmp_path / "whole", wanted)

    train(zoo, tmp_path / "halves", merged(wanted, {"training": {"max_images": 20}}))
    resumed = train(zoo, tmp_path / "halves", {"training": {"max_images": 28}})

    assert_equal_to_the_bit(whole, resumed)


def test_a_training_killed_at_any_moment_goes_on_and_equals_itself(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    longer = merged(settings, {"training": {"max_images": 160, "sample_every_images": 80}})
    whole = train(zoo, tmp_path / "whole", longer)
    (tmp_path / "settings.json").write_text(json.dumps(longer))
    code = (
        "import json, pathlib, sys; from funit import train;"
        "train(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]),"
        "json.loads(pathlib.Path(sys.argv[3]).read_text()))"
    )
    run = tmp_path / "killed"

    killed = subprocess.Popen(
        [sys.executable, "-c", code, str(zoo), str(run), str(tmp_path / "settings.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not list(run.glob("checkpoints/[0-9]*")) and killed.poll() is None:
        assert time.monotonic() < deadline, "no checkpoint within a minute"
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    resumed = train(zoo, run, longer)

    assert_equal_to_the_bit(whole, resumed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_training_with_a_checkpoint(
    zoo: Path, tmp_path: Path, settings: Settings, number: signal.Signals
) -> None:
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    code = (  # it is asked when the first samples are drawn, at 24 images
        "import json, os, pathlib, sys; from funit import train;"
        "zoo, run, settings = map(pathlib.Path, sys.argv[1:4]);"
        "ask = lambda _: os.kill(os.getpid(), int(sys.argv[4])) or {};"
        "train(zoo, run, json.loads(settings.read_text()), on_snapshot=ask)"
    )
    arguments = [zoo, tmp_path / "run", tmp_path / "settings.json", int(number)]

    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True)

    last = max((tmp_path / "run" / "checkpoints").iterdir())
    assert int(last.name) == 24
    assert train(zoo, tmp_path / "run", {}).images == 48


def test_what_a_snapshot_measures_is_logged(zoo: Path, tmp_path: Path, settings: Settings) -> None:
    train(zoo, tmp_path / "run", settings, on_snapshot=lambda _: {"error": 0.25})

    assert [line["s/error"] for line in lines(tmp_path / "run") if "s/error" in line]


def test_samples_and_logs_do_not_change_what_is_learned(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    often = merged(settings, {"training": {"sample_every_images": 4, "log_every_images": 4}})
    seldom = merged(settings, {"training": {"sample_every_images": 999}})

    assert_equal_to_the_bit(
        train(zoo, tmp_path / "often", often), train(zoo, tmp_path / "seldom", seldom)
    )


def test_a_damaged_checkpoint_costs_only_the_images_since_the_one_before(
    zoo: Path, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = train(zoo, tmp_path / "run", settings)
    newest = whole.path / "average.safetensors"
    content = newest.read_bytes()
    newest.write_bytes(content[:-10])

    again = train(zoo, tmp_path / "run", {})

    said = capsys.readouterr().err
    print(said)
    assert "damaged" in said
    assert (again.path / "average.safetensors").read_bytes() == content


def test_losses_that_are_not_numbers_stop_the_run_and_keep_the_last_good_checkpoint(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    train(zoo, tmp_path / "run", merged(settings, {"training": {"max_images": 16}}))
    good = sorted((tmp_path / "run" / "checkpoints").iterdir())
    broken = good[-1] / "generator.safetensors"

    exploding = merged(settings, {"training": {"learning_rate": 1e30}})
    with pytest.raises(UserError) as error:
        train(zoo, tmp_path / "other", exploding)

    print(error.value.message, error.value.hint)
    assert "became" in error.value.message
    assert "learning_rate" in error.value.hint
    assert all(v.isfinite().all() for v in load_file(broken).values())
    for path in (tmp_path / "other" / "checkpoints").glob("[0-9]*"):
        assert all(v.isfinite().all() for v in load_file(path / "generator.safetensors").values())


@pytest.mark.parametrize(
    ("limit", "images"), [({"max_passes": 1.0}, 20), ({"max_minutes": 1e-9}, 0)]
)
def test_other_limits_stop_it_too(
    zoo: Path, tmp_path: Path, settings: Settings, limit: Settings, images: int
) -> None:
    limited = merged(settings, {"training": {"max_images": None, **limit}})

    assert train(zoo, tmp_path / "run", limited).images == images


def test_a_training_that_no_longer_improves_is_converged(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    standing = merged(
        settings, {"training": {"learning_rate": 1e-12, "patience_images": 16, "max_images": 400}}
    )

    checkpoint = train(zoo, tmp_path / "run", standing)

    assert checkpoint.images < 400


# -------------------------------------------------------------- resume rules


def test_a_run_keeps_its_settings_and_refuses_others(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    run = tmp_path / "run"
    train(zoo, run, merged(settings, {"training": {"max_images": 8}}))

    with pytest.raises(UserError, match=r"`training.learning_rate` 0.001, not 0.1"):
        train(zoo, run, {"training": {"learning_rate": 0.1}})
    with pytest.raises(UserError, match="preset `small`"):
        train(zoo, run, {}, preset="paper")

    assert train(zoo, run, {"training": {"max_images": 12}}, preset="small").images == 12


def test_a_run_refuses_other_data(zoo: Path, tmp_path: Path, settings: Settings) -> None:
    from funit.data.menagerie import write_menagerie

    run = tmp_path / "run"
    train(zoo, run, merged(settings, {"training": {"max_images": 8}}))
    write_menagerie(tmp_path / "others", 6, 5, 16, seed=4)

    with pytest.raises(UserError, match="other data"):
        train(tmp_path / "others", run, {})
    shutil.rmtree(next((tmp_path / "others").iterdir()))
    with pytest.raises(UserError, match="other data"):  # and not that a class is missing
        train(tmp_path / "others", run, {})


def test_a_single_class_is_refused_by_its_name(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    first, second, *_ = sorted(path for path in zoo.iterdir() if path.is_dir())
    for part, cls in (("seen", first), ("unseen", second)):
        shutil.copytree(cls, tmp_path / "data" / part / cls.name)
    all_seen = merged(settings, {"data": {"num_unseen": 0}})

    with pytest.raises(UserError, match=f"a single class to train on, `{first.name}`"):
        train(tmp_path / "data", tmp_path / "run", all_seen)
    assert not (tmp_path / "run").exists()


def test_what_the_disk_refuses_is_an_error_that_says_what_to_do(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    with pytest.raises(UserError, match="/proc/nowhere") as refused:
        train(zoo, Path("/proc/nowhere/run"), settings)
    assert "permissions" in refused.value.hint

    train(zoo, tmp_path / "run", merged(settings, {"training": {"max_images": 16}}))
    (tmp_path / "run" / "metrics.jsonl").unlink()
    (tmp_path / "run" / "metrics.jsonl").mkdir()
    with pytest.raises(UserError, match=r"metrics\.jsonl"):
        train(zoo, tmp_path / "run", settings)


def test_two_trainings_never_work_in_one_folder(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    def second(_: Generator) -> dict[str, float]:
        with pytest.raises(UserError, match="another training works"):
            train(zoo, tmp_path / "run", settings)
        return {"refused": 1.0}

    train(zoo, tmp_path / "run", settings, on_snapshot=second)

    assert any(line.get("s/refused") for line in lines(tmp_path / "run"))


def test_a_run_of_another_format_is_refused_with_the_version_that_made_it(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    run = tmp_path / "run"
    train(zoo, run, merged(settings, {"training": {"max_images": 8}}))
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**about, "format": 99, "version": "9.9"}))

    with pytest.raises(UserError, match="run format 99") as error:
        train(zoo, run, {})

    assert "9.9" in error.value.hint


def test_a_folder_of_something_else_is_not_touched(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    precious = tmp_path / "photos"
    precious.mkdir()
    (precious / "holiday.txt").write_text("mine")

    with pytest.raises(UserError, match="no run folder"):
        train(zoo, precious, settings)

    assert [path.name for path in precious.iterdir()] == ["holiday.txt"]


def test_a_refused_model_leaves_no_run_behind(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    with pytest.raises(UserError, match="max_bytes"):
        train(zoo, tmp_path / "run", merged(settings, {"model": {"max_bytes": 100}}))

    assert not (tmp_path / "run").exists()
    assert train(zoo, tmp_path / "run", settings).images == 48


def test_a_run_in_bf16_goes_on_as_if_uninterrupted_and_only_in_bf16(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    reduced = merged(settings, {"training": {"precision": "bf16", "max_images": 28}})
    whole = train(zoo, tmp_path / "whole", reduced)

    train(zoo, tmp_path / "halves", merged(reduced, {"training": {"max_images": 16}}))
    resumed = train(zoo, tmp_path / "halves", {"training": {"max_images": 28}})

    assert_equal_to_the_bit(whole, resumed)
    assert all(value.dtype == torch.float32 for value in whole.tensors("generator").values())
    with pytest.raises(UserError, match=r"`training.precision` bf16, not fp32"):
        train(zoo, tmp_path / "halves", {"training": {"precision": "fp32"}})
