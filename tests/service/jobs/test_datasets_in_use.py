"""A data set is not removed under a job: of two who want the opposite at once, one is refused."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from funit.database.connection import reading, writing
from funit.errors import ConflictError, NotThereError
from funit.service import datasets
from funit.service.jobs import manager
from funit.service.jobs.requests import JobRequest
from funit.service.services import Services, open_services
from funit.service.settings import ServiceSettings

REQUEST = JobRequest(dataset="zoo", name="zoo")
A_WHILE = 0.5  # seconds in which somebody who did not wait would be through


@pytest.fixture
def services(database_url: str, tmp_path: Path, zoo: Path) -> Iterator[Services]:
    """With a data set `zoo`."""
    settings = ServiceSettings(
        database_url=database_url, storage_url=str(tmp_path / "storage"), data_roots=(zoo.parent,)
    )
    with open_services(settings) as opened:
        datasets.register_folder(opened, "zoo", str(zoo), None)
        yield opened


def meanwhile(call: Callable[[], object], pool: ThreadPoolExecutor) -> Future[object]:
    """What another one does who has to wait for us."""
    coming = pool.submit(call)
    assert wait([coming], A_WHILE).done == set()
    return coming


def test_a_data_set_that_a_job_is_being_made_for_is_not_removed(services: Services) -> None:
    with ThreadPoolExecutor() as pool:
        with writing(services.database) as session:
            manager.insert_job(services, session, REQUEST)
            removing = meanwhile(lambda: datasets.remove_dataset(services, "zoo"), pool)

        with pytest.raises(ConflictError, match="needs the data set `zoo`"):
            removing.result(30)


def test_no_job_is_made_for_a_data_set_that_is_being_removed(services: Services) -> None:
    with ThreadPoolExecutor() as pool:
        with writing(services.database) as session:
            session.delete(datasets._find(session, "zoo", lock=True))
            session.flush()
            making = meanwhile(lambda: manager.create_job(services, REQUEST), pool)

        with pytest.raises(NotThereError, match="no data set `zoo`"):
            making.result(30)
    with reading(services.database) as session:
        assert manager.store.queue_lengths(session) == {}
