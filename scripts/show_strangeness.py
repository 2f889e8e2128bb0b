"""How strange pictures are for the model `default`: creatures that it never saw, and other things.

    python scripts/show_strangeness.py

prints the table of docs/models.md.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from funit.data.images import ImageSource
from funit.data.menagerie import write_menagerie
from funit.engines.choice import TORCH
from funit.model.strangeness import distances, look_distances
from funit.repository import ModelRepository
from funit.statistics import codes_of
from funit.translator import Translator

NUM_SPECIES, NUM_POSES, SEED, SIZE = 10, 8, 4242, 64


def main() -> None:
    """Prints the table."""
    print("| picture | as a pose | as a look |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        zoo = Path(folder) / "zoo"
        write_menagerie(zoo, NUM_SPECIES, NUM_POSES, SIZE, SEED)
        creatures = sorted(zoo.rglob("*.png"))
        name = f"creatures of species that it never saw, {len(creatures)} pictures"
        row(name, creatures)
    row("a red ball on white", [ball()])
    row("noise, 11 pictures", [noise(seed) for seed in range(11)])
    row("a gradient of colours", [gradient()])
    row("blurred hills below a sky", [hills()])
    row("letters, black on white", [letters()])


def row(name: str, images: Sequence[ImageSource]) -> None:
    """A line of the table."""
    found = ModelRepository().find("default")
    statistics = found.info.statistics
    assert statistics is not None
    translator = Translator.of(found, "cpu", TORCH)
    content, look = codes_of(translator, images)
    as_pose = distances(content, statistics.content)
    as_look = look_distances(look, statistics.look, translator.config.model)
    print(f"| {name} | {span(as_pose)} | {span(as_look)} |")


def span(found: Sequence[float]) -> str:
    """The one, or the least and the most."""
    one, other = f"{min(found):.1f}", f"{max(found):.1f}"
    return one if len(found) == 1 else f"{one} to {other}"


def noise(seed: int) -> np.ndarray:
    """Every pixel of any colour."""
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)


def gradient() -> np.ndarray:
    """From one colour to another, across and down."""
    down, across = np.mgrid[0 : 1 : SIZE * 1j, 0 : 1 : SIZE * 1j]
    channels = [40 + 180 * down, 100 + 80 * across, 200 - 140 * down]
    return np.stack(channels, axis=-1).astype(np.uint8)


def hills() -> Image.Image:
    """As a small photo may be."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    picture = np.stack([120 + y, 150 + 0.5 * y, 220 - y], axis=-1).astype(float)
    picture[y > 35 + 8 * np.sin(x / 9)] = [60, 110, 50]
    picture += np.random.default_rng(0).normal(0, 12, picture.shape)
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(0.7))


def ball() -> Image.Image:
    """A red ball on white."""
    image = Image.new("RGB", (SIZE, SIZE), "white")
    ImageDraw.Draw(image).ellipse((20, 20, 44, 44), fill="red")
    return image


def letters() -> Image.Image:
    """Three words."""
    image = Image.new("RGB", (SIZE, SIZE), "white")
    ImageDraw.Draw(image).text((2, 10), "hello wor\nld 1234\nabcdefg", fill="black")
    return image


if __name__ == "__main__":
    main()
