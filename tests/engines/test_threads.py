"""An engine has no more threads than processors to run them on."""

import os

import pytest

from funit.engines.engine import asked_threads


def test_what_was_asked_for_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert asked_threads() == 3


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="NO SECOND PROCESSOR HERE")
def test_a_process_that_is_held_to_one_processor_has_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert asked_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)
