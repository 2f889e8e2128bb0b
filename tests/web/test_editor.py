"""The editor at the service: what goes in, what comes out, what is remembered."""

import itertools
import time
from pathlib import Path

import pytest
from editing import FIRST, POSES, SECONDS, Editor, difference, tab_to, transfer
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from serving import funit, serving

from funit import Translator

TRANSLATIONS = "**/v1/translations"
SAME = 0.01  # mean difference of pictures that are the same but for rounding
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

Creatures = dict[str, list[Path]]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load("default")


@pytest.fixture
def editor(page: Page) -> Editor:
    editor = Editor(page)
    editor.open()
    return editor


@pytest.fixture
def troubled(context: BrowserContext) -> Editor:
    """An editor whose browser may complain of requests that fail."""
    return Editor(context.new_page())


@pytest.fixture
def pose(creatures: Creatures) -> Path:
    return next(iter(creatures.values()))[3]


@pytest.fixture
def examples(creatures: Creatures) -> list[Path]:
    """Of another species."""
    return list(creatures.values())[2][:3]


def test_the_first_thing_that_is_seen_is_a_result(editor: Editor) -> None:
    expect(editor.result).to_be_visible()
    expect(editor.page.get_by_role("alert")).to_have_count(0)


def test_what_comes_out_is_what_the_translator_gives(
    editor: Editor, translator: Translator, pose: Path, examples: list[Path]
) -> None:
    editor.drop("pose", [pose])
    editor.settle(pose=pose.name)
    editor.put("look", examples)

    expected = translator.translate(pose, translator.encode_class(examples))
    assert difference(editor.pixels(), expected) < SAME

    editor.page.get_by_label("Weight of example 1").fill("3")
    editor.page.get_by_label("Weight of example 3").fill("0")
    page_waits_for_new(editor)
    expected = translator.translate(pose, translator.encode_class(examples, [3, 1, 0]))
    assert difference(editor.pixels(), expected) < SAME


def page_waits_for_new(editor: Editor) -> None:
    """A change was made that changes no name: the request for it begins after a moment."""
    editor.page.wait_for_timeout(400)
    editor.settle()


def test_two_looks_are_blended(
    editor: Editor, translator: Translator, examples: list[Path]
) -> None:
    editor.put("look", examples[:1])
    editor.click("Blend with a second look")
    second = editor.page.locator("[data-look='1']")
    second.locator("input[type=file]").set_input_files(examples[1])
    editor.settle(look=f"{examples[0].name} + {examples[1].name}")
    editor.page.get_by_role("slider", name="Blend").fill("80")
    page_waits_for_new(editor)
    blend = editor.pixels()

    second.get_by_role("button", name="Remove this look").click()
    editor.settle(look=examples[0].name)
    editor.well("look").locator("input[type=file]").first.set_input_files(examples[1])
    editor.settle(look=f"{examples[0].name}, {examples[1].name}")
    editor.page.get_by_label("Weight of example 1").fill("0.5")
    editor.page.get_by_label("Weight of example 2").fill("2")  # the same shares
    page_waits_for_new(editor)
    assert difference(blend, editor.pixels()) < SAME


def test_a_picture_is_pasted_into_the_well_that_has_the_focus(
    editor: Editor, pose: Path, examples: list[Path]
) -> None:
    paste(editor.page, pose)
    editor.settle(pose=pose.name)
    editor.well("look").get_by_role("button").first.focus()
    paste(editor.page, examples[0])
    editor.settle(look=examples[0].name)


def paste(page: Page, file: Path) -> None:
    page.evaluate(
        """clipboardData => (document.activeElement ?? document.body).dispatchEvent(
            new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))""",
        transfer(page, [file]),
    )


def test_the_camera_gives_a_pose(editor: Editor) -> None:
    editor.well("pose").get_by_role("button", name="Camera").click()
    editor.page.get_by_role("button", name="Take the picture").click()
    editor.settle(pose="camera.png")


