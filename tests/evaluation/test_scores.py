"""Figures move the way that damage moves them, and say when there are too few images for them."""

import runpy
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from funit.data.packed import Packed
from funit.evaluation.baselines import BASELINES
from funit.evaluation.candidates import Baseline
from funit.evaluation.classifier import Classifier, HeldOut, Labelled, train_classifier
from funit.evaluation.findings import Findings
from funit.evaluation.judge import Judge
from funit.evaluation.measured import Measured, measure
from funit.evaluation.metrics import Values
from funit.evaluation.pairs import choose_pairs
from funit.evaluation.real import RealFeatures, RealImages, real_features
from funit.evaluation.report import Row
from funit.evaluation.scores import (
    RealSide,
    add_accuracy,
    add_copies,
    add_distributions,
    add_errors,
    add_judge,
)

NET = "efficientnet_lite0"
DAMAGE = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "show_damage.py"))
SIZE, NUM_CLASSES, NUM_POSES = 32, 3, 20


# ------------------------------------------------ damage


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Three seen and three unseen classes in twenty poses."""
    zoo: Packed = DAMAGE["draw_zoo"](
        tmp_path_factory.mktemp("zoo"), NUM_CLASSES, NUM_POSES, SIZE, seed=0
    )
    return zoo


@pytest.fixture(scope="module")
def damaged(packed: Packed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Findings]:
    """The truth and some damage to it, measured once for all."""
    wanted = [
        *("the truth", "blur, 2 px", "wrong class, 50%", "wrong class, 100%"),
        *("mode collapse, 1 a class", "training images, 100%"),
    ]
    candidates = [each for each in DAMAGE["damaged"](packed, SIZE, 0) if each.name in wanted]
    assert [each.name for each in candidates] == wanted
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUNIT_HOME", str(tmp_path_factory.mktemp("home")))
        yield DAMAGE["measure_damage"](
            candidates,
            packed,
            SIZE,
            NUM_CLASSES * NUM_POSES,
            0,
            ["accuracy", "distribution", "copies"],
        )


def row(findings: Findings, model: str, metric: str) -> Row:
    (found,) = (
        row
        for row in findings.rows
        if (row.model, row.metric.replace(f"_{NET}", "")) == (model, metric) and row.shots
    )
    return found


@pytest.mark.parametrize(
    ("metric", "rising", "kind"),
    [
        ("l1", True, ("blur, 2 px",)),
        ("l1_foreground", True, ("wrong class, 50%", "wrong class, 100%")),
        ("ssim", False, ("blur, 2 px",)),
        ("perceptual", True, ("blur, 2 px",)),
        ("perceptual", True, ("wrong class, 50%", "wrong class, 100%")),
        ("perceptual", True, ("mode collapse, 1 a class",)),
        ("dipd", True, ("mode collapse, 1 a class",)),
        ("top1_test", False, ("wrong class, 50%", "wrong class, 100%")),
        ("top1_all", False, ("wrong class, 50%", "wrong class, 100%")),
        ("top1_all", False, ("training images, 100%",)),
        ("mkid", True, ("blur, 2 px",)),
        ("mkid", True, ("wrong class, 50%", "wrong class, 100%")),
        ("mkid", True, ("mode collapse, 1 a class",)),
        ("kid", True, ("blur, 2 px",)),
        ("precision", False, ("blur, 2 px",)),
        ("coverage", False, ("mode collapse, 1 a class",)),
        ("recall", False, ("mode collapse, 1 a class",)),
        ("copies", True, ("training images, 100%",)),
    ],
)
def test_a_metric_gets_worse_with_what_it_looks_for(
    damaged: Findings, metric: str, rising: bool, kind: Sequence[str]
) -> None:
    rows = [row(damaged, model, metric) for model in ("the truth", *kind)]

    steps = np.diff([row.value for row in rows])
    first, last = rows[0], rows[-1]
    assert (steps > 0).all() if rising else (steps < 0).all(), rows
    assert first.high < last.low if rising else first.low > last.high, rows


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        ("dipd", "wrong class, 100%"),  # the pose is right
        ("kid", "wrong class, 100%"),  # all classes together are as they should be
        ("coverage", "wrong class, 100%"),
        ("top1_test", "mode collapse, 1 a class"),  # the class is right
        ("precision", "mode collapse, 1 a class"),  # each image is a real one
        ("copies", "wrong class, 100%"),  # of no seen class
    ],
)
def test_a_metric_does_not_see_what_it_does_not_look_for(
    damaged: Findings, metric: str, kind: str
) -> None:
    truth, other = row(damaged, "the truth", metric), row(damaged, kind, metric)

    assert truth.low <= other.high
    assert other.low <= truth.high


def test_the_truth_has_the_best_figures_that_there_are(damaged: Findings) -> None:
    best = {"l1": 0, "psnr": 100, "top1_test": 1, "precision": 1, "copies": 0}

    found = {metric: row(damaged, "the truth", metric).value for metric in best}

    assert found == best
    assert row(damaged, "the truth", "perceptual").value == pytest.approx(0, abs=1e-6)
    assert row(damaged, "the truth", "ssim").value == pytest.approx(1)
    assert row(damaged, "wrong class, 100%", "top1_test").value == 0
    assert row(damaged, "training images, 100%", "copies").value == 1


def test_every_class_has_its_rows_and_they_add_up(damaged: Findings, packed: Packed) -> None:
    names = [cls.name for cls in packed.part("unseen")]

    for metric in ("l1", f"perceptual_{NET}", f"dipd_{NET}", f"top1_test_{NET}", f"mkid_{NET}"):
        classes = [
            each
            for each in damaged.classes
            if (each.model, each.metric) == ("wrong class, 50%", metric)
        ]
        assert [each.class_name for each in classes] == names
        assert {each.n for each in classes} == {NUM_POSES}
        mean = row(damaged, "wrong class, 50%", metric.removesuffix(f"_{NET}")).value
        assert np.mean([each.value for each in classes]) == pytest.approx(mean)
        assert len({each.value for each in classes}) == NUM_CLASSES


def test_what_needs_more_images_is_left_out_once_with_the_reason(damaged: Findings) -> None:
    reasons = {item.metric: item for item in damaged.left_out}

    assert set(reasons) == {f"fid_{NET}", f"mfid_{NET}", f"mfid_{NET}_112", f"top5_test_{NET}"}
    assert "needs 1281 images" in reasons[f"fid_{NET}"].reason
    assert reasons[f"fid_{NET}"].reason.endswith("there are 60")
    assert "needs 113 images" in reasons[f"mfid_{NET}_112"].reason
    assert reasons[f"mfid_{NET}_112"].reason.endswith("there are 20")
    assert reasons[f"fid_{NET}"].model is None  # of all of them


@pytest.mark.parametrize(
    ("metric", "values", "told"),
    [
        ("l1", (0, 0.1, 0.2, 0.3), "**yes**"),
        ("psnr", (40, 40, 30, 10), "**yes**"),
        ("look_spread", (1, 0.9, 1.2, 0.5), "**yes**"),  # farther and farther from 1
        ("l1", (0, 0.2, 0.1, 0.3), "mostly"),
        ("psnr", (40, 20, 30, 10), "mostly"),
        ("l1", (0, 0.1, 0.2, 0.01), "blind"),
        ("psnr", (30, 30.01, 30, 29.99), "blind"),
        ("l1", (0.3, 0.4, 0.2, 0.5), "**WRONG**"),
        ("psnr", (30, 31, 32, 33), "**WRONG**"),
    ],
)
def test_the_table_of_damage_says_which_metrics_follow_it(
    metric: str, values: Sequence[float], told: str
) -> None:
    rows = [Row("m", "unseen", 1, metric, v, v - 0.02, v + 0.02, 9) for v in values]

    assert DAMAGE["verdict"](metric, rows) == told


def test_the_table_of_damage_has_a_line_a_grade_and_leaves_what_was_not_measured_empty(
    damaged: Findings,
) -> None:
    table = DAMAGE["damage_table"](damaged)

    lines = {line.split(" | ")[0].strip("| "): line for line in table.splitlines() if "|" in line}
    assert "| `l1` | " in lines[""]
    assert lines["wrong class, 100%"].count("|") == lines[""].count("|")
    assert lines["blur, 2 px"].split(" | ")[1] == f"{row(damaged, 'blur, 2 px', 'l1').value:.3g}"
    assert set(lines["wrong class, 25%"]) == set("| wrong class, 25%")
    assert "copy-content" in lines
    assert f"- `fid_{NET}`: " in table


# ------------------------------------------------ features without images


def centres(num_classes: int, size: int) -> Values:
    return 3 * np.random.default_rng(0).standard_normal((num_classes, size))


def images_like(labels: np.ndarray[Any, Any], size: int, seed: int) -> np.ndarray[Any, Any]:
    """Features of images of these classes."""
    noise = np.random.default_rng(seed).standard_normal((len(labels), size))
    return (centres(1 + int(labels.max()), size)[labels] + noise).astype(np.float32)


def measured_of(
    labels: np.ndarray[Any, Any], size: int, seed: int, values: Mapping[str, Values] | None = None
) -> Measured:
    """A candidate that answered with images of the right classes."""
    answered = np.ones(len(labels), dtype=bool)
    return Measured("m", 1, dict(values or {}), {NET: images_like(labels, size, seed)}, answered)


@pytest.fixture
def narrow(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """A judge of eight numbers: FID of them needs few images."""
    monkeypatch.setattr(judge, "first", slice(0, 8))
    monkeypatch.setattr(judge, "middle", slice(4, 8))
    return judge


def real_side(judge: Judge, num_classes: int, count: int, seed: int) -> RealSide:
    labels = np.repeat(np.arange(num_classes), count)
    seen = np.repeat(np.arange(2), 20)
    return RealSide(
        RealFeatures(
            Labelled(images_like(labels, 8, seed), labels),
            Labelled(images_like(seen, 8, seed) + 50, num_classes + seen),
        ),
        judge,
    )


@pytest.mark.parametrize("num_classes", [7, 10])
def test_the_interval_of_fid_is_about_as_wide_as_fid_scatters(
    narrow: Judge, num_classes: int
) -> None:
    names = [str(label) for label in range(num_classes)]
    labels = np.arange(240 // num_classes * num_classes) % num_classes  # as classes take turns
    found = []
    for seed in range(6):
        findings = Findings("unseen", seed=0)
        side = real_side(narrow, num_classes, 240 // num_classes, 100 + seed)
        add_distributions(findings, measured_of(labels, 8, seed), labels, names, side)
        found += [row for row in findings.rows if row.metric == f"fid_{NET}"]

    assert all(row.low <= row.value <= row.high for row in found)
    scatter = np.std([row.value for row in found])
    width = np.mean([(row.high - row.value) / 1.96 for row in found])
    assert 0.7 * scatter < width < 4 * scatter


def test_figures_do_not_depend_on_the_order_of_the_pairs_or_on_how_many_are_read_at_once(
    narrow: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    labels = np.arange(240) % 6
    side = real_side(narrow, 6, 40, seed=5)
    targets = side.features.targets
    classifier = train_classifier(targets.features, targets.labels, names, seed=0)
    right_ones = measured_of(labels, 8, seed=1)
    right_ones.features[NET][:50] = images_like(labels[50:100], 8, seed=2)[::-1]  # some are wrong

    def figures(order: np.ndarray[Any, Any]) -> tuple[dict[str, Row], dict[tuple[str, str], float]]:
        findings = Findings("unseen", seed=0)
        one = replace(right_ones, features={NET: right_ones.features[NET][order]})
        shown = labels[order]
        add_accuracy(findings, {"m": one}, shown, names, narrow, "test", classifier)
        add_distributions(findings, one, shown, names, side)
        add_copies(findings, one, side)
        of_classes = {(each.class_name, each.metric): each.value for each in findings.classes}
        return {row.metric: row for row in findings.rows}, of_classes

    rows, classes = figures(np.arange(240))
    monkeypatch.setattr("funit.evaluation.scores._AT_ONCE", 7)
    in_sevens, classes_in_sevens = figures(np.arange(240))
    shuffled, classes_shuffled = figures(np.random.default_rng(0).permutation(240))

    assert 0.7 < rows[f"top1_test_{NET}"].value < 0.95
    assert {f"{name}_{NET}" for name in ("fid", "kid", "mfid", "mkid", "recall", "copies")} <= set(
        rows
    )
    assert classes_in_sevens == pytest.approx(classes)
    for metric, found in rows.items():
        again = in_sevens[metric]
        assert (again.value, again.low, again.high) == pytest.approx(
            (found.value, found.low, found.high)
        ), metric
        if metric.startswith(("kid", "mkid", "is_")):  # of subsets that are drawn by number
            assert found.low <= shuffled[metric].value <= found.high, metric
        else:
            assert shuffled[metric].value == pytest.approx(found.value), metric
    for key, value in classes.items():
        if not key[1].startswith("mkid"):
            assert classes_shuffled[key] == pytest.approx(value), key


def test_measured_values_do_not_depend_on_how_many_pairs_are_in_memory(
    packed: Packed, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = choose_pairs(packed, "unseen", 7, 1, seed=0)
    candidates = [Baseline(name) for name in BASELINES]

    together = measure(candidates, packed, pairs, SIZE, 1, [judge])
    monkeypatch.setattr("funit.evaluation.measured._AT_ONCE", 3)
    in_threes = measure(candidates, packed, pairs, SIZE, 1, [judge])

    for name in BASELINES:
        for metric, values in together[name].values.items():
            np.testing.assert_allclose(in_threes[name].values[metric], values, rtol=1e-6)
        np.testing.assert_array_equal(in_threes[name].features[NET], together[name].features[NET])
        assert together[name].answered.all()


def test_memory_does_not_grow_with_the_pairs_but_for_a_few_numbers_each(
    packed: Packed, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funit.evaluation.scores._AT_ONCE", 50)  # what is bounded is small
    monkeypatch.setattr("funit.evaluation.metrics._MAX_DRAWN", 50)
    names = ["copy-content", "nearest-example"]  # they answer with images that are remembered
    real = RealImages.of(packed, packed.part("unseen"), seed=0)
    side = RealSide(real_features(judge, packed, SIZE, real), judge)
    class_names = [cls.name for cls in real.targets]
    targets = side.features.targets
    rows = targets.features[:, judge.first]
    classifier = train_classifier(rows, targets.labels, class_names, seed=0)

    def most_bytes(num_pairs: int) -> int:
        pairs = choose_pairs(packed, "unseen", num_pairs, 1, seed=0)
        tracemalloc.start()
        found = measure([Baseline(n) for n in names], packed, pairs, SIZE, 1, [judge])
        findings, labels = Findings("unseen", seed=0), np.arange(num_pairs) % len(class_names)
        add_accuracy(findings, found, labels, class_names, judge, "test", classifier)
        for one in found.values():
            assert one.answered.all()
            add_copies(findings, one, side)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few, many = most_bytes(150), most_bytes(450)

    per_pair = (many - few) / 300 / len(names)
    assert per_pair < 300, per_pair  # an image of 32 px has 3,072 bytes, its features 5,568


def test_too_few_images_for_a_figure_leave_it_out_and_nothing_else(narrow: Judge) -> None:
    names, labels = ["a", "b"], np.arange(44) % 2
    findings = Findings("unseen", seed=0)

    add_distributions(
        findings, measured_of(labels, 8, seed=0), labels, names, real_side(narrow, 2, 40, 1)
    )

    reasons = {item.metric: item.reason for item in findings.left_out}
    assert list(reasons) == [f"precision_{NET}"]
    assert reasons[f"precision_{NET}"].endswith("there are 44")
    assert f"fid_{NET}" in {row.metric for row in findings.rows}


def test_four_translations_are_too_few_for_fid_and_the_reason_says_how_many_it_needs(
    narrow: Judge,
) -> None:
    names, labels = ["a", "b"], np.arange(4) % 2
    findings = Findings("unseen", seed=0)

    add_distributions(
        findings, measured_of(labels, 8, seed=0), labels, names, real_side(narrow, 2, 40, 1)
    )

    reasons = {item.metric: item.reason for item in findings.left_out}
    assert "needs 9 images" in reasons[f"fid_{NET}"]
    assert reasons[f"fid_{NET}"].endswith("there are 4")
    assert findings.rows == []


def test_a_candidate_without_answers_has_no_figures(narrow: Judge) -> None:
    names, labels = ["a", "b"], np.arange(60) % 2
    side = real_side(narrow, 2, 40, 1)
    targets = side.features.targets
    classifier = train_classifier(targets.features, targets.labels, names, seed=0)
    values = {"l1": np.full(60, np.nan), "l1_foreground": np.full(60, np.nan)}
    nothing = replace(measured_of(labels, 8, 0, values), answered=np.zeros(60, dtype=bool))
    findings = Findings("unseen", seed=0)

    add_accuracy(findings, {"m": nothing}, labels, names, narrow, "test", classifier)
    add_distributions(findings, nothing, labels, names, side)
    add_copies(findings, nothing, side)
    add_errors(findings, {"m": nothing, **dict.fromkeys(BASELINES, nothing)}, labels, names)

    assert findings.rows == []
    assert findings.classes == []


def test_a_class_that_copying_gets_right_has_no_ratio_to_it() -> None:
    labels, errors = np.array([0, 0, 1, 1]), np.array([0.0, 0.0, 0.2, 0.4])
    copying = {"l1_foreground": errors}
    ours = {"l1_foreground": errors / 2}
    measured = {name: replace(measured_of(labels, 8, 0, copying), name=name) for name in BASELINES}
    findings = Findings("unseen", seed=0)

    add_errors(findings, {**measured, "m": measured_of(labels, 8, 0, ours)}, labels, ["a", "b"])

    ratios = {
        each.class_name: each.value
        for each in findings.classes
        if (each.model, each.metric) == ("m", "l1_foreground/copy-content")
    }
    assert ratios == {"b": 0.5}


@pytest.mark.parametrize(
    ("num_classes", "accuracy", "warned"),
    [(2, 0.5, True), (2, 0.74, True), (2, 0.75, False), (20, 0.52, True), (20, 0.53, False)],
)
def test_a_classifier_that_is_nearer_to_guessing_is_warned_of(
    judge: Judge, num_classes: int, accuracy: float, warned: bool
) -> None:
    held_out = HeldOut(top1=accuracy, top5=None, num_images=50)
    names = tuple(map(str, range(num_classes)))
    weight, bias = np.zeros((num_classes, 3)), np.zeros(num_classes)
    classifier = Classifier(names, weight, bias, 1.0, held_out)
    findings = Findings("unseen", seed=0)

    add_judge(findings, judge, "test", classifier)

    (only,) = findings.rows
    assert (only.model, only.shots, only.value, only.n) == ("real images", 0, accuracy, 50)
    assert 0 <= only.low < accuracy < only.high <= 1
    assert bool(findings.warnings) == warned
    if warned:
        words = f"top1_test_{NET}` is right for {accuracy:.0%} of real images"
        assert words in findings.warnings[0]
