"""Chooses what a model's gallery shows: poses of classes it has seen, looks of unseen ones.

Rows of poses that are asked for, by patterns such as `walk_s_*`, are taken whole, from the class
whose content maps are nearest to what all classes have in common there. Of all other poses, and of
the images of a class, those nearest to the centres of k-means are taken: few that differ.

Shapes: N things of D numbers, P positions of a look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from funit.data.catalog import UNSEEN, Catalog, Classes, read_catalog
from funit.engines.choice import TORCH
from funit.engines.engine import Floats, Look
from funit.errors import UserError
from funit.gallery import Gallery
from funit.translator import Translator

T = TypeVar("T")
Indices = NDArray[np.intp]

NUM_POSES, NUM_LOOKS, NUM_EXAMPLES = 32, 16, 5
NUM_POSITIONS = 256  # of a look: a fifth of those of 5 examples, at half of one of 255 levels

# What is looked at, evenly spaced: more would only take longer.
_MAX_CLASSES, _MAX_IMAGES, _MAX_OF_CLASS = 40, 1200, 40
_ROUNDS = 15  # of k-means
_KEY_WEIGHT = 10.0  # of keys beside values: by so much the attention sharpens them


@dataclass(frozen=True)
class Choice:
    """What a gallery shall show."""

    rows: Sequence[str] = ()
    """Patterns of pose names, e.g. `walk_s_*`: each is a row."""
    num_poses: int = NUM_POSES
    """In all, the rows' included."""
    num_looks: int = NUM_LOOKS


def choose_gallery(
    model: str | Path, data: Path, choice: Choice | None = None, name: str = ""
) -> Gallery:
    """A gallery of a model from the seen and the unseen classes of DATA; raises UserError.

    DATA without unseen classes gives looks of seen ones. `name` is what the gallery says it is of.
    """
    choice = choice or Choice()
    translator = Translator.load(model, "cpu", TORCH)  # its contents are content maps
    catalog = read_catalog(data)
    pose_names, poses = _choose_poses(_Reader(translator, catalog, "seen"), choice)
    part = UNSEEN if catalog.unseen else "seen"
    look_names, looks = _choose_looks(_Reader(translator, catalog, part), choice.num_looks)
    return Gallery(name or data.stem, pose_names, poses, look_names, looks)


@dataclass(frozen=True, eq=False)
class _Reader:
    """The classes of a part of the data, as a model sees them."""

    translator: Translator
    catalog: Catalog
    part: str

    @property
    def classes(self) -> Classes:
        return self.catalog.seen if self.part == "seen" else self.catalog.unseen

    def pixels(self, cls: str, names: Sequence[str]) -> list[NDArray[np.uint8]]:
        return [np.asarray(self.catalog.open_image(self.part, cls, name)) for name in names]

    def maps(self, cls: str, names: Sequence[str]) -> Floats:
        """Content maps: (N, C, h, w)."""
        contents = self.translator.encode_content(self.pixels(cls, names))
        return np.stack([content.encoded for content in contents])

    def compared(self, maps: Floats) -> Floats:
        """What two poses differ in, not in their backgrounds: (N, C, h, w) -> (N, D)."""
        if self.translator.config.model.plain_background:
            maps = maps[:, :-3]
        return maps.reshape(len(maps), -1)


# ------------------------------------------------------------------- choosing


def _choose_poses(reader: _Reader, choice: Choice) -> tuple[list[str], Floats]:
    names, found = [], []
    if choice.rows:
        cls, files = _typical(reader, choice.rows)
        names, found = [_stem(file) for file in files], [*reader.maps(cls, files)]
    if num_others := max(choice.num_poses - len(names), 0):
        other_names, others = _diverse_poses(reader, num_others)
        names, found = [*names, *other_names], [*found, *others]
    return names, np.stack(found)


def _typical(reader: _Reader, rows: Sequence[str]) -> tuple[str, list[str]]:
    """The class that is nearest to the mean of classes in these rows, and its files of them."""
    having = {}
    for cls, names in reader.classes.items():
        in_rows = [[name for name in names if fnmatchcase(_stem(name), row)] for row in rows]
        if all(in_rows):
            having[cls] = [name for row in in_rows for name in row]
    if not having:
        raise UserError(
            f"no class of `{reader.catalog.path}` has images of all of {', '.join(rows)}",
            hint="give patterns of its file names without their suffix, e.g. `walk_s_*`",
        )
    most = max(map(len, having.values()))
    classes = _evenly([cls for cls, names in having.items() if len(names) == most], _MAX_CLASSES)
    maps = np.stack([reader.compared(reader.maps(cls, having[cls])).ravel() for cls in classes])
    distances = np.square(maps - maps.mean(axis=0)).sum(axis=1)
    chosen = classes[int(distances.argmin())]
    return chosen, having[chosen]


