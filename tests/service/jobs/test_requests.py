"""What a job can be asked for, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from funit.data.catalog import read_catalog
from funit.errors import UserError
from funit.service.jobs.requests import (
    JobRequest,
    LocalRequest,
    Minimum,
    build_request,
    check_request,
    num_unseen,
    settings_of,
    shots_of,
)


def test_the_fields_are_settings_of_the_training(zoo: Path) -> None:
    request = JobRequest(
        dataset="zoo",
        name="zoo",
        max_passes=3,
        learning_rate=1e-3,
        weight_decay=0.1,
        max_bytes=10**6,
        seed=7,
        otherwise=({"preset": "light", "settings": {"training": {"learning_rate": 1e-5}}},),  # type: ignore[arg-type]
    )

    first, second = (settings_of(request, n, read_catalog(zoo)) for n in (0, 1))

    assert first["training"] == {
        "seed": 7,
        "max_images": None,
        "max_passes": 3,
        "learning_rate": 1e-3,
        "weight_decay": 0.1,
    }
    assert first["model"] == {"max_bytes": 10**6}
    assert first["data"] == {"num_unseen": 2}
    assert second["training"]["learning_rate"] == 1e-5


def test_classes_are_kept_back_only_where_the_data_do_not_say_which(
    zoo: Path, tmp_path: Path
) -> None:
    request = JobRequest(dataset="zoo", name="zoo", evaluation_share=0.5)
    divided = tmp_path / "divided"
    for part in ("seen", "unseen"):
        (divided / part).mkdir(parents=True)
        (divided / part / part).symlink_to(next(zoo.iterdir()))

    assert num_unseen(request, read_catalog(zoo)) == 4
    assert num_unseen(request, read_catalog(divided)) == 0


def test_no_more_examples_are_shown_than_a_class_has_beside_the_truth(zoo: Path) -> None:
    request = JobRequest(dataset="zoo", name="zoo")
    demanding = request.model_copy(update={"minimum": Minimum(shots=5, at_most=1)})

    assert shots_of(request, read_catalog(zoo)) == [1, 4]
    with pytest.raises(UserError, match="has 5 images"):
        shots_of(demanding, read_catalog(zoo))


def test_a_minimum_is_read_from_text() -> None:
    assert Minimum.parse("l1_foreground/copy-content<=0.8").at_most == 0.8
    found = Minimum.parse("top1_test@1>=0.5")
    assert (found.metric, found.shots, found.at_least) == ("top1_test", 1, 0.5)
    assert found.is_met(0.5)
    assert not found.is_met(0.4)
    for wrong in ("l1", "l1<=x", "<=1"):
        with pytest.raises(UserError, match="is no minimum"):
            Minimum.parse(wrong)


def test_what_cannot_be_right_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(UserError, match=r"no setting `training\.speed`"):
        check_request(JobRequest(dataset="a", name="b", settings={"training": {"speed": 1}}))
    with pytest.raises(UserError, match="no preset"):
        check_request(JobRequest(dataset="a", name="b", preset="huge"))
    with pytest.raises(UserError, match="`name` of the job"):
        build_request({"dataset": "a", "name": "No Name"})
    with pytest.raises(UserError, match="has no data"):
        build_request({"name": "a"})


@pytest.mark.parametrize(
    ("metric", "evaluation", "told"),
    [
        ("l1_foregroud", {}, "did you mean `l1_foreground`?"),
        ("l1_foreground/copycontent", {}, "there are copy-content, "),
        ("top1_test", {}, "write `top1_test_efficientnet_lite0`"),
        ("fid_efficientnet_lite0", {}, "say `quick: false`, or `measures: [distribution]`"),
        ("top1_all_efficientnet_lite0", {}, "say `quick: false`, or `measures: [accuracy]`"),
        ("copies_efficientnet_lite0", {"measures": ["spread"]}, "or `measures: [copies]`"),
        ("l1", {"measures": ["speed"]}, "there are accuracy, "),
    ],
)
def test_a_minimum_that_would_not_be_measured_is_refused_before_anything_is_trained(
    metric: str, evaluation: dict[str, Any], told: str
) -> None:
    asked = {"minimum": {"metric": metric, "at_most": 1}, "evaluation": evaluation}

    with pytest.raises(UserError) as caught:
        check_request(JobRequest.model_validate({"dataset": "a", "name": "b", **asked}))

    assert told in caught.value.hint


@pytest.mark.parametrize(
    ("metric", "evaluation"),
    [
        ("l1_foreground/copy-content", {}),
        ("dssim/recolour", {"measures": []}),
        ("top1_test_efficientnet_lite0", {}),
        ("top1_all_efficientnet_lite0", {"measures": ["accuracy"]}),
        ("few_shot_50_efficientnet_lite0", {"quick": False}),
        ("mfid_efficientnet_lite0_112", {"quick": False}),
    ],
)
def test_a_minimum_that_is_measured_is_taken(metric: str, evaluation: dict[str, Any]) -> None:
    asked = {"minimum": {"metric": metric, "at_most": 1}, "evaluation": evaluation}

    check_request(JobRequest.model_validate({"dataset": "a", "name": "b", **asked}))


def test_no_path_of_the_server_can_be_asked_for_over_http() -> None:
    for changed in ({"path": "/etc"}, {"dataset": "/etc"}, {"from_model": "/etc"}):
        with pytest.raises(ValidationError):
            JobRequest.model_validate({"dataset": "zoo", "name": "zoo"} | changed)


def test_a_request_comes_back_as_it_was_kept() -> None:
    request = LocalRequest(name="a", path=Path("zoo"), minimum=Minimum(at_least=1))

    assert LocalRequest.model_validate(request.model_dump(mode="json")) == request
