"""Jobs and schedules of a service that runs."""

import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from jobshop import TINY
from serving import serving

from funit import Client
from funit.client.jobs import Job, JobEvent
from funit.errors import ConflictError, NotThereError


@pytest.fixture(scope="module")
def tiny() -> dict[str, Any]:
    return {
        "settings": TINY,
        "max_images": 48,
        "evaluation": {"pairs": 8, "shots": [1]},
        "graphs": False,
    }


@pytest.fixture
def zoo_there(client: Client, zoo: Path) -> str:
    if "jobs-zoo" not in {dataset.name for dataset in client.datasets()}:
        client.upload_dataset("jobs-zoo", zoo)
    return "jobs-zoo"


def test_a_job_is_asked_for_paused_resumed_cancelled_and_told(
    client: Client, zoo_there: str
) -> None:
    job = client.create_job(zoo_there, "zoo", preset="small", max_images=64, priority=2)

    assert (job.state, job.priority, job.has_ended) == ("queued", 2, False)
    assert job.request["dataset"] == f"{zoo_there}@1"
    assert client.pause_job(job).state == "paused"
    assert client.jobs(["paused"]) == [client.find_job(job.id)]
    assert client.resume_job(job.id).state == "queued"
    assert client.cancel_job(job).has_ended
    told = list(client.follow_job(job))
    assert [event.data["state"] for event in told] == ["queued", "paused", "queued", "cancelled"]
    assert list(client.follow_job(job, after=told[1].id)) == told[2:]
    assert list(client.follow_job(job, after=told[-1].id)) == []
    with pytest.raises(ConflictError):
        client.resume_job(job)
    with pytest.raises(NotThereError):
        next(client.follow_job("nothing"))
    with pytest.raises(NotThereError, match="no report yet"):
        client.job_report(job)


def test_schedules_are_made_listed_changed_paused_and_removed(
    client: Client, zoo_there: str
) -> None:
    job = {"dataset": zoo_there, "name": "zoo"}

    made = client.create_schedule("weekly", job, every_hours=168)

    assert (made.every_hours, made.new_images, made.last_run_at) == (168, None, None)
    assert client.schedules() == [made]
    with pytest.raises(ConflictError):
        client.create_schedule("weekly", job, new_images=3)
    changed = client.change_schedule("weekly", new_images=3, every_hours=None)
    assert (changed.every_hours, changed.new_images, changed.state) == (None, 3, "active")
    assert client.pause_schedule(made).state == "paused"
    assert client.find_schedule("weekly").state == "paused"
    assert client.resume_schedule("weekly") == changed
    client.remove_schedule(made)
    assert client.schedules() == []


def test_a_job_is_followed_from_asking_to_publishing(
    tmp_path: Path, zoo: Path, tiny: dict[str, Any]
) -> None:
    config = tmp_path / "service.yaml"
    config.write_text(yaml.safe_dump({"jobs": {"devices": {"cpu": 1}, "poll_seconds": 0.1}}))

    with (
        serving("--config", str(config), home=tmp_path / "home") as served,
        Client(served.url) as client,
    ):
        client.upload_dataset("zoo", zoo)
        job = client.create_job("zoo", "beasts", alias="production", **tiny)
        told = list(client.follow_job(job))

        states = [event.data["state"] for event in told if event.kind == "state"]
        assert states == ["queued", "running", "evaluating", "publishing", "published"]
        assert [event.id for event in told] == sorted({event.id for event in told})
        assert {"progress", "sample", "log"} <= {event.kind for event in told}
        assert client.find_job(job).model == "beasts@1"
        assert client.find_job(job).num_evaluations == 1
        assert client.find_model("beasts@production").training["images"] == 48
        assert client.job_report(job).evaluation["rows"]
        assert client.job_report(job).has_page
        assert '<h2 id="samples">' in client.job_report_page(job)
        assert len(client.job_log(job, lines=3).splitlines()) == 3
        pictures = client.job_pictures(job)
        assert "0000000048.png" in pictures
        assert min(client.job_picture(job, pictures[-1], candidate=0).size) > 16
        (curves,) = client.job_curves(job)
        assert curves.curves["g/reconstruction"][-1][0] == 48
        assert len(client.job_curves(job, points=2)[0].curves["g/reconstruction"]) == 2


@pytest.mark.parametrize(
    "ending", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_follower_goes_on_behind_the_last_event_when_the_service_starts_anew(
    ending: signal.Signals, tmp_path: Path, zoo: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    told: list[JobEvent] = []
    begun = threading.Event()

    def follow(url: str, job: Job) -> None:
        with Client(url) as client:
            for event in client.follow_job(job):
                told.append(event)
                if len(told) == 2:
                    begun.set()

    options = ("--port", port, "--no-jobs")
    with serving(*options, home=tmp_path) as served, Client(served.url) as client:
        client.upload_dataset("zoo", zoo)
        job = client.create_job("zoo", "beasts")
        client.pause_job(job)
        follower = threading.Thread(target=follow, args=(served.url, job))
        follower.start()
        assert begun.wait(30)
        served.stop(ending)
    with serving(*options, home=tmp_path) as served, Client(served.url) as client:
        client.resume_job(job)
        client.cancel_job(job)
        follower.join(60)

    assert not follower.is_alive()
    states = [event.data["state"] for event in told]
    assert states == ["queued", "paused", "queued", "cancelled"]
