"""The trials of the recipe: what they learn from, when they end, and what is said of them."""

import json
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from funit.config import read_settings
from funit.data.menagerie import write_menagerie

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, whose results go to a folder of the test."""
    monkeypatch.syspath_prepend(SCRIPTS)
    import recipe
    import recipe_tables

    monkeypatch.setattr(recipe_tables, "RESULTS", tmp_path / "recipe.json")
    monkeypatch.setattr(recipe_tables, "PAGE", tmp_path / "recipe.md")
    monkeypatch.setattr(recipe_tables, "PLOTS", tmp_path)
    return recipe


@pytest.fixture
def tables(recipe: ModuleType) -> ModuleType:
    import recipe_tables

    return recipe_tables


def characters(path: Path, count: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"seen/hero{number:02}/a.png", b"")
        archive.writestr("unseen/villain/a.png", b"")
        archive.writestr("AUTHORS.txt", b"")
    return path


def creatures(path: Path, count: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number:04}-fox/a.png", b"")
    return path


def classes(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"seen": set(), "unseen": set()}
    for name in zipfile.ZipFile(path).namelist():
        part, cls, _ = name.split("/")
        found[part].add(cls)
    return found


@pytest.mark.parametrize("make", [characters, creatures])
def test_fewer_classes_are_among_the_more_and_the_same_are_kept_back(
    make: Any, recipe: ModuleType, tmp_path: Path
) -> None:
    given = make(tmp_path / "given.zip", 50)

    found = []
    for count in (0, 5, 12, None):
        recipe.divide(given, tmp_path / "out.zip", count)
        found.append(classes(tmp_path / "out.zip"))

    assert [len(each["seen"]) for each in found] == [0, 5, 12, 20]
    assert found[1]["seen"] < found[2]["seen"] < found[3]["seen"]
    assert all(each["unseen"] == found[0]["unseen"] for each in found)
    assert len(found[0]["unseen"]) == 30
    assert found[0]["unseen"].isdisjoint(found[3]["seen"] | {"villain"})


def test_a_small_menagerie_keeps_back_the_same_species_as_a_large_one(
    recipe: ModuleType, tmp_path: Path
) -> None:
    for count in (40, 90):
        recipe.divide(creatures(tmp_path / "given.zip", count), tmp_path / f"{count}.zip", 10)

    assert classes(tmp_path / "40.zip") == classes(tmp_path / "90.zip")


def test_more_classes_than_there_are_cannot_be_asked_for(
    recipe: ModuleType, tmp_path: Path
) -> None:
    given = characters(tmp_path / "given.zip", 33)

    with pytest.raises(SystemExit, match="has 3 classes to learn from"):
        recipe.divide(given, tmp_path / "out.zip", 4)


def test_a_trial_ends_by_minutes_and_says_what_it_learned_from_and_was_measured_on(
    recipe: ModuleType, tables: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_menagerie(tmp_path / "zoo.zip", num_classes=33, num_poses=7, size=32, seed=0)
    data, pairs = tmp_path / "zoo-2.zip", tmp_path / "zoo-0.zip"
    recipe.divide(tmp_path / "zoo.zip", data, 2)
    recipe.divide(tmp_path / "zoo.zip", pairs, 0)
    command = f"recipe.py run {data} {tmp_path / 'runs'} small --minutes 0.2 --pairs-of {pairs}"
    monkeypatch.setattr("sys.argv", [*command.split(), "--machine", "fast"])

    recipe.main()

    (key, entry), *others = tables.read_results().items()
    assert not others
    assert key == "small/32px/zoo-2/seed0/fast"
    assert (entry["classes"], entry["pairs"]) == (2, "zoo-0")
    (point,) = entry["curve"]
    assert point["minutes"] >= 0.19
    assert point["images"] >= 8
    assert len(point["by_class"]) == 30
    assert point["error"] == pytest.approx(sum(point["by_class"]) / 30, abs=1e-3)

    monkeypatch.setattr(recipe, "train_child", None)  # nothing more is to be trained
    recipe.main()


def test_a_trial_from_coarse_to_fine_goes_on_from_smaller_images_and_counts_their_time(
    recipe: ModuleType, tables: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_menagerie(tmp_path / "zoo.zip", num_classes=33, num_poses=7, size=32, seed=0)
    data = tmp_path / "zoo-2.zip"
    recipe.divide(tmp_path / "zoo.zip", data, 2)
    command = f"recipe.py run {data} {tmp_path / 'runs'} coarse-to-fine --minutes 0.3"
    monkeypatch.setattr("sys.argv", command.split())

    recipe.main()

    ((key, entry),) = tables.read_results().items()
    assert key == "coarse-to-fine/32px/zoo-2/seed0"
    fine, coarse = (
        tmp_path / "runs" / f"coarse-to-fine-32px-zoo-2-seed0{rest}" for rest in ("", "-coarse")
    )
    assert read_settings(coarse / "config.yaml")["model"]["image_size"] == 16
    assert read_settings(fine / "config.yaml")["model"]["image_size"] == 32
    assert json.loads((fine / "run.json").read_text())["parent"]["given"] == str(coarse)
    images, minutes = recipe._so_far(coarse)
    point = entry["curve"][-1]
    assert 0.14 < minutes < point["minutes"] - 0.14
    assert point["images"] == images + recipe._so_far(fine)[0]


def entry(rate: float, num_points: int = 8, **facts: Any) -> dict[str, Any]:
    """A curve that falls by `rate`, with a point every five minutes and 2,500 images."""
    curve: list[dict[str, Any]] = []
    for number in range(1, num_points + 1):
        error = 1 - rate * number
        errors = {"error": error, "low": error - 0.01, "high": error + 0.01}
        by_class = [error * share for share in (0.9, 1.0, 1.1)]
        curve.append(
            {"images": 2500 * number, "minutes": 5.0 * number, "by_class": by_class} | errors
        )
    return {"settings": [], "commit": "0", "curve": curve} | facts


def test_a_curve_is_read_between_its_points_and_not_beyond(tables: ModuleType) -> None:
    curve = entry(0.05)["curve"]

    between = tables.point_at(curve, "minutes", 12.5)

    assert between["error"] == pytest.approx(1 - 0.05 * 2.5)
    assert between["by_class"][2] == pytest.approx(1.1 * (1 - 0.05 * 2.5))
    assert tables.point_at(curve, "minutes", 4) is None
    assert tables.point_at(curve, "images", 20_001) is None


def test_ours_is_compared_with_the_best_of_the_papers_at_equal_minutes_and_at_equal_images(
    tables: ModuleType,
) -> None:
    where = ("64px", "lpc", "seed0")
    soon = entry(0.02, num_points=5)
    soon["curve"][0]["error"] = soon["curve"][1]["error"] = 0.94
    entries = {
        tables.Key("small", *where): entry(0.05),
        tables.Key("paper-batch-4", *where): soon,  # ahead at first, and passed by the other
        tables.Key("paper-batch-8", *where): entry(0.025, num_points=5),
        tables.Key("paper-batch-8", "64px", "dev", "seed0"): entry(0.025),
        tables.Key("paper-batch-8", *where, "fast"): entry(0.1),  # another machine's minutes
    }

    text = tables.against_paper(entries)

    assert text.count("###") == 1
    assert "### `small` against the paper's: lpc, 64px, seed 0" in text
    assert "| 10 minutes | 0.900 | 0.940, `paper-batch-4` | 0.957 |" in text
    assert "| 20 minutes | 0.800 | 0.900, `paper-batch-8` | 0.889 | 0.889 to 0.889 |" in text
    assert "| 10,000 images | 0.800 | 0.900, `paper-batch-8` | 0.889 |" in text
    assert "30 minutes" not in text  # the paper's ended after 25


def test_seeds_are_compared_in_their_mean_with_a_rival_that_all_of_them_have(
    tables: ModuleType,
) -> None:
    def key(trial: str, seed: int) -> Any:
        return tables.Key(trial, "64px", "lpc", f"seed{seed}")

    entries = {
        key("small", 0): entry(0.05),
        key("small", 1): entry(0.06),
        key("paper-batch-8", 0): entry(0.025),
        key("paper-batch-8", 1): entry(0.02, 4),
        key("paper-batch-4", 0): entry(0.04),  # better, and of one seed alone
    }

    text = tables.against_paper(entries)

    assert text.count("###") == 3
    _, of_seeds = text.split("### `small` against the paper's: lpc, 64px, mean of 2 seeds\n")
    assert "| 20 minutes | 0.780 | 0.910, `paper-batch-8` | 0.857 | 0.889, 0.826 |" in of_seeds
    assert "30 minutes" not in of_seeds
    assert "20,000 images" not in of_seeds  # the second of the paper's saw fewer


def test_trials_of_a_question_stand_at_as_many_images_and_the_papers_at_as_many_minutes(
    tables: ModuleType,
) -> None:
    where = ("32px", "dev", "seed0")
    slow = {"curve": [point | {"minutes": point["minutes"] / 2} for point in entry(0.1)["curve"]]}
    entries = {
        tables.Key("small", *where): entry(0.05),
        tables.Key("shots-1", *where): entry(0.04, 4),
        tables.Key("shots-1", "32px", "zoo", "seed0"): entry(0.04),  # alone
        tables.Key("paper-batch-4", *where): entry(0.02),
        tables.Key("paper-batch-8", *where): entry(0.02) | slow,
    }

    entries[tables.Key("coarse-to-fine", *where)] = entry(0.05) | slow

    coarse = tables._question("Coarse", ["small", "coarse-to-fine"], entries)
    shots = tables._question("Shots", ["small", "shots-1"], entries)
    paper = tables._question("Paper", ["paper-batch-4", "paper-batch-8"], entries)

    assert shots.splitlines()[4:] == [
        "| `small` | dev, 32px, seed 0 | 10,000 | 20.0 | 0.800 | 0.790 to 0.810 |",
        "| `shots-1` | dev, 32px, seed 0 | 10,000 | 20.0 | 0.840 | 0.830 to 0.850 |",
    ]
    assert coarse.splitlines()[4:] == [
        "| `small` | dev, 32px, seed 0 | 10,000 | 20.0 | 0.800 | 0.790 to 0.810 |",
        "| `coarse-to-fine` | dev, 32px, seed 0 | 20,000 | 20.0 | 0.200 | 0.190 to 0.210 |",
    ]
    assert paper.splitlines()[4:] == [
        "| `paper-batch-4` | dev, 32px, seed 0 | 10,000 | 20.0 | 0.920 | 0.910 to 0.930 |",
        "| `paper-batch-8` | dev, 32px, seed 0 | 20,000 | 20.0 | 0.200 | 0.190 to 0.210 |",
    ]


def test_trials_of_several_seeds_stand_with_their_mean_and_how_far_the_seeds_lie_apart(
    tables: ModuleType,
) -> None:
    entries = {
        tables.Key(name, "32px", "dev", f"seed{seed}"): entry(slope)
        for name, slopes in {"small": (0.05, 0.04), "twins": (0.03,)}.items()
        for seed, slope in enumerate(slopes)
    }
    entries[tables.Key("twins", "32px", "dev", "seed1")] = entry(0.02)

    table = tables._question("Twins", ["small", "twins"], entries)

    assert table.splitlines()[8:] == [
        "| `small` | dev, 32px, mean of 2 seeds | 20,000 | 40.0 | 0.640 | seeds: 0.600 to 0.680 |",
        "| `twins` | dev, 32px, mean of 2 seeds | 20,000 | 40.0 | 0.800 | seeds: 0.760 to 0.840 |",
    ]


def test_trials_measured_on_other_pairs_are_not_compared(tables: ModuleType) -> None:
    where = ("64px", "dev", "seed0")
    entries = {
        tables.Key("small", *where): entry(0.05),
        tables.Key("paper-batch-8", *where): entry(0.025, pairs="lpc"),
    }

    assert tables.against_paper(entries) == tables.NOTHING


def test_numbers_of_source_classes_are_compared_at_equal_images_on_the_same_pairs(
    tables: ModuleType, tmp_path: Path
) -> None:
    def key(data: str) -> Any:
        return tables.Key("small", "32px", data, "seed0")

    entries = {
        key("dev-60"): entry(0.04, 6, classes=60, pairs="dev"),
        key("dev"): entry(0.05),  # made before entries said how many classes there were
        key("dev-20"): entry(0.03, classes=20, pairs="dev"),
        key("zoo"): entry(0.05, classes=100),
    }

    text = tables.source_classes(entries)

    rows = [line.split(" | ")[0] + " | " + line.split(" | ")[2] for line in text.splitlines()[2:5]]
    assert rows == ["| 20 | 15,000", "| 60 | 15,000", "| 210 | 15,000"]
    assert "zoo" not in text
    assert (tmp_path / "source-classes.png").exists()
    assert tables.source_classes({}) == tables.NOTHING


def test_the_page_gets_every_table(tables: ModuleType, tmp_path: Path) -> None:
    sections = ("trials", "paper", "classes")
    tables.PAGE.write_text("".join(f"<!-- {n} -->old<!-- /{n} -->\nBelow\n" for n in sections))
    found = {"mean-colours/32px/dev/seed0": entry(0.05), "rate-5e-4/32px/dev/seed0": entry(0.04)}
    tables.RESULTS.write_text(json.dumps(found))

    tables.write_tables()

    text = tables.PAGE.read_text()
    assert "old" not in text
    assert text.count("\nBelow\n") == 3
    assert "| `mean-colours` | dev, 32px, seed 0 | 20,000 | 40.0 | 0.600 |" in text
    assert text.count("### ") == len(tables.QUESTIONS)
    assert "\nNot run yet: `code-24`, `code-40`, `code-64`.\n" in text
    below = "\nNot run yet: `rate-2e-3`, `momentum-0.9`, `rmsprop`.\n"  # a table
    assert f"{below}\nTaken out after commit {tables.LAST_WITH_ALL}: `momentum-0.9`.\n" in text
    assert text.endswith(f"{tables.NOTHING}\n<!-- /classes -->\nBelow\n")
    assert (tmp_path / "recipe.png").exists()
