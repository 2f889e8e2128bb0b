"""Weights in a file -> the generator that they belong to, ready to translate."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from funit.config import ModelConfig
from funit.errors import UserError
from funit.model.generator import Generator

_HINT = "publish or download it again"


def restored_generator(weights: Path, config: ModelConfig) -> Generator:
    """The generator in 32 bits; raises UserError where the weights are not of such a one."""
    with torch.device("meta"):  # nothing is drawn by chance only to be replaced
        generator = Generator(config)
    try:
        stored = {name: tensor.float() for name, tensor in load_file(weights).items()}
        generator.load_state_dict(stored, assign=True)
    except (SafetensorError, OSError) as error:
        raise UserError(f"`{weights}` cannot be read: {error}", hint=_HINT) from None
    except RuntimeError:  # names or shapes differ
        raise UserError(
            f"the weights `{weights}` do not fit the settings of the model", hint=_HINT
        ) from None
    return generator.requires_grad_(False).eval()
