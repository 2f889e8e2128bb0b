"""How long the device takes, and how much it loads: `pytest -s tests/web/test_device_times.py`."""

import os
from pathlib import Path

import numpy as np
import pytest
from asking import call, examples, open_engine, pose
from playwright.sync_api import Browser, Page, Response
from serving import Served

MOST_MS = 150  # of a translation at 64 px on two cores
MOST_BYTES = 12_000_000  # of a model, as sent, before the device can translate
PAINT_MS = 1000  # until a first visit sees the page
_PAINTED = """() => new Promise(painted => new PerformanceObserver(list => {
    for (const each of list.getEntriesByName('first-contentful-paint')) painted(each.startTime);
}).observe({ type: 'paint', buffered: true }))"""


def test_a_first_visit_sees_the_page_within_a_second(browser: Browser, served: Served) -> None:
    times = list[float]()
    for _ in range(5):
        context = browser.new_context(base_url=served.url)  # nothing is cached
        page = context.new_page()
        page.goto("/")
        times.append(page.evaluate(_PAINTED))
        context.close()

    print(
        f"painted after {min(times):.0f} ms at best, {np.median(times):.0f} ms in the middle, "
        f"at a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    assert min(times) < PAINT_MS


@pytest.mark.parametrize("cores", [2, 3])
def test_a_translation_is_quick(
    page_with_engines: Page, creatures: dict[str, list[Path]], cores: int
) -> None:
    page = page_with_engines
    page.evaluate(
        "n => Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => n })", cores
    )
    said = open_engine(page, "device")
    fox, wolf = list(creatures.values())[:2]
    look, gallery = examples(wolf[:1]), [{"name": name} for name in said["facts"]["poses"]]
    call(page, "times", [pose(fox[0])], look, 30, True)  # a browser makes wasm fast while it runs
    asked = {
        "a pose of the gallery": (gallery[:1], 30, False),
        "a known picture": ([pose(fox[0])], 30, False),
        "a new picture": ([pose(fox[1])], 30, True),
        f"{len(gallery)} poses of the gallery": (gallery, 3, False),
    }
    found = {
        what: call(page, "times", poses, look, count, new)
        for what, (poses, count, new) in asked.items()
    }

    for what, times in found.items():
        print(
            f"{said['means']}, {what}: {min(times):.1f} ms at best, {np.median(times):.1f} ms in "
            f"the middle, at a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
    assert (said["means"] == "wasm, 1 thread") == (cores == 2)
    if cores == 2:  # more threads than there are cores free take longer, which says nothing
        assert min(found["a new picture"]) < MOST_MS


def test_little_is_loaded(page: Page) -> None:
    loaded: list[tuple[int, str]] = []

    def note(response: Response) -> None:
        if not response.url.startswith(("blob:", "data:")):
            size = response.request.sizes()["responseBodySize"]
            loaded.append((size, response.url.rsplit("/", 1)[1] or "index.html"))

    page.on("response", note)
    with page.expect_response("**/*.wasm"), page.expect_response("**/weights.safetensors"):
        page.goto("/")
    page.wait_for_load_state("networkidle")

    for size, name in sorted(loaded, reverse=True):
        print(f"{size:>10,} {name}")
    print(f"{sum(size for size, _ in loaded):>10,} in all")
    names = [name for _, name in loaded]
    files = {"weights.safetensors", "gallery.safetensors", "drawing.onnx", "model.json"}
    assert files <= set(names)
    assert not any(".jspi" in name for name in names)  # there is no graphics card here
    of_model = sum(size for size, name in loaded if name in files or name.endswith(".onnx"))
    print(f"{of_model:>10,} of the model")
    assert of_model < MOST_BYTES
