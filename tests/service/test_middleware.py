"""What every request passes: ids, headers, limits, one shape for what goes wrong."""

import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from funit.service.app import create_app
from funit.service.auth import create_key
from funit.service.logs import JsonFormatter
from funit.service.rates import Rates
from funit.service.services import Services
from funit.service.settings import Limits

MakeClient = Callable[..., TestClient]


@pytest.fixture
def app(services: Services) -> FastAPI:
    limits = Limits(upload_bytes=1000, dataset_bytes=2000)
    app = create_app(
        replace(services, settings=services.settings.model_copy(update={"limits": limits}))
    )

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret of the house")

    @app.post("/size")
    @app.post("/v1/datasets/cats/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    return app


def test_an_answer_carries_the_headers_that_the_web_page_needs(client: TestClient) -> None:
    for path in ("/healthz", "/nowhere"):
        headers = client.get(path).headers

        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "'wasm-unsafe-eval'" in headers["Content-Security-Policy"]
        assert "media-src 'self' blob:" in headers["Content-Security-Policy"]
        assert "frame-src blob:" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_an_id_is_kept_where_it_is_sane_and_made_where_it_is_not(client: TestClient) -> None:
    kept = client.get("/healthz", headers={"X-Request-ID": "a-1.b_2"}).headers["X-Request-ID"]
    made = {
        client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
        for given in ("", "two words", "x" * 65, '"}{"')
    }

    assert kept == "a-1.b_2"
    assert len(made) == 4
    assert all(len(each) == 16 for each in made)


def test_a_mistake_of_ours_says_nothing_but_its_id(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    answer = TestClient(app).get("/broken", headers={"X-Request-ID": "abc"})

    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "abc"
    assert set(answer.json()) == {"error", "hint", "request_id"}
    assert "secret" not in answer.text
    assert "secret of the house" in caplog.text  # with the traceback


def test_the_log_tells_each_request_by_its_route(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "funit.requests"):
        TestClient(app).post("/v1/datasets/cats/size", content=b"12345")
    line = json.loads(JsonFormatter().format(caplog.records[-1]))

    assert (line["method"], line["status"], line["received"]) == ("POST", 200, 5)
    assert line["route"] == line["path"] == "/v1/datasets/cats/size"


def test_no_more_is_read_than_is_allowed(app: FastAPI) -> None:
    client = TestClient(app)

    def in_pieces(size: int) -> object:
        return (b"x" * 100 for _ in range(size // 100))

    assert client.post("/size", content=b"x" * 1000).json() == 1000
    assert client.post("/size", content=in_pieces(1000)).json() == 1000  # type: ignore[arg-type]
    for content in (b"x" * 1001, in_pieces(1100)):
        answer = client.post("/size", content=content)  # type: ignore[arg-type]
        assert answer.status_code == 413
        assert set(answer.json()) == {"error", "hint"}
        assert "X-Request-ID" in answer.headers


def test_data_sets_may_be_larger_than_pictures(app: FastAPI) -> None:
    client = TestClient(app)

    assert client.post("/v1/datasets/cats/size", content=b"x" * 2000).json() == 2000
    assert client.post("/v1/datasets/cats/size", content=b"x" * 2001).status_code == 413


def test_who_asks_too_often_is_told_when_to_come_again(client_with: MakeClient) -> None:
    client = client_with(limits=Limits(requests_per_minute=3))

    statuses = [client.get("/nowhere").status_code for _ in range(4)]
    refused = client.get("/nowhere")

    assert statuses == [404, 404, 404, 429]
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert "3 requests a minute" in refused.json()["error"]
    assert client.get("/healthz").status_code == 200  # whoever watches may ask at any time


def test_each_key_is_counted_for_itself(services: Services) -> None:
    limits = Limits(requests_per_minute=1)
    settings = services.settings.model_copy(update={"keys": "required", "limits": limits})
    client = TestClient(create_app(replace(services, settings=settings)))
    keys = [create_key(services.database, name, ["admin"]) for name in ("ada", "bob")]

    def status(key: str) -> int:
        return client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code

    assert [status(key) for key in (*keys, *keys)] == [200, 200, 429, 429]
    assert [status("funit_no"), status("funit_nor")] == [401, 429]  # by their address


def test_a_bucket_fills_with_time() -> None:
    now = 0.0
    rates = Rates(60, clock=lambda: now)

    burst = [rates.take("ada") for _ in range(61)]
    now = 0.5
    early = rates.take("ada")
    now = 1.0

    assert burst == [0] * 60 + [1]
    assert early == 1
    assert rates.take("ada") == 0
    assert rates.take("bob") == 0


def test_a_strangers_bytes_are_not_read(services: Services) -> None:
    settings = services.settings.model_copy(update={"keys": "required"})
    app = create_app(replace(services, settings=settings))
    was_called = False

    @app.post("/size")
    async def size(request: Request) -> int:
        nonlocal was_called
        was_called = True
        return len(await request.body())

    answer = TestClient(app).post("/size", content=b"x" * 1000)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not was_called


def test_without_keys_the_page_of_another_site_may_do_nothing(client: TestClient) -> None:
    own = client.post("/nowhere", headers={"Origin": "http://testserver"})
    for origin in ("https://evil.example", "null", "http://testserver:1"):
        answer = client.post("/nowhere", headers={"Origin": origin})

        assert answer.status_code == 403
        assert "may not do this" in answer.json()["error"]
    assert own.status_code == 404


def test_a_database_that_does_not_answer_is_no_mistake_of_ours(
    services: Services,
) -> None:
    settings = services.settings.model_copy(update={"keys": "required"})
    client = TestClient(create_app(replace(services, settings=settings)))
    services.database.dispose()
    services.database.pool._creator = _fails  # type: ignore[attr-defined]

    keyed = client.get("/metrics", headers={"Authorization": "Bearer funit_x"})
    ready = client.get("/readyz")

    for answer in (keyed, ready):
        assert answer.status_code == 503
        assert answer.json()["error"] == "the database does not answer"
        assert answer.headers["Retry-After"] == "5"


def _fails() -> None:
    raise sqlite3.OperationalError("unable to open database file")
