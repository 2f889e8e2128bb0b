"""Where networks run: a name in, a torch device out."""

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