def _diverse_poses(reader: _Reader, count: int) -> tuple[list[str], Floats]:
    """Poses that differ, each beside one that it is like."""
    images = [(cls, name) for cls, names in reader.classes.items() for name in names]
    images = _evenly(images, _MAX_IMAGES)
    by_class: dict[str, list[str]] = {}
    for cls, name in images:
        by_class.setdefault(cls, []).append(name)
    maps = np.concatenate([reader.maps(cls, names) for cls, names in by_class.items()])
    compared = reader.compared(maps)
    chosen = _in_a_chain(compared, medoids(compared, count))
    return [_stem(images[i][1]) for i in chosen], maps[chosen]


def _choose_looks(reader: _Reader, count: int) -> tuple[list[str], Look]:
    classes = _evenly(list(reader.classes), count)
    looks = []
    for cls in classes:
        names = _evenly(list(reader.classes[cls]), _MAX_OF_CLASS)
        chosen = medoids(reader.compared(reader.maps(cls, names)), NUM_EXAMPLES)
        examples = reader.pixels(cls, [names[i] for i in chosen])
        looks.append(condensed(reader.translator.encode_class(examples)))
    return classes, Look.cat(looks)


def _evenly(things: Sequence[T], count: int) -> list[T]:
    """So many of them, evenly spaced; all where there are not more."""
    count = min(count, len(things))
    return [things[i * len(things) // count] for i in range(count)]


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


# ------------------------------------------------------------------- k-means


def condensed(look: Look, num_positions: int = NUM_POSITIONS) -> Look:
    """A look whose positions that are alike are one, which counts as much as they do.

    Where they are equal, nothing that is drawn changes: sum_i exp(q k_i + s_i) is
    exp(q k + log sum_i exp(s_i)).
    """
    keys, values, log_shares = look.keys[0].T, look.values[0].T, look.log_shares[0]
    if len(log_shares) <= num_positions:
        return look
    things = np.concatenate([keys * _KEY_WEIGHT, values], axis=1)
    groups = clustered(things, num_positions)
    shares = np.exp(log_shares)
    totals = np.bincount(groups, shares, num_positions)
    weights = np.zeros((num_positions, len(groups)))
    weights[groups, np.arange(len(groups))] = shares / totals[groups]
    parts = ((weights @ keys).T, (weights @ values).T, np.log(totals))
    return Look(look.class_code, *(part[None].astype(np.float32) for part in parts))


def medoids(things: Floats, count: int) -> Indices:
    """The indices of those nearest to the centres of k-means: (N, D) -> at most `count`, sorted."""
    count = min(count, len(things))
    groups = clustered(things, count)
    found = []
    for group in range(count):
        (members,) = np.nonzero(groups == group)
        distances = np.square(things[members] - things[members].mean(axis=0)).sum(axis=1)
        found.append(members[distances.argmin()])
    return np.sort(np.array(found, dtype=np.intp))


def clustered(things: Floats, count: int) -> Indices:
    """The group of each by k-means from those farthest apart: (N, D) -> (N,); none is empty."""
    chosen = [int(_distances(things, things.mean(axis=0, keepdims=True)).argmin())]
    nearest = _distances(things, things[chosen])[:, 0]
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _distances(things, things[chosen[-1:]])[:, 0])
    centres = things[chosen].copy()
    for _ in range(_ROUNDS):
        groups = _with_all_groups(_distances(things, centres))
        for group in range(count):
            centres[group] = things[groups == group].mean(axis=0)
    return groups


def _with_all_groups(distances: Floats) -> Indices:
    """The nearest centre of each, where every centre keeps the thing that is nearest to it."""
    groups = distances.argmin(axis=1)
    for group in np.setdiff1d(np.arange(distances.shape[1]), groups):  # equal things: rare
        sizes = np.bincount(groups, minlength=distances.shape[1])
        spare = np.nonzero(sizes[groups] > 1)[0]
        groups[spare[distances[spare, group].argmin()]] = group
    return groups


def _distances(things: Floats, centres: Floats) -> Floats:
    """Squared: (N, D), (M, D) -> (N, M)."""
    squares = np.square(things).sum(axis=1)[:, None] + np.square(centres).sum(axis=1)
    found: Floats = squares - 2 * things @ centres.T
    return found


def _in_a_chain(things: Floats, chosen: Indices) -> list[int]:
    """The same indices, each followed by the nearest of those that are left."""
    left = list(map(int, chosen))
    chain = [left.pop(0)]
    while left:
        distances = _distances(things[left], things[chain[-1:]])[:, 0]
        chain.append(left.pop(int(distances.argmin())))
    return chain
