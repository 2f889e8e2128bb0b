"""Pictures for the tests of the service, and what Translator makes of them."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

SIZE = 64  # of the model in the package


def png(seed: int, size: int = SIZE) -> bytes:
    """A picture like a drawing: a few coloured boxes on white."""
    random = np.random.default_rng(seed)
    pixels = np.full((size, size, 3), 255, np.uint8)
    for _ in range(6):
        (top, left), (height, width) = random.integers(0, size - 8, 2), random.integers(4, 32, 2)
        pixels[top : top + height, left : left + width] = random.integers(0, 255, 3)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pixels_of(file: bytes | Image.Image) -> np.ndarray:
    """What is in a picture, as integers that can be subtracted."""
    image = file if isinstance(file, Image.Image) else Image.open(BytesIO(file))
    return np.asarray(image.convert("RGB")).astype(int)


def difference(one: bytes | Image.Image, other: bytes | Image.Image) -> int:
    """The largest difference of two pictures, in 0..255."""
    return int(np.abs(pixels_of(one) - pixels_of(other)).max())


def uploads(field: str, seeds: Sequence[int]) -> list[tuple[str, tuple[str, bytes]]]:
    """Files of a request."""
    return [(field, (f"{seed}.png", png(seed))) for seed in seeds]
