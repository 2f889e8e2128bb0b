"""Work that is alike, computed together by one thread: the oldest first, with all that fits it.

One thread for all models: the libraries that compute take every core, or the GPU, for each call,
and two calls at once would only slow each other.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from funit.service.meter import Meter

# given several, answers for each
Compute = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class Kind:
    """What may share a batch."""

    name: str
    of: Hashable
    """The model that computes it."""


@dataclass(eq=False)
class _Work:
    kind: Kind
    compute: Compute
    given: Any
    answer: Future[Any] = field(default_factory=Future)
    since: float = field(default_factory=time.perf_counter)


class Batcher:
    """A queue, and the thread that empties it in batches."""

    def __init__(
        self,
        batch_size: int,
        wait_seconds: float,
        others_come: Callable[[], bool],
        meter: Meter,
        batch_seconds: float = math.inf,
    ) -> None:
        self.batch_size = batch_size
        self.batch_seconds = batch_seconds
        self.wait_seconds = wait_seconds
        self.others_come = others_come
        self.meter = meter
        self.seconds_each = 0.0
        """How long one of a batch took of late."""
        self._seconds_of: dict[Kind, float] = {}
        self._waiting: deque[_Work] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="funit-batches", daemon=True)
        self._thread.start()

    def submit(self, kind: Kind, compute: Compute, given: Any) -> Future[Any]:
        """What `compute` will answer; cancelled, it is dropped unless it has begun."""
        work = _Work(kind, compute, given)
        with self._changed:
            if self._closed:
                work.answer.cancel()
            else:
                self._waiting.append(work)
                self._changed.notify()
        return work.answer

    def close(self) -> None:
        """Ends after the batch under way; what waits is cancelled."""
        with self._changed:
            self._closed = True
            for work in self._waiting:
                work.answer.cancel()
            self._waiting.clear()
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            begun = [work for work in batch if work.answer.set_running_or_notify_cancel()]
            if begun:
                self._answer(begun)
            del batch, begun  # the models that they hold may be dropped while nothing is asked

    def _next(self) -> list[_Work]:
        """The oldest work and what fits it, once there is some; nothing at the end."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                return []
            kind = self._waiting[0].kind
            until = time.monotonic() + self.wait_seconds
            while self._is_short_of(kind) and self.others_come() and not self._closed:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            batch = [work for work in self._waiting if work.kind == kind][: self._room(kind)]
            taken = set(map(id, batch))
            self._waiting = deque(work for work in self._waiting if id(work) not in taken)
            return batch

    def _is_short_of(self, kind: Kind) -> bool:
        return sum(work.kind == kind for work in self._waiting) < self._room(kind)

    def _room(self, kind: Kind) -> int:
        """So many at once that nobody waits long for the others of a batch."""
        seconds = self._seconds_of.get(kind, 0.0)
        fitting = self.batch_seconds / seconds if seconds else math.inf
        return int(max(1, min(self.batch_size, fitting)))

    def _answer(self, batch: Sequence[_Work]) -> None:
        start = time.perf_counter()
        try:
            answers = batch[0].compute([work.given for work in batch])
        except BaseException as error:
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
            else:  # one of them is to blame, and the others get their answers
                for work in batch:
                    self._answer([work])
            return
        seconds = time.perf_counter() - start
        self._learn(batch[0].kind, seconds / len(batch))
        for work in batch:
            self.meter.took("queue", start - work.since)
        self.meter.took("model", seconds)
        self.meter.batch(batch[0].kind.name, len(batch))
        for work, answer in zip(batch, answers, strict=True):
            work.answer.set_result(answer)

    def _learn(self, kind: Kind, seconds: float) -> None:
        self.seconds_each = _smoothed(self.seconds_each, seconds)
        self._seconds_of[kind] = _smoothed(self._seconds_of.get(kind, 0.0), seconds)


def _smoothed(before: float, now: float) -> float:
    return 0.8 * before + 0.2 * now if before else now
