"""Jobs over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jobshop import add_version

from funit.service.jobs import manager, store
from funit.service.services import Services

ASKED: dict[str, Any] = {"dataset": "zoo", "name": "zoo", "max_images": 48}


@pytest.fixture
def services(services: Services) -> Services:
    """With a data set `zoo`."""
    add_version(services, 40)
    return services


def create(client: TestClient, **changed: Any) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json=ASKED | changed)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def test_a_job_is_created_with_its_data_pinned_listed_and_shown(client: TestClient) -> None:
    first, second = create(client), create(client, name="other", priority=3)

    assert first["state"] == "queued"
    assert first["request"]["dataset"] == "zoo@1"
    assert client.get(f"/v1/jobs/{first['id']}").json() == first
    listed = client.get("/v1/jobs").json()["items"]
    assert {job["id"] for job in listed} == {first["id"], second["id"]}
    assert client.get("/v1/jobs", params={"state": "paused"}).json()["items"] == []
    page = client.get("/v1/jobs", params={"limit": 1}).json()
    rest = client.get("/v1/jobs", params={"limit": 1, "before": page["next"]}).json()
    assert {page["items"][0]["id"], rest["items"][0]["id"]} == {first["id"], second["id"]}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"dataset": "nothing"}, 404),
        ({"dataset": "zoo@9"}, 404),
        ({"from_model": "nobody"}, 404),
        ({"path": "/etc"}, 422),
        ({"dataset": "../zoo"}, 422),
        ({"from_model": "/etc"}, 422),
        ({"minimum": {"metric": "l1"}}, 422),
        ({"settings": {"training": {"speed": 1}}}, 400),
        ({"device": "cuda:9"}, 400),
    ],
)
def test_what_cannot_be_done_is_refused(
    client: TestClient, changed: dict[str, Any], status: int
) -> None:
    answer = client.post("/v1/jobs", json=ASKED | changed)

    assert answer.status_code == status, answer.text
    assert {"error", "hint"} <= answer.json().keys()


def test_jobs_are_paused_resumed_and_cancelled(client: TestClient) -> None:
    url = f"/v1/jobs/{create(client)['id']}"

    assert client.post(f"{url}/pause").json()["state"] == "paused"
    assert client.post(f"{url}/resume").json()["state"] == "queued"
    assert client.post(f"{url}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{url}/resume").status_code == 409
    assert client.post("/v1/jobs/nothing/pause").status_code == 404


def test_a_wish_for_a_job_under_way_is_kept_for_the_jobs_process(
    client: TestClient, services: Services
) -> None:
    job_id = create(client)["id"]
    with store.changing(services.database, job_id) as (session, job):
        store.move(session, job, "running")

    assert client.post(f"/v1/jobs/{job_id}/pause").json()["wanted"] == "pause"
    assert client.post(f"/v1/jobs/{job_id}/cancel").json()["wanted"] == "cancel"
    assert client.post(f"/v1/jobs/{job_id}/pause").json()["wanted"] == "cancel"
    with store.changing(services.database, job_id) as (session, job):
        store.move(session, job, "publishing")
    assert client.post(f"/v1/jobs/{job_id}/cancel").status_code == 409


def events(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_events_come_once_and_end_with_the_job(client: TestClient) -> None:
    url = f"/v1/jobs/{create(client)['id']}"
    for verb in ("pause", "resume", "cancel"):
        client.post(f"{url}/{verb}")

    answer = client.get(f"{url}/events")
    found = events(answer.text)
    rest = client.get(f"{url}/events", headers={"Last-Event-ID": str(found[1][0])})

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [data["state"] for _, _, data in found] == ["queued", "paused", "queued", "cancelled"]
    assert events(rest.text) == found[2:]
    assert client.get("/v1/jobs/nothing/events").status_code == 404


def test_events_can_begin_with_now_and_tell_where_that_is(client: TestClient) -> None:
    url = f"/v1/jobs/{create(client)['id']}"
    client.post(f"{url}/cancel")
    newest = events(client.get(f"{url}/events").text)[-1][0]

    assert client.get(f"{url}/events", params={"past": False}).text == f"id: {newest}\n\n"
    again = client.get(
        f"{url}/events", params={"past": False}, headers={"Last-Event-ID": str(newest - 1)}
    )
    begin, _, rest = again.text.partition("\n\n")
    assert begin == f"id: {newest - 1}"
    assert [(number, data["state"]) for number, _, data in events(rest)] == [(newest, "cancelled")]


def test_the_curves_of_every_candidate_are_given_thinned(client: TestClient) -> None:
    job_id = create(client)["id"]
    url = f"/v1/jobs/{job_id}/curves"
    assert client.get(url).json() == {"candidates": []}
    for candidate in (0, 1):
        run = manager.run_folder(job_id, candidate)
        run.mkdir(parents=True)
        lines = [{"images": 10 * n, "minutes": n, "g/loss": n + candidate} for n in range(1, 7)]
        broken = '{"images": 70, "g/loss": NaN}\n{"images": 80, "s/spread": 0.5}\n{"images": 9'
        text = "".join(f"{json.dumps(line)}\n" for line in lines) + broken
        (run / "metrics.jsonl").write_text(text)

    first, second = client.get(url).json()["candidates"]

    assert (first["candidate"], second["candidate"]) == (0, 1)
    assert first["curves"]["g/loss"] == [[10 * n, n] for n in range(1, 7)]
    assert first["curves"]["s/spread"] == [[80, 0.5]]
    assert first["curves"].keys() == {"g/loss", "s/spread"}
    thin = client.get(url, params={"points": 3}).json()["candidates"][1]
    assert thin["curves"]["g/loss"] == [[20, 2.5], [40, 4.5], [60, 6.5]]
    assert client.get("/v1/jobs/nothing/curves").status_code == 404


def test_only_pictures_that_are_listed_are_served(client: TestClient) -> None:
    job_id = create(client)["id"]
    run = manager.run_folder(job_id, 0)
    (run / "samples").mkdir(parents=True)
    (run / "samples" / "0000000048.png").write_bytes(b"png")
    (run / "run.json").write_text("{}")
    (run.parent / "log.txt").write_text("one\ntwo\nthree\n")
    url = f"/v1/jobs/{job_id}"

    assert client.get(f"{url}/pictures").json() == {"names": ["0000000048.png"]}
    assert client.get(f"{url}/pictures/0000000048.png").content == b"png"
    of_another = client.get(f"{url}/pictures/0000000048.png", params={"candidate": 1})
    assert of_another.status_code == 404
    assert client.get(f"{url}/pictures", params={"candidate": 0}).json()["names"]
    for wrong in ("run.json", "..%2Frun.json", "curves.png"):
        assert client.get(f"{url}/pictures/{wrong}").status_code == 404
    assert client.get(f"{url}/log", params={"lines": 2}).text == "two\nthree\n"
    assert client.get(f"{url}/report").status_code == 404
    assert client.get(f"{url}/report/page").status_code == 404


def test_trainings_need_the_scope_train(client_with: Callable[..., TestClient]) -> None:
    client = client_with(keys="required")

    for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", "/v1/schedules")):
        assert client.request(method, path).status_code == 401
