import struct
import threading
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from funit.data.images import (
    fit,
    image_grid,
    is_image_name,
    read_image,
    to_floats,
    to_image,
    to_signed,
    write_image,
)
from funit.errors import UserError

RED = (255, 0, 0)


def picture(width: int = 6, height: int = 4) -> Image.Image:
    """No two rows or columns of it are alike."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 40, y * 60, x * 10 + y * 30], axis=-1) % 256
    return Image.fromarray(pixels.astype(np.uint8))


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def same(one: Image.Image, other: Image.Image, tolerance: int = 0) -> bool:
    assert one.mode == other.mode == "RGB"
    difference = np.asarray(one).astype(int) - np.asarray(other).astype(int)
    return one.size == other.size and int(np.abs(difference).max()) <= tolerance


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than it has."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


# -------------------------------------------------------------------- formats


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "GIF"])
def test_lossless_files_are_read_to_the_last_bit(tmp_path: Path, file_format: str) -> None:
    path = tmp_path / "picture.any"
    path.write_bytes(encoded(picture(), file_format))

    assert same(read_image(path), picture())
    assert same(read_image(str(path)), picture())
    assert same(read_image(path.read_bytes()), picture())


def test_webp_and_jpeg_are_read() -> None:
    flat = Image.new("RGB", (32, 32), (200, 100, 50))

    assert same(read_image(encoded(picture(), "WEBP", lossless=True)), picture())
    assert same(read_image(encoded(flat, "JPEG")), flat, tolerance=3)


def test_pictures_and_arrays_are_read_too() -> None:
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6)
    transparent = np.zeros((4, 6, 4), dtype=np.uint8)

    assert same(read_image(picture()), picture())
    assert same(read_image(np.asarray(picture())), picture())
    assert same(read_image(grey), Image.fromarray(grey).convert("RGB"))
    assert same(read_image(transparent, background=RED), Image.new("RGB", (6, 4), RED))


@pytest.mark.parametrize("array", [np.zeros((4, 6, 3)), np.zeros((4, 6, 2), np.uint8)])
def test_an_array_that_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(UserError, match="is an array of"):
        read_image(array)


def test_sixteen_bits_are_scaled_not_cut_off() -> None:
    values = np.array([[0, 257, 128 * 257, 65535]], dtype=np.uint16)

    image = read_image(encoded(Image.fromarray(values), "PNG"))

    assert np.asarray(image)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_black_and_white_and_palette_pictures_become_rgb(mode: str) -> None:
    image = picture().convert(mode)

    assert same(read_image(encoded(image, "PNG")), image.convert("RGB"))


def test_cmyk_becomes_rgb() -> None:
    image = Image.new("CMYK", (32, 32), (0, 255, 255, 0))

    assert same(read_image(encoded(image, "JPEG")), Image.new("RGB", (32, 32), RED), tolerance=3)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_pixels_show_the_background(mode: str) -> None:
    image = Image.new(mode, (4, 4))

    assert same(read_image(encoded(image, "PNG")), Image.new("RGB", (4, 4), "white"))
    assert same(read_image(encoded(image, "PNG"), background=RED), Image.new("RGB", (4, 4), RED))


def test_half_transparent_pixels_mix_with_the_background() -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 128))

    assert read_image(image, background=(200, 100, 0)).getpixel((0, 0)) == (100, 50, 0)


@pytest.mark.parametrize("transparency", [0, b"\0"])
def test_a_transparent_palette_entry_shows_the_background(transparency: int | bytes) -> None:
    image = Image.new("P", (4, 4))
    image.putpalette([0, 0, 0, 0, 255, 0])
    image.putpixel((1, 1), 1)

    read = read_image(encoded(image, "PNG", transparency=transparency), background=RED)

    assert read.getpixel((0, 0)) == RED
    assert read.getpixel((1, 1)) == (0, 255, 0)


def test_a_transparent_colour_of_an_rgb_png_shows_the_background() -> None:
    image = Image.new("RGB", (4, 4), (1, 2, 3))

    read = read_image(encoded(image, "PNG", transparency=(1, 2, 3)), background=RED)

    assert same(read, Image.new("RGB", (4, 4), RED))


def test_of_an_animation_the_first_frame_is_read() -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert len(list(ImageSequence.Iterator(Image.open(BytesIO(content))))) == 3

    assert same(read_image(content), Image.new("RGB", (8, 8), RED))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_a_picture_stored_lying_down_comes_out_upright(orientation: int, file_format: str) -> None:
    undo = {  # what a camera held that way has stored
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    upright = Image.new("RGB", (48, 32), "white")
    upright.paste((255, 0, 0), (0, 0, 16, 16))
    stored = upright
    for step in undo[orientation]:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation

    read = read_image(encoded(stored, file_format, exif=exif.tobytes()))

    assert same(fit(read, 2), fit(upright, 2), tolerance=12)
    assert read.size == (48, 32)


def test_broken_exif_data_do_not_spoil_a_sound_picture() -> None:
    content = encoded(picture(), "PNG", exif=b"Exif\0\0II*\0garbage that is no directory")

    assert same(read_image(content), picture())


def test_a_jpeg_read_for_packing_is_smaller_but_not_too_small() -> None:
    content = encoded(Image.new("RGB", (640, 800), RED), "JPEG")

    image = read_image(content, shortest=128)

    assert 128 <= min(image.size) < 640
    assert image.width / image.height == pytest.approx(0.8)


# --------------------------------------------------------------------- errors


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file `.*cat\.png`") as caught:
        read_image(tmp_path / "cat.png")

    assert caught.value.hint


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder, not an image"):
        read_image(tmp_path)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "cat.png").touch()

    with pytest.raises(UserError, match=r"cat\.png` is empty"):
        read_image(tmp_path / "cat.png")


def test_a_text_file_called_png_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_text("meow")

    with pytest.raises(UserError, match=r"cat\.png` is not an image") as caught:
        read_image(tmp_path / "cat.png")

    assert caught.value.hint == "JPEG, PNG, WebP, BMP and GIF are read"


def test_a_format_that_is_not_read_is_named() -> None:
    with pytest.raises(UserError, match="the image is a TIFF file, which is not read"):
        read_image(encoded(picture(), "TIFF"))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_truncated_file_is_refused(tmp_path: Path, file_format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), file_format)
    (tmp_path / "cat").write_bytes(content[: len(content) // 2])

    with pytest.raises(UserError, match=r"cat` is (cut short|damaged|not an image)") as caught:
        read_image(tmp_path / "cat")

    assert caught.value.hint


@pytest.mark.parametrize("side", [8_001, 12_000, 60_000])
def test_too_many_pixels_are_refused_before_they_are_decoded(side: int) -> None:
    with pytest.raises(UserError, match="the limit is 64 million"):
        read_image(bomb(side, side))


def test_the_pixel_limit_can_be_lowered() -> None:
    assert read_image(picture(), max_pixels=24).size == (6, 4)
    with pytest.raises(UserError, match="6 x 4 pixels"):
        read_image(picture(), max_pixels=23)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_give_a_picture_or_a_users_error(data: st.DataObject) -> None:
    file_format = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "GIF"]))
    content = bytearray(encoded(picture(16, 16), file_format))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    with suppress(UserError):  # and nothing else
        assert read_image(bytes(content)).mode == "RGB"


# --------------------------------------------------------------------- arrays


def test_every_byte_survives_the_way_to_floats_and_back() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)

    floats = to_floats(Image.fromarray(pixels))

    assert floats.shape == (3, 16, 16)
    assert floats.dtype == np.float32
    assert floats.min() == -1
    assert floats.max() == 1
    np.testing.assert_array_equal(np.asarray(to_image(floats)), pixels)


def test_what_a_network_overshoots_is_clamped() -> None:
    floats = np.array([-3, 0, 3], np.float32).reshape(3, 1, 1)

    assert to_image(floats).getpixel((0, 0)) == (0, 128, 255)


def test_to_signed_maps_bytes_to_minus_one_to_one() -> None:
    pixels = np.array([0, 255], np.uint8)

    assert to_signed(pixels).tolist() == [-1, 1]
    assert pixels.tolist() == [0, 255]


# ------------------------------------------------------------ fit, grid, write


def test_fit_leaves_a_picture_of_the_right_size_as_it_is() -> None:
    assert fit(picture(5, 5), 5) == picture(5, 5)


def test_fit_only_crops_when_the_short_side_is_right() -> None:
    assert same(fit(picture(8, 4), 4), picture(8, 4).crop((2, 0, 6, 4)))


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_fit_gives_a_square_of_any_picture(width: int, height: int, size: int) -> None:
    assert fit(Image.new("RGB", (width, height)), size).size == (size, size)


def test_fit_takes_the_middle() -> None:
    image = Image.new("RGB", (300, 100), "white")
    image.paste((255, 0, 0), (100, 0, 200, 100))

    assert same(fit(image, 50).crop((2, 2, 48, 48)), Image.new("RGB", (46, 46), RED), tolerance=1)


def test_a_grid_has_a_cell_for_each_picture_and_a_gap_for_none() -> None:
    red = Image.new("RGB", (4, 4), RED)

    grid = image_grid([[None, red], [red]], padding=1, background=(0, 0, 0))

    assert grid.size == (11, 11)
    assert grid.getpixel((1, 1)) == (0, 0, 0)
    assert grid.getpixel((6, 1)) == grid.getpixel((1, 6)) == RED
    assert grid.getpixel((6, 6)) == (0, 0, 0)


def test_threads_that_read_leave_the_warnings_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def opened_slowly(source: Image.Image, _: str) -> Image.Image:
        time.sleep(source.width / 100)  # who began last, ends last
        return source

    monkeypatch.setattr("funit.data.images._opened", opened_slowly)
    before = list(warnings.filters)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(read_image, [picture(5), picture(10)]))

    assert warnings.filters == before


def test_a_picture_that_takes_long_keeps_nobody_waiting() -> None:
    begun, may_end = threading.Event(), threading.Event()

    class Slow(Image.Image):
        def load(self) -> Any:
            begun.set()
            assert may_end.wait(30)
            return super().load()

    slow = Slow()
    slow.__dict__.update(picture(5).__dict__)
    with ThreadPoolExecutor(max_workers=2) as pool:
        first = pool.submit(read_image, slow)
        assert begun.wait(10)
        second = pool.submit(read_image, picture(7)).result(10)
        may_end.set()

        assert (first.result(10).width, second.width) == (5, 7)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".PNG"])
def test_a_written_picture_is_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"picture{suffix}"

    write_image(picture(), path)

    assert same(read_image(path), picture())
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".gif"])
def test_the_suffix_chooses_the_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"

    write_image(Image.new("RGB", (16, 16), RED), path)

    with Image.open(path) as image:
        assert image.format == ("GIF" if suffix == ".gif" else "JPEG")
    assert same(read_image(path), Image.new("RGB", (16, 16), RED), tolerance=3)


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"picture\.txt` has no suffix of a picture"):
        write_image(picture(), tmp_path / "picture.txt")


def test_image_names_are_told_by_their_suffix() -> None:
    assert all(is_image_name(name) for name in ("a.png", "b.x.JPG", "c.webp", "a/b.gif"))
    assert not any(is_image_name(name) for name in ("a.txt", "png", ".png", "a.png.zip", "a/"))
