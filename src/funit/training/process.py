"""The process that a training runs in: its signals, threads and memory."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from funit.config import TrainingConfig
from funit.model.device import keep_freed_memory


@contextmanager
def stop_signal() -> Iterator[Callable[[], str]]:
    """Ctrl-C and SIGTERM ask to stop after the step instead of ending the process."""
    received: list[str] = []

    def remember(number: int, _: Any) -> None:
        received.append(signal.Signals(number).name)

    try:
        before = {s: signal.signal(s, remember) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: signals are the caller's business
        before = {}
    try:
        yield lambda: f"asked to by {received[0]}" if received else ""
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def prepared_process(training: TrainingConfig) -> Iterator[None]:
    """The number of threads, an allocator that keeps what a step frees for the next one, and the
    fastest of a GPU's convolutions: sizes are the same in every step."""
    threads, is_searching = torch.get_num_threads(), torch.backends.cudnn.benchmark
    if training.num_threads is not None:
        torch.set_num_threads(training.num_threads)
    keep_freed_memory()
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.benchmark = is_searching
