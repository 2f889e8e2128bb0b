"""What fewer bits do to the shipped models' translations: figures that a script measured before.

They are kept in a file by the SHA-256 of the weights, as measuring takes longer than a benchmark
may; another file of weights has none until the script is run again.
"""

import json
from pathlib import Path

from funit.benchmark.goals import QUALITY_BF16, QUALITY_INT8
from funit.benchmark.results import Figure
from funit.benchmark.workbench import Workbench
from funit.repository import ModelRepository

FILE = Path(__file__).with_name("quality.json")
COMMAND = "python scripts/measure_precisions.py"
WHATS = {"bf16": QUALITY_BF16, "int8": QUALITY_INT8}


def report_quality(bench: Workbench) -> None:
    """The rows of the models inside the package."""
    measured = json.loads(FILE.read_text()) if FILE.exists() else {}
    for info in ModelRepository(f"sqlite:///{bench.folder / 'none.db'}").list():
        figures = measured.get(info.weights_sha256, {}).get("figures", {})
        for precision, what in WHATS.items():
            if precision not in figures:
                bench.results.leave_out(what, info.name, f"not measured: `{COMMAND}`")
            for metric, figure in figures.get(precision, {}).items():
                bench.results.add(what, f"{info.name}, {metric}", Figure(**figure))
