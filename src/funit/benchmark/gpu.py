"""Training and translation on a graphics card, beside the plain loop and beside the card's limit.

All sizes of the pictures and widths of the networks in one short call; without a card all rows are
left out. Rates are images a second; a share of the limit is the time that the operations would take
at the rate of the card's best matrix product, over the time that they took.
"""

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from funit.benchmark import plain_training
from funit.benchmark.goals import GPU_LIMIT, GPU_MEMORY, GPU_RATE, GPU_STEP
from funit.benchmark.results import Figure, median_of, times_faster
from funit.benchmark.training import lean, steps
from funit.benchmark.workbench import Workbench, random_batch
from funit.config import Config, build_config, merged
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


def _measure(bench: Workbench, config: Config, device: torch.device, rate: float) -> None:
    count = bench.scale.gpu_batch
    batch = random_batch(config, count, device)
    wait = waiting(device)
    variant = f"{config.model.image_size} px, base {config.model.base_channels}, batch {count}"
    theirs, ours = plain_training.Trainer(config, device), Trainer(lean(config), device)
    ours.step(batch)
    with FlopCounterMode(display=False) as counter:  # of a step without the penalty
        ours.step(batch)
    with_penalty, without = steps(ours, batch, wait)

    def plainly() -> float:
        start = time.perf_counter()
        theirs.step(batch)
        wait()
        return time.perf_counter() - start

    costs = {"plain": plainly, "ours": without, "penalty": with_penalty}
    found = bench.in_turn(f"gpu, {variant}", costs, bench.scale.gpu_rounds)
    every = ours.config.training.penalty_every
    mean = found["ours"] + (found["penalty"] - found["ours"]) / every
    bench.results.add(GPU_STEP, variant, times_faster(found["plain"], mean))
    bench.results.add(GPU_RATE, variant, median_of(count / mean))
    bench.results.add(
        GPU_LIMIT, variant, median_of(counter.get_total_flops() / rate / found["ours"])
    )
    if device.type == "cuda":
        most = torch.cuda.max_memory_allocated() / 1e9
        bench.results.add(GPU_MEMORY, variant, Figure(most, most, most))
        torch.cuda.reset_peak_memory_stats()


def _config(config: Config, size: int, base: int) -> Config:
    model = {"image_size": size, "base_channels": base, "discriminator_channels": base}
    return build_config(merged(config.model_dump(), {"model": model}))
