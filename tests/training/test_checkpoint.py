"""A checkpoint is whole or it is not there; a damaged one is passed over."""

import resource
import shutil
import signal
from pathlib import Path

import pytest
import torch

from funit.errors import UserError
from funit.training.checkpoint import (
    latest_checkpoint,
    prune_checkpoints,
    write_checkpoint,
)


def write(folder: Path, images: int, size: int = 4) -> None:
    write_checkpoint(folder, images, {"weights": {"a": torch.full((size,), 1.5)}}, {"steps": 3})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write(tmp_path, 64)

    found = latest_checkpoint(tmp_path, warn=pytest.fail)

    assert found is not None
    assert found.images == 64
    assert found.state()["steps"] == 3
    assert torch.equal(found.tensors("weights")["a"], torch.full((4,), 1.5))


def test_an_empty_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "nowhere", warn=pytest.fail) is None


@pytest.mark.parametrize("damage", ["cut short", "a bit flipped", "weights gone", "state gone"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    tmp_path: Path, damage: str
) -> None:
    write(tmp_path, 64)
    write(tmp_path, 128)
    newest = tmp_path / "0000000128"
    weights = newest / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    if damage == "cut short":
        weights.write_bytes(content[:-3])
    elif damage == "a bit flipped":
        content[-1] ^= 1
        weights.write_bytes(content)
    elif damage == "weights gone":
        weights.unlink()
    else:
        (newest / "state.json").unlink()
    said: list[str] = []

    found = latest_checkpoint(tmp_path, warn=said.append)

    assert found is not None
    assert found.images == 64
    assert "0000000128" in said[0]


def test_a_half_written_checkpoint_is_never_seen(tmp_path: Path) -> None:
    write(tmp_path, 64)
    unfinished = tmp_path / ".0000000128.77.tmp"
    unfinished.mkdir()
    (unfinished / "weights.safetensors").write_bytes(b"half")

    found = latest_checkpoint(tmp_path, warn=pytest.fail)
    prune_checkpoints(tmp_path, newest=192, keep=2)

    assert found is not None
    assert found.images == 64
    assert not unfinished.exists()


def test_a_disk_that_refuses_more_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    # A real refusal by the system: no file of this process may grow beyond 4 KiB.
    write(tmp_path, 64)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(UserError) as error:
            write(tmp_path, 128, size=100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    print(error.value.message, error.value.hint)
    assert "was not written" in error.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["0000000064"]


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    for images in (64, 128, 192):
        write(tmp_path, images)

    prune_checkpoints(tmp_path, newest=192, keep=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["0000000128", "0000000192"]


def test_where_every_checkpoint_is_damaged_none_is_lost_and_the_error_says_so(
    tmp_path: Path,
) -> None:
    for images in (64, 128):
        write(tmp_path, images)
        (tmp_path / f"{images:010d}" / "state.json").write_text("{}")
    said: list[str] = []

    with pytest.raises(UserError, match="no whole checkpoint to go on from"):
        latest_checkpoint(tmp_path, warn=said.append)

    assert len(said) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_copy_that_somebody_made_is_no_checkpoint_and_stays(tmp_path: Path) -> None:
    write(tmp_path, 64)
    shutil.copytree(tmp_path / "0000000064", tmp_path / "0000000064.bak")

    found = latest_checkpoint(tmp_path, warn=pytest.fail)
    prune_checkpoints(tmp_path, newest=64, keep=2)

    assert found is not None
    assert found.images == 64
    assert (tmp_path / "0000000064.bak").exists()


def test_checkpoints_after_the_one_that_a_run_went_on_from_do_not_crowd_out_new_ones(
    tmp_path: Path,
) -> None:
    for images in (64, 256, 320):  # the last two are damaged: it went on from 64
        write(tmp_path, images)
    write(tmp_path, 128)

    prune_checkpoints(tmp_path, newest=128, keep=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["0000000064", "0000000128"]
