"""Training that may start from a model by its name: the repository finds it, the training goes on.

`train` is what `funit.train` and the command `funit train` call.
"""

from pathlib import Path

from funit.config import Settings
from funit.model.parent import Parent
from funit.repository import ModelRepository
from funit.training import loop
from funit.training.checkpoint import Checkpoint
from funit.training.run import has_started_from


def train(
    data: str | Path,
    out: str | Path,
    settings: Settings | None = None,
    *,
    preset: str | None = None,
    from_model: str | Path | None = None,
    command: str = "",
    on_snapshot: loop.Snapshot | None = None,
) -> Checkpoint:
    """Trains on the classes of DATA in the run folder `out`, or goes on there, until a limit.

    `settings` lie over the preset (`small` by default), or over those of the run. With `from_model`
    (a name, NAME@VERSION, a model folder, a run folder or a checkpoint) a new run starts from its
    weights, and from its settings unless a preset is named. The rest is as `loop.train` says.
    """
    return loop.train(
        Path(data),
        Path(out),
        settings,
        preset=preset,
        parent=find_parent(out, from_model),
        command=command,
        on_snapshot=on_snapshot,
    )


def find_parent(out: str | Path, from_model: str | Path | None) -> Parent | None:
    """The model that a run is to start from; None where it need not: it has started from it."""
    if from_model is None or has_started_from(Path(out), str(from_model)):
        return None
    return ModelRepository().find(from_model).as_parent(str(from_model))
