"""Translations over HTTP are those of Translator, to the pixel."""

import base64
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import pytest
from drawings import difference, pixels_of, png, uploads
from fastapi.testclient import TestClient
from PIL import Image

from funit.classification import Recogniser
from funit.data.images import encode_image
from funit.data.menagerie import write_menagerie
from funit.gallery import Gallery
from funit.repository import ModelRepository
from funit.service.services import Services
from funit.service.settings import Limits
from funit.translator import Translator

ROUNDING = 1  # of 255: what batches of other sizes may change


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load("default")


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    path = ModelRepository().find("default").whole_gallery()
    assert path is not None
    return Gallery.read(path)


def test_one_content_image_is_answered_by_a_picture(
    client: TestClient, translator: Translator
) -> None:
    files = uploads("content", [1]) + uploads("examples", [2, 3])

    answer = client.post("/v1/translations", files=files)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-funit-model"] == "default@1"
    assert float(answer.headers["x-funit-milliseconds"]) > 0
    wanted = translator.translate(png(1), translator.encode_class([png(2), png(3)]))
    assert difference(answer.content, wanted) <= ROUNDING


def test_weights_say_what_each_example_counts(client: TestClient, translator: Translator) -> None:
    files = uploads("content", [1]) + uploads("examples", [2, 3, 4])

    answer = client.post("/v1/translations", files=files, data={"weights": ["1", "0", "3"]})

    look = translator.encode_class([png(2), png(3), png(4)], [1, 0, 3])
    assert difference(answer.content, translator.translate(png(1), look)) <= ROUNDING


def test_several_content_images_are_answered_in_order(
    client: TestClient, translator: Translator
) -> None:
    files = uploads("content", [4, 5, 4, 6]) + uploads("examples", [2])

    body = client.post("/v1/translations", files=files).json()

    look = translator.encode_class([png(2)])
    wanted = [translator.translate(png(seed), look) for seed in (4, 5, 4, 6)]
    assert body["model"] == "default@1"
    assert [each["pose"] for each in body["images"]] == [None] * 4
    for each, image in zip(body["images"], wanted, strict=True):
        assert difference(base64.b64decode(each["image"]), image) <= ROUNDING


def test_poses_and_looks_of_the_gallery_are_asked_for_by_name_or_number(
    client: TestClient, translator: Translator, gallery: Gallery
) -> None:
    data = {"pose": gallery.pose_names[4], "look": "3"}

    answer = client.post("/v1/translations", data=data)
    same = client.post("/v1/translations", data={"pose": "5", "look": gallery.look_names[2]})

    (wanted,) = translator.draw(gallery.poses[4:5], gallery.one_look(2))
    assert difference(answer.content, wanted) <= ROUNDING
    assert answer.headers["x-funit-pose"] == gallery.pose_names[4]
    assert difference(same.content, answer.content) == 0


def test_without_content_the_system_picks_poses_that_differ(client: TestClient) -> None:
    body = client.post("/v1/translations", data={"look": "1", "count": "4"}).json()
    other = client.post("/v1/translations", data={"look": "1", "count": "4", "seed": "7"}).json()

    poses = [each["pose"] for each in body["images"]]
    assert len(set(poses)) == 4
    assert poses != [each["pose"] for each in other["images"]]
    suggested = client.get("/v1/poses/suggest", params={"count": 4}).json()
    assert [each["pose"] for each in suggested] == poses
    assert {each["source"] for each in suggested} == {"gallery"}


@pytest.mark.parametrize("file_format", ["png", "webp", "jpeg"])
def test_size_and_format_are_those_asked_for(client: TestClient, file_format: str) -> None:
    data = {"look": "1", "pose": "1", "size": "100", "format": file_format}

    answer = client.post("/v1/translations", data=data)

    image = Image.open(BytesIO(answer.content))
    assert answer.headers["content-type"] == f"image/{file_format}"
    assert (image.size, image.format) == ((100, 100), file_format.upper())


def test_looks_are_blended_by_their_weights(
    client: TestClient, translator: Translator, gallery: Gallery
) -> None:
    def drawn(weights: list[str]) -> bytes:
        data = {"look": ["1", "2"], "weights": weights, "pose": "1"}
        answer = client.post("/v1/translations", data=data)
        assert answer.status_code == 200, answer.text
        return answer.content

    first, second = (
        translator.draw(gallery.poses[:1], gallery.one_look(index))[0] for index in (0, 1)
    )
    assert difference(drawn(["1", "0"]), first) <= ROUNDING
    assert difference(drawn(["0", "5"]), second) <= ROUNDING
    between = pixels_of(drawn(["1", "1"]))
    assert abs(between - pixels_of(first)).mean() < abs(pixels_of(second) - pixels_of(first)).mean()


