"""The web page at `/`: what is built is sent, packed where it can be; else how to build it."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from funit.service.routes import page

SCRIPT = b"export const answer = 42;\n" * 100


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<title>funit</title>")
    (static / "secret.js").write_text("not a part of the page")
    (static / "assets" / "main-1.js").write_bytes(SCRIPT)
    (static / "assets" / "main-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    monkeypatch.setattr(page, "STATIC", static)
    return static


def test_without_a_page_it_says_how_to_build_one(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "STATIC", tmp_path / "nothing")
    answer = client.get("/")
    assert answer.status_code == 200
    assert "make web" in answer.text


def test_the_page_is_asked_for_anew_and_its_parts_are_kept(client: TestClient, built: Path) -> None:
    index = client.get("/")
    assert index.text == "<title>funit</title>"
    assert index.headers["Cache-Control"] == "no-cache"
    assert index.headers["Cross-Origin-Opener-Policy"] == "same-origin"  # threads in wasm
    assert index.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    part = client.get("/assets/main-1.js")
    assert part.content == SCRIPT
    assert part.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in part.headers["Cache-Control"]


def test_a_part_is_packed_for_those_who_unpack(client: TestClient, built: Path) -> None:
    packed = client.get("/assets/main-1.js", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == SCRIPT
    assert int(packed.headers["Content-Length"]) < len(SCRIPT)
    plain = client.get("/assets/main-1.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.content == SCRIPT


@pytest.mark.parametrize("file", ["no.js", "..%2Fsecret.js", "%2e%2e/secret.js", "main-1.txt"])
def test_nothing_else_is_sent(client: TestClient, built: Path, file: str) -> None:
    assert client.get(f"/assets/{file}").status_code == 404


def test_the_page_needs_no_key(client_with: Callable[..., TestClient], built: Path) -> None:
    client = client_with(keys="required")
    assert client.get("/").status_code == 200
    assert client.get("/assets/main-1.js").status_code == 200
    assert client.get("/v1/models").status_code == 401
