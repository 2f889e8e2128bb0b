"""The menagerie: drawings that never change, and a task that cannot be solved by one colour."""

import hashlib
import time
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from funit.data.menagerie import (
    MENAGERIE_VERSION,
    Pose,
    Species,
    draw_pose,
    draw_species,
    render,
    write_menagerie,
)
from funit.data.species import PLANS
from funit.errors import UserError

# (index, size) -> SHA-256: species and pose of that index and of seed 5, every body plan once.
# If one changes, weights trained on the drawings are void: raise MENAGERIE_VERSION.
GOLDEN = {
    (0, 64): "00703734806a62befd20366440eca3ac53540b4532a608cef900929fe859a29e",
    (1, 32): "0686eeca16e226ce0087b55dd1c297e1613e7ebbcf5ddef3a89edadb394cb26e",
    (2, 128): "6332540536c47f943fd0c48cc7bc1c3f6feee35133816f6327a0261a77303abe",
    (3, 64): "bd3de8bc587c810a1dd3391de68fae4bd090b1d69cc95658c4729172fece1cf8",
    (4, 64): "09efa258a7cd566c930dfbd5273e6754c8ce45c3840a5cad4fdc36418c214f98",
    (5, 32): "bd7a28df7eaf9b1150313ab8232d4471db6ccaa1d72895fd25bbbe88b6612343",
    (6, 128): "6c626bf2b4b5c98d233e12b7cc50ad5baa835092dc60a51a415af8d94c69defc",
    (8, 64): "d3618c7063837e8c22ea31f34e94684cffd780f72ee65ee1e7a2f67b43c04097",
    (15, 64): "964ad1e6e8a7645316bee2925232e4b452453291d1aeaa190ef257c431f30813",
    (20, 32): "c30a3a343bea6515b3ac311b4273fb2b703d8365ec8e07125449bb2e2943fa83",
    (25, 128): "a5e1f863959a107d310fa734e456db83a138239da702bb236356f5756a224805",
    (28, 64): "1a66220cfee14042a783202a97dec16da4989cdc343e81193009b249d3913fbb",
    (29, 64): "83f9262a9546a8ccb5a795e98344389669d5eb2722b53821696094daff406c8e",
    (34, 32): "f10bd100f2e3e636e70437418516d62b811b559cae777ee8142d2333b0ae2624",
}


@pytest.fixture(scope="module")
def one_of_each_plan() -> list[Species]:
    found: dict[str, Species] = {}
    for index in range(200):
        species = draw_species(5, index)
        found.setdefault(species.plan, species)
    return list(found.values())


def covered(image: NDArray[np.uint8], pose: Pose) -> NDArray[np.bool_]:
    """Where the creature is."""
    return (image != np.array(pose.background, dtype=np.uint8)).any(axis=-1)


@pytest.mark.parametrize(("key", "expected"), GOLDEN.items())
def test_a_drawing_never_changes(key: tuple[int, int], expected: str) -> None:
    index, size = key

    image = render(draw_species(5, index), draw_pose(5, index), size)

    assert MENAGERIE_VERSION == 1
    assert hashlib.sha256(image.tobytes()).hexdigest() == expected


def test_looks_and_poses_follow_from_seed_and_index_alone() -> None:
    assert draw_species(1, 7) == draw_species(1, 7)
    assert draw_pose(1, 7) == draw_pose(1, 7)
    assert len({draw_species(seed, index) for seed in (1, 2) for index in range(50)}) == 100
    assert len({draw_pose(seed, index) for seed in (1, 2) for index in range(50)}) == 100


def test_a_species_has_many_parameters_and_200_classes_show_every_body_plan(
    one_of_each_plan: list[Species],
) -> None:
    assert len(fields(Species)) >= 30
    assert len(PLANS) >= 8
    assert {species.plan for species in one_of_each_plan} == set(PLANS)


def test_the_same_pose_gives_two_classes_the_same_flat_background(
    one_of_each_plan: list[Species],
) -> None:
    pose = replace(draw_pose(5, 3), background=(10, 200, 90))

    for species in one_of_each_plan:
        image = render(species, pose, 64)
        creature = covered(image, pose)

        assert 0.2 < creature.mean() < 0.8, species.name
        assert not creature[0].all()
        assert not creature[:, 0].all()


