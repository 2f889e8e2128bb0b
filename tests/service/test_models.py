"""The models over HTTP: read by whoever translates, changed by administrators."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from funit.config import Config, ModelConfig
from funit.model.generator import Generator
from funit.model_folder import TrainingRecord, save_model
from funit.service.auth import create_key
from funit.service.services import Services

VERSION = "/v1/models/zoo/versions"


@pytest.fixture
def model(tmp_path: Path, tiny: ModelConfig) -> Path:
    save_model(
        tmp_path / "model",
        Generator(tiny).state_dict(),
        Config(model=tiny),
        name="beasts",
        version=1,
        training=TrainingRecord(seed=0, images=5, minutes=1, data={"fingerprint": "abc"}),
        licence="Apache-2.0",
    )
    return tmp_path / "model"


@pytest.fixture
def zoo(services: Services, model: Path) -> None:
    """Two versions, the first of which is in production."""
    for _ in range(2):
        services.models.publish(model, "zoo")
    services.models.set_alias("zoo@1", "production")


@pytest.mark.usefixtures("zoo")
def test_models_are_listed_with_their_versions_and_aliases(client: TestClient) -> None:
    everything = client.get("/v1/models").json()["models"]
    of_one = client.get("/v1/models/zoo").json()["models"]

    assert "default" in {model["name"] for model in everything}
    assert [(v["version"], v["aliases"]) for v in of_one] == [(1, ["production"]), (2, ["latest"])]
    assert of_one[0]["licence"] == "Apache-2.0"
    assert of_one[0]["created_at"]


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize("version", ["1", "production"])
def test_a_version_says_all_that_is_known_of_it(client: TestClient, version: str) -> None:
    found = client.get(f"{VERSION}/{version}").json()

    assert (found["version"], found["data_fingerprint"]) == (1, "abc")
    assert found["config"]["model"]["image_size"] == 16
    assert {file["name"] for file in found["files"]} >= {"weights.safetensors", "model.json"}
    card = client.get(f"{VERSION}/{version}/card")
    assert card.headers["content-type"].startswith("text/markdown")
    assert "# zoo, version 1" in card.text


@pytest.mark.usefixtures("zoo")
def test_files_are_given_by_the_names_that_are_listed(client: TestClient, model: Path) -> None:
    given = client.get(f"{VERSION}/1/files/weights.safetensors")

    assert given.content == (model / "weights.safetensors").read_bytes()
    for name in ("nothing", "..%2Fmodel.json", "%2Fetc%2Fpasswd"):
        assert client.get(f"{VERSION}/1/files/{name}").status_code == 404
    assert client.get("/v1/models/default/versions/1/files/LICENSE").status_code == 200


@pytest.mark.usefixtures("zoo")
def test_an_export_can_be_imported(client: TestClient) -> None:
    exported = client.get(f"{VERSION}/production/export")
    assert "model.safetensors" in zipfile.ZipFile(io.BytesIO(exported.content)).namelist()

    made = client.post("/v1/models/again/versions", files={"file": exported.content})

    assert made.status_code == 201
    assert (made.json()["name"], made.json()["version"]) == ("again", 1)
    one = client.get(f"{VERSION}/1").json()
    assert made.json()["weights_sha256"] == one["weights_sha256"]


def test_what_cannot_be_imported_is_an_error_of_the_one_shape(
    client_with: Callable[..., TestClient], settings: object, client: TestClient
) -> None:
    refused = client.post("/v1/models/zoo/versions", files={"file": b"no zip"})
    assert refused.status_code == 400
    assert set(refused.json()) == {"error", "hint"}

    limits = settings.limits.model_copy(update={"model_bytes": 10})  # type: ignore[attr-defined]
    small = client_with(limits=limits)
    answer = small.post("/v1/models/zoo/versions", files={"file": bytes(11)})
    assert answer.status_code == 413


@pytest.mark.usefixtures("zoo")
def test_aliases_are_moved_and_hold_their_version(client: TestClient) -> None:
    assert client.delete(f"{VERSION}/1").status_code == 409
    moved = client.put("/v1/models/zoo/aliases/production", json={"version": 2})
    assert moved.json()["aliases"] == ["latest", "production"]
    assert client.delete(f"{VERSION}/1").status_code == 204
    assert client.get(f"{VERSION}/1").status_code == 404
    assert client.delete("/v1/models/zoo/aliases/production").status_code == 204
    assert client.delete("/v1/models/zoo/aliases/production").status_code == 404
    assert client.delete("/v1/models/zoo/aliases/latest").status_code == 409
    assert client.put("/v1/models/zoo/aliases/x", json={"version": 0}).status_code == 422


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/models/nothing", 404),
        ("/v1/models/default/versions/7", 404),
        ("/v1/models/default/versions/staging", 404),
        ("/v1/models/UPPER", 422),
        ("/v1/models/default/versions/-1", 422),
        ("/v1/models/default/versions/1/export?layout=tar", 422),
    ],
)
def test_what_is_not_there_is_said(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)

    assert answer.status_code == status
    assert set(answer.json()) == {"error", "hint"}


@pytest.mark.usefixtures("zoo")
def test_translators_read_and_administrators_change(
    client_with: Callable[..., TestClient], services: Services
) -> None:
    client = client_with(keys="required")
    keys = {scope: create_key(services.database, scope, [scope]) for scope in ("translate", "data")}

    def status(method: str, path: str, scope: str | None) -> int:
        headers = {"Authorization": f"Bearer {keys[scope]}"} if scope else {}
        return client.request(method, path, headers=headers).status_code

    assert status("GET", "/v1/models", None) == 401
    assert status("GET", "/v1/models", "data") == 403
    assert status("GET", "/v1/models", "translate") == 200
    for method, path in (
        ("DELETE", f"{VERSION}/2"),
        ("DELETE", "/v1/models/zoo/aliases/production"),
        ("POST", VERSION),
    ):
        assert status(method, path, "translate") == 403
