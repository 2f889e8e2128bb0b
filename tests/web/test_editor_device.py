"""The editor where the model runs in the browser: nothing of the person's leaves it."""

from pathlib import Path

import numpy as np
import pytest
from editing import SECONDS, Editor, difference
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect

from funit import Translator

SAME = 0.01  # mean difference of pictures that are the same but for rounding
Creatures = dict[str, list[Path]]


@pytest.fixture
def editor(page: Page) -> Editor:
    editor = Editor(page, "device")
    editor.open()
    return editor


@pytest.fixture
def own(creatures: Creatures) -> tuple[Path, list[Path]]:
    """A pose, and examples of another species."""
    first, _, third, _ = creatures.values()
    return first[3], third[:3]


def test_the_device_gives_what_the_translator_gives_and_sends_nothing(
    editor: Editor, own: tuple[Path, list[Path]], context: BrowserContext
) -> None:
    pose, examples = own
    asked: list[str] = []
    editor.page.on("request", lambda request: asked.append(request.url))
    editor.put("pose", [pose])
    editor.put("look", examples)
    expect(editor.status).to_contain_text("Nothing left this device.")
    translator = Translator.load("default")
    expected = translator.translate(pose, translator.encode_class(examples))
    assert difference(editor.pixels(), expected) < SAME
    assert [url for url in asked if not url.startswith("blob:")] == []

    context.set_offline(True)
    editor.click("Blend with a second look")
    editor.settle(look=f"{', '.join(file.name for file in examples)} + banded-horse")
    editor.view("All poses")
    expect(editor.page.get_by_text("32 of 32 poses")).to_be_visible(timeout=SECONDS)
    editor.click("Surprise me")
    editor.view("Result")
    expect(editor.well("pose").get_by_role("button", name="Pose: pose_")).to_be_visible()
    editor.settle()


def test_an_input_that_the_model_does_not_know_is_said_with_what_to_do(
    editor: Editor, tmp_path: Path, own: tuple[Path, list[Path]]
) -> None:
    warning = editor.page.get_by_text("is unlike what this model knows")
    editor.put("pose", [own[0]])
    expect(warning).to_have_count(0)
    noise = tmp_path / "noise.png"
    values = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(values).save(noise)
    editor.put("pose", [noise])
    expect(warning).to_be_visible()
    expect(editor.page.get_by_text("Crop it tighter")).to_be_visible()


def test_until_the_device_is_ready_the_service_sees_the_gallery_alone(
    page: Page, own: tuple[Path, list[Path]]
) -> None:
    editor, held, sent = Editor(page, "auto"), list[Route](), list[bytes]()
    page.route("**/files/weights.safetensors", lambda route: held.append(route))
    page.on("request", lambda request: sent.append(request.post_data_buffer or b""))
    page.goto("/")
    expect(editor.status).to_contain_text("s on the service", timeout=SECONDS)
    expect(page.get_by_role("progressbar")).to_be_visible()
    editor.well("pose").locator("input[type=file]").set_input_files(own[0])
    expect(page.get_by_role("button", name=f"Pose: {own[0].name}")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(editor.status).to_contain_text("Working")

    held[0].continue_()
    editor.settle(pose=own[0].name)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert not any(b"PNG" in body for body in sent)


def test_where_the_device_cannot_the_service_does_and_it_is_said(
    context: BrowserContext, own: tuple[Path, list[Path]]
) -> None:
    page = context.new_page()  # its console may complain
    page.route("**/files/weights.safetensors", lambda route: route.fulfill(body=b"no weights"))
    editor = Editor(page, "auto")
    page.goto("/")
    expect(page.get_by_text("The service translates.")).to_be_visible(timeout=SECONDS)
    editor.place = "the service"
    editor.put("pose", [own[0]])

    # the service is not asked behind one's back
    page.get_by_label("Runs on").select_option("device")
    expect(page.get_by_role("alert")).to_contain_text("did not arrive whole")


def test_where_there_is_no_memory_the_service_does_and_it_is_said(
    context: BrowserContext, own: tuple[Path, list[Path]]
) -> None:
    page = context.new_page()
    page.route("**/assets/worker-*.js", _without_memory)
    editor = Editor(page, "auto")
    page.goto("/")
    expect(page.get_by_text("There is not enough memory.")).to_be_visible(timeout=SECONDS)
    editor.place = "the service"
    editor.put("pose", [own[0]])

    page.get_by_label("Runs on").select_option("device")
    expect(page.get_by_role("alert")).to_contain_text("Close other tabs, or let the service do it.")


def _without_memory(route: Route) -> None:
    """The page's own worker, on a device that has no memory for wasm: says what Chromium says."""
    answer = route.fetch()
    refusal = "throw new RangeError('WebAssembly.Memory(): could not allocate memory')"
    none = f"WebAssembly.Memory = class {{ constructor() {{ {refusal} }} }};\n"
    route.fulfill(response=answer, body=none + answer.text())


def test_the_camera_is_redrawn_on_the_device(editor: Editor) -> None:
    editor.view("Live")
    editor.click("Use the camera")
    expect(editor.page.get_by_text("frames a second on this device")).to_be_visible(timeout=SECONDS)
