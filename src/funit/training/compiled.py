"""The generator compiled for a GPU, where that works.

The discriminator stays as it is: PyTorch's compiler cannot differentiate twice, as the gradient
penalty does. Names of weights do not change.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from funit.config import TrainingConfig
from funit.model.generator import Generator

PASSES = ("encode_content", "encode_examples", "draw")


def is_compiled(training: TrainingConfig, device: torch.device) -> bool:
    """Whether the generator is to be compiled on this device."""
    return training.compile == "always" or (training.compile == "auto" and device.type == "cuda")


def compile_generator(
    generator: Generator, trials: Callable[[], list[Tensor]], backend: str = "inductor"
) -> str | None:
    """Compiles the generator's passes, or leaves them as they are and says why.

    `trials` makes passes as in training. Compiling happens in them and in their gradients, so that
    what cannot be compiled shows here and not hours later.
    """
    trials()  # what is copied to the device once must be there: a copy would be compiled as well
    torch.compiler.reset()  # what earlier trainings compiled counts towards a limit
    for name in PASSES:
        setattr(generator, name, torch.compile(getattr(generator, name), backend=backend))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the compiler, about its own doings
            for result in trials():
                result.backward()
    except Exception as error:  # of the compiler, of its backend, of a C compiler that is missing
        for name in PASSES:
            delattr(generator, name)
        lines = [line for line in str(error).splitlines() if line.strip()]
        return " ".join([f"{type(error).__name__}:", *lines[:2]])
    finally:
        generator.zero_grad(set_to_none=True)
    return None
