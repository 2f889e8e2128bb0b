"""`funit jobs`: asks, lists, shows, stops."""

import json
import subprocess
import sys
from pathlib import Path

import yaml


def funit(*words: object, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "funit", "jobs", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_a_job_is_asked_for_and_stopped_on_the_command_line(zoo: Path, tmp_path: Path) -> None:
    file = tmp_path / "request.yaml"
    file.write_text(yaml.safe_dump({"priority": 3, "further_rounds": 2, "name": "cats"}))
    options = ["--request", file, "--name", "zoo", "--require", "l1@1<=0.2"]

    job_id = funit("create", zoo, *options, "--set", "training.batch_size=4").strip()

    (job,) = json.loads(funit("list", "--json"))
    assert job["id"] == job_id
    assert job["request"]["path"] == str(zoo)
    assert job["request"]["name"] == "zoo"
    assert job["request"]["minimum"]["at_most"] == 0.2
    assert (job["priority"], job["request"]["further_rounds"]) == (3, 2)
    assert json.loads(funit("list", "--state", "paused", "--json")) == []
    assert "queued" in funit("show", job_id)
    assert funit("pause", job_id).strip() == f"{job_id} paused"
    assert funit("resume", job_id).strip() == f"{job_id} queued"
    assert funit("cancel", job_id).strip() == f"{job_id} cancelled"
    followed = [json.loads(line) for line in funit("follow", job_id, "--json").splitlines()]
    assert [event["state"] for event in followed] == ["queued", "paused", "queued", "cancelled"]


def test_what_is_wrong_is_said_in_a_line(zoo: Path) -> None:
    assert "`name` of the job" in funit("create", zoo, code=1)
    assert "no data set `nothing`" in funit("create", "nothing", "--name", "zoo", code=1)
    assert "no job `1`" in funit("show", "1", code=1)
    assert "no job is ever `done`" in funit("list", "--state", "done", code=1)
