"""How often each client may ask: a bucket of tokens each, in the memory of one worker."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

_MAX_BUCKETS = 10_000  # the client that was silent for longest is forgotten first


class Rates:
    """Lets each subject ask `per_minute` times a minute, and as often at once after a silence."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when

    def take(self, subject: str) -> int:
        """0 where it may ask now; otherwise after how many seconds it may."""
        now = self._clock()
        tokens, since = self._buckets.get(subject, (float(self.per_minute), now))
        tokens = min(self.per_minute, tokens + (now - since) * self.per_minute / 60)
        may = tokens >= 1
        self._buckets[subject] = (tokens - may, now)
        self._buckets.move_to_end(subject)
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return 0 if may else math.ceil((1 - tokens) * 60 / self.per_minute)
