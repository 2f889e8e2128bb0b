"""What an evaluation means: the minimum, the next step, the alerts."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from funit.data.catalog import read_catalog
from funit.data.menagerie import write_menagerie
from funit.evaluation.protocol import evaluate
from funit.service.jobs.requests import Candidate, JobRequest, Minimum
from funit.service.jobs.store import Position
from funit.service.jobs.verdict import Step, Verdict, alerts, judge, next_step

RUN = "/jobs/1/candidate-0"
MINIMUM = Minimum(metric="l1", shots=1, at_most=0.2)


def report(value: float = 0.1, **changed: Any) -> dict[str, Any]:
    row = {"model": RUN, "metric": "l1", "shots": 1, "value": value, "low": value - 0.01}
    about = {"config": {"part": "unseen"}, "extractor": {"efficientnet_lite0": "00"}}
    found = {
        "about": about,
        "rows": [{**row, "high": value + 0.01}],
        "left_out": [],
        "warnings": [],
    }
    return found | changed


def request(**changed: Any) -> JobRequest:
    return JobRequest.model_validate(
        {"dataset": "zoo", "name": "zoo", "minimum": MINIMUM, **changed}
    )


@pytest.mark.parametrize(("value", "is_met"), [(0.1, True), (0.2, True), (0.3, False)])
def test_a_value_is_held_against_the_minimum(value: float, is_met: bool) -> None:
    assert judge(MINIMUM, report(value), RUN).is_met is is_met


def test_without_a_minimum_anything_is_good_enough() -> None:
    assert judge(None, report(), RUN).is_met


def test_a_minimum_of_what_was_not_measured_cannot_be_met_by_training_on() -> None:
    verdict = judge(Minimum(metric="fid", shots=1, at_most=9), report(), RUN)

    assert not verdict.is_met
    assert "was not measured" in verdict.reason
    assert next_step(request(), Position(), verdict, 100, True).do == "give up"


def test_below_the_minimum_it_trains_further_then_tries_the_next_then_gives_up() -> None:
    asked = request(further_rounds=1, otherwise=(Candidate(preset="light"),))
    bad = Verdict(False, 0.3, (0.29, 0.31), "")

    steps = [
        next_step(asked, Position(), bad, 100, True),
        next_step(asked, Position(0, 1, 150), bad, 150, True),
        next_step(asked, Position(1), bad, 100, True),
        next_step(asked, Position(1, 1, 150), bad, 150, True),
    ]

    assert steps == [
        Step("train", Position(0, 1, 150)),
        Step("train", Position(1)),
        Step("train", Position(1, 1, 150)),
        Step("give up"),
    ]


def test_a_candidate_that_learns_no_more_is_not_trained_further() -> None:
    bad = Verdict(False, 0.3, (0.29, 0.31), "")

    assert next_step(request(further_rounds=5), Position(0, 1), bad, 100, False).do == "give up"


def kinds(asked: JobRequest, found: dict[str, Any], data: Path, known: set[str]) -> set[str]:
    catalog = read_catalog(data, num_unseen=2)
    verdict = judge(asked.minimum, found, RUN)
    return {kind for kind, _ in alerts(asked, found, verdict, catalog, known)}


def test_an_evaluation_of_few_images_is_warned_of(zoo: Path) -> None:
    assert kinds(request(), report(), zoo, set()) == {"too_few_images"}
    told = list(
        alerts(
            request(),
            report(0.195),
            judge(MINIMUM, report(0.195), RUN),
            read_catalog(zoo, num_unseen=2),
        )
    )
    assert any("lies inside the 95% interval" in message for _, message in told)


def test_classes_that_were_seen_before_are_warned_of(zoo: Path, tmp_path: Path) -> None:
    unseen = set(read_catalog(zoo, num_unseen=2).unseen)
    assert "seen_classes" in kinds(request(), report(), zoo, unseen)

    on_all = report(about=report()["about"] | {"config": {"part": "all"}})
    assert "seen_classes" in kinds(request(), on_all, zoo, set())

    copied = tmp_path / "zoo"
    shutil.copytree(zoo, copied)
    catalog = read_catalog(copied, num_unseen=2)
    one, other = next(iter(catalog.unseen)), next(iter(catalog.seen))
    shutil.copy(copied / one / catalog.unseen[one][0], copied / other / "twin.png")
    again = kinds(request(), report(), copied, set())
    assert "seen_classes" in again


def alerts_of(data: Path, found: dict[str, Any]) -> list[tuple[str, str]]:
    catalog = read_catalog(data)
    return list(alerts(request(minimum=None), found, judge(None, found, RUN), catalog))


def evaluated(data: Path, tmp_path: Path) -> dict[str, Any]:
    """What the evaluation of a job writes, but for its model."""
    file = tmp_path / "report.json"
    evaluate([], data, shots=[1], num_pairs=4, quick=True).write(file)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_an_evaluator_that_cannot_tell_the_classes_apart_is_warned_of(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(8):  # of each class the images are noise, and say nothing of it
        folder = tmp_path / "noise" / ("seen" if number % 2 else "unseen") / f"class-{number}"
        folder.mkdir(parents=True)
        for image in range(10):
            pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{image}.png")

    told = alerts_of(tmp_path / "noise", evaluated(tmp_path / "noise", tmp_path))

    (message,) = [message for kind, message in told if kind == "weak_evaluator"]
    assert "of real images that it was not trained on" in message


def test_an_evaluator_that_tells_them_apart_is_not_warned_of(tmp_path: Path) -> None:
    for part, seed in (("seen", 1), ("unseen", 2)):
        write_menagerie(tmp_path / "zoo" / part, num_classes=4, num_poses=15, size=48, seed=seed)

    told = alerts_of(tmp_path / "zoo", evaluated(tmp_path / "zoo", tmp_path))

    assert [kind for kind, _ in told if kind == "weak_evaluator"] == []


def test_an_evaluator_of_which_nothing_is_known_is_warned_of(zoo: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    for number, cls in enumerate(sorted(zoo.iterdir())):
        folder = few / ("seen" if number % 2 else "unseen") / cls.name
        shutil.copytree(cls, folder)
        next(folder.iterdir()).unlink()  # four are left

    told = alerts_of(few, evaluated(few, tmp_path))
    by_nobody = report(about=report()["about"] | {"extractor": None})

    assert any(kind == "weak_evaluator" and "needs 5 images" in message for kind, message in told)
    assert "weak_evaluator" in kinds(request(), by_nobody, zoo, set())
