"""The rules that CONTRIBUTING.md states, held over the syntax tree of every module."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "funit"

# Imports point down, never up; what stands on one line does not import each other.
LAYERS = [
    "cli",
    "service",
    "tuning benchmark demo curator",
    "quantization exhibition classification statistics",
    "evaluation",
    "translator export fine_tuning model_exchange",
    "gallery triton",
    "engines repository training",
    "published_models",
    "model_folder onnx_export contents",
    "data model feature_networks database storage client",
    "config home",
    "errors",
]
RANKS = {name: rank for rank, layer in enumerate(LAYERS) for name in layer.split()}
TOP = {"__init__", "__main__"}  # the public names and `python -m funit`: they may import anything

MAX_FUNCTION_LINES = 60
MODULE_NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "misc", "common", "tools", "base"}
LOADERS_THAT_RUN_CODE = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}


@cache
def modules() -> dict[str, ast.Module]:
    """`data.catalog` -> its syntax tree; a package goes by its own name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        words = path.relative_to(SOURCE).with_suffix("").parts
        if len(words) > 1 and words[-1] == "__init__":
            words = words[:-1]
        found[".".join(words)] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module of funit that a module imports, anywhere in it, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "funit":
                    yield (
                        alias.name.removeprefix("funit").removeprefix(".") or "__init__",
                        node.lineno,
                    )
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: a relative import"
            package, _, rest = (node.module or "").partition(".")
            if package == "funit":
                for alias in node.names:
                    inside = f"{rest}.{alias.name}" if rest else alias.name
                    if inside in modules():
                        yield inside, node.lineno
                    elif rest:
                        yield rest, node.lineno
                    elif alias.name != "__version__":  # a constant: no import of what is above
                        yield "__init__", node.lineno


def part(module: str) -> str:
    """`data.catalog` -> `data`."""
    return module.partition(".")[0]


def test_every_module_has_a_place() -> None:
    assert {part(name) for name in modules()} <= set(RANKS) | TOP


def test_contributing_shows_the_same_layers() -> None:
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())

    assert " ".join(LAYERS) in text


def test_imports_point_down_and_siblings_leave_each_other_alone() -> None:
    wrong = [
        f"{name}:{line} imports {target}"
        for name, tree in modules().items()
        if part(name) not in TOP
        for target, line in imports(tree)
        if part(target) != part(name)
        and (part(target) in TOP or RANKS[part(name)] >= RANKS[part(target)])
    ]

    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        name: {target for target, _ in imports(tree)} - {name}
        for name, tree in modules().items()
        if name != "__init__"
    }
    while free := [name for name, targets in graph.items() if not targets & graph.keys()]:
        for name in free:
            del graph[name]

    assert graph == {}


def test_training_knows_no_metric_and_no_repository() -> None:
    known = {
        part(t) for n, tree in modules().items() if part(n) == "training" for t, _ in imports(tree)
    }

    assert known.isdisjoint({"evaluation", "repository", "translator"})


IMPORTS_LATE = {  # what a choice is made between, and what takes seconds that others need not wait
    "cli",
    "engines.choice",
    "repository",
    "service.routes.classifications",
    "service.routes.models",
    "service.routes.translations",
    "service.server",
    "service.worker",
}


def test_imports_of_funit_stand_inside_functions_only_where_a_choice_is_made() -> None:
    wrong = [
        f"{name}:{line} imports {target}"
        for name, tree in modules().items()
        if name not in TOP | IMPORTS_LATE
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for target, line in imports(function)
    ]

    assert wrong == []


def test_functions_are_short() -> None:
    long = [
        f"{name}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for name, tree in modules().items()
        if not name.startswith("database.migrations.versions")  # lists of tables
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    ]

    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    names = {word for name in modules() for word in name.split(".")}

    assert names.isdisjoint(MODULE_NAMES_THAT_SAY_NOTHING)
    assert [name for name, tree in modules().items() if not ast.get_docstring(tree)] == []


def reads_tensors_alone(node: ast.AST) -> bool:
    """`torch.load(..., weights_only=True)`: its unpickler makes tensors and calls nothing else."""
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "torch.load"
        and any(ast.unparse(each) == "weights_only=True" for each in node.keywords)
    )


def test_nothing_is_read_or_written_that_could_run_code() -> None:
    wrong = []
    for name, tree in modules().items():
        # weights that others published, which come in no other form
        allowed = {
            node.func
            for node in ast.walk(tree)
            if name == "feature_networks"
            and isinstance(node, ast.Call)
            and reads_tensors_alone(node)
        }
        for node in ast.walk(tree):
            if node in allowed:
                continue
            if isinstance(node, ast.Import | ast.ImportFrom):
                named = {alias.name.partition(".")[0] for alias in node.names}
                named.add((getattr(node, "module", None) or "").partition(".")[0])
                found = bool(named & LOADERS_THAT_RUN_CODE)
            elif isinstance(node, ast.Attribute):
                found = ast.unparse(node) in {"torch.save", "torch.load", "yaml.load"}
            elif isinstance(node, ast.keyword):
                found = node.arg == "allow_pickle" and ast.unparse(node.value) != "False"
            else:
                found = False
            if found:
                wrong.append(f"{name}: {ast.unparse(node)}")

    assert wrong == []


def test_the_device_follows_the_input() -> None:
    calls = [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "cuda"
    ]

    assert calls == []


@pytest.mark.parametrize("module", ["funit", "funit.config", "funit.errors", "funit.home"])
def test_what_every_command_imports_does_not_import_torch(module: str) -> None:
    code = f"import sys, {module}; print('torch' in sys.modules, 'numpy' in sys.modules)"

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert printed.split() == ["False", "False"]
