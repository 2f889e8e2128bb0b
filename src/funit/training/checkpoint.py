"""Everything a run needs to go on, written so that no interruption can lose it.

A checkpoint is a folder `checkpoints/IMAGES` of safetensors files and `state.json`, which holds the
progress and the SHA-256 of each file. It is written under a temporary name, synced, and renamed:
a folder of the right name is whole. Damage from elsewhere is found by the hashes, and the
checkpoint before it is used.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from funit.errors import UserError
from funit.model_folder import checkpoint_folders

Tensors = dict[str, Tensor]

STATE_FILE = "state.json"
FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint on disk."""

    path: Path
    images: int  # content images seen

    def has(self, name: str) -> bool:
        """Whether there is a `NAME.safetensors`."""
        return (self.path / f"{name}.safetensors").exists()

    def tensors(self, name: str) -> Tensors:
        """The tensors of `NAME.safetensors`."""
        return load_file(self.path / f"{name}.safetensors")

    def state(self) -> dict[str, Any]:
        """The progress: plain JSON values."""
        state: dict[str, Any] = json.loads((self.path / STATE_FILE).read_text())
        return state


def write_checkpoint(
    folder: Path, images: int, files: dict[str, Tensors], state: dict[str, Any]
) -> Checkpoint:
    """Writes `folder/IMAGES` in one piece; raises UserError when the disk is full."""
    path = folder / f"{images:010d}"
    temporary = folder / f".{path.name}.{os.getpid()}.tmp"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for name, tensors in files.items():
            save_file(_contiguous(tensors), temporary / f"{name}.safetensors")
        hashes = {file.name: _sha256(file) for file in sorted(temporary.iterdir())}
        content = {"format": FORMAT, "images": images, "files": hashes, **state}
        (temporary / STATE_FILE).write_text(json.dumps(content, indent=1))
        for file in temporary.iterdir():
            _sync(file)
        shutil.rmtree(path, ignore_errors=True)  # the same images again: a damaged one, or a resume
        temporary.rename(path)
        _sync(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise _disk_error(error, path) from error
    return Checkpoint(path, images)


def latest_checkpoint(folder: Path, warn: Callable[[str], None]) -> Checkpoint | None:
    """The newest whole checkpoint; None where there is none at all.

    Says of each damaged one that it is passed over; raises UserError where no other is left.
    """
    paths = checkpoint_folders(folder)
    for path in reversed(paths):
        problem = _problem(path)
        if problem is None:
            return Checkpoint(path, int(path.name))
        warn(f"checkpoint `{path}` is damaged ({problem}): it is passed over")
    if paths:
        raise UserError(
            f"`{folder}` has no whole checkpoint to go on from",
            hint="bring one of them back from a copy, or give another `--out`",
        )
    return None


def prune_checkpoints(folder: Path, newest: int, keep: int) -> None:
    """Keeps the newest `keep` checkpoints up to that of `newest` images.

    Those of more images are damaged, since the run went on from an earlier one. Removes what
    interrupted writes left behind, too.
    """
    paths = checkpoint_folders(folder)
    kept = [path for path in paths if int(path.name) <= newest][-keep:]
    for path in {*paths, *folder.glob(".*.tmp")}.difference(kept):
        shutil.rmtree(path)


def _problem(path: Path) -> str | None:
    try:
        state = json.loads((path / STATE_FILE).read_text())
        if state["format"] != FORMAT:
            return f"its format is {state['format']}; this version reads {FORMAT}"
        for name, sha256 in state["files"].items():
            if _sha256(path / name) != sha256:
                return f"`{name}` differs from its SHA-256"
    except FileNotFoundError as error:
        return f"`{Path(error.filename).name}` is missing"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"`{STATE_FILE}` cannot be read"
    return None


def _contiguous(tensors: Tensors) -> Tensors:
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk_error(error: Exception, path: Path) -> UserError:
    # safetensors hides the error number of the system in its text
    full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
    return UserError(
        f"{'the disk is full' if full else f'writing failed ({error})'}: "
        f"`{path}` was not written; the checkpoint before it is kept",
        hint="make room, then run the same command again: it goes on from there",
    )
