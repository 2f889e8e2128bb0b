"""The image generator under load: everybody gets their own answer, or an honest refusal."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from drawings import difference, png, uploads
from fastapi import FastAPI
from fastapi.testclient import TestClient

from funit.repository import ModelRepository
from funit.service.app import create_app
from funit.service.batching import Kind
from funit.service.generator import ImageGenerator, merged
from funit.service.meter import Meter
from funit.service.metrics import Metrics
from funit.service.patience import POLL_SECONDS
from funit.service.pictures import Picture
from funit.service.services import Services
from funit.service.settings import GeneratorSettings, Limits
from funit.translator import Translator

ROUNDING = 1
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Counted(Meter):
    """Remembers what the generator did."""

    def __init__(self) -> None:
        super().__init__(Metrics())
        self.happened: list[str] = []
        self.batches: list[tuple[str, int]] = []

    def batch(self, kind: str, size: int) -> None:
        self.batches.append((kind, size))

    def refused(self) -> None:
        self.happened.append("refused")

    def late(self) -> None:
        self.happened.append("late")

    def abandoned(self) -> None:
        self.happened.append("abandoned")

    def loaded(self, model: str, seconds: float) -> None:  # noqa: ARG002
        self.happened.append(f"loaded {model}")

    def dropped(self, model: str) -> None:
        self.happened.append(f"dropped {model}")


@contextmanager
def held(generator: ImageGenerator) -> Iterator[None]:
    """Nothing is computed inside."""
    begun, may_end = threading.Event(), threading.Event()

    def wait(given: Sequence[None]) -> Sequence[None]:
        begun.set()
        assert may_end.wait(30)
        return given

    generator.batcher.submit(Kind("held", None), wait, None)
    assert begun.wait(10)
    try:
        yield
    finally:
        may_end.set()


async def admitted(generator: ImageGenerator, count: int) -> None:
    """Returns once so many pictures wait or are computed."""
    async with asyncio.timeout(30):
        while generator.num_admitted != count:
            await asyncio.sleep(0.01)


@pytest.fixture
def meter() -> Counted:
    return Counted()


@pytest.fixture
def generator_with(meter: Counted) -> Iterator[Callable[..., ImageGenerator]]:
    """Makes a generator with limits and settings."""
    made: list[ImageGenerator] = []

    def make(limits: Limits | None = None, **settings: Any) -> ImageGenerator:
        made.append(
            ImageGenerator(
                GeneratorSettings(**settings),
                limits or Limits(),
                ModelRepository(),
                "default",
                meter,
            )
        )
        return made[-1]

    yield make
    for generator in made:
        generator.close()


@pytest.fixture
def app_with(
    services: Services, generator_with: Callable[..., ImageGenerator]
) -> Callable[..., FastAPI]:
    """Makes an app with limits and settings of the generator."""

    def make(limits: Limits | None = None, **settings: Any) -> FastAPI:
        limits = limits or Limits()
        changed = services.settings.model_copy(update={"limits": limits})
        generator = generator_with(limits, **settings)
        app = create_app(replace(services, settings=changed, generator=generator))
        app.state.generator = generator
        return app

    return make


def over(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test")


async def test_of_many_requests_at_once_each_gets_its_own_answer(
    app_with: Callable[..., FastAPI], meter: Counted
) -> None:
    app = app_with(batch_ms=10_000)  # however slow the machine is
    translator = Translator.load("default")

    async with over(app) as client:

        async def answer(n: int) -> httpx2.Response:
            files = uploads("content", [n]) + uploads("examples", [100 + n % 7, 200 + n])
            return await client.post("/v1/translations", files=files)

        answers = await asyncio.gather(*(answer(n) for n in range(64)))

    for n, each in enumerate(answers):
        assert each.status_code == 200, each.text
        look = translator.encode_class([png(100 + n % 7), png(200 + n)])
        assert difference(each.content, translator.translate(png(n), look)) <= ROUNDING
    assert max(size for _, size in meter.batches) > 4
    assert sum(size for kind, size in meter.batches if kind == "contents") == 64


async def test_codes_that_were_made_before_are_used_again(
    app_with: Callable[..., FastAPI], meter: Counted
) -> None:
    files = uploads("content", [1]) + uploads("examples", [2, 3])
    async with over(app_with()) as client:
        first = await client.post("/v1/translations", files=files)
        again = await client.post("/v1/translations", files=files)

    assert difference(first.content, again.content) == 0
    assert [kind for kind, _ in meter.batches].count("examples") == 1


async def test_a_full_queue_says_when_to_come_again(
    app_with: Callable[..., FastAPI], meter: Counted
) -> None:
    app = app_with(Limits(num_queued=2))
    data = {"look": "1", "pose": "1"}
    async with over(app) as client:
        assert (await client.post("/v1/translations", data=data)).status_code == 200
        with held(app.state.generator):
            waiting = [
                asyncio.ensure_future(client.post("/v1/translations", data=data)) for _ in "ab"
            ]
            await admitted(app.state.generator, 2)
            refused = await client.post("/v1/translations", data=data)
        answers = await asyncio.gather(*waiting)

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert set(refused.json()) == {"error", "hint"}
    assert [answer.status_code for answer in answers] == [200, 200]
    assert meter.happened.count("refused") == 1


async def test_what_would_come_too_late_is_refused_at_once(
    generator_with: Callable[..., ImageGenerator],
) -> None:
    generator = generator_with(Limits(seconds=1))
    model = await generator.model()
    generator.batcher.seconds_each = 0.5
    with held(generator):
        waiting = [
            asyncio.ensure_future(generator.encode_examples(model, [Picture(png(n), "")]))
            for n in range(2)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Exception, match="2 pictures are before yours"):
            await generator.encode_examples(model, [Picture(png(3), "")])
    await asyncio.gather(*waiting)


async def test_a_translation_that_takes_too_long_is_given_up(
    app_with: Callable[..., FastAPI], meter: Counted
) -> None:
    app = app_with(Limits(seconds=0.5))
    data = {"look": "1", "pose": "1"}
    async with over(app) as client:
        await app.state.generator.model()
        with held(app.state.generator):
            late = await client.post("/v1/translations", data=data)
        answer = await client.post("/v1/translations", data=data)

    assert late.status_code == 504
    assert "longer than 0.5 seconds" in late.json()["error"]
    assert answer.status_code == 200
    assert meter.happened.count("late") == 1
    assert meter.batches.count(("poses", 1)) == 1  # the late one was never computed


async def test_a_client_that_hangs_up_frees_its_place(
    app_with: Callable[..., FastAPI], meter: Counted
) -> None:
    app = app_with()
    generator: ImageGenerator = app.state.generator
    await generator.model()
    request = httpx2.Request("POST", "http://test/v1/translations", data={"look": "1", "pose": "1"})
    gone = asyncio.Event()
    sent = [{"type": "http.request", "body": request.read(), "more_body": False}]

    async def receive() -> Any:
        if sent:
            return sent.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "POST",
        "path": "/v1/translations",
        "raw_path": b"/v1/translations",
        "query_string": b"",
        "root_path": "",
        "headers": [(k.lower(), v) for k, v in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    with held(generator):
        running = asyncio.ensure_future(app(scope, receive, send))
        await admitted(generator, 1)
        gone.set()
        await asyncio.wait_for(running, 10 * POLL_SECONDS)
        assert generator.num_admitted == 0

    assert meter.happened[-1] == "abandoned"
    assert ("poses", 1) not in meter.batches


async def test_the_least_recently_used_model_makes_room(
    generator_with: Callable[..., ImageGenerator], meter: Counted, tiny_model: Path
) -> None:
    for name in ("a", "b"):
        ModelRepository().publish(tiny_model, name)
    generator = generator_with()
    size = (await generator.model("default")).num_bytes
    # the same weights under two names are one model
    assert await generator.model("a") is await generator.model("b")
    small = (await generator.model("a")).num_bytes

    tight = generator_with(model_bytes=size + small - 1)
    await tight.model("default")
    tiny = await tight.model("a")
    assert tight.models.names() == ["a@1"]
    looks = await tight.encode_examples(tiny, [Picture(png(1), "")])
    await tight.model("default@1")

    assert tight.models.names() == ["default@1"]
    assert meter.happened.count("dropped a@1") == 1
    # whoever holds a model that was dropped still gets an answer
    (translation,) = await tight.translate(tiny, [Picture(png(2), "")], merged(looks))
    assert translation.image.size == (16, 16)


async def test_a_name_means_another_version_once_there_is_one(
    generator_with: Callable[..., ImageGenerator],
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("funit.service.model_cache.NAME_SECONDS", 0)
    ModelRepository().publish(tiny_model, "a")
    generator = generator_with()

    first = await generator.model("a")
    ModelRepository().publish("default", "a")
    second = await generator.model("a")

    assert (first.image_size, second.image_size) == (16, 64)
    assert (await generator.model("a@1")).image_size == 16


async def test_a_name_is_looked_up_again_only_once_the_database_changed(
    services: Services, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funit.service.model_cache.NAME_SECONDS", 0)
    services.models.publish(tiny_model, "a")
    generator = services.generator

    first = await generator.model("a")
    kept = generator.models.at_once("a")
    services.models.publish("default", "a")
    after = generator.models.at_once("a")

    assert kept is first
    assert after is None
    assert (await generator.model("a")).name == "a@2"


async def test_who_gives_up_takes_the_model_from_nobody(
    services: Services, tiny_model: Path
) -> None:
    services.models.publish(tiny_model, "a")
    generator = services.generator

    waiting = [asyncio.ensure_future(generator.model("a")) for _ in range(8)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    found = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(found[0], asyncio.CancelledError)
    assert {model.name for model in found[1:] if not isinstance(model, BaseException)} == {"a@1"}


async def test_a_folder_where_the_service_was_started_is_no_model(
    client: TestClient, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_model.parent)

    answer = client.get("/v1/gallery", params={"model": tiny_model.name})

    assert answer.status_code == 404
    assert f"no model is called `{tiny_model.name}`" in answer.json()["error"]


def test_it_is_ready_once_the_default_model_is(
    generator_with: Callable[..., ImageGenerator],
) -> None:
    generator = generator_with()

    until = time.monotonic() + 60
    while not generator.ready() and time.monotonic() < until:
        time.sleep(0.02)

    assert generator.ready()
    assert generator.models.names() == ["default@1"]
