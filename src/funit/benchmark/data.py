"""How many packed images a core decodes and augments in a second."""

from functools import partial

import torch

from funit.benchmark.goals import DATA_RATE
from funit.benchmark.results import median_of
from funit.benchmark.rounds import own_seconds
from funit.benchmark.workbench import Workbench
from funit.config import DataConfig
from funit.data.catalog import read_catalog
from funit.data.dataset import Dataset
from funit.data.menagerie import write_menagerie
from funit.data.packed import pack

AUGMENTATIONS = {
    "crop, flip": DataConfig(),
    "crop, flip, recolour, bend": DataConfig(recolour=True, bend=0.05),
}
_NUM_CLASSES, _NUM_POSES, _SEED = 8, 8, 4
_BATCHES = 4  # together: single ones are too short to time


def measure_data(bench: Workbench) -> None:
    """Batches from a packed menagerie, on one thread."""
    config = bench.scale.config
    size = config.model.image_size
    packed_size = round(config.data.resize_ratio * size)
    write_menagerie(bench.folder / "zoo", _NUM_CLASSES, _NUM_POSES, packed_size, _SEED)
    packed = pack(read_catalog(bench.folder / "zoo"), packed_size, bench.folder / "zoo.pack")
    datasets = {
        name: Dataset(packed, size, data, config.training) for name, data in AUGMENTATIONS.items()
    }

    def draw(dataset: Dataset) -> None:
        for index in range(_BATCHES):
            dataset.batch(index)

    costs = {name: own_seconds(partial(draw, dataset)) for name, dataset in datasets.items()}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = bench.in_turn("packed data", costs, bench.scale.data_rounds)
    finally:
        torch.set_num_threads(threads)
    num_images = _BATCHES * config.training.batch_size * (1 + config.training.shots_range[1])
    for name, taken in found.items():
        bench.results.add(DATA_RATE, name, median_of(num_images / taken))
