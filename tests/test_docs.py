"""The docs agree with the code: settings, commands, options, make targets, files, links."""

import ast
import re
import runpy
import tomllib
from pathlib import Path

import pytest
from commands import unknown_words

from funit.config import setting_names

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_of(page: Path) -> str:
    """Whatever stands in backticks, in fences or indented as code."""
    text = text_of(page)
    spans = re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`|^ {4}(.+)$", text, re.DOTALL | re.MULTILINE)
    return "\n".join("".join(span) for span in spans)


def test_the_page_of_settings_is_the_one_that_the_settings_give() -> None:
    written = runpy.run_path(str(ROOT / "scripts" / "write_settings.py"))["settings_page"]()

    assert text_of(ROOT / "docs" / "settings.md") == written, "run `make docs`"
    assert all(f"| `{name}`" in written for name in setting_names())


def test_the_page_of_the_service_has_the_table_that_its_settings_give() -> None:
    written = runpy.run_path(str(ROOT / "scripts" / "write_settings.py"))["service_page"]()

    assert text_of(ROOT / "docs" / "service.md") == written, "run `make docs`"


def test_the_page_of_performance_quotes_the_benchmark_that_is_committed() -> None:
    written = runpy.run_path(str(ROOT / "scripts" / "write_performance.py"))["performance_page"]()

    assert text_of(ROOT / "docs" / "performance.md") == written, "run scripts/write_performance.py"


@EACH_PAGE
def test_every_setting_that_is_named_exists(page: Path) -> None:
    named = re.findall(
        r"(?<!funit\.)\b(?:model|data|training|weights)\.[a-z][a-z_]+\b", code_of(page)
    )

    settings = {
        name
        for name in named
        if name.split(".")[1] not in ("md", "json", "py", "zip", "safetensors", "onnx")
    }
    assert settings <= set(setting_names())


@EACH_PAGE
def test_every_command_and_option_that_is_shown_exists(page: Path) -> None:
    wrong = [
        f"funit {line}: {word}"
        for line in re.findall(r"^(?:\.venv/bin/)?funit (.+)$", code_of(page), re.MULTILINE)
        for word in unknown_words(line.partition("#")[0].split())
    ]

    assert wrong == []


@EACH_PAGE
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"^make ([a-z-]+)", code_of(page), re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))

    assert named <= targets


@EACH_PAGE
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"(?<![\w/])((?:src|tests|docs|scripts|web)/[\w./-]+\.\w+)", code_of(page))

    assert [name for name in named if not (ROOT / name).exists()] == []


@EACH_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text_of(page))
    local = [link for link in links if not link.startswith("https://")]

    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_tree_of_the_readme_shows_what_is_there() -> None:
    tree = text_of(ROOT / "README.md").partition("src/funit/\n")[2].partition("\n    tests/")[0]
    shown = set(re.findall(r"^ {6}(\S+)", tree, re.MULTILINE))

    there = {
        path.name + "/" * path.is_dir()
        for path in (ROOT / "src" / "funit").iterdir()
        if not path.name.startswith("_")
    }
    assert shown == there


def test_the_two_commands_stand_at_the_top_of_the_readme() -> None:
    top = text_of(ROOT / "README.md").partition("\n## ")[0]

    assert re.findall(r"^ {4}(make \w+)", top, re.MULTILINE) == ["make demo", "make test"]


def test_every_extra_is_installed_by_make() -> None:
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    extras = re.search(r"^EXTRAS := (.+)$", text_of(ROOT / "Makefile"), re.MULTILINE)

    assert extras is not None
    # the extra `docs` is that of `make site` alone
    assert {*extras[1].split(","), "docs"} == set(project["optional-dependencies"])


def test_every_make_target_is_explained() -> None:
    makefile = text_of(ROOT / "Makefile")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)

    assert set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) == set(phony.split())


def test_every_page_stands_in_the_navigation_of_the_site() -> None:
    nav = tomllib.loads(text_of(ROOT / "zensical.toml"))["project"]["nav"]

    shown = [name for entry in nav for name in entry.values()]
    assert sorted(shown) == [page.name for page in sorted((ROOT / "docs").glob("*.md"))]


BOXES = [
    "client",
    "interface layer",
    "image manager",
    "data repository",
    "training manager",
    "evaluator",
    "model repository",
    "image generator",
    "image generator: content encoder",
    "image generator: class encoder",
    "image generator: AdaIN decoder",
    "image generator: image decoder",
    "classifier",
]


def patent_rows(heading: str) -> list[list[str]]:
    """The cells of a table in docs/patent.md."""
    section = text_of(ROOT / "docs" / "patent.md").partition(f"\n## {heading}\n")[2]
    table = section.partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \|$", table, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows[1:]]


def defined_names() -> set[str]:
    """Every class and function of the package, and what a class defines as CLASS.NAME."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.ClassDef):
                inner = [
                    n.name
                    for n in node.body
                    if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
                ]
                found |= {node.name, *(f"{node.name}.{name}" for name in inner)}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
    return found


def test_the_patents_page_has_every_box_with_code_and_tests() -> None:
    rows = {row[0]: row for row in patent_rows("The system")}

    assert sorted(rows) == sorted(BOXES)
    for box, (_, what, code, test, *_rest) in rows.items():
        assert what, box
        assert re.findall(r"`(?:src/[\w/]+\.py|[A-Z]\w+)`", code), box
        assert re.findall(r"`tests/[\w/]+\.py`", test), box


def test_what_the_patents_page_calls_by_its_name_is_defined() -> None:
    spans = re.findall(r"`([A-Za-z_]\w*(?:\.\w+)?)`", text_of(ROOT / "docs" / "patent.md"))
    words = {"curl", "seen", "unseen", "add_to"}  # a program, folders, a field of a form

    named = set(spans) - words - set(setting_names())
    assert len(named) > 20
    assert sorted(named - defined_names()) == []


def test_the_clients_page_names_every_verb() -> None:
    from funit import Client

    text = text_of(ROOT / "docs" / "client.md")
    table = text.partition("| verbs |")[2].partition("\n\n")[0]
    verbs = {name for name in dir(Client) if not name.startswith("_")} - {"close"}
    assert set(re.findall(r"`(\w+)`", table)) == verbs
