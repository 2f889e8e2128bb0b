"""Versions in the database and files in the storage: whole or not there, whoever is killed."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from funit.config import Config, ModelConfig
from funit.database.connection import open_database, writing
from funit.database.schema import ModelName, Pose
from funit.errors import ConflictError, NotThereError, UserError
from funit.home import home
from funit.model.generator import Generator
from funit.model.parent import ParentRecord
from funit.model_folder import TrainingRecord, save_model
from funit.published_models import PublishedModels
from funit.repository import ModelRepository
from funit.storage import Storage


@pytest.fixture
def model(tmp_path: Path, tiny: ModelConfig) -> Path:
    return save(tmp_path / "model", tiny)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "storage"))


@pytest.fixture
def repository(database_url: str, storage: Storage, tmp_path: Path) -> ModelRepository:
    return ModelRepository(database_url, storage, shipped=tmp_path / "shipped")


def save(folder: Path, config: ModelConfig, parent: ParentRecord | None = None) -> Path:
    save_model(
        folder,
        Generator(config).state_dict(),
        Config(model=config),
        name="beasts",
        version=1,
        training=TrainingRecord(
            seed=0, images=5, minutes=1, data={"fingerprint": "abc"}, parent=parent
        ),
    )
    return folder


def damage(storage: Storage, sha256: str) -> None:
    path = next(Path(storage.root).rglob(sha256))
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def test_what_is_published_is_known_without_opening_it(
    repository: ModelRepository, model: Path
) -> None:
    info = repository.publish(model, "zoo")

    (entry,) = repository.entries()
    assert (entry.label, entry.info, entry.aliases) == ("zoo@1", info, ("latest",))
    assert entry.size == sum(file.size for file in repository.files("zoo"))
    assert {f.name for f in repository.files("zoo@latest")} == {p.name for p in model.iterdir()}
    assert "zoo, version 1" in entry.card
    assert not (home() / "cache").exists()


def test_a_version_is_opened_from_the_cache_which_may_be_removed(
    repository: ModelRepository, model: Path
) -> None:
    repository.publish(model, "zoo")
    found = repository.find("zoo")

    (found.path / "LICENSE").unlink()
    assert (repository.find("zoo").path / "LICENSE").exists()
    shutil.rmtree(home() / "cache")
    assert repository.find("zoo@1").tensors().keys() == found.tensors().keys()


def test_a_damaged_file_is_refused(
    repository: ModelRepository, model: Path, storage: Storage
) -> None:
    repository.publish(model, "zoo")
    hashes = {file.name: file.sha256 for file in repository.files("zoo")}
    damage(storage, hashes["weights.safetensors"])

    with pytest.raises(UserError, match="is damaged"):
        repository.find("zoo")
    assert list((home() / "cache" / "models").iterdir()) == []


def test_what_was_damaged_in_the_cache_says_how_it_is_mended(
    repository: ModelRepository, model: Path
) -> None:
    repository.publish(model, "zoo")
    weights = repository.find("zoo").weights_path
    weights.write_bytes(weights.read_bytes()[::-1])

    with pytest.raises(UserError, match="is damaged") as caught:
        repository.find("zoo").tensors()
    assert f"remove `{weights.parent}`" in caught.value.hint


def test_files_that_versions_share_are_kept_once(
    repository: ModelRepository, model: Path, storage: Storage
) -> None:
    repository.publish(model, "zoo")
    before = len(list(storage.all()))
    repository.publish(model, "zoo")

    assert len(list(storage.all())) == before + 2  # model.json and card.md say the version


def test_a_storage_at_a_url_is_read_through_the_cache(
    database_url: str, tmp_path: Path, model: Path
) -> None:
    repository = ModelRepository(database_url, f"memory://{tmp_path}", tmp_path)
    repository.publish(model, "zoo")

    assert repository.find("zoo").path.parent == home() / "cache" / "models"
    assert repository.find("zoo").tensors()


def test_many_publishers_at_once_get_different_numbers(
    database_url: str, storage: Storage, model: Path, tmp_path: Path
) -> None:
    def publish(_: int) -> int:
        return ModelRepository(database_url, storage, tmp_path).publish(model, "zoo").version

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(publish, range(8)))

    assert sorted(numbers) == list(range(1, 9))
    found = ModelRepository(database_url, storage, tmp_path).entries("zoo")
    assert [entry.aliases for entry in found] == [()] * 7 + [("latest",)]


def test_a_publisher_that_is_killed_leaves_a_whole_version_or_none(
    database_url: str, storage: Storage, model: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from funit.repository import ModelRepository\n"
        "repository = ModelRepository(*sys.argv[1:3], shipped=Path('none'))\n"
        "repository.publish(sys.argv[3], 'zoo'); print('ready', flush=True)\n"
        "while True: repository.publish(sys.argv[3], 'zoo')\n"
    )
    command = [sys.executable, "-c", code, database_url, storage.root, str(model)]
    chance = random.Random(0)
    for _ in range(6):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)

    repository = ModelRepository(database_url, storage, tmp_path)
    entries = repository.entries("zoo")
    assert len(entries) > 6
    for entry in entries:
        found = repository.find(entry.label)
        assert found.info == entry.info
        assert found.tensors()
        assert len(repository.files(entry.label)) == 4
    assert repository.publish(model, "zoo").version > entries[-1].info.version


def test_an_alias_names_one_version_and_can_be_moved(
    repository: ModelRepository, model: Path
) -> None:
    for _ in range(2):
        repository.publish(model, "zoo")

    repository.set_alias("zoo@1", "production")
    assert repository.find("zoo@production").info.version == 1
    assert repository.set_alias("zoo@latest", "production").aliases == ("latest", "production")
    assert repository.entry("zoo@production").info.version == 2

    repository.remove_alias("zoo", "production")
    with pytest.raises(NotThereError, match="no alias `production`") as caught:
        repository.find("zoo@production")
    assert caught.value.hint == "there is latest"
    with pytest.raises(NotThereError):
        repository.remove_alias("zoo", "production")


@pytest.mark.parametrize("alias", ["latest", "1", "Prod", "a b", "", "-x"])
def test_what_cannot_be_an_alias_is_refused(tmp_path: Path, model: Path, alias: str) -> None:
    repository = ModelRepository(shipped=tmp_path)
    repository.publish(model, "zoo")

    with pytest.raises(UserError, match="cannot be an alias"):
        repository.set_alias("zoo@1", alias)


def test_a_version_that_an_alias_names_is_not_removed(
    repository: ModelRepository, model: Path
) -> None:
    for _ in range(3):
        repository.publish(model, "zoo")
    repository.set_alias("zoo@2", "production")

    with pytest.raises(ConflictError, match="`zoo@2` is `production`"):
        repository.remove("zoo@production")
    with pytest.raises(UserError, match="not said which version"):
        repository.remove("zoo")
    assert repository.remove("zoo@3") == "zoo@3"

    assert repository.find("zoo").info.version == 2
    assert repository.entry("zoo").aliases == ("latest", "production")
    with pytest.raises(NotThereError, match="no version 3"):
        repository.remove("zoo@3")


def test_a_number_is_never_given_twice(repository: ModelRepository, model: Path) -> None:
    repository.publish(model, "zoo")
    repository.publish(model, "zoo")
    repository.remove("zoo@2")
    repository.remove("zoo@1")

    assert repository.entries() == []
    assert repository.publish(model, "zoo").version == 3


def test_what_is_inside_the_package_is_not_changed(tmp_path: Path, tiny: ModelConfig) -> None:
    save(tmp_path / "shipped" / "beasts", tiny)
    repository = ModelRepository(shipped=tmp_path / "shipped")

    for change in (repository.remove, lambda model: repository.set_alias(model, "production")):
        with pytest.raises(ConflictError, match="inside the package"):
            change("beasts@1")
    assert repository.entry("beasts").aliases == ("latest",)
    assert {file.name for file in repository.files("beasts")} >= {"model.json", "LICENSE"}
    assert not (home() / "funit.db").exists()


def test_a_version_knows_the_one_that_it_was_trained_from(
    repository: ModelRepository, model: Path, tiny: ModelConfig, tmp_path: Path
) -> None:
    first = repository.publish(model, "zoo")
    of_it = ParentRecord(name="zoo", version=1, weights_sha256=first.weights_sha256)
    repository.publish(save(tmp_path / "tuned", tiny, of_it), "tuned")
    other = of_it.model_copy(update={"weights_sha256": "of another database"})
    repository.publish(save(tmp_path / "other", tiny, other), "other")

    assert repository.entry("tuned").parent == "zoo@1"
    assert repository.entry("other").parent is None
    repository.remove("zoo@1")
    assert repository.entry("tuned").parent is None


def test_a_model_that_is_too_large_is_refused_and_takes_no_number(
    repository: ModelRepository, model: Path, database_url: str
) -> None:
    size = sum(path.stat().st_size for path in model.iterdir())

    with pytest.raises(UserError, match="1,000 are allowed"):
        repository.publish(model, "zoo", max_size=1000)

    assert repository.entries() == []
    assert repository.publish(model, "zoo", max_size=size).version == 1


def test_cleaning_removes_what_nothing_names(
    database_url: str, storage: Storage, model: Path, tmp_path: Path
) -> None:
    repository = ModelRepository(database_url, storage, tmp_path)
    for name in ("zoo", "zoo", "other"):
        repository.publish(model, name)
    repository.find("zoo@1")
    published = PublishedModels(database_url, storage)
    with writing(published.database) as session:
        kept = storage.put(b"a pose")
        session.add(Pose(id="p", sha256=kept, size=1, width=1, height=1))
    orphan = storage.put(b"nobody's")
    repository.remove("zoo@1")

    removed, _ = published.clean()

    assert removed == 3  # model.json and card.md of zoo@1, and the orphan
    assert not storage.has(orphan)
    assert storage.has(kept)
    assert repository.find("zoo@2").tensors()
    assert [path.name[:5] for path in (home() / "cache" / "models").iterdir()] == ["zoo@2"]
    published.database.dispose()


def test_the_last_number_is_remembered_in_the_database(
    repository: ModelRepository, model: Path, database_url: str
) -> None:
    repository.publish(model, "zoo")

    database = open_database(database_url)
    with writing(database) as session:
        assert session.scalars(select(ModelName.last_version)).all() == [1]
    database.dispose()


def test_a_list_of_the_package_alone_opens_no_database_and_imports_no_arrays() -> None:
    code = (
        "import sys\n"
        "from funit.repository import ModelRepository\n"
        "names = [info.name for info in ModelRepository().list()]\n"
        "heavy = {'numpy', 'torch', 'sqlalchemy', 'alembic', 'fsspec', 'safetensors'}\n"
        "import json; print(json.dumps([names, sorted(heavy & sys.modules.keys())]))"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout

    names, imported = json.loads(printed)
    assert "default" in names
    assert imported == []
    assert not (home() / "funit.db").exists()
