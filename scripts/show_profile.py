"""Shows where the time goes, by kind of operation: plain beside fast, as Markdown.

    python scripts/show_profile.py > table.md

The preset `paper`, one thread, CPU time: a translation by one example, and a training step of 4
images with the penalty. Each is run three times and the fastest counts. Fast is PyTorch in 32 bits.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from funit.benchmark import plain_training
from funit.benchmark.contenders import PlainTranslator
from funit.benchmark.goals import GOALS
from funit.benchmark.results import Results
from funit.benchmark.workbench import FULL, Workbench, random_batch, random_pixels
from funit.training.trainer import Trainer
from funit.translator import Translator

KINDS = {  # the first whose words the name of an operation has
    "convolutions, backward": ("convolution_backward",),
    "convolutions": ("conv", "mkldnn"),
    "normalisation": ("norm",),
    "padding": ("pad",),
    "doubling, pooling": ("upsample", "pool", "pixel_shuffle"),
    "activations": ("relu", "tanh", "sigmoid", "threshold"),
    "optimiser and average": ("foreach", "fused", "lerp", "sqrt", "addcdiv", "addcmul_"),
    "copies": ("copy", "cat", "clone", "contiguous", "stack", "repeat"),
}
OTHER = "other"
ROUNDS = 3

Times = Mapping[str, float]


def main() -> None:
    """Profiles and prints."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        bench = Workbench(FULL, Path(folder), Results(GOALS), lambda *_: None)
        content, example = random_pixels(2, FULL.config.model.image_size)
        plain = PlainTranslator(bench.plain)
        fast = Translator.load(bench.model, "cpu", "torch")
        print_table(
            "a translation",
            times(lambda: plain.translate([content], plain.encode_class([example]))),
            times(lambda: fast.translate(content, fast.encode_class([example]))),
        )
    device = torch.device("cpu")
    batch = random_batch(FULL.config, FULL.training_batch, device)
    theirs, ours = plain_training.Trainer(FULL.config, device), Trainer(FULL.config, device)
    print_table(
        "a training step", times(lambda: theirs.step(batch)), times(lambda: ours.step(batch))
    )


def times(work: Callable[[], object]) -> Times:
    """Milliseconds by kind of operation."""
    work()
    return min((profiled(work) for _ in range(ROUNDS)), key=lambda found: sum(found.values()))


def profiled(work: Callable[[], object]) -> Times:
    """Of one run; what is not spent in an operation is left out."""
    with _Clock() as clock:
        work()
    return {kind: clock.milliseconds[kind] for kind in [*KINDS, OTHER]}


class _Clock(TorchDispatchMode):
    """Adds up the CPU time of operations; PyTorch's profiler counts what other processes take."""

    def __init__(self) -> None:
        super().__init__()
        self.milliseconds: dict[str, float] = defaultdict(float)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        start = time.thread_time()
        result = func(*args, **(kwargs or {}))
        self.milliseconds[kind_of(str(func))] += 1000 * (time.thread_time() - start)
        return result


def kind_of(name: str) -> str:
    """The kind of an operation by its name."""
    for kind, words in KINDS.items():
        if any(word in name.lower() for word in words):
            return kind
    return OTHER


def print_table(what: str, plain: Times, fast: Times) -> None:
    """A line a kind."""
    print(f"| {what}, ms | plain | fast |\n|---|---|---|")
    for kind in plain:
        if max(plain[kind], fast[kind]) >= 0.05:
            print(f"| {kind} | {plain[kind]:,.1f} | {fast[kind]:,.1f} |")
    print(f"| in all | {sum(plain.values()):,.1f} | {sum(fast.values()):,.1f} |\n")


if __name__ == "__main__":
    main()
