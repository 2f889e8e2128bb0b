"""The examples with curl: there is one for each route, and a service that runs answers them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs
import pytest
from PIL import Image
from serving import funit, serving

from funit.data.menagerie import write_menagerie
from funit.service.app import create_app
from funit.service.services import open_services
from funit.service.settings import ServiceSettings

DOCS = Path(__file__).parent.parent / "docs"
# in an order in which each finds what it needs
PAGES = ["service", "translations", "datasets", "classification", "repository", "jobs"]
NOT_DESCRIBED = {("GET", "/openapi.json"), ("GET", "/docs")}
# of a job that nobody does
NOT_YET = re.compile(r"/v1/jobs/[\w-]+/(report|report/page|pictures/curves\.png)$")
WITH_VALUE = {"-H", "-F", "-X", "-d", "--json", "-o"}


@dataclass
class Example:
    """One call of curl in the docs."""

    line: str
    method: str = "GET"
    path: str = ""
    query: list[str] = field(default_factory=list)
    form: list[str] = field(default_factory=list)
    body: Any = None


def scripts(page: Path) -> list[str]:
    """The shell blocks with a call of curl."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    return [block for block in blocks if "curl " in block]


def examples(page: Path) -> Iterator[Example]:
    for block in scripts(page):
        whole = re.sub(r"\\\n|\s#.*$", " ", block, flags=re.MULTILINE)
        words = shlex.shlex(whole, posix=True, punctuation_chars="|>()\n")
        words.whitespace, words.whitespace_split = " \t", True
        found: list[str] | None = None
        for word in [*words, "\n"]:
            if word == "curl":
                found = []
            elif found is not None and re.fullmatch(r"[|>()\n]+", word):
                yield read(found)
                found = None
            elif found is not None:
                found.append(word)


def read(words: list[str]) -> Example:
    example, method = Example(" ".join(words)), ""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        value = rest.pop(0) if word in WITH_VALUE else ""
        if word == "-X":
            method = value
        elif word == "-F":
            example.form.append(value.partition("=")[0])
        elif word in ("-d", "--json"):
            example.body = json.loads(value)
        elif word.startswith("$URL/"):
            url = urlsplit(word.removeprefix("$URL"))
            example.path, example.query = url.path, [name for name, _ in parse_qsl(url.query)]
    has_body = example.form or example.body is not None
    example.method = method or ("POST" if has_body else "GET")
    return example


ALL = [(page, each) for page in PAGES for each in examples(DOCS / f"{page}.md")]


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("service")
    url = f"sqlite:///{folder / 'funit.db'}"
    with open_services(ServiceSettings(database_url=url, storage_url=str(folder))) as services:
        described: dict[str, Any] = create_app(services).openapi()
    return described


def routes(schema: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


def route_of(example: Example, schema: dict[str, Any]) -> tuple[str, str] | None:
    """Which route an example asks: a fixed word in a path comes before a name."""
    fitting = [
        (method, path)
        for method, path in routes(schema)
        if method == example.method
        and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), example.path)
    ]
    return min(fitting, key=lambda route: route[1].count("{"), default=None)


def test_every_route_has_an_example(schema: dict[str, Any]) -> None:
    shown = {route_of(example, schema) for _, example in ALL}

    assert sorted(routes(schema).keys() - shown) == []


@pytest.mark.parametrize(("page", "example"), ALL, ids=lambda each: getattr(each, "line", each))
def test_every_example_asks_what_a_route_takes(
    page: str, example: Example, schema: dict[str, Any]
) -> None:
    if (example.method, example.path) in NOT_DESCRIBED:
        return
    route = route_of(example, schema)
    assert route is not None, f"docs/{page}.md: no route {example.method} {example.path}"
    operation = routes(schema)[route]

    known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    assert set(example.query) <= known
    bodies = operation.get("requestBody", {}).get("content", {})
    if example.form:
        fields = resolved(bodies["multipart/form-data"]["schema"], schema)
        assert set(fields.get("required", [])) <= set(example.form) <= fields["properties"].keys()
    if example.body is not None:
        wanted = {**resolved(bodies["application/json"]["schema"], schema), **schema}
        jsonschema_rs.validate(wanted, example.body)


def resolved(found: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for name in found.get("$ref", "#/")[2:].split("/") if "$ref" in found else ():
        schema = schema[name]
    return schema if "$ref" in found else found


def test_no_page_shows_curl_that_is_not_looked_at() -> None:
    for page in sorted({*DOCS.glob("*.md"), DOCS.parent / "README.md"}):
        lines = re.findall(r"\bcurl (?=-|\$|http)", page.read_text(encoding="utf-8"))
        assert len(lines) == (len(list(examples(page))) if page.stem in PAGES else 0), page


def test_a_service_that_runs_answers_every_example(tmp_path: Path) -> None:
    for program in ("bash", "curl", "jq"):
        if shutil.which(program) is None:
            pytest.skip(f"NO {program} HERE: the examples are not run")
    home, work, root = (tmp_path / name for name in ("home", "work", "root"))
    work.mkdir()
    write_files(work, root)
    key = funit("keys", "create", "ada", "--scope", "admin", home=home).stdout.strip()
    script = "\n".join(block for page in PAGES for block in scripts(DOCS / f"{page}.md"))

    options = ["--keys", "required", "--no-jobs", "--data-root", str(root)]
    with serving(*options, home=home) as served:
        until = time.monotonic() + 60
        while served.get("/readyz").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.1)
        served.wait_for("request", route="/readyz", status=200)  # the log comes a little later
        heard = len(served.logged("request"))
        run = subprocess.run(
            ["bash", "-u", "-c", script.replace("http://127.0.0.1:8000", served.url)],
            cwd=work,
            env={**os.environ, "KEY": key},
            capture_output=True,
            text=True,
            timeout=300,
        )
        asked = served.wait_for("request", count=heard + len(ALL))[heard:]

    assert "unbound variable" not in run.stderr
    assert len(asked) == len(ALL)
    failed = [f"{a['method']} {a['path']}: {a['status']}" for a in asked if a["status"] >= 400]
    assert [each for each in failed if not NOT_YET.search(each.partition(":")[0])] == []
    for name in ("cat-as-fox", "look", "pose", "gallery", "drawn", "thumbnail"):
        with Image.open(work / f"{name}.png") as image:
            assert image.format == "PNG"
    assert len(json.loads((work / "four.json").read_text())["images"]) == 4
    assert "event: state" in run.stdout


def write_files(work: Path, root: Path) -> None:
    """The files that the examples name."""
    write_menagerie(work / "heroes.zip", num_classes=3, num_poses=3, size=64, seed=5)
    with zipfile.ZipFile(work / "heroes.zip") as file:
        file.extractall(root / "art")
        pictures = iter(sorted(file.namelist()))
        for name in ("cat", "fox-1", "fox-2", "wolf-1", "what", "1", "2"):
            (work / f"{name}.png").write_bytes(file.read(next(pictures)))