def test_examples_and_looks_are_blended_at_once(client: TestClient) -> None:
    files = uploads("examples", [1, 2])
    made = client.post("/v1/looks", files=files, data={"weights": ["1", "2"]}).json()
    kept = client.post("/v1/looks/blend", json={"looks": [made["id"], "2"], "weights": [1, 3]})

    data = {"look": "2", "weights": ["1", "2", "9"], "pose": "1"}
    blended = client.post("/v1/translations", files=files, data=data)

    same = client.post("/v1/translations", data={"look": kept.json()["id"], "pose": "1"})
    assert blended.status_code == 200, blended.text
    assert difference(blended.content, same.content) <= ROUNDING


def test_what_is_unlike_the_training_data_is_said_to_be_strange(
    client: TestClient, tmp_path: Path
) -> None:
    write_menagerie(tmp_path / "zoo", num_classes=2, num_poses=2, size=64, seed=4242)
    pose, other, *_, look = sorted((tmp_path / "zoo").rglob("*.png"))
    random = np.random.default_rng(0)
    noise = encode_image(Image.fromarray(random.integers(0, 256, (64, 64, 3), np.uint8)), "PNG")
    gradient = encode_image(Image.linear_gradient("L").convert("RGB"), "PNG")

    def asked(contents: list[bytes], examples: list[bytes]) -> httpx2.Response:
        files = [("content", each) for each in contents] + [("examples", each) for each in examples]
        return client.post("/v1/translations", files=files)

    usual = asked([pose.read_bytes(), other.read_bytes()], [look.read_bytes()]).json()
    strange = asked([noise], [look.read_bytes(), gradient]).headers

    assert max(usual["strangeness"]["poses"]) < 1.5
    assert usual["strangeness"]["look"] < 1.7
    assert float(strange["x-funit-pose-strangeness"]) > 2
    assert float(strange["x-funit-look-strangeness"]) > 2


def test_a_model_without_statistics_says_nothing_of_strangeness(
    client: TestClient, services: Services, tiny_model: Path
) -> None:
    services.models.publish(tiny_model, "tiny")

    files = uploads("content", [1]) + uploads("examples", [2])
    alone = client.post("/v1/translations", files=files, data={"model": "tiny"})
    two = client.post("/v1/translations", files=files + files[:1], data={"model": "tiny"})

    assert alone.status_code == 200, alone.text
    assert not [name for name in alone.headers if "strangeness" in name]
    assert two.json()["strangeness"] is None


@pytest.mark.parametrize(
    ("files", "data", "status", "words"),
    [
        ([], {}, 400, "no look is given"),
        (uploads("content", [1]), {"look": "1", "pose": "1"}, 400, "`content` and `pose`"),
        (uploads("examples", [1]), {"look": "1", "weights": "1"}, 400, "1 weights are given for 2"),
        (uploads("examples", [1]), {"pose": "999"}, 404, "no pose `999`"),
        ([], {"look": "nobody"}, 404, "no look `nobody`"),
        ([], {"look": "look_0123456789abcdef"}, 404, "no look `look_0123456789abcdef`"),
        ([], {"look": "1", "pose": "pose_0123456789abcdef"}, 404, "no pose"),
        ([], {"look": "1", "model": "nothing"}, 404, "`nothing`"),
        ([], {"look": "1", "model": "default@99"}, 404, "no version 99"),
        ([], {"look": "1", "model": "../default"}, 404, "`../default`"),
        ([], {"look": "1", "model": "/etc"}, 404, "`/etc`"),
        ([], {"look": "1", "size": "8"}, 422, "size"),
        ([], {"look": "1", "format": "tiff"}, 422, "format"),
        ([], {"look": "1", "weights": ["1", "2"]}, 400, "2 weights are given for 1"),
        ([], {"look": ["1", "2"], "weights": ["-1", "2"]}, 400, "cannot be used"),
        ([], {"look": ["1", "2"], "weights": ["nan", "2"]}, 400, "cannot be used"),
        ([], {"look": ["1", "2"], "weights": ["1e308", "1e308"]}, 400, "cannot be used"),
        ([], {"look": "1", "threshold": "0.5"}, 400, "a look has no pictures"),
        (uploads("examples", [1]), {"threshold": "1.5"}, 422, "threshold"),
        ([("examples", ("a.png", b"no"))], {"pose": "1"}, 400, "a.png` is not an image"),
        ([("examples", ("a.png", b""))], {"pose": "1"}, 400, "a.png` is empty"),
        ([("examples", ("a.png", png(1)[:200]))], {"pose": "1"}, 400, "cut short"),
        (uploads("examples", range(33)), {"pose": "1"}, 413, "33 examples"),
    ],
)
def test_what_cannot_be_done_is_answered_with_what_to_do(
    client: TestClient,
    files: list[tuple[str, tuple[str, bytes]]],
    data: dict[str, str | list[str]],
    status: int,
    words: str,
) -> None:
    answer = client.post("/v1/translations", files=files or None, data=data)

    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "hint"}
    assert words in answer.json()["error"]


