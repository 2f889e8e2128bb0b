"""The page as a person has it: a real service, a real browser, creatures of the menagerie."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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
BROWSERS_OWN = {"No available adapters."}  # chromium says so where there is no graphics card
WEB = Path(__file__).parent.parent.parent / "web"
PAGE_WORKER = Path(__file__).parent / "page_worker.py"
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
def page_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page built together with web/tests/browser.ts, by which tests reach its engines."""
    out = tmp_path_factory.mktemp("page")
    command = ["npm", "run", "--silent", "build:tests", "--", "--outDir", str(out)]
    built = subprocess.run(command, cwd=WEB, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return out


@pytest.fixture(scope="session")
def served_with_engines(home: Path, page_of_tests: Path) -> Iterator[Served]:
    """The same service with the page of the tests."""
    variables = {"FUNIT_TESTED_PAGE": str(page_of_tests)}
    with serving(home=home, worker=PAGE_WORKER, variables=variables) as served:
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
    with watched(context.new_page()) as page:
        yield page


@pytest.fixture
def context_with_engines(browser: Browser, served_with_engines: Served) -> Iterator[BrowserContext]:
    """The same at the service with the page of the tests."""
    context = browser.new_context(base_url=served_with_engines.url)
    yield context
    context.close()


@pytest.fixture
def page_with_engines(context_with_engines: BrowserContext) -> Iterator[Page]:
    """A tab of it; not at the editor, which opens an engine of its own."""
    with watched(context_with_engines.new_page()) as page:
        page.goto("/#/models")
        yield page


@contextmanager
def watched(page: Page) -> Iterator[Page]:
    """The tab; fails at the end if it wrote to the console or broke."""
    complaints = list[str]()

    def note(message: ConsoleMessage) -> None:
        if message.text not in BROWSERS_OWN:
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
