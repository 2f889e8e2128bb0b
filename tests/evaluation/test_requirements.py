"""What a model must reach before it is published."""

import json
from pathlib import Path

import pytest

from funit.errors import UserError
from funit.evaluation.requirements import Requirement, check_requirements, read_scores

ROWS = [
    {"model": "mine", "part": "unseen", "shots": 5, "metric": "l1_foreground", "value": 0.1},
    {"model": "mine", "part": "unseen", "shots": 1, "metric": "l1_foreground", "value": 0.2},
    {"model": "recolour", "part": "unseen", "shots": 5, "metric": "l1_foreground", "value": 0.9},
    {"model": "mine", "part": "unseen", "shots": 5, "metric": "psnr", "value": 20.0},
    {"model": "mine", "part": "unseen", "shots": 5, "metric": "ssim", "value": float("nan")},
]


@pytest.mark.parametrize(
    "text",
    ["l1_foreground<=0.1", "l1_foreground < .11", "l1_foreground@1<=0.2", "psnr>=2e1", "psnr>19"],
)
def test_a_requirement_that_is_met_lets_the_model_pass(text: str) -> None:
    check_requirements(ROWS, [Requirement.parse(text)])


@pytest.mark.parametrize(
    "text", ["l1_foreground<0.1", "l1_foreground@1<=0.19", "psnr>20", "ssim>=0", "ssim<=1"]
)
def test_a_requirement_that_is_not_met_holds_it_back(text: str) -> None:
    with pytest.raises(UserError, match="is required"):
        check_requirements(ROWS, [Requirement.parse("psnr>1"), Requirement.parse(text)])


@pytest.mark.parametrize("text", ["fid<=3", "psnr@2>1"])
def test_a_score_that_was_not_measured_meets_nothing(text: str) -> None:
    with pytest.raises(UserError, match="has no score"):
        check_requirements(ROWS, [Requirement.parse(text)])


@pytest.mark.parametrize("text", ["", "l1", "l1=0.1", "l1<=", "<=1", "l1<=1.2.3", "l1<=x"])
def test_what_is_no_requirement_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no requirement"):
        Requirement.parse(text)


def test_the_scores_of_the_only_model_of_a_report_bear_the_name_asked_for(tmp_path: Path) -> None:
    row = {"part": "unseen", "shots": 5, "metric": "l1", "value": 0.2, "low": 0, "high": 1, "n": 9}
    models = ["./runs/mine", "recolour", "real images"]
    file = tmp_path / "scores.json"
    file.write_text(json.dumps({"rows": [{"model": model, **row} for model in models]}))

    assert [found["model"] for found in read_scores(file, "runs/mine")] == ["runs/mine", "recolour"]
    two = [{"model": model, **row} for model in ("a", "b")]
    file.write_text(json.dumps({"rows": two}))
    with pytest.raises(UserError, match="has no scores of `runs/mine`") as caught:
        read_scores(file, "runs/mine")
    assert caught.value.hint == "it has those of a, b"
