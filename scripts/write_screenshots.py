"""Pictures of the real page with creatures of the menagerie: docs/images/editor-*.png.

    make web && python scripts/write_screenshots.py

Needs chromium. A species that no model saw gives the pose, another one the look.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from funit.data.menagerie import write_menagerie

OUT = Path(__file__).parent.parent / "docs" / "images"
MOST_BYTES = 300_000  # of a picture
SEED = 4242
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@dataclass(frozen=True)
class Shot:
    """A picture of the page."""

    name: str
    width: int
    height: int
    theme: Literal["light", "dark"]
    steps: list[Callable[[Page], None]] = field(default_factory=list)


def main() -> None:
    """Writes all pictures, or those whose names begin as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[""], help="beginnings of names; none: all")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        zoo = Path(folder) / "zoo"
        write_menagerie(zoo, num_classes=4, num_poses=6, size=64, seed=SEED)
        species = [sorted(each.glob("*.png")) for each in sorted(zoo.iterdir()) if each.is_dir()]
        with served(Path(folder) / "home") as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", *FAKE_CAMERA]
            )
            for shot in shots(species):
                if shot.name.startswith(tuple(args.names)):
                    write(browser, url, shot, args.out)
            browser.close()


def shots(species: list[list[Path]]) -> list[Shot]:
    """Every picture, with what is done before it is taken."""
    pose, look = species[0][1], species[3][:3]
    own = [dropped("pose", [pose]), dropped("look", look), settled]
    busy = [surprised, surprised, *own]
    return [
        Shot("editor-1600-light", 1600, 1000, "light", busy),
        Shot("editor-1600-dark", 1600, 1000, "dark", [*busy, view("Side by side")]),
        Shot("editor-900-light", 900, 1150, "light", [*own, blended, settled]),
        Shot("editor-900-dark", 900, 1150, "dark", [*own, view("Compare")]),
        Shot("editor-360-light", 360, 780, "light", []),
        Shot("editor-360-dark", 360, 1400, "dark", own),
        Shot("editor-poses-light", 1300, 900, "light", [*own, view("All poses"), all_drawn]),
        Shot("editor-crop-dark", 1000, 760, "dark", [*own, cropping]),
        Shot("editor-gallery-light", 1000, 1000, "light", [gallery]),
        Shot("editor-live-dark", 1000, 760, "dark", [*own, view("Live"), filming]),
        Shot("editor-sprites-dark", 1300, 760, "dark", [sprites, view("All poses"), all_drawn]),
    ]


def write(browser: Browser, url: str, shot: Shot, out: Path) -> None:
    """Takes one picture in a browser that was never there before."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.theme,
        permissions=["camera"],
    )
    page = context.new_page()
    page.goto("/")
    settled(page)
    for step in shot.steps:
        step(page)
    page.wait_for_timeout(1500)  # what fades has faded, and what is drawn later is there
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    if file.tell() > MOST_BYTES:
        file = io.BytesIO()
        image.quantize(256).save(file, "PNG", optimize=True)
    assert file.tell() <= MOST_BYTES, f"{shot.name}: {file.tell():,} bytes"
    (out / f"{shot.name}.png").write_bytes(file.getvalue())
    print(f"{shot.name}.png: {file.tell():,} bytes")


def settled(page: Page) -> None:
    """Waits for the result of this device, and until it is history."""
    expect(page.locator(".outcome .facts")).to_contain_text("s on this device", timeout=60_000)
    page.wait_for_timeout(1000)


def dropped(well: str, files: list[Path]) -> Callable[[Page], None]:
    """Files are put into a well."""

    def step(page: Page) -> None:
        page.locator(f"[data-well={well}] input[type=file]").first.set_input_files(files)
        page.wait_for_timeout(300)
        settled(page)

    return step


def view(name: str) -> Callable[[Page], None]:
    """Another view is chosen."""
    return lambda page: page.get_by_role("radio", name=name).check(force=True)


def surprised(page: Page) -> None:
    """The system picks a pose."""
    page.get_by_role("button", name="Surprise me").click()
    page.wait_for_timeout(500)
    settled(page)


def blended(page: Page) -> None:
    """A second look is blended in."""
    page.get_by_role("button", name="Blend with a second look").click()


def all_drawn(page: Page) -> None:
    """Waits for the contact sheet."""
    expect(page.get_by_text("32 of 32 poses")).to_be_visible(timeout=60_000)


def sprites(page: Page) -> None:
    """The other model of the package, sharp and without a background."""
    page.get_by_label("Model").select_option("sprites@1")
    page.wait_for_timeout(500)
    settled(page)
    view("Sharp")(page)
    view("None")(page)


def cropping(page: Page) -> None:
    """Opens the pose's crop and makes it tighter."""
    page.get_by_role("button", name="Crop", exact=True).first.click()
    square = page.get_by_role("application")
    square.focus()
    for key in [*["-"] * 3, *["ArrowUp"] * 5]:
        square.press(key)


def gallery(page: Page) -> None:
    """Opens the looks of the model."""
    page.locator("[data-well=look]").get_by_role("button", name="Gallery").click()
    expect(page.locator("dialog canvas")).to_have_count(16, timeout=60_000)


def filming(page: Page) -> None:
    """Starts the camera: chromium has one that films a pattern."""
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_text("frames a second")).to_be_visible(timeout=30_000)


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The URL of a service of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "funit", "serve", "--port", "0"],
        env={**os.environ, "FUNIT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main()
