"""The table that the load test makes of its figures."""

import copy
import json
from pathlib import Path
from typing import Any

import load_test
import pytest
from splice import spliced

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def figures() -> dict[str, Any]:
    """Of the preset `small`, as they are committed."""
    found: dict[str, Any] = json.loads((DOCS / "load.json").read_text())["small"]
    return found


def unmet(figures: dict[str, Any]) -> list[str]:
    return [row.what for row in load_test.rows(figures) if row.is_met is False]


def test_the_page_of_the_service_quotes_the_load_test_that_is_committed() -> None:
    page = (DOCS / "service.md").read_text(encoding="utf-8")
    figures = json.loads((DOCS / "load.json").read_text())

    assert page == spliced(page, "load", load_test.table(figures)), (
        "run `python scripts/load_test.py --from docs/load.json --docs`"
    )


def test_an_answer_that_is_lost_or_wrong_or_no_honest_refusal_is_a_goal_missed(
    figures: dict[str, Any],
) -> None:
    honest = copy.deepcopy(figures)
    honest["wrong_answers"] = 0
    lost, wrong, broken = (copy.deepcopy(honest) for _ in range(3))
    lost["at_70_percent"]["poisson"]["lost"] = 1
    wrong["wrong_answers"] = 1
    broken["at_120_percent"]["status"]["500"] = 1

    bad = "wrong, mixed-up or lost answers"
    assert bad not in unmet(honest)
    assert bad in unmet(lost)
    assert bad in unmet(wrong)
    assert "answers at 120% load" in unmet(broken)


def test_even_arrivals_never_wait_and_random_ones_do() -> None:
    even = load_test.p99_over_p50_of_a_queue(0.7, "even")
    rare = load_test.p99_over_p50_of_a_queue(0.01, "poisson")
    random = load_test.p99_over_p50_of_a_queue(0.7, "poisson")

    assert even == pytest.approx(1)
    assert rare == pytest.approx(1, abs=0.2)
    assert 4 < random < 5  # M/D/1


def test_requests_come_as_often_as_asked() -> None:
    for arrivals in ("even", "poisson"):
        moments = list(load_test.moments(200, 50, arrivals))

        assert len(moments) == pytest.approx(10_000, rel=0.03)
        assert moments == sorted(moments)
        assert 0 <= moments[0] <= moments[-1] < 50