def test_a_crop_is_what_the_model_gets_and_is_remembered(
    editor: Editor,
    translator: Translator,
    creatures: Creatures,
    examples: list[Path],
    tmp_path: Path,
) -> None:
    large = tmp_path / "large.png"
    Image.open(creatures_first(creatures)).resize((160, 128)).save(large)
    editor.put("look", examples)
    editor.put("pose", [large])
    editor.click("Crop")
    square = editor.page.get_by_role("application")
    square.focus()
    to_the_corner = ["Shift+ArrowLeft"] * 20 + ["Shift+ArrowUp"] * 20
    for key in ["-"] * 6 + to_the_corner:
        square.press(key)
    editor.click("Flip")
    editor.click("Done")
    page_waits_for_new(editor)

    side = round(128 / 1.05**6)
    cropped = Image.open(large).convert("RGB").crop((0, 0, side, side))
    flipped = cropped.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    expected = translator.translate(flipped, translator.encode_class(examples))
    cropped_result = editor.pixels()
    assert difference(cropped_result, expected) < SAME

    editor.put("pose", examples[:1])
    editor.page.reload()
    editor.settle(pose=examples[0].name)
    editor.put("pose", [large])
    assert difference(editor.pixels(), cropped_result) < 0.001


def creatures_first(creatures: Creatures) -> Path:
    return next(iter(creatures.values()))[0]


def test_the_square_is_moved_and_resized_with_the_pointer(editor: Editor, pose: Path) -> None:
    editor.put("pose", [pose])
    editor.click("Crop")
    square = editor.page.get_by_role("application")
    before = box(square)
    drag(editor.page, (before["x"] + 3, before["y"] + 3), (80, 80))  # the corner
    smaller = box(square)
    assert abs(smaller["width"] - (before["width"] - 80)) < 3
    middle = (smaller["x"] + smaller["width"] / 2, smaller["y"] + smaller["height"] / 2)
    drag(editor.page, middle, (-30, -50))
    moved = box(square)
    assert (round(moved["x"] - smaller["x"]), round(moved["y"] - smaller["y"])) == (-30, -50)


def box(locator: object) -> dict[str, float]:
    found = locator.bounding_box()  # type: ignore[attr-defined]
    assert found is not None
    return dict(found)


def drag(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by[0] / 2, start[1] + by[1] / 2)
    page.mouse.move(start[0] + by[0], start[1] + by[1])
    page.mouse.up()


def test_examples_are_moved_and_removed(editor: Editor, examples: list[Path]) -> None:
    editor.put("look", examples)
    names = editor.page.locator(".example .name")
    a, b, c = [file.name for file in examples]
    editor.page.get_by_role("button", name=f"Example 1: {a}").press("Alt+ArrowDown")
    expect(names).to_have_text([b, a, c])
    expect(editor.page.get_by_role("button", name=f"Example 2: {a}")).to_be_focused()
    editor.page.locator(".example").nth(2).drag_to(editor.page.locator(".example").nth(0))
    expect(names).to_have_text([c, b, a])
    editor.page.locator(".example").nth(1).get_by_role("button", name="Remove").click()
    editor.settle(look=f"{c}, {a}")


def test_a_sixth_example_is_left_out_and_said_so(editor: Editor, creatures: Creatures) -> None:
    six = next(iter(creatures.values()))
    editor.well("look").locator("input[type=file]").set_input_files(six)
    expect(editor.page.get_by_role("alert")).to_contain_text("at most five")
    expect(editor.page.locator(".example")).to_have_count(5)


def test_the_gallery_and_surprises_give_poses(editor: Editor) -> None:
    editor.well("pose").get_by_role("button", name="Gallery").click()
    dialog = editor.page.get_by_role("dialog", name="Poses of the model")
    expect(dialog.locator("canvas")).to_have_count(32, timeout=SECONDS)
    dialog.get_by_role("button", name=POSES[0]).click()
    editor.settle(pose=POSES[0])
    seen = {POSES[0]}
    for _ in range(3):
        editor.click("Surprise me")
        name = f"Pose: {sorted(seen)[0]}"
        expect(editor.page.get_by_role("button", name=name)).to_have_count(0)
        seen.add(editor.page.get_by_role("button", name="Pose: ").get_attribute("aria-label") or "")
        editor.settle()
    assert len(seen) == 4


