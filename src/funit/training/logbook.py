"""What a person sees of a training: metrics.jsonl, sample grids, loss curves, alarms, a bar.

Nothing here changes what is learned: sample grids have fixed inputs of their own.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from funit.data.dataset import Samples
from funit.data.images import image_grid, to_image, write_image
from funit.errors import UserError
from funit.home import whole_file
from funit.model.generator import Generator
from funit.model.look import Look
from funit.training.losses import Terms

SECONDS_PER_PLAIN_LINE = 60.0
COLLAPSE = 0.15  # alarm when outputs differ by less than this share of what real images do


class Logbook:
    """Writes RUN/metrics.jsonl; adds up terms on the device and reads numbers only for a line."""

    def __init__(self, path: Path, tensorboard_dir: Path | None = None) -> None:
        self.path = path
        self.sums: Terms = {}
        self.counts: dict[str, int] = {}
        self.events = _tensorboard(tensorboard_dir)

    def add(self, terms: Terms) -> None:
        """Counts the terms of one step in."""
        for name, value in terms.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()
            self.counts[name] = self.counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """The mean of each term since the last call: for a lazy penalty, over its own steps."""
        means = {name: total / self.counts[name] for name, total in self.totals().items()}
        self.sums, self.counts = {}, {}
        return means

    def totals(self) -> dict[str, float]:
        """The sum of each term since the last line: the one place that waits for a GPU."""
        if not self.sums:
            return {}
        return dict(zip(self.sums, torch.stack(list(self.sums.values())).tolist(), strict=True))

    def write(self, line: dict[str, Any]) -> None:
        """Appends a line; readers never see half of one."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.events is not None:
            for name, value in line.items():
                if isinstance(value, float):
                    self.events.add_scalar(name, value, line["images"])

    def read(self) -> list[dict[str, Any]]:
        """All lines so far; one cut short by a power failure is left out."""
        lines = []
        if self.path.exists():
            for text in self.path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError):
                    lines.append(json.loads(text))
        return lines

    def rewind(self, images: int) -> None:
        """Forgets what came after the checkpoint that the run goes on from."""
        kept = [line for line in self.read() if line["images"] <= images]
        with whole_file(self.path) as temporary:
            text = "".join(json.dumps(line) + "\n" for line in kept)
            temporary.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Spread:
    """How much the outputs of a sample grid differ: standard deviations, images in [-1, 1]."""

    num_looks: int
    looks: float  # over the looks, for one pose
    poses: float  # over the poses, for one look
    real: float  # between the content images, real ones of different classes

    def alarm(self) -> str | None:
        """What is wrong in words, when outputs no longer follow the look or the pose."""
        if self.num_looks > 1 and self.looks < COLLAPSE * self.real:
            return "collapse: the outputs hardly depend on the examples"
        if self.poses < COLLAPSE * self.real:
            return "collapse: the outputs hardly depend on the pose"
        return None


@torch.no_grad()
def draw_samples(generator: Generator, samples: Samples) -> Tensor:
    """Every content image in every look: (M looks, N contents, 3, H, W)."""
    content_maps = generator.encode_content(samples.contents)
    rows = []
    for examples in samples.examples:
        look = generator.encode_class(examples[None])
        looks = Look.cat([look] * len(content_maps))
        rows.append(generator.decode(content_maps, looks))
    return torch.stack(rows)


def spread(drawn: Tensor, samples: Samples) -> Spread:
    """The differences among the outputs of a sample grid, and among its real images."""
    return Spread(
        num_looks=len(drawn),
        looks=float(drawn.std(dim=0, correction=0).mean()),
        poses=float(drawn.std(dim=1, correction=0).mean()),
        real=float(samples.contents.std(dim=0, correction=0).mean()),
    )


def write_samples(path: Path, grids: Iterable[tuple[Samples, Tensor]]) -> None:
    """A picture: poses above, examples at the left, translations between; one block a part."""
    rows: list[list[Any]] = []
    for samples, drawn in grids:
        num_shots = samples.examples.shape[1]
        rows.append([None] * num_shots + _pictures(samples.contents))
        for examples, outputs in zip(samples.examples, drawn, strict=True):
            rows.append([*_pictures(examples), *_pictures(outputs)])
    path.parent.mkdir(exist_ok=True)
    write_image(image_grid(rows), path)


def _pictures(images: Tensor) -> list[Image.Image]:
    return [to_image(image) for image in images.numpy(force=True)]


def write_curves(path: Path, lines: list[dict[str, Any]]) -> bool:
    """One small plot for each term over images seen; False without the extra `plots`."""
    try:
        from matplotlib.figure import Figure  # takes half a second: only a training pays for it
    except ImportError:
        return False
    names = sorted({name for line in lines for name in line if name[:2] in ("d/", "g/", "s/")})
    if not names:
        return True
    columns = 3
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4 * columns, 2.6 * rows))
    figure.subplots_adjust(0.06, 0.07, 0.98, 0.95, wspace=0.25, hspace=0.55)
    for index, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, index + 1)
        points = [(line["images"], line[name]) for line in lines if name in line]
        axes.plot([x for x, _ in points], [y for _, y in points], linewidth=0.8)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("images seen", fontsize=7)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
    return True


class ProgressBar:
    """Images seen, images a second, time left and the losses, on stderr.

    Where stderr is no terminal, as in the log of a job: a plain line every minute.
    """

    def __init__(self, progress: Progress, total: int | None) -> None:
        self.progress = progress
        self.start, self.started = 0, time.monotonic()
        self.printed = self.started
        self.task = progress.add_task("training", total=total, losses="", rate="")

    def resume(self, images: int) -> None:
        """Counts from here: the rate is that of this call."""
        self.start, self.started = images, time.monotonic()
        self.progress.update(self.task, completed=images)

    def update(self, images: int, means: dict[str, float]) -> None:
        """Shows a new state."""
        now = time.monotonic()
        rate = f"{(images - self.start) / max(now - self.started, 1e-9):.1f} images/s"
        losses = " ".join(f"{name} {value:.3g}" for name, value in means.items())
        self.progress.update(self.task, completed=images, rate=rate, losses=losses)
        if self.progress.disable and now - self.printed >= SECONDS_PER_PLAIN_LINE:
            self.say(f"{images:,} images, {rate}: {losses}")
            self.printed = now

    def say(self, line: str) -> None:
        """Prints a line, above the bar where there is one."""
        self.progress.console.print(line, soft_wrap=True, highlight=False, markup=False)


@contextlib.contextmanager
def progress_bar(total: int | None) -> Iterator[ProgressBar]:
    """A bar for one training."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,}" + ("/{task.total:,} images" if total else " images")),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, refresh_per_second=2, disable=hidden) as progress:
        yield ProgressBar(progress, total)


@contextlib.contextmanager
def packing_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for the images packed so far, of all; gone when it is done."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("packing", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _tensorboard(folder: Path | None) -> Any:
    if folder is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            "`training.tensorboard` needs `tensorboard`", hint="`pip install 'funit[tensorboard]'`"
        ) from None
    return SummaryWriter(str(folder))
