"""A run folder: whose it is, with which settings, and whether a training works in it.

RUN/config.yaml     all settings          RUN/metrics.jsonl   a line at least every 10 seconds
RUN/run.json        data, classes         RUN/samples/        sample grids
RUN/checkpoints/    what it goes on from  RUN/curves.png      the losses over images seen
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funit import __version__
from funit.config import (
    RESUMABLE,
    Config,
    Settings,
    build_config,
    flat,
    merged,
    preset,
    read_settings,
    to_yaml,
)
from funit.data.dataset import training_classes
from funit.data.packed import Packed
from funit.errors import UserError
from funit.home import whole_file
from funit.model.parent import Parent
from funit.model_folder import checkpoint_folders
from funit.training.start import starting_settings

FORMAT = 1


@dataclass(frozen=True)
class Run:
    """A run folder and its settings."""

    path: Path
    config: Config
    about: dict[str, Any]  # run.json

    @property
    def checkpoint_dir(self) -> Path:
        """Where the checkpoints are."""
        return self.path / "checkpoints"

    def save(self) -> None:
        """Writes config.yaml and run.json."""
        texts = {"config.yaml": to_yaml(self.config), "run.json": json.dumps(self.about, indent=1)}
        for name, text in texts.items():
            with whole_file(self.path / name) as temporary:
                temporary.write_text(text, encoding="utf-8")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the run folder for this process; raises UserError when another one works in it."""
    if path.exists() and not path.is_dir():
        raise UserError(f"`{path}` is a file", hint="give `--out` a folder for the run")
    if path.is_dir() and any(path.iterdir()) and not (path / "run.json").exists():
        leftovers = {entry.name for entry in path.iterdir()} - {"lock", "config.yaml"}
        if leftovers:
            raise UserError(
                f"`{path}` exists and is no run folder", hint="give `--out` a new folder"
            )
    is_new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    with (path / "lock").open("w") as lock:  # the system releases it however the process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another training works in `{path}`", hint="wait for it, or give another `--out`"
            ) from None
        try:
            yield
        finally:
            if is_new and not (path / "run.json").exists():  # refused: nothing stays behind
                for name in ("lock", "config.yaml"):
                    (path / name).unlink(missing_ok=True)
                with suppress(OSError):  # what is wrong is being told already
                    path.rmdir()


def existing_settings(path: Path) -> Settings | None:
    """The settings of the run in this folder; None where there is none."""
    if not (path / "run.json").exists():
        return None
    _read_about(path)
    return read_settings(path / "config.yaml")


def has_started_from(path: Path, model: str) -> bool:
    """Whether the run in this folder began from the model called so, and has its weights."""
    if not (path / "run.json").exists():
        return False
    parent = _read_about(path).get("parent") or {}
    return parent.get("given") == model and bool(checkpoint_folders(path / "checkpoints"))


def requested_settings(
    path: Path, settings: Settings, preset_name: str | None, parent: Parent | None = None
) -> Settings:
    """What a training in this folder is to use, before the data says the number of classes.

    A new run: the preset, or what is taken over from the parent, then `settings`. An existing one:
    its own, with `settings` over them.
    """
    existing = existing_settings(path)
    if existing is None:
        if parent is not None:
            return starting_settings(parent, preset_name, settings)
        return merged(preset(preset_name or "small"), settings)
    about = _read_about(path)
    started_with = about["preset"]
    if preset_name not in (None, started_with):
        named = f"the preset `{started_with}`" if started_with else "the settings of its parent"
        raise UserError(
            f"`{path}` was started with {named}, not with the preset `{preset_name}`",
            hint="leave `--preset` out to go on, or give another `--out`",
        )
    if parent is not None:
        _check_same_parent(path, about, parent)
    return merged(existing, settings)


def open_run(
    path: Path,
    settings: Settings,
    preset_name: str | None,
    packed: Packed,
    command: str,
    parent: Parent | None = None,
) -> Run:
    """A new run, or the existing one when it may go on with these settings; writes nothing."""
    existing = existing_settings(path)
    if existing is None:
        about: dict[str, Any] = {
            "format": FORMAT,
            "version": __version__,
            "command": command,
            "preset": preset_name or (None if parent else "small"),
            "data": {"fingerprint": packed.fingerprint, "num_images": packed.num_images},
            "classes": list(packed.classes),
        }
        if parent is not None:
            about["parent"] = {"given": parent.given, **parent.record.model_dump(mode="json")}
    else:
        about = _read_about(path)
        _check_same_data(path, about, packed)  # first: else a class too many would be blamed
    settings = merged(settings, {"model": {"num_classes": _num_classes(settings, packed)}})
    config = build_config(settings)
    if existing is not None:
        _check_unchanged(path, build_config(existing), config)
    return Run(path, config, about)


def _read_about(path: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads((path / "run.json").read_text())
        found = about["format"]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"`{path}/run.json` is damaged", hint="give another `--out`") from None
    if found != FORMAT:
        raise UserError(
            f"`{path}` has run format {found}; this version reads {FORMAT}",
            hint=f"use the version of funit that made it: {about.get('version', 'unknown')}",
        )
    return about


def _num_classes(settings: Settings, packed: Packed) -> int:
    wanted: int | None = settings.get("model", {}).get("num_classes")
    found = len(training_classes(packed))
    if wanted not in (None, found):
        raise UserError(
            f"`model.num_classes` is {wanted}, but the data has {found} training classes",
            hint="leave `model.num_classes` out: it is counted",
        )
    return found


def _check_unchanged(path: Path, before: Config, now: Config) -> None:
    old, new = flat(before), flat(now)
    for name, value in new.items():
        if name not in RESUMABLE and value != old[name]:
            raise UserError(
                f"`{path}` was started with `{name}` {old[name]}, not {value}",
                hint="leave it out to go on as before, or give another `--out` for a new run",
            )


def _check_same_parent(path: Path, about: dict[str, Any], parent: Parent) -> None:
    began = about.get("parent")
    if began is None or began["weights_sha256"] != parent.record.weights_sha256:
        how = f"started from `{began['given']}`, not from" if began else "not started from"
        raise UserError(
            f"`{path}` was {how} `{parent.given}`",
            hint="leave `--from` out to go on, or give another `--out`",
        )


def _check_same_data(path: Path, about: dict[str, Any], packed: Packed) -> None:
    if about["data"]["fingerprint"] != packed.fingerprint:
        raise UserError(
            f"`{path}` was trained on other data than this",
            hint="go on with the data it began with, or give another `--out`",
        )
