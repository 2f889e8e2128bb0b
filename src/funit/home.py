"""Where funit keeps its own files, and how files and folders come to be whole or not there."""

import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from funit.errors import UserError

MAX_CACHE_BYTES = 20 << 30  # of packed data, and of zips of data sets, each
_DAY = 24 * 60 * 60  # seconds


def home() -> Path:
    """The folder of caches, models and state: `$FUNIT_HOME`, else `~/.funit`; made on demand."""
    folder = Path(os.environ.get("FUNIT_HOME") or "~/.funit").expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the folder `{folder}` cannot be made: {error.strerror}",
            hint="set FUNIT_HOME to a folder that may be written to",
        ) from None
    return folder


def database_url() -> str:
    """Where models, data sets and jobs are known: `$FUNIT_DATABASE_URL`, else a file in `home`."""
    return os.environ.get("FUNIT_DATABASE_URL") or f"sqlite:///{home() / 'funit.db'}"


def storage_url() -> str:
    """Where their files are: `$FUNIT_STORAGE`, else a folder in `home`."""
    return os.environ.get("FUNIT_STORAGE") or str(home() / "storage")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write to; `path` is replaced by it at the end, or left alone.

    Readers never meet half a file, and an interrupted writer leaves nothing behind. Raises
    UserError where the folder cannot be written to or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _flush(temporary)  # a rename may reach the disk before the content it names
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _not_written(path, error) from error


@contextmanager
def folder_beside(out: Path) -> Iterator[Path]:
    """A temporary folder on the same disk, which is removed with what is left in it."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=".new-", dir=out.parent)
    except OSError as error:
        raise _not_written(out, error) from None
    with temporary as folder:
        yield Path(folder)


def put_folder(made: Path, out: Path, aside: Path) -> None:
    """Renames a folder to `out`; what is there goes aside, and comes back if that fails."""
    try:
        if os.path.lexists(out):
            out.rename(aside)
        made.rename(out)
    except OSError as error:
        if os.path.lexists(aside):
            aside.rename(out)
        raise _not_written(out, error) from None


def mark_used(path: Path) -> None:
    """Makes a file of a cache the most recently used one."""
    with suppress(OSError):  # where nothing can be written, nothing is dropped either
        os.utime(path)


def make_room(cache: Path, pattern: str, max_bytes: int = MAX_CACHE_BYTES) -> None:
    """Removes files of a cache, the least recently used first, until they have no more bytes.

    What was used within a day stays: somebody may be about to open it.
    """
    used: list[tuple[float, int, Path]] = []
    for path in cache.glob(pattern):
        with suppress(FileNotFoundError):  # another process was faster
            status = path.stat()
            used.append((status.st_mtime, status.st_size, path))
    num_bytes = 0
    for last, size, path in sorted(used, reverse=True):
        num_bytes += size
        if num_bytes > max_bytes and time.time() - last > _DAY:
            path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _not_written(out: Path, error: OSError) -> UserError:
    return UserError(
        f"`{out}` cannot be written: {error.strerror or error}",
        hint="check the free space and the permissions of its folder",
    )
