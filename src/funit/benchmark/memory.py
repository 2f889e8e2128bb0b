"""How much memory a training and a translation need, each measured in a process of its own.

    python -m funit.benchmark.memory train WHOSE BATCH CONFIG            WHOSE: ours or plain
    python -m funit.benchmark.memory translate ENGINE MODEL CONTENT EXAMPLE

The last line that these print has the bytes that were needed beyond the imports.
"""

import importlib
import json
import sys
from pathlib import Path

import torch

from funit.benchmark import plain_training
from funit.benchmark.contenders import chosen, missing
from funit.benchmark.goals import TRAINING_MEMORY, TRANSLATION_MEMORY
from funit.benchmark.results import share_of
from funit.benchmark.rounds import MemoryMeter, child_bytes
from funit.benchmark.workbench import Workbench, random_batch
from funit.config import Config, to_json
from funit.engines.choice import ENGINES
from funit.training.process import prepared_process
from funit.training.trainer import Trainer
from funit.translator import Translator

_NUM_STEPS = 2  # the optimisers remember something only after the first


def measure_memory(bench: Workbench) -> None:
    """Peaks of processes that do one thing."""
    _training(bench)
    _translation(bench)


def _training(bench: Workbench) -> None:
    scale = bench.scale
    settings = [str(scale.memory_batch), to_json(scale.config)]
    costs = {
        whose: child_bytes(["-m", __name__, "train", whose, *settings])
        for whose in ("plain", "ours")
    }
    found = bench.in_turn("memory of training", costs, scale.memory_rounds, warm_up=False)
    bench.results.add(
        TRAINING_MEMORY, f"batch {scale.memory_batch}", share_of(found["plain"], found["ours"])
    )


def _train(whose: str, batch_size: int, config: Config) -> int:
    """Some steps; the bytes that they need."""
    cpu = torch.device("cpu")
    batch = random_batch(config, batch_size, cpu)
    meter = MemoryMeter()
    if whose == "plain":
        trainer = plain_training.Trainer(config, cpu)
        for _ in range(_NUM_STEPS):
            trainer.step(batch)
        return meter.most()
    with prepared_process(config.training):
        ours = Trainer(config, cpu)
        for _ in range(_NUM_STEPS):
            ours.step(batch)
    return meter.most()


def _translation(bench: Workbench) -> None:
    files = [bench.model, *bench.files]
    out = bench.folder / "memory.png"
    costs = {"plain": child_bytes(["-m", "funit.benchmark.plain_script", *files, out])}
    for engine in ENGINES:
        if reason := missing(engine):
            bench.results.leave_out(TRANSLATION_MEMORY, engine, reason)
        else:
            costs[engine] = child_bytes(["-m", __name__, "translate", engine, *files])
    found = bench.in_turn("memory of translation", costs, bench.scale.child_rounds)
    plain = found.pop("plain")
    for engine, needed in found.items():
        bench.results.add(
            TRANSLATION_MEMORY, engine, share_of(plain, needed), engine == chosen("fp32")
        )


def _translate(engine: str, model: Path, content: Path, example: Path) -> int:
    """One translation by an engine; the bytes that it needs."""
    importlib.import_module(engine)
    meter = MemoryMeter()
    translator = Translator.load(model, engine=engine)
    translator.translate(content, translator.encode_class(example))
    return meter.most()


def _main(job: str, *arguments: str) -> int:
    if job == "train":
        whose, batch_size, config = arguments
        return _train(whose, int(batch_size), Config.model_validate_json(config))
    engine, *files = arguments
    return _translate(engine, *map(Path, files))


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"bytes": _main(*sys.argv[1:])}) + "\n")
