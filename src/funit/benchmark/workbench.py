"""What every measurement has at hand: sizes, a place for files, the model of the paper."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from funit.benchmark.contenders import to_tensor
from funit.benchmark.plain import Generator
from funit.benchmark.results import Results, Values
from funit.benchmark.rounds import Cost, Progress, in_turn
from funit.config import Config, build_config, merged, preset
from funit.data.dataset import Batch
from funit.model_folder import TrainingRecord, open_model, save_model
from funit.onnx_export import can_export, write_graphs


def paper() -> Config:
    """The preset `paper` for the 119 source classes of Animal Faces."""
    return build_config(merged(preset("paper"), {"model": {"num_classes": 119}}))


@dataclass(frozen=True)
class Scale:
    """How large the model is, and how often each thing is done."""

    config: Config = field(default_factory=paper)
    translation_rounds: int = 20
    batch_rounds: int = 6
    """Of eight translations together."""
    training_rounds: int = 5
    """Of one step."""
    memory_rounds: int = 2
    child_rounds: int = 5
    """Of a translation from the start of a process."""
    command_rounds: int = 10
    """Of a command that prints a few words."""
    data_rounds: int = 10
    training_batch: int = 4
    memory_batch: int = 8
    class_counts: tuple[int, int] = (100, 10_000)
    gpu_sizes: tuple[int, ...] = (64, 128, 256)
    gpu_bases: tuple[int, ...] = (32, 64)
    gpu_batch: int = 16
    gpu_rounds: int = 5
    gpu_matrix: int = 8192
    light: str = "light"
    """The preset of fewer operations."""
    engine_models: tuple[str, ...] = (
        "small, 64 px",
        "small, base 32, 128 px",
        "light, 128 px",
        "paper, base 32, 128 px",
        "paper, 128 px",
    )
    """Those of `funit.benchmark.engines` by which the engines are compared."""


FULL = Scale()
QUICK = Scale(
    translation_rounds=4,
    batch_rounds=1,
    training_rounds=1,
    memory_rounds=1,
    child_rounds=1,
    command_rounds=2,
    data_rounds=2,
)


@dataclass(eq=False)
class Workbench:
    """The sizes, a folder that will be removed, and where figures go."""

    scale: Scale
    folder: Path
    results: Results
    progress: Progress

    def in_turn(
        self, what: str, costs: Mapping[str, Cost], num_rounds: int, warm_up: bool = True
    ) -> dict[str, Values]:
        """Each cost once a round: (rounds,) each."""
        return in_turn(what, costs, num_rounds, self.progress, warm_up)

    @cached_property
    def model(self) -> Path:
        """The folder of the model of the paper, with random weights."""
        return save_random_model(self.folder / "paper", self.scale.config)

    @cached_property
    def plain(self) -> Generator:
        """The plain engine with the weights of `model`."""
        tensors = open_model(self.model).tensors()
        generator = Generator(self.scale.config.model)
        generator.load_state_dict({k: torch.from_numpy(array) for k, array in tensors.items()})
        return generator.requires_grad_(False).eval()

    @cached_property
    def files(self) -> tuple[Path, Path]:
        """A content image and an example as files."""
        paths = self.folder / "content.png", self.folder / "example.png"
        size = self.scale.config.model.image_size
        for path, pixels in zip(paths, random_pixels(2, size), strict=True):
            Image.fromarray(pixels).save(path)
        return paths


def save_random_model(folder: Path, config: Config) -> Path:
    """A model folder with weights as training begins with, of which only the speed is known."""
    torch.manual_seed(0)
    save_model(
        folder,
        Generator(config.model).state_dict(),
        config,
        name="benchmark",
        version=1,
        training=TrainingRecord(seed=0, images=0, minutes=0),
        write_graphs=write_graphs if can_export() else None,
    )
    return folder


def random_pixels(count: int, size: int) -> np.ndarray:
    """Noise: (count, size, size, 3) bytes."""
    return np.random.default_rng(0).integers(256, size=(count, size, size, 3), dtype=np.uint8)


def random_batch(config: Config, count: int, device: torch.device) -> Batch:
    """Noise as a batch of so many content images, with one example each."""
    size = config.model.image_size
    content, examples = to_tensor(list(random_pixels(2 * count, size))).chunk(2)
    classes = torch.arange(count) % config.model.num_classes
    batch = Batch(
        content=content,
        original=content,
        content_classes=(classes + 1) % config.model.num_classes,
        examples=examples[:, None],
        classes=classes,
        siblings=examples[:, None][:, :0],
    )
    return batch.to(device)
