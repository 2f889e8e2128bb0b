"""A gallery: poses and looks of a model, kept as codes without any picture, ready to be drawn.

One safetensors file: `poses` (N, C, h, w) are content maps, on a plain background with the three
channels of its colour; `class_code` (M, S), `keys`, `values` and `log_shares` are the parts of M
looks. All are in 16 bits but `values`, which have 8: what a channel's are multiplied by is in
`value_scale` (V,), in 32 bits. `gallery` in the metadata holds the names as JSON, and the data they
are of. Galleries of earlier versions have `values` in 16 bits and no scale.

Shapes: N poses, M looks, V value channels, P positions of a look.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from funit.engines.engine import Floats, Look
from funit.errors import UserError

_HINT = "publish or download the model again"


@dataclass(frozen=True, eq=False)
class Gallery:
    """Poses and looks with their names, in 32 bits."""

    data: str
    """What they are of: `menagerie`, or the name of a data set."""
    pose_names: Sequence[str]
    """As files are named: `walk_s_03`. Those that differ in the number after a name are a row."""
    poses: Floats
    look_names: Sequence[str]
    looks: Look

    @property
    def rows(self) -> dict[str, list[int]]:
        """The numbers of the poses by the name that those of a row share, in order."""
        found: dict[str, list[int]] = {}
        for index, name in enumerate(self.pose_names):
            found.setdefault(_split(name)[0], []).append(index)
        return found

    def is_animation(self, row: str) -> bool:
        """Whether the poses of a row are numbered one after the other."""
        numbers = [_split(self.pose_names[index])[1] for index in self.rows[row]]
        return len(numbers) > 1 and all(b == a + 1 for a, b in pairwise(numbers))

    def look(self, wanted: str) -> int:
        """The index of a look by its number, which counts from 1, or its name; or UserError."""
        if wanted in self.look_names:
            return list(self.look_names).index(wanted)
        if wanted.isdecimal() and 1 <= int(wanted) <= len(self.look_names):
            return int(wanted) - 1
        raise UserError(
            f"there is no look `{wanted}` in the gallery",
            hint=f"it has {len(self.look_names)}: give a number from 1 to {len(self.look_names)}, "
            f"or a name, e.g. `{self.look_names[0]}`",
        )

    def one_look(self, index: int) -> Look:
        """One of the looks, as a batch of one."""
        return Look(*(part[index : index + 1] for part in self.looks))

    def to_bytes(self) -> bytes:
        """The file."""
        parts = {"poses": self.poses, **self.looks._asdict()}
        about = {
            "data": self.data,
            "pose_names": list(self.pose_names),
            "look_names": list(self.look_names),
        }
        stored: dict[str, NDArray[Any]] = {
            name: np.asarray(part, np.float16, order="C") for name, part in parts.items()
        }
        stored["values"], stored["value_scale"] = in_8_bits(self.looks.values)
        return save(stored, metadata={"gallery": json.dumps(about)})

    @classmethod
    def read(cls, path: Path) -> "Gallery":
        """The gallery in a file; raises UserError where it cannot be understood."""
        try:
            with safe_open(path, framework="np") as file:
                about = json.loads(file.metadata()["gallery"])
                looks = Look(*(file.get_tensor(part).astype(np.float32) for part in Look._fields))
                if "value_scale" in file.keys():  # noqa: SIM118
                    values = from_8_bits(looks.values, file.get_tensor("value_scale"))
                    looks = looks._replace(values=values)
                poses = file.get_tensor("poses").astype(np.float32)
            return cls(about["data"], about["pose_names"], poses, about["look_names"], looks)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"`{path}` cannot be read: {error}", hint=_HINT) from None


def in_8_bits(values: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Values as whole numbers in -127..127, and what each channel's are multiplied by."""
    # (M, V, P) -> (M, V, P), (V,)
    largest = np.abs(values).max(axis=(0, 2), initial=0)
    scale = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
    return np.ascontiguousarray(np.rint(values / scale[:, None]).astype(np.int8)), scale


def from_8_bits(values: NDArray[Any], scale: Floats) -> Floats:
    """The values again, but for rounding."""
    found: Floats = values * scale[:, None]
    return found


def _split(name: str) -> tuple[str, int]:
    """`walk_s_03` -> `walk_s`, 3; without a number, or of one alone, it is a row of its own."""
    found = re.fullmatch(r"(.*?)[ ._-]?([0-9]+)", name)
    return (found[1] or name, int(found[2])) if found else (name, 0)
