"""Every model answers the same pairs, and rows hold what they claim."""

from pathlib import Path

import numpy as np
import pytest
import torch

from funit.config import Config, ModelConfig
from funit.data.menagerie import write_menagerie
from funit.errors import UserError
from funit.evaluation.pairs import Pairs
from funit.evaluation.protocol import evaluate, ratios, rows, translations, truth_errors
from funit.model.generator import Generator
from funit.repository import TrainingRecord, save_model
from funit.translator import Translator


def test_translations_are_those_of_each_pair_alone(pairs: Pairs, tiny: ModelConfig) -> None:
    torch.manual_seed(0)
    translator = Translator(Generator(tiny), Config(model=tiny), device="cpu")

    images = translations(translator, pairs)

    assert images.shape == pairs.content.shape
    look = translator.encode_class(list(pairs.examples[3]))
    alone = np.asarray(translator.translate(pairs.content[3], look))
    # a batch adds up in another order: one step of 255 at most
    assert np.abs(images[3].astype(int) - alone).max() <= 1


def test_the_truth_has_no_error(pairs: Pairs) -> None:
    errors = truth_errors(pairs.truth, pairs)

    assert errors["l1"].max() == errors["l1_foreground"].max() == 0
    assert errors["ssim"].min() == pytest.approx(1)


def test_rows_hold_the_mean_and_count_only_images_with_a_value() -> None:
    values = np.array([0.1, np.nan, 0.3])

    (row,) = rows("m", "unseen", 5, {"l1_foreground": values})

    assert (row.model, row.part, row.shots, row.metric, row.n) == (
        "m",
        "unseen",
        5,
        "l1_foreground",
        2,
    )
    assert row.value == pytest.approx(0.2)
    assert 0.1 <= row.low <= row.value <= row.high <= 0.3


def test_a_metric_without_any_value_has_no_row() -> None:
    assert rows("m", "unseen", 1, {"l1_foreground": np.array([np.nan])}) == []


# ------------------------------------------------------------------- evaluate


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Four classes in six poses, two of them unseen."""
    write_menagerie(tmp_path / "all", num_classes=4, num_poses=6, size=16, seed=3)
    for index, folder in enumerate(sorted((tmp_path / "all").iterdir())):
        part = tmp_path / "zoo" / ("seen" if index % 2 else "unseen")
        part.mkdir(parents=True, exist_ok=True)
        folder.rename(part / folder.name)
    return tmp_path / "zoo"


def saved(path: Path, config: ModelConfig, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    save_model(
        path,
        Generator(config).state_dict(),
        Config(model=config),
        name="m",
        version=1,
        training=TrainingRecord(seed=0, images=0, minutes=0),
    )
    return path


def test_every_model_and_baseline_has_a_row_for_every_number_of_examples(
    tmp_path: Path, zoo: Path, tiny: ModelConfig
) -> None:
    one, two = saved(tmp_path / "one", tiny), saved(tmp_path / "two", tiny, seed=1)

    report = evaluate([one, two, "recolour"], zoo, shots=[1, 3], num_pairs=10)

    found = {(row.model, row.shots) for row in report.rows if row.metric == "ssim"}
    models = [str(one), str(two), "copy-content", "nearest-example", "recolour"]
    assert found == {(model, shots) for model in models for shots in (1, 3)}
    assert {row.n for row in report.rows} == {10}
    assert report.value("copy-content", 1, "l1_foreground/copy-content") == 1
    assert report.value(str(one), 1, "l1") != report.value(str(two), 1, "l1")
    assert report.about["data"]
    for model in models:
        assert report.markdown().count(f"| {model} | unseen |") == 2


def test_a_report_is_the_same_again_and_for_any_number_of_pairs_at_once(
    tmp_path: Path, zoo: Path, tiny: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = saved(tmp_path / "model", tiny)
    first = evaluate([model], zoo, num_pairs=7)

    again = evaluate([model], zoo, num_pairs=7)
    monkeypatch.setattr("funit.evaluation.protocol._AT_ONCE", 3)
    in_threes = evaluate([model], zoo, num_pairs=7)

    assert again.rows == first.rows
    for row, other in zip(in_threes.rows, first.rows, strict=True):
        # a batch adds up in another order: now and then a step of one in 255
        assert row.value == pytest.approx(other.value, rel=2e-3)


def test_data_without_a_known_truth_is_refused(
    tmp_path: Path, zoo: Path, tiny: ModelConfig
) -> None:
    for index, image in enumerate(sorted(zoo.rglob("*.png"))):
        image.rename(image.with_name(f"{index}.png"))

    with pytest.raises(UserError, match="no truth is known"):
        evaluate([saved(tmp_path / "model", tiny)], zoo, num_pairs=4)


def test_models_of_different_sizes_are_refused(
    tmp_path: Path, zoo: Path, tiny: ModelConfig
) -> None:
    larger = tiny.model_copy(update={"image_size": 32})

    with pytest.raises(UserError, match=r"different sizes: .*16 px.*32 px"):
        evaluate([saved(tmp_path / "a", tiny), saved(tmp_path / "b", larger)], zoo)


def test_a_ratio_is_that_of_the_means_and_equal_errors_have_ratio_one() -> None:
    errors = {"l1_foreground": np.array([0.1, 0.3, np.nan, 0.2])}
    base = {"l1_foreground": np.array([0.2, 0.6, 0.5, np.nan])}

    (half,) = ratios("m", "unseen", 1, errors, base)
    (same,) = ratios("m", "unseen", 1, errors, errors)

    assert (half.value, half.low, half.high, half.n) == pytest.approx((0.5, 0.5, 0.5, 2))
    assert (same.value, same.low, same.high, same.n) == (1, 1, 1, 3)
