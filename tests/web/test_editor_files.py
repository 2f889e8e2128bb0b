"""How results leave the editor: pictures, sheets, animations, the clipboard, links."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from editing import POSES, SECONDS, Editor, difference
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from serving import Served

Creatures = dict[str, list[Path]]


@pytest.fixture
def editor(page: Page) -> Editor:
    editor = Editor(page)
    editor.open()
    return editor


@pytest.fixture
def own(editor: Editor, creatures: Creatures) -> Editor:
    """An editor with the person's own pictures."""
    first, _, third, _ = creatures.values()
    editor.put("pose", [first[3]])
    editor.put("look", third[:2])
    return editor


def test_a_png_says_how_it_came_about_and_names_no_file(own: Editor) -> None:
    image = own.image()
    assert image.size == (256, 256)
    settings = json.loads(image.info["funit"])
    check_settings(settings)
    assert settings["pose"]["crop"]["side"] == 1
    assert [each["weight"] for each in settings["looks"][0]["examples"]] == [1, 1]


def test_a_webp_says_the_same(own: Editor) -> None:
    own.page.get_by_role("radio", name="WebP").check(force=True)
    image = own.image()
    assert (image.format, image.size) == ("WEBP", (256, 256))
    said = re.search(r'funit:settings="([^"]*)"', image.info["xmp"].decode())
    assert said
    check_settings(json.loads(said[1].replace("&quot;", '"')))
    own.page.get_by_role("radio", name="PNG").check(force=True)
    assert difference(image.convert("RGB"), own.image().convert("RGB")) == 0


def check_settings(settings: dict[str, Any]) -> None:
    assert settings["software"] == "funit"
    assert settings["model"] == "default@1"
    assert settings["place"] == "server"
    assert settings["milliseconds"] > 0
    assert re.fullmatch("[0-9a-f]{64}", settings["pose"]["sha256"])
    assert "pose_000" not in json.dumps(settings)  # how the files are called


def test_the_session_in_a_picture_opens_it_again(
    own: Editor, browser: Browser, served: Served, creatures: Creatures
) -> None:
    settings = json.loads(own.image().info["funit"])
    context = browser.new_context(base_url=served.url)
    other = Editor(context.new_page())
    other.page.goto(f"/#/?s={settings['session']}")
    expect(other.page.get_by_role("alert")).to_contain_text("not here")
    context.close()


def test_the_background_goes(editor: Editor) -> None:
    editor.page.get_by_role("radio", name="None").check(force=True)
    clear = editor.image()
    alpha = np.asarray(clear.convert("RGBA"))[..., 3]
    assert (alpha[0, [0, -1]].max(), alpha[:, 0].max()) == (0, 0)  # an ear may reach the top
    assert alpha[200, 128] == 255
    assert 0.15 < (alpha > 127).mean() < 0.8

    editor.page.get_by_role("radio", name="Colour").check(force=True)
    editor.page.get_by_label("Background colour").fill("#10a040")
    coloured = editor.image().convert("RGB")
    assert coloured.getpixel((2, 2)) == (16, 160, 64)


def test_all_poses_become_a_sprite_sheet(editor: Editor) -> None:
    sheet_view(editor)
    editor.page.get_by_role("radio", name="None").check(force=True)
    sheet = editor.image("Sprite sheet")
    assert sheet.size == (8 * 64, 4 * 64)
    settings = json.loads(sheet.info["funit"])
    assert (len(settings["poses"]), settings["columns"], settings["size"]) == (32, 8, 64)
    alpha = np.asarray(sheet.convert("RGBA"))[..., 3]
    corners = alpha[::64, ::64]
    assert corners.max() == 0

    editor.page.get_by_label("Columns").fill("16")
    editor.page.get_by_label("Columns").press("Enter")
    assert editor.image("Sprite sheet").size == (16 * 64, 2 * 64)