def test_a_surprise_that_comes_too_late_is_none(editor: Editor, pose: Path) -> None:
    def slowly(route: Route) -> None:
        time.sleep(1)
        route.continue_()

    editor.page.route("**/v1/poses/suggest*", slowly)
    editor.click("Surprise me")
    editor.put("pose", [pose])
    editor.page.wait_for_timeout(1500)
    expect(editor.page.get_by_role("button", name=f"Pose: {pose.name}")).to_be_visible()


def test_another_model_keeps_the_pictures_and_brings_its_own_gallery(
    editor: Editor, pose: Path
) -> None:
    editor.put("pose", [pose])
    editor.page.get_by_label("Model").select_option("sprites@1")
    editor.settle(pose=pose.name, look="u022_male_darkelf2")
    expect(editor.status).to_contain_text("sprites@1")
    editor.click("Undo (Ctrl+Z)")
    editor.settle(pose=pose.name, look="spotted-rabbit")
    expect(editor.status).to_contain_text("default@1")


def test_the_address_opens_a_model(page: Page) -> None:
    editor = Editor(page)
    editor.open("/#/?model=sprites")
    editor.settle(pose="walk_s_04")


def test_looks_are_saved_and_found_again(editor: Editor, examples: list[Path]) -> None:
    editor.put("look", examples)
    before = editor.pixels()
    editor.click("Save this look")
    editor.page.get_by_label("Name").fill("foxes")
    editor.page.get_by_role("button", name="Save", exact=True).click()
    editor.settle(look="foxes")
    assert difference(before, editor.pixels()) < SAME

    editor.page.reload()
    editor.settle(look="foxes")
    editor.well("look").get_by_role("button", name="Gallery").click()
    dialog = editor.page.get_by_role("dialog")
    dialog.get_by_role("button", name="foxes", exact=True).hover()
    dialog.get_by_role("button", name="Delete foxes").click()
    expect(dialog.get_by_role("button", name="foxes", exact=True)).to_have_count(0)


def test_poses_are_saved_and_found_again(editor: Editor, pose: Path) -> None:
    editor.put("pose", [pose])
    before = editor.pixels()
    editor.click("Save this pose")
    editor.page.get_by_label("Name").fill("sitting")
    editor.page.get_by_role("button", name="Save", exact=True).click()
    expect(editor.page.get_by_text("sitting is saved: it is in the gallery.")).to_be_visible()

    editor.click("Surprise me")
    expect(editor.page.get_by_text("sitting is saved")).to_have_count(0)
    editor.settle()
    editor.well("pose").get_by_role("button", name="Gallery").click()
    dialog = editor.page.get_by_role("dialog")
    dialog.get_by_role("button", name="sitting", exact=True).click()
    editor.settle(pose="sitting")
    assert difference(before, editor.pixels()) < SAME

    editor.well("pose").get_by_role("button", name="Gallery").click()
    dialog.get_by_role("button", name="sitting", exact=True).hover()
    dialog.get_by_role("button", name="Delete sitting").click()
    expect(dialog.get_by_text("No pose is saved yet.")).to_be_visible()


def test_a_reload_keeps_the_session_and_the_history(
    editor: Editor, pose: Path, examples: list[Path]
) -> None:
    history = editor.page.locator(".strip .tile-button")
    expect(history).to_have_count(1)
    editor.put("pose", [pose])
    expect(history).to_have_count(2)
    editor.put("look", examples)
    expect(history).to_have_count(3)
    result = editor.pixels()

    editor.page.reload()
    editor.settle(pose=pose.name)
    expect(history).to_have_count(3)
    assert difference(editor.pixels(), result) < 0.001

    history.nth(2).click()  # the oldest one: the gallery's
    expect(editor.well("pose").get_by_role("button", name=f"Pose: {FIRST}")).to_be_visible()
    editor.settle()
    history.nth(1).press("Delete")
    expect(history).to_have_count(2)
    editor.click("Clear")
    expect(history).to_have_count(0)
    editor.page.reload()
    expect(history).to_have_count(1)  # what is open


