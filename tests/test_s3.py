"""The storage in an S3 bucket, over a real HTTP server: nothing is other than in a folder."""

import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from drawings import difference, png
from s3_server import BUCKET, ENVIRONMENT, is_installed, running_server
from serving import serving

from funit.config import ModelConfig
from funit.contents import clean
from funit.data.catalog import check_images, read_catalog
from funit.data.menagerie import write_menagerie
from funit.errors import UserError
from funit.service import datasets
from funit.service.services import Services, open_services
from funit.service.settings import ServiceSettings
from funit.storage import Storage


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if not is_installed():
        pytest.skip("NO S3 SERVER HERE: `pip install 'funit[s3,dev]'` brings it, as `make` does")
    with running_server() as url:
        yield url


@pytest.fixture
def url(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty storage."""
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": server}.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{secrets.token_hex(4)}"


@pytest.fixture
def services(url: str, tmp_path: Path) -> Iterator[Services]:
    database = f"sqlite:///{tmp_path / 'funit.db'}"
    with open_services(ServiceSettings(database_url=database, storage_url=url)) as opened:
        yield opened


def elsewhere(url: str, call: str) -> str:
    """What another process is answered by the same storage."""
    code = f"import sys; from funit.storage import Storage; print(Storage(sys.argv[1]).{call})"
    command = [sys.executable, "-c", code, url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_content_is_put_fetched_listed_and_removed(url: str, tmp_path: Path) -> None:
    storage = Storage(url)
    (tmp_path / "large").write_bytes(secrets.token_bytes(6 << 20))  # in several parts

    small, large = storage.put(b"small"), storage.put_file(tmp_path / "large")

    assert storage.put(b"small") == small
    assert storage.get(small) == b"small"
    storage.fetch(large, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == (tmp_path / "large").read_bytes()
    assert sorted(storage.all()) == sorted([small, large])
    assert storage.remove(large) == 6 << 20
    assert storage.remove(large) is None
    assert list(storage.all()) == [small]
    with pytest.raises(UserError, match="is missing"):
        storage.get(large)


def test_what_other_processes_do_is_seen_at_once(url: str) -> None:
    storage = Storage(url)
    storage.put(b"mine")
    assert len(list(storage.all())) == 1

    theirs = elsewhere(url, "put(b'theirs')")
    assert theirs in list(storage.all())
    elsewhere(url, f"remove({theirs!r})")

    assert not storage.has(theirs)
    assert storage.put(b"theirs") == theirs
    assert storage.get(theirs) == b"theirs"


def test_a_model_is_published_opened_and_its_files_go_with_it(
    services: Services, saved: Callable[..., Path], tiny: ModelConfig, tmp_path: Path
) -> None:
    folder = saved(tmp_path / "model", tiny)

    services.models.publish(folder, "zoo")
    services.models.publish(folder, "zoo")
    services.models.remove("zoo@1")
    num_files, _ = services.models.clean()

    assert num_files == 2  # model.json and card.md say the version
    assert services.models.find("zoo").tensors()
    services.models.remove("zoo@2")
    services.models.clean()
    assert list(services.storage.all()) == []


def test_a_data_set_is_kept_changed_and_trained_on(services: Services, tmp_path: Path) -> None:
    write_menagerie(tmp_path / "zoo.zip", num_classes=3, num_poses=3, size=16, seed=1)

    with (tmp_path / "zoo.zip").open("rb") as file:
        datasets.create_from_zip(services, "zoo", file, None)
    _, images = datasets.list_images(services, "zoo")
    version = datasets.remove_image(services, "zoo", images[0].id)

    first, second = (datasets.open_dataset(services, "zoo", number) for number in (1, 2))
    assert read_catalog(first).fingerprint == read_catalog(tmp_path / "zoo.zip").fingerprint
    assert check_images(read_catalog(second)).problems == ()
    assert version.num_images == 8
    datasets.remove_dataset(services, "zoo")
    assert clean(services.database, services.storage)[0] == 9
    assert list(services.storage.all()) == []


def test_a_service_keeps_its_files_there(url: str, tmp_path: Path) -> None:
    storage = Storage(url)
    with serving("--storage", url, "--no-jobs", home=tmp_path) as served:
        sent = httpx2.post(f"{served.url}/v1/poses", files={"content": ("a.png", png(1))})
        pose = sent.raise_for_status().json()["id"]
        kept = list(storage.all())
        answer = served.get(f"/v1/poses/{pose}/image")
        httpx2.delete(f"{served.url}/v1/poses/{pose}").raise_for_status()
        assert served.stop(signal.SIGTERM) == 0

    assert len(kept) == 1
    assert difference(answer.content, png(1)) == 0
    assert list(storage.all()) == []
