"""Galleries: what is kept as codes draws what the pictures would, and damage is found."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from funit.config import ModelConfig
from funit.curator import Choice, choose_gallery, clustered, condensed, medoids
from funit.data.menagerie import write_menagerie
from funit.demo import is_of_creatures, show_gallery, show_look
from funit.engines.engine import Look
from funit.errors import UserError
from funit.gallery import Gallery
from funit.model_folder import GALLERY_FILE, open_model, write_about
from funit.repository import SHIPPED, ModelRepository
from funit.translator import Translator

MAX_BYTES = 16_000_000  # of a model in the package


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Creatures whose files are named as the frames of animations are."""
    for part, seed in (("seen", 1), ("unseen", 2)):
        write_menagerie(tmp_path / "data" / part, 3, 7, 16, seed)
        for cls in (tmp_path / "data" / part).iterdir():
            cls.rename(cls.with_name(f"{part}-{cls.name}"))
    for number, file in enumerate(sorted((tmp_path / "data").glob("*/*/*.png"))):
        side, frame = divmod(number % 7, 3)
        file.rename(file.with_name(f"walk_{'swx'[side]}_{frame + 1}.png"))
    return tmp_path / "data"


@pytest.fixture
def model(tmp_path: Path, attending: ModelConfig, saved: Callable[..., Path]) -> Path:
    return saved(tmp_path / "model", attending)


def with_gallery(model: Path, gallery: Gallery) -> Path:
    content = gallery.to_bytes()
    (model / GALLERY_FILE).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    write_about(model, open_model(model).info.model_copy(update={"gallery_sha256": sha256}))
    return model


ROWS = Choice(rows=("walk_s_*", "walk_w_*"), num_poses=6)


def test_a_row_that_is_asked_for_is_there_as_the_model_encodes_it(data: Path, model: Path) -> None:
    gallery = choose_gallery(model, data, ROWS)

    assert gallery.pose_names == [f"walk_{side}_{n}" for side in "sw" for n in (1, 2, 3)]
    assert gallery.rows == {"walk_s": [0, 1, 2], "walk_w": [3, 4, 5]}
    assert all(gallery.is_animation(row) for row in gallery.rows)
    translator = Translator.load(model, "cpu", "torch")
    of_classes = [
        np.stack([translator.encode_content(cls / f"{n}.png").encoded for n in gallery.pose_names])
        for cls in sorted((data / "seen").iterdir())
    ]
    differences = [np.abs(maps - gallery.poses).max() for maps in of_classes]
    assert min(differences) < 1e-5


