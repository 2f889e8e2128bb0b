"""What was looked up is kept until the database changes, and never longer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from drawings import uploads
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from funit.database.changes import Changes
from funit.database.connection import open_database, writing
from funit.database.schema import ApiKey
from funit.errors import NotThereError
from funit.service.auth import ANYONE
from funit.service.lookups import Lookups
from funit.service.saved_looks import remove_look
from funit.service.services import open_services
from funit.service.settings import ServiceSettings

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    database = open_database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def lookups(database: Engine) -> Iterator[Lookups]:
    changes = Changes(database)
    yield Lookups(changes, 10, 1000)
    changes.close()


async def test_the_database_is_asked_again_once_it_changed(
    database: Engine, lookups: Lookups
) -> None:
    asked = []

    def look_up() -> int:
        asked.append("ada")
        return len(asked)

    first = [await lookups.find("ada", look_up) for _ in range(3)]
    with writing(database) as session:
        session.add(ApiKey(name="eve", sha256="1", scopes=[]))
    then = await lookups.find("ada", look_up)

    if database.dialect.name == "sqlite":
        assert (first, then) == ([1, 1, 1], 2)
    else:  # nobody tells of its changes
        assert (first, then) == ([1, 2, 3], 4)


async def test_what_is_not_there_is_looked_for_each_time(lookups: Lookups) -> None:
    def nothing() -> int:
        raise NotThereError("there is none", hint="")

    with pytest.raises(NotThereError):
        await lookups.find("ada", nothing)

    assert await lookups.find("ada", lambda: 7) == 7


def test_a_look_that_another_process_removes_is_gone_at_once(
    client: TestClient, settings: ServiceSettings, tmp_path: Path
) -> None:
    look = client.post("/v1/looks", files=uploads("examples", [1])).json()["id"]
    data = {"look": look, "pose": "1"}
    before = [client.post("/v1/translations", data=data).status_code for _ in range(2)]

    with open_services(settings) as other:
        remove_look(other, ANYONE, look)
    after = client.post("/v1/translations", data=data).status_code

    assert (before, after) == ([200, 200], 404)
