"""The verbs of `funit models`, of a service that runs."""

import zipfile
from pathlib import Path

import pytest

from funit import Client, UserError
from funit.errors import ConflictError, NotThereError


def test_a_model_is_exported_imported_named_and_removed(client: Client, tmp_path: Path) -> None:
    out = client.export_model("default", tmp_path / "default.zip")
    with zipfile.ZipFile(out) as file:
        assert {"config.json", "model.safetensors", "README.md"} <= set(file.namelist())

    first, second = (client.import_model(out, "mine") for _ in range(2))
    original = client.find_model("default")
    assert (first.label, second.label) == ("mine@1", "mine@2")
    assert first.weights_sha256 == original.weights_sha256
    assert {file.name for file in first.files} >= {"weights.safetensors", "LICENSE"}
    assert [model.label for model in client.models("mine")] == ["mine@1", "mine@2"]

    assert client.set_alias("mine@1", "production").aliases == ("production",)
    assert client.find_model("mine@production").version == 1
    assert client.find_model("mine").version == 2
    with pytest.raises(ConflictError, match="production"):
        client.remove_model(first)
    assert client.set_alias("mine@latest", "production").version == 2
    client.remove_alias("mine", "production")
    client.remove_model(first)
    client.remove_model("mine@2")
    with pytest.raises(NotThereError, match="no model is called `mine"):
        client.find_model("mine")


def test_models_are_described_and_their_files_given(client: Client, tmp_path: Path) -> None:
    (shown,) = [model for model in client.models() if model.label == "default@1"]
    found = client.find_model(shown)

    assert (found.image_size, found.licence, found.created_at) == (64, shown.licence, None)
    assert found.config["model"]["image_size"] == 64
    assert client.model_card("default").startswith("#")
    path = client.download_file("default", "weights.safetensors", tmp_path / "w.safetensors")
    (listed,) = [file for file in found.files if file.name == "weights.safetensors"]
    assert path.stat().st_size == listed.size


def test_a_file_is_whole_or_not_there_and_never_replaced_unasked(
    client: Client, tmp_path: Path
) -> None:
    there = tmp_path / "there.zip"
    there.write_bytes(b"mine")

    with pytest.raises(UserError, match="exists") as refused:
        client.export_model("default", there)
    with pytest.raises(NotThereError):
        client.export_model("nobody", tmp_path / "new.zip")
    with pytest.raises(UserError, match="cannot be written"):
        client.export_model("default", there / "below.zip")

    assert "force" in refused.value.hint
    assert [path.name for path in tmp_path.glob("*.zip")] == ["there.zip"]
    assert there.read_bytes() == b"mine"
    client.export_model("default", there, "triton", force=True)
    assert any(name.endswith("config.pbtxt") for name in zipfile.ZipFile(there).namelist())


def test_what_is_no_model_is_refused(client: Client, tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"no zip")

    with pytest.raises(UserError, match="zip"):
        client.import_model(tmp_path / "no.zip", "mine")
    with pytest.raises(UserError, match="cannot be read"):
        client.import_model(tmp_path / "nowhere.zip", "mine")
