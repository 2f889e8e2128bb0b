"""What two ways to train come to, side by side: figures that a script measured before.

They are kept in a file with all that they were measured with, as training takes longer than a
benchmark may; where any of it is different today, there is no figure until the script is run again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funit.benchmark.goals import QUALITY_LEAN_TRAINING, QUALITY_LIGHT
from funit.benchmark.results import Figure
from funit.benchmark.training import PENALTY_EVERY
from funit.benchmark.workbench import Workbench
from funit.config import Config, Settings, build_config, flat, merged, preset
from funit.data.pose import MENAGERIE_VERSION

FILE = Path(__file__).with_name("trainings.json")
COMMAND = "python scripts/measure_trainings.py"

NUM_SEEN, NUM_UNSEEN, NUM_POSES = 160, 40, 20  # of the menagerie that is trained on
DATA_SEED = 7


@dataclass(frozen=True)
class Comparison:
    """Two trainings on the same data that end after the same CPU time, or the same images."""

    what: str
    variant: str
    base: Config
    """What is compared with."""
    ours: Config
    seeds: tuple[int, ...] = (0,)
    cpu_minutes: float | None = None
    """Of each training. None: both see `training.max_images`."""

    def made_from(self) -> dict[str, Any]:
        """All that the figures depend on."""
        return {
            "base": flat(self.base),
            "ours": flat(self.ours),
            "seeds": list(self.seeds),
            "cpu_minutes": self.cpu_minutes,
            "menagerie": {
                "version": MENAGERIE_VERSION,
                "seen": NUM_SEEN,
                "unseen": NUM_UNSEEN,
                "poses": NUM_POSES,
                "seed": DATA_SEED,
            },
        }

    def is_of(self, made_from: Mapping[str, Any]) -> bool:
        """Whether figures that were made from this are its figures.

        Settings that did not exist then change nothing as long as nobody sets them.
        """
        now = self.made_from()
        return all(
            now[name].items() >= then.items() if isinstance(then, dict) else now[name] == then
            for name, then in made_from.items()
        )


def _config(name: str, *settings: Settings) -> Config:
    common = {"model": {"num_classes": NUM_SEEN}, "training": {"num_threads": 1}}
    return build_config(merged(preset(name), common, *settings))


_LEAN: Settings = {"training": {"precision": "bf16", "penalty_every": PENALTY_EVERY}}
_EXACT: Settings = {"training": {"precision": "fp32", "penalty_every": 1}}

# 64 images a step are four steps of `paper` in all: small ones, and what else spares time
_MANY_STEPS: Settings = merged(
    _LEAN,
    {
        "training": {
            "batch_size": 4,
            "max_images": None,
            "log_every_images": 20,
            "sample_every_images": 1_000_000,
            "checkpoint_every_images": 100,
        }
    },
)

_LITTLE: Settings = {  # the preset `small` as it was, halved less often to the same 8 positions
    "model": {
        "attention_pixels": False,
        "attention_overlap": False,
        "image_size": 32,
        "num_halvings": 2,
        "class_encoder_halvings": 3,
        "discriminator_halvings": 2,
    },
    "training": {
        "adversarial_from_images": 2_000,
        "learning_rate": 5e-4,
        "learning_rate_decay_images": 12_000,
        "max_images": 12_000,
        "sample_every_images": 1_000_000,
        "checkpoint_every_images": 2_000,
    },
}

COMPARISONS: Mapping[str, Comparison] = {
    "light": Comparison(
        QUALITY_LIGHT,
        "128 px, 20 minutes of a core",
        _config("paper", _MANY_STEPS),
        _config("light", _MANY_STEPS),
        cpu_minutes=20,
    ),
    "lean": Comparison(
        QUALITY_LEAN_TRAINING,
        "preset `small` at 32 px, 12,000 images",
        _config("small", _LITTLE, _EXACT),
        _config("small", _LITTLE, _LEAN),
        seeds=(0, 1, 2),
    ),
}


def report_trainings(bench: Workbench) -> None:
    """A row for each comparison whose settings are still those that were measured."""
    measured = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name, comparison in COMPARISONS.items():
        found = measured.get(name)
        if found and comparison.is_of(found["made_from"]):
            bench.results.add(comparison.what, comparison.variant, Figure(**found["figure"]))
        else:
            reason = f"not measured: `{COMMAND} {name} FOLDER`"
            bench.results.leave_out(comparison.what, comparison.variant, reason)
