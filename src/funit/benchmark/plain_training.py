"""The plain loop, the yardstick of a training's speed: the paper's algorithm, nothing spared.

One update of the discriminator, one of the generator. As in the released code, the translation is
drawn once for each, and the generator's update computes the discriminator's gradients too, which
are thrown away. The mathematics are those of `funit.training` with the settings of the preset
`paper`: what the released code adds to its formulas is not here.

Shapes: B images, K examples, C feature channels.
"""

import copy
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from funit.benchmark.plain import Discriminator, Generator
from funit.config import Config
from funit.data.dataset import Batch

Terms = dict[str, Tensor]


class Trainer:
    """Both networks, the moving average of the generator, and one step of their training."""

    def __init__(self, config: Config, device: torch.device) -> None:
        training = config.training
        assert training.reconstruct_from == "itself", "the paper's form alone"
        assert training.optimizer == "rmsprop", "the paper's form alone"
        assert training.penalty_every == 1, "the paper's form alone"
        assert not training.back_translation, "the paper's form alone"
        assert training.is_adversarial(0), "the paper's form alone"
        assert not config.weights.perceptual, "the paper's form alone"
        self.config = config
        self.generator = Generator(config.model).to(device)
        self.discriminator = Discriminator(config.model).to(device)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.g_optimizer = self._optimizer(self.generator.parameters())
        self.d_optimizer = self._optimizer(self.discriminator.parameters())
        self.images = 0

    def step(self, batch: Batch) -> Terms:
        """One update of the discriminator, then one of the generator (the paper's algorithm)."""
        d_terms = self.discriminator_terms(batch)
        _update(self.d_optimizer, d_terms)

        g_terms = self.generator_terms(batch)
        _update(self.g_optimizer, g_terms)

        self.images += len(batch)
        self._update_average(len(batch))
        terms = {f"d/{name}": term for name, term in d_terms.items()}
        terms |= {f"g/{name}": term for name, term in g_terms.items()}
        return {name: term.detach() for name, term in terms.items()}

    def discriminator_terms(self, batch: Batch) -> Terms:
        """The hinge loss on real images and translations, and the penalty on each real one."""
        weights = self.config.weights
        with torch.no_grad():
            translated = self.generator(batch.content, batch.examples)
        real = batch.examples[:, 0].detach().requires_grad_()
        real_scores, _ = self.discriminator(real, batch.classes)
        fake_scores, _ = self.discriminator(translated, batch.classes)
        hinge = F.relu(1 - real_scores).mean() + F.relu(1 + fake_scores).mean()
        per_image = real_scores.flatten(1).mean(dim=1)
        (gradient,) = torch.autograd.grad(per_image.sum(), real, create_graph=True)
        penalty = gradient.square().sum(dim=(1, 2, 3)).mean()
        return {
            "adversarial": weights.adversarial * hinge,
            "gradient_penalty": weights.gradient_penalty * penalty,
        }

    def generator_terms(self, batch: Batch) -> Terms:
        """The other side of the hinge loss, feature matching, and reconstruction."""
        weights = self.config.weights
        content_map = self.generator.encode_content(batch.content)
        look = self.generator.encode_class(batch.examples)
        own_look = self.generator.encode_class(batch.original[:, None])
        translated = self.generator.decode(batch.content, content_map, look)
        reconstructed = self.generator.decode(batch.content, content_map, own_look)

        num_shots = batch.examples.shape[1]
        scores, features = self.discriminator(translated, batch.classes)
        _, real = self.discriminator(
            batch.examples.flatten(0, 1), batch.classes.repeat_interleave(num_shots)
        )
        real = real.mean(dim=(2, 3)).unflatten(0, (-1, num_shots)).mean(dim=1)
        distance = F.l1_loss(features.mean(dim=(2, 3)), real)
        return {
            "adversarial": weights.adversarial * -scores.mean(),
            "feature_matching": weights.feature_matching * distance,
            "reconstruction": weights.reconstruction * F.l1_loss(reconstructed, batch.original),
        }

    def _optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        training = self.config.training
        return torch.optim.RMSprop(
            parameters, training.learning_rate, weight_decay=training.weight_decay
        )

    @torch.no_grad()
    def _update_average(self, num_images: int) -> None:
        training = self.config.training
        half_life = min(training.average_half_life, training.average_ramp_up * self.images)
        keep = 0.5 ** (num_images / half_life)
        pairs = zip(self.average.parameters(), self.generator.parameters(), strict=True)
        for average, weight in pairs:
            average.lerp_(weight, 1 - keep)


def _update(optimizer: torch.optim.Optimizer, terms: Terms) -> None:
    optimizer.zero_grad()
    torch.stack(list(terms.values())).sum().backward()
    optimizer.step()
