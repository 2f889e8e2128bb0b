"""Files under the SHA-256 of their content: a local folder, or any URL that fsspec opens.

A file is whole or not there: it is written under another name and moved. Content that is there is
not written again, so that what many versions share is kept once.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from funit.errors import UserError
from funit.home import whole_file

_DAMAGED_HINT = "restore it from a backup, or publish or upload it again"


class Storage:
    """Content by its SHA-256, at a URL such as `s3://bucket/funit` or in a local folder."""

    def __init__(self, url: str) -> None:
        import fsspec  # takes as long as a list of models

        try:
            # without listings that are remembered: other processes write and remove, too
            self.files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise UserError(
                f"`{url}` cannot be used as storage: {error}",
                hint="give a folder, or a URL that fsspec knows; `s3://` needs "
                "`pip install 'funit[s3]'`",
            ) from None
        self.url, self.root = url, root.rstrip("/")

    def put(self, content: bytes) -> str:
        """Keeps content; gives its SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        if not self.has(sha256):
            temporary = self._temporary()
            self.files.pipe_file(temporary, content)
            self._move(temporary, sha256)
        return sha256

    def put_file(self, path: Path) -> str:
        """Keeps what a local file holds; gives its SHA-256."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if not self.has(sha256):
            temporary = self._temporary()
            self.files.put_file(str(path), temporary)
            self._move(temporary, sha256)
        return sha256

    def has(self, sha256: str) -> bool:
        """Whether there is content of that SHA-256."""
        return bool(self.files.exists(self._path(sha256)))

    def get(self, sha256: str) -> bytes:
        """The content; raises UserError where it is missing or damaged."""
        try:
            content: bytes = self.files.cat_file(self._path(sha256))
        except FileNotFoundError:
            raise self._missing(sha256) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise self._damaged(sha256)
        return content

    def fetch(self, sha256: str, target: Path) -> None:
        """Writes content to a local file in one piece; raises UserError as `get` does."""
        with whole_file(target) as temporary:
            try:
                self.files.get_file(self._path(sha256), str(temporary))
            except FileNotFoundError:
                raise self._missing(sha256) from None
            with temporary.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    raise self._damaged(sha256)

    def all(self) -> Iterator[str]:
        """The SHA-256 of everything that is kept."""
        for path in self.files.find(f"{self.root}/sha256"):
            yield path.rsplit("/", 1)[1]

    def remove_unfinished(self, min_age: timedelta) -> None:
        """Drops what writers that were interrupted left behind."""
        for path in self.files.find(f"{self.root}/new"):
            with suppress(FileNotFoundError):  # it is finished meanwhile
                if _since(self.files.modified(path)) > min_age:
                    self.files.rm_file(path)

    def remove(self, sha256: str) -> int | None:
        """Drops content; gives its bytes, or None where it was not there."""
        try:
            size = int(self.files.size(self._path(sha256)))
            self.files.rm_file(self._path(sha256))
        except FileNotFoundError:
            return None
        return size

    def _path(self, sha256: str) -> str:
        return f"{self.root}/sha256/{sha256[:2]}/{sha256}"

    def _temporary(self) -> str:
        folder = f"{self.root}/new"
        self.files.makedirs(folder, exist_ok=True)
        return f"{folder}/{secrets.token_hex(16)}"

    def _move(self, temporary: str, sha256: str) -> None:
        target = self._path(sha256)
        self.files.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        self.files.mv(temporary, target)

    def _missing(self, sha256: str) -> UserError:
        return UserError(f"`{self._path(sha256)}` is missing", hint=_DAMAGED_HINT)

    def _damaged(self, sha256: str) -> UserError:
        return UserError(f"`{self._path(sha256)}` is damaged", hint=_DAMAGED_HINT)


def _since(moment: datetime) -> timedelta:
    return datetime.now(UTC) - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
