"""The loop around a training step: log, samples, checkpoints, limits.

`train` is the whole of `funit train`: the same call goes on where the last one stopped.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from funit.config import Config, Settings, TrainingConfig, build_config, merged
from funit.data.dataset import Batch, Dataset, Samples, fixed_samples
from funit.data.packed import Packed, packed_for
from funit.errors import UserError
from funit.model.device import find_device
from funit.model.generator import Generator
from funit.model.parent import Parent
from funit.training.checkpoint import (
    Checkpoint,
    latest_checkpoint,
    prune_checkpoints,
    write_checkpoint,
)
from funit.training.logbook import (
    Logbook,
    ProgressBar,
    draw_samples,
    packing_bar,
    progress_bar,
    spread,
    write_curves,
    write_samples,
)
from funit.training.process import prepared_process, stop_signal
from funit.training.run import Run, locked, open_run, requested_settings
from funit.training.start import kept_discriminator
from funit.training.trainer import Trainer

Snapshot = Callable[[Generator], dict[str, Any]]  # numbers, or lists of them

SECONDS_PER_LINE = 10.0  # metrics.jsonl gets a line at least so often


def train(
    data: Path,
    out: Path,
    settings: Settings | None = None,
    *,
    preset: str | None = None,
    parent: Parent | None = None,
    command: str = "",
    on_snapshot: Snapshot | None = None,
) -> Checkpoint:
    """Trains on the classes of DATA in the run folder `out`, or goes on there, until a limit.

    `settings` lie over the preset (`small` by default), or over those of the run. A new run with a
    `parent` starts from its weights and settings. When a limit or a signal ends the call, a
    checkpoint is written first; it is returned. `command` is kept in run.json as how the run was
    started. `on_snapshot` gets the average generator whenever samples are drawn, and what it
    measures is logged. Raises UserError for bad data or settings, diverged losses, a full disk, or
    too little memory of a GPU.
    """
    out, settings = Path(out), settings or {}
    with _errors_of_the_machine(out), locked(out):
        wanted = requested_settings(out, settings, preset, parent)
        packed = _packed(Path(data), wanted)
        run = open_run(out, wanted, preset, packed, command, parent)
        with prepared_process(run.config.training):
            loop = _Loop(run, packed, on_snapshot, parent)  # refuses what cannot be trained
            run.save()
            return loop.run_to_end()


@contextmanager
def _errors_of_the_machine(out: Path) -> Iterator[None]:
    """What disk and GPU refuse, as errors that say what to do."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"the training in `{out}` cannot go on: {error}",
            hint="check the free space and the permissions; the same command then goes on from the "
            "last checkpoint",
        ) from error
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"the GPU has too little memory: {str(error).splitlines()[0]}",
            hint="lower `training.batch_size`, `model.base_channels` or `model.image_size`, or set "
            "`training.precision=bf16`",
        ) from error


