"""Numbers made by Pillow: web/tests/fit.test.ts holds what the page does with pictures to them.

    python tests/web/pillow_numbers.py

writes web/tests/pillow.json.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from funit.data.images import fit, read_image

FILE = Path(__file__).parent.parent.parent / "web" / "tests" / "pillow.json"
# Much taller pictures are left out: Pillow 13 resizes them in the other order, rounding otherwise.
CASES = [  # width, height, size, background
    (64, 48, 16, (255, 255, 255)),
    (37, 41, 8, (10, 200, 30)),
    (20, 23, 32, (255, 255, 255)),
    (90, 37, 8, (255, 255, 255)),
    (7, 5, 4, (0, 0, 0)),
    (16, 21, 16, (90, 90, 90)),
    (12, 12, 12, (255, 255, 255)),
]


def numbers() -> list[dict[str, Any]]:
    """What comes of pictures of every transparency."""
    random, found = np.random.default_rng(5), []
    for width, height, size, background in CASES:
        rgba = random.integers(0, 256, (height, width, 4)).astype(np.uint8)
        rgba[..., 3] = np.where(random.random((height, width)) < 0.3, 255, rgba[..., 3])
        fitted = fit(read_image(Image.fromarray(rgba), background), size)
        found.append(
            {
                "width": width,
                "height": height,
                "size": size,
                "background": list(background),
                "rgba": _base64(rgba),
                "fitted": _base64(np.asarray(fitted)),
            }
        )
    return found


def _base64(pixels: np.ndarray) -> str:
    return base64.b64encode(pixels.tobytes()).decode()


if __name__ == "__main__":
    FILE.write_text(json.dumps(numbers(), indent=1) + "\n")
