"""One step of the paper's algorithm, and the loop around it.

`train` is the whole of `funit train`: the same call goes on where the last one stopped.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from funit.config import Config, Settings, TrainingConfig, build_config
from funit.data.dataset import Batch, Dataset, Samples, Twins, fixed_samples
from funit.data.packed import Packed, packed_for
from funit.errors import UserError
from funit.model.device import find_device
from funit.model.discriminator import Discriminator, Scorer
from funit.model.generator import Drawing, Generator
from funit.model.look import Look
from funit.model.parent import Parent
from funit.training.augment import Augmentation
from funit.training.checkpoint import (
    Checkpoint,
    Tensors,
    latest_checkpoint,
    prune_checkpoints,
    write_checkpoint,
)
from funit.training.code_losses import CodeLosses
from funit.training.compiled import compile_generator, is_compiled
from funit.training.frozen_discriminator import (
    FrozenDiscriminator,
    fooling_second_terms,
    second_terms,
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
from funit.training.losses import (
    Codes,
    Drawn,
    Terms,
    added,
    discriminator_terms,
    fake_terms,
    generator_terms,
    real_terms,
    reconstruction_terms,
)
from funit.training.optimizer import (
    make_optimizer,
    optimizer_tensors,
    restore_optimizer,
    set_learning_rate,
)
from funit.training.perceptual_loss import PerceptualLoss
from funit.training.process import prepared_process, stop_signal
from funit.training.run import Run, locked, open_run, requested_settings
from funit.training.start import load_parent
from funit.training.twins import find_twins

Network = TypeVar("Network", bound=nn.Module)
Snapshot = Callable[[Generator], dict[str, Any]]  # numbers, or lists of them

SECONDS_PER_LINE = 10.0  # metrics.jsonl gets a line at least so often


class Trainer:
    """Both networks, the moving average of the generator, and one step of their training."""

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config = config
        self.device = device
        with torch.random.fork_rng():
            torch.manual_seed(config.training.seed)
            generator, discriminators = Generator(config.model), _discriminators(config, device)
            has_codes_taught = config.weights.code_classification or config.weights.code_contrast
            self.code_losses = CodeLosses(config).to(device) if has_codes_taught else None
        self.generator = _placed(generator, device)
        self.discriminators = nn.ModuleList(_placed(each, device) for each in discriminators)
        self.discriminator, self.second = discriminators[0], (*discriminators, None)[1]
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.perceptual = PerceptualLoss(device) if config.weights.perceptual else None
        training = config.training
        lr, d_lr = training.learning_rate, training.discriminator_learning_rate
        learning: nn.Module = self.generator
        if self.code_losses is not None:
            learning = nn.ModuleList([self.generator, self.code_losses])
        self.g_optimizer = make_optimizer(learning, training, lr, training.momentum)
        self.d_optimizer = make_optimizer(self.discriminators, training, d_lr or lr)
        is_augmented = training.augment or training.augment_target is not None
        self.augmentation = Augmentation(training, device) if is_augmented else None
        self.steps = 0
        self.images = 0
        self.twins: Twins | None = None
        self.twins_found_at = 0  # images
        self.not_compiled: str | None = None  # why, where it was wanted
        if is_compiled(training, device):
            self.not_compiled = compile_generator(self.generator, self._trials)

    def step(self, batch: Batch) -> Terms:
        """One update of the discriminator, then one of the generator (the paper's algorithm)."""
        for optimizer in (self.g_optimizer, self.d_optimizer):
            set_learning_rate(optimizer, self.config.training, self.images)
        if self.config.training.is_adversarial(self.images):
            terms = self._play(batch)
        else:
            terms = self._warm_up(batch)
        self.steps += 1
        self.images += len(batch)
        self._update_average(len(batch))
        return terms

    def _play(self, batch: Batch) -> Terms:
        weights = self.config.weights.late
        loss, scorer = self.config.training.adversarial_loss, self._scorer(self.discriminator)
        second = None if self.second is None else self._scorer(self.second)
        hear = None if self.augmentation is None else self.augmentation.hear
        factor = self._penalty_factor()
        d_terms: Terms = {}
        self.d_optimizer.zero_grad(set_to_none=True)
        if loss == "hinge":  # needs no translation: its graphs are gone before the generator's come
            with self._autocast():
                d_terms = real_terms(scorer, batch, weights, factor, hear)
            d_terms = _backward(d_terms)

        with self._autocast():
            drawn = self.draw(batch)  # one pass of the generator serves both updates
            if loss == "hinge":
                rest = fake_terms(scorer, batch, drawn.translated, weights)
            else:
                rest = discriminator_terms(
                    scorer, batch, drawn.translated, weights, factor, loss, hear
                )
            rest |= second_terms(second, batch, drawn.translated, weights, loss)
        d_terms = added(d_terms, _backward(rest))
        self.d_optimizer.step()

        with frozen(self.discriminators), self._autocast():
            g_terms = generator_terms(scorer, batch, drawn, weights, self.perceptual, loss)
            g_terms |= self._code_terms(drawn.codes)
            g_terms |= fooling_second_terms(second, batch, drawn.translated, weights, loss)
        _update(self.g_optimizer, g_terms)
        terms = named("d/", d_terms) | named("g/", g_terms)  # tensors: only the log reads numbers
        if self.augmentation is not None:
            terms |= named("d/", self.augmentation.state())
        return terms

    def _warm_up(self, batch: Batch) -> Terms:
        """An update of the generator by the reconstruction alone."""
        content = batch.content
        if num_back := self._num_back(batch):
            with torch.no_grad(), self._autocast():
                translated = self.generator(content[:num_back], batch.examples[:num_back])
            content = torch.cat([translated, content[num_back:]])
        with self._autocast():  # another: one keeps the weights in 16 bits, without a graph above
            content_map = self.generator.encode_content(content)
            drawn, codes = self._reconstruct(batch, content_map)
        original = self.generator.perfect(batch.original)
        terms = reconstruction_terms(drawn, original, self.config.weights, self.perceptual)
        terms |= self._code_terms([codes])
        _update(self.g_optimizer, terms)
        return named("g/", terms)

    def _scorer(self, discriminator: Scorer) -> Scorer:
        """A discriminator as it sees images in this step."""
        if self.augmentation is None:
            return discriminator
        return self.augmentation.around(discriminator, self.steps)

    def draw(self, batch: Batch) -> Drawn:
        """Translates and reconstructs the content images of a batch."""
        content_map = self.generator.encode_content(batch.content)
        look, codes = self._looks(batch.examples, batch.classes)
        translated = self.generator.decode(content_map, look)
        if num_back := self._num_back(batch):
            # Back-translation: the pose is read from the translation, where the own look is gone,
            # so that the look has to come from the examples. Detached: nothing can hide in it.
            back_map = self.generator.encode_content(translated[:num_back].detach())
            content_map = torch.cat([back_map, content_map[num_back:]])
        reconstruction, own_codes = self._reconstruct(batch, content_map)
        original = self.generator.perfect(batch.original)
        return Drawn(translated, reconstruction, original, [codes, own_codes])

    def _reconstruct(self, batch: Batch, content_map: Tensor) -> tuple[Drawing, Codes]:
        """Draws the content images in the look of themselves, or of others of their classes."""
        if num_twins := self._num_twins(batch):
            own = self.generator.on_background_of(
                batch.original[-num_twins:], content_map[-num_twins:]
            )
            content_map = torch.cat([content_map[:-num_twins], own])
        from_itself = self.config.training.reconstruct_from == "itself"
        shown = batch.original[:, None] if from_itself else batch.siblings
        look, codes = self._looks(shown, batch.content_classes)
        return self.generator.draw(content_map, look), codes

    def _looks(self, examples: Tensor, classes: Tensor) -> tuple[Look, Codes]:
        """The looks of sets of examples, and the class code and the class of each image."""
        # (B, K, 3, H, W), (B,) -> B looks, (B * K, S), (B * K,)
        singles = self.generator.encode_examples(examples.flatten(0, 1))
        num_examples = examples.shape[1]
        codes = self.generator.class_code(singles), classes.repeat_interleave(num_examples)
        return singles.merged_evenly(num_examples), codes

    def _code_terms(self, codes: Sequence[Codes]) -> Terms:
        """What the class codes are taught, if it is asked for."""
        if self.code_losses is None:
            return {}
        together, classes = (torch.cat(parts) for parts in zip(*codes, strict=True))
        return self.code_losses.terms(together, classes)

    def _trials(self) -> list[Tensor]:
        """Passes of the generator as in training, with few examples and with many."""
        training, size = self.config.training, self.config.model.image_size
        count, (low, high) = training.batch_size, training.shots_range
        results = []
        for num_shots in sorted({low, min(low + 1, high), high}):
            # the channels last in memory, as a Dataset has them
            content = torch.zeros(count, size, size, 3, device=self.device).movedim(-1, -3)
            examples = torch.zeros(count, num_shots, size, size, 3, device=self.device)
            examples = examples.movedim(-1, -3)
            classes = torch.zeros(count, dtype=torch.int64, device=self.device)
            batch = Batch(content, content, classes, examples, classes, examples)
            with self._autocast():
                drawn = self.draw(batch)
            results.append(drawn.translated.sum() + drawn.reconstruction.images.sum())
        return results

    def _num_back(self, batch: Batch) -> int:
        return round(self.config.training.back_translation * len(batch))

    def _num_twins(self, batch: Batch) -> int:
        return 0 if self.twins is None else round(self.config.training.twins * len(batch))

    def are_twins_due(self) -> bool:
        """Whether it is time to find twins, for the first time or anew."""
        training = self.config.training
        if not training.twins or self.images < training.twins_from_images:
            return False
        passed = self.images - self.twins_found_at
        return self.twins is None or passed >= training.twins_every_images

    def find_twins(self, dataset: Dataset, is_ended: Callable[[], object] = bool) -> None:
        """Finds the twins of a pass, as the average generator sees poses; it may take minutes."""
        with self._autocast():
            found = find_twins(self.average, dataset, self.images, is_ended)
        if found is not None:
            self.twins, self.twins_found_at = found, self.images

    def tensors(self) -> dict[str, Tensors]:
        """All that a checkpoint keeps, by file."""
        files = {
            "generator": self.generator.state_dict(),
            "average": self.average.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimizers": optimizer_tensors("g", self.g_optimizer)
            | optimizer_tensors("d", self.d_optimizer),
        }
        if self.second is not None:
            files["second_discriminator"] = self.second.state_dict()
        if self.code_losses is not None:
            files["code_losses"] = self.code_losses.state_dict()
        if self.augmentation is not None:
            files["augmentation"] = self.augmentation.tensors()
        if self.twins is not None:
            found = {name: torch.from_numpy(part) for name, part in self.twins._asdict().items()}
            files["twins"] = found | {"found_at": torch.tensor(self.twins_found_at)}
        return files

    def start_from(self, parent: Parent) -> None:
        """Begins with the weights of a trained model instead of drawn ones."""
        seed = self.config.training.seed
        load_parent(parent, self.config.model, self.generator, self.discriminator, seed)
        self.average.load_state_dict(self.generator.state_dict())

    def restore(self, checkpoint: Checkpoint) -> None:
        """Goes on from a checkpoint as if nothing had happened, to the bit."""
        self.generator.load_state_dict(checkpoint.tensors("generator"))
        self.average.load_state_dict(checkpoint.tensors("average"))
        self.discriminator.load_state_dict(checkpoint.tensors("discriminator"))
        optimizers = checkpoint.tensors("optimizers")
        restore_optimizer("g", self.g_optimizer, optimizers)
        restore_optimizer("d", self.d_optimizer, optimizers)
        if self.second is not None:
            self.second.load_state_dict(checkpoint.tensors("second_discriminator"))
        if self.code_losses is not None:
            self.code_losses.load_state_dict(checkpoint.tensors("code_losses"))
        if self.augmentation is not None:
            self.augmentation.restore(checkpoint.tensors("augmentation"))
        if checkpoint.has("twins"):
            found = checkpoint.tensors("twins")
            self.twins_found_at = int(found.pop("found_at"))
            self.twins = Twins(**{name: part.numpy() for name, part in found.items()})
        self.steps = checkpoint.state()["steps"]
        self.images = checkpoint.images

    def _autocast(self) -> torch.autocast:
        """A context in which the networks compute in `training.precision`."""
        is_bf16 = self.config.training.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=is_bf16)

    def _penalty_factor(self) -> int:
        """How many steps' penalty this step stands for; 0 where it is left out."""
        if self.config.model.discriminator_features == "frozen":
            return 0
        every = self.config.training.penalty_every
        return every if self.steps % every == 0 else 0

    @torch.no_grad()
    def _update_average(self, num_images: int) -> None:
        training = self.config.training
        # the ramp-up is that of Karras et al. (2022): early weights are soon forgotten
        half_life = min(training.average_half_life, training.average_ramp_up * self.images)
        keep = 0.5 ** (num_images / half_life)
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.generator.parameters()), 1 - keep
        )


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
    `parent` starts from its weights and settings. Whatever ends the call, a signal too, a
    checkpoint is written first; it is returned. `command` is kept in run.json as how the run was
    started. `on_snapshot` gets the average generator whenever samples are drawn, and what it
    measures is logged. Raises UserError for bad data or settings, diverged losses, or a full disk.
    """
    out, settings = Path(out), settings or {}
    with locked(out):
        wanted = requested_settings(out, settings, preset, parent)
        packed = _packed(Path(data), wanted)
        run = open_run(out, wanted, preset, packed, command, parent)
        with prepared_process(run.config.training):
            loop = _Loop(run, packed, on_snapshot, parent)  # refuses what cannot be trained
            run.save()
            return loop.run_to_end()


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
        if is_wanted and self.parent.discriminator_path is None:
            self.say(f"`{self.parent.given}` has no discriminator: a new one is learned")
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
        if self._will_be_weighed_anew():
            self.lowest_at = images
        elif means["g/reconstruction"] < self.lowest:
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
        prune_checkpoints(folder, self.training.keep_checkpoints)
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

    def _will_be_weighed_anew(self) -> bool:
        """Whether the reconstruction, when last logged, had not the weight that it ends with."""
        late = self.run.config.weights.reconstruction_late
        start = self.training.adversarial_from_images
        return late is not None and start is not None and self.logged_at < start

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


# -------------------------------------------------------------------- pieces


def named(prefix: str, terms: Terms) -> Terms:
    """The terms without their graphs, their names with a prefix."""
    return {prefix + name: value.detach() for name, value in terms.items()}


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Computes no gradients for the network's own weights; gradients still pass through it."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def _update(optimizer: Optimizer, terms: Terms) -> None:
    optimizer.zero_grad(set_to_none=True)
    _backward(terms)
    optimizer.step()


def _backward(terms: Terms) -> Terms:
    """Adds the gradients of the terms to those that there are; the terms without their graphs."""
    torch.stack(list(terms.values())).sum().backward()
    return named("", terms)


def _discriminators(
    config: Config, device: torch.device
) -> list[Discriminator | FrozenDiscriminator]:
    """The one or two that the settings ask for; the one of pixels first."""
    made: list[Discriminator | FrozenDiscriminator] = []
    if config.model.discriminator_features != "frozen":
        made.append(Discriminator(config.model))
    if config.model.discriminator_features != "pixels":
        made.append(FrozenDiscriminator(config.model, device))
    return made


def _placed(network: Network, device: torch.device) -> Network:
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _packed(data: Path, settings: Settings) -> Packed:
    # the number of classes is not known yet; everything else is checked before hours of packing
    checked = build_config({**settings, "model": {"num_classes": 2, **settings.get("model", {})}})
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
