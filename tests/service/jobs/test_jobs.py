"""Jobs from asking to publishing, with real processes, and with those killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jobshop import Shop

from funit.database.schema import ENDED_STATES
from funit.errors import ConflictError, NotThereError, UserError
from funit.home import home
from funit.repository import ModelRepository
from funit.service.jobs import manager, store
from funit.service.jobs.child import run_child

LONG = 100_000  # images: such a training does not end in a test


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def wait_until(is_so: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def resumed_from(log: str) -> list[int]:
    """The images that each training of a log went on from."""
    return [int(number.replace(",", "")) for number in re.findall(r"going on from ([\d,]+)", log)]


def test_a_job_trains_evaluates_and_publishes(shop: Shop) -> None:
    job_id = shop.create()
    shop.start()

    job = shop.wait_for(job_id, "published")

    assert job.model == "zoo@1"
    info = ModelRepository().find("zoo@1").info
    assert info.training.images == 48
    assert {row["metric"] for row in info.scores} >= {"l1", "l1_foreground/copy-content"}
    assert "zoo" in {row["model"] for row in info.scores}
    assert job.report is not None
    assert "candidate-0" in {row["model"] for row in job.report["evaluation"]["rows"]}
    assert str(home()) not in json.dumps([job.report, info.scores])
    judged = {row["metric"] for row in job.report["evaluation"]["rows"] if not row["shots"]}
    assert "top1_test_efficientnet_lite0" in judged  # of real images: is it to be trusted?
    states = [event.data["state"] for event in shop.events(job_id, "state")]
    assert states == ["queued", "running", "evaluating", "publishing", "published"]
    assert shop.events(job_id, "progress")[-1].data["images"] == 48
    assert [event.data["name"] for event in shop.events(job_id, "sample")] == ["0000000048.png"]
    assert {alert["kind"] for alert in job.alerts} >= {"too_few_images"}
    assert manager.log_tail(job, 5)
    assert "curves.png" in manager.pictures(job)


@pytest.mark.slow
def test_a_paused_job_gives_its_slot_away_and_goes_on_where_it_was(shop: Shop) -> None:
    first = shop.create(max_images=LONG)
    shop.start()
    shop.wait(first, lambda job: job.progress.get("images", 0) >= 32)

    manager.pause_job(shop.services, first)
    shop.wait_for(first, "paused")
    at = shop.checkpoint(first)
    second = shop.create(name="other")
    shop.wait_for(second, "published")
    manager.resume_job(shop.services, first)
    shop.wait(first, lambda job: job.progress["images"] > at)
    manager.cancel_job(shop.services, first)
    shop.wait_for(first, "cancelled")

    assert resumed_from(shop.log(first)) == [at]
    assert shop.checkpoint(first) > at
    assert shop.children(first) == []
    with pytest.raises(ConflictError, match="is cancelled"):
        manager.resume_job(shop.services, first)


def test_a_job_that_waits_can_be_paused_and_cancelled(sqlite_shop: Shop) -> None:
    job_id = sqlite_shop.create()

    assert manager.pause_job(sqlite_shop.services, job_id).state == "paused"
    assert manager.resume_job(sqlite_shop.services, job_id).state == "queued"
    assert manager.cancel_job(sqlite_shop.services, job_id).state == "cancelled"
    assert manager.cancel_job(sqlite_shop.services, job_id).state == "cancelled"


@pytest.mark.slow
def test_a_child_that_is_killed_is_started_again_from_its_checkpoint(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    job_id = shop.create(max_images=400)
    shop.start()
    shop.wait(job_id, lambda _: shop.checkpoint(job_id) >= 32 and bool(shop.children(job_id)))

    at = shop.checkpoint(job_id)
    os.kill(shop.children(job_id)[0], signal.SIGKILL)
    shop.wait_for(job_id, "published")

    assert [event.data["code"] for event in shop.events(job_id, "restart")] == [-9]
    assert resumed_from(shop.log(job_id))[0] >= at
    assert shop.versions() == [1]


@pytest.mark.slow
def test_a_jobs_process_that_is_killed_takes_its_child_along_and_the_next_goes_on(
    shop: Shop,
) -> None:
    job_id = shop.create(max_images=400)
    first = shop.start()
    shop.wait(job_id, lambda _: shop.checkpoint(job_id) >= 32)

    at = shop.checkpoint(job_id)
    kill(first)
    wait_until(lambda: not shop.children(job_id), 10)
    shop.start()
    shop.wait_for(job_id, "published")

    assert resumed_from(shop.log(job_id))[0] >= at
    assert shop.versions() == [1]
    assert len(ModelRepository().list()) == len({i.name for i in ModelRepository().list()})


@pytest.mark.slow
@pytest.mark.parametrize("state", ["evaluating", "publishing"])
def test_a_kill_in_any_state_loses_and_doubles_nothing(sqlite_shop: Shop, state: str) -> None:
    job_id = sqlite_shop.create()
    first = sqlite_shop.start()
    sqlite_shop.wait_for(job_id, state)

    kill(first)
    sqlite_shop.start()
    sqlite_shop.wait_for(job_id, "published")

    assert sqlite_shop.versions() == [1]


@pytest.mark.slow
def test_publishing_again_finds_the_version_that_is_there(sqlite_shop: Shop) -> None:
    job_id = sqlite_shop.create()
    sqlite_shop.start()
    sqlite_shop.wait_for(job_id, "published")
    folder = manager.job_folder(job_id)
    result = folder / "again.txt"

    words = [manager.run_folder(job_id, 0), job_id, folder / "request.json"]
    words += [folder / "evaluation-0-0.json", result]
    subprocess.run(
        [sys.executable, "-m", "funit.service.jobs.publishing", *map(str, words)], check=True
    )

    assert result.read_text() == "zoo@1"
    assert sqlite_shop.versions() == [1]


@pytest.mark.slow
def test_a_jobs_process_that_is_told_to_stop_writes_a_checkpoint_first(shop: Shop) -> None:
    job_id = shop.create(max_images=LONG, settings={"training": {"checkpoint_every_images": LONG}})
    first = shop.start()
    shop.wait(job_id, lambda job: job.progress.get("images", 0) >= 32)

    first.terminate()

    assert first.wait(60) == 0
    at = shop.checkpoint(job_id)
    assert at >= 32
    assert shop.children(job_id) == []
    shop.start()
    shop.wait(job_id, lambda job: job.progress["images"] > at)
    assert resumed_from(shop.log(job_id)) == [at]


@pytest.mark.slow
def test_a_second_jobs_process_waits_and_does_nothing_twice(shop: Shop) -> None:
    job_id = shop.create(max_images=LONG)
    first = shop.start()
    shop.wait(job_id, lambda _: bool(shop.children(job_id)))

    second = shop.start()
    for _ in range(60):
        assert len(shop.children(job_id)) <= 1
        time.sleep(0.05)
    (child,) = shop.children(job_id)
    kill(first)  # now it is the second one's turn
    shop.wait(job_id, lambda _: bool(shop.children(job_id)) and shop.children(job_id) != [child])

    assert second.poll() is None


def test_jobs_are_put_into_the_queue_in_the_order_to_be_begun_in(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    given = [
        shop.create(name=f"zoo-{i}", priority=priority) for i, priority in enumerate([0, 5, 0])
    ]

    assert [job.id for job in store.unfinished(shop.services.database)] == [
        given[i] for i in (1, 0, 2)
    ]


@pytest.mark.slow
def test_jobs_of_higher_priority_are_begun_sooner(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    low, high = shop.create(name="low"), shop.create(name="high", priority=5)
    shop.start()

    shop.wait_for(high, "published")

    assert shop.job(low).state in ("queued", "running")
    shop.wait_for(low, "published")


@pytest.mark.slow
def test_below_the_minimum_it_trains_further_tries_the_next_and_gives_up_with_a_report(
    sqlite_shop: Shop,
) -> None:
    shop = sqlite_shop
    minimum = {"metric": "l1", "shots": 1, "at_most": 0.0}
    job_id = shop.create(minimum=minimum, otherwise=[{"settings": shop.request().settings}])
    shop.start()

    deadline = time.monotonic() + 240
    while (job := shop.job(job_id)).state not in ENDED_STATES:
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert job.state == "failed"
    assert job.error is not None
    assert "below the minimum in 4 evaluations" in job.error
    assert job.report is not None
    tried = [(h["candidate"], h["round"], h["images"], h["next"]) for h in job.report["history"]]
    assert tried == [
        (0, 0, 48, "train"),
        (0, 1, 72, "train"),
        (1, 0, 48, "train"),
        (1, 1, 72, "give up"),
    ]
    assert job.report["evaluation"]["rows"]
    assert shop.versions() == []


@pytest.mark.slow
def test_a_candidate_that_cannot_be_trained_makes_room_for_the_next(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    wide = {"model": {"max_bytes": 1000}}
    job_id = shop.create(settings=wide, otherwise=[{"settings": shop.request().settings}])
    shop.start()

    job = shop.wait_for(job_id, "published")

    assert job.progress["candidate"] == 1
    assert "model.max_bytes" in shop.events(job_id, "failure")[0].data["error"]


@pytest.mark.slow
def test_a_job_starts_from_a_model_of_the_repository_and_names_it_as_its_parent(
    sqlite_shop: Shop,
) -> None:
    shop = sqlite_shop
    shop.start()
    shop.wait_for(shop.create(), "published")

    job_id = shop.create(from_model="zoo", max_images=24)
    job = shop.wait_for(job_id, "published")

    assert job.request["from_model"] == "zoo@1"
    assert job.model == "zoo@2"
    parent = ModelRepository().find("zoo@2").info.training.parent
    assert parent is not None
    assert (parent.name, parent.version) == ("zoo", 1)


def test_what_is_not_there_is_said_at_once(sqlite_shop: Shop) -> None:
    for wrong in ({"from_model": "nobody"}, {"path": None, "dataset": "nothing"}):
        with pytest.raises(NotThereError):
            sqlite_shop.create(**wrong)
    with pytest.raises(UserError, match="no device `cuda:7`"):
        sqlite_shop.create(device="cuda:7")


def test_the_jobs_process_imports_no_torch() -> None:
    code = "import sys, funit.service.jobs.process; print('torch' in sys.modules)"

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert printed.strip() == "False"


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('here', flush=True)\ntime.sleep(60)\n"
    )
    log = tmp_path / "log.txt"

    ended = run_child(
        ["stubborn"],
        log,
        lambda: log.exists() and "here" in log.read_text(),
        environment={"PYTHONPATH": str(tmp_path)},
        poll_seconds=0.05,
        grace_seconds=0.3,
    )

    assert (ended.code, ended.was_stopped) == (-9, True)


@pytest.mark.slow
def test_random_kills_lose_nothing(database_url: str) -> None:
    script = Path(__file__).parents[3] / "scripts" / "kill_test.py"
    command = [sys.executable, str(script), "--kills", "5", "--database-url", database_url]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)

    assert done.returncode == 0, done.stdout + done.stderr
