"""The process that a training runs in: its signals, threads and memory."""

import ctypes
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from funit.config import TrainingConfig


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
    """The number of threads, and an allocator that keeps what a step frees for the next one."""
    threads = torch.get_num_threads()
    if training.num_threads is not None:
        torch.set_num_threads(training.num_threads)
    _keep_freed_memory()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _keep_freed_memory() -> None:
    """Tells glibc to neither map nor return large blocks: a small training loop gains a lot."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another libc
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # names of malloc.h
    for option in (trim_threshold, top_pad, mmap_threshold):
        mallopt(option, 2**29)
