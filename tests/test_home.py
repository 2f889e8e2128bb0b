from pathlib import Path

import pytest

from funit.errors import UserError
from funit.home import home, whole_file


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
