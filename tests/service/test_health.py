"""Whether it lives, whether it is ready, and what Prometheus reads."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from funit.database.connection import writing
from funit.database.schema import Job
from funit.errors import UserError
from funit.service.app import create_app
from funit.service.auth import create_key
from funit.service.services import Services


@dataclass
class Generator:
    """An image generator that is ready, is not yet, or cannot be."""

    answer: bool | UserError

    def ready(self) -> bool:
        if isinstance(self.answer, UserError):
            raise self.answer
        return self.answer


def settled(client: TestClient) -> Response:
    """What `/readyz` says once the model is open, or cannot be opened."""
    while "is not ready" in (answer := client.get("/readyz")).text:
        time.sleep(0.02)
    return answer


def test_it_lives_and_is_ready_with_the_model_of_the_package(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert settled(client).json() == {"status": "ready", "model": "default"}


def test_it_is_not_ready_without_its_default_model(
    client_with: Callable[..., TestClient],
) -> None:
    answer = settled(client_with(default_model="cats"))

    assert answer.status_code == 503
    assert answer.json()["error"] == "no model is called `cats`"


@pytest.mark.parametrize(
    ("says", "status"), [(True, 200), (False, 503), (UserError("`weights` is damaged"), 503)]
)
def test_it_is_ready_when_the_image_generator_is(
    services: Services, says: bool | UserError, status: int
) -> None:
    client = TestClient(create_app(replace(services, generator=Generator(says))))

    assert client.get("/readyz").status_code == status
    assert client.get("/healthz").status_code == 200


def test_the_figures_count_requests_stages_caches_and_jobs(
    services: Services, client: TestClient
) -> None:
    with writing(services.database) as session:
        for number, state in enumerate(["queued", "queued", "failed"]):
            session.add(Job(id=str(number), state=state, request={}))
    metrics = services.metrics
    with metrics.stage_seconds.labels("model").time():
        metrics.looked_up("looks", hit=True)
        metrics.looked_up("looks", hit=False)
        metrics.queue_length.set(3)
        metrics.batch_size.observe(5)
    client.get("/nowhere")
    client.request("BREW", "/healthz")

    lines = client.get("/metrics").text.splitlines()

    assert set(lines) >= {
        'funit_jobs{state="queued"} 2.0',
        'funit_jobs{state="failed"} 1.0',
        'funit_requests_total{method="GET",route="none",status="404"} 1.0',
        'funit_requests_total{method="other",route="/healthz",status="405"} 1.0',
        'funit_stage_seconds_count{stage="model"} 1.0',
        'funit_cache_lookups_total{cache="looks",outcome="hit"} 1.0',
        'funit_cache_lookups_total{cache="looks",outcome="miss"} 1.0',
        "funit_queue_length 3.0",
        'funit_batch_size_bucket{le="8.0"} 1.0',
    }


def test_two_services_count_apart(services: Services, client: TestClient) -> None:
    other = TestClient(create_app(replace(services, metrics=type(services.metrics)())))

    client.get("/nowhere")

    assert 'route="none"' in client.get("/metrics").text
    assert 'route="none"' not in other.get("/metrics").text


def test_only_administrators_read_the_figures_where_keys_are_needed(services: Services) -> None:
    settings = services.settings.model_copy(update={"keys": "required"})
    client = TestClient(create_app(replace(services, settings=settings)))
    keys = {scope: create_key(services.database, scope, [scope]) for scope in ("train", "admin")}

    def status(path: str, key: str = "") -> int:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return client.get(path, headers=headers).status_code

    assert settled(client).status_code == 200
    assert status("/healthz") == status("/readyz") == status("/openapi.json") == 200
    assert [status("/metrics"), status("/metrics", keys["train"])] == [401, 403]
    assert status("/metrics", keys["admin"]) == 200
