"""How fast a step of the training is beside the plain loop, and beside one with fewer classes."""

from collections.abc import Callable

import torch

from funit.benchmark import plain_training
from funit.benchmark.goals import LEAN_TRAINING, MANY_CLASSES, TRAINING
from funit.benchmark.results import combined, share_of, times_faster
from funit.benchmark.rounds import Cost, own_seconds, seconds
from funit.benchmark.workbench import Workbench, random_batch
from funit.config import Config, Settings, build_config, merged
from funit.data.dataset import Batch
from funit.training.process import prepared_process
from funit.training.trainer import Trainer

PENALTY_EVERY = 16  # steps

CPU = torch.device("cpu")


def measure_training(bench: Workbench) -> None:
    """Steps of small batches on the CPU."""
    with prepared_process(bench.scale.config.training):
        _against_plain(bench)
        _many_classes(bench)


def lean(config: Config) -> Config:
    """The same with a lazy penalty in bf16."""
    return changed(config, {"precision": "bf16", "penalty_every": PENALTY_EVERY})


def changed(config: Config, training: Settings) -> Config:
    """The config with other settings of the training."""
    return build_config(merged(config.model_dump(), {"training": training}))


def steps(
    trainer: Trainer, batch: Batch, wait: Callable[[], object] | None = None
) -> tuple[Cost, Cost]:
    """The cost of a step with the penalty, and of one that leaves it out.

    On the clock if there is a device to wait for.
    """
    timed = own_seconds if wait is None else seconds

    def step(number: int) -> None:
        trainer.steps = number
        trainer.step(batch)
        if wait is not None:
            wait()

    return timed(lambda: step(0)), timed(lambda: step(1))


def _against_plain(bench: Workbench) -> None:
    config = bench.scale.config
    batch = random_batch(config, bench.scale.training_batch, CPU)
    theirs, ours = plain_training.Trainer(config, CPU), Trainer(config, CPU)
    costs = {"plain": own_seconds(lambda: theirs.step(batch)), "ours": steps(ours, batch)[0]}
    costs["with"], costs["without"] = steps(Trainer(lean(config), CPU), batch)
    found = bench.in_turn("training", costs, bench.scale.training_rounds)
    variant = f"batch {len(batch)}"
    bench.results.add(TRAINING, variant, times_faster(found["plain"], found["ours"]))
    every = PENALTY_EVERY
    mean = combined([(1 / every, found["with"]), (1 - 1 / every, found["without"])])
    bench.results.add(LEAN_TRAINING, variant, times_faster(found["plain"], mean))


def _many_classes(bench: Workbench) -> None:
    few, many = (
        build_config(merged(bench.scale.config.model_dump(), {"model": {"num_classes": count}}))
        for count in bench.scale.class_counts
    )
    batch = random_batch(few, bench.scale.training_batch, CPU)
    costs = {
        "few": steps(Trainer(few, CPU), batch)[0],
        "many": steps(Trainer(many, CPU), batch)[0],
    }
    found = bench.in_turn("10,000 classes", costs, bench.scale.training_rounds)
    bench.results.add(MANY_CLASSES, f"batch {len(batch)}", share_of(found["few"], found["many"]))
