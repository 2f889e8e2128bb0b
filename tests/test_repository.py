"""Models keep what was saved, by name and version, and say what is wrong with the rest."""

import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sqlalchemy import select

import funit.model_folder
from funit.config import Config, ModelConfig, to_yaml
from funit.database.connection import open_database, writing
from funit.database.schema import ModelVersion
from funit.errors import NotThereError, UserError
from funit.home import database_url, home
from funit.model.discriminator import Discriminator
from funit.model.generator import Generator
from funit.model.restored import restored_generator
from funit.model_folder import ModelInfo, Tensors, TrainingRecord, open_model, save_model
from funit.repository import ModelRepository
from funit.training.checkpoint import write_checkpoint
from funit.translator import Translator

RECORD = TrainingRecord(
    command="funit train zoo.zip --out run",
    seed=7,
    images=1234,
    minutes=5.5,
    data={"fingerprint": "abc"},
)
SCORE = {
    "model": "m",
    "part": "unseen",
    "shots": 5,
    "metric": "l1",
    "value": 0.125,
    "low": 0.1,
    "high": 0.15,
    "n": 200,
}


@pytest.fixture
def config(tiny: ModelConfig) -> Config:
    return Config(model=tiny)


@pytest.fixture
def tensors(tiny: ModelConfig) -> Tensors:
    return {name: tensor.numpy() for name, tensor in Generator(tiny).state_dict().items()}


@pytest.fixture
def repository(tmp_path: Path) -> ModelRepository:
    return ModelRepository(shipped=tmp_path / "shipped")


@pytest.fixture
def model(tmp_path: Path, config: Config, tensors: Tensors) -> Path:
    save(tmp_path / "model", config, tensors)
    return tmp_path / "model"


@pytest.fixture
def run(tmp_path: Path, config: Config, tensors: Tensors) -> Path:
    return write_run(tmp_path / "run", config, tensors)


def save(folder: Path, config: Config, tensors: Tensors, name: str = "beasts") -> ModelInfo:
    return save_model(
        folder,
        tensors,
        config,
        name=name,
        version=1,
        training=RECORD,
        scores=[SCORE],
        licence="Apache-2.0",
        licence_text="You may.\n",
    )


def write_run(
    path: Path,
    config: Config,
    tensors: Tensors,
    images: int = 16,
    discriminator: dict[str, torch.Tensor] | None = None,
) -> Path:
    """A run folder with one more checkpoint, as a training writes it."""
    path.mkdir(exist_ok=True)
    (path / "config.yaml").write_text(to_yaml(config))
    (path / "run.json").write_text(json.dumps({"format": 1, "data": {"fingerprint": "abc"}}))
    write_checkpoint(
        path / "checkpoints",
        images,
        {"average": {name: torch.from_numpy(t) for name, t in tensors.items()}}
        | ({"discriminator": discriminator} if discriminator else {}),
        {"minutes": 2.0},
    )
    return path


def change_row(name: str, **changes: object) -> None:
    """What another version of funit might have written."""
    database = open_database(database_url())
    with writing(database) as session:
        row = session.scalars(select(ModelVersion).where(ModelVersion.name == name)).one()
        row.info = row.info | changes
    database.dispose()


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# --------------------------------------------------------------- model folders


def test_a_saved_model_comes_back_in_half_precision(
    model: Path, config: Config, tensors: Tensors
) -> None:
    found = open_model(model)

    state = found.tensors()
    assert found.info.config == config
    assert found.info.training == RECORD
    assert found.info.scores == [SCORE]
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(state[name], tensor.astype(np.float16))


def test_a_model_can_be_saved_in_full_precision(
    tmp_path: Path, config: Config, tensors: Tensors
) -> None:
    save_model(tmp_path / "m", tensors, config, name="m", version=1, training=RECORD, half=False)

    state = open_model(tmp_path / "m").tensors()
    assert all(np.array_equal(state[name], tensor) for name, tensor in tensors.items())


def test_the_weights_file_alone_says_its_settings(model: Path, config: Config) -> None:
    from safetensors import safe_open

    with safe_open(model / "weights.safetensors", "pt") as file:
        assert Config.model_validate_json(file.metadata()["config"]) == config


