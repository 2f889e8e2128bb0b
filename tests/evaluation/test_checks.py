"""The checks tell who follows the examples and the pose, and whose translations teach."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from funit.data.dataset import crop
from funit.data.menagerie import write_menagerie
from funit.data.packed import Packed, packed_for
from funit.evaluation import checks
from funit.evaluation.candidates import Baseline, Candidate
from funit.evaluation.classifier import Labelled, few_shot_accuracy
from funit.evaluation.findings import Findings
from funit.evaluation.judge import Judge
from funit.evaluation.metrics import Images, Values
from funit.evaluation.pairs import Chooser, Pair, Pairs
from funit.evaluation.real import RealImages, real_features

SIZE = 16
NET = "efficientnet_lite0"


@dataclass(frozen=True, eq=False)
class Rule:
    """Answers by a rule: (pairs, images) -> images, or None."""

    rule: Callable[[Sequence[Pair], Pairs], Images | None]
    name: str = "rule"
    about: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, pairs: Sequence[Pair], images: Pairs) -> Images | None:
        return self.rule(pairs, images)


TRUTH = Rule(lambda _, images: images.truth)
FIRST_EXAMPLE = Rule(lambda _, images: images.examples[:, 0])


def no_answer(*_: object) -> None:
    """As of another program, which translated only its own pairs."""


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    """Two seen and six unseen classes in eight poses."""
    write_menagerie(tmp_path / "all", num_classes=8, num_poses=8, size=SIZE, seed=1)
    return packed_for(tmp_path / "all", SIZE, num_unseen=6)


def spread(
    candidate: Candidate, packed: Packed, judge: Judge, part: str = "unseen", shots: int = 2
) -> Findings:
    findings = Findings(part, seed=0)
    chooser = Chooser(packed, part, 2, seed=0)
    checks.add_spread(
        findings, candidate, packed, SIZE, shots, chooser, judge, advance=lambda _: None
    )
    return findings


def values(findings: Findings) -> dict[str, float]:
    return {row.metric.removesuffix(f"_{NET}"): row.value for row in findings.rows}


# ------------------------------------------------ the spread


@pytest.fixture
def _few_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("funit.evaluation.checks.NUM_GROUPS", 4)
    monkeypatch.setattr("funit.evaluation.checks.GROUP_SIZE", 3)


@pytest.mark.usefixtures("_few_groups")
def test_the_truth_is_as_far_apart_as_it_should_be(packed: Packed, judge: Judge) -> None:
    findings = spread(TRUTH, packed, judge)

    assert values(findings) == {"look_spread": 1, "pose_spread": 1}
    assert {(row.n, row.low, row.high) for row in findings.rows} == {(4, 1, 1)}


@pytest.mark.usefixtures("_few_groups")
def test_who_ignores_the_examples_has_no_spread_of_looks(packed: Packed, judge: Judge) -> None:
    found = values(spread(Baseline("copy-content"), packed, judge))

    assert found["look_spread"] == 0
    assert 0.5 < found["pose_spread"] < 2


@pytest.mark.usefixtures("_few_groups")
def test_who_ignores_the_content_image_has_no_spread_of_poses(packed: Packed, judge: Judge) -> None:
    found = values(spread(FIRST_EXAMPLE, packed, judge))

    assert found["pose_spread"] == 0
    assert 0.5 < found["look_spread"] < 2


@pytest.mark.usefixtures("_few_groups")
def test_only_the_asked_number_of_examples_is_shown(packed: Packed, judge: Judge) -> None:
    seen = set()

    def rule(pairs: Sequence[Pair], images: Pairs) -> Images:
        seen.add(images.examples.shape[1])
        assert {len(pair.examples) for pair in pairs} == {images.examples.shape[1]}
        return images.content

    spread(Rule(rule), packed, judge, shots=1)  # of two that are drawn

    assert seen == {1}


@pytest.mark.usefixtures("_few_groups")
def test_who_has_no_answer_is_left_out_with_a_reason(packed: Packed, judge: Judge) -> None:
    findings = spread(Rule(no_answer, name="their folder"), packed, judge)

    assert findings.rows == []
    left_out = [item.metric for item in findings.left_out]
    assert left_out == [f"look_spread_{NET}", f"pose_spread_{NET}"]
    assert {item.model for item in findings.left_out} == {"their folder"}
    assert "no answers" in findings.left_out[0].reason


@pytest.mark.usefixtures("_few_groups")
def test_two_classes_alone_have_no_group_of_looks_and_the_report_says_so(
    tmp_path: Path, judge: Judge
) -> None:
    write_menagerie(tmp_path / "two", num_classes=2, num_poses=5, size=SIZE, seed=1)
    two = packed_for(tmp_path / "two", SIZE)

    findings = spread(TRUTH, two, judge, part="seen")

    assert values(findings) == {"pose_spread": 1}
    assert [item.metric for item in findings.left_out] == [f"look_spread_{NET}"]


@pytest.mark.usefixtures("_few_groups")
def test_without_a_known_truth_other_real_images_stand_for_it(tmp_path: Path, judge: Judge) -> None:
    write_menagerie(tmp_path / "all", num_classes=5, num_poses=6, size=SIZE, seed=1)
    for index, image in enumerate(sorted((tmp_path / "all").rglob("*.png"))):
        image.rename(image.with_name(f"{index}.png"))
    packed = packed_for(tmp_path / "all", SIZE, num_unseen=3)

    copying = values(spread(Baseline("copy-content"), packed, judge))
    ignoring = values(spread(FIRST_EXAMPLE, packed, judge))

    assert copying["look_spread"] == ignoring["pose_spread"] == 0
    assert 0.5 < copying["pose_spread"] < 2
    assert 0.5 < ignoring["look_spread"] < 2


# ------------------------------------------------ few-shot use


@pytest.fixture
def _few_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("funit.evaluation.checks.NUM_SPLITS", 2)
    monkeypatch.setattr("funit.evaluation.checks.NUM_TRANSLATIONS", (0, 1, 20))


def few_shot(candidate: Candidate, packed: Packed, judge: Judge, shots: int = 1) -> Findings:
    findings = Findings("unseen", seed=0)
    real = RealImages.of(packed, packed.part("unseen"), seed=0)
    features = real_features(judge, packed, SIZE, real).targets
    chooser = Chooser(packed, "unseen", shots, seed=0)
    checks.add_few_shot(
        findings, candidate, packed, SIZE, shots, chooser, judge, real, features, lambda _: None
    )
    return findings


def noise_of(pair: Pair) -> Images:
    """One of two pictures that have nothing to do with the class."""
    random = np.random.default_rng(pair.content % 2)
    return random.integers(0, 256, size=(SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.usefixtures("_few_splits")
def test_true_translations_teach_and_noise_and_wrong_ones_do_not(
    packed: Packed, judge: Judge
) -> None:
    classes = packed.part("unseen")

    def next_class(pair: Pair) -> Images:
        number = next(i for i, cls in enumerate(classes) if cls is pair.target)
        other = classes[(number + 1) % len(classes)]
        assert pair.truth is not None
        return crop(packed.pixels_of(other, pair.truth), SIZE, 0.5, 0.5)

    noise = Rule(lambda pairs, _: np.stack([noise_of(pair) for pair in pairs]))
    wrong = Rule(lambda pairs, _: np.stack([next_class(pair) for pair in pairs]))

    true, noisy, false = (
        values(few_shot(candidate, packed, judge)) for candidate in (TRUTH, noise, wrong)
    )

    alone = true["few_shot_0"]
    assert 1 / 6 < alone < 0.95  # one image a class does not do
    assert noisy["few_shot_0"] == false["few_shot_0"] == alone  # without a translation
    assert true["few_shot_20"] > alone + 0.05
    assert true["few_shot_20"] >= true["few_shot_1"]
    assert noisy["few_shot_20"] < alone + 0.05
    assert false["few_shot_20"] < 1 / 6
    assert false["few_shot_20"] < false["few_shot_1"] < alone


@pytest.mark.usefixtures("_few_splits")
def test_examples_are_never_asked_and_all_other_images_are(
    packed: Packed, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Labelled, Labelled | None, Labelled]] = []

    def recorded(real: Labelled, translated: Labelled | None, held_out: Labelled) -> Values:
        calls.append((real, translated, held_out))
        return few_shot_accuracy(real, translated, held_out)

    monkeypatch.setattr("funit.evaluation.checks.few_shot_accuracy", recorded)
    chooser = Chooser(packed, "unseen", 2, seed=0)

    findings = few_shot(Baseline("copy-content"), packed, judge, shots=2)

    assert len(calls) == 2 * 3
    for number, (taught, translated, held_out) in enumerate(calls):
        split, count = number // 3, (0, 1, 20)[number % 3]
        for label, (target, pairs) in enumerate(
            zip(packed.part("unseen"), chooser.few_shot(split, 1), strict=True)
        ):
            images = [crop(packed.pixels_of(target, i), SIZE, 0.5, 0.5) for i in range(8)]
            features = judge.features(np.stack(images))[:, judge.first]
            shown = list(pairs[0].examples)
            rest = [i for i in range(8) if i not in shown]
            np.testing.assert_array_equal(taught.features[taught.labels == label], features[shown])
            asked = held_out.features[held_out.labels == label]
            np.testing.assert_array_equal(asked, features[rest])
        added = 0 if translated is None else len(translated.labels)
        assert added == count * 6
    assert {row.n for row in findings.rows} == {2}  # splits


@pytest.mark.usefixtures("_few_splits")
def test_who_translates_only_its_own_pairs_is_left_out_of_few_shot_use(
    packed: Packed, judge: Judge
) -> None:
    findings = few_shot(Rule(no_answer, "their folder"), packed, judge)

    assert findings.rows == []
    assert [item.metric for item in findings.left_out] == [f"few_shot_{NET}"]
