"""Makes a run's average generator a model inside the package, with the scores of `funit demo`.

    python scripts/ship_model.py RUN --name default [--command "..."] [--force]

The scores are computed from the file as shipped. A model that is there already is replaced only by
one of a lower error on the foreground with five examples, unless --force is given.
"""

import argparse
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from funit.demo import run_demo
from funit.evaluation.report import Report
from funit.onnx_export import write_graphs
from funit.repository import (
    ABOUT_FILE,
    SHIPPED,
    ModelRepository,
    open_model,
    save_model,
)

MAX_BYTES = 12_000_000
LICENCE = "Apache-2.0"
ROOT = Path(__file__).parent.parent


def main() -> None:
    """Reads the options and ships the model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="a run folder, or one of its checkpoints")
    parser.add_argument("--name", default="default")
    parser.add_argument(
        "--command", default="", help="how the run was made, if not as run.json says"
    )
    parser.add_argument("--force", action="store_true")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=SHIPPED) as temporary:
        new = Path(temporary) / options.name
        report = build(options, new)
        check(new, report, SHIPPED / options.name, options.force)
        shutil.rmtree(SHIPPED / options.name, ignore_errors=True)
        new.rename(SHIPPED / options.name)
    print(f"shipped {SHIPPED / options.name}")


def build(options: argparse.Namespace, folder: Path) -> Report:
    """Writes the model folder, measures it, and writes it again with its scores."""
    found = ModelRepository().find(options.run)
    training = found.info.training
    record = training.model_copy(update={"command": options.command or training.command})
    tensors = found.tensors()

    def save(scores: list[dict[str, object]]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        save_model(
            folder,
            tensors,
            found.info.config,
            name=options.name,
            version=1,
            training=record,
            scores=scores,
            licence=LICENCE,
            licence_text=(ROOT / "LICENSE").read_text(),
            write_graphs=write_graphs,
        )

    save([])
    report = run_demo(str(folder), folder.parent / "demo")
    rows = [asdict(row) for row in report.rows]
    save([row | {"model": options.name} if row["model"] == str(folder) else row for row in rows])
    curves = found.path / "curves.png"
    if curves.exists():
        shutil.copy(curves, folder / "curves.png")
    return report


def check(new: Path, report: Report, old: Path, force: bool) -> None:
    """Ends the script when the model is too large, or worse than the one it would replace."""
    size = sum(path.stat().st_size for path in new.iterdir())
    if size > MAX_BYTES:
        sys.exit(f"Error: the model has {size:,} bytes; {MAX_BYTES:,} are allowed")
    error = report.value(str(new), 5, "l1_foreground")
    copying = report.value("copy-content", 5, "l1_foreground")
    print(f"l1_foreground {error:.4f}, {error / copying:.3f} of copying; {size:,} bytes")
    if (old / ABOUT_FILE).exists() and not force:
        before = next(
            row["value"]
            for row in open_model(old).info.scores
            if (row["model"], row["shots"], row["metric"]) == (old.name, 5, "l1_foreground")
        )
        if error >= before:
            sys.exit(f"Error: the model that is there has {before:.4f}; --force replaces it")


if __name__ == "__main__":
    main()