def test_a_gallery_comes_back_as_it_was_but_for_rounding(
    tmp_path: Path, data: Path, either: ModelConfig, saved: Callable[..., Path]
) -> None:
    gallery = choose_gallery(saved(tmp_path / "any", either), data, ROWS, "creatures")
    (tmp_path / "file").write_bytes(gallery.to_bytes())

    read = Gallery.read(tmp_path / "file")

    assert (read.data, read.pose_names, read.look_names) == (
        "creatures",
        gallery.pose_names,
        gallery.look_names,
    )
    whole = gallery.looks._replace(values=read.looks.values)
    for one, other in zip((read.poses, *read.looks), (gallery.poses, *whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
    if gallery.looks.values.size:
        largest = np.abs(gallery.looks.values).max(axis=(0, 2), keepdims=True)
        error = np.abs(read.looks.values - gallery.looks.values)
        assert (error <= largest / 250).all()
        assert read.looks.values.std() > 0.01
    assert gallery.to_bytes() == gallery.to_bytes()


def test_a_gallery_of_an_earlier_version_with_all_in_16_bits_is_read(
    tmp_path: Path, data: Path, model: Path
) -> None:
    gallery = choose_gallery(model, data, ROWS)
    parts = {"poses": gallery.poses, **gallery.looks._asdict()}
    about = {"data": "x", "pose_names": ["a"], "look_names": gallery.look_names}
    halves = {name: np.asarray(part, np.float16, order="C") for name, part in parts.items()}
    (tmp_path / "file").write_bytes(save(halves, metadata={"gallery": json.dumps(about)}))

    read = Gallery.read(tmp_path / "file")

    np.testing.assert_allclose(read.looks.values, gallery.looks.values, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_a_pose_of_the_gallery_is_drawn_as_its_picture_is_translated(
    data: Path, model: Path, engine: str
) -> None:
    translator = Translator.load(model, "cpu", engine)
    gallery = choose_gallery(model, data, ROWS)
    look = gallery.one_look(1)

    drawn = translator.draw(gallery.poses, look)

    candidates = [
        translator.translate([cls / f"{n}.png" for n in gallery.pose_names], look)
        for cls in sorted((data / "seen").iterdir())
    ]
    differences = [
        max(
            np.abs(np.asarray(a, int) - np.asarray(b, int)).max()
            for a, b in zip(drawn, images, strict=True)
        )
        for images in candidates
    ]
    assert min(differences) <= 1
    assert max(differences) > 1


def test_looks_are_of_unseen_classes_and_other_poses_differ(data: Path, model: Path) -> None:
    gallery = choose_gallery(model, data, Choice(num_poses=5, num_looks=2))

    assert all(name.startswith("unseen-") for name in gallery.look_names)
    assert len(gallery.look_names) == len(gallery.looks.class_code) == 2
    assert len({pose.tobytes() for pose in gallery.poses}) == 5


def test_a_row_that_no_class_has_is_an_error(data: Path, model: Path) -> None:
    with pytest.raises(UserError, match=r"has images of all of fly_\*"):
        choose_gallery(model, data, Choice(rows=("fly_*",)))


def test_equal_positions_of_a_look_become_one_and_draw_the_same(
    model: Path, attending: ModelConfig
) -> None:
    translator = Translator.load(model, "cpu", "torch")
    random = np.random.default_rng(0)
    images = [random.integers(0, 255, (16, 16, 3), dtype=np.uint8) for _ in range(2)]
    whole = translator.encode_class([images[0]] * 4 + [images[1]])
    num_positions = whole.keys.shape[2] // 5

    condensed_look = condensed(whole, 2 * num_positions)

    assert condensed_look.keys.shape[2] == 2 * num_positions
    pose = np.stack([translator.encode_content(image).encoded for image in images])
    np.testing.assert_allclose(
        translator.engine.draw(pose, Look.cat([condensed_look] * 2)),
        translator.engine.draw(pose, Look.cat([whole] * 2)),
        atol=1e-4,
    )
    np.testing.assert_allclose(np.exp(condensed_look.log_shares).sum(), num_positions, rtol=1e-5)


def test_medoids_are_one_of_each_heap_and_equal_things_leave_no_group_empty() -> None:
    heaps = np.repeat(np.array([[0.0, 0], [9, 0], [0, 9]], np.float32), 4, axis=0)
    heaps += np.random.default_rng(0).normal(0, 0.1, heaps.shape).astype(np.float32)

    assert {int(i) // 4 for i in medoids(heaps, 3)} == {0, 1, 2}
    assert set(clustered(np.zeros((5, 2), np.float32), 3)) == {0, 1, 2}


# ----------------------------------------------------------------------- demo


def test_a_look_is_drawn_in_every_pose_as_sheet_strips_and_animations(
    tmp_path: Path, data: Path, model: Path
) -> None:
    gallery = choose_gallery(model, data, ROWS, "creatures")
    out = tmp_path / "demo"

    files = show_look(with_gallery(model, gallery), out, "2", "cpu")

    start = f"look-{gallery.look_names[1]}"
    names = ["poses.png", "walk_s.png", "walk_s.gif", "walk_w.png", "walk_w.gif"]
    assert files == [out / f"{start}-{name}" for name in names]
    assert sorted(files) == sorted(out.iterdir())
    with Image.open(out / f"{start}-walk_s.gif") as animation:
        assert animation.n_frames == 3
        assert animation.info["duration"] == 100
        assert animation.info["loop"] == 0
    with Image.open(out / f"{start}-walk_s.png") as strip:
        assert strip.width // strip.height == 3
    assert show_look(model, out, gallery.look_names[1], "cpu") == files


def test_a_model_of_other_things_shows_its_gallery_and_the_scores_it_was_saved_with(
    tmp_path: Path, data: Path, model: Path
) -> None:
    with_gallery(model, choose_gallery(model, data, ROWS, "characters"))
    row = {"part": "unseen", "shots": 5, "metric": "l1", "low": 0.1, "high": 0.3, "n": 9}
    scores = [row | {"model": "m", "value": 0.2}, row | {"model": "recolour", "value": 0.25}]
    write_about(model, open_model(model).info.model_copy(update={"scores": scores}))

    report = show_gallery(model, tmp_path / "demo", "cpu")

    assert not is_of_creatures(model)
    assert report.value(str(model), 5, "l1") == 0.2
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        "contact-sheet.png",
        "scores.json",
    ]
    with Image.open(tmp_path / "demo" / "contact-sheet.png") as sheet:
        assert sheet.width > 6 * 16
        assert sheet.height > 3 * 16


def test_creatures_are_drawn_for_a_model_without_a_gallery_and_for_one_of_creatures(
    data: Path, model: Path
) -> None:
    assert is_of_creatures(model)
    assert is_of_creatures(with_gallery(model, choose_gallery(model, data, ROWS, "menagerie")))


@pytest.mark.parametrize("wanted", ["0", "4", "-1", "nobody", ""])
def test_a_look_that_is_not_there_is_an_error_that_says_how_many_are(
    tmp_path: Path, data: Path, model: Path, wanted: str
) -> None:
    with_gallery(model, choose_gallery(model, data, ROWS))

    with pytest.raises(UserError, match=f"no look `{wanted}`") as caught:
        show_look(model, tmp_path / "demo", wanted, "cpu")

    assert "it has 3: give a number from 1 to 3" in caught.value.hint
    assert not (tmp_path / "demo").exists()


def test_a_look_of_a_model_without_a_gallery_is_an_error(tmp_path: Path, model: Path) -> None:
    with pytest.raises(UserError, match="has no gallery"):
        show_look(model, tmp_path / "demo", "1", "cpu")


# --------------------------------------------------------------- in the folder


def test_a_damaged_gallery_is_found(data: Path, model: Path) -> None:
    with_gallery(model, choose_gallery(model, data, ROWS))
    content = bytearray((model / GALLERY_FILE).read_bytes())
    content[-1] ^= 1
    (model / GALLERY_FILE).write_bytes(content)

    with pytest.raises(UserError, match=r"gallery\.safetensors` is damaged"):
        open_model(model).whole_gallery()


def test_what_is_no_gallery_cannot_be_read(tmp_path: Path, model: Path) -> None:
    (tmp_path / "text").write_text("not a gallery")

    for path in (tmp_path / "text", model / "weights.safetensors", tmp_path / "missing"):
        with pytest.raises(UserError, match="cannot be read"):
            Gallery.read(path)


def test_publishing_a_model_takes_its_gallery_and_its_notes_along(data: Path, model: Path) -> None:
    with_gallery(model, choose_gallery(model, data, ROWS))
    write_about(model, open_model(model).info.model_copy(update={"notes": "## Known failures"}))

    ModelRepository().publish(model, "copy")

    published = ModelRepository().find("copy")
    copied = published.whole_gallery()
    assert copied is not None
    assert copied.read_bytes() == (model / GALLERY_FILE).read_bytes()
    assert "## Known failures" in (published.path / "card.md").read_text()


# ------------------------------------------------------------------ as shipped

EACH_SHIPPED = pytest.mark.parametrize(
    "folder", sorted(path.parent for path in SHIPPED.glob("*/model.json")), ids=lambda p: p.name
)


@EACH_SHIPPED
def test_a_shipped_model_is_small_and_in_half_precision(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.rglob("*")) <= MAX_BYTES

    header = (folder / "weights.safetensors").read_bytes()[8:100_000]
    assert b'"F16"' in header
    assert b'"F32"' not in header


@EACH_SHIPPED
def test_a_shipped_model_has_all_that_belongs_to_it_whole(folder: Path) -> None:
    found = open_model(folder)

    found.whole_weights()
    found.whole_graphs()
    path = found.whole_gallery()
    assert path is not None
    gallery = Gallery.read(path)
    assert (len(gallery.pose_names), len(gallery.look_names)) == (32, 16)
    assert found.licence_text
    notes = (folder / "card.md").read_text()
    for word in ("## Data", "## Limits and known failures", "## Licence", "## Scores", "seed"):
        assert word in notes
    for file in ("curves.png", "evaluation.json"):
        assert f"`{file}`" in notes
        assert (folder / file).exists()


@EACH_SHIPPED
def test_the_card_of_a_shipped_model_is_the_one_in_scripts(folder: Path) -> None:
    card = Path(__file__).parent.parent / "scripts" / "cards" / f"{folder.name}.md"

    assert open_model(folder).info.notes == card.read_text(), (
        f"run `python scripts/ship_model.py --rebuild {folder.name}`"
    )


def test_the_look_of_a_shipped_creature_has_an_animation_of_all_poses(tmp_path: Path) -> None:
    files = show_look("default", tmp_path, "2", "cpu")

    (animation,) = (file for file in files if file.suffix == ".gif")
    with Image.open(animation) as frames:
        assert frames.n_frames == 32
        assert frames.info["duration"] == 500
