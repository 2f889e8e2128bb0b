"""Measures what fewer bits do to a shipped model's translations; `funit bench` reports it.

    python scripts/measure_precisions.py [NAME=DATA[=PART]]... [--pairs N]

Without NAME=DATA the model `default` on creatures drawn anew. Ratios to 32 bits of the truth error
and of DIPD, on the same pairs, five examples each, go to src/funit/benchmark/quality.json by the
SHA-256 of the weights.
"""

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from funit.benchmark.quality import FILE
from funit.data.menagerie import write_menagerie
from funit.data.packed import packed_for
from funit.errors import UserError
from funit.evaluation.candidates import Model
from funit.evaluation.judge import Judge
from funit.evaluation.measured import measure
from funit.evaluation.metrics import Values, bootstrap_ratio
from funit.evaluation.pairs import choose_pairs
from funit.feature_networks import feature_network
from funit.home import whole_file
from funit.quantization import quantise_model
from funit.repository import ModelRepository
from funit.translator import Translator

PRECISIONS = ("bf16", "int8")
METRICS = ("l1_foreground", "dipd_efficientnet_lite0")
SHOTS, SEED = 5, 0


def main() -> None:
    """Reads the options, measures each model, and adds its figures to the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="*", metavar="NAME=DATA[=PART]")
    parser.add_argument("--pairs", type=int, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tasks = [task.split("=") for task in options.tasks]
        if not tasks:
            zoo = Path(folder) / "zoo"
            write_menagerie(zoo, num_classes=40, num_poses=20, size=64, seed=99)
            tasks = [["default", str(zoo), "all"]]
        for name, data, *part in tasks:
            found = figures(name, Path(data), part[0] if part else "unseen", options.pairs)
            keep(name, found, options.pairs)
            print(json.dumps({name: found}, indent=1))


def figures(
    name: str, data: Path, part: str, num_pairs: int
) -> dict[str, dict[str, dict[str, float]]]:
    """The ratios to 32 bits, by precision and metric."""
    translators = dict(opened(name, data, part))
    size = translators["fp32"].image_size
    packed = packed_for(data, size)
    judge = Judge(feature_network("efficientnet_lite0", device="cpu"))
    candidates = [Model(label, translator) for label, translator in translators.items()]
    pairs = choose_pairs(packed, part, num_pairs, SHOTS, SEED)
    measured = measure(candidates, packed, pairs, size, SHOTS, [judge], say)
    base = measured["fp32"].values
    return {
        label: {metric: ratio(measured[label].values[metric], base[metric]) for metric in METRICS}
        for label in PRECISIONS
        if label in measured
    }


def opened(name: str, data: Path, part: str) -> Iterator[tuple[str, Translator]]:
    """The model in each precision; int8 only where the export lets it pass."""
    yield "fp32", Translator.load(name, "cpu", "torch")
    yield "bf16", Translator.load(name, "cpu", "openvino", "bf16")
    with tempfile.TemporaryDirectory() as folder:
        try:
            quantised = quantise_model(name, data, Path(folder) / "int8", part=part)
        except UserError as error:
            print(error.message, file=sys.stderr)
            return
        yield "int8", Translator.load(quantised.path, "cpu", "openvino", "int8")


def ratio(values: Values, base: Values) -> dict[str, float]:
    """The ratio of the means where both are known, with its interval."""
    known = ~np.isnan(values + base)
    low, high = bootstrap_ratio(values[known], base[known], SEED)
    return {"ratio": float(values[known].mean() / base[known].mean()), "low": low, "high": high}


def keep(name: str, found: dict[str, dict[str, dict[str, float]]], num_pairs: int) -> None:
    """Puts a model's figures in the file, in place of those of an earlier one of its name."""
    entries = json.loads(FILE.read_text()) if FILE.exists() else {}
    content = {sha256: entry for sha256, entry in entries.items() if entry["model"] != name}
    content[ModelRepository().find(name).info.weights_sha256] = {
        "model": name,
        "command": shlex.join(["python", "scripts/measure_precisions.py", *sys.argv[1:]]),
        "pairs": num_pairs,
        "figures": found,
    }
    with whole_file(FILE) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def say(done: int, total: int) -> None:
    """One line, overwritten."""
    print(f"\r{done:,} of {total:,}  ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
