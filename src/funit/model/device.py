"""Where networks run: a device by its name, and the memory of the process."""

import ctypes

import torch

from funit.errors import UserError


def find_device(name: str = "auto") -> torch.device:
    """The device of that name, once it works; `auto` is a GPU if there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"device `{name}` cannot be used: {str(error).splitlines()[0]}",
            hint="`cpu` always works",
        ) from None
    return device


def keep_freed_memory() -> None:
    """Tells glibc to neither map nor return large blocks: small networks gain a lot by it."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another libc
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # names of malloc.h
    for option in (trim_threshold, top_pad, mmap_threshold):
        mallopt(option, 2**29)
