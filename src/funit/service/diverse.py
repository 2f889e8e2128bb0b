"""Poses that differ as much as can be: what the system picks where the user names none.

Each pose is drawn in one and the same look, so that its picture shows nothing but the pose. That
works for poses of a gallery, which are codes, and for uploaded ones, which are pictures, and with
every engine: not all of them can give the content map of a picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from funit.engines.engine import Floats, Look
from funit.errors import NotThereError
from funit.service.generator import GalleryPose, ImageGenerator, Pose
from funit.service.model_cache import LoadedModel
from funit.service.pictures import Picture

_CHUNK_SIZE = 16  # drawn at once: others come between
_SIDE = 16  # pixels of the picture by which poses are compared


@dataclass(frozen=True)
class NamedPose:
    """A pose, and how it is asked for."""

    name: str
    """Its name in the gallery, or the id of an uploaded one."""
    pose: Pose


async def diverse_poses(
    generator: ImageGenerator,
    model: LoadedModel,
    uploaded: Sequence[NamedPose],
    count: int,
    seed: int = 0,
) -> list[NamedPose]:
    """The poses, of the model's gallery and uploaded ones, that differ most; at most `count`."""
    names = model.gallery.pose_names if model.gallery else ()
    poses = [*(NamedPose(name, GalleryPose(n)) for n, name in enumerate(names)), *uploaded]
    if not poses:
        raise NotThereError(
            f"there is no pose to pick: the model `{model.name}` has no gallery",
            hint="send a picture as `content`, or upload poses",
        )
    seen = await _described(generator, model, poses)
    return [poses[n] for n in farthest(seen, count, seed)]


async def _described(
    generator: ImageGenerator, model: LoadedModel, poses: Sequence[NamedPose]
) -> Floats:
    """What each pose looks like in one look: (N, D)."""
    beside = "" if model.gallery else poses[0].name  # that look is of this pose
    keys = [(model.key, beside, pose.name) for pose in poses]
    found: dict[tuple[str, str, str], Floats | None] = {
        key: generator.described.get(key) for key in keys
    }
    missing = [n for n, key in enumerate(keys) if found[key] is None]
    look = await plain_look(generator, model, poses[0].pose)
    for start in range(0, len(missing), _CHUNK_SIZE):
        chunk = missing[start : start + _CHUNK_SIZE]
        drawn = await generator.translate(model, [poses[n].pose for n in chunk], look)
        for n, translation in zip(chunk, drawn, strict=True):
            small = _small(translation.image)
            found[keys[n]] = small
            generator.described.put(keys[n], small, small.nbytes)
    return np.stack([seen for key in keys if (seen := found[key]) is not None])


async def plain_look(generator: ImageGenerator, model: LoadedModel, pose: Pose) -> Look:
    """The look that poses are compared and shown in: the gallery's first, else that of the pose."""
    if model.gallery:
        return model.gallery.one_look(0)
    assert isinstance(pose, Picture), "only galleries have poses without pictures"
    (look,) = await generator.encode_examples(model, [pose])
    return look


def farthest(points: Floats, count: int, seed: int = 0) -> list[int]:
    """Points (N, D), one by one the farthest from all before; the first by the seed."""
    chosen = [int(np.random.default_rng(seed).integers(len(points)))]
    nearest = _distances(points, chosen[0])
    while len(chosen) < min(count, len(points)):
        nearest[chosen] = -1  # of points that are equal, each is chosen once
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _distances(points, chosen[-1]))
    return chosen


def _distances(points: Floats, index: int) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.square(points - points[index], dtype=np.float64).sum(axis=1)
    return distances


def _small(image: Image.Image) -> Floats:
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float32).ravel()
