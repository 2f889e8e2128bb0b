"""`funit keys`: makes, lists and revokes."""

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from funit.cli import app
from funit.database.connection import open_database
from funit.home import database_url
from funit.service.auth import find_caller
from funit.service.errors import UnauthenticatedError


def run(command: str) -> Result:
    result = CliRunner().invoke(app, shlex.split(command))
    print(f"$ funit {command}\n{result.stdout}{result.stderr}exit code {result.exit_code}")
    return result


def test_a_key_is_made_listed_and_revoked() -> None:
    key = run("keys create ada --scope translate --scope data").stdout.strip()
    listed = json.loads(run("keys list --json").stdout)
    caller = find_caller(open_database(database_url()), key)
    table = run("keys list").stdout
    revoked = run("keys revoke ada")

    assert key.startswith("funit_")
    assert caller.scopes == {"translate", "data"}
    assert [(row["name"], row["scopes"], row["revoked_at"]) for row in listed] == [
        ("ada", ["translate", "data"], None)
    ]
    assert key not in table
    assert "translate, data" in table
    assert revoked.exit_code == 0
    with pytest.raises(UnauthenticatedError):
        find_caller(open_database(database_url()), key)
    assert json.loads(run("keys list --json").stdout)[0]["revoked_at"]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("keys create ada", "missing option '--scope'"),
        ("keys create ada --scope fly", "there is no scope `fly`"),
        ("keys create 'a b' --scope data", "`a b` cannot be the name of a key"),
        ("keys revoke ada", "there is no key `ada`"),
    ],
)
def test_what_is_wrong_is_one_error_and_one_hint(command: str, error: str) -> None:
    result = run(command)

    assert result.exit_code == 1
    assert error in result.stderr
    assert "\nhint: " in result.stderr


def test_keys_are_kept_in_the_database_that_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"

    key = run(f"keys create ada --scope admin --database-url {url}").stdout.strip()

    assert find_caller(open_database(url), key).name == "ada"
    assert json.loads(run("keys list --json").stdout) == []