def test_changes_are_undone_and_redone(editor: Editor, pose: Path) -> None:
    undo, redo = (editor.page.get_by_role("button", name=name) for name in ("Undo", "Redo"))
    expect(undo).to_be_disabled()
    editor.put("pose", [pose])
    undo.click()
    editor.settle(pose=FIRST)
    redo.click()
    editor.settle(pose=pose.name)
    editor.page.keyboard.press("Control+z")
    editor.settle(pose=FIRST)
    editor.page.keyboard.press("Control+Shift+Z")
    editor.settle(pose=pose.name)
    expect(redo).to_be_disabled()


def test_an_undo_brings_back_a_picture_that_was_never_history(
    editor: Editor, creatures: Creatures
) -> None:
    first, second = next(iter(creatures.values()))[:2]
    history = editor.page.locator(".strip .tile-button")
    expect(history).to_have_count(1)  # the gallery's
    for file in (first, second):
        editor.well("pose").locator("input[type=file]").set_input_files(file)
        expect(editor.page.get_by_role("button", name=f"Pose: {file.name}")).to_be_visible()
    editor.settle(pose=second.name)
    expect(history).to_have_count(2)  # and the second
    editor.page.wait_for_timeout(500)
    editor.click("Undo (Ctrl+Z)")
    editor.settle(pose=first.name)


def test_what_is_put_in_while_the_history_is_kept_is_not_lost(
    page: Page, examples: list[Path]
) -> None:
    slow = examples[1].stat().st_size
    page.add_init_script(
        "const digest = crypto.subtle.digest.bind(crypto.subtle);"
        "crypto.subtle.digest = async (name, bytes) => {"
        f"  if (bytes.byteLength === {slow}) await new Promise((done) => setTimeout(done, 3000));"
        "  return digest(name, bytes);"
        "};"
    )
    editor = Editor(page)
    editor.open()
    history = editor.page.locator(".strip .tile-button")
    expect(history).to_have_count(0)
    editor.well("look").locator("input[type=file]").set_input_files(examples[:2])
    expect(history).to_have_count(1)  # the gallery's, while the second file is read
    look = ", ".join(file.name for file in examples[:2])
    expect(editor.page.get_by_role("img", name=look)).to_have_count(0)
    editor.settle(look=look)
    editor.page.reload()
    editor.settle(look=look)


def test_of_fifty_quick_changes_only_the_last_is_shown(
    editor: Editor, translator: Translator, examples: list[Path], pose: Path
) -> None:
    editor.put("pose", [pose])
    editor.put("look", examples[:2])
    asked: list[float] = []

    def slowly(route: Route) -> None:
        asked.append(time.monotonic())
        time.sleep(0.3)
        route.continue_()

    editor.page.route(TRANSLATIONS, slowly)
    said = editor.page.evaluate_handle(
        """() => {
            const said = [];
            const status = document.querySelector('.outcome .facts');
            new MutationObserver(() => said.push(status.textContent))
                .observe(status, { childList: true, characterData: true, subtree: true });
            return said;
        }"""
    )
    editor.page.evaluate(
        """async () => {
            const slider = document.querySelector('.weight input');
            for (let n = 1; n <= 50; n++) {
                slider.value = String(n * 0.05);
                slider.dispatchEvent(new Event('input', { bubbles: true }));
                await new Promise(done => setTimeout(done, n % 7 ? 5 : 120));
            }
        }"""
    )
    editor.page.wait_for_timeout(500)
    editor.settle()

    results = [words for words in said.json_value() if "s on the service" in words]
    assert len(results) == 1
    assert len(asked) < 20
    expected = translator.translate(pose, translator.encode_class(examples[:2], [2.5, 1]))
    assert difference(editor.pixels(), expected) < SAME


def test_a_service_that_is_away_is_said_and_asked_again(troubled: Editor, pose: Path) -> None:
    troubled.open()
    troubled.page.route(TRANSLATIONS, lambda route: route.abort())
    troubled.click("Surprise me")
    alert = troubled.page.get_by_role("alert")
    expect(alert).to_contain_text("The service does not answer.")
    expect(troubled.page.get_by_text("Trying again in")).to_be_visible()
    troubled.page.unroute(TRANSLATIONS)
    troubled.settle()  # by itself
    expect(alert).to_have_count(0)


