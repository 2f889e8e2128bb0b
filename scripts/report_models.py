"""Evaluates models, each on its data, and writes all results on one page: docs/results.md.

    python scripts/report_models.py FOLDER MODEL=DATA[=PART]... [--out PAGE] [--pairs N]
                                    [--shots 1,5] [--only accuracy,spread]

Without `--only` every measure of `funit evaluate`: allow half an hour a model on two cores.
FOLDER gets each report as JSON and as a page with pictures. What the networks have seen is kept,
so a call that was stopped goes on quickly.
"""

import argparse
import shlex
import sys
from pathlib import Path

from funit.evaluation.page import write_page
from funit.evaluation.protocol import evaluate
from funit.evaluation.report import Report

ROOT = Path(__file__).parent.parent
INTRODUCTION = """# Results

Written by

    {command}

Seed 0. [evaluation.md](evaluation.md) says what each metric is; the arrow is the better direction,
in brackets stands the 95% interval. [runs.md](runs.md) says how the models were trained.
"""


def main() -> None:
    """Reads the options, evaluates one model after the other, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="where each report goes")
    parser.add_argument("tasks", nargs="+", metavar="MODEL=DATA[=PART]")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results.md")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--shots", type=lambda text: [int(k) for k in text.split(",")])
    parser.add_argument("--only", type=lambda text: [name for name in text.split(",") if name])
    options = parser.parse_args()

    options.folder.mkdir(parents=True, exist_ok=True)
    sections = []
    for task in options.tasks:
        model, data, part = [*task.split("="), "unseen"][:3]
        print(f"{model} on {data}", file=sys.stderr)
        report = evaluate(
            [model],
            Path(data),
            part=part,
            shots=options.shots,
            num_pairs=options.pairs,
            measures=options.only,
            progress=print_progress,
        )
        name = Path(model).name
        report.write(options.folder / f"{name}.json")
        write_page(report, options.folder / f"{name}.html")
        sections.append(section(report, model, Path(data)))
    command = shlex.join(["python", "scripts/report_models.py", *sys.argv[1:]])
    options.out.write_text("\n".join([INTRODUCTION.format(command=command), *sections]))


def section(report: Report, model: str, data: Path) -> str:
    """One model's results."""
    about, settings = report.about, report.about["config"]
    machine = about["machine"]
    facts = [
        f"{settings['pairs']:,} pairs a K at {settings['size']} px",
        f"networks {', '.join(about['extractor'])}",
        f"{machine['processors']} processors, {machine['threads']} threads",
        f"torch {machine['torch']}",
        f"data {about['data'][:12]}",
    ]
    name = Path(model).name
    tables = (
        report.markdown().replace(f"| {model} |", f"| {name} |").replace("### ", f"### {name}, ")
    )
    return f"## `{name}` on {data.name}\n\n{'; '.join(facts)}.\n\n{tables}"


def print_progress(what: str, done: int, total: int) -> None:
    """One line, overwritten."""
    print(f"\r{what}: {done:,} of {total:,}  ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
