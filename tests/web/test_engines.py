"""The device and the service draw what Translator draws; the device alone, once it has loaded."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import pytest
from asking import call, examples, open_engine, pose, translate
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route
from serving import Served

from funit.data.menagerie import write_menagerie
from funit.gallery import Gallery
from funit.repository import ModelRepository
from funit.translator import Translator

NEAR = 0.01  # mean difference, pixels being in 0..1
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load("default")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Creatures of one species at 150 pixels, of which two are wider, one with transparency."""
    folder = tmp_path_factory.mktemp("large")
    write_menagerie(folder / "zoo", num_classes=1, num_poses=4, size=150, seed=77)
    paths = sorted((folder / "zoo").rglob("*.png"))
    for path, mode in zip(paths[:2], ("RGB", "RGBA"), strict=True):
        image = Image.open(path).convert(mode)
        wide = Image.new(mode, (233, 150), image.getpixel((0, 0)))
        wide.paste(image, (41, 0))
        if mode == "RGBA":
            wide.putalpha(Image.linear_gradient("L").resize(wide.size))
        wide.save(path)
    return paths


def difference(one: Pixels, other: Image.Image) -> float:
    return float(np.abs(one.astype(float) - np.asarray(other)).mean()) / 255


@pytest.mark.parametrize("place", ["device", "server"])
def test_it_draws_what_translator_draws(
    page_with_engines: Page,
    creatures: dict[str, list[Path]],
    large: list[Path],
    translator: Translator,
    place: str,
) -> None:
    page, (small, other, *_) = page_with_engines, list(creatures.values())
    said = open_engine(page, place)
    found = ModelRepository().find("default").whole_gallery()
    assert found is not None
    gallery = Gallery.read(found)

    def compared(contents: list[Path], shown: list[Path], weights: list[float]) -> None:
        drawn, _ = translate(page, contents, examples(shown, weights))
        look = translator.encode_class(shown, weights)
        for pixels, wanted in zip(drawn, translator.translate(contents, look), strict=True):
            assert difference(pixels, wanted) < NEAR

    assert (said["place"], said["reasons"]) == (place, [])
    compared(small[:5], other[:1], [1])
    compared(small[:2], other[:5], [1, 2, 0, 1, 1])  # codes of poses and examples are known now
    compared(large, large[1:3], [3, 1])
    names = [gallery.pose_names[n] for n in (3, 0)]
    drawn, strange = translate(page, [*names, small[0]], {"name": gallery.look_names[5]})
    for pixels, wanted in zip(
        drawn,
        [
            *translator.draw(gallery.poses[[3, 0]], gallery.one_look(5)),
            translator.translate(small[0], gallery.one_look(5)),
        ],
        strict=True,
    ):
        assert difference(pixels, wanted) < NEAR
    assert len(strange["poses"]) == 3


def test_blends_and_saved_looks_are_drawn_alike(
    page_with_engines: Page, creatures: dict[str, list[Path]], served_with_engines: Served
) -> None:
    page, (one, other, *_) = page_with_engines, list(creatures.values())
    files = [("examples", path.read_bytes()) for path in other[:2]]
    data = {"weights": ["1", "3"]}
    url = f"{served_with_engines.url}/v1/looks"
    saved = httpx2.post(url, files=files, data=data, timeout=60).json()["id"]
    blend = {
        "blend": [
            {"blend": [examples(one[:2], [1, 2]), {"name": "2"}], "share": 0.25},
            {"saved": saved},
        ],
        "share": 0.4,
    }
    drawn = {}
    for place in ("device", "server"):
        facts = open_engine(page, place)["facts"]
        blend["blend"][0]["blend"][1] = {"name": facts["looks"][1]}  # type: ignore[index]
        looks = [{"saved": saved}, blend]
        drawn[place] = [translate(page, one[3:4], look) for look in looks]

    for ours, theirs in zip(drawn["device"], drawn["server"], strict=True):
        assert np.abs(ours[0][0].astype(int) - theirs[0][0]).max() <= 2
        assert ours[1]["poses"] == pytest.approx(theirs[1]["poses"], rel=0.01)
        assert ours[1]["look"] == pytest.approx(theirs[1]["look"], rel=0.01)


