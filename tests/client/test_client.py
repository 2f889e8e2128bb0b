"""The client as a whole: a verb for each route, and every mistake as an error of funit."""

import ast
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Served, funit, serving

from funit import Client, UserError
from funit.client.connection import AbsentError
from funit.client.jobs import ENDED_STATES
from funit.database import schema
from funit.errors import NotThereError

SOURCE = Path(__file__).parent.parent.parent / "src" / "funit" / "client"
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def asked() -> set[tuple[str, str]]:
    """The method and the path, with `{}` for each name in it, of all that the client asks."""
    return {
        (method, path)
        for file in SOURCE.glob("*.py")
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for path in paths(function)
        for method in methods(function)
    }


def paths(function: ast.FunctionDef) -> Iterator[str]:
    inner = {id(part) for node in ast.walk(function) for part in getattr(node, "values", ())}
    for node in ast.walk(function):
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in inner:
            text = str(node.value)
        if text.startswith("/v1/"):
            yield text


def methods(function: ast.FunctionDef) -> set[str]:
    named = {node.value for node in ast.walk(function) if isinstance(node, ast.Constant)}
    return named & METHODS or {"GET"}  # what pages, saves or streams names none


def test_there_is_a_verb_for_each_route_and_no_other(served: Served) -> None:
    schema = served.get("/openapi.json").json()

    routes = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, operations in schema["paths"].items()
        for method in operations
        if path.startswith("/v1/")
    }
    assert asked() == routes


def test_its_states_of_an_ended_job_are_those_of_the_database() -> None:
    assert ENDED_STATES == schema.ENDED_STATES


def test_what_is_wrong_comes_as_the_errors_of_funit(client: Client) -> None:
    with pytest.raises(NotThereError, match="no look `nobody`"):
        client.draw(["1"], "nobody")
    with pytest.raises(UserError, match="cannot be read: No such file"):
        client.encode_class("no-such-file.png")
    with pytest.raises(NotThereError):  # a name is one part of a path, whatever is in it
        client.find_dataset("../models")
    with pytest.raises(UserError, match="image"):
        client.encode_class(b"no image")


def test_who_does_not_answer_is_absent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Client(nobody) as client, pytest.raises(AbsentError, match="does not answer"):
            client.looks()
        with Client(nobody, timeout=1) as client, pytest.raises(AbsentError):
            next(client.follow_job("some"))


def test_keys_open_what_their_scopes_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = funit("keys", "create", "ada", "--scope", "translate", home=tmp_path)

    with serving("--keys", "required", "--no-jobs", home=tmp_path) as served:
        with Client(served.url) as client, pytest.raises(UserError, match="no API key is given"):
            client.models()
        with Client(served.url, key=made.stdout.strip()) as client:
            assert {model.name for model in client.models()} >= {"default"}
            assert (client.own_key().name, client.own_key().scopes) == ("ada", ("translate",))
            with pytest.raises(UserError, match="no scope `train`") as refused:
                client.jobs()
            assert "--scope train" in refused.value.hint
        monkeypatch.setenv("FUNIT_KEY", made.stdout.strip())
        with Client(served.url) as client:
            assert client.looks() == []
