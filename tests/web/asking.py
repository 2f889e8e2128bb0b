"""The engines of the page, asked from Python: files in, pixels out."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

Given = Path | bytes | str  # a picture's file, or a name of the gallery
Pixels = NDArray[np.uint8]

_CALL = "async ([name, given]) => (await import('/assets/engines.js'))[name](...given)"


def call(page: Page, name: str, *given: Any) -> Any:
    """What a function of web/tests/browser.ts answers."""
    return page.evaluate(_CALL, [name, list(given)])


def open_engine(page: Page, place: str, model: str | None = None) -> Any:
    """Opens an engine; what it says of itself."""
    return call(page, "open", place, model)


def translate(page: Page, poses: Sequence[Given], look: Any) -> tuple[list[Pixels], Any]:
    """The translations, (H, W, 3), and how strange what was given is."""
    answer = call(page, "translate", [pose(each) for each in poses], look)
    return [_pixels(image) for image in answer["images"]], answer["strangeness"]


def pose(given: Given) -> dict[str, str]:
    return {"name": given} if isinstance(given, str) else {"file": encoded(given)}


def examples(files: Sequence[Path | bytes], weights: Sequence[float] | None = None) -> Any:
    """A look of these files."""
    counts = weights or [1.0] * len(files)
    return {
        "examples": [
            {"file": encoded(file), "weight": weight}
            for file, weight in zip(files, counts, strict=True)
        ]
    }


def encoded(file: Path | bytes) -> str:
    content = file.read_bytes() if isinstance(file, Path) else file
    return base64.b64encode(content).decode()


def _pixels(image: str) -> Pixels:
    rgba = np.frombuffer(base64.b64decode(image), np.uint8)
    side = round((len(rgba) / 4) ** 0.5)
    pixels: Pixels = rgba.reshape(side, side, 4)[..., :3]
    return pixels
