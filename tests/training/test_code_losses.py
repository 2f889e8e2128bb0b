"""Class codes learn to tell classes apart, and what teaches them stays out of the generator."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from funit.config import Config, Settings, build_config, merged
from funit.data.dataset import Batch
from funit.errors import UserError
from funit.training.code_losses import contrast
from funit.training.loop import train
from funit.training.trainer import Trainer

BOTH: Settings = {
    "training": {"reconstruct_from": "class", "shots": 2},
    "weights": {"code_classification": 1.0, "code_contrast": 1.0},
}


def config_with(*settings: Settings) -> Config:
    return build_config(merged({"model": {"num_classes": 4}}, *settings))


def batch_of_two() -> Batch:
    def images(*shape: int) -> Tensor:
        return torch.rand(*shape, 3, 16, 16) * 2 - 1

    content = images(2)
    return Batch(
        content, content, torch.tensor([0, 1]), images(2, 2), torch.tensor([2, 3]), images(2, 2)
    )


def test_contrast_is_its_slow_plain_version() -> None:
    codes, classes = torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 0, 1, 1, 1, 2])

    surprises = []
    for i in range(6):
        near = [torch.cosine_similarity(codes[i], other, dim=0) * 10 for other in codes]
        wrong = sum(near[n].exp() for n in range(6) if classes[n] != classes[i])
        for j in range(6):
            if j != i and classes[i] == classes[j]:
                surprises.append(-(near[j].exp() / (near[j].exp() + wrong)).log())

    torch.testing.assert_close(contrast(codes, classes), torch.stack(surprises).mean())


@pytest.mark.parametrize("classes", [[0, 1, 2], [1, 1, 1]])
def test_contrast_is_finite_where_no_two_or_all_are_of_a_class(classes: list[int]) -> None:
    codes = torch.randn(3, 5, requires_grad=True)

    loss = contrast(codes, torch.tensor(classes))
    loss.backward()

    assert loss == 0
    assert codes.grad is not None
    assert codes.grad.isfinite().all()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("warm_up_images", [0, 1000])
def test_they_teach_the_class_encoder_from_the_start_and_the_classifier(
    settings: Settings, warm_up_images: int, precision: str
) -> None:
    own = {"adversarial_from_images": warm_up_images, "precision": precision}
    others: dict[str, Any] = {"reconstruction": 0, "attention": 0, "feature_matching": 0}
    trainer = Trainer(
        config_with(settings, BOTH, {"training": own, "weights": {**others, "adversarial": 0}}),
        torch.device("cpu"),
    )

    terms = trainer.step(batch_of_two())

    assert {"g/code_classification", "g/code_contrast"} <= terms.keys()
    assert all(term.dtype == torch.float32 for term in terms.values())
    assert trainer.code_losses is not None
    for learns in (trainer.generator.class_encoder.stem, trainer.code_losses.classifier):
        assert learns.weight.grad is not None
        assert learns.weight.grad.abs().sum() > 0


def test_codes_become_tellable(settings: Settings) -> None:
    quick = {"adversarial_from_images": 1000, "optimizer": "adam", "learning_rate": 1e-3}
    trainer = Trainer(config_with(settings, BOTH, {"training": quick}), torch.device("cpu"))
    batch = batch_of_two()

    first, *_, last = [trainer.step(batch) for _ in range(40)]

    for name in ("g/code_classification", "g/code_contrast"):
        assert last[name] < 0.5 * first[name]


def test_the_classifier_is_in_the_checkpoint_but_not_in_the_generator(
    zoo: Path, tmp_path: Path, settings: Settings
) -> None:
    checkpoint = train(
        zoo, tmp_path / "run", merged(settings, BOTH, {"training": {"max_images": 4}})
    )

    assert "classifier.weight" in checkpoint.tensors("code_losses")
    assert not any("classifier" in name for name in checkpoint.tensors("average"))


@pytest.mark.parametrize("training", [{"shots": 1}, {"reconstruct_from": "itself"}])
def test_contrast_without_several_images_of_a_class_is_refused(
    settings: Settings, training: Settings
) -> None:
    with pytest.raises(UserError, match="several images of a class") as error:
        config_with(settings, BOTH, {"training": training})

    assert "`training.shots`" in error.value.hint
