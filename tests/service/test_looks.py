"""Looks are made once, added to, blended, and seen by their owners alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from drawings import difference, png, uploads
from fastapi.testclient import TestClient
from safetensors.numpy import load

from funit.engines.engine import Look
from funit.service.app import create_app
from funit.service.auth import create_key
from funit.service.generator import merged
from funit.service.services import Services
from funit.service.settings import Limits
from funit.translator import Translator

ROUNDING = 1


def make(client: TestClient, seeds: list[int], **data: object) -> dict[str, object]:
    answer = client.post("/v1/looks", files=uploads("examples", seeds), data=data)
    assert answer.status_code == 201, answer.text
    body: dict[str, object] = answer.json()
    return body


def drawn(client: TestClient, look: object, pose: str = "1") -> bytes:
    answer = client.post("/v1/translations", data={"look": look, "pose": pose})
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load("default")


def test_a_look_with_examples_added_is_that_of_all_of_them(
    client: TestClient, translator: Translator
) -> None:
    look = make(client, [1, 2], name="Füchse 1")

    added = client.post(f"/v1/looks/{look['id']}/examples", files=uploads("examples", [3])).json()

    assert (look["name"], look["num_examples"], look["model"]) == ("Füchse 1", 2, "default@1")
    assert (added["id"], added["num_examples"]) == (look["id"], 3)
    data = {"look": look["id"]}
    answer = client.post("/v1/translations", files=uploads("content", [9]), data=data)
    wanted = translator.translate(png(9), translator.encode_class([png(s) for s in (1, 2, 3)]))
    assert difference(answer.content, wanted) <= ROUNDING


def test_weights_of_a_look_are_kept(client: TestClient) -> None:
    weighed = make(client, [1, 2], weights=["3", "0"])
    alone = make(client, [1])

    assert difference(drawn(client, weighed["id"]), drawn(client, alone["id"])) <= ROUNDING


def test_a_blend_is_what_both_looks_make_at_once_and_can_be_added_to(client: TestClient) -> None:
    one, other = make(client, [1, 2]), make(client, [3])
    body = {"looks": [one["id"], other["id"], "2"], "weights": [1, 2, 1], "name": "between"}

    blend = client.post("/v1/looks/blend", json=body).json()

    data = {"look": body["looks"], "weights": ["1", "2", "1"], "pose": "1"}
    at_once = client.post("/v1/translations", data=data)
    assert (blend["name"], blend["num_examples"]) == ("between", 4)
    assert sum(blend["weights"]) == pytest.approx(4)
    assert difference(drawn(client, blend["id"]), at_once.content) <= ROUNDING
    added = client.post(f"/v1/looks/{blend['id']}/examples", files=uploads("examples", [5]))
    assert added.json()["num_examples"] == 5


def test_the_codes_of_a_look_draw_it_elsewhere(client: TestClient, translator: Translator) -> None:
    look = make(client, [1, 2], weights=["1", "3"])

    answer = client.get(f"/v1/looks/{look['id']}/codes")

    assert answer.headers["content-type"] == "application/octet-stream"
    parts = load(answer.content)
    singles = [Look(*(parts[f"{n}.{name}"] for name in Look._fields)) for n in range(2)]
    wanted = translator.translate(png(9), merged(singles, [1, 3]))
    data = {"look": look["id"]}
    drawn = client.post("/v1/translations", files=uploads("content", [9]), data=data)
    assert difference(drawn.content, wanted) <= ROUNDING
    assert client.get("/v1/looks/look_0123456789abcdef/codes").status_code == 404


def test_a_thumbnail_shows_the_look_and_follows_it(client: TestClient) -> None:
    look = make(client, [1])
    path = f"/v1/looks/{look['id']}/thumbnail"

    first = client.get(path)
    again = client.get(path)
    client.post(f"/v1/looks/{look['id']}/examples", files=uploads("examples", [4]))
    later = client.get(path)

    assert first.headers["content-type"] == "image/png"
    assert difference(first.content, drawn(client, make(client, [1])["id"])) <= ROUNDING
    assert first.content == again.content != later.content


def test_looks_are_listed_and_removed_with_their_files(
    client: TestClient, services: Services
) -> None:
    twin, one = make(client, [1]), make(client, [1])  # of the same content
    client.get(f"/v1/looks/{one['id']}/thumbnail")

    ids = [look["id"] for look in client.get("/v1/looks").json()]
    assert sorted(ids) == sorted([str(twin["id"]), str(one["id"])])
    assert [look["id"] for look in client.get("/v1/looks?limit=1&offset=1").json()] == ids[1:]

    assert client.delete(f"/v1/looks/{one['id']}").status_code == 204
    assert client.get(f"/v1/looks/{one['id']}").status_code == 404
    drawn(client, twin["id"])  # its content is still there
    assert client.delete(f"/v1/looks/{twin['id']}").status_code == 204
    assert list(services.storage.all()) == []


def test_a_look_of_other_weights_is_refused(
    client: TestClient, services: Services, tiny_model: Path
) -> None:
    services.models.publish(tiny_model, "tiny")
    look = make(client, [1], model="tiny")

    answer = client.post("/v1/translations", data={"look": look["id"], "model": "default"})

    assert answer.status_code == 409
    assert "made by `tiny@1`, not by `default@1`" in answer.json()["error"]
    no_gallery = client.get(f"/v1/looks/{look['id']}/thumbnail")
    assert no_gallery.status_code == 404
    assert "no gallery" in no_gallery.json()["error"]


def test_a_look_has_no_more_examples_than_allowed(client_with: Callable[..., TestClient]) -> None:
    client = client_with(limits=Limits(num_examples=2))
    look = make(client, [1, 2])

    added = client.post(f"/v1/looks/{look['id']}/examples", files=uploads("examples", [3]))
    blended = client.post("/v1/looks/blend", json={"looks": [look["id"], "1"]})

    assert (added.status_code, blended.status_code) == (413, 413)


@pytest.mark.parametrize("name", ["a\0b", "a" * 201, "<b>", ""])
def test_a_name_that_could_do_harm_is_refused(client: TestClient, name: str) -> None:
    answer = client.post("/v1/looks/blend", json={"looks": ["1"], "name": name})

    assert answer.status_code == 422


def test_each_key_sees_its_own_looks_and_poses_and_an_administrator_all(
    services: Services,
) -> None:
    from dataclasses import replace

    required = services.settings.model_copy(
        update={"keys": "required", "limits": Limits(key_bytes=4000)}
    )
    app = create_app(replace(services, settings=required))

    def client_of(name: str, scope: str) -> TestClient:
        key = create_key(services.database, name, [scope])
        return TestClient(app, headers={"Authorization": f"Bearer {key}"})

    ada, bob = client_of("ada", "translate"), client_of("bob", "translate")
    eve = client_of("eve", "admin")
    look = ada.post("/v1/looks/blend", json={"looks": ["1"]})
    pose = ada.post("/v1/poses", files=uploads("content", [1])).json()["id"]

    assert look.status_code == 413  # its file has 26 kB
    assert "the key `ada`" in look.json()["error"]
    for client, seen in ((ada, 1), (bob, 0), (eve, 1)):
        assert len(client.get("/v1/poses").json()) == seen
        assert client.get(f"/v1/poses/{pose}").status_code == (200 if seen else 404)
    data = {"look": "1", "pose": pose}
    assert bob.post("/v1/translations", data=data).status_code == 404
    assert bob.delete(f"/v1/poses/{pose}").status_code == 404
    assert ada.delete(f"/v1/poses/{pose}").status_code == 204
    assert client_of("tom", "train").get("/v1/looks").status_code == 403
