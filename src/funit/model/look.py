"""A look: what a class looks like, from some examples of it.

Shapes: B looks, K examples of each, S class-code size, P example positions, A key and V value
channels. Without attention, A, V and P are 0.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor


class Look(NamedTuple):
    """The class code, and what is where in the examples, for the attention."""

    class_code: Tensor  # (B, S)
    keys: Tensor  # (B, A, P): what is at each position of the examples
    values: Tensor  # (B, V, P): what it looks like
    log_shares: Tensor  # (B, P): the logarithm of what each position's example counts

    @classmethod
    def cat(cls, looks: Sequence[Self]) -> Self:
        """The looks as one batch; each must have as many positions."""
        return cls(*(torch.cat(parts) for parts in zip(*looks, strict=True)))

    def merged(self, shares: Tensor) -> "Look":
        """B looks of K examples each out of the looks of B * K single examples.

        `shares` (B, K) says what each example counts: positive, in all 1 for a look. The class
        code is the mean (paper, section 3.1); the attention finds the positions of all examples.
        """
        num_looks, num_examples = shares.shape

        def side_by_side(parts: Tensor) -> Tensor:
            grouped = parts.unflatten(0, (num_looks, num_examples))  # (B, K, C, P)
            return grouped.transpose(1, 2).flatten(2)

        codes = self.class_code.unflatten(0, (num_looks, num_examples))
        log_shares = self.log_shares.unflatten(0, (num_looks, num_examples))
        return Look(
            (codes * shares[:, :, None]).sum(dim=1),
            side_by_side(self.keys),
            side_by_side(self.values),
            (log_shares + shares.log()[:, :, None]).flatten(1),
        )

    def merged_evenly(self, num_examples: int) -> "Look":
        """B looks out of the looks of B * K single examples that all count the same."""
        num_looks = len(self.class_code) // num_examples
        return self.merged(self.class_code.new_full((num_looks, num_examples), 1 / num_examples))

    def __getitem__(self, index: slice) -> "Look":  # type: ignore[override]
        """Some of the looks."""
        return Look(*(part[index] for part in tuple(self)))
