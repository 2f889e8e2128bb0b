"""One step of the paper's algorithm: both networks, their optimisers and the moving average."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from funit.config import Config
from funit.data.dataset import Batch, Dataset, Twins, num_of_share
from funit.model.discriminator import Discriminator
from funit.model.generator import Drawing, Generator
from funit.model.parent import Parent
from funit.training.checkpoint import Checkpoint, Tensors
from funit.training.compiled import compile_generator, is_compiled
from funit.training.frozen_discriminator import (
    FrozenDiscriminator,
    fooling_second_terms,
    second_terms,
)
from funit.training.losses import (
    Drawn,
    Terms,
    added,
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
from funit.training.start import load_parent
from funit.training.twins import find_twins

Network = TypeVar("Network", bound=nn.Module)


class Trainer:
    """Both networks, the moving average of the generator, and one step of their training."""

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config = config
        self.device = device
        with torch.random.fork_rng():
            torch.manual_seed(config.training.seed)
            generator, discriminators = Generator(config.model), _discriminators(config, device)
        self.generator = _placed(generator, device)
        self.discriminators = nn.ModuleList(_placed(each, device) for each in discriminators)
        self.discriminator, self.second = discriminators[0], (*discriminators, None)[1]
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.perceptual = PerceptualLoss(device) if config.weights.perceptual else None
        training = config.training
        lr, d_lr = training.learning_rate, training.discriminator_learning_rate
        self.g_optimizer = make_optimizer(self.generator, training, lr)
        self.d_optimizer = make_optimizer(self.discriminators, training, d_lr or lr)
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
        weights, discriminator, second = self.config.weights, self.discriminator, self.second
        self.d_optimizer.zero_grad(set_to_none=True)
        with self._autocast():  # needs no translation: its graphs are gone before others come
            of_real = real_terms(discriminator, batch, weights, self._penalty_factor())
        of_real = _backward(of_real)

        with self._autocast():
            drawn = self.draw(batch)  # one pass of the generator serves both updates
            of_fake = fake_terms(discriminator, batch, drawn.translated, weights)
            of_fake |= second_terms(second, batch, drawn.translated, weights)
        d_terms = added(of_real, _backward(of_fake))
        self.d_optimizer.step()

        with frozen(self.discriminators), self._autocast():
            g_terms = generator_terms(discriminator, batch, drawn, weights, self.perceptual)
            g_terms |= fooling_second_terms(second, batch, drawn.translated, weights)
        _update(self.g_optimizer, g_terms)
        return named("d/", d_terms) | named("g/", g_terms)  # tensors: only the log reads numbers

    def _warm_up(self, batch: Batch) -> Terms:
        """An update of the generator by the reconstruction alone."""
        content = batch.content
        if num_back := self._num_back(batch):
            with torch.no_grad(), self._autocast():
                translated = self.generator(content[:num_back], batch.examples[:num_back])
            content = torch.cat([translated, content[num_back:]])
        with self._autocast():  # another: one keeps the weights in 16 bits, without a graph above
            content_map = self.generator.encode_content(content)
            drawn = self._reconstruct(batch, content_map)
        original = self.generator.perfect(batch.original)
        terms = reconstruction_terms(drawn, original, self.config.weights, self.perceptual)
        _update(self.g_optimizer, terms)
        return named("g/", terms)

    def draw(self, batch: Batch) -> Drawn:
        """Translates and reconstructs the content images of a batch."""
        content_map = self.generator.encode_content(batch.content)
        translated = self.generator.decode(content_map, self.generator.encode_class(batch.examples))
        if num_back := self._num_back(batch):
            # Back-translation: the pose is read from the translation, where the own look is gone,
            # so that the look has to come from the examples. Detached: nothing can hide in it.
            back_map = self.generator.encode_content(translated[:num_back].detach())
            content_map = torch.cat([back_map, content_map[num_back:]])
        reconstruction = self._reconstruct(batch, content_map)
        original = self.generator.perfect(batch.original)
        return Drawn(translated, reconstruction, original)

    def _reconstruct(self, batch: Batch, content_map: Tensor) -> Drawing:
        """Draws the content images in the look of themselves, or of others of their classes."""
        if num_twins := self._num_twins(batch):
            own = self.generator.on_background_of(
                batch.original[-num_twins:], content_map[-num_twins:]
            )
            content_map = torch.cat([content_map[:-num_twins], own])
        from_itself = self.config.training.reconstruct_from == "itself"
        shown = batch.original[:, None] if from_itself else batch.siblings
        return self.generator.draw(content_map, self.generator.encode_class(shown))

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
            num_back = 0 if training.is_adversarial(0) else self._num_back(batch)
            if num_back:  # as the warm-up translates
                with torch.no_grad(), self._autocast():
                    self.generator(content[:num_back], examples[:num_back])
            with self._autocast():
                drawn = self.draw(batch)
            results.append(drawn.translated.sum() + drawn.reconstruction.images.sum())
        return results

    def _num_back(self, batch: Batch) -> int:
        return num_of_share(self.config.training.back_translation, len(batch))

    def _num_twins(self, batch: Batch) -> int:
        return 0 if self.twins is None else num_of_share(self.config.training.twins, len(batch))

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
        found = checkpoint.tensors("twins") if checkpoint.has("twins") else {}
        if "mates" in found:  # those of an older version have none, and are found anew
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