def test_a_model_folder_has_a_card_and_a_licence_that_others_may_read(model: Path) -> None:
    names = {path.name for path in model.iterdir()}

    card = (model / "card.md").read_text()
    assert names == {"weights.safetensors", "model.json", "card.md", "LICENSE"}
    assert (model / "LICENSE").read_text() == "You may.\n"
    assert "beasts, version 1" in card
    assert RECORD.command in card
    assert "| m | unseen | 5 | l1 | 0.1250 |" in card
    assert all(path.stat().st_mode & stat.S_IRGRP for path in model.iterdir())


def test_a_model_folder_is_never_replaced(model: Path, config: Config, tensors: Tensors) -> None:
    before = (model / "model.json").read_bytes()

    with pytest.raises(FileExistsError):
        save(model, config, tensors, name="other")

    assert (model / "model.json").read_bytes() == before
    assert [path.name for path in model.parent.glob(".new-*")] == []


def test_a_failed_save_leaves_nothing_behind(
    tmp_path: Path, config: Config, tensors: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(info: ModelInfo) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(funit.model_folder, "card", full)

    with pytest.raises(UserError, match="No space left"):
        save(tmp_path / "models" / "m", config, tensors)

    assert list((tmp_path / "models").iterdir()) == []


def test_changed_weights_are_refused(model: Path) -> None:
    path = model / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(UserError, match=r"weights.safetensors.* is damaged"):
        open_model(model).tensors()


def test_weights_that_are_missing_are_named(model: Path) -> None:
    (model / "weights.safetensors").unlink()

    with pytest.raises(UserError, match=r"there is no .*weights.safetensors"):
        open_model(model).tensors()


def test_weights_of_another_shape_are_refused(
    tmp_path: Path, config: Config, tiny: ModelConfig
) -> None:
    wider = tiny.model_copy(update={"base_channels": 8})
    save(tmp_path / "m", config, Generator(wider).state_dict())

    with pytest.raises(UserError, match="do not fit the settings"):
        restored_generator(open_model(tmp_path / "m").whole_weights(), config.model)


def test_a_generator_is_restored_in_32_bits_and_nothing_is_drawn_by_chance(
    model: Path, config: Config, tensors: Tensors
) -> None:
    before = torch.get_rng_state()

    generator = restored_generator(open_model(model).whole_weights(), config.model)

    assert torch.equal(torch.get_rng_state(), before)
    for name, parameter in generator.named_parameters():
        assert (parameter.dtype, parameter.device.type) == (torch.float32, "cpu")
        assert not parameter.requires_grad
        np.testing.assert_array_equal(parameter.numpy(), tensors[name].astype(np.float16))


def test_a_model_of_another_format_names_the_funit_that_reads_it(model: Path) -> None:
    edit(model / "model.json", format=9, made_by="4.2.0")

    with pytest.raises(UserError, match="model format 9; this version reads 1") as caught:
        open_model(model)
    assert "4.2.0" in caught.value.hint


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1}', "{"])
def test_a_damaged_model_json_is_an_error_for_the_user(model: Path, content: str) -> None:
    (model / "model.json").write_text(content)

    with pytest.raises(UserError):
        open_model(model)


def test_a_setting_that_this_version_does_not_know_is_named(model: Path) -> None:
    config = json.loads((model / "model.json").read_text())["config"]
    config["model"]["wings"] = 2
    edit(model / "model.json", config=config, made_by="9.0")

    with pytest.raises(UserError, match=r"config\.model\.wings") as caught:
        open_model(model)
    assert "9.0" in caught.value.hint


# ------------------------------------------------------------ the discriminator


def test_a_published_run_keeps_its_discriminator_beside_the_weights(
    tmp_path: Path, config: Config, tensors: Tensors, repository: ModelRepository
) -> None:
    judge = Discriminator(config.model).state_dict()
    run = write_run(tmp_path / "judged", config, tensors, discriminator=judge)

    info = repository.publish(run, "judged")
    again = repository.publish("judged", "copy")

    stored = load_file(repository.find("judged").path / "discriminator.safetensors")
    assert all(torch.equal(stored[name], tensor.half()) for name, tensor in judge.items())
    assert info.discriminator_sha256 == again.discriminator_sha256
    kept = repository.find("copy").discriminator_tensors()
    assert kept is not None
    assert kept.keys() == judge.keys()


