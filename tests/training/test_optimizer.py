"""Learning rates follow the images seen, and each network has its own."""

from typing import Any

import pytest
import torch
from torch import nn

from funit.config import Config, Settings, build_config, merged
from funit.training.optimizer import (
    make_optimizer,
    optimizer_tensors,
    restore_optimizer,
    set_learning_rate,
)
from funit.training.trainer import Trainer


def config_with(settings: Settings, **training: Any) -> Config:
    return build_config(merged({"model": {"num_classes": 4}}, settings, {"training": training}))


def test_a_learning_rate_falls_to_a_tenth_and_stays_there(settings: Settings) -> None:
    training = config_with(settings, learning_rate_decay_images=100).training
    optimizer = make_optimizer(nn.Linear(1, 1), training, lr=0.5)

    found = []
    for images in (0, 25, 50, 75, 100, 1000):
        set_learning_rate(optimizer, training, images)
        found.append(optimizer.param_groups[0]["lr"])

    assert found[0] == pytest.approx(0.5)
    assert found[2] == pytest.approx(0.5 * 0.55)  # half way between 1 and a tenth
    assert found[4] == found[5] == pytest.approx(0.05)
    assert found == sorted(found, reverse=True)


def test_without_a_decay_nothing_falls(settings: Settings) -> None:
    training = config_with(settings).training
    optimizer = make_optimizer(nn.Linear(1, 1), training, lr=0.5)

    set_learning_rate(optimizer, training, 10**9)

    assert optimizer.param_groups[0]["lr"] == 0.5


def test_each_network_has_its_own_learning_rate(settings: Settings) -> None:
    config = config_with(
        settings,
        optimizer="adam",
        learning_rate=1e-3,
        discriminator_learning_rate=2e-3,
    )

    trainer = Trainer(config, torch.device("cpu"))

    (of_generator,) = trainer.g_optimizer.param_groups
    (of_discriminator,) = trainer.d_optimizer.param_groups
    assert (of_generator["lr"], of_generator["betas"]) == (1e-3, (0.0, 0.99))
    assert (of_discriminator["lr"], of_discriminator["betas"]) == (2e-3, (0.0, 0.99))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_what_adam_remembers_goes_on_on_a_gpu_and_back(settings: Settings, device: str) -> None:
    training = config_with(settings, optimizer="adam").training
    torch.manual_seed(0)
    network, other = nn.Linear(3, 2), nn.Linear(3, 2).to(device)
    other.load_state_dict(network.state_dict())
    optimizer, restored = (make_optimizer(each, training, lr=0.5) for each in (network, other))
    _step(network, optimizer)

    other.load_state_dict(network.state_dict())
    restore_optimizer("g", restored, optimizer_tensors("g", optimizer))
    _step(network, optimizer)
    _step(other, restored)

    for one, moved in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, moved.cpu())
    fused = restored.defaults["fused"]
    assert bool(fused) == (device == "cuda")
    assert restored.state[other.weight]["step"].device.type == device


def _step(network: nn.Linear, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    network(torch.ones(1, 3).to(network.weight.device)).square().sum().backward()
    optimizer.step()
