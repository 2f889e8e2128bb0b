import os
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from funit.data import packed as packed_module
from funit.data.catalog import check_images, read_catalog
from funit.data.packed import Packed, open_packed, pack, packed_for, resized
from funit.errors import UserError
from funit.home import home


def noise(seed: int, width: int = 20, height: int = 20) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three seen classes of 1 to 3 images, and an unseen one."""
    folder = tmp_path / "data"
    for number, cls in enumerate(("ant", "bee", "cow")):
        for i in range(number + 1):
            save(noise(10 * number + i), folder / "seen" / cls / f"{i}.png")
    save(noise(99), folder / "unseen" / "dog" / "0.png")
    return folder


def listed(packed: Packed) -> dict[str, list[dict[str, object]]]:
    return {part: [asdict(cls) for cls in classes] for part, classes in packed.parts.items()}


def packed_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------------------ pack


def test_packed_images_of_the_right_size_are_the_files_to_the_last_bit(
    data: Path, tmp_path: Path
) -> None:
    packed = pack(read_catalog(data), 20, tmp_path / "x.pack")

    assert packed.classes == ["ant", "bee", "cow"]
    assert packed.unseen_classes == ["dog"]
    assert [packed.count(c) for c in range(3)] == [1, 2, 3]
    assert list(packed.names(1)) == ["0.png", "1.png"]
    assert packed.num_images == 6  # to train on
    np.testing.assert_array_equal(packed.image(2, 1), np.asarray(noise(21)))
    np.testing.assert_array_equal(packed.image(0, 0, part="unseen"), np.asarray(noise(99)))
    assert packed.fingerprint == read_catalog(data).fingerprint


def test_a_packed_file_is_the_same_when_opened_again(data: Path, tmp_path: Path) -> None:
    first = pack(read_catalog(data), 16, tmp_path / "x.pack", background=(1, 2, 3))

    again = open_packed(tmp_path / "x.pack")

    assert (again.size, again.background) == (16, (1, 2, 3))
    assert listed(again) == listed(first)
    np.testing.assert_array_equal(again.image(2, 2), first.image(2, 2))


def test_packed_images_cannot_be_written_to(data: Path, tmp_path: Path) -> None:
    packed = pack(read_catalog(data), 16, tmp_path / "x.pack")

    with pytest.raises(ValueError, match="read-only"):
        packed.image(0, 0)[:] = 0


def test_packing_twice_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    for name in ("a.pack", "b.pack"):
        pack(read_catalog(data), 16, tmp_path / name)

    assert (tmp_path / "a.pack").read_bytes() == (tmp_path / "b.pack").read_bytes()


@pytest.mark.parametrize(
    ("width", "height", "packed_size"),
    [
        (40, 20, (32, 16)),
        (20, 40, (16, 32)),
        (30, 20, (24, 16)),
        (100, 20, (32, 16)),  # the long side is cropped to twice the short one
        (5, 100, (16, 32)),
        (16, 19, (16, 19)),
        (4, 4, (16, 16)),
    ],
)
def test_the_shortest_side_gets_the_size(
    width: int, height: int, packed_size: tuple[int, int]
) -> None:
    assert resized(Image.new("RGB", (width, height)), 16).size == packed_size


def test_a_long_picture_is_cropped_in_the_middle() -> None:
    image = noise(0, 80, 16)

    assert resized(image, 16) == image.crop((24, 0, 56, 16))


def test_a_large_jpeg_is_packed_like_its_careful_reduction(data: Path, tmp_path: Path) -> None:
    smooth = noise(5, 8, 8).resize((640, 640), Image.Resampling.BICUBIC)
    smooth.save(data / "seen" / "ant" / "0.jpg", quality=95)
    (data / "seen" / "ant" / "0.png").unlink()

    packed = pack(read_catalog(data), 32, tmp_path / "x.pack")

    expected = np.asarray(smooth.resize((32, 32), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(packed.image(0, 0) - expected).mean() < 2


def test_transparent_images_are_packed_on_the_background(data: Path, tmp_path: Path) -> None:
    save(Image.new("RGBA", (20, 20)), data / "seen" / "ant" / "0.png")

    packed = pack(read_catalog(data), 20, tmp_path / "x.pack", background=(9, 8, 7))

    assert (packed.image(0, 0) == (9, 8, 7)).all()


def test_bad_images_are_listed_in_the_packed_file(data: Path, tmp_path: Path) -> None:
    (data / "seen" / "bee" / "1.png").write_text("no image")
    content = BytesIO()
    noise(0, 64, 64).save(content, "PNG")
    (data / "seen" / "cow" / "0.png").write_bytes(content.getvalue()[:5000])
    calls = []

    pack(read_catalog(data), 16, tmp_path / "x.pack", progress=lambda *c: calls.append(c))
    packed = open_packed(tmp_path / "x.pack")

    assert [problem.path for problem in packed.problems] == ["seen/bee/1.png", "seen/cow/0.png"]
    assert packed.problems[0].reason == "is not an image"
    assert list(packed.names(1)) == ["0.png"]
    assert packed.num_images == 4
    assert calls == [(n, 7) for n in range(1, 8)]


def test_a_class_without_a_readable_image_is_refused(data: Path, tmp_path: Path) -> None:
    (data / "seen" / "ant" / "0.png").write_text("no image")

    with pytest.raises(UserError, match=r"class `ant` in .* has no readable image"):
        pack(read_catalog(data), 16, tmp_path / "x.pack")

    assert packed_in(tmp_path) == ["data"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_packing_leaves_nothing(
    data: Path, tmp_path: Path, error: type[BaseException]
) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise error

    with pytest.raises(error):
        pack(read_catalog(data), 16, tmp_path / "x.pack", progress=interrupt)

    assert packed_in(tmp_path) == ["data"]


# ------------------------------------------------------------------------ open


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "index", "unfinished"])
def test_a_damaged_packed_file_is_a_users_error(data: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.pack"
    pack(read_catalog(data), 16, path)
    content = path.read_bytes()
    flipped = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    path.unlink()
    if damage != "missing":
        path.write_bytes(
            {
                "empty": b"",
                "text": b"x" * 100,
                "cut": content[:-1],
                "index": flipped,
                "unfinished": bytes(64) + content[64:],
            }[damage]
        )

    with pytest.raises(UserError, match=r"x\.pack`") as caught:
        open_packed(path)

    assert caught.value.hint


def test_a_packed_file_of_another_version_says_so(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(packed_module, "VERSION", 99)
        pack(read_catalog(data), 16, tmp_path / "x.pack")
        (tmp_path / "x.pack").rename(tmp_path / "future.pack")

    with pytest.raises(UserError, match="packed in format 99"):
        open_packed(tmp_path / "future.pack")


# ----------------------------------------------------------------------- cache


def count_packings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    packings: list[int] = []
    real = packed_module.pack

    def counting(*args: object, **kwargs: object) -> Packed:
        packings.append(1)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(packed_module, "pack", counting)
    return packings


def test_data_are_packed_once_under_the_home_of_funit(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packings = count_packings(monkeypatch)
    before = sorted(data.rglob("*"))

    first, again = packed_for(data, 16), packed_for(data, 16)

    assert len(packings) == 1
    assert first.path == again.path
    assert first.path.parent == home() / "packed"
    assert sorted(data.rglob("*")) == before


def test_changed_data_are_packed_again(data: Path) -> None:
    first = packed_for(data, 20)

    save(noise(77), data / "seen" / "ant" / "0.png")
    os.utime(data / "seen" / "ant" / "0.png", ns=(1, 1))
    changed = packed_for(data, 20)

    assert changed.fingerprint != first.fingerprint
    np.testing.assert_array_equal(changed.image(0, 0), np.asarray(noise(77)))


def test_other_settings_are_packed_apart(data: Path, tmp_path: Path) -> None:
    flat = data / "seen"
    cache = tmp_path / "cache"

    paths = {
        packed_for(flat, 16, cache_dir=cache).path,
        packed_for(flat, 17, cache_dir=cache).path,
        packed_for(flat, 16, background=(0, 0, 0), cache_dir=cache).path,
        packed_for(flat, 16, num_unseen=1, cache_dir=cache).path,
    }

    assert len(paths) == len(packed_in(cache)) == 4


def test_the_seed_of_a_split_that_is_not_made_does_not_matter(data: Path) -> None:
    assert packed_for(data, 16, seed=1).path == packed_for(data, 16, seed=2).path


def test_a_damaged_file_in_the_cache_is_made_anew(data: Path) -> None:
    path = packed_for(data, 16).path
    path.write_bytes(b"damaged")

    assert packed_for(data, 16).classes == ["ant", "bee", "cow"]


def test_a_packed_file_can_stand_for_its_data(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.pack"
    pack(read_catalog(data), 16, path)

    assert packed_for(path, 16).path == path
    assert packed_for(path, 16, num_unseen=1).unseen_classes == ["dog"]
    with pytest.raises(UserError, match="images of 16 pixels, not images of 32 pixels"):
        packed_for(path, 32)
    with pytest.raises(UserError, match="packed with background"):
        packed_for(path, 16, background=(0, 0, 0))
    with pytest.raises(UserError, match="1 unseen classes, not 2"):
        packed_for(path, 16, num_unseen=2)


# ----------------------------------------------------------------------- parts


def test_a_part_that_is_not_there_is_a_users_error(data: Path, tmp_path: Path) -> None:
    packed = pack(read_catalog(data), 16, tmp_path / "x.pack")

    with pytest.raises(UserError, match="has no part `test`") as caught:
        packed.count(0, part="test")

    assert "`seen` and `unseen`" in caught.value.hint


def test_all_classes_of_all_parts_can_be_asked_for(data: Path, tmp_path: Path) -> None:
    packed = pack(read_catalog(data), 16, tmp_path / "x.pack")

    assert packed.class_names("all") == ["ant", "bee", "cow", "dog"]
    np.testing.assert_array_equal(packed.image(3, 0, "all"), packed.image(0, 0, "unseen"))


def test_what_the_check_lists_is_what_packing_leaves_out(tmp_path: Path) -> None:
    for name, pixels in (("a/1", 16), ("a/2", 16), ("b/1", 16), ("b/tiny", 7)):
        path = tmp_path / "data" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (pixels, pixels)).save(path)
    (tmp_path / "data" / "a" / "2.png").write_text("no image")
    catalog = read_catalog(tmp_path / "data")

    packed = pack(catalog, 16, tmp_path / "x.pack")

    assert packed.problems == check_images(catalog).problems
    assert packed.num_images == 2