def test_a_service_that_is_busy_is_asked_again_when_it_says(troubled: Editor) -> None:
    troubled.open()
    refused: list[float] = []

    def busy(route: Route) -> None:
        sent = route.request.post_data_buffer or b""
        if b"spotted-rabbit" in sent:  # not a picture of the gallery
            refused.append(time.monotonic())
        body = {"error": "no room", "hint": "try again"}
        route.fulfill(status=503, json=body, headers={"Retry-After": "1"})

    troubled.page.route(TRANSLATIONS, busy)
    troubled.click("Surprise me")
    expect(troubled.page.get_by_role("alert")).to_contain_text("no room")
    troubled.page.wait_for_timeout(2500)
    assert len(refused) >= 2
    assert min(b - a for a, b in itertools.pairwise(refused)) > 0.9
    troubled.page.unroute(TRANSLATIONS)
    troubled.settle()


def test_a_mistake_waits_for_the_person(troubled: Editor) -> None:
    troubled.open()
    body = {"error": "there is no such pose", "hint": "choose another"}
    troubled.page.route(TRANSLATIONS, lambda route: route.fulfill(status=404, json=body))
    troubled.click("Surprise me")
    expect(troubled.page.get_by_role("alert")).to_contain_text("choose another")
    troubled.page.unroute(TRANSLATIONS)
    troubled.click("Try again")
    troubled.settle()


def test_the_page_opens_without_a_service_and_goes_on_when_it_is_there(troubled: Editor) -> None:
    troubled.page.route("**/v1/**", lambda route: route.abort())
    troubled.page.goto("/")
    expect(troubled.page.get_by_role("alert")).to_contain_text("The service does not answer.")
    troubled.page.unroute("**/v1/**")
    troubled.click("Try again")
    troubled.settle()


@pytest.mark.parametrize("well", ["pose", "look"])
def test_a_file_that_is_no_picture_is_refused(editor: Editor, tmp_path: Path, well: str) -> None:
    file = tmp_path / "notes.png"
    file.write_text("no picture")
    editor.drop(well, [file])
    alert = editor.page.get_by_role("alert")
    expect(alert).to_contain_text("notes.png is no picture that this browser reads.")
    expect(alert).to_contain_text("PNG, JPEG, WebP, GIF and BMP")


def test_a_key_is_asked_for_and_the_page_goes_on(browser: Browser, tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = funit("keys", "create", "ada", "--scope", "translate", home=home)
    key = made.stdout.split()[-1]
    with serving("--keys", "required", home=home) as guarded:
        context = browser.new_context(base_url=guarded.url)
        editor = Editor(context.new_page())
        editor.page.goto("/")
        editor.page.get_by_label("Key", exact=True).fill(key)
        editor.click("Use this key")
        editor.settle()
        context.close()


def test_all_of_it_can_be_done_with_the_keyboard(editor: Editor) -> None:
    page = editor.page
    page.locator("#main").focus()
    tab_to(page, "Result")
    page.keyboard.press("ArrowRight")  # Compare
    tab_to(page, "Surprise me")
    tab_to(page, "Gallery")
    tab_to(page, "Look: spotted-rabbit")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, "cocoa-deer")
    page.keyboard.press("Enter")
    editor.settle(look="cocoa-deer")
    assert page.evaluate("document.activeElement.ariaLabel").startswith("Look: ")
    tab_to(page, "How much of the pose is seen")
    page.keyboard.press("Home")
    expect(page.get_by_role("slider", name="How much")).to_have_value("0")
    page.keyboard.press("Control+z")
    editor.settle(look="spotted-rabbit")
    tab_to(page, "Download")
    with page.expect_download() as caught:
        page.keyboard.press("Enter")
    assert caught.value.suggested_filename == "funit.png"


