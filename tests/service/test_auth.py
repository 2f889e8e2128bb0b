"""Who may do what."""

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from funit.database.connection import reading
from funit.database.schema import ApiKey
from funit.errors import ConflictError, UserError
from funit.service.app import create_app
from funit.service.auth import Caller, allowed, create_key
from funit.service.services import Services
from funit.service.settings import ServiceSettings


@pytest.fixture
def app(services: Services, settings: ServiceSettings) -> FastAPI:
    from dataclasses import replace

    required = settings.model_copy(update={"keys": "required"})
    app = create_app(replace(services, settings=required))

    @app.get("/training")
    def training(caller: Annotated[Caller, Depends(allowed("train"))]) -> str:
        return caller.name

    return app


def get(app: FastAPI, key: str | None) -> tuple[int, object]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    answer = TestClient(app).get("/training", headers=headers)
    return answer.status_code, answer.json()


def test_a_key_may_do_what_its_scopes_say(app: FastAPI, services: Services) -> None:
    trains = create_key(services.database, "ada", ["train"])
    translates = create_key(services.database, "bob", ["translate"])
    administers = create_key(services.database, "eve", ["admin"])

    assert get(app, trains) == (200, "ada")
    assert get(app, administers) == (200, "eve")
    status, body = get(app, translates)
    assert status == 403
    assert "no scope `train`" in str(body)


def test_a_key_is_told_what_it_may_do(app: FastAPI, services: Services) -> None:
    trains = create_key(services.database, "ada", ["train"])
    administers = create_key(services.database, "eve", ["admin"])
    client = TestClient(app)

    def own(key: str) -> object:
        return client.get("/v1/keys/own", headers={"Authorization": f"Bearer {key}"}).json()

    assert own(trains) == {"name": "ada", "scopes": ["train"]}
    every = ["translate", "data", "train", "admin"]
    assert own(administers) == {"name": "eve", "scopes": every}
    assert client.get("/v1/keys/own").status_code == 401


def test_without_a_known_key_there_is_no_answer(app: FastAPI) -> None:
    for key in (None, "funit_nonsense", ""):
        status, body = get(app, key)

        assert status == 401
        assert set(body) == {"error", "hint"}  # type: ignore[call-overload]


def test_the_key_itself_is_not_kept(services: Services) -> None:
    key = create_key(services.database, "ada", ["train"])

    with reading(services.database) as session:
        row = session.scalars(select(ApiKey)).one()

    assert key not in str(vars(row))


def test_a_scope_that_is_not_there_and_a_name_that_is_are_refused(services: Services) -> None:
    create_key(services.database, "ada", ["train"])

    with pytest.raises(UserError, match="no scope `fly`"):
        create_key(services.database, "bob", ["fly"])
    with pytest.raises(ConflictError, match="there is a key `ada`"):
        create_key(services.database, "ada", ["train"])
