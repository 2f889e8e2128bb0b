"""A training that starts from a model knows what the model knew, and says where it came from."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from funit import train
from funit.config import Config, ModelConfig, Settings, build_config, merged, read_settings
from funit.data.menagerie import write_menagerie
from funit.errors import UserError
from funit.fine_tuning import find_parent
from funit.model.discriminator import Discriminator
from funit.model.generator import Generator
from funit.model.parent import Parent, ParentRecord
from funit.repository import ModelRepository
from funit.training.checkpoint import latest_checkpoint
from funit.training.start import load_parent, starting_settings
from funit.training.trainer import Trainer

SMALLEST = read_settings(Path(__file__).with_name("tiny.yaml"))
TINY: Settings = {
    "model": {**SMALLEST["model"], "plain_background": True, "attention_pixels": False},
    "data": {"num_unseen": 2, "resize_ratio": 1.0},
    "training": {
        "batch_size": 4,
        "optimizer": "adam",
        "learning_rate": 2e-3,
        "adversarial_from_images": 240,
        "average_half_life": 100,
        "max_images": 400,
        "keep_checkpoints": 2,
        "checkpoint_every_images": 200,
        "sample_every_images": 10_000,
        "num_threads": 1,  # bit-for-bit equality holds on one thread
        "device": "cpu",
    },
    "weights": {"reconstruction": 10.0, "perceptual": 0.0},
}
SHORT: Settings = {
    "training": {"max_images": 8, "log_every_images": 4, "num_threads": 1, "device": "cpu"}
}


@pytest.fixture(scope="session")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learned creatures a little, its adversarial part included."""
    folder = tmp_path_factory.mktemp("parent")
    write_menagerie(folder / "zoo", num_classes=8, num_poses=5, size=16, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUNIT_HOME", str(folder / "home"))
        train(folder / "zoo", folder / "run", TINY)
    return folder / "run"


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other classes, and another number of them, at 32 px."""
    path = tmp_path_factory.mktemp("own") / "own"
    write_menagerie(path, num_classes=4, num_poses=5, size=32, seed=77)
    return path


def about(run: Path) -> Any:
    return json.loads((run / "run.json").read_text())


def first_loss(run: Path) -> float:
    """The reconstruction loss of the first batch."""
    return float(
        json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["g/reconstruction"]
    )


def started(model: str | Path, out: Path, own: Path, settings: Settings | None = None) -> Trainer:
    """Both networks as a training begins with them."""
    found = find_parent(out, model)
    assert found is not None
    wanted = starting_settings(found, None, settings or {})
    trainer = Trainer(
        build_config(merged(wanted, {"model": {"num_classes": 4}})), torch.device("cpu")
    )
    trainer.start_from(found)
    return trainer


# ------------------------------------------------------------ what is learned


def test_fine_tuning_starts_from_a_lower_loss_on_new_classes_than_from_scratch(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    ModelRepository().publish(parent, "beasts")

    train(own, tmp_path / "tuned", SHORT, from_model="beasts")
    train(own, tmp_path / "scratch", merged(TINY, SHORT, {"data": {"num_unseen": 0}}))

    assert first_loss(tmp_path / "tuned") < 0.75 * first_loss(tmp_path / "scratch")


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        ({"image_size": 32}, 0.75),
        ({"base_channels": 6}, 0.75),
        ({"attention_pixels": True}, 0.75),
        ({"attention_pixels": True, "attention_overlap": True}, 0.75),
        ({"pose_code_size": 8}, 0.85),  # it begins as drawn, and all behind it is as learned
    ],
)
def test_a_model_of_another_size_width_or_pose_code_or_with_pixels_knows_what_it_learned(
    tmp_path: Path, parent: Path, own: Path, settings: Settings, share: float
) -> None:
    changed = merged(SHORT, {"model": settings})

    train(own, tmp_path / "tuned", changed, from_model=parent)
    train(own, tmp_path / "scratch", merged(TINY, changed, {"data": {"num_unseen": 0}}))

    assert first_loss(tmp_path / "tuned") < share * first_loss(tmp_path / "scratch")
    found = ModelRepository().find(tmp_path / "tuned").info.config.model
    assert {name: getattr(found, name) for name in settings} == settings


def test_a_pose_code_begins_anew_in_another_size_and_is_kept_in_the_same(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    with_code = merged(SHORT, {"model": {"pose_code_size": 8}})
    train(own, tmp_path / "eight", with_code, from_model=parent)
    found = find_parent("other", tmp_path / "eight")
    assert found is not None

    def loaded(**changes: int) -> Generator:
        config = found.config.model.model_copy(update=changes)
        generator = Generator(config)
        load_parent(found, config, generator, Discriminator(config), seed=0)
        return generator

    old = loaded().state_dict()
    for changes in ({"pose_code_size": 5}, {"image_size": 32}):
        new = loaded(**changes).state_dict()
        assert {name for name in new if new[name].shape != old[name].shape} <= {
            f"content_encoder.pose_code.{name}"
            for name in ("code.weight", "code.bias", "unfold.weight", "unfold.bias")
        }
        assert torch.equal(new["content_encoder.stem.weight"], old["content_encoder.stem.weight"])


def test_both_networks_start_from_the_weights_and_the_average_is_the_generator(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    trainer = started(parent, tmp_path / "run", own)

    checkpoint = latest_checkpoint(parent / "checkpoints", print)
    assert checkpoint is not None
    old = checkpoint.tensors("average")
    for network in (trainer.generator, trainer.average):
        assert all(torch.equal(t, old[name]) for name, t in network.state_dict().items())
    judged = checkpoint.tensors("discriminator")
    for name, tensor in trainer.discriminator.state_dict().items():
        assert name.startswith("head.") or torch.equal(tensor, judged[name])
    assert (trainer.steps, trainer.images) == (0, 0)


def test_the_rows_of_new_classes_are_around_the_mean_of_the_old_ones_and_differ(
    tmp_path: Path, tiny: ModelConfig
) -> None:
    before, after = Discriminator(tiny), Discriminator(tiny.model_copy(update={"num_classes": 999}))
    with torch.no_grad():
        before.head.weight += 3
    save_file(Generator(tiny).state_dict(), tmp_path / "g.safetensors")
    save_file(before.state_dict(), tmp_path / "d.safetensors")
    record = ParentRecord(name="beasts", version=1, weights_sha256="")
    files = (tmp_path / "g.safetensors", tmp_path / "d.safetensors")
    beasts = Parent("beasts", record, Config(model=tiny), 1, *files)

    load_parent(beasts, tiny, Generator(tiny), after, seed=0)

    old, new = before.head.weight, after.head.weight
    torch.testing.assert_close(new.mean(dim=0), old.mean(dim=0), atol=0.2, rtol=0)
    torch.testing.assert_close(new.std(dim=0), old.std(dim=0), atol=0, rtol=0.15)
    torch.testing.assert_close(after.stem.weight, before.stem.weight)


def test_a_model_without_a_discriminator_gets_a_new_one_and_says_so(
    tmp_path: Path, own: Path, parent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = ModelRepository().publish(parent, "alone")
    alone = tmp_path / "alone"
    shutil.copytree(ModelRepository().find("alone").path, alone)
    (alone / "discriminator.safetensors").unlink()

    train(own, tmp_path / "run", SHORT, from_model=alone)

    output = capsys.readouterr()
    assert (
        f"`{alone}` has no discriminator to go on with: a new one is learned"
        in output.out + output.err
    )
    assert info.discriminator_sha256 is not None
    config = build_config(read_settings(tmp_path / "run" / "config.yaml"))
    assert config.training.adversarial_from_images == 240  # the whole warm-up, as at first


# ---------------------------------------------------------------- settings


def test_settings_are_the_models_but_for_those_of_data_machine_and_call(parent: Path) -> None:
    found = find_parent("new", parent)
    assert found is not None

    wanted = build_config(merged(starting_settings(found, None, {}), {"model": {"num_classes": 4}}))

    assert wanted.model == found.config.model.model_copy(update={"num_classes": 4})
    assert wanted.weights == found.config.weights
    assert wanted.training.learning_rate == 2e-3
    assert wanted.data.num_unseen == 0  # of the data that the model was trained on
    assert wanted.training.max_images == 100_000  # the preset `small`
    assert wanted.training.num_threads is None
    assert wanted.training.adversarial_from_images == 0  # it is past that


def test_a_model_without_an_adversarial_part_goes_on_without(
    parent: Path, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = merged(SHORT, {"training": {"adversarial_from_images": None}})
    train(own, tmp_path / "alone", alone, from_model=parent)
    capsys.readouterr()

    train(own, tmp_path / "run", SHORT, from_model=tmp_path / "alone")

    output = capsys.readouterr()
    config = build_config(read_settings(tmp_path / "run" / "config.yaml"))
    assert config.training.adversarial_from_images is None
    assert "discriminator" not in output.out + output.err


def test_a_discriminator_that_never_took_part_is_not_published(
    parent: Path, own: Path, tmp_path: Path
) -> None:
    alone = merged(SHORT, {"training": {"adversarial_from_images": None}})
    train(own, tmp_path / "alone", alone, from_model=parent)

    info = ModelRepository().publish(tmp_path / "alone", "alone")

    folder = ModelRepository().find("alone").path
    assert info.discriminator_sha256 is None
    assert not (folder / "discriminator.safetensors").exists()
    assert "both networks" not in (folder / "card.md").read_text()


def test_a_discriminator_over_frozen_features_is_learned_anew(
    parent: Path, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frozen = merged(SHORT, {"model": {"discriminator_features": "frozen"}})

    train(own, tmp_path / "frozen", frozen, from_model=parent)
    said = capsys.readouterr().err
    train(own, tmp_path / "again", SHORT, from_model=tmp_path / "frozen")
    said_again = capsys.readouterr().err

    for text, model in ((said, parent), (said_again, tmp_path / "frozen")):
        assert f"`{model}` has no discriminator to go on with: a new one is learned" in text


def test_a_preset_says_all_but_the_networks(parent: Path) -> None:
    found = find_parent("new", parent)
    assert found is not None

    wanted = build_config(
        merged(starting_settings(found, "paper", {}), {"model": {"num_classes": 4}})
    )

    assert wanted.model.base_channels == 4
    assert (wanted.model.image_size, wanted.training.batch_size) == (16, 64)
    assert wanted.training.optimizer == "rmsprop"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_channels", 2),
        ("attention_channels", None),
        ("plain_background", False),
        ("upsampling_norm", "instance"),
        ("discriminator_halvings", 3),
        ("attention_doublings", 0),
    ],
)
def test_a_setting_that_changes_the_shape_of_a_weight_is_named(
    tmp_path: Path, parent: Path, own: Path, name: str, value: object
) -> None:
    settings = merged(SHORT, {"model": {name: value}})

    with pytest.raises(UserError, match=rf"`model\.{name}` {value} does not fit the weights"):
        train(own, tmp_path / "run", settings, from_model=parent)
    assert not (tmp_path / "run").exists()


def test_a_setting_without_weights_may_change(tmp_path: Path, parent: Path, own: Path) -> None:
    settings = merged(SHORT, {"model": {"discriminator_head": "pooled"}})

    train(own, tmp_path / "run", settings, from_model=parent)

    assert (tmp_path / "run" / "run.json").exists()


# ------------------------------------------------------------------ going on


def test_the_same_command_goes_on_and_equals_an_uninterrupted_run(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    longer = merged(SHORT, {"training": {"max_images": 16}})
    whole = train(own, tmp_path / "whole", longer, from_model=parent)

    train(own, tmp_path / "parts", SHORT, from_model=parent)
    parts = train(own, tmp_path / "parts", longer, from_model=parent)

    for name in ("generator", "average", "discriminator", "optimizers"):
        one, other = whole.tensors(name), parts.tensors(name)
        assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_a_run_goes_on_when_its_parent_has_changed_or_is_gone(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    repository = ModelRepository()
    repository.publish(parent, "beasts")
    train(own, tmp_path / "run", SHORT, from_model="beasts")
    repository.remove("beasts@1")

    longer = merged(SHORT, {"training": {"max_images": 16}})
    assert train(own, tmp_path / "run", longer, from_model="beasts").images == 16


def test_the_first_checkpoint_is_what_it_starts_from(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    settings = merged(SHORT, {"training": {"max_minutes": 1e-9}})

    checkpoint = train(own, tmp_path / "run", settings, from_model=parent)

    assert checkpoint.images == 0
    before = ModelRepository().find(parent).tensors()
    after = ModelRepository().find(tmp_path / "run").tensors()
    assert all((before[name] == tensor).all() for name, tensor in after.items())


def test_another_model_for_a_run_that_has_begun_is_refused(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    older = sorted((parent / "checkpoints").iterdir())[0]
    train(own, tmp_path / "run", SHORT, from_model=parent)
    train(own, tmp_path / "plain", merged(TINY, SHORT, {"data": {"num_unseen": 0}}))

    with pytest.raises(UserError, match=r"was started from .*, not from .*0000000200"):
        train(own, tmp_path / "run", SHORT, from_model=older)
    with pytest.raises(UserError, match="was not started from"):
        train(own, tmp_path / "plain", SHORT, from_model=parent)
    with pytest.raises(UserError, match="the settings of its parent, not with the preset `small`"):
        train(own, tmp_path / "run", SHORT, preset="small", from_model=parent)


def test_a_run_without_a_whole_checkpoint_starts_from_its_model_or_says_how(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    train(own, tmp_path / "run", SHORT, from_model=parent)
    (tmp_path / "run" / "checkpoints").rename(tmp_path / "elsewhere")

    with pytest.raises(UserError, match="no whole checkpoint") as caught:
        train(own, tmp_path / "run", SHORT)

    assert f"--from {parent}" in caught.value.hint
    assert train(own, tmp_path / "run", SHORT, from_model=parent).images == 8


# ----------------------------------------------------------- where it is from


def test_a_published_model_says_what_it_started_from(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    repository = ModelRepository()
    first = repository.publish(parent, "beasts", licence="CC-BY-SA-4.0")
    train(own, tmp_path / "run", SHORT, from_model="beasts")

    second = repository.publish(tmp_path / "run", "mine")

    assert about(tmp_path / "run")["parent"]["given"] == "beasts"
    found = json.loads((repository.find("mine").path / "model.json").read_text())
    assert found["training"]["parent"] == {
        "name": "beasts",
        "version": 1,
        "weights_sha256": first.weights_sha256,
        "licence": "CC-BY-SA-4.0",
        "feature_networks": [],
    }
    assert second.training.images == 8
    card = (repository.find("mine").path / "card.md").read_text()
    assert "started from `beasts`, version 1" in card
    assert "licence: CC-BY-SA-4.0)" in card
    assert second.licence == "not stated"  # its maker has to
    assert "`funit train --from` goes on with both networks" in card


def test_a_model_is_not_judged_by_the_network_that_taught_its_parent(
    tmp_path: Path, parent: Path, own: Path
) -> None:
    config = build_config(read_settings(parent / "config.yaml"))
    taught = config.model_copy(
        update={"weights": config.weights.model_copy(update={"perceptual": 5.0})}
    )
    found = ModelRepository().find(parent)
    info = found.info.model_copy(update={"config": taught})

    record = type(found)(found.path, info, found.weights_path).as_parent("x").record
    child = found.info.model_copy(
        update={"training": found.info.training.model_copy(update={"parent": record})}
    )

    assert child.config.feature_networks == ()
    assert child.feature_networks == ("efficientnet_lite2",)