def test_all_poses_become_a_gif(editor: Editor) -> None:
    sheet_view(editor)
    sheet = editor.image("Sprite sheet").convert("RGB")
    gif = editor.image("Animated GIF")
    assert (gif.size, gif.n_frames) == ((64, 64), 32)
    assert gif.info["duration"] == 100
    assert gif.info["loop"] == 0
    for n in (0, 9, 31):
        gif.seek(n)
        left, top = n % 8 * 64, n // 8 * 64
        drawn = sheet.crop((left, top, left + 64, top + 64))
        assert difference(gif.convert("RGB"), drawn) < 0.02

    editor.page.get_by_role("radio", name="None").check(force=True)
    clear = editor.image("Animated GIF")
    hidden = np.asarray(editor.image("Sprite sheet").convert("RGBA"))[..., 3] >= 128
    for n in (0, 5):  # what was drawn before does not shine through
        clear.seek(n)
        alpha = np.asarray(clear.convert("RGBA"))[..., 3]
        assert ((alpha > 0) != hidden[:64, n * 64 : (n + 1) * 64]).mean() < 0.02
        assert alpha[0, [0, -1]].max() == 0  # the corners: an ear may touch the upper edge
        assert 0.15 < (alpha > 0).mean() < 0.8


def sheet_view(editor: Editor) -> None:
    editor.view("All poses")
    expect(editor.page.get_by_text("32 of 32 poses")).to_be_visible(timeout=SECONDS)
    editor.page.get_by_label("Size").select_option(index=0)


def test_a_pose_of_the_sheet_becomes_the_pose(editor: Editor) -> None:
    sheet_view(editor)
    editor.page.get_by_role("button", name=f"Use the pose {POSES[0]}").click()
    editor.view("Result")
    editor.settle(pose=POSES[0])


def test_the_picture_is_copied(context: BrowserContext, page: Page) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    editor = Editor(page)
    editor.open()
    editor.click("Copy")
    expect(page.get_by_text("The picture is on the clipboard.")).to_be_visible()
    copied = page.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read();
            const blob = await item.getType('image/png');
            return [...new Uint8Array(await blob.arrayBuffer())];
        }"""
    )
    downloaded = editor.image().convert("RGB")
    assert difference(Image.open(io.BytesIO(bytes(copied))).convert("RGB"), downloaded) == 0


def test_a_link_reproduces_the_session_with_the_pictures_in_it(
    own: Editor, browser: Browser, served: Served
) -> None:
    own.page.get_by_label("Weight of example 1").fill("0.4")
    own.page.wait_for_timeout(400)
    own.settle()
    link = link_of(own)
    result = own.pixels()

    context = browser.new_context(base_url=served.url, accept_downloads=True)
    other = Editor(context.new_page())
    asked: list[str] = []
    other.page.on("request", lambda request: asked.append(request.url))
    other.open(link)
    assert difference(other.pixels(), result) < 0.001
    word = link.partition("?s=")[2]
    assert not any(word[:40] in url for url in asked if "#" not in url)  # it is sent to nobody
    context.close()


def test_a_link_without_pictures_asks_for_them(
    own: Editor, browser: Browser, served: Served, creatures: Creatures
) -> None:
    first, _, third, _ = creatures.values()
    result = own.pixels()
    link = link_of(own, embeds=False)
    assert len(link) < 1500

    context = browser.new_context(base_url=served.url, accept_downloads=True)
    other = Editor(context.new_page())
    other.page.goto(link)
    alert = other.page.get_by_role("alert")
    expect(alert).to_contain_text(first[3].name)
    other.drop("look", [*third[:2], first[3]])  # wherever: they are known by what is in them
    other.settle()
    expect(alert).to_have_count(0)
    assert difference(other.pixels(), result) < 0.001
    context.close()


def test_a_broken_link_is_said_and_the_page_opens(page: Page) -> None:
    editor = Editor(page)
    editor.open("/#/?s=broken")
    expect(page.get_by_role("alert")).to_contain_text("This link cannot be read.")


def link_of(editor: Editor, embeds: bool = True) -> str:
    editor.click("Link")
    dialog = editor.page.get_by_role("dialog")
    box = dialog.get_by_role("checkbox")
    if not embeds:
        box.uncheck()
        expect(dialog.get_by_text("is asked for the pictures")).to_be_visible()
    field = dialog.get_by_label("Link", exact=True)
    expect(field).to_have_value(re.compile(r"#/\?s=[\w-]+$"))
    link = field.input_value()
    editor.page.keyboard.press("Escape")
    return link