class _Loop:
    """The stages around a step: log, samples, checkpoint, stop."""

    def __init__(
        self, run: Run, packed: Packed, on_snapshot: Snapshot | None, parent: Parent | None
    ) -> None:
        config, training = run.config, run.config.training
        self.started = time.monotonic()  # what is compiled counts as well
        self.run, self.training, self.on_snapshot = run, training, on_snapshot
        self.parent = parent
        self.trainer = Trainer(config, find_device(training.device))
        self.dataset = Dataset(
            packed, config.model.image_size, config.data, training, device=self.trainer.device
        )
        self.samples = _samples(packed, config, self.trainer.device)
        self.max_images = _image_limit(training, packed.num_images)
        self.logbook = Logbook(
            run.path / "metrics.jsonl", run.path / "tensorboard" if training.tensorboard else None
        )
        self.lowest, self.lowest_at = math.inf, 0  # of the reconstruction loss, for `patience`
        self.minutes_before = 0.0
        self.say: Callable[[str], None] = print

    def run_to_end(self) -> Checkpoint:
        """Steps until something asks to stop; returns the last checkpoint."""
        with progress_bar(self.max_images) as bar, stop_signal() as stop:
            self.say = bar.say
            checkpoint = self._resume()
            bar.resume(self.trainer.images)
            self._explain_start()
            for batch in self._batches(stop):
                if reason := stop() or self._reason_to_stop():
                    break
                self.logbook.add(self.trainer.step(batch))
                self._log(bar)
                if self._passed(self.training.sample_every_images):
                    self._draw_samples()
                if self._passed(self.training.checkpoint_every_images):
                    checkpoint = self._write_checkpoint()
            if checkpoint is None or checkpoint.images != self.trainer.images:
                checkpoint = self._write_checkpoint()  # first: whoever asked may not wait long
            self._log(bar, force=True)
            if self.drawn_at != self.trainer.images:
                self._draw_samples()
            self.say(f"stopped at {self.trainer.images:,} images: {reason}")
        return checkpoint

    # ---------------------------------------------------------------- stages

    def _batches(self, stop: Callable[[], str]) -> Iterator[Batch]:
        """The batches from here on; twins are found whenever they are due."""
        trainer = self.trainer
        while True:
            if trainer.are_twins_due() and not self._reason_to_stop():
                self.say(f"finding the twins of {self.dataset.num_images:,} images")
                trainer.find_twins(self.dataset, stop)
            for batch in self.dataset.batches(trainer.steps, trainer.twins):
                yield batch  # and a step is made
                if trainer.are_twins_due():
                    break

    def _resume(self) -> Checkpoint | None:
        checkpoint = latest_checkpoint(self.run.checkpoint_dir, self.say)
        if checkpoint is not None:
            self.trainer.restore(checkpoint)
            state = checkpoint.state()
            self.minutes_before = state["minutes"]
            self.lowest_at = state["lowest_at"]
            self.lowest = math.inf if state["lowest"] is None else state["lowest"]
            self.say(f"going on from {checkpoint.images:,} images")
        elif "parent" in self.run.about:
            checkpoint = self._start_from_parent()
        self.logbook.rewind(self.trainer.images)
        self.logged_at, self.logged_time = self.trainer.images, time.monotonic()
        self.drawn_at = self.trainer.images
        return checkpoint

    def _start_from_parent(self) -> Checkpoint:
        """Takes the parent's weights over, and keeps them at once: it need not stay what it is."""
        if self.parent is None:
            began = self.run.about["parent"]["given"]
            raise UserError(
                f"`{self.run.path}` has no whole checkpoint to go on from",
                hint=f"start from the model again with `--from {began}`, or give another `--out`",
            )
        self.trainer.start_from(self.parent)
        self.say(f"starting from `{self.parent.given}`")
        is_wanted = self.training.adversarial_from_images is not None
        features = self.run.config.model.discriminator_features
        if is_wanted and kept_discriminator(self.parent, features) is None:
            self.say(
                f"`{self.parent.given}` has no discriminator to go on with: a new one is learned"
            )
        return self._write_checkpoint()

    def _log(self, bar: ProgressBar, force: bool = False) -> None:
        now = time.monotonic()
        images = self.trainer.images
        due = images - self.logged_at >= self.training.log_every_images
        if not (due or force or now - self.logged_time >= SECONDS_PER_LINE):
            return
        means = self.logbook.means()
        self._stop_if_diverged(means)
        if not means:
            return
        rate = (images - self.logged_at) / max(now - self.logged_time, 1e-9)
        self.logbook.write(
            {
                "images": images,
                "minutes": round(self._minutes(), 3),
                "images_per_second": round(rate, 2),
                **means,
            }
        )
        bar.update(images, means)
        if means["g/reconstruction"] < self.lowest:
            self.lowest, self.lowest_at = means["g/reconstruction"], images
        self.logged_at, self.logged_time = images, now

    def _draw_samples(self) -> None:
        drawn = [(samples, draw_samples(self.trainer.average, samples)) for samples in self.samples]
        write_samples(self.run.path / "samples" / f"{self.trainer.images:010d}.png", drawn)
        found = spread(drawn[-1][1], drawn[-1][0])  # of unseen classes, where there are any
        line: dict[str, Any] = {
            "images": self.trainer.images,
            "s/spread_looks": found.looks,
            "s/spread_poses": found.poses,
            "s/spread_real": found.real,
        }
        if alarm := found.alarm():
            line["alarm"] = alarm
            self.say(f"alarm at {self.trainer.images:,} images: {alarm}")
        if self.on_snapshot is not None:
            line |= {f"s/{k}": v for k, v in self.on_snapshot(self.trainer.average).items()}
        self.logbook.write(line)
        self.drawn_at = self.trainer.images
        write_curves(self.run.path / "curves.png", self.logbook.read())

    def _write_checkpoint(self) -> Checkpoint:
        self._stop_if_diverged(self.logbook.totals())
        state = {
            "steps": self.trainer.steps,
            "minutes": self._minutes(),
            "lowest": None if math.isinf(self.lowest) else self.lowest,
            "lowest_at": self.lowest_at,
        }
        folder = self.run.checkpoint_dir
        checkpoint = write_checkpoint(folder, self.trainer.images, self.trainer.tensors(), state)
        prune_checkpoints(folder, checkpoint.images, self.training.keep_checkpoints)
        return checkpoint

    # ---------------------------------------------------------------- limits

    def _reason_to_stop(self) -> str:
        images, training = self.trainer.images, self.training
        if self.max_images is not None and images >= self.max_images:
            return "the limit of images is reached"
        minutes = (time.monotonic() - self.started) / 60
        if training.max_minutes is not None and minutes >= training.max_minutes:
            return "the limit of minutes is reached"
        patience = training.patience_images
        if patience is not None and images - self.lowest_at >= patience:
            return f"converged: no better reconstruction since {self.lowest_at:,} images"
        return ""

    def _passed(self, interval: int) -> bool:
        """Whether this step reached a multiple of `interval`."""
        batch_size = self.training.batch_size
        return self.trainer.images // interval > (self.trainer.images - batch_size) // interval

    def _minutes(self) -> float:
        """Of training in all calls."""
        return self.minutes_before + (time.monotonic() - self.started) / 60

    def _stop_if_diverged(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            if not math.isfinite(value):
                raise UserError(
                    f"the loss `{name}` became {value} before {self.trainer.images:,} images; "
                    "the last good checkpoint is kept",
                    hint="start another run with a lower `training.learning_rate` or another "
                    "`weights.gradient_penalty`",
                )

    def _explain_start(self) -> None:
        if self.trainer.not_compiled is not None:
            self.say(f"the generator is not compiled ({self.trainer.not_compiled})")
        if not self.dataset.packed.unseen_classes:
            self.say("no unseen classes: samples show seen ones only (see `data.num_unseen`)")
        for problem in self.dataset.packed.problems[:3]:
            self.say(f"left out: {problem}")
        if (more := len(self.dataset.packed.problems) - 3) > 0:
            self.say(f"left out: {more} more files; `funit data check` lists them")


def _packed(data: Path, settings: Settings) -> Packed:
    # the number of classes is not known yet; everything else is checked before hours of packing
    checked = build_config(merged({"model": {"num_classes": 2}}, settings))
    size = round(checked.data.resize_ratio * checked.model.image_size)
    with packing_bar() as advance:
        return packed_for(
            data,
            size,
            checked.data.background,
            num_unseen=checked.data.num_unseen,
            seed=checked.training.seed,
            progress=advance,
        )


def _samples(packed: Packed, config: Config, device: torch.device) -> list[Samples]:
    parts = ["seen", "unseen"] if packed.unseen_classes else ["seen"]
    shots = config.training.shots_range[1]
    return [
        fixed_samples(packed, part, config.model.image_size, 8, 6, shots, seed=0).to(device)
        for part in parts
    ]


def _image_limit(training: TrainingConfig, images_per_pass: int) -> int | None:
    limits = [training.max_images]
    if training.max_passes is not None:
        limits.append(math.ceil(training.max_passes * images_per_pass))
    return min((limit for limit in limits if limit is not None), default=None)
