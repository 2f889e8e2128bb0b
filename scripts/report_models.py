"""Evaluates models, each on its data: all figures go to docs/results.md, the main ones elsewhere.

    python scripts/report_models.py FOLDER MODEL=DATA[=PART]... [--at-once N] [--docs FOLDER]
                                    [--pairs N] [--shots 1,5] [--only accuracy,spread]

Each is one `funit evaluate`, with every measure unless `--only` names some: allow an hour a model
on one thread. FOLDER gets its JSON and its page with pictures; what the same command has evaluated
there before is not evaluated again.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from splice import spliced

from funit.evaluation.baselines import BASELINES
from funit.evaluation.measures import better
from funit.evaluation.report import ARROWS, Report, shown
from funit.evaluation.scores import REAL_IMAGES
from funit.home import whole_file

ROOT = Path(__file__).parent.parent
DETAILS, SUMMARY = "results.md", "evaluation.md"
INTRODUCTION = """# Results

Written by

    {command}

Seed 0. [evaluation.md](evaluation.md) says what each metric is; the arrow is the better direction,
in brackets stands the 95% interval. [runs.md](runs.md) says how the models were trained.
A model is as it was at its commit: one that is shipped may have been replaced since.
"""
MAIN_BLOCK = "results"  # of that page: the main figures
MAIN_METRICS = (  # of evaluation.md, in this order; how their names begin
    "l1_foreground",
    "ssim_foreground",
    "perceptual_foreground",
    "top1_test",
    "top5_test",
    "top1_all",
    "top5_all",
    "dipd",
    "is_test",
    "fid",
    "mfid",
    "mkid",
    "coverage",
    "few_shot_0",
    "few_shot_1",
    "few_shot_50",
    "few_shot_100",
    "copies",
    "look_spread",
    "pose_spread",
)


@dataclass(frozen=True)
class Task:
    """A model, and what it is measured on."""

    model: str
    data: Path
    part: str

    @classmethod
    def parse(cls, text: str) -> "Task":
        """MODEL=DATA[=PART]."""
        model, data, part = [*text.split("="), "unseen"][:3]
        return cls(model, Path(data), part)

    @property
    def name(self) -> str:
        """The last word of the model's path."""
        return Path(self.model).name


def main() -> None:
    """Evaluates what is not evaluated yet, then writes the pages."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="where each report goes")
    parser.add_argument("tasks", nargs="+", type=Task.parse, metavar="MODEL=DATA[=PART]")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--at-once", type=int, default=1, help="evaluations side by side")
    for option in ("--pairs", "--shots", "--only"):
        parser.add_argument(option, help="as that of `funit evaluate`")
    options = parser.parse_args()

    names = [task.name for task in options.tasks]
    if len(set(names)) < len(names):
        sys.exit("Error: two models have one name, by which their reports are kept")
    options.folder.mkdir(parents=True, exist_ok=True)
    given = [("--pairs", options.pairs), ("--shots", options.shots), ("--only", options.only)]
    asked = [word for name, value in given if value is not None for word in (name, value)]
    with ThreadPoolExecutor(options.at_once) as pool:
        threads = max(1, (os.cpu_count() or 1) // options.at_once)
        runs = [pool.submit(run, task, options.folder, asked, threads) for task in options.tasks]
        reports = [future.result() for future in runs]

    command = shlex.join(["python", "scripts/report_models.py", *sys.argv[1:]])
    pairs = list(zip(options.tasks, reports, strict=True))
    details = [INTRODUCTION.format(command=command), *(details_of(*pair) for pair in pairs)]
    write(options.docs / DETAILS, "\n".join(details))
    summary = [f"    {command}", *(summary_of(*pair) for pair in pairs)]
    page = (options.docs / SUMMARY).read_text()
    write(options.docs / SUMMARY, spliced(page, MAIN_BLOCK, "\n\n".join(summary)))


def write(path: Path, text: str) -> None:
    """Replaces a page."""
    with whole_file(path) as temporary:
        temporary.write_text(text)


def run(task: Task, folder: Path, asked: Sequence[str], num_threads: int) -> Report:
    """The report of a `funit evaluate`, made now or before."""
    path, made_by = folder / f"{task.name}.json", folder / f"{task.name}.command"
    command = ["funit", "evaluate", task.model, str(task.data), "--part", task.part]
    command += ["--json", str(path), "--html", str(path.with_suffix(".html")), *asked]
    line = shlex.join(command)
    if not (path.exists() and made_by.exists() and made_by.read_text() == line):
        print(line, file=sys.stderr)
        environment = os.environ | {"OMP_NUM_THREADS": str(num_threads)}
        python = [sys.executable, "-m"]
        subprocess.run([*python, *command], env=environment, stdout=subprocess.DEVNULL, check=True)
        write(made_by, line)
    return Report.read(path)


def details_of(task: Task, report: Report) -> str:
    """All figures of one model."""
    tables = report.markdown().replace(f"| {task.model} |", f"| {task.name} |")
    return f"{heading(task, report, '##')}\n\n{tables.replace('### ', f'### {task.name}, ')}"


def summary_of(task: Task, report: Report) -> str:
    """The main figures of one model by few and by many examples, beside those of the baselines."""
    cells = {(row.metric, row.model, row.shots): row for row in report.rows}
    few, most = min(report.shots), max(report.shots)
    columns = {f"{task.name}, K = {k}": (task.model, k) for k in dict.fromkeys((few, most))}
    columns |= {f"{name}, K = {most}": (name, most) for name in BASELINES}
    columns[REAL_IMAGES] = (REAL_IMAGES, 0)
    lines = ["| metric |" + "".join(f" {name} |" for name in columns)]
    lines.append("|---|" + "---|" * len(columns))
    for metric in main_metrics(report):
        found = [cells.get((metric, *column)) for column in columns.values()]
        metric_and_arrow = f"`{metric}` {ARROWS[better(metric)]}".strip()
        lines.append(f"| {metric_and_arrow} |" + "".join(f" {shown(row)} |" for row in found))
    return "\n".join([heading(task, report, "###"), "", *lines])


def main_metrics(report: Report) -> Iterator[str]:
    """Those metrics of a report that the summary shows, in its order."""
    metrics = dict.fromkeys(row.metric for row in report.rows)
    copying, *_ = BASELINES
    for name in MAIN_METRICS:
        wanted = [name, *(f"{name}/{baseline}" for baseline in BASELINES)]
        for network in report.networks:  # that of fewer numbers has their number at its end
            wanted += [f"{name}_{network}", f"{name}_{network}/{copying}", f"{name}_{network}_112"]
        yield from (metric for metric in metrics if metric in wanted)


def heading(task: Task, report: Report, level: str) -> str:
    """What was measured, on what, by which machine."""
    settings, machine = report.about["config"], report.about["machine"]
    facts = [
        f"{settings['pairs']:,} pairs a K at {settings['size']} px",
        f"networks {', '.join(report.networks)}",
        f"{machine['processors']} processors, {machine['threads']} threads",
        f"torch {machine['torch']}",
        f"data {report.about['data'][:12]}",
        f"commit {report.about['commit'][:12]}",
    ]
    return f"{level} `{task.name}` on {task.data.name}\n\n{'; '.join(facts)}."


if __name__ == "__main__":
    main()
