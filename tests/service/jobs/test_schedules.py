"""Schedules: trainings that come again, over HTTP and on the command line, on both databases."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from jobshop import Shop, add_version
from sqlalchemy import select, update

from funit.database.connection import reading, writing
from funit.database.schema import Job, Schedule
from funit.errors import ConflictError
from funit.service.app import create_app
from funit.service.datasets import remove_dataset
from funit.service.jobs import manager
from funit.service.jobs.schedules import LocalScheduleRequest, create_schedule, run_due
from funit.service.services import Services, open_services
from funit.service.settings import JobSettings, ServiceSettings

JOB: dict[str, Any] = {"dataset": "zoo", "name": "zoo", "max_images": 48}


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    """With a data set `zoo` of 40 images, on each kind of database in turn."""
    storage = str(tmp_path / "storage")
    settings = ServiceSettings(database_url=database_url, storage_url=storage, keys="none")
    with open_services(settings) as opened:
        add_version(opened, 40)
        yield opened


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services), raise_server_exceptions=False) as client:
        yield client


def create(client: TestClient, **changed: Any) -> dict[str, Any]:
    answer = client.post("/v1/schedules", json={"name": "weekly", "job": JOB, **changed})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def let_hours_pass(services: Services, hours: float) -> None:
    """As if everything had been so much earlier."""
    with writing(services.database) as session:
        for schedule in session.scalars(select(Schedule)):
            schedule.created_at -= timedelta(hours=hours)
            if schedule.last_run_at:
                schedule.last_run_at -= timedelta(hours=hours)


def end(services: Services, job: Job) -> None:
    """The job is not at work any more."""
    manager.cancel_job(services, job.id)


def test_a_schedule_makes_a_job_once_enough_images_have_come(
    client: TestClient, services: Services
) -> None:
    created = create(client, new_images=5)
    assert client.post("/v1/schedules", json={"name": "weekly", "job": JOB}).status_code == 422
    again = {"name": "weekly", "job": JOB, "new_images": 5}
    assert client.post("/v1/schedules", json=again).status_code == 409

    assert run_due(services) == []
    add_version(services, 4)
    assert run_due(services) == []
    add_version(services, 1)
    (job,) = run_due(services)
    assert run_due(services) == []  # it is at work

    assert job.request["dataset"] == "zoo@3"
    shown = client.get("/v1/schedules/weekly").json()
    assert (created["last_version"], shown["last_version"]) == (1, 3)
    assert client.get("/v1/schedules").json() == [shown]
    end(services, job)
    assert run_due(services) == []  # nothing new since
    assert client.delete("/v1/schedules/weekly").status_code == 204
    assert client.get(f"/v1/jobs/{job.id}").json()["schedule_id"] is None


def test_a_schedule_makes_a_job_after_its_time_from_the_newest_version(
    client: TestClient, services: Services
) -> None:
    create(client, job=JOB | {"name": "default"}, every_hours=1)

    assert run_due(services) == []
    let_hours_pass(services, 1)
    (job,) = run_due(services)
    end(services, job)
    assert run_due(services) == []
    let_hours_pass(services, 1)
    (again,) = run_due(services)

    assert job.request["from_model"] == again.request["from_model"] == "default@1"
    with reading(services.database) as session:
        assert set(session.scalars(select(Job.id))) == {job.id, again.id}


def test_a_paused_schedule_makes_no_job_until_it_is_resumed(
    client: TestClient, services: Services
) -> None:
    create(client, every_hours=1)

    assert client.post("/v1/schedules/weekly/pause").json()["state"] == "paused"
    assert client.post("/v1/schedules/weekly/pause").json()["state"] == "paused"
    let_hours_pass(services, 5)
    assert run_due(services) == []
    assert client.post("/v1/schedules/weekly/resume").json()["state"] == "active"

    assert len(run_due(services)) == 1  # for all that it missed


def test_what_is_changed_holds_from_then_on_and_the_rest_stays(
    client: TestClient, services: Services
) -> None:
    created = create(client, every_hours=168, new_images=500)
    url = "/v1/schedules/weekly"

    changed = client.patch(url, json={"new_images": 3}).json()
    assert changed == created | {"new_images": 3}
    add_version(services, 3)
    (job,) = run_due(services)
    end(services, job)
    job_before = client.get(url).json()["request"]
    other = client.patch(url, json={"job": JOB | {"max_images": 96}, "new_images": None}).json()

    assert (other["every_hours"], other["new_images"]) == (168, None)
    assert other["request"] == job_before | {"max_images": 96}
    assert other["last_version"] == 2
    let_hours_pass(services, 168)
    (job,) = run_due(services)
    assert job.request["max_images"] == 96


def test_images_of_another_data_set_are_counted_from_the_change_on(
    client: TestClient, services: Services
) -> None:
    create(client, new_images=3)
    for num_images in (30, 20):
        add_version(services, num_images, "farm")

    changed = client.patch("/v1/schedules/weekly", json={"job": JOB | {"dataset": "farm"}}).json()

    assert changed["last_version"] == 2
    assert run_due(services) == []
    add_version(services, 3, "farm")
    (job,) = run_due(services)
    assert job.request["dataset"] == "farm@3"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"every_hours": None}, 400),  # then it would never be due
        ({"every_hours": 0}, 422),
        ({"every_hours": 1e300}, 422),
        ({"new_images": 10**20}, 422),
        ({"job": JOB | {"dataset": "nothing"}}, 404),
        ({"job": JOB | {"from_model": "nobody"}}, 404),
        ({"job": {"path": "/etc", "name": "zoo"}}, 422),
        ({"name": "another"}, 422),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(
    client: TestClient, change: dict[str, Any], status: int
) -> None:
    created = create(client, every_hours=168)

    answer = client.patch("/v1/schedules/weekly", json=change)

    assert answer.status_code == status, answer.text
    assert {"error", "hint"} <= answer.json().keys()
    assert client.get("/v1/schedules/weekly").json() == created


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")],
)
def test_a_schedule_that_is_not_there_is_said(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, f"/v1/schedules/nothing{path}", json={})

    assert answer.status_code == 404
    assert answer.json()["error"] == "there is no schedule `nothing`"


def test_a_data_set_is_kept_for_a_schedule_unless_that_is_paused(
    client: TestClient, services: Services
) -> None:
    create(client, new_images=1)
    with pytest.raises(ConflictError, match="the schedule `weekly` needs the data set `zoo`"):
        remove_dataset(services, "zoo")

    client.post("/v1/schedules/weekly/pause")
    remove_dataset(services, "zoo")

    answer = client.post("/v1/schedules/weekly/resume")
    assert answer.status_code == 404
    assert answer.json()["error"] == "there is no data set `zoo`"
    assert client.get("/v1/schedules/weekly").json()["state"] == "paused"


def test_why_no_job_could_be_made_is_said_and_the_others_are_made(
    client: TestClient, services: Services
) -> None:
    create(client, every_hours=1, job=JOB | {"device": "auto"})
    create(client, name="weekly-2", every_hours=1)
    other = JobSettings(devices={"cuda:1": 1})  # the service is started anew with a card
    changed = services.settings.model_copy(update={"jobs": other})
    let_hours_pass(services, 1)

    (job,) = run_due(replace(services, settings=changed))

    assert job.request["device"] is None
    assert client.get("/v1/schedules/weekly").json()["error"] == "there is no device `auto`"
    assert client.get("/v1/schedules/weekly-2").json()["error"] is None
    client.patch("/v1/schedules/weekly", json={"job": JOB})
    assert client.get("/v1/schedules/weekly").json()["error"] is None
    assert len(run_due(replace(services, settings=changed))) == 1


def test_a_folder_is_trained_on_again_by_time(sqlite_shop: Shop, zoo: Path) -> None:
    job = {"path": zoo, "name": "zoo"}
    request = {"name": "nightly", "every_hours": 24, "job": job}
    create_schedule(sqlite_shop.services, LocalScheduleRequest.model_validate(request))
    let_hours_pass(sqlite_shop.services, 24)

    (made,) = run_due(sqlite_shop.services)

    assert made.request["path"] == str(zoo)


def test_a_jobs_process_makes_what_is_due(shop: Shop, zoo: Path) -> None:
    job = shop.request(max_images=16).model_dump(mode="json")
    request = {"name": "nightly", "every_hours": 24, "job": job}
    create_schedule(shop.services, LocalScheduleRequest.model_validate(request))
    with writing(shop.services.database) as session:  # one that no code of ours can read
        session.execute(update(Schedule).values(request={"path": str(zoo), "years": 1}))
    create_schedule(
        shop.services, LocalScheduleRequest.model_validate(request | {"name": "nightly-2"})
    )
    let_hours_pass(shop.services, 24)

    shop.start()
    made = shop.wait_for_job()

    assert made.schedule_id is not None
    with reading(shop.services.database) as session:
        errors = {row.name: row.error for row in session.scalars(select(Schedule))}
    assert errors == {"nightly": "`name` of the job: field required", "nightly-2": None}


def funit(*words: object, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "funit", "jobs", "schedules", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.strip() if code == 0 else done.stderr


def test_a_schedule_is_made_changed_and_removed_on_the_command_line(
    zoo: Path, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump({"priority": 3, "max_images": 1000}))
    times = ["--every-hours", 168]

    options = ["--name", "zoo", "--request", file, "--require", "l1@1<=0.2"]
    assert funit("create", "weekly", zoo, *times, *options, "--max-images", 48) == "weekly"
    (made,) = json.loads(funit("list", "--json"))
    assert made == json.loads(funit("show", "weekly", "--json"))
    assert (made["every_hours"], made["new_images"], made["state"]) == (168, None, "active")
    assert made["request"]["path"] == str(zoo)
    assert (made["request"]["priority"], made["request"]["max_images"]) == (3, 48)

    changed = funit("change", "weekly", "--every-hours", 24, "--request", file)
    assert changed == "weekly active, every 24 hours"
    assert json.loads(funit("show", "weekly", "--json"))["request"]["max_images"] == 1000
    assert "would never be due" in funit("change", "weekly", "--every-hours", 0, code=1)
    assert funit("pause", "weekly") == "weekly paused"
    assert "paused" in funit("show", "weekly")
    assert "paused" in funit("list")
    assert funit("resume", "weekly") == "weekly active, every 24 hours"
    assert funit("remove", "weekly") == "removed weekly"
    assert "no schedule `weekly`" in funit("show", "weekly", code=1)


def test_what_is_wrong_with_a_schedule_is_said_in_a_line(zoo: Path) -> None:
    name = ["--name", "zoo"]
    for words, told in (
        (["create", "a", zoo, *name], "say every_hours, new_images or both"),
        (["create", "a", zoo, "--every-hours", 1], "`name` of the job"),
        (["create", "a", zoo, *name, "--new-images", 5], "data sets of the service alone"),
        (["create", "a", "nothing", *name, "--new-images", 5], "no data set `nothing`"),
        (["create", "A b", zoo, *name, "--every-hours", 1], "`name` of the job"),
    ):
        assert told in funit(*words, code=1)
