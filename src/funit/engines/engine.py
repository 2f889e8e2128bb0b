"""What every engine answers, whichever library computes: arrays in, arrays out.

Shapes: B images of H x W pixels, K examples of each look; S class-code size, P example positions, A
key and V value channels (0 without attention). All float32, images in [-1, 1].
"""

import os
from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Look(NamedTuple):
    """What a class looks like, to be kept and used again: the parts that a model decodes from."""

    class_code: Floats  # (B, S), or (B, S + 1) of examples that have learned weights
    keys: Floats  # (B, A, P): what is at each position of the examples
    values: Floats  # (B, V, P): what it looks like
    log_shares: Floats  # (B, P): the logarithm of what each position's example counts

    @classmethod
    def cat(cls, looks: Sequence[Self]) -> Self:
        """The looks as one batch; each must have as many positions."""
        return cls(*(np.concatenate(parts) for parts in zip(*looks, strict=True)))

    def merged(self, shares: Floats) -> Self:
        """One look out of those of K single examples; `shares` (K,) says what each counts."""
        # (K, S), (K, A, P), (K, V, P), (K, P) -> (1, S), (1, A, K * P), (1, V, K * P), (1, K * P)
        return type(self)(
            shares[None] @ self.class_code,
            np.concatenate(self.keys, axis=1)[None],
            np.concatenate(self.values, axis=1)[None],
            (self.log_shares + np.log(shares)[:, None]).reshape(1, -1),
        )

    @classmethod
    def of(cls, parts: Sequence[Floats]) -> Self:
        """A look of all four parts, or of the class code alone."""
        if len(parts) > 1:
            return cls(*parts)
        count = len(parts[0])
        nothing = np.empty((count, 0, 0), np.float32)
        return cls(parts[0], nothing, nothing, np.empty((count, 0), np.float32))


class Drawn(NamedTuple):
    """Images, and the content maps that they were drawn from."""

    images: Floats  # (B, 3, H, W)
    content_maps: Floats  # (B, C, h, w)


class Engine(Protocol):
    """A model that is ready to translate."""

    name: str
    precision: str

    def encode_class(self, examples: Floats, shares: Floats) -> Look:
        """The looks that sets of examples show: (B, K, 3, H, W), (B, K) -> B looks.

        `shares` says what each example counts: positive, in all 1 for a look.
        """

    def encode_content(self, images: Floats) -> Floats:
        """What `decode` needs of images, to be kept and used again: (B, 3, H, W) -> (B, ...)."""

    def decode(self, contents: Floats, look: Look) -> Drawn:
        """Images from contents and looks, one for each: (B, ...) -> (B, 3, H, W), (B, C, h, w)."""

    def draw(self, content_maps: Floats, look: Look) -> Floats:
        """Images from content maps, which any engine takes: (B, C, h, w) -> (B, 3, H, W)."""


def asked_threads() -> int | None:
    """The threads that `OMP_NUM_THREADS` allows, or the processors that the process is held to.

    None leaves it to the library. ONNX Runtime has a thread for each processor of the machine, and
    they wait for each other by spinning: on fewer processors than threads that doubles the time.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    if not hasattr(os, "sched_getaffinity"):  # Linux alone has it
        return None
    held_to = len(os.sched_getaffinity(0))
    return held_to if held_to < (os.cpu_count() or 1) else None
