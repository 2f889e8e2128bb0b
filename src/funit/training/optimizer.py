"""The optimisers of both networks, and their state as tensors for a checkpoint."""

import math

import torch
from torch import nn
from torch.optim import Optimizer

from funit.config import TrainingConfig
from funit.training.checkpoint import Tensors

LAST_SHARE = 0.1  # of a learning rate when it has fallen


def make_optimizer(network: nn.Module, training: TrainingConfig, lr: float) -> Optimizer:
    """RMSProp as in the paper, or Adam, for all weights of a network."""
    parameters, decay = list(network.parameters()), training.weight_decay
    if training.optimizer == "adam":
        # one kernel for all weights; RMSProp, which has no such kernel, takes a few (`foreach`)
        fused = True if all(p.device.type == "cuda" for p in parameters) else None
        return torch.optim.Adam(parameters, lr, betas=(0.0, 0.99), weight_decay=decay, fused=fused)
    return torch.optim.RMSprop(parameters, lr, weight_decay=decay)


def set_learning_rate(optimizer: Optimizer, training: TrainingConfig, images: int) -> None:
    """Where the optimiser's learning rate has fallen to, after so many images."""
    if training.learning_rate_decay_images is None:
        return
    passed = min(images / training.learning_rate_decay_images, 1)
    share = LAST_SHARE + (1 - LAST_SHARE) * (1 + math.cos(math.pi * passed)) / 2
    for group in optimizer.param_groups:
        group["lr"] = share * optimizer.defaults["lr"]


def optimizer_tensors(prefix: str, optimizer: Optimizer) -> Tensors:
    """What the optimiser remembers, as `prefix.number of the weight.name`."""
    return {
        f"{prefix}.{index}.{name}": value
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimizer(prefix: str, optimizer: Optimizer, tensors: Tensors) -> None:
    """Gives the optimiser back what it remembered."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for full_name, value in tensors.items():
        network, index, name = full_name.split(".")
        if network == prefix:
            parameter = parameters[int(index)]
            if name == "step":
                # the step counter stays on the CPU, unless one kernel does all
                is_fused = optimizer.defaults.get("fused")
                kept = value.to(parameter.device if is_fused else "cpu", copy=True)
            else:  # the layout of the weights, or the update would differ in its last bit
                kept = torch.empty_like(parameter).copy_(value)
            optimizer.state[parameter][name] = kept.detach()
