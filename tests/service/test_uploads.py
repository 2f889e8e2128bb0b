"""Pictures that come in and go out."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from fastapi import FastAPI, Response, UploadFile
from fastapi.testclient import TestClient
from PIL import Image

from funit.data.images import fit
from funit.service.app import create_app
from funit.service.services import Services
from funit.service.settings import Limits
from funit.service.uploads import ImageFormat, UploadsOf


@pytest.fixture
def client(services: Services) -> TestClient:
    settings = services.settings.model_copy(
        update={"limits": Limits(pixels=10_000, upload_bytes=100_000, num_examples=2)}
    )
    app: FastAPI = create_app(replace(services, settings=settings))

    @app.post("/same")
    async def same(
        file: UploadFile, uploads: UploadsOf, file_format: ImageFormat = "png"
    ) -> Response:
        return await uploads.answer(await uploads.read(file), file_format)

    @app.post("/sizes")
    async def sizes(examples: list[UploadFile], uploads: UploadsOf) -> list[int]:
        at_most = uploads.limits.num_examples
        return await uploads.read_all(
            examples, "examples", at_most, lambda image: fit(image, 8).width
        )

    return TestClient(app)


def encoded(size: tuple[int, int] = (20, 10), **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (*reversed(size), 3), dtype=np.uint8)
    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG", **options)
    return content.getvalue()


def png_that_says(width: int, height: int) -> bytes:
    """A header with that size, and no pixels behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


Post = Callable[..., Response]


def test_a_picture_comes_back_with_its_pixels_and_nothing_else(client: TestClient) -> None:
    sent = encoded(icc_profile=b"<script>alert(1)</script>", exif=b"Exif\x00\x00secret")

    answer = client.post("/same", files={"file": ("cat.png", sent)})

    assert answer.headers["Content-Type"] == "image/png"
    assert b"script" not in answer.content
    assert b"secret" not in answer.content
    got, given = Image.open(BytesIO(answer.content)), Image.open(BytesIO(sent))
    assert np.array_equal(np.asarray(got), np.asarray(given))


@pytest.mark.parametrize("file_format", ["png", "webp", "jpeg"])
def test_answers_come_in_the_format_that_is_asked_for(client: TestClient, file_format: str) -> None:
    answer = client.post(
        "/same", params={"file_format": file_format}, files={"file": ("cat.png", encoded())}
    )

    assert answer.headers["Content-Type"] == f"image/{file_format}"
    assert Image.open(BytesIO(answer.content)).format == file_format.upper()


def test_a_picture_with_too_many_pixels_is_refused_by_its_header(client: TestClient) -> None:
    for size in ((101, 100), (2**31 - 1, 2**31 - 1)):
        answer = client.post("/same", files={"file": ("bomb.png", png_that_says(*size))})

        assert answer.status_code == 413
        assert "`bomb.png` has" in answer.json()["error"]


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"%PDF-1.4", encoded()[:-40], b"\x80\x04K\x01.", b"file:///etc"]
)
def test_what_is_no_picture_is_refused(client: TestClient, content: bytes) -> None:
    answer = client.post("/same", files={"file": ("/etc/passwd", content)})

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "hint"}


def test_no_more_pictures_than_allowed(client: TestClient) -> None:
    files = [("examples", (f"{number}.png", encoded())) for number in range(3)]

    assert client.post("/sizes", files=files[:2]).json() == [8, 8]
    refused = client.post("/sizes", files=files)
    assert refused.status_code == 413
    assert refused.json()["error"] == "`examples` has 3 pictures: the limit is 2"
