"""The image editor in a browser, as a person uses it."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from funit.gallery import Gallery
from funit.repository import ModelRepository

_GALLERY = ModelRepository().find("default").whole_gallery()
assert _GALLERY is not None
POSES = Gallery.read(_GALLERY).pose_names
FIRST = POSES[12]  # what is open at first: a pose from the middle
SECONDS = 60_000  # milliseconds: a busy machine takes its time
expect.set_options(timeout=SECONDS)
PLACES = {"server": "the service", "device": "this device", "auto": "this device"}


class Editor:
    """The editor in a tab."""

    def __init__(self, page: Page, place: str = "server") -> None:
        self.page, self.place = page, PLACES[place]
        page.set_default_timeout(SECONDS)
        page.add_init_script(f"localStorage.setItem('funit-engine', '{place}')")

    def open(self, address: str = "/") -> None:
        """Opens the page and waits for a first result."""
        self.page.goto(address)
        self.settle()

    @property
    def status(self) -> Locator:
        """What is said of the result."""
        return self.page.locator(".outcome .facts")

    @property
    def result(self) -> Locator:
        """The picture of the result."""
        return self.page.get_by_role("img", name="Result: ")

    def well(self, name: str) -> Locator:
        """`pose` or `look`."""
        return self.page.locator(f"[data-well={name}]")

    def settle(self, pose: str | None = None, look: str | None = None) -> None:
        """Waits until the result is that of this pose and look, and nothing is under way."""
        if pose is not None or look is not None:
            words = f"{pose or ''} in the look of {look or ''}"
            name = f"Result: {words}".removesuffix(" of ") if look is None else words
            expect(self.page.get_by_role("img", name=name)).to_be_visible(timeout=SECONDS)
        expect(self.status).to_contain_text(f"s on {self.place}", timeout=SECONDS)

    def put(self, well: str, files: Sequence[Path]) -> None:
        """Picks files, as its button does, and waits for the result."""
        self.well(well).locator("input[type=file]").first.set_input_files(files)
        if well == "pose":
            self.settle(pose=files[0].name)
        else:
            self.settle(look=", ".join(file.name for file in files))

    def drop(self, well: str, files: Sequence[Path]) -> None:
        """Drops files."""
        zone = self.well(well).locator(".drop-zone").first
        zone.dispatch_event("drop", {"dataTransfer": transfer(self.page, files)})

    def view(self, name: str) -> None:
        """Shows another view."""
        self.page.get_by_role("radio", name=name, exact=True).check(force=True)

    def click(self, name: str) -> None:
        """Presses a button."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def download(self, button: str = "Download") -> bytes:
        """Presses a button that gives a file; what is in it."""
        with self.page.expect_download() as caught:
            self.click(button)
        return caught.value.path().read_bytes()

    def image(self, button: str = "Download") -> Image.Image:
        """The picture that a button gives as a file."""
        return Image.open(io.BytesIO(self.download(button)))

    def pixels(self) -> Image.Image:
        """The result as the model made it."""
        self.page.get_by_label("Size").select_option(index=0)
        return self.image().convert("RGB")


def transfer(page: Page, files: Sequence[Path]) -> object:
    """A DataTransfer of the page with files."""
    parts = [
        (file.name, base64.b64encode(file.read_bytes()).decode(), media_type(file))
        for file in files
    ]
    return page.evaluate_handle(
        """parts => {
            const transfer = new DataTransfer();
            for (const [name, base64, type] of parts) {
                const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type }));
            }
            return transfer;
        }""",
        parts,
    )


def media_type(file: Path) -> str:
    """Of a file by its name, as a browser has it."""
    return {".png": "image/png", ".gif": "image/gif", ".webm": "video/webm"}.get(file.suffix, "")


def tab_to(page: Page, name: str, most: int = 80) -> None:
    """Presses Tab until what has the focus bears this name."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(_NAME_OF_FOCUS).startswith(name):
            return
    raise AssertionError(f"Tab does not come to {name!r}")


_NAME_OF_FOCUS = """() => {
    const it = document.activeElement;
    return it.getAttribute('aria-label') ?? it.closest('label')?.textContent ?? it.textContent;
}"""


def difference(one: Image.Image | bytes, other: Image.Image | bytes) -> float:
    """The mean difference of two pictures, in 0..1."""
    first, second = (
        np.asarray(Image.open(io.BytesIO(each)) if isinstance(each, bytes) else each, np.float64)
        for each in (one, other)
    )
    assert first.shape == second.shape
    return float(np.abs(first - second).mean() / 255)
