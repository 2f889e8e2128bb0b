"""Drawn creatures: any number of classes in any pose, so that the true answer is known.

A class is a `Species`, a pose is a `Pose`; `render` draws one in the other, (size, size, 3) uint8.
The pictures of a data set share their poses: translating A/pose_0003.png into class B must give
B/pose_0003.png, background and light included. Everything follows from a seed and an index.
"""

import io
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from funit.data.clay import render_clay
from funit.data.pose import MENAGERIE_VERSION, Draws, Pose, draw_pose
from funit.data.species import Species, draw_species
from funit.errors import UserError

__all__ = [
    "MENAGERIE_VERSION",
    "Pose",
    "Species",
    "draw_pose",
    "draw_species",
    "render",
    "write_menagerie",
]

SMALLEST, LARGEST = 16, 512


def render(species: Species, pose: Pose, size: int) -> NDArray[np.uint8]:
    """Draws the species in the pose, on the pose's flat background."""
    _check_size(size)
    return render_clay(species, pose, size)


def write_menagerie(
    out: Path,
    num_classes: int,
    num_poses: int,
    size: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
    pose_pool: int | None = None,
) -> None:
    """Writes CLASS/POSE.png into a folder, or into a zip where `out` ends in .zip.

    All classes show the same poses; with `pose_pool`, each shows `num_poses` out of so many, which
    teaches more poses with the same number of pictures. An `out` that exists is replaced.
    `progress` hears the number of pictures written so far.
    """
    pose_pool = num_poses if pose_pool is None else pose_pool
    _check_counts(num_classes, num_poses, seed)
    if pose_pool < num_poses:
        raise UserError(
            f"a pool of {pose_pool} poses is too small for {num_poses} poses a class",
            hint=f"ask for a pool of at least {num_poses}",
        )
    _check_size(size)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.unfinished")
    files = _files(num_classes, num_poses, pose_pool, size, seed)
    try:
        if out.suffix.lower() == ".zip":
            _write_zip(unfinished, files, progress)
        else:
            _write_folder(unfinished, files, progress)
        _remove(out)
        unfinished.rename(out)
    finally:
        _remove(unfinished)


def _check_counts(num_classes: int, num_poses: int, seed: int) -> None:
    for name, count in (("classes", num_classes), ("poses", num_poses)):
        if count < 1:
            raise UserError(f"a menagerie of {count} {name} is empty", hint="ask for at least 1")
    if seed < 0:
        raise UserError(f"the seed {seed} is negative", hint="choose 0 or more")


def _check_size(size: int) -> None:
    if not SMALLEST <= size <= LARGEST:
        raise UserError(
            f"the menagerie cannot be drawn at {size} px",
            hint=f"choose a size from {SMALLEST} to {LARGEST}",
        )


def _files(
    num_classes: int, num_poses: int, pose_pool: int, size: int, seed: int
) -> Iterator[tuple[str, bytes]]:
    """The path and the content of each file, class by class."""
    for class_index in range(num_classes):
        species = draw_species(seed, class_index)
        folder = f"{class_index:04d}-{species.name}"
        for pose_index in _pose_indices(class_index, num_poses, pose_pool, seed):
            image = render(species, draw_pose(seed, pose_index), size)
            yield f"{folder}/pose_{pose_index:04d}.png", _png(image)


def _pose_indices(class_index: int, num_poses: int, pose_pool: int, seed: int) -> list[int]:
    """The poses that a class shows, in order: all of the pool, or its own draw from it."""
    pool = list(range(pose_pool))
    if num_poses == pose_pool:
        return pool
    draws = Draws(seed, kind=2, index=class_index)
    return sorted(pool.pop(int(draws.uniform() * len(pool))) for _ in range(num_poses))


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _write_zip(
    path: Path, files: Iterator[tuple[str, bytes]], progress: Callable[[int], None] | None
) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for count, (name, content) in enumerate(files, start=1):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))  # same bytes any day
            info.create_system = 3  # and on any operating system
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
            if progress:
                progress(count)


def _write_folder(
    path: Path, files: Iterator[tuple[str, bytes]], progress: Callable[[int], None] | None
) -> None:
    for count, (name, content) in enumerate(files, start=1):
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        if progress:
            progress(count)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
