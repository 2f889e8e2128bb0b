"""Weights in a file -> the generator that they belong to, ready to translate."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from funit.config import ModelConfig
from funit.errors import UserError
from funit.model.generator import Generator

_HINT = "publish or download it again"


def restored_generator(weights: Path, config: ModelConfig) -> Generator:
    """The generator in 32 bits; raises UserError where the weights are not of such a one."""
    generator = Generator(config)
    try:
        generator.load_state_dict(load_file(weights))  # 16 bits become 32
    except (SafetensorError, OSError) as error:
        raise UserError(f"`{weights}` cannot be read: {error}", hint=_HINT) from None
    except RuntimeError:  # names or shapes differ
        raise UserError(
            f"the weights `{weights}` do not fit the settings of the model", hint=_HINT
        ) from None
    return generator.requires_grad_(False).eval()
