"""Storing, naming and removing at once: no content goes that is named, or about to be."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from funit import contents
from funit.config import ModelConfig
from funit.contents import clean, drop_unnamed, keeping, put_named
from funit.data.menagerie import write_menagerie
from funit.database.connection import open_database, reading, writing
from funit.database.schema import Pose, ReservedContent, now
from funit.storage import Storage

SECONDS = 4.0  # of each process: hundreds of turns of the others

# Each says how often it did its work, and fails where something that it stored is not there.
WORKERS = {
    "poses": """
from fastapi.testclient import TestClient
from funit.service.app import create_app
from drawings import png
with TestClient(create_app(services)) as client:
    for n in turns():
        files = {"content": ("a.png", png(n % 2))}  # the same few for everybody
        pose = client.post("/v1/poses", files=files).json()["id"]
        client.get(f"/v1/poses/{pose}/image").raise_for_status()
        client.delete(f"/v1/poses/{pose}").raise_for_status()
""",
    "datasets": """
from funit.service import datasets
for n in turns():
    name = f"d{os.getpid()}-{n}"
    with open(given, "rb") as file:
        datasets.create_from_zip(services, name, file, None)
    for image in datasets.list_images(services, name)[1]:
        assert datasets.read_file(services, name, image.id)
    datasets.remove_dataset(services, name)
""",
    "models": """
for n in turns():
    info = services.models.publish(given, f"m{os.getpid()}")
    for file in services.models.files(f"{info.name}@{info.version}"):
        services.storage.get(file.sha256)
    services.models.remove(f"{info.name}@{info.version}")
""",
    "cleaner": "for n in turns(): services.models.clean()",
}
START = """
import itertools, os, sys, time
from funit.service.services import open_services
from funit.service.settings import Limits, ServiceSettings
url, storage, given, seconds, tests = sys.argv[1:]
sys.path.append(tests)
def turns():
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.monotonic() + float(seconds)
    for n in itertools.count():
        if time.monotonic() > until and n:
            print(n)
            return
        yield n
limits = Limits(requests_per_minute=1_000_000)
settings = ServiceSettings(database_url=url, storage_url=storage, keys="none", limits=limits)
with open_services(settings) as services:
"""


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "storage"))


def indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.strip().splitlines())


def started(kind: str, url: str, storage: Storage, given: Path) -> subprocess.Popen[str]:
    here = Path(__file__).parent
    code = START + indented(WORKERS[kind])
    words = [url, storage.url, str(given), str(SECONDS), str(here / "service")]
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
def test_processes_that_store_and_remove_the_same_lose_nothing(
    database_url: str,
    storage: Storage,
    saved: Callable[..., Path],
    tiny: ModelConfig,
    tmp_path: Path,
) -> None:
    given = {"models": saved(tmp_path / "model", tiny), "datasets": tmp_path / "zoo.zip"}
    write_menagerie(given["datasets"], num_classes=3, num_poses=3, size=16, seed=1)
    kinds = ["poses", "poses", "datasets", "datasets", "models", "models", "cleaner"]
    open_database(database_url).dispose()
    processes = [started(kind, database_url, storage, given.get(kind, tmp_path)) for kind in kinds]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    ended = [process.communicate(timeout=120) for process in processes]

    for kind, process, (printed, told) in zip(kinds, processes, ended, strict=True):
        assert process.returncode == 0, f"{kind}: {told}"
        assert int(printed) > 0, kind
    database = open_database(database_url)
    clean(database, storage)
    assert list(storage.all()) == []  # everybody removed what was theirs
    with reading(database) as session:
        assert session.scalar(select(func.count()).select_from(ReservedContent)) == 0
    database.dispose()


def test_what_is_about_to_be_named_stays_and_goes_where_it_is_not(
    database_url: str, storage: Storage, tmp_path: Path
) -> None:
    database = open_database(database_url)
    (tmp_path / "file").write_bytes(b"a file")

    with keeping(database, storage) as keeper:
        sha256 = keeper.put_file(tmp_path / "file")
        meanwhile = clean(database, storage)
        assert storage.has(sha256)
    afterwards = clean(database, storage)

    assert (meanwhile, afterwards) == ((0, 0), (1, len(b"a file")))
    assert not storage.has(sha256)
    database.dispose()


def test_content_is_there_when_the_session_that_names_it_begins(
    database_url: str, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_NUM_RESERVED", 3)
    database = open_database(database_url)

    with keeping(database, storage) as keeper:
        hashes = [keeper.put(b"%d" % n) for n in range(8)]
        removed = clean(database, storage)
        with keeper.naming() as session:
            assert sorted(storage.all()) == sorted(hashes)
            for n, sha256 in enumerate(hashes):
                session.add(Pose(id=str(n), sha256=sha256, size=1, width=1, height=1))

    assert removed == (0, 0)
    assert clean(database, storage) == (0, 0)
    database.dispose()


def test_what_is_named_while_another_looks_for_its_name_stays(
    database_url: str, storage: Storage, tmp_path: Path
) -> None:
    database, others = open_database(database_url), open_database(database_url)
    (tmp_path / "file").write_bytes(b"a file")

    def name() -> None:
        with keeper.naming() as session:
            session.add(Pose(id="p", sha256=sha256, size=6, width=1, height=1))

    with keeping(database, storage) as keeper, ThreadPoolExecutor(1) as pool:
        sha256 = keeper.put_file(tmp_path / "file")
        named: list[Future[None]] = []

        def looked(*executed: Any) -> None:
            if "FROM poses" in executed[2] and not named:
                named.append(pool.submit(name))
                wait(named, timeout=1)  # SQLite lets nobody write meanwhile

        event.listen(others, "after_cursor_execute", looked)
        removed = drop_unnamed(others, storage, [sha256])
        named[0].result(timeout=60)

    assert removed == (0, 0)
    assert storage.has(sha256)
    database.dispose()
    others.dispose()


def test_what_another_table_names_stays_and_the_rest_goes(
    database_url: str, storage: Storage
) -> None:
    database = open_database(database_url)
    with writing(database) as session:
        kept = put_named(session, storage, b"kept")
        session.add(Pose(id="p", sha256=kept, size=4, width=1, height=1))
    orphan = storage.put(b"nobody's")

    removed = drop_unnamed(database, storage, [kept, orphan, None, "0" * 64])

    assert removed == (1, len(b"nobody's"))
    assert list(storage.all()) == [kept]
    database.dispose()


def test_what_a_process_kept_that_was_killed_goes_after_a_day(
    database_url: str, storage: Storage, tmp_path: Path
) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from funit.contents import keeping
from funit.data.menagerie import write_menagerie
from funit.database.connection import open_database
from funit.storage import Storage
with keeping(open_database(sys.argv[1]), Storage(sys.argv[2])) as keeper:
    keeper.put_file(Path(sys.argv[3]))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    (tmp_path / "file").write_bytes(b"lost")
    command = [sys.executable, "-c", code, database_url, storage.url, str(tmp_path / "file")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    database = open_database(database_url)

    at_once = clean(database, storage)
    with writing(database) as session:
        session.scalars(select(ReservedContent)).one().at = now() - timedelta(days=2)
    later = clean(database, storage)

    assert (at_once, later) == ((0, 0), (1, len(b"lost")))
    database.dispose()
