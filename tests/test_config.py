import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from funit.config import (
    RESUMABLE,
    Config,
    ModelConfig,
    build_config,
    flat,
    merged,
    parse_assignments,
    preset,
    read_settings,
    setting_names,
    to_json,
    to_yaml,
)
from funit.errors import UserError

CLASSES = {"model": {"num_classes": 5}}


def config_with(*assignments: str) -> Config:
    return build_config(merged(CLASSES, parse_assignments(assignments)))


@pytest.mark.parametrize("name", ["paper", "small", "light"])
def test_the_presets_are_valid(name: str) -> None:
    assert build_config(merged(preset(name), CLASSES)).model.num_classes == 5


def test_the_defaults_are_the_papers() -> None:
    values = flat(build_config(merged(preset("paper"), CLASSES)))

    assert values == flat(build_config(CLASSES))
    assert values["model.image_size"] == 128
    assert values["model.base_channels"] == 64
    assert values["training.batch_size"] == 64
    assert values["training.learning_rate"] == 1e-4
    assert [values[f"weights.{term}"] for term in ("adversarial", "reconstruction")] == [1, 0.1]
    assert [values[f"weights.{t}"] for t in ("feature_matching", "gradient_penalty")] == [1, 10]


def test_a_preset_of_another_name_is_an_error() -> None:
    with pytest.raises(UserError, match="`tiny`") as caught:
        preset("tiny")

    assert "`paper`, `small` and `light`" in caught.value.hint


def test_a_later_layer_goes_over_an_earlier_one() -> None:
    preset_layer = {"model": {"image_size": 64, "base_channels": 16}, "data": {"flip": True}}
    file_layer = {"model": {"image_size": 32}, "weights": {"adversarial": 2}}
    set_layer = parse_assignments(["model.image_size=16", "data.flip=false"])

    assert merged(preset_layer, file_layer, set_layer) == {
        "model": {"image_size": 16, "base_channels": 16},
        "data": {"flip": False},
        "weights": {"adversarial": 2},
    }
    assert preset_layer["model"] == {"image_size": 64, "base_channels": 16}


def test_the_last_of_two_assignments_counts() -> None:
    assert config_with("training.seed=1", "training.seed=2").training.seed == 2


@pytest.mark.parametrize(
    ("assignment", "nearest"),
    [
        ("model.imagesize=64", "`model.image_size`"),
        ("training.batchsize=8", "`training.batch_size`"),
        ("weight.adversarial=1", "`weights`"),
        ("training.gradient_penalty=1", "`weights.gradient_penalty`"),
    ],
)
def test_an_unknown_name_offers_the_nearest(assignment: str, nearest: str) -> None:
    with pytest.raises(UserError, match=r"there (is|are) no setting") as caught:
        config_with(assignment)

    assert caught.value.hint == f"did you mean {nearest}?"


@pytest.mark.parametrize("off", ["false", "0.0", "null"])
def test_settings_of_earlier_versions_that_were_off_are_read_and_others_refused(off: str) -> None:
    name = {
        "false": "model.example_attention",
        "0.0": "training.augment",
        "null": "weights.reconstruction_late",
    }[off]

    assert config_with(f"{name}={off}") == config_with()
    with pytest.raises(UserError, match=f"there is no setting `{name}` any more") as caught:
        config_with(f"{name}=0.5")

    assert "recipe.md" in caught.value.hint


def test_the_settings_in_a_model_of_an_earlier_version_are_read(tiny: ModelConfig) -> None:
    assert ModelConfig(**tiny.model_dump(), discriminator_spectral_norm=False) == tiny
    with pytest.raises(ValidationError):
        ModelConfig(**tiny.model_dump(), discriminator_spectral_norm=True)


@pytest.mark.parametrize("assignment", ["batch_size=4", "training.batch_size", "", "=3"])
def test_an_assignment_without_part_name_or_value_is_an_error(assignment: str) -> None:
    with pytest.raises(UserError, match="is no assignment"):
        parse_assignments([assignment])


