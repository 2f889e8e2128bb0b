"""Classification over HTTP, and adding what was classified to a data set."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from funit.data.menagerie import write_menagerie
from funit.service.auth import create_key
from funit.service.services import open_services
from funit.service.settings import Limits, ServiceSettings

Files = list[tuple[str, tuple[str, bytes]]]


@pytest.fixture(scope="module")
def creatures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """Four species in five poses."""
    folder = tmp_path_factory.mktemp("creatures") / "all"
    write_menagerie(folder, num_classes=4, num_poses=5, size=64, seed=4321)
    return {f.name: [p.read_bytes() for p in sorted(f.iterdir())] for f in sorted(folder.iterdir())}


def ask(
    client: TestClient,
    images: list[bytes],
    examples: dict[str, list[bytes]] | None = None,
    **fields: object,
) -> tuple[int, dict[str, object]]:
    files: Files = [("images", (f"{n}.png", content)) for n, content in enumerate(images)]
    classes: list[str] = []
    for cls, contents in (examples or {}).items():
        files += [("examples", ("x.png", content)) for content in contents]
        classes += [cls] * len(contents)
    answer = client.post("/v1/classifications", data={"classes": classes, **fields}, files=files)
    return answer.status_code, answer.json()


def shown(creatures: dict[str, list[bytes]], count: int = 2) -> dict[str, list[bytes]]:
    return {name: creatures[name][:2] for name in list(creatures)[:count]}


def test_images_are_classified_by_examples(
    client: TestClient, creatures: dict[str, list[bytes]]
) -> None:
    first, second, stranger, _ = creatures
    images = [creatures[first][3], creatures[second][3], creatures[stranger][3]]

    status, body = ask(client, images, shown(creatures), threshold=0.5)

    assert status == 200
    items = body["items"]
    assert [item["cls"] for item in items] == [first, second, None]  # type: ignore[index, attr-defined]
    assert [item["name"] for item in items] == ["0.png", "1.png", "2.png"]  # type: ignore[index, attr-defined]


def test_what_is_classified_can_join_a_data_set_at_once(
    client: TestClient, creatures: dict[str, list[bytes]]
) -> None:
    first, second, stranger, _ = creatures
    send(client, "zoo", shown(creatures))

    status, body = ask(
        client,
        [creatures[first][3], creatures[stranger][3]],
        dataset="zoo@1",
        threshold=0.5,
        add_to="zoo",
    )

    assert status == 200
    assert body["added_to"]["version"] == 2  # type: ignore[index, call-overload]
    counts = {c["cls"]: c["num_images"] for c in client.get("/v1/datasets/zoo/classes").json()}
    assert counts == {first: 3, second: 2}


def test_nothing_joins_a_data_set_where_nothing_is_known(
    client: TestClient, creatures: dict[str, list[bytes]]
) -> None:
    send(client, "zoo", shown(creatures))

    status, body = ask(
        client, creatures[list(creatures)[3]][:1], shown(creatures), threshold=1, add_to="zoo"
    )

    assert (status, body["added_to"]) == (200, None)
    assert len(client.get("/v1/datasets/zoo").json()["versions"]) == 1


def send(client: TestClient, name: str, classes: dict[str, list[bytes]]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for cls, contents in classes.items():
            for number, content in enumerate(contents):
                file.writestr(f"{cls}/{number}.png", content)
    files = {"file": ("z.zip", buffer.getvalue())}
    assert client.post("/v1/datasets", data={"name": name}, files=files).status_code == 201


def test_what_is_wrong_is_told(client: TestClient, creatures: dict[str, list[bytes]]) -> None:
    image = next(iter(creatures.values()))[0]

    assert ask(client, [image])[0] == 400
    assert ask(client, [b"no image"], shown(creatures))[0] == 400
    assert ask(client, [image], shown(creatures), threshold=2)[0] == 422
    assert ask(client, [image], dataset="nowhere")[0] == 404
    assert ask(client, [image], dataset="zoo@x")[0] == 400
    assert ask(client, [image], shown(creatures), model="nothing")[0] == 404
    files: Files = [("images", ("x.png", image)), ("examples", ("e.png", image))]
    status = client.post("/v1/classifications", data={"classes": ["a", "b"]}, files=files)
    assert status.status_code == 400
    assert "2 classes are given for 1 examples" in status.text


def test_a_model_is_asked_for_by_its_name_alone(
    client: TestClient,
    creatures: dict[str, list[bytes]],
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tiny_model.parent)
    image = next(iter(creatures.values()))[0]

    for wrong in (tiny_model.name, str(tiny_model), "m" * 300):
        status, body = ask(client, [image], shown(creatures), model=wrong)

        assert status == 404
        assert f"no model is called `{wrong}`" in str(body["error"])


def test_no_more_pictures_and_bytes_than_allowed(
    client_with: Callable[..., TestClient], creatures: dict[str, list[bytes]]
) -> None:
    image = next(iter(creatures.values()))[0]

    few = client_with(limits=Limits(num_contents=1))
    small = client_with(limits=Limits(upload_bytes=len(image) - 1))
    flat = client_with(limits=Limits(pixels=100))

    assert ask(few, [image, image], shown(creatures))[0] == 413
    assert ask(small, [image], shown(creatures))[0] == 413
    assert ask(flat, [image], shown(creatures))[0] in (400, 413)


def test_a_key_without_the_scope_for_data_uses_none(
    client_with: Callable[..., TestClient],
    settings: ServiceSettings,
    creatures: dict[str, list[bytes]],
    tmp_path: Path,
) -> None:
    with open_services(settings) as services:
        key = create_key(services.database, "ada", ["translate"])
    client = client_with(keys="required")
    client.headers["Authorization"] = f"Bearer {key}"
    image = next(iter(creatures.values()))[0]

    status, body = ask(client, [image], shown(creatures), add_to="zoo")

    assert status == 403
    assert "no scope `data`" in str(body["error"])
