"""The page as a person has it: a real service, a real browser, creatures of the menagerie."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from serving import Served, serving

from funit.service.routes.page import STATIC

CHROMIUM = shutil.which("chromium")
NEEDED = {
    "the page is not built: `make web` does": (STATIC / "index.html").is_file(),
    "there is no chromium: `apt-get install chromium`": CHROMIUM is not None,
}
# a camera that films a pattern, and nobody is asked
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
MISSING = [reason for reason, there in NEEDED.items() if not there]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a page or a browser the tests here are skipped, and say so."""
    here = Path(__file__).parent
    for item in items:
        if MISSING and here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="; ".join(MISSING)))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service's own $FUNIT_HOME."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def served(home: Path) -> Iterator[Served]:
    """`funit serve` with the models of the package."""
    with serving(home=home) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *FAKE_CAMERA], headless=True
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser that was never here before."""
    context = browser.new_context(base_url=served.url, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; the test fails if the page writes to the console or breaks."""
    page, complaints = context.new_page(), list[str]()

    def note(message: ConsoleMessage) -> None:
        complaints.append(f"{message.type}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


@pytest.fixture(scope="session")
def creatures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Files of four species that no model saw, in six poses each, by the species' names."""
    from funit.data.menagerie import write_menagerie

    folder = tmp_path_factory.mktemp("zoo") / "zoo"
    write_menagerie(folder, num_classes=4, num_poses=6, size=64, seed=4242)
    return {
        species.name: sorted(species.glob("*.png"))
        for species in sorted(folder.iterdir())
        if species.is_dir()
    }