@pytest.mark.parametrize(
    "assignment",
    [
        "training.batch_size=0",
        "training.batch_size=four",
        "training.shots=0",
        "training.shots=[1,2,3]",
        "training.optimizer=sgd",
        "training.learning_rate=.inf",
        "training.learning_rate=.nan",
        "weights.adversarial=-1",
        "data.background=[0,0]",
        "data.resize_ratio=0.5",
        "model.discriminator_head=both",
        "model.num_classes=1",
    ],
)
def test_a_value_that_is_not_allowed_names_the_setting_and_what_it_is(assignment: str) -> None:
    name = assignment.partition("=")[0]

    with pytest.raises(UserError, match=f"`{name}` ") as caught:
        config_with(assignment)

    assert caught.value.hint.startswith(f"{name} is: ")


def test_what_has_no_default_is_required() -> None:
    with pytest.raises(UserError, match=r"`model.num_classes` is not valid: field required"):
        build_config({"model": {}})


@pytest.mark.parametrize(
    "settings", [{"model": 3}, {"model": {"num_classes": 5}, 1: {}}, {"data": {2: 3}}]
)
def test_settings_of_another_shape_are_an_error(settings: Any) -> None:
    with pytest.raises(UserError):
        build_config(settings)


def test_a_part_that_is_no_mapping_can_be_written_over() -> None:
    assert merged({"data": None}, {"data": {"flip": False}}) == {"data": {"flip": False}}


def test_an_image_size_that_cannot_be_halved_offers_one_that_can() -> None:
    with pytest.raises(UserError, match="100 cannot be halved 3 times") as caught:
        ModelConfig(num_classes=2, image_size=100)

    assert caught.value.hint == "choose a multiple of 8, e.g. 96"


@pytest.mark.parametrize(
    "change",
    [
        {"image_size": 16},  # the discriminator would end at 1 x 1
        {"image_size": 16, "discriminator_halvings": 2, "num_halvings": 4},
        {"image_size": 16, "discriminator_halvings": 2, "class_encoder_halvings": 5},
    ],
)
def test_an_image_too_small_for_the_networks_is_an_error(change: dict[str, int]) -> None:
    with pytest.raises(UserError, match="too small") as caught:
        ModelConfig.model_validate({"num_classes": 2} | change)

    assert "choose at least" in caught.value.hint


def test_attention_needs_a_class_encoder_that_halves_as_often_as_the_content_encoder() -> None:
    wanted = ["model.num_halvings=3", "model.class_encoder_halvings=2"]

    with pytest.raises(UserError, match="class_encoder_halvings` 2 is less than") as caught:
        config_with(*wanted, "model.attention_channels=8")

    assert caught.value.hint == "choose at least 3"
    assert config_with(*wanted).model.attention_channels is None
    assert config_with(wanted[0], "model.class_encoder_halvings=3", "model.attention_channels=8")


@pytest.mark.parametrize(
    ("doublings", "halvings", "message", "hint"),
    [
        (1, 1, "5 is no multiple of 2", "choose 6, or set `model.attention_doublings` to 0"),
        (2, 2, "5 is no multiple of 4", "choose 8, or set `model.attention_doublings` to 0"),
        (2, 1, "2 is more than `model.num_halvings` 1", "choose at most 1"),
    ],
)
def test_a_width_that_attention_cannot_use_is_an_error(
    doublings: int, halvings: int, message: str, hint: str
) -> None:
    wanted = [f"model.num_halvings={halvings}", "model.base_channels=5"]
    wanted += ["model.attention_channels=8"]

    with pytest.raises(UserError, match=message) as caught:
        config_with(*wanted, f"model.attention_doublings={doublings}")

    assert caught.value.hint == hint
    assert config_with(*wanted, "model.attention_doublings=0")


def test_pixels_cannot_overlap_where_positions_are_single_pixels() -> None:
    overlapping = ["model.attention_channels=8", "model.attention_overlap=true"]
    fine = ["model.num_halvings=1", "model.attention_doublings=1", *overlapping]

    with pytest.raises(UserError, match="needs positions of more than one pixel") as caught:
        config_with(*fine, "model.attention_pixels=true")

    assert caught.value.hint == "set it to false, or choose fewer doublings"
    assert config_with(*fine, "model.attention_pixels=false")
    assert config_with("model.attention_pixels=true", *overlapping).model.pixels_overlap


