"""Poses are uploaded, asked for by their ids, and suggested."""

from io import BytesIO
from pathlib import Path

from drawings import difference, pixels_of, png, uploads
from fastapi.testclient import TestClient
from PIL import Image

from funit.service.services import Services

ROUNDING = 1


def upload(client: TestClient, seed: int, size: int = 64) -> str:
    files = [("content", ("pose.png", png(seed, size)))]
    answer = client.post("/v1/poses", files=files)
    assert answer.status_code == 201, answer.text
    pose: str = answer.json()["id"]
    return pose


def test_a_pose_is_translated_as_its_picture_is(client: TestClient) -> None:
    pose = upload(client, 1)

    by_id = client.post("/v1/translations", data={"look": "1", "pose": pose})
    files = uploads("content", [1])
    by_picture = client.post("/v1/translations", data={"look": "1"}, files=files)

    assert difference(by_id.content, by_picture.content) <= ROUNDING
    assert by_id.headers["x-funit-pose"] == pose


def test_what_is_kept_is_a_picture_encoded_anew(client: TestClient, services: Services) -> None:
    image, file = Image.new("RGB", (40, 60), (9, 8, 7)), BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    image.save(file, "JPEG", exif=exif, quality=95)
    sent = file.getvalue() + b"<script>"

    body = client.post("/v1/poses", files={"content": ("p.jpg", sent)}, data={"name": "p"}).json()

    kept = client.get(f"/v1/poses/{body['id']}/image")
    assert (body["name"], body["width"], body["height"]) == ("p", 60, 40)
    assert kept.headers["content-type"] == "image/png"
    assert pixels_of(kept.content).shape == (40, 60, 3)
    assert b"where I live" not in kept.content
    assert b"<script>" not in kept.content
    assert all(b"where I live" not in services.storage.get(h) for h in services.storage.all())


def test_a_large_pose_is_kept_no_larger_than_models_see(client: TestClient) -> None:
    answer = client.post("/v1/poses", files={"content": ("big.png", png(1, 1500))}).json()

    assert (answer["width"], answer["height"]) == (1024, 1024)


def test_suggestions_are_of_the_gallery_and_of_the_caller(client: TestClient) -> None:
    pose = upload(client, 1)

    suggested = client.get("/v1/poses/suggest", params={"count": 64}).json()

    assert len(suggested) == 33
    assert {"pose": pose, "source": "uploaded"} in suggested
    assert len({each["pose"] for each in suggested}) == 33


def test_without_a_gallery_poses_are_picked_among_the_uploaded_ones(
    client: TestClient, services: Services, tiny_model: Path
) -> None:
    services.models.publish(tiny_model, "tiny")
    data = {"model": "tiny"}
    files = uploads("examples", [1])
    assert client.post("/v1/translations", data=data, files=files).status_code == 404

    poses = {upload(client, seed) for seed in range(3)}

    body = client.post("/v1/translations", data={**data, "count": "5"}, files=files).json()
    assert {each["pose"] for each in body["images"]} == poses


def test_a_pose_that_is_removed_is_gone_with_its_file(
    client: TestClient, services: Services
) -> None:
    pose = upload(client, 1)
    assert [each["id"] for each in client.get("/v1/poses").json()] == [pose]

    assert client.delete(f"/v1/poses/{pose}").status_code == 204

    assert client.get(f"/v1/poses/{pose}/image").status_code == 404
    assert client.delete(f"/v1/poses/{pose}").status_code == 404
    assert list(services.storage.all()) == []


def test_the_gallery_names_what_a_model_brings_and_draws_it(client: TestClient) -> None:
    body = client.get("/v1/gallery").json()

    assert (len(body["poses"]), len(body["looks"]), body["model"]) == (32, 16, "default@1")
    assert sorted(p for row in body["rows"].values() for p in row) == sorted(body["poses"])
    asked = {"pose": body["poses"][1], "look": body["looks"][2]}
    image = client.get("/v1/gallery/image", params=asked)
    wanted = client.post("/v1/translations", data=asked)
    assert difference(image.content, wanted.content) <= ROUNDING
    assert client.get("/v1/gallery?model=nothing").status_code == 404
    assert client.get("/v1/gallery/image?look=99").status_code == 404
