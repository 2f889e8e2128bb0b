"""Steps of training on a graphics card, beside the plain loop and beside the card's limit.

Without a card all rows are left out. Rates are images a second; a share of the limit is the time
that the operations would take at the rate of a large matrix product, over the time that they took.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.utils.flop_counter import FlopCounterMode

from funit.benchmark import plain_training
from funit.benchmark.goals import GPU_LIMIT, GPU_MEMORY, GPU_RATE, GPU_STEP
from funit.benchmark.results import Figure, combined, median_of, times_faster
from funit.benchmark.rounds import Cost, seconds
from funit.benchmark.training import changed, lean, steps
from funit.benchmark.workbench import Workbench, random_batch
from funit.config import Config, build_config, merged
from funit.data.dataset import Batch
from funit.training.trainer import Trainer

_MATRIX_SIZE = 8192
_MATRIX_ROUNDS = 20


def measure_gpu(bench: Workbench, device_type: str = "cuda") -> None:
    """Steps of training for each size and width."""
    if device_type == "cuda" and not torch.cuda.is_available():
        for what in (GPU_STEP, GPU_RATE, GPU_LIMIT, GPU_MEMORY):
            bench.results.leave_out(what, "", "not measured: no GPU")
        return
    device = torch.device(device_type)
    rate = matrix_rate(device, bench.scale.gpu_matrix)
    for size in bench.scale.gpu_sizes:
        for base in bench.scale.gpu_bases:
            _measure(bench, _config(bench.scale.config, size, base), device, rate)


def matrix_rate(device: torch.device, size: int = _MATRIX_SIZE) -> float:
    """Operations a second of a large product of bfloat16 matrices."""
    matrix = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    wait = waiting(device)
    _ = matrix @ matrix
    wait()
    start = time.perf_counter()
    for _ in range(_MATRIX_ROUNDS):
        _ = matrix @ matrix
    wait()
    return 2 * size**3 * _MATRIX_ROUNDS / (time.perf_counter() - start)


def waiting(device: torch.device) -> Callable[[], None]:
    """What returns when the device has done all that it was given."""
    if device.type == "cuda":
        return torch.cuda.synchronize
    return lambda: None


def training_memory(config: Config, batch: Batch) -> Figure:
    """The most memory of a step as a share of the plain loop's, each alone on the card."""
    plain = _peak(_plain_step(config, batch))
    ours = _peak(steps(Trainer(lean(config), batch.content.device), batch)[0])  # with the penalty
    return Figure(ours / plain, ours / plain, ours / plain)


def _measure(bench: Workbench, config: Config, device: torch.device, rate: float) -> None:
    count = bench.scale.gpu_batch
    batch = random_batch(config, count, device)
    variant = f"{config.model.image_size} px, base {config.model.base_channels}, batch {count}"
    _measure_speed(bench, variant, config, batch, rate)
    if device.type == "cuda":
        with _if_it_fits(bench, GPU_MEMORY, variant):
            bench.results.add(GPU_MEMORY, variant, training_memory(config, batch))


def _measure_speed(
    bench: Workbench, variant: str, config: Config, batch: Batch, rate: float
) -> None:
    # as in training, where the generator is compiled, and without: what that is worth
    device, eager = batch.content.device, changed(lean(config), {"compile": "never"})
    plainer, ours = Trainer(eager, device), Trainer(lean(config), device)
    plainer.step(batch)
    with FlopCounterMode(display=False) as counter:  # of a step without the penalty
        plainer.step(batch)
    wait = waiting(device)
    costs = dict(zip(("penalty", "ours"), steps(ours, batch, wait), strict=True))
    costs |= dict(zip(("eager penalty", "eager"), steps(plainer, batch, wait), strict=True))
    with _if_it_fits(bench, GPU_STEP, variant):
        plain = _plain_step(config, batch)
        plain()
        costs["plain"] = plain
    found = bench.in_turn(f"gpu, {variant}", costs, bench.scale.gpu_rounds)
    every = ours.config.training.penalty_every
    mean, without = (
        combined([(1 / every, found[with_penalty]), (1 - 1 / every, found[name])])
        for with_penalty, name in (("penalty", "ours"), ("eager penalty", "eager"))
    )
    if "plain" in found:
        bench.results.add(GPU_STEP, variant, times_faster(found["plain"], mean))
    bench.results.add(GPU_RATE, variant, median_of(len(batch) / mean))
    bench.results.add(GPU_RATE, f"{variant}, not compiled", median_of(len(batch) / without))
    share = counter.get_total_flops() / rate / found["ours"]
    bench.results.add(GPU_LIMIT, variant, median_of(share))


def _plain_step(config: Config, batch: Batch) -> Cost:
    device = batch.content.device
    trainer, wait = plain_training.Trainer(config, device), waiting(device)

    def step() -> None:
        trainer.step(batch)
        wait()

    return seconds(step)


def _peak(step: Cost) -> float:
    """Bytes on the card at the worst moment of a second step: the optimisers have theirs."""
    step()
    torch.cuda.reset_peak_memory_stats()
    step()
    return float(torch.cuda.max_memory_allocated())


@contextmanager
def _if_it_fits(bench: Workbench, what: str, variant: str) -> Iterator[None]:
    """Leaves a row out where the plain loop needs more memory than the card has."""
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        bench.results.leave_out(what, variant, "the plain loop needs more memory than there is")


def _config(config: Config, size: int, base: int) -> Config:
    model = {"image_size": size, "base_channels": base, "discriminator_channels": base}
    return build_config(merged(config.model_dump(), {"model": model}))