def test_every_size_shows_the_same_picture() -> None:
    species, pose = draw_species(5, 1), draw_pose(5, 1)
    small = render(species, pose, 16).astype(float)

    for size in (32, 64, 128, 512):
        image = render(species, pose, size)

        assert image.shape == (size, size, 3)
        shrunk = Image.fromarray(image).resize((16, 16), Image.Resampling.BOX)
        assert np.abs(np.asarray(shrunk, dtype=float) - small).mean() < 8


def test_turning_the_other_way_mirrors_a_symmetric_species() -> None:
    species = replace(draw_species(5, 0), pattern_mirrored=True, pattern="stripes")
    pose = replace(
        draw_pose(5, 0), yaw=45.0, roll=0.0, x=0.0, gaze_x=0.0, light_side=0.0, eyelids=0.1
    )

    there = render(species, pose, 64).astype(float)
    back = render(species, replace(pose, yaw=-45.0), 64).astype(float)

    assert np.abs(there - back[:, ::-1]).mean() < 2
    assert np.abs(there - back).mean() > 10


@pytest.mark.parametrize(
    "change",
    [
        {"yaw": 40.0}, {"pitch": 15.0}, {"roll": 12.0}, {"x": 0.1}, {"scale": 1.05}, {"mouth": 1.0},
        {"gaze_x": 1.0}, {"eyelids": 1.0}, {"ears": -1.0}, {"light_side": 60.0},
        {"background": (250, 0, 0)},
    ],
)  # fmt: skip
def test_each_part_of_a_pose_shows(
    change: dict[str, object], one_of_each_plan: list[Species]
) -> None:
    rest = replace(
        draw_pose(5, 0), yaw=0.0, pitch=0.0, roll=0.0, x=0.0, y=0.0, scale=0.9, mouth=0.0,
        gaze_x=0.0, eyelids=0.0, ears=0.5, light_side=-30.0, background=(90, 120, 160),
    )  # fmt: skip
    changed = replace(rest, **change)  # type: ignore[arg-type]

    for species in one_of_each_plan:
        if "ears" in change and species.ear_kind == "none":
            continue
        assert (render(species, rest, 64) != render(species, changed, 64)).sum() > 20, species.name


def test_the_task_is_no_toy() -> None:
    named, copy_content, copy_example = toy_figures(num_classes=80, num_poses=8, num_pairs=200)
    print(
        f"named by mean colour {named:.3f}; l1_foreground of copying "
        f"the pose image {copy_content:.3f}, the nearest example {copy_example:.3f}"
    )

    assert named < 0.4
    assert copy_content > 0.12
    assert copy_example > 0.12


@pytest.mark.slow
def test_the_task_is_no_toy_on_200_classes_and_drawing_is_quick() -> None:
    started = time.process_time()
    drawn = [render(draw_species(6, i), draw_pose(6, i), 64) for i in range(300)]
    per_second = len(drawn) / (time.process_time() - started)
    named, copy_content, copy_example = toy_figures(num_classes=200, num_poses=12, num_pairs=600)

    print(
        f"200 classes: named by mean colour {named:.1%}, l1_foreground of copying the pose image "
        f"{copy_content:.3f}, the nearest example {copy_example:.3f}; {per_second:.0f} images/s"
    )
    assert named < 0.5
    assert min(copy_content, copy_example) >= 0.08
    assert per_second >= 100


def toy_figures(
    num_classes: int, num_poses: int, num_pairs: int, seed: int = 5, size: int = 64
) -> tuple[float, float, float]:
    """How often a mean colour names the class; truth errors of copying content and example."""
    poses = [draw_pose(seed, index) for index in range(num_poses)]
    looks = [draw_species(seed, index) for index in range(num_classes)]
    images = np.array([[render(look, pose, size) for pose in poses] for look in looks])
    pairs = pairs_to_translate(num_classes, num_poses, num_pairs)
    return named_by_mean_colour(images, poses), *np.mean(
        [copying_errors(images, *pair) for pair in pairs], axis=0
    )


def pairs_to_translate(
    num_classes: int, num_poses: int, count: int
) -> list[tuple[int, int, int, NDArray[np.intp]]]:
    """Class A, class B, the content's pose and five other poses of B's examples."""
    random = np.random.default_rng(0)
    pairs = []
    for _ in range(count):
        a, b = random.choice(num_classes, 2, replace=False)
        pose, *others = random.permutation(num_poses)
        pairs.append((int(a), int(b), int(pose), np.array(others[:5])))
    return pairs


