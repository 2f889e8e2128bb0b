"""Codes that are kept to be used again: so many, and so many bytes; the least recently used go."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class CodeCache(Generic[T]):
    """A mapping that forgets what was not asked for in the longest time."""

    def __init__(self, max_codes: int, max_bytes: int) -> None:
        self.max_codes = max_codes
        self.max_bytes = max_bytes
        self.num_bytes = 0
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> T | None:
        """What was kept under the key, if it still is."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, code: T, num_bytes: int) -> None:
        """Keeps a code; one of more bytes than all may have is not kept."""
        with self._lock:
            if key in self._kept:
                self.num_bytes -= self._kept.pop(key)[1]
            self._kept[key] = code, num_bytes
            self.num_bytes += num_bytes
            while len(self._kept) > self.max_codes or self.num_bytes > self.max_bytes:
                self.num_bytes -= self._kept.popitem(last=False)[1][1]