def test_a_damaged_discriminator_is_refused_to_a_training_and_no_matter_to_a_translation(
    tmp_path: Path, config: Config, tensors: Tensors, repository: ModelRepository
) -> None:
    judge = Discriminator(config.model).state_dict()
    repository.publish(write_run(tmp_path / "j", config, tensors, discriminator=judge), "judged")
    found = repository.find("judged")
    path = found.path / "discriminator.safetensors"
    path.write_bytes(path.read_bytes()[::-1])

    with pytest.raises(UserError, match=r"discriminator.safetensors.* is damaged"):
        found.as_parent("judged")
    assert Translator.load("judged", engine="torch").image_size == config.model.image_size


def test_the_models_in_the_package_have_no_discriminator() -> None:
    infos = [info for info in ModelRepository().list() if info.discriminator_sha256]

    assert infos == []
    assert ModelRepository().find("default").whole_discriminator() is None


# ----------------------------------------------------------------- run folders


def test_a_run_folder_gives_its_newest_average(
    run: Path, config: Config, tensors: Tensors, repository: ModelRepository
) -> None:
    newer = {name: tensor + 1 for name, tensor in tensors.items()}
    write_run(run, config, newer, images=32)

    found = repository.find(str(run))

    assert found.info.training.images == 32
    assert found.info.config == config
    assert all(np.array_equal(t, newer[name]) for name, t in found.tensors().items())


