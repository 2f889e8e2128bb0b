"""Jobs over real processes: tiny trainings of a few seconds each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jobshop import Shop, opened_shop

from funit.data.menagerie import write_menagerie


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight classes in five poses, 16 px."""
    path = tmp_path_factory.mktemp("data") / "zoo"
    write_menagerie(path, num_classes=8, num_poses=5, size=16, seed=3)
    return path


@pytest.fixture
def shop(
    database_url: str, tmp_path: Path, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """Of each kind of database in turn."""
    yield from _opened(database_url, tmp_path, zoo, monkeypatch)


@pytest.fixture
def sqlite_shop(tmp_path: Path, zoo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Of SQLite alone, for what does not depend on the database."""
    yield from _opened(f"sqlite:///{tmp_path / 'funit.db'}", tmp_path, zoo, monkeypatch)


def _opened(url: str, tmp_path: Path, zoo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("FUNIT_DATABASE_URL", url)
    monkeypatch.setenv("FUNIT_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with opened_shop(url, tmp_path / "storage", zoo) as shop:
        yield shop
