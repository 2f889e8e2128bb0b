import json
import os
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from PIL import Image

from funit.data.catalog import Catalog, Problem, check_images, read_catalog
from funit.errors import UserError

Make = Callable[[list[str]], Path]

TWO_PARTS = ["seen/ant/1.png", "seen/ant/2.png", "seen/bee/1.png", "unseen/cow/1.png"]


def make_folder(folder: Path, names: Iterable[str], size: tuple[int, int] = (16, 16)) -> Path:
    """Images, and whatever else the names say, with distinct content."""
    for number, name in enumerate(names):
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".jpg", ".webp", ".gif", ".bmp"):
            Image.new("RGB", size, (number, 0, 0)).save(path)
        else:
            path.write_text("no image")
    return folder


def make_zip(path: Path, names: Iterable[str]) -> Path:
    files = make_folder(path.with_suffix(""), [name for name in names if ".." not in name])
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            if name.endswith("/"):
                file.mkdir(name.rstrip("/"))
            else:
                file.writestr(name, (files / name).read_bytes() if ".." not in name else b"x")
    return path


@pytest.fixture(params=["folder", "zip"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes DATA of some file names, as a folder and as a zip."""
    if request.param == "folder":
        return lambda names: make_folder(tmp_path / "data", names)
    return lambda names: make_zip(tmp_path / "data.zip", names)


def names_of(catalog: Catalog) -> list[str]:
    return [catalog.path_of(*image) for image in catalog.images()]


# --------------------------------------------------------------------- layout


def test_parts_of_class_folders_are_found(make: Make) -> None:
    catalog = read_catalog(make(TWO_PARTS))

    assert catalog.seen == {"ant": ("1.png", "2.png"), "bee": ("1.png",)}
    assert catalog.unseen == {"cow": ("1.png",)}
    assert names_of(catalog) == TWO_PARTS
    assert catalog.num_images == 4
    assert catalog.problems == ()


def test_class_folders_alone_are_all_seen(make: Make) -> None:
    catalog = read_catalog(make(["ant/1.png", "bee/1.jpg", "cow/1.webp"]))

    assert list(catalog.seen) == ["ant", "bee", "cow"]
    assert catalog.unseen == {}
    assert names_of(catalog) == ["ant/1.png", "bee/1.jpg", "cow/1.webp"]


@pytest.mark.parametrize("part", ["seen", "train"])
def test_a_single_part_to_train_on_may_have_any_name(make: Make, part: str) -> None:
    catalog = read_catalog(make([f"{part}/ant/1.png", f"{part}/bee/1.png"]))

    assert list(catalog.seen) == list(catalog.parts[part]) == ["ant", "bee"]
    assert names_of(catalog) == [f"{part}/ant/1.png", f"{part}/bee/1.png"]


def test_unseen_classes_alone_are_not_for_training(make: Make) -> None:
    catalog = read_catalog(make(["unseen/ant/1.png", "unseen/bee/1.png"]))

    assert list(catalog.unseen) == ["ant", "bee"]
    with pytest.raises(UserError, match="has no part `seen`") as caught:
        _ = catalog.seen
    assert "`unseen`" in caught.value.hint


def test_parts_of_other_names_are_kept(make: Make) -> None:
    catalog = read_catalog(make(["train/ant/1.png", "train/bee/1.png", "val/ant/2.png"]))

    assert {part: list(classes) for part, classes in catalog.parts.items()} == {
        "train": ["ant", "bee"],
        "val": ["ant"],
    }


def test_a_folder_around_everything_does_not_matter(make: Make) -> None:
    names = ["my data/README.md", *(f"my data/{name}" for name in TWO_PARTS)]

    catalog = read_catalog(make(names))

    assert list(catalog.seen) == ["ant", "bee"]
    assert names_of(catalog) == names[1:]
    assert catalog.open_image("unseen", "cow", "1.png").size == (16, 16)


def test_numbers_in_names_are_sorted_as_numbers(make: Make) -> None:
    names = ["c10/1.png", "c9/pose_10.png", "c9/pose_9.png"]

    catalog = read_catalog(make(names))

    assert list(catalog.seen) == ["c9", "c10"]
    assert catalog.seen["c9"] == ("pose_9.png", "pose_10.png")


def test_hidden_files_and_the_leavings_of_systems_are_ignored(make: Make) -> None:
    junk = [
        "AUTHORS.txt",
        "Thumbs.db",
        ".hidden/ant/1.png",
        "__MACOSX/seen/ant/1.png",
        "seen/.DS_Store",
        "seen/ant/.1.png",
        "seen/ant/Thumbs.db",
    ]

    catalog = read_catalog(make(TWO_PARTS + junk))

    assert names_of(catalog) == TWO_PARTS
    assert catalog.problems == ()


def test_files_that_belong_to_no_class_are_problems(make: Make) -> None:
    strays = ["cover.png", "seen/stray.png", "seen/ant/notes.txt", "seen/ant/more/3.png"]

    catalog = read_catalog(make(TWO_PARTS + strays))

    assert names_of(catalog) == TWO_PARTS
    assert set(catalog.problems) == {
        Problem("cover.png", "not in a class folder"),
        Problem("seen/stray.png", "not in a class folder"),
        Problem("seen/ant/notes.txt", "not an image type"),
        Problem("seen/ant/more/3.png", "deeper than a class folder"),
    }
    assert "seen/ant/notes.txt: not an image type" in map(str, catalog.problems)


def test_names_that_are_not_unicode_are_read(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", [f"c{i}/1.png" for i in range(3)])
    odd = os.fsdecode(b"caf\xe9")
    (folder / "c0").rename(folder / odd)

    catalog = check_images(read_catalog(folder, num_unseen=1))

    assert odd in {*catalog.seen, *catalog.unseen}
    assert catalog.problems == ()


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", TWO_PARTS)
    (folder / "seen" / "ant" / "loop").symlink_to(folder)

    assert names_of(read_catalog(folder)) == TWO_PARTS


def test_a_broken_link_is_a_problem(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", TWO_PARTS)
    (folder / "seen" / "ant" / "3.png").symlink_to(tmp_path / "nowhere.png")

    (problem,) = check_images(read_catalog(folder)).problems

    assert problem.path == "seen/ant/3.png"


def test_a_linked_class_folder_is_a_class(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", ["ant/1.png"])
    elsewhere = make_folder(tmp_path / "elsewhere", ["1.png"])
    (folder / "bee").symlink_to(elsewhere)

    assert list(read_catalog(folder).seen) == ["ant", "bee"]


# ---------------------------------------------------------------------- split


def test_classes_are_split_by_the_seed(make: Make) -> None:
    data = make([f"c{i}/1.png" for i in range(10)])

    splits = [read_catalog(data, num_unseen=3, seed=seed) for seed in range(5)]

    assert all(len(split.unseen) == 3 and len(split.seen) == 7 for split in splits)
    assert all(not set(split.seen) & set(split.unseen) for split in splits)
    assert len({tuple(split.unseen) for split in splits}) > 1
    assert read_catalog(data, num_unseen=3, seed=2) == splits[2]
    assert splits[0].read_bytes("unseen", next(iter(splits[0].unseen)), "1.png")


def test_another_class_moves_at_most_one_class_of_the_split(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", [f"c{i}/1.png" for i in range(10)])
    before = set(read_catalog(folder, num_unseen=3).unseen)

    make_folder(folder, ["another/1.png"])

    assert len(before & set(read_catalog(folder, num_unseen=3).unseen)) >= 2


def test_a_single_part_can_be_split(make: Make) -> None:
    catalog = read_catalog(make([f"train/c{i}/1.png" for i in range(4)]), num_unseen=1)

    assert (len(catalog.seen), len(catalog.unseen)) == (3, 1)
    assert all(name.startswith("train/") for name in names_of(catalog))


def test_data_with_parts_are_not_split_again(make: Make) -> None:
    with pytest.raises(UserError, match="has parts already: seen, unseen"):
        read_catalog(make(TWO_PARTS), num_unseen=1)


def test_two_classes_must_be_left_to_train_on(make: Make) -> None:
    data = make(["ant/1.png", "bee/1.png", "cow/1.png"])

    with pytest.raises(UserError, match="2 of the 3 classes") as caught:
        read_catalog(data, num_unseen=2)

    assert "at most 1" in caught.value.hint


# --------------------------------------------------------------------- errors


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no `.*nowhere`"):
        read_catalog(tmp_path / "nowhere")


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("no zip")

    with pytest.raises(UserError, match="is neither a folder nor a zip"):
        read_catalog(tmp_path / "data.txt")


@pytest.mark.parametrize("damage", ["text", "empty", "cut"])
def test_a_damaged_zip_is_refused(tmp_path: Path, damage: str) -> None:
    path = make_zip(tmp_path / "data.zip", TWO_PARTS)
    content = path.read_bytes()
    path.write_bytes({"text": b"no zip", "empty": b"", "cut": content[:-100]}[damage])

    with pytest.raises(UserError, match="is a damaged zip"):
        read_catalog(path)


@pytest.mark.parametrize(
    "name", ["../evil.png", "seen/../../evil.png", "/etc/evil.png", "C:/x.png"]
)
def test_a_zip_that_points_outside_is_refused(tmp_path: Path, name: str) -> None:
    path = make_zip(tmp_path / "data.zip", TWO_PARTS)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, b"x")

    with pytest.raises(UserError, match="holds the unsafe path"):
        read_catalog(path)


def test_a_zip_with_backslashes_is_read(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "source", ["ant/1.png", "bee/1.png"])
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as file:
        for cls in ("ant", "bee"):
            file.write(source / cls / "1.png", f"x\\{cls}\\1.png")
    content = (tmp_path / "data.zip").read_bytes()
    assert b"x\\ant" in content

    catalog = read_catalog(tmp_path / "data.zip")

    assert catalog.read_bytes("x", "bee", "1.png") == (source / "bee" / "1.png").read_bytes()


def test_classes_that_differ_only_by_case_are_refused(make: Make) -> None:
    with pytest.raises(UserError, match=r"classes `Ant` and `ant` of .* differ only by case"):
        read_catalog(make(["Ant/1.png", "ant/1.png", "bee/1.png"]))


def test_a_single_class_is_refused(make: Make) -> None:
    with pytest.raises(UserError, match="has a single class, `ant`"):
        read_catalog(make(["seen/ant/1.png"]))


def test_a_class_both_seen_and_unseen_is_refused(make: Make) -> None:
    with pytest.raises(UserError, match=r"class `ant` of .* is both seen and unseen"):
        read_catalog(make([*TWO_PARTS, "unseen/ant/1.png"]))


@pytest.mark.parametrize("names", [[], ["README.md"], ["1.png", "2.png"], ["seen/1.png"]])
def test_data_without_class_folders_are_refused(make: Make, names: list[str]) -> None:
    with pytest.raises(UserError, match="holds no class folders with images") as caught:
        read_catalog(make([*names, "empty/"]))

    assert "seen/CLASS/*.png" in caught.value.hint


@pytest.mark.parametrize("extra", ["seen/gnu/", "seen/gnu/notes.txt"])
def test_a_class_without_an_image_is_refused(make: Make, extra: str) -> None:
    with pytest.raises(UserError, match=r"class `gnu` in .* has no readable image"):
        read_catalog(make([*TWO_PARTS, extra]))


# ---------------------------------------------------------------- fingerprint


def test_the_fingerprint_changes_with_the_content_alone(make: Make, tmp_path: Path) -> None:
    data = make(TWO_PARTS)
    before = read_catalog(data).fingerprint

    moved = data.rename(data.with_name("moved" + data.suffix))

    assert read_catalog(moved).fingerprint == before


def test_the_fingerprint_of_a_folder_notices_a_changed_image(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", TWO_PARTS)
    before = read_catalog(folder).fingerprint

    os.utime(folder / TWO_PARTS[0], ns=(1, 1))

    assert read_catalog(folder).fingerprint != before


def test_the_fingerprint_of_a_zip_is_of_its_content_not_of_its_dates(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "data.zip", TWO_PARTS)
    before = read_catalog(path).fingerprint

    again = make_zip(tmp_path / "again.zip", TWO_PARTS)
    other = make_zip(tmp_path / "other.zip", [*TWO_PARTS, "seen/ant/3.png"])

    assert read_catalog(again).fingerprint == before
    assert read_catalog(other).fingerprint != before


def test_the_split_does_not_change_the_fingerprint(make: Make) -> None:
    data = make([f"c{i}/1.png" for i in range(5)])

    assert read_catalog(data, num_unseen=2).fingerprint == read_catalog(data).fingerprint


# --------------------------------------------------------------------- images


def test_an_image_is_read_from_folder_and_zip_alike(make: Make, tmp_path: Path) -> None:
    catalog = read_catalog(make(TWO_PARTS))

    content = catalog.read_bytes("seen", "ant", "2.png")

    assert content == (tmp_path / "data" / "seen" / "ant" / "2.png").read_bytes()
    assert catalog.open_image("seen", "ant", "2.png").getpixel((0, 0)) == (1, 0, 0)


def test_nothing_is_written_beside_a_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "data.zip", TWO_PARTS)
    before = sorted(tmp_path.rglob("*"))

    check_images(read_catalog(path))

    assert sorted(tmp_path.rglob("*")) == before


def test_an_image_gone_since_it_was_listed_is_a_users_error(tmp_path: Path) -> None:
    catalog = read_catalog(make_folder(tmp_path / "data", TWO_PARTS))
    (tmp_path / "data" / TWO_PARTS[0]).unlink()

    with pytest.raises(UserError, match=r"`seen/ant/1\.png` cannot be read"):
        catalog.read_bytes("seen", "ant", "1.png")


def test_a_damaged_block_of_a_zip_is_a_problem_of_that_image_alone(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "data.zip", TWO_PARTS)
    with zipfile.ZipFile(path) as file:
        info = file.getinfo(TWO_PARTS[0])
    content = bytearray(path.read_bytes())
    content[info.header_offset + 30 + len(TWO_PARTS[0]) + 5] ^= 255
    path.write_bytes(content)

    catalog = check_images(read_catalog(path))

    assert catalog.seen["ant"] == ("2.png",)
    assert [problem.path for problem in catalog.problems] == [TWO_PARTS[0]]


def test_a_zip_with_a_password_is_a_users_error(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "data.zip", TWO_PARTS)
    content = bytearray(path.read_bytes())
    start = 0
    while (start := content.find(b"PK\x01\x02", start)) >= 0:
        flags = struct.unpack_from("<H", content, start + 8)[0]
        struct.pack_into("<H", content, start + 8, flags | 1)
        start += 4
    path.write_bytes(content)

    with pytest.raises(UserError, match=r"has no readable image.*(encrypted|differ)"):
        check_images(read_catalog(path))


def test_a_bomb_in_a_zip_is_not_unpacked(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "data.zip", TWO_PARTS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("seen/bee/bomb.png", bytes(1_000_001))

    (problem,) = check_images(read_catalog(path), max_bytes=1_000_000).problems

    assert problem == Problem("seen/bee/bomb.png", "would unpack to 1,000,001 bytes")


def test_of_a_name_twice_in_a_zip_the_last_counts(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "data.zip", TWO_PARTS)
    other = (tmp_path / "data" / TWO_PARTS[1]).read_bytes()
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr(TWO_PARTS[0], other)

    catalog = read_catalog(path)

    assert catalog.num_images == 4
    assert catalog.read_bytes("seen", "ant", "1.png") == other


def test_bad_images_become_problems_and_the_good_ones_stay(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", TWO_PARTS)
    make_folder(folder, ["seen/bee/small.png"], size=(40, 7))
    make_folder(folder, ["seen/bee/wide.png"], size=(40, 8))
    (folder / "seen/ant/2.png").write_text("no image")
    calls = []

    catalog = check_images(read_catalog(folder), progress=lambda *call: calls.append(call))

    assert catalog.seen == {"ant": ("1.png",), "bee": ("1.png", "wide.png")}
    assert set(catalog.problems) == {
        Problem("seen/ant/2.png", "is not an image"),
        Problem("seen/bee/small.png", "is too small: 40 x 7 pixels"),
    }
    assert catalog.size_range == ((16, 16), (40, 8))
    assert calls[-1] == (6, 6)


def test_a_class_left_without_an_image_is_refused_with_the_reason(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", TWO_PARTS)
    (folder / "unseen/cow/1.png").write_text("no image")

    with pytest.raises(UserError, match=r"class `cow` .*: unseen/cow/1\.png: is not an image"):
        check_images(read_catalog(folder))


def test_the_summary_is_ready_for_json(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", [*TWO_PARTS, "seen/ant/x.txt"])

    summary = check_images(read_catalog(folder)).summary

    assert json.loads(json.dumps(summary)) == summary
    assert summary["images"] == 4
    assert summary["parts"]["seen"] == {
        "classes": 2,
        "images": 3,
        "smallest_class": {"name": "bee", "images": 1},
        "largest_class": {"name": "ant", "images": 2},
    }
    assert summary["smallest_image"] == summary["largest_image"] == [16, 16]
    assert summary["problems"] == [{"path": "seen/ant/x.txt", "reason": "not an image type"}]