STATES = {
    "opened": lambda editor, pose, examples: None,
    "examples": lambda editor, pose, examples: (
        editor.put("pose", [pose]),
        editor.put("look", examples),
        editor.click("Blend with a second look"),
    ),
    "compare": lambda editor, pose, examples: editor.view("Compare"),
    "poses": lambda editor, pose, examples: (
        editor.view("All poses"),
        expect(editor.page.get_by_text("32 of 32 poses")).to_be_visible(timeout=SECONDS),
    ),
    "gallery": lambda editor, pose, examples: (
        editor.well("look").get_by_role("button", name="Gallery").click(),
        expect(editor.page.locator("dialog canvas")).to_have_count(16, timeout=SECONDS),
    ),
    "crop": lambda editor, pose, examples: (editor.put("pose", [pose]), editor.click("Crop")),
    "link": lambda editor, pose, examples: editor.click("Link"),
    "live": lambda editor, pose, examples: editor.view("Live"),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious(
    editor: Editor, pose: Path, examples: list[Path], state: str, theme: str
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not there: `make web` installs it")
    editor.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    STATES[state](editor, pose, examples)
    editor.page.wait_for_timeout(400)
    editor.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = editor.page.evaluate("axe.run()")
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("width", [360, 900, 1600])
def test_nothing_is_cut_off_at_any_width(
    editor: Editor, pose: Path, examples: list[Path], width: int
) -> None:
    editor.page.set_viewport_size({"width": width, "height": 900})
    editor.put("pose", [pose])
    editor.put("look", examples)
    assert editor.page.evaluate("document.documentElement.scrollWidth") <= width
    for button in editor.page.locator("button:visible, label.button:visible").all():
        around = button.bounding_box()
        assert around is not None
        in_strip = button.evaluate("it => it.closest('.strip') !== null")
        assert in_strip or (around["x"] >= 0 and around["x"] + around["width"] <= width)


def test_the_camera_is_redrawn_live(editor: Editor) -> None:
    editor.view("Live")
    editor.click("Use the camera")
    rate = editor.page.get_by_text("frames a second on the service")
    expect(rate).to_be_visible()
    editor.page.wait_for_timeout(1500)
    assert 0.5 < float((rate.text_content() or "").split()[0]) < 9  # the service has other guests
    editor.click("Stop")
    expect(rate).to_have_count(0)


def test_a_gif_is_redrawn_live(editor: Editor, creatures: Creatures, tmp_path: Path) -> None:
    frames = [Image.open(file).convert("RGB") for file in next(iter(creatures.values()))]
    gif = tmp_path / "turning.gif"
    frames[0].save(gif, save_all=True, append_images=frames[1:], duration=200, loop=0)
    editor.view("Live")
    editor.page.locator(".live input[type=file]").set_input_files(gif)
    expect(editor.page.get_by_text("frames a second on the service")).to_be_visible()
    seen = set[bytes]()
    deadline = time.monotonic() + 20
    while len(seen) < 3:  # it moves
        assert time.monotonic() < deadline
        seen.add(editor.page.locator(".live canvas").nth(1).screenshot())
    editor.click("Pause")
    editor.page.wait_for_timeout(2000)  # what was under way is drawn
    still = {editor.page.locator(".live canvas").nth(0).screenshot() for _ in range(3)}
    assert len(still) == 1


def test_a_dropped_video_is_redrawn_live(editor: Editor, tmp_path: Path) -> None:
    recorded = editor.page.evaluate(
        """async () => {
            const canvas = document.createElement('canvas');
            canvas.width = canvas.height = 96;
            const context = canvas.getContext('2d');
            const stream = canvas.captureStream(20);
            const recorder = new MediaRecorder(stream, { mimeType: 'video/webm' });
            const parts = [];
            recorder.ondataavailable = event => parts.push(event.data);
            recorder.start();
            for (let n = 0; n < 20; n++) {
                context.fillStyle = `hsl(${n * 18} 80% 50%)`;
                context.fillRect(0, 0, 96, 96);
                await new Promise(done => setTimeout(done, 50));
            }
            recorder.stop();
            await new Promise(done => (recorder.onstop = done));
            return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
        }"""
    )
    video = tmp_path / "colours.webm"
    video.write_bytes(bytes(recorded))
    editor.drop("look", [video])  # wherever
    expect(editor.page.get_by_text("frames a second on the service")).to_be_visible()
    expect(editor.page.get_by_role("radio", name="Live")).to_be_checked()
