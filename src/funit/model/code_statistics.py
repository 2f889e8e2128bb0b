"""What is usual of a model's codes, as model.json keeps it, for `funit.model.strangeness`.

This module imports no numpy: a list of models needs none.
"""

from pydantic import BaseModel


class Moments(BaseModel, frozen=True):
    """Mean and deviation of each number of a code, over training data."""

    mean: list[float]
    deviation: list[float]


class CodeStatistics(BaseModel, frozen=True):
    """Of the codes of training data."""

    num_images: int
    content: Moments
    """Of content maps, without the background's colour."""
    look: Moments
    """Of the looks of single images: class codes, and the keys of positions."""