def test_nothing_leaves_the_device_and_it_works_offline(
    page_with_engines: Page,
    context_with_engines: BrowserContext,
    creatures: dict[str, list[Path]],
    large: list[Path],
) -> None:
    page, (one, other, *_) = page_with_engines, list(creatures.values())
    facts = open_engine(page, "auto")["facts"]
    asked: list[str] = []
    context_with_engines.on("request", lambda request: asked.append(request.url))
    context_with_engines.set_offline(True)

    first, _ = translate(page, [one[0], facts["poses"][0]], examples(other[:2]))
    again, _ = translate(page, [one[1], large[0]], {"name": facts["looks"][0]})

    assert len(first) == len(again) == 2
    assert [url for url in asked if not url.startswith("blob:")] == []
    assert call(page, "said")["place"] == "device"


def test_a_second_visit_loads_no_model(
    page_with_engines: Page, context_with_engines: BrowserContext
) -> None:
    open_engine(page_with_engines, "device")
    asked: list[str] = []
    context_with_engines.on("request", lambda request: asked.append(request.url))
    second = context_with_engines.new_page()
    second.goto("/#/models")

    said = open_engine(second, "device")

    assert said["place"] == "device"
    assert said["loaded"][0] == said["loaded"][1] > 5_000_000
    assert not [url for url in asked if "/files/" in url]


def test_of_quick_changes_only_the_last_is_answered(
    page_with_engines: Page, creatures: dict[str, list[Path]]
) -> None:
    page, (one, other, *_) = page_with_engines, list(creatures.values())
    for place in ("device", "server"):
        open_engine(page, place)
        translate(page, one[:1], examples(other[:1]))

        outcomes = call(page, "hurry", [pose(one[1])], examples(other[1:2]), 50)

        assert outcomes == ["AbortError"] * 49 + ["1 images"]


def test_a_usual_picture_is_told_from_a_strange_one(
    page_with_engines: Page, creatures: dict[str, list[Path]]
) -> None:
    page, (one, other, *_) = page_with_engines, list(creatures.values())
    random = np.random.default_rng(0)
    noise = _png(Image.fromarray(random.integers(0, 256, (64, 64, 3), np.uint8)))
    down = Image.linear_gradient("L")
    gradient = _png(Image.merge("RGB", [down, down.rotate(90), down.rotate(180)]))
    open_engine(page, "device")

    _, usual = translate(page, one, examples(other[:2]))
    _, strange = translate(page, [noise, gradient], examples([other[0], gradient]))

    assert max(usual["poses"]) < 1.5
    assert usual["look"] < 1.7
    assert min(strange["poses"]) > 2
    assert strange["look"] > 2


def test_without_isolation_one_thread_computes(context_with_engines: BrowserContext) -> None:
    """As on an address without https, where a browser shares no memory between threads."""

    def bare(route: Route) -> None:
        answer = route.fetch()
        headers = {k: v for k, v in answer.headers.items() if not k.startswith("cross-origin")}
        route.fulfill(response=answer, headers=headers)

    context_with_engines.route("**/", bare)
    page = context_with_engines.new_page()
    page.goto("/#/models")
    assert not page.evaluate("crossOriginIsolated")

    said = open_engine(page, "device")
    drawn, _ = translate(page, [said["facts"]["poses"][0]], {"name": said["facts"]["looks"][0]})

    assert said["means"] == "wasm, 1 thread"
    assert drawn[0].shape == (64, 64, 3)


def _damaged(route: Route) -> None:
    answer = route.fetch()
    body = bytearray(answer.body())
    body[-1] ^= 1
    route.fulfill(response=answer, body=bytes(body))


def _cut(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.body()[:1000])


@pytest.mark.parametrize("spoil", [_damaged, _cut])
def test_a_device_that_cannot_says_why_and_the_service_translates(
    page_with_engines: Page,
    context_with_engines: BrowserContext,
    creatures: dict[str, list[Path]],
    spoil: Callable[[Route], None],
) -> None:
    page, (one, other, *_) = page_with_engines, list(creatures.values())
    context_with_engines.route("**/files/gallery.safetensors", spoil)

    said = open_engine(page, "auto")
    drawn, _ = translate(page, one[:1], examples(other[:1]))

    assert said["place"] == "server"
    assert said["reasons"] == [
        "The file gallery.safetensors did not arrive whole. Load the page again."
    ]
    assert drawn[0].shape == (64, 64, 3)


def _png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
