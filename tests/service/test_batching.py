"""Work that is alike is computed together, the oldest first."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError

import pytest

from funit.service.batching import Batcher, Kind
from funit.service.meter import Meter
from funit.service.metrics import Metrics

DOUBLES, SQUARES = Kind("doubles", "model"), Kind("squares", "model")


class Sums:
    """Remembers what it was given at once."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def doubled(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        return [2 * n for n in numbers]

    def squared(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        return [n * n for n in numbers]


class Held:
    """Keeps the thread of the batches busy until it is let go."""

    def __init__(self, batcher: Batcher) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        batcher.submit(Kind("held", None), self._wait, None)
        assert self.begun.wait(10)

    def _wait(self, given: Sequence[None]) -> Sequence[None]:
        self.begun.set()
        assert self.may_end.wait(30)
        return given


@pytest.fixture
def others() -> threading.Event:
    """Set while other requests are being read."""
    return threading.Event()


@pytest.fixture
def batcher(others: threading.Event) -> Iterator[Batcher]:
    batcher = Batcher(4, 0.3, others.is_set, Meter(Metrics()))
    yield batcher
    batcher.close()


def test_what_waits_is_computed_together_and_everybody_gets_their_own(batcher: Batcher) -> None:
    sums, held = Sums(), Held(batcher)

    answers = [batcher.submit(DOUBLES, sums.doubled, n) for n in range(6)]
    held.may_end.set()

    assert [answer.result(10) for answer in answers] == [0, 2, 4, 6, 8, 10]
    assert sums.batches == [[0, 1, 2, 3], [4, 5]]


def test_the_oldest_kind_comes_first_and_kinds_are_not_mixed(batcher: Batcher) -> None:
    sums, held = Sums(), Held(batcher)

    first = [batcher.submit(SQUARES, sums.squared, 3), batcher.submit(DOUBLES, sums.doubled, 5)]
    first += [batcher.submit(SQUARES, sums.squared, 4)]
    held.may_end.set()

    assert [answer.result(10) for answer in first] == [9, 10, 16]
    assert sums.batches == [[3, 4], [5]]


def test_nothing_waits_when_idle_and_a_batch_waits_while_others_come(
    batcher: Batcher, others: threading.Event
) -> None:
    sums = Sums()
    start = time.perf_counter()
    batcher.submit(DOUBLES, sums.doubled, 1).result(10)
    assert time.perf_counter() - start < 0.25

    others.set()
    first = batcher.submit(DOUBLES, sums.doubled, 2)
    time.sleep(0.02)
    second = batcher.submit(DOUBLES, sums.doubled, 3)

    assert (first.result(10), second.result(10)) == (4, 6)
    assert sums.batches == [[1], [2, 3]]


def test_work_that_was_cancelled_is_not_computed(batcher: Batcher) -> None:
    sums, held = Sums(), Held(batcher)

    answers = [batcher.submit(DOUBLES, sums.doubled, n) for n in range(3)]
    assert answers[1].cancel()
    held.may_end.set()

    assert (answers[0].result(10), answers[2].result(10)) == (0, 4)
    assert sums.batches == [[0, 2]]


def test_an_error_of_one_leaves_the_others_their_answers(batcher: Batcher) -> None:
    def inverse(numbers: Sequence[int]) -> list[float]:
        return [1 / n for n in numbers]

    held = Held(batcher)
    answers = [batcher.submit(DOUBLES, inverse, n) for n in (1, 0, 2)]
    held.may_end.set()

    assert (answers[0].result(10), answers[2].result(10)) == (1, 0.5)
    with pytest.raises(ZeroDivisionError):
        answers[1].result(10)


def test_at_the_end_what_waits_is_cancelled() -> None:
    batcher, sums = Batcher(4, 0, lambda: False, Meter(Metrics())), Sums()
    held = Held(batcher)
    waiting = batcher.submit(DOUBLES, sums.doubled, 1)
    threading.Timer(0.1, held.may_end.set).start()

    batcher.close()

    with pytest.raises(CancelledError):
        waiting.result(10)
    assert batcher.submit(DOUBLES, sums.doubled, 1).cancelled()
    assert sums.batches == []


def test_a_batch_is_no_larger_than_its_time_allows(others: threading.Event) -> None:
    slow, quick = Sums(), Sums()

    def slowly(numbers: Sequence[int]) -> list[int]:
        time.sleep(0.05 * len(numbers))
        return slow.doubled(numbers)

    batcher = Batcher(8, 0, others.is_set, Meter(Metrics()), batch_seconds=0.13)
    batcher.submit(DOUBLES, slowly, 0).result(10)  # now it knows how long one takes
    held = Held(batcher)
    answers = [batcher.submit(DOUBLES, slowly, n) for n in range(1, 6)]
    answers += [batcher.submit(SQUARES, quick.squared, n) for n in range(6)]
    held.may_end.set()

    assert [answer.result(10) for answer in answers] == [2, 4, 6, 8, 10, 0, 1, 4, 9, 16, 25]
    assert max(map(len, slow.batches)) <= 2
    assert quick.batches == [[0, 1, 2, 3, 4, 5]]
    batcher.close()
