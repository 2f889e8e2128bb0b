"""The page's frame: it loads at once, leads everywhere, and is small."""

import gzip

import pytest
from playwright.sync_api import Page, expect

from funit.service.routes.page import STATIC

BEFORE_THE_MODEL = 100_000  # bytes of JavaScript that a visit loads, as they are sent


@pytest.mark.parametrize("path", ["", "models", "datasets", "jobs"])
def test_every_page_opens_and_says_nothing_to_the_console(page: Page, path: str) -> None:
    page.goto(f"/#/{path}")
    expect(page.get_by_role("navigation")).to_be_visible()
    expect(page.locator("nav a[aria-current=page]")).to_have_count(1)
    page.wait_for_load_state("networkidle")


def test_it_asks_nobody_else(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    origin = page.evaluate("location.origin")
    assert asked
    assert {url for url in asked if not url.startswith((origin, "blob:", "data:"))} == set()


def test_threads_are_allowed(page: Page) -> None:
    page.goto("/")
    assert page.evaluate("crossOriginIsolated")


def test_a_theme_is_chosen_and_kept(page: Page) -> None:
    page.goto("/")
    button = page.get_by_role("button", name="Theme")
    button.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    button.click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_page_is_small_before_the_model(page: Page) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    scripts = {url.rsplit("/", 1)[1] for url in loaded if url.endswith((".js", ".mjs"))}
    sizes = {name: len(gzip.compress((STATIC / "assets" / name).read_bytes())) for name in scripts}
    assert sum(sizes.values()) < BEFORE_THE_MODEL, sizes