def named_by_mean_colour(images: NDArray[np.uint8], poses: list[Pose]) -> float:
    """Share of images nearest to their class's mean colour; centroids are of other poses."""
    means = np.array(
        [[row[i][covered(row[i], pose)].mean(axis=0) for i, pose in enumerate(poses)]
         for row in images]
    )  # fmt: skip
    half = len(poses) // 2
    centroids = means[:, :half].mean(axis=1)
    distances = np.linalg.norm(means[:, half:, None] - centroids, axis=-1)
    return float((distances.argmin(axis=-1) == np.arange(len(images))[:, None]).mean())


def copying_errors(
    images: NDArray[np.uint8], a: int, b: int, pose: int, examples: NDArray[np.intp]
) -> tuple[float, float]:
    """l1_foreground of the content as it is, and of the example in the most similar pose."""
    content, truth = images[a, pose], images[b, pose]
    unlike = [np.abs(images[a, e].astype(float) - content).mean() for e in examples]
    nearest = images[b, examples[int(np.argmin(unlike))]]
    return l1_foreground(content, content, truth), l1_foreground(nearest, content, truth)


def l1_foreground(
    answer: NDArray[np.uint8], content: NDArray[np.uint8], truth: NDArray[np.uint8]
) -> float:
    """Mean difference, in 0..1, where content or truth shows a creature."""
    border = np.concatenate([truth[0], truth[-1], truth[1:-1, 0], truth[1:-1, -1]])
    background = np.median(border, axis=0)
    shown = [np.abs(image - background).max(axis=-1) > 8 for image in (content, truth)]
    error = np.abs(answer.astype(float) - truth).mean(axis=-1) / 255
    return float(error[shown[0] | shown[1]].mean())


def test_zip_and_folder_hold_the_same_pictures_every_time(tmp_path: Path) -> None:
    heard: list[int] = []
    write_menagerie(tmp_path / "zoo.zip", 3, 2, 32, seed=9, progress=heard.append)
    write_menagerie(tmp_path / "again.zip", 3, 2, 32, seed=9)
    write_menagerie(tmp_path / "zoo", 3, 2, 32, seed=9)

    assert heard == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "zoo.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.zip", "zoo", "zoo.zip"]
    with zipfile.ZipFile(tmp_path / "zoo.zip") as archive:
        assert len(archive.namelist()) == 6
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "zoo" / name).read_bytes()


def test_a_written_picture_is_the_class_in_the_pose(tmp_path: Path) -> None:
    write_menagerie(tmp_path / "zoo", 2, 2, 48, seed=9)

    species = draw_species(9, 1)
    with Image.open(tmp_path / "zoo" / f"0001-{species.name}" / "pose_0000.png") as image:
        np.testing.assert_array_equal(np.asarray(image), render(species, draw_pose(9, 0), 48))


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    write_menagerie(tmp_path / "zoo", 2, 2, 16, seed=1)
    write_menagerie(tmp_path / "zoo", 1, 1, 16, seed=1)

    assert len(list((tmp_path / "zoo").rglob("*.png"))) == 1


def test_an_interrupted_writing_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_menagerie(tmp_path / "zoo.zip", 2, 2, 16, seed=1, progress=interrupt)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("classes", "poses", "size", "seed"),
    [(0, 1, 64, 1), (1, 0, 64, 1), (1, 1, 8, 1), (1, 1, 64, -1)],
)
def test_an_impossible_menagerie_says_what_to_choose(
    tmp_path: Path, classes: int, poses: int, size: int, seed: int
) -> None:
    with pytest.raises(UserError) as error:
        write_menagerie(tmp_path / "zoo", classes, poses, size, seed)

    assert error.value.hint
    assert not (tmp_path / "zoo").exists()


def test_with_a_pool_each_class_shows_its_own_poses_and_equal_names_stay_equal_poses(
    tmp_path: Path,
) -> None:
    write_menagerie(tmp_path / "zoo", 3, 4, 16, seed=3, pose_pool=40)

    shown = {c.name: sorted(p.name for p in c.iterdir()) for c in (tmp_path / "zoo").iterdir()}
    first = min(shown)
    pose = draw_pose(3, int(shown[first][0][5:9]))
    expected = render(draw_species(3, 0), pose, 16)

    assert all(len(set(names)) == 4 for names in shown.values())
    assert len({tuple(names) for names in shown.values()}) == 3
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "zoo" / first / shown[first][0])), expected
    )