def test_shots_that_run_backwards_are_an_error() -> None:
    with pytest.raises(UserError, match="runs backwards") as caught:
        config_with("training.shots=[5, 1]")

    assert caught.value.hint == "write [1, 5]"


def test_classes_cannot_be_mixed_where_nobody_knows_the_poses() -> None:
    with pytest.raises(UserError, match=r"`data.mix_classes` 0\.5 needs to know which") as caught:
        config_with("data.mix_classes=0.5")

    assert caught.value.hint == "set `training.twins`, or leave it at 0"
    assert config_with("data.mix_classes=0.5", "training.twins=0.5").data.mix_classes == 0.5


def test_shots_are_one_number_or_a_range() -> None:
    assert config_with("training.shots=3").training.shots_range == (3, 3)
    assert config_with("training.shots=[1,5]").training.shots_range == (1, 5)


def test_a_config_cannot_be_changed() -> None:
    config = config_with()

    with pytest.raises(ValidationError, match="frozen"):
        config.training.seed = 3


def test_settings_that_may_differ_on_resume_exist() -> None:
    assert set(setting_names()) >= RESUMABLE


def test_every_setting_has_a_caption() -> None:
    assert all(setting_names().values())


ASCII = "".join(map(chr, range(32, 127)))  # quotes, and words such as `no` and `1e3`

valid_settings = st.fixed_dictionaries(
    {
        "model": st.fixed_dictionaries(
            {"num_classes": st.integers(2, 10**6)},
            optional={
                "image_size": st.integers(4, 128).map(lambda eighths: 8 * eighths),
                "base_channels": st.integers(1, 512),
                "discriminator_head": st.sampled_from(["patch", "pooled"]),
                "discriminator_norm": st.booleans(),
                "max_bytes": st.none() | st.integers(1, 2**60),
            },
        ),
    },
    optional={
        "data": st.fixed_dictionaries(
            {},
            optional={
                "resize_ratio": st.floats(1, 2),
                "background": st.tuples(*[st.integers(0, 255)] * 3).map(list),
            },
        ),
        "training": st.fixed_dictionaries(
            {},
            optional={
                "seed": st.integers(-(2**63), 2**63 - 1),
                "shots": st.integers(1, 9) | st.tuples(st.integers(1, 4), st.integers(4, 9)),
                "learning_rate": st.floats(0, exclude_min=True, allow_infinity=False),
                "max_passes": st.none() | st.floats(1e-300, 1e300),
                "device": st.text(ASCII, min_size=1),
            },
        ),
        "weights": st.fixed_dictionaries(
            {}, optional={"reconstruction": st.floats(0, allow_infinity=False)}
        ),
    },
)


@given(valid_settings)
def test_a_config_goes_through_yaml_and_json_unchanged(settings: dict[str, Any]) -> None:
    config = build_config(settings)

    assert build_config(yaml.safe_load(to_yaml(config))) == config
    assert build_config(json.loads(to_json(config))) == config


@given(valid_settings)
def test_any_setting_can_be_given_as_an_assignment(settings: dict[str, Any]) -> None:
    config = build_config(settings)

    assignments = [f"{name}={json.dumps(value)}" for name, value in flat(config).items()]

    assert build_config(parse_assignments(assignments)) == config


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_settings_are_read_from_a_file(tmp_path: Path, suffix: str) -> None:
    config = config_with("training.shots=[1,5]")
    path = tmp_path / f"config{suffix}"
    path.write_text(to_yaml(config) if suffix == ".yaml" else to_json(config), encoding="utf-8")

    assert build_config(read_settings(path)) == config


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.touch()

    assert read_settings(path) == {}


@pytest.mark.parametrize("content", [b"- 1\n- 2\n", b"a: [", b"\xff\xfe\x00", b"word"])
def test_a_file_without_settings_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)

    with pytest.raises(UserError, match=r"config\.yaml") as caught:
        read_settings(path)

    assert caught.value.hint


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        read_settings(tmp_path / "none.yaml")
