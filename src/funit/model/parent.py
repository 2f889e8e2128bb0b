"""A trained model that another training starts from: where its weights are, and what it is.

Here and not in the repository, which finds it, nor in the training, which starts from it: these two
do not know each other.
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from funit.config import Config


class ParentRecord(BaseModel, frozen=True):
    """Which model it was, as run.json and model.json keep it."""

    name: str
    version: int
    """0: it was a run, not a published model."""
    weights_sha256: str
    licence: str = ""
    """Empty where none was stated."""
    feature_networks: tuple[str, ...] = ()
    """The frozen networks that it was taught by: they must not judge what comes of it either."""


@dataclass(frozen=True)
class Parent:
    """A model on disk whose files were found whole."""

    given: str
    """As the user called it."""
    record: ParentRecord
    config: Config
    images: int
    """Content images that it saw."""
    generator_path: Path
    discriminator_path: Path | None
    """None where it was not published: then another one has to be learned."""
