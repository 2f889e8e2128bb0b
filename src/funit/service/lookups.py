"""What was looked up in the database, kept for as long as nothing in there has changed."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from anyio import to_thread

from funit.database.changes import Changes
from funit.service.code_cache import CodeCache

T = TypeVar("T")


class Lookups:
    """Answers as the database would; where its changes cannot be told, it is asked every time."""

    def __init__(self, changes: Changes, max_kept: int, max_bytes: int) -> None:
        self.changes = changes
        self._kept: CodeCache[tuple[int, Any]] = CodeCache(max_kept, max_bytes)

    async def find(
        self,
        key: Hashable,
        look_up: Callable[[], T],
        num_bytes: Callable[[T], int] = lambda _: 0,
    ) -> T:
        """What `look_up` gives in a thread, or gave before; what it raises is not kept."""
        count = self.changes.count()  # first: what changes meanwhile is looked up again
        kept = self._kept.get(key)
        if kept is not None and kept[0] == count:
            found: T = kept[1]
            return found
        found = await to_thread.run_sync(look_up)
        if count is not None:
            self._kept.put(key, (count, found), num_bytes(found))
        return found