def test_pictures_of_too_many_bytes_or_pixels_are_refused(
    client_with: Callable[..., TestClient],
) -> None:
    files = uploads("examples", [1])

    small = client_with(limits=Limits(upload_bytes=300))
    coarse = client_with(limits=Limits(pixels=64 * 63))

    assert small.post("/v1/translations", files=files).status_code == 413
    answer = coarse.post("/v1/translations", files=files, data={"pose": "1"})
    assert answer.status_code in (400, 413)
    assert "the limit is" in answer.json()["error"]


def scored(translator: Translator, contents: list[int], examples: list[int]) -> list[float]:
    """What each translation scores."""
    recogniser = Recogniser.of(translator, "cpu")
    shown = [png(seed) for seed in examples]
    look = translator.encode_class(shown)
    results = [translator.translate(png(seed), look) for seed in contents]
    return recogniser.likeness(results, recogniser.learn_one(shown))


def test_a_result_below_the_threshold_is_refused_with_its_score(
    client: TestClient, translator: Translator
) -> None:
    files = uploads("content", [1]) + uploads("examples", [2, 3])
    (score,) = scored(translator, [1], [2, 3])

    def answer(threshold: float) -> httpx2.Response:
        return client.post("/v1/translations", files=files, data={"threshold": str(threshold)})

    used, refused = answer(score - 0.02), answer(score + 0.02)

    assert (used.status_code, refused.status_code) == (200, 422)
    assert float(used.headers["x-funit-score"]) == pytest.approx(score, abs=0.01)
    assert refused.headers["x-funit-score"] == used.headers["x-funit-score"]
    assert "is below the threshold" in refused.json()["error"]
    assert "show more examples" in refused.json()["hint"]
    without = client.post("/v1/translations", files=files)
    assert difference(used.content, without.content) == 0
    assert "x-funit-score" not in without.headers


def test_of_several_results_those_below_the_threshold_have_no_image(
    client: TestClient, translator: Translator
) -> None:
    files = uploads("content", [4, 5, 6]) + uploads("examples", [2])
    scores = scored(translator, [4, 5, 6], [2])
    threshold = sorted(scores)[1] - 0.001  # refuses the worst

    body = client.post("/v1/translations", files=files, data={"threshold": str(threshold)}).json()
    without = client.post("/v1/translations", files=files).json()

    assert [each["score"] for each in body["images"]] == pytest.approx(scores, abs=0.01)
    for each, score, plain in zip(body["images"], scores, without["images"], strict=True):
        is_used = score >= threshold
        assert each["image"] == (plain["image"] if is_used else None)
        assert (each["error"] is None) == is_used
        assert plain.keys() == {"image", "media_type", "pose"}


FIRST_ANSWER = """
import sys, tempfile
from fastapi.testclient import TestClient
from funit.service.app import create_app
from funit.service.services import open_services
from funit.service.settings import ServiceSettings
folder = tempfile.mkdtemp()
database = f"sqlite:///{folder}/funit.db"
settings = ServiceSettings(database_url=database, storage_url=folder, keys="none")
with open_services(settings) as services:
    answer = TestClient(create_app(services)).post(
        "/v1/translations", data={"look": "1", "pose": "1"}
    )
    assert answer.status_code == 200, answer.text
assert "torch" not in sys.modules
"""


def test_an_answer_needs_no_pytorch() -> None:
    subprocess.run([sys.executable, "-c", FIRST_ANSWER], check=True, timeout=120)
