"""Graphs that were made from weights, kept under `$FUNIT_HOME`: the least recently used ones go.

Whoever uses a folder holds a lock on it, which ends with its process: what is in use does not go.
"""

import fcntl
import os
import secrets
import shutil
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from funit.home import folder_beside, home
from funit.model.graphs import GRAPH_FILES, WEIGHTS_FILE

MAX_BYTES = 2 << 30  # 16 models of the paper's size
_DAY = 24 * 60 * 60  # seconds after which what is half made is nobody's


class KeptGraphs:
    """A folder with graphs and weights, which stays until this is released or collected."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self.descriptor)
        fcntl.flock(self.descriptor, fcntl.LOCK_SH)  # waits for who is dropping it

    def release(self) -> None:
        """Lets the folder go, when its turn comes."""
        self._close()

    def stay_for(self, user: object) -> None:
        """Stays for as long as this user is there."""
        weakref.finalize(user, self.release)


def kept_graphs(name: str, write: Callable[[Path], None], max_bytes: int = MAX_BYTES) -> KeptGraphs:
    """The folder of that name; `write` fills it if it is not there, and others make room for it.

    All that are kept, but for what is in use, have no more than `max_bytes` in the end.
    """
    folder = home() / "graphs" / name
    is_new = False
    while (kept := _hold(folder)) is None:
        _make(folder, write)
        is_new = True
    if is_new:
        _make_room(folder.parent, max_bytes)
    return kept


def _hold(folder: Path) -> KeptGraphs | None:
    """The folder with its lock, used now; None where it is not there, or not whole."""
    try:
        kept = KeptGraphs(folder)
        is_it = os.path.samestat(os.fstat(kept.descriptor), folder.stat())
    except FileNotFoundError:
        return None
    if not (is_it and _is_whole(folder)):
        kept.release()
        return None
    with suppress(OSError):  # where nothing can be written, nothing is dropped either
        os.utime(folder)
    return kept


def _make(folder: Path, write: Callable[[Path], None]) -> None:
    with folder_beside(folder) as temporary:
        filled = temporary / "graphs"
        filled.mkdir()
        write(filled)
        try:
            if folder.exists() and not _is_whole(folder):
                folder.rename(temporary / "old")
            filled.rename(folder)
        except OSError:  # another process was faster
            if not _is_whole(folder):
                raise


def _make_room(cache: Path, max_bytes: int) -> None:
    num_bytes = 0
    for folder in sorted(cache.glob("[!.]*"), key=_last_used, reverse=True):
        num_bytes += _size(folder)
        if num_bytes > max_bytes:
            _drop(folder)
    for left in cache.glob(".*"):  # of processes that were killed
        if time.time() - _last_used(left) > _DAY:
            shutil.rmtree(left, ignore_errors=True)


def _drop(folder: Path) -> None:
    """Removes a folder unless it is in use; nobody ever sees a part of it."""
    with suppress(FileNotFoundError):  # another process was faster
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            aside = folder.with_name(f".old-{secrets.token_hex(8)}")
            folder.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        except BlockingIOError:
            return
        finally:
            os.close(descriptor)


def _is_whole(folder: Path) -> bool:
    return all((folder / file).exists() for file in (*GRAPH_FILES, WEIGHTS_FILE))


def _size(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except FileNotFoundError:  # another process dropped it
        return 0


def _last_used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
