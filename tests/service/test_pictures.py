"""Pictures that clients send: every route that takes some holds them against the same limits."""

import struct
import zlib
from collections.abc import Callable

import pytest
from drawings import png
from fastapi.testclient import TestClient

from funit.service.settings import Limits

ROUTES = {  # route -> the field with the picture, and what it needs beside
    "/v1/poses": ("content", []),
    "/v1/looks": ("examples", []),
    "/v1/translations": ("content", [("examples", ("fox.png", png(1)))]),
    "/v1/classifications": ("images", []),
}
EACH_ROUTE = pytest.mark.parametrize("route", ROUTES)


def png_that_says(width: int, height: int) -> bytes:
    """A header with that size, and no pixels behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def post(client: TestClient, route: str, name: str, content: bytes) -> tuple[int, dict[str, str]]:
    field, beside = ROUTES[route]
    answer = client.post(route, files=[(field, (name, content)), *beside])
    body: dict[str, str] = answer.json()
    return answer.status_code, body


@EACH_ROUTE
@pytest.mark.parametrize("size", [(101, 100), (2**31 - 1, 2**31 - 1)])
def test_a_picture_with_too_many_pixels_is_refused_by_its_header(
    client_with: Callable[..., TestClient], route: str, size: tuple[int, int]
) -> None:
    client = client_with(limits=Limits(pixels=10_000))

    status, body = post(client, route, "bomb.png", png_that_says(*size))

    assert status == 413
    assert "bomb.png` has" in body["error"]


@EACH_ROUTE
@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"%PDF-1.4", png(1)[:-40], b"\x80\x04K\x01.", b"file:///etc"]
)
def test_what_is_no_picture_is_refused(client: TestClient, route: str, content: bytes) -> None:
    status, body = post(client, route, "/etc/passwd", content)

    assert status == 400
    assert set(body) == {"error", "hint"}


@EACH_ROUTE
def test_more_bytes_than_allowed_are_refused(
    client_with: Callable[..., TestClient], route: str
) -> None:
    client = client_with(limits=Limits(upload_bytes=300))

    assert post(client, route, "cat.png", png(2))[0] == 413
