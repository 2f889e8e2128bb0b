"""What only a GPU shows: a whole training there, and that no step waits for it."""

from pathlib import Path

import pytest
import torch

from funit.config import Settings, build_config, merged
from funit.data.dataset import Dataset
from funit.data.packed import packed_for
from funit.training.loop import train
from funit.training.trainer import Trainer

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore")]

LEAN: Settings = {
    "training": {"device": "cuda", "precision": "bf16", "optimizer": "adam", "shots": [1, 3]}
}


@pytest.mark.parametrize("compile_", ["never", "auto"])
def test_a_training_on_a_gpu_goes_on_and_is_finite(
    zoo: Path,
    tmp_path: Path,
    settings: Settings,
    compile_: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = merged(settings, LEAN, {"training": {"compile": compile_, "max_images": 20}})
    train(zoo, tmp_path / "run", wanted)

    resumed = train(zoo, tmp_path / "run", {"training": {"max_images": 48}})

    assert resumed.images == 48
    assert all(value.isfinite().all() for value in resumed.tensors("average").values())
    assert "is not compiled" not in capsys.readouterr().err


def test_no_step_on_a_gpu_waits_for_it(zoo: Path, settings: Settings) -> None:
    config = build_config(
        merged({"model": {"num_classes": 4}}, settings, LEAN, {"training": {"compile": "never"}})
    )
    trainer = Trainer(config, torch.device("cuda"))
    packed = packed_for(zoo, config.model.image_size, num_unseen=2)
    dataset = Dataset(packed, config.model.image_size, config.data, config.training, device="cuda")
    batches = dataset.batches()
    for _ in range(6):  # with and without the adversarial part: what is copied once is there
        trainer.step(next(batches))

    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(6):
            trainer.step(next(batches))
    finally:
        torch.cuda.set_sync_debug_mode("default")
