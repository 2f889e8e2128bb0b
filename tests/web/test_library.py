"""Models, data sets and trainings in the browser, with the real service behind them."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jobshop import TINY
from playwright.sync_api import Browser, BrowserContext, Page, expect
from serving import Served, funit, serving

from funit import Client
from funit.config import merged
from funit.data.menagerie import write_menagerie

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
LONG = 240_000  # milliseconds: a training of seconds, on a machine that may be busy
PAGES = [
    "models",
    "models/default/1",
    "datasets",
    "datasets/zoo",
    "jobs",
    "jobs/new/zoo",
    "jobs/schedule",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


def options(home: Path, **settings: Any) -> list[str]:
    """Of a service that is asked often, and trains on one core."""
    config = home / "service.yaml"
    jobs = {"devices": {"cpu": 1}, "poll_seconds": 0.1}
    limits = {"requests_per_minute": 60_000}
    config.write_text(yaml.safe_dump({"jobs": jobs, "limits": limits, **settings}))
    return ["--config", str(config)]


@pytest.fixture(scope="module")
def served(home: Path, zoo: Path) -> Iterator[Served]:
    """A service that does no jobs: what is asked of them stays to be looked at."""
    with serving(*options(home), "--no-jobs", home=home) as served, Client(served.url) as client:
        client.upload_dataset("zoo", zoo)
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url) as client:
        yield client


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of eight species in five poses, 16 px."""
    path = tmp_path_factory.mktemp("data") / "zoo.zip"
    write_menagerie(path, num_classes=8, num_poses=5, size=16, seed=3)
    return path


def asked(**changed: Any) -> dict[str, Any]:
    """A training of a few seconds."""
    few = {"max_images": 48, "evaluation": {"pairs": 8, "shots": [1]}, "graphs": False}
    return {"settings": TINY, **few, **changed}


