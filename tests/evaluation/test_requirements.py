"""What a model must reach before it is published."""

import pytest

from funit.errors import UserError
from funit.evaluation.requirements import Requirement, check_requirements

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
