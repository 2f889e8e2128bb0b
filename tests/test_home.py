import os
import time
from pathlib import Path

import pytest

from funit.errors import UserError
from funit.home import home, make_room, mark_used, whole_file


def test_home_is_made_where_the_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNIT_HOME", str(tmp_path / "a" / "b"))

    assert home() == tmp_path / "a" / "b"
    assert home().is_dir()


def test_a_home_that_cannot_be_made_is_a_users_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FUNIT_HOME", str(tmp_path / "file" / "home"))

    with pytest.raises(UserError, match="cannot be made") as caught:
        home()

    assert "FUNIT_HOME" in caught.value.hint


def test_a_whole_file_replaces_the_old_one_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"

    with whole_file(path) as temporary:
        temporary.write_text("content")
        assert not path.exists()

    assert path.read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_writer_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_to_is_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with (
        pytest.raises(UserError, match="cannot be written"),
        whole_file(tmp_path / "file" / "x") as temporary,
    ):
        temporary.write_text("content")


def test_a_cache_drops_what_was_not_used_for_longest_and_nothing_of_today(tmp_path: Path) -> None:
    days_ago = {"a.pack": 4, "b.pack": 3, "c.pack": 2, "d.pack": 0.5, "e.pack": 0, "other": 9}
    for name, days in days_ago.items():
        (tmp_path / name).write_bytes(b"0123456789")
        last = time.time() - days * 24 * 60 * 60
        os.utime(tmp_path / name, (last, last))
    mark_used(tmp_path / "a.pack")

    make_room(tmp_path, "*.pack", max_bytes=30)
    assert {path.name for path in tmp_path.iterdir()} == {"a.pack", "d.pack", "e.pack", "other"}

    make_room(tmp_path, "*.pack", max_bytes=5)
    assert {path.name for path in tmp_path.iterdir()} == {"a.pack", "d.pack", "e.pack", "other"}
