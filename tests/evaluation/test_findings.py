"""Figures are gathered with their intervals; what is missing has a reason."""

import numpy as np
import pytest

from funit.evaluation.distribution import TooFewImagesError
from funit.evaluation.findings import Findings
from funit.evaluation.report import LeftOut


def test_a_mean_counts_only_images_with_a_value() -> None:
    findings = Findings("unseen", seed=0)

    findings.add_mean("m", 5, "l1_foreground", np.array([0.1, np.nan, 0.3]))

    (row,) = findings.rows
    told = (row.model, row.part, row.shots, row.metric, row.n)
    assert told == ("m", "unseen", 5, "l1_foreground", 2)
    assert row.value == pytest.approx(0.2)
    assert 0.1 <= row.low <= row.value <= row.high <= 0.3


def test_a_metric_without_any_value_has_no_row() -> None:
    findings = Findings("unseen", seed=0)

    findings.add_mean("m", 1, "l1", np.array([np.nan]))

    assert findings.rows == []


def test_a_ratio_is_that_of_the_means_and_equal_errors_have_ratio_one() -> None:
    findings = Findings("unseen", seed=0)
    errors, base = np.array([0.1, 0.3, np.nan, 0.2]), np.array([0.2, 0.6, 0.5, np.nan])

    findings.add_ratio("m", 1, "l1/base", errors, base)
    findings.add_ratio("m", 1, "l1/itself", errors, errors)

    half, same = findings.rows
    assert (half.value, half.low, half.high, half.n) == pytest.approx((0.5, 0.5, 0.5, 2))
    assert (same.value, same.low, same.high, same.n) == (1, 1, 1, 3)


def test_a_reason_that_holds_for_several_models_is_told_once() -> None:
    findings = Findings("unseen", seed=0)
    for model in ("a", "b"):
        with findings.attempt("fid", model, 1):
            raise TooFewImagesError("FID needs more")
    with findings.attempt("kid", "a", 1):
        raise TooFewImagesError("KID needs more")

    assert findings.left_out == [
        LeftOut("fid", "FID needs more", None, 1),
        LeftOut("kid", "KID needs more", "a", 1),
    ]


def test_a_reason_that_holds_for_some_models_names_them_and_for_all_k_no_k() -> None:
    findings = Findings("unseen", seed=0, num_models=3)
    for model in ("a", "b"):
        for shots in (1, 5):
            findings.no_answers("fid", model, shots)

    assert [(item.model, item.shots) for item in findings.left_out] == [("a", None), ("b", None)]
