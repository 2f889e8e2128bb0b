"""Takes the pictures of docs/library.md: the pages of models, data sets and trainings as they are.

    python scripts/write_library_screenshots.py [--home FOLDER] [--only NAME]

starts `funit serve`, sends it drawn creatures, trains a few small models on them (minutes), and
photographs each page in two widths and both themes. With `--home` what was made is kept there, and
used again. Needs `make web`, chromium and Playwright.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from funit import Client
from funit.data.menagerie import write_menagerie

OUT = Path(__file__).parent.parent / "docs" / "images"
WIDTHS = {360: 740, 1280: 800}  # pixels, and how high the window is
THEMES = ("light", "dark")
TALLEST = 3200  # pixels of a picture: what is below is more of the same
SETTINGS: dict[str, Any] = {
    "training": {
        "batch_size": 8,
        "log_every_images": 16,
        "sample_every_images": 64,
        "checkpoint_every_images": 64,
        "num_threads": 1,
    }
}
EVALUATION = {"pairs": 60, "shots": [1, 5]}


@contextmanager
def service(home: Path) -> Iterator[str]:
    """`funit serve` on a free port; gives its URL."""
    config = home / "service.yaml"
    jobs = {"devices": {"cpu": 1}, "poll_seconds": 0.2}
    config.write_text(yaml.safe_dump({"jobs": jobs, "limits": {"requests_per_minute": 60_000}}))
    command = [sys.executable, "-m", "funit", "serve", "--port", "0", "--config", str(config)]
    with (home / "log.txt").open("w") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "FUNIT_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait()


def fill(client: Client, folder: Path) -> None:
    """Data sets, trainings in every state, a schedule."""
    zoo = folder / "creatures.zip"
    write_menagerie(zoo, num_classes=30, num_poses=10, size=64, seed=4242)
    with zipfile.ZipFile(zoo, "a") as file:
        cls = file.namelist()[0].partition("/")[0]
        file.writestr(f"{cls}/broken.png", b"this is no picture")
        file.writestr(f"{cls}/notes.txt", b"drawn on a Sunday")
    client.upload_dataset("creatures", zoo)
    write_menagerie(folder / "birds.zip", num_classes=4, num_poses=5, size=64, seed=7)
    client.upload_dataset("birds", folder / "birds.zip")
    picture = io.BytesIO()
    with zipfile.ZipFile(folder / "birds.zip") as file:
        cls = file.namelist()[0].partition("/")[0]
        Image.open(file.open(file.namelist()[0])).rotate(90).save(picture, "PNG")
    client.add_images("birds", cls, [picture.getvalue()])

    common: dict[str, Any] = {"settings": SETTINGS, "evaluation": EVALUATION, "graphs": False}
    start = {**common, "from_model": "default", "alias": "production", "licence": "CC0-1.0"}
    minimum = {"metric": "l1_foreground/copy-content", "shots": 5, "at_most": 0.8}
    asked = [
        client.create_job("creatures", "creatures-64px", max_images=384, minimum=minimum, **start),
        client.create_job(
            "creatures",
            "sketches",
            preset="small",
            max_images=128,
            further_rounds=0,
            minimum={**minimum, "at_most": 0.9},
            otherwise=[{"from_model": "default", "settings": {"training": {"max_images": 64}}}],
            **common,
        ),
        client.create_job("birds", "small-birds", max_bytes=1000, **common),
    ]
    cancelled = client.create_job("birds", "birds", max_images=64, **common)
    client.cancel_job(cancelled)
    for job in asked:
        while not client.find_job(job).has_ended:
            time.sleep(1)
        print(client.find_job(job).state, client.find_job(job).error or "", file=sys.stderr)
    client.create_schedule(
        "weekly", {"dataset": "creatures", "name": "creatures-64px"}, every_hours=168, new_images=99
    )


def photograph(browser: Browser, url: str, name: str, path: str, only: str | None) -> None:
    """One page in every width and theme."""
    for width, height in WIDTHS.items():
        for theme in THEMES:
            file = OUT / f"library-{name}-{width}-{theme}.png"
            if only is not None and only not in file.name:
                continue
            page = browser.new_page(viewport={"width": width, "height": height})
            page.add_init_script(f"localStorage.setItem('funit-theme', '{theme}')")
            page.goto(f"{url}/#/{path}")
            page.wait_for_timeout(1500)
            show_all(page)
            content = samples(page) if name == "report" else page.screenshot(full_page=True)
            page.close()
            save(content, file)


def samples(page: Page) -> bytes:
    """The samples of the report of a training, which is opened."""
    page.get_by_text("The whole report").click()
    page.wait_for_timeout(2000)
    frame = page.locator("iframe.report")
    at = frame.evaluate("it => it.contentDocument.querySelector('#samples').offsetTop")
    frame.scroll_into_view_if_needed()
    around = frame.bounding_box()
    assert around is not None
    top = around["y"] + page.evaluate("scrollY") + at - 10
    part = {"x": around["x"], "y": top, "width": around["width"], "height": 900}
    return page.screenshot(full_page=True, clip=part)  # type: ignore[arg-type]


def show_all(page: Page) -> None:
    """Until everything is there: pictures are loaded when they come near."""
    expect(page.locator("main")).not_to_contain_text("Loading…", timeout=60_000)
    for picture in page.locator("img.picture").all():
        picture.scroll_into_view_if_needed()
    expect(page.locator("img[data-state=waiting]")).to_have_count(0, timeout=60_000)
    page.evaluate("scrollTo(0, 0)")


def save(content: bytes, file: Path) -> None:
    """With 256 colours: a third of the bytes, and nobody sees it."""
    with Image.open(io.BytesIO(content)) as image:
        part = image.convert("RGB").crop((0, 0, image.width, min(image.height, TALLEST)))
        part.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size // 1000} kB", file=sys.stderr)


def run(home: Path, only: str | None) -> None:
    """Fills the service, if that was not done, and photographs it."""
    with service(home) as url, Client(url) as client:
        if not client.jobs():
            with tempfile.TemporaryDirectory() as folder:
                fill(client, Path(folder))
        jobs = client.jobs()
        published = next(job for job in jobs if job.request["name"] == "creatures-64px")
        other = next(job for job in jobs if job.request["name"] == "sketches")
        pages = {
            "models": "models",
            "model": "models/sprites/1",
            "data-sets": "datasets",
            "data-set": "datasets/creatures",
            "trainings": "jobs",
            "new-training": "jobs/new/creatures",
            "new-schedule": f"jobs/schedule/{published.id}",
            "training": f"jobs/{published.id}",
            "report": f"jobs/{published.id}",
            "candidates": f"jobs/{other.id}",
            "compare": f"jobs/compare/{published.id}/{other.id}",
        }
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            for name, path in pages.items():
                photograph(browser, url, name, path, only)
            browser.close()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="where what is trained is kept")
    parser.add_argument("--only", help="pictures with this in their name alone")
    given = parser.parse_args()
    if given.home is not None:
        given.home.mkdir(parents=True, exist_ok=True)
        run(given.home, given.only)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), given.only)


if __name__ == "__main__":
    main()