def settle(page: Page) -> None:
    """Waits until everything that a page asks for is there."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("Loading…")
    for picture in page.locator("img.picture").all():
        picture.scroll_into_view_if_needed()  # it is loaded when it comes near
    expect(page.locator("img[data-state=waiting]")).to_have_count(0, timeout=30_000)


@pytest.fixture
def violations() -> Callable[[Page], list[str]]:
    """What axe-core finds serious on a page, as `rule: element`."""

    def found(page: Page) -> list[str]:
        page.evaluate(AXE.read_text(encoding="utf-8"))
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{rule['id']}: {node['html'][:120]}"
            for rule in result["violations"]
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]

    return found


# ---------------------------------------------------------------------- models


def test_models_are_shown_with_their_scores_card_and_pictures(page: Page, client: Client) -> None:
    page.goto("/#/models")
    for name, error in (("default", "40%"), ("sprites", "38%")):
        card = page.locator(".model-card").filter(has=page.get_by_role("link", name=f"{name}@1"))
        expect(card.locator("img[data-state=loaded]")).to_have_count(1)
        expect(card).to_contain_text(f"{error} of the error of copying")
        expect(card.get_by_role("link", name="Use in the editor")).to_have_attribute(
            "href", f"#/?model={name}%401"
        )
    page.get_by_role("link", name="default@1").click()

    model = client.find_model("default@1")
    row = page.get_by_role("row", name=re.compile(r"^l1_foreground"))
    for shots in (5, 1):
        page.get_by_text(re.compile(f"^{shots} example")).click()
        (score,) = (
            each["value"]
            for each in model.scores
            if (each["model"], each["metric"], each["shots"]) == ("default", "l1_foreground", shots)
        )
        expect(row.get_by_role("cell").first).to_contain_text(f"{score:.3g}")
        expect(row.locator("strong")).to_have_text(f"{score:.3g}")  # better than the baselines
    expect(page.locator(".gallery-sheet img[data-state=loaded]")).to_have_count(12)
    expect(page.locator(".markdown")).to_contain_text("The menagerie: creatures that funit itself")
    expect(page.locator(".fact-list").first).to_contain_text("Apache-2.0")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    with zipfile.ZipFile(download.value.path()) as exported:
        assert "model.safetensors" in exported.namelist()


def test_aliases_are_set_and_removed(page: Page, client: Client, tmp_path: Path) -> None:
    client.export_model("default", tmp_path / "default.zip")
    client.import_model(tmp_path / "default.zip", "creatures")

    page.goto("/#/models/creatures/1")
    page.get_by_label("New alias of version 1").fill("production")
    page.get_by_role("button", name="Set alias").click()
    remove = page.get_by_role("button", name="Remove the alias production")
    expect(remove).to_be_visible()
    assert client.find_model("creatures@production").version == 1
    remove.click()
    expect(remove).to_have_count(0)
    assert client.find_model("creatures@1").aliases == ("latest",)


def test_an_export_is_imported_and_its_version_removed(
    page: Page, client: Client, tmp_path: Path
) -> None:
    client.export_model("sprites", tmp_path / "drawn-1.zip")

    page.goto("/#/models")
    page.get_by_label("Choose a zip").set_input_files(tmp_path / "drawn-1.zip")
    expect(page.get_by_label("Name")).to_have_value("drawn")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="drawn@1")).to_be_visible(timeout=LONG)
    assert client.find_model("drawn@1").image_size == 64

    remove = page.get_by_role("button", name="Remove this version")
    remove.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    remove.click()
    page.get_by_role("dialog").get_by_role("button", name="Remove this version").click()
    expect(page).to_have_url(re.compile("#/models$"))
    assert "drawn" not in {each.name for each in client.models()}
    page.goto("/#/models/default/1")
    expect(page.get_by_role("button", name="Set alias")).to_be_visible()
    expect(remove).to_have_count(0)  # what comes with the package stays


# ------------------------------------------------------------------- data sets


def test_a_zip_is_uploaded_looked_at_added_to_and_deleted(
    page: Page, client: Client, zoo: Path, tmp_path: Path, creatures: dict[str, list[Path]]
) -> None:
    broken = tmp_path / "My Zoo.zip"
    broken.write_bytes(zoo.read_bytes())
    with zipfile.ZipFile(broken, "a") as file:
        cls = file.namelist()[0].split("/")[0]
        file.writestr(f"{cls}/broken.png", b"no picture")

    page.goto("/#/datasets")
    page.get_by_label("Choose a zip").set_input_files(broken)
    expect(page.get_by_label("Name").first).to_have_value("my-zoo")
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("heading", name="my-zoo")).to_be_visible()
    expect(page.get_by_text("1 file cannot be used and was left out.").first).to_be_visible()
    expect(page.get_by_role("row", name=f"{cls}/broken.png")).to_be_visible()
    expect(page.locator(".thumbs img[data-state=loaded]")).to_have_count(8)

    picture = next(iter(creatures.values()))[0]
    page.get_by_role("combobox", name="Class").fill("newcomer")
    unreadable = tmp_path / "unreadable.png"
    unreadable.write_bytes(b"no picture")
    page.get_by_label("Pictures of one class").set_input_files([picture, unreadable])
    page.get_by_role("button", name="Add images").click()
    added = page.get_by_role("status").filter(has_text="can be used")
    expect(added).to_contain_text("1 picture can be used; the newest version is 2.")
    expect(added).to_contain_text("unreadable.png")

    page.get_by_role("link", name="newcomer").click()
    expect(page.locator(".thumbs img[data-state=loaded]")).to_have_count(1)
    page.get_by_role("button", name=f"Remove {picture.name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("0 of 0 shown")).to_be_visible()
    assert [v.version for v in client.find_dataset("my-zoo").versions] == [1, 2, 3]

    page.goto("/#/datasets/my-zoo@1")
    expect(page.get_by_text("This is version 1; the newest is 3.")).to_be_visible()
    page.get_by_role("button", name="Delete the data set").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert "my-zoo" in {each.name for each in client.datasets()}
    page.get_by_role("button", name="Delete the data set").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("#/datasets$"))
    assert "my-zoo" not in {each.name for each in client.datasets()}


def test_an_upload_is_stopped_and_leaves_nothing(
    page: Page, client: Client, zoo: Path, context: BrowserContext, tmp_path: Path
) -> None:
    large = tmp_path / "large.zip"
    with zipfile.ZipFile(large, "w") as file:
        file.writestr("a/x.bin", bytes(8_000_000))
    wire = context.new_cdp_session(page)
    page.goto("/#/datasets")
    wire.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000}
    wire.send("Network.emulateNetworkConditions", slow)
    page.get_by_label("Choose a zip").set_input_files(large)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator(".sending")).to_contain_text(re.compile(r"^[\d.]+ kB of 8"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The upload was stopped; nothing of it is kept.")).to_be_visible()
    assert "large" not in {each.name for each in client.datasets()}


# ------------------------------------------------------------------- trainings


def test_a_training_is_asked_for_by_a_form_of_the_schema(context: BrowserContext) -> None:
    page = context.new_page()  # not `page`: browsers write refused requests to the console
    page.goto("/#/datasets/zoo")
    page.get_by_role("link", name="Train on this").click()
    expect(page.get_by_label("Data set")).to_have_value("zoo")
    page.get_by_label("Name").fill("Not a name")
    page.get_by_label("Max images").fill("-1")
    page.get_by_role("button", name="Start the training").click()
    expect(page.get_by_text("2 fields are not right yet.")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()

    page.get_by_label("Name").fill("beasts")
    page.get_by_label("Max images").fill("48")
    page.get_by_label("Set a minimum").check()
    page.get_by_label("At most").fill("0.9")
    page.get_by_text("More settings").click()
    page.get_by_label("Settings").last.fill(json.dumps({"training": {"speed": 9}}))
    page.get_by_label("Priority").fill("3")
    page.get_by_role("button", name="Add a candidate").click()
    page.get_by_label("Preset").last.fill("light")
    page.get_by_role("button", name="Start the training").click()
    expect(page.get_by_role("alert")).to_contain_text("speed")  # the service knows no such setting


def test_a_training_is_paused_resumed_cancelled_and_compared(page: Page, client: Client) -> None:
    first = client.create_job("zoo", "beasts", **asked())
    second = client.create_job("zoo", "beasts", **asked(max_images=64))

    page.goto("/#/jobs")
    page.get_by_role("checkbox", name=re.compile(first.id)).check()
    page.get_by_role("row").filter(has=page.get_by_role("checkbox", name=re.compile(second.id)))
    page.get_by_role("checkbox", name=re.compile(second.id)).check()
    page.get_by_role("link", name="Compare the curves (2 chosen)").click()
    difference = page.get_by_role("row", name=re.compile("max_images"))
    expect(difference.get_by_role("cell")).to_have_text(["48", "64"])

    page.goto(f"/#/jobs/{first.id}")
    state = page.get_by_role("status").filter(has_text="State")
    expect(state).to_contain_text("waiting")
    page.get_by_role("button", name="Pause").click()
    expect(state).to_contain_text("paused")
    client.resume_job(first)  # by somebody else: the page hears it
    expect(state).to_contain_text("waiting")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Cancel the training").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the training").click()
    expect(state).to_contain_text("cancelled")
    expect(page.get_by_role("button", name="Cancel the training")).to_have_count(0)
    assert client.find_job(first).state == "cancelled"
    page.get_by_role("link", name="Train again like this").click()
    expect(page.get_by_label("Max images")).to_have_value("48")


def test_schedules_are_shown_paused_and_removed(page: Page, client: Client) -> None:
    client.create_schedule("weekly", {"dataset": "zoo", "name": "x"}, every_hours=168, new_images=9)

    page.goto("/#/jobs")
    expect(page.get_by_role("row", name=re.compile("weekly"))).to_contain_text(
        "every 7 days, after 9 new images"
    )
    page.get_by_role("button", name="Pause weekly").click()
    expect(page.get_by_role("button", name="Resume weekly")).to_be_visible()
    assert client.find_schedule("weekly").state == "paused"
    page.get_by_role("button", name="Remove weekly").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No training comes again by itself")).to_be_visible()
    assert client.schedules() == []


def test_a_training_is_repeated_by_a_schedule(page: Page, client: Client) -> None:
    job = client.create_job("zoo", "beasts", **asked())

    page.goto(f"/#/jobs/{job.id}")
    page.get_by_role("link", name="Repeat by itself").click()
    expect(page.get_by_label("Data set")).to_have_value("zoo")  # of whichever version
    page.get_by_label("Name").first.fill("nightly")
    page.get_by_role("button", name="Make the schedule").click()
    expect(page.get_by_text("Say how many hours, how many new images, or both.")).to_be_visible()
    expect(page.get_by_label("Hours between trainings")).to_be_focused()
    page.get_by_label("Hours between trainings").fill("24")
    page.get_by_label("New images").fill("5")
    page.get_by_role("button", name="Make the schedule").click()
    row = page.get_by_role("row", name=re.compile("nightly"))
    expect(row).to_contain_text("every day, after 5 new images")

    made = client.find_schedule("nightly")
    assert made.request["dataset"] == "zoo"
    assert made.request["max_images"] == 48
    assert made.request["settings"] == TINY
    client.remove_schedule(made)
    client.cancel_job(job)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, zoo: Path) -> Iterator[Served]:
    """A service that does jobs."""
    home = tmp_path_factory.mktemp("workshop")
    with serving(*options(home), home=home) as served, Client(served.url) as client:
        client.upload_dataset("zoo", zoo)
        yield served


@pytest.mark.slow
def test_a_training_is_watched_from_the_form_to_its_version(
    browser: Browser, workshop: Served
) -> None:
    complaints: list[str] = []
    context = browser.new_context(base_url=workshop.url)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    rarely = {"training": {"log_every_images": 20}}  # and a line at the end
    request = asked(
        settings=merged(TINY, rarely),
        minimum={"metric": "l1_foreground/copy-content", "shots": 1, "at_most": 1e-6},
        otherwise=[{"settings": merged(TINY, rarely, {"training": {"seed": 1}})}],
        further_rounds=0,
    )

    page.goto("/#/jobs/new/zoo")
    page.get_by_label("Name").fill("beasts")
    page.get_by_label("Max images").fill("48")
    page.get_by_text("More settings").click()
    page.get_by_label("Settings").last.fill(json.dumps(request["settings"]))
    page.get_by_label("Shots").last.fill("1")
    page.get_by_label("Pairs").fill("8")
    page.get_by_label("Graphs").uncheck()
    page.get_by_role("button", name="Start the training").click()

    state = page.get_by_role("status").filter(has_text="State")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(state).to_contain_text("training", timeout=LONG)
    expect(page.locator(".samples img[data-state=loaded]")).to_be_visible(timeout=LONG)
    chart = page.get_by_role("img", name=re.compile("^generator: reconstruction"))
    expect(chart).to_be_visible(timeout=LONG)
    expect(state).to_contain_text("published", timeout=LONG)
    expect(chart).to_have_attribute("aria-label", re.compile("after 48 images$"))
    expect(page.get_by_text("48 of 48 images")).to_be_visible()
    expect(page.locator(".log")).to_contain_text("stopped at 48 images")
    expect(page.get_by_role("row", name=re.compile("^l1_foreground")).first).to_be_visible()
    expect(page.get_by_text("Too few images").first).to_be_visible()
    whole_report_is_shown(page)
    address = page.url
    page.get_by_role("link", name="beasts@1").click()
    expect(page.get_by_role("heading", name="beasts@1")).to_be_visible()
    page.locator(".fact-list").first.get_by_role("link").click()  # the training that made it
    expect(page).to_have_url(address)

    with Client(workshop.url) as client:
        job = client.create_job("zoo", "beasts", **request)
        page.goto(f"/#/jobs/{job.id}")
        expect(state).to_contain_text("failed", timeout=LONG)
        rows = page.get_by_role("row", name=re.compile("not good enough"))
        expect(rows).to_have_count(2)
        page.get_by_text("candidate 1 of 2").click()
        expect(page.locator(".samples img[data-state=loaded]")).to_be_visible()
        other = client.jobs()[1]
        page.goto(f"/#/jobs/compare/{job.id}/{other.id}")
        expect(page.locator(".legend li")).to_have_count(3)
        label = re.compile(r"beasts \w+, candidate 2 of 2: [^;]* after 48 images; beasts")
        expect(page.get_by_role("img", name=label).first).to_be_visible()
    context.close()
    assert complaints == []


# Asked of the page around it: the browser complains where Playwright runs scripts in such a frame.
_REPORT = """frame => {
    const inside = frame.contentDocument;
    inside.querySelector('a[href="#samples"]').click();
    return {
        text: inside.body.innerText,
        pictures: [...inside.images].filter(each => each.naturalWidth > 0).map(each => each.alt),
        unseen: [...inside.images].filter(each => each.naturalWidth === 0).length,
        background: frame.contentWindow.getComputedStyle(inside.body).backgroundColor,
        height: inside.documentElement.scrollHeight,
        address: inside.location.hash,
    };
}"""


def whole_report_is_shown(page: Page) -> None:
    """With its style in the theme of the page, and its links within itself."""
    page.get_by_role("button", name="Theme").click()  # light
    page.get_by_role("button", name="Theme").click()
    page.get_by_text("The whole report").click()
    frame = page.locator("iframe.report")
    expect(frame).to_have_attribute("style", re.compile(r"\d{4}px"))  # as high as what is inside
    shown = frame.evaluate(_REPORT)

    assert "Class by class" in shown["text"]
    assert any("its translation into" in alt for alt in shown["pictures"])
    assert shown["unseen"] == 0
    assert shown["background"] == "rgb(21, 23, 26)"  # as in the dark
    assert frame.evaluate("it => it.clientHeight") == pytest.approx(shown["height"], abs=5)
    assert shown["address"] == "#samples"
    assert "/workshop" not in shown["text"]  # where the run is on the server is nobody's


def test_a_page_that_lost_the_service_goes_on_when_it_is_back(
    page: Page, client: Client, context: BrowserContext
) -> None:
    job = client.create_job("zoo", "beasts", **asked())
    page.goto(f"/#/jobs/{job.id}")
    state = page.get_by_role("status").filter(has_text="State")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    page.evaluate("window.stop()")  # breaks the stream off
    expect(page.get_by_text("The connection broke off; trying again…")).to_be_visible()
    client.pause_job(job)
    expect(state).to_contain_text("paused")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    client.cancel_job(job)


# ---------------------------------------------------------------- for everyone


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe(
    page: Page, client: Client, violations: Callable[[Page], list[str]], theme: str
) -> None:
    job = client.create_job("zoo", "beasts", **asked())
    page.add_init_script(f"localStorage.setItem('funit-theme', '{theme}')")
    cls = client.dataset_classes("zoo")[0].cls
    found = {}
    for path in [*PAGES, f"datasets/zoo/{cls}", f"jobs/{job.id}", f"jobs/compare/{job.id}"]:
        page.goto(f"/#/{path}")
        settle(page)
        found[path] = violations(page)
    client.cancel_job(job)
    assert {path: each for path, each in found.items() if each} == {}


def test_nothing_is_wider_than_a_phone(page: Page, client: Client) -> None:
    jobs = [client.create_job("zoo", "beasts", **asked()) for _ in range(2)]
    page.set_viewport_size({"width": 360, "height": 740})
    widths = {}
    for path in [*PAGES, f"jobs/{jobs[0].id}", f"jobs/compare/{jobs[0].id}"]:
        page.goto(f"/#/{path}")
        settle(page)
        widths[path] = page.evaluate("document.documentElement.scrollWidth")
    for job in jobs:
        client.cancel_job(job)
    assert {path: width for path, width in widths.items() if width > 360} == {}


def test_a_service_that_is_away_or_has_no_room_is_told_and_asked_again(
    context: BrowserContext,
) -> None:
    page = context.new_page()  # not `page`: browsers write failed requests to the console
    page.route("**/v1/models", lambda route: route.abort())
    page.goto("/#/models")
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer.")
    page.unroute("**/v1/models")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="default@1")).to_be_visible()

    full = json.dumps({"error": "the database does not answer", "hint": "try again later"})
    page.route("**/v1/jobs?*", lambda route: route.fulfill(status=503, body=full))
    page.goto("/#/jobs")
    expect(page.get_by_role("alert")).to_contain_text("the database does not answer")
    page.goto("/#/models/nothing")
    expect(page.get_by_role("alert")).to_contain_text("no model is called nothing@latest")


def test_a_key_is_asked_for_and_another_one_where_it_may_not(
    browser: Browser, tmp_path: Path
) -> None:
    def key(name: str, *scopes: str) -> str:
        words = [word for scope in scopes for word in ("--scope", scope)]
        return funit("keys", "create", name, *words, home=tmp_path).stdout.strip()

    translates, trains = key("ada", "translate"), key("eve", "translate", "train")
    with serving("--keys", "required", "--no-jobs", home=tmp_path) as served:
        page = browser.new_page(base_url=served.url)
        page.goto("/#/models")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("no API key is given")
        dialog.get_by_label("Key").fill("nonsense")
        dialog.get_by_role("button", name="Use this key").click()
        expect(dialog).to_contain_text("this API key is not known")
        dialog.get_by_label("Key").fill(translates)
        dialog.get_by_role("button", name="Use this key").click()
        expect(page.locator(".model-card img[data-state=loaded]")).to_have_count(2)

        page.get_by_role("link", name="default@1").click()
        expect(page.get_by_role("heading", name="Aliases")).to_be_visible()
        expect(page.get_by_role("button", name="Set alias")).to_have_count(0)

        page.get_by_role("link", name="Trainings").click()
        refused = page.get_by_role("alert").first
        expect(refused).to_contain_text("it has no scope train")
        refused.get_by_role("button", name="Use another key").click()
        dialog.get_by_label("Key").fill(trains)
        dialog.get_by_role("button", name="Use this key").click()
        expect(page.get_by_text("There is no training yet.")).to_be_visible()

        page.get_by_role("button", name="API key").click()
        dialog.get_by_role("button", name="Forget the key").click()
        page.reload()
        expect(dialog).to_contain_text("no API key is given")
        page.close()
