"""Files under their SHA-256, in a folder and at a URL."""

import hashlib
from pathlib import Path

import pytest

from funit.errors import UserError
from funit.storage import Storage

CONTENT = b"a picture"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "kept") if request.param == "folder" else f"memory://{tmp_path}")


def test_content_is_found_under_its_hash(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(CONTENT)

    assert storage.put(CONTENT) == SHA256
    assert storage.put_file(tmp_path / "a.png") == SHA256

    assert storage.get(SHA256) == CONTENT
    assert list(storage.all()) == [SHA256]
    storage.fetch(SHA256, tmp_path / "new" / "b.png")
    assert (tmp_path / "new" / "b.png").read_bytes() == CONTENT


def test_content_that_was_removed_is_missing(storage: Storage) -> None:
    storage.put(CONTENT)

    assert storage.remove(SHA256) == len(CONTENT)
    assert storage.remove(SHA256) is None

    assert not storage.has(SHA256)
    with pytest.raises(UserError, match="is missing"):
        storage.get(SHA256)


def test_damaged_content_is_not_given(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "kept"))
    storage.put(CONTENT)
    next((tmp_path / "kept").rglob(SHA256)).write_bytes(b"a pictura")

    with pytest.raises(UserError, match="is damaged"):
        storage.get(SHA256)
    with pytest.raises(UserError, match="is damaged"):
        storage.fetch(SHA256, tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_a_url_that_nothing_opens_is_said() -> None:
    with pytest.raises(UserError, match="cannot be used as storage"):
        Storage("nosuch://bucket")
