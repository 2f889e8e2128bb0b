"""`funit serve` as people run it: processes, sockets, signals."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
import yaml
from serving import Served, funit, serving

MIB = 1 << 20


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One service for the tests that only ask."""
    folder = tmp_path_factory.mktemp("slow")
    config = folder / "service.yaml"
    config.write_text(yaml.safe_dump({"limits": {"upload_bytes": MIB, "idle_seconds": 1.0}}))
    with serving("--config", str(config), home=folder, with_slow_routes=True) as served:
        yield served


@pytest.mark.parametrize("options", [["--host", "0.0.0.0"], ["--keys", "required"]])
def test_without_keys_it_serves_this_machine_alone(options: list[str], tmp_path: Path) -> None:
    refused = funit("serve", "--port", "0", *options, home=tmp_path)

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith("Error: the service needs API keys")
    assert "hint: make one: `funit keys create" in refused.stderr


def test_nobody_may_be_let_in_without_a_key_from_elsewhere(tmp_path: Path) -> None:
    refused = funit("serve", "--host", "0.0.0.0", "--keys", "none", home=tmp_path)

    assert refused.returncode == 1
    assert "whoever reaches `0.0.0.0` could do everything" in refused.stderr


def test_what_cannot_be_served_is_one_error_and_one_hint(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("limits: {pixels: many}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        busy = funit("serve", "--port", port, home=tmp_path)
    wrong = funit("serve", "--config", str(tmp_path / "wrong.yaml"), home=tmp_path)
    nowhere = funit("serve", "--storage", "nosuch://bucket", home=tmp_path)

    assert busy.returncode == wrong.returncode == nowhere.returncode == 1
    assert "`nosuch://bucket` cannot be used as storage" in nowhere.stderr
    assert f"port {port} cannot be served on: Address already in use" in busy.stderr
    assert "the setting `limits.pixels` of the service is not valid" in wrong.stderr


def test_with_a_key_it_serves_everybody_who_has_it(tmp_path: Path, database_url: str) -> None:
    database = ("--database-url", database_url)
    created = funit("keys", "create", "ada", "--scope", "admin", *database, home=tmp_path)
    key = created.stdout.strip()

    with serving("--host", "0.0.0.0", *database, home=tmp_path) as served:
        port = served.url.rpartition(":")[2]
        served.url = f"http://127.0.0.1:{port}"
        without = served.get("/metrics")
        with_key = served.get("/metrics", headers={"Authorization": f"Bearer {key}"})
        funit("keys", "revoke", "ada", *database, home=tmp_path)
        revoked = served.get("/metrics", headers={"Authorization": f"Bearer {key}"})

    assert (without.status_code, with_key.status_code, revoked.status_code) == (401, 200, 401)
    assert key not in "".join(served.lines)
    assert served.logged("request", route="/metrics", key="ada", status=200)


def test_a_database_that_cannot_be_used_is_one_error_and_one_hint(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'missing' / 'funit.db'}"

    refused = funit("serve", "--port", "0", "--database-url", url, home=tmp_path)

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert f"Error: the database `{url}` cannot be used: unable to open" in refused.stderr


@pytest.mark.parametrize(
    ("module", "costly"),
    [
        ("funit.service.server", {"sqlalchemy", "fastapi", "numpy", "fsspec", "prometheus_client"}),
        ("funit.service.worker", {"sqlalchemy", "fastapi", "numpy"}),
        ("funit.service.app", {"torch", "dbos", "psycopg", "alembic"}),
    ],
)
def test_it_starts_without_what_takes_long_to_import(module: str, costly: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"

    imported = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert costly.isdisjoint(imported)


@pytest.mark.slow
def test_a_connection_is_kept_for_as_long_as_a_proxy_keeps_it(slow: Served) -> None:
    with httpx2.Client(limits=httpx2.Limits(keepalive_expiry=None)) as client:
        first = client.get(f"{slow.url}/healthz")
        time.sleep(61)
        second = client.get(f"{slow.url}/healthz")

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.extensions["network_stream"] is second.extensions["network_stream"]


def test_a_request_under_way_is_finished_before_it_ends(tmp_path: Path) -> None:
    with (
        serving(home=tmp_path, with_slow_routes=True) as served,
        ThreadPoolExecutor() as pool,
    ):
        answer = pool.submit(served.get, "/slow", params={"seconds": 2})
        events = pool.submit(served.get, "/events")
        served.wait_for("under way", 2)
        code = served.stop(signal.SIGTERM)

        assert answer.result().text == '"done"'
        assert events.result().text.endswith("over\n")  # it came to its own end
        assert code == 0
        with pytest.raises(httpx2.ConnectError):
            served.get("/healthz")


def test_ctrl_c_ends_it_too(tmp_path: Path) -> None:
    with serving(home=tmp_path) as served:
        assert served.stop(signal.SIGINT) == 0


def test_two_workers_answer_and_one_that_dies_is_replaced(tmp_path: Path) -> None:
    with serving("--workers", "2", "--no-jobs", home=tmp_path) as served:
        first, second = served.wait_for("started", 2)
        os.kill(first["child_pid"], signal.SIGKILL)
        served.wait_for("ended unasked", child_pid=first["child_pid"])
        third = served.wait_for("started", 3)[-1]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:  # a new connection each time: any worker may take it
            assert served.get("/healthz").status_code == 200
            answered = {line["pid"] for line in served.logged("request")}
            if {second["child_pid"], third["child_pid"]} <= answered:
                break
        time.sleep(0.5)  # a request is counted once it is answered
        figures = served.get("/metrics").text

    assert {second["child_pid"], third["child_pid"]} <= answered
    num_logged = len(served.logged("request", route="/healthz", status=200))
    counted = f'funit_requests_total{{method="GET",route="/healthz",status="200"}} {num_logged}.0'
    assert counted in figures  # of all workers, whichever was asked
    assert served.process.returncode == 0


def test_workers_end_with_their_parent_however_it_went(tmp_path: Path) -> None:
    with serving(home=tmp_path) as served:
        served.stop(signal.SIGKILL)
        deadline = time.monotonic() + 30
        while True:
            try:
                served.get("/healthz")
            except httpx2.TransportError:
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_every_line_of_the_log_is_json_and_one_line_tells_a_request(slow: Served) -> None:
    answer = slow.get("/healthz", headers={"X-Request-ID": "my-request.1"})
    (line,) = slow.wait_for("request", id="my-request.1")

    assert answer.headers["X-Request-ID"] == "my-request.1"
    assert line["time"].endswith("+00:00")
    assert line["ms"] > 0
    assert {name: line[name] for name in ("method", "route", "status", "key", "bytes")} == {
        "method": "GET",
        "route": "/healthz",
        "status": 200,
        "key": "anyone",
        "bytes": len(answer.content),
    }


def test_an_upload_without_a_length_is_broken_off_at_the_limit(slow: Served) -> None:
    num_sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal num_sent
        while num_sent < 1000 * MIB:
            num_sent += MIB
            yield bytes(MIB)

    try:
        answer = httpx2.post(f"{slow.url}/size", content=endless(), timeout=60)
        assert answer.status_code == 413
    except httpx2.WriteError:
        pass  # it was still sending when the connection ended
    (line,) = slow.wait_for("request", route="/size", status=413)

    assert num_sent < 100 * MIB
    assert line["received"] < 40 * MIB


def test_an_upload_that_says_it_is_too_long_is_not_read(slow: Served) -> None:
    host, port = slow.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            f"POST /size HTTP/1.1\r\nHost: {host}\r\nContent-Length: {10**12}\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        answer = connection.recv(65536).decode()
        while chunk := connection.recv(65536).decode():
            answer += chunk

    assert answer.startswith("HTTP/1.1 413 ")
    assert "\r\nconnection: close\r\n" in answer.lower()
    assert '"the request has more than 1 MiB"' in answer


def test_an_upload_within_the_limit_is_read(slow: Served) -> None:
    answer = httpx2.post(f"{slow.url}/size", content=bytes(MIB), timeout=30)

    assert answer.json() == MIB


def test_a_client_that_stops_sending_is_given_up(slow: Served) -> None:
    host, port = slow.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST /size HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"half of it")
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_page_that_calls_it_by_a_name_of_its_own_is_refused(slow: Served) -> None:
    rebound = slow.get("/healthz", headers={"Host": "evil.example"})
    named = slow.get("/healthz", headers={"Host": "localhost:1234"})

    assert rebound.status_code == 403
    assert "not called `evil.example`" in rebound.json()["error"]
    assert named.status_code == 200