@pytest.mark.parametrize("damage", ["weights", "state", "no weights"])
def test_a_damaged_checkpoint_is_passed_over_and_said(
    run: Path,
    config: Config,
    tensors: Tensors,
    repository: ModelRepository,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_run(run, config, tensors, images=32)
    newest = run / "checkpoints" / f"{32:010d}"
    if damage == "weights":
        (newest / "average.safetensors").write_bytes(b"half a fi")
    elif damage == "state":
        (newest / "state.json").write_text("{")
    else:
        (newest / "average.safetensors").unlink()

    found = repository.find(run)

    assert found.info.training.images == 16
    assert f"{newest}` is damaged" in caplog.text


def test_a_copy_beside_the_checkpoints_of_a_run_is_none_of_them(
    run: Path, config: Config, tensors: Tensors, repository: ModelRepository
) -> None:
    older = run / "checkpoints" / f"{16:010d}"
    shutil.copytree(older, older.with_name(f"{64:010d}.bak"))
    write_run(run, config, tensors, images=32)

    assert repository.find(run).info.training.images == 32


def test_a_checkpoint_of_a_run_is_a_model_too(
    run: Path, config: Config, tensors: Tensors, repository: ModelRepository
) -> None:
    newer = {name: tensor + 1 for name, tensor in tensors.items()}
    write_run(run, config, newer, images=32)

    found = repository.find(run / "checkpoints" / f"{16:010d}")

    assert found.info.training.images == 16
    assert all(np.array_equal(t, tensors[name]) for name, t in found.tensors().items())


def test_a_damaged_checkpoint_that_was_asked_for_is_an_error(
    run: Path, repository: ModelRepository
) -> None:
    checkpoint = run / "checkpoints" / f"{16:010d}"
    (checkpoint / "average.safetensors").write_bytes(b"half a fi")

    with pytest.raises(UserError, match="is damaged"):
        repository.find(checkpoint).tensors()


def test_a_run_without_a_checkpoint_says_so(tmp_path: Path, run: Path) -> None:
    (run / "checkpoints").rename(tmp_path / "elsewhere")

    with pytest.raises(UserError, match="has no checkpoint yet"):
        ModelRepository().find(run)


def test_a_run_of_another_format_is_refused(run: Path) -> None:
    edit(run / "run.json", format=2, version="0.9")

    with pytest.raises(UserError, match="run format 2; this version reads 1") as caught:
        ModelRepository().find(run)
    assert "0.9" in caught.value.hint


# ----------------------------------------------------------- names and versions


def test_publishing_a_run_makes_versions_one_after_the_other(
    run: Path, tensors: Tensors, repository: ModelRepository
) -> None:
    first = repository.publish(run, "zoo")
    second = repository.publish(run, "zoo")

    assert [(info.name, info.version) for info in repository.list()] == [("zoo", 1), ("zoo", 2)]
    assert (first.version, second.version) == (1, 2)
    assert repository.find("zoo").info.version == 2
    assert repository.find("zoo@1").path.parent == home() / "cache" / "models"
    state = repository.find("zoo@1").tensors()
    assert all(np.array_equal(state[k], t.astype(np.float16)) for k, t in tensors.items())


def test_publishing_a_model_keeps_its_record_scores_and_licence(
    model: Path, repository: ModelRepository
) -> None:
    info = repository.publish(model, "copies")

    folder = repository.find("copies@1").path
    assert (info.training, info.scores, info.licence) == (RECORD, [SCORE], "Apache-2.0")
    assert (folder / "LICENSE").read_text() == "You may.\n"


@pytest.mark.parametrize("name", ["", "../zoo", "Zoo", "a/b", "a@1", ".zoo", "z" * 65])
def test_a_name_that_could_leave_the_repository_is_refused(
    model: Path, repository: ModelRepository, name: str
) -> None:
    with pytest.raises(UserError, match="cannot be the name of a model"):
        repository.publish(model, name)

    assert repository.list() == []


def test_a_model_in_the_package_is_found_by_name_and_followed_by_published_versions(
    tmp_path: Path, model: Path, config: Config, tensors: Tensors
) -> None:
    save(tmp_path / "shipped" / "default", config, tensors, name="default")
    repository = ModelRepository(shipped=tmp_path / "shipped")

    assert repository.find("default").path == tmp_path / "shipped" / "default"
    assert repository.publish(model, "default").version == 2
    assert repository.find("default").info.version == 2
    assert repository.find("default@1").path == tmp_path / "shipped" / "default"
    assert [info.version for info in repository.list()] == [1, 2]


def test_a_name_comes_before_a_folder_of_that_name(
    tmp_path: Path, model: Path, repository: ModelRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert repository.find("model").path == Path("model")

    repository.publish(model, "model")

    assert repository.find("model").path.parent == home() / "cache" / "models"
    assert repository.find("./model").path == Path("model")


def test_what_is_found_by_name_alone_is_never_a_folder(
    tmp_path: Path, model: Path, repository: ModelRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for wrong in ("model", "./model", str(model), "m" * 300, "a\0b", ""):
        with pytest.raises(NotThereError, match="no model is called"):
            repository.find_named(wrong)
    repository.publish(model, "model")

    assert repository.find_named("model@1").path.parent == home() / "cache" / "models"


def test_an_unknown_name_offers_the_nearest(model: Path, repository: ModelRepository) -> None:
    repository.publish(model, "butterflies")

    with pytest.raises(UserError, match="no model is called `buterflies`") as caught:
        repository.find("buterflies")
    assert "did you mean `butterflies`?" in caught.value.hint


def test_an_unknown_name_that_is_near_nothing_counts_what_there_is(
    model: Path, repository: ModelRepository
) -> None:
    repository.publish(model, "zoo")

    with pytest.raises(UserError) as caught:
        repository.find("qqqq")
    assert caught.value.hint == "`funit models list` shows the 1 there is, or give a folder"


def test_an_unknown_version_names_those_there_are(model: Path, repository: ModelRepository) -> None:
    repository.publish(model, "zoo")
    repository.publish(model, "zoo")

    with pytest.raises(UserError, match="`zoo` has no version 7") as caught:
        repository.find("zoo@7")
    assert caught.value.hint == "there are 1, 2"


@pytest.mark.parametrize("missing", ["runs/none", "./none", "/none/at/all"])
def test_a_missing_folder_is_called_a_folder(repository: ModelRepository, missing: str) -> None:
    with pytest.raises(UserError, match="no model folder or run folder"):
        repository.find(missing)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, repository: ModelRepository) -> None:
    with pytest.raises(UserError, match="is no model folder and no run folder"):
        repository.find(tmp_path)


def test_a_damaged_model_does_not_hide_the_others(model: Path, repository: ModelRepository) -> None:
    repository.publish(model, "good")
    repository.publish(model, "bad")
    change_row("bad", format=9)
    problems: list[UserError] = []

    infos = repository.list(on_problem=problems.append)

    assert [info.name for info in infos] == ["good"]
    assert "bad" in problems[0].message
