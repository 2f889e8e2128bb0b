"""What a process costs from its start to its first translation, and commands without one."""

from pathlib import Path

from funit.benchmark.contenders import missing
from funit.benchmark.goals import HELP, MODELS_LIST, START_ONNX, START_OPENVINO, START_TORCH
from funit.benchmark.results import median_of, share_of
from funit.benchmark.rounds import child_cpu_seconds, run_python
from funit.benchmark.workbench import Workbench

COMMANDS = {HELP: ["--help"], MODELS_LIST: ["models", "list"]}
FIRST_TRANSLATION = {"torch": START_TORCH, "onnxruntime": START_ONNX, "openvino": START_OPENVINO}


def measure_startup(bench: Workbench) -> None:
    """Processes, one after the other."""
    _first_translation(bench)
    home = bench.folder / "home"  # whoever measures may have many models of their own
    home.mkdir()
    variables = {"FUNIT_HOME": str(home)}
    costs = {
        what: child_cpu_seconds(["-m", "funit", *args], variables)
        for what, args in COMMANDS.items()
    }
    for what, taken in bench.in_turn("commands", costs, bench.scale.command_rounds).items():
        bench.results.add(what, "", median_of(taken))


def _first_translation(bench: Workbench) -> None:
    content, example = bench.files
    out = bench.folder / "first.png"
    commands: dict[str, list[str | Path]] = {}
    commands["plain"] = ["-m", "funit.benchmark.plain_script", bench.model, content, example, out]
    for engine, what in FIRST_TRANSLATION.items():
        if reason := missing(engine):
            bench.results.leave_out(what, "K = 1", reason)
            continue
        commands[what] = ["-m", "funit", "translate", content, "--like", example, "--force"]
        commands[what] += ["--model", bench.model, "--engine", engine, "--out", out]
    for command in commands.values():
        run_python(command)  # graphs that are made once are made now
    costs = {name: child_cpu_seconds(command) for name, command in commands.items()}
    found = bench.in_turn("first translation", costs, bench.scale.child_rounds, warm_up=False)
    plain = found.pop("plain")
    for what, taken in found.items():
        bench.results.add(what, "K = 1", share_of(plain, taken))
