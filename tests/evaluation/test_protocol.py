"""The whole evaluation: the same pairs for all, and nothing is left out in silence."""

import json
from pathlib import Path

import numpy as np
import pytest

from funit.config import LossWeights, ModelConfig
from funit.data.packed import packed_for
from funit.errors import UserError
from funit.evaluation.measures import MEASURES
from funit.evaluation.pairs import choose_pairs, write_pairs
from funit.evaluation.protocol import Network, evaluate
from funit.evaluation.report import Report

from .conftest import Save

pytestmark = pytest.mark.usefixtures("_small_checks")

BASELINES = ["copy-content", "nearest-example", "recolour"]


@pytest.fixture
def _small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of them takes minutes."""
    monkeypatch.setattr("funit.evaluation.checks.NUM_GROUPS", 3)
    monkeypatch.setattr("funit.evaluation.checks.NUM_SPLITS", 2)
    monkeypatch.setattr("funit.evaluation.checks.NUM_TRANSLATIONS", (0, 1, 5))


def test_every_model_and_baseline_has_a_row_for_every_number_of_examples(
    zoo: Path, tiny: ModelConfig, save: Save
) -> None:
    one, two = save("one", tiny), save("two", tiny, seed=1)

    report = evaluate([one, two, "recolour"], zoo, shots=[1, 3], num_pairs=6, measures=[])

    found = {(row.model, row.shots) for row in report.rows if row.metric == "ssim"}
    models = [str(one), str(two), *BASELINES]
    assert found == {(model, shots) for model in models for shots in (1, 3)}
    assert {row.n for row in report.rows} == {6}
    assert report.value("copy-content", 1, "l1_foreground/copy-content") == 1
    assert report.value("copy-content", 1, "dipd_efficientnet_lite0") == 0
    assert report.value("real images", 0, "dipd_efficientnet_lite0") > 0  # of the true answers
    assert report.value(str(one), 1, "l1") != report.value(str(two), 1, "l1")
    assert report.about["models"][str(one)]["images"] == 0
    assert list(report.about["extractor"]) == ["efficientnet_lite0"]
    assert all(row.low <= row.value <= row.high for row in report.rows)


def test_a_whole_report_has_a_row_or_a_reason_for_everything(
    zoo: Path, tiny: ModelConfig, save: Save
) -> None:
    report = evaluate([save("model", tiny)], zoo, shots=[1], num_pairs=8)

    told = [row.metric for row in report.rows] + [item.metric for item in report.left_out]
    for name in ("top1_test", "top5_test", "top1_all", "is_test", "fid", "mfid", "kid", "mkid"):
        assert any(metric.startswith(f"{name}_efficientnet_lite0") for metric in told), name
    for name in ("precision", "copies", "look_spread", "pose_spread", "few_shot_5"):
        assert any(metric.startswith(f"{name}_efficientnet_lite0") for metric in told), name
    assert any(item.metric == "fid_efficientnet_lite0" for item in report.left_out)
    assert "FID over features of 1280 numbers needs 1281 images" in report.markdown()
    (held_out,) = (r for r in report.rows if r.shots == 0 and r.metric.startswith("top1_test"))
    assert held_out.model == "real images"
    unseen = {path.name for path in (zoo / "unseen").iterdir()}
    assert {row.class_name for row in report.classes} == unseen
    assert {sample.rank for sample in report.samples} == {"best", "median", "worst"}


def test_a_report_is_the_same_again_from_memory_and_for_any_number_of_pairs_at_once(
    zoo: Path, tiny: ModelConfig, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save("model", tiny)
    first = evaluate([model], zoo, shots=[2], num_pairs=7, measures=["spread"])

    again = evaluate([model], zoo, shots=[2], num_pairs=7, measures=["spread"])
    monkeypatch.setattr("funit.evaluation.measured._AT_ONCE", 3)
    in_threes = evaluate([model], zoo, shots=[2], num_pairs=7, measures=["spread"])

    assert again.rows == first.rows
    for row, other in zip(in_threes.rows, first.rows, strict=True):
        # a batch adds up in another order: now and then a step of one in 255
        assert row.value == pytest.approx(other.value, rel=2e-3)


def test_data_without_a_known_truth_is_measured_by_what_needs_none(
    zoo: Path, tiny: ModelConfig, save: Save
) -> None:
    for index, image in enumerate(sorted(zoo.rglob("*.png"))):
        image.rename(image.with_name(f"{index}.png"))

    report = evaluate([save("model", tiny)], zoo, shots=[1], num_pairs=4, quick=True)

    metrics = {row.metric for row in report.rows}
    assert "dipd_efficientnet_lite0" in metrics
    assert "look_spread_efficientnet_lite0" in metrics
    assert not any(metric.startswith(("l1", "psnr", "ssim", "perceptual")) for metric in metrics)
    assert "no truth is known" in report.markdown()


def test_names_that_are_mere_numbers_are_not_taken_for_poses(
    zoo: Path, tiny: ModelConfig, save: Save
) -> None:
    random = np.random.default_rng(0)
    for folder in sorted(zoo.glob("*/*")):
        images = sorted(folder.iterdir())
        for number, index in enumerate(random.permutation(len(images))):
            images[index].rename(folder / f"photo-{number}.png")
    model = save("model", tiny)

    alone = evaluate([model], zoo, shots=[1], num_pairs=4, measures=[])
    asked = evaluate([model], zoo, truth="names", shots=[1], num_pairs=4, measures=[])

    assert "l1" not in {row.metric for row in alone.rows}
    assert "names of files are numbers, not poses" in alone.markdown()
    assert "l1" in {row.metric for row in asked.rows}


def test_poses_are_known_by_their_names_unless_it_is_said_otherwise(zoo: Path) -> None:
    found = evaluate([], zoo, shots=[1], num_pairs=4, measures=[])
    without = evaluate([], zoo, truth="none", shots=[1], num_pairs=4, measures=[])

    assert "l1" in {row.metric for row in found.rows}
    assert "l1" not in {row.metric for row in without.rows}
    assert "asked for without a truth" in without.markdown()


def test_classes_that_are_not_divided_are_all_translated_into(zoo: Path) -> None:
    single = zoo.parent / "single"
    single.mkdir()
    for folder in sorted(zoo.glob("*/*")):
        folder.rename(single / folder.name)

    report = evaluate([], single, shots=[1], num_pairs=4, measures=[])

    assert {row.part for row in report.rows} == {"all"}
    assert any("its images are real ones" in warning for warning in report.warnings)


def test_quick_names_what_it_leaves_out(zoo: Path) -> None:
    report = evaluate([], zoo, shots=[1], num_pairs=2, quick=True)

    left_out = {item.metric for item in report.left_out if item.reason == "it was not asked for"}
    assert left_out == {*MEASURES, "top1_all_efficientnet_lite0"} - {"accuracy", "spread"}


def test_quick_says_how_often_the_classifier_is_right_by_a_few_real_images(
    zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funit.evaluation.real.MIN_FEW_A_CLASS", 6)
    monkeypatch.setattr("funit.evaluation.real.FEW_IMAGES", 12)
    metric = "top1_test_efficientnet_lite0"

    quick = evaluate([], zoo, shots=[1], num_pairs=2, quick=True)
    whole = evaluate([], zoo, shots=[1], num_pairs=2, measures=["accuracy"])

    held_out = {
        which: row.n
        for which, report in (("quick", quick), ("whole", whole))
        for row in report.rows
        if (row.model, row.metric) == ("real images", metric)
    }
    assert held_out == {"quick": 2, "whole": 4}  # a fifth of 6, and of 8, of two classes
    assert quick.value("nearest-example", 1, metric) >= 0


def test_models_of_different_sizes_are_refused(zoo: Path, tiny: ModelConfig, save: Save) -> None:
    larger = tiny.model_copy(update={"image_size": 32})

    with pytest.raises(UserError, match=r"different sizes: .*16 px.*32 px"):
        evaluate([save("a", tiny), save("b", larger)], zoo)


def test_an_unknown_measure_is_refused(zoo: Path) -> None:
    with pytest.raises(UserError, match="no measure `accurracy`"):
        evaluate([], zoo, measures=["accurracy"])


def test_a_network_does_not_judge_a_model_that_was_trained_with_it(
    zoo: Path, tiny: ModelConfig, save: Save
) -> None:
    model = save("model", tiny, weights=LossWeights(perceptual=1))
    same = [Network("efficientnet_lite2")]

    with pytest.raises(UserError, match="trained with `efficientnet_lite2`"):
        evaluate([model], zoo, num_pairs=2, measures=[], networks=same)
    other = evaluate([model], zoo, num_pairs=2, measures=[])
    anyway = evaluate(
        [model], zoo, num_pairs=2, measures=[], networks=same, allow_same_network=True
    )

    assert list(other.about["extractor"]) == ["efficientnet_lite0"]
    assert list(anyway.about["extractor"]) == ["efficientnet_lite2"]


def test_without_the_weights_of_a_network_the_errors_are_measured_all_the_same(
    zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    report = evaluate([], zoo, shots=[1], num_pairs=2)

    assert report.value("copy-content", 1, "l1_foreground") > 0
    assert report.about["extractor"] is None
    assert "pip install" in report.markdown()


# ------------------------------------------------ translations of other programs


def made_by_another_program(zoo: Path, folder: Path) -> Path:
    """The true answers, as a folder of translations."""
    packed = packed_for(zoo, 16)
    pairs = choose_pairs(packed, "unseen", 5, 2, seed=4)
    write_pairs(packed, pairs, [1, 2], folder / "pairs.csv")
    for line in (folder / "pairs.csv").read_text().splitlines()[1:]:
        image, content, target, _ = line.split(",")
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        truth = zoo / target / Path(content).name
        (folder / image).write_bytes(truth.read_bytes())
    return folder


def test_a_folder_of_translations_is_measured_on_its_own_pairs_beside_the_models(
    tmp_path: Path, zoo: Path, tiny: ModelConfig, save: Save
) -> None:
    folder, model = made_by_another_program(zoo, tmp_path / "theirs"), save("model", tiny)

    report = evaluate([folder, model], zoo, measures=[])

    assert report.value(str(folder), 2, "l1_foreground") == 0
    assert report.value(str(folder), 1, "perceptual_efficientnet_lite0") == pytest.approx(0)
    assert report.value(str(model), 2, "l1_foreground") > 0
    assert {row.n for row in report.rows if row.metric == "l1"} == {5}


def test_a_folder_without_one_of_its_translations_is_refused(tmp_path: Path, zoo: Path) -> None:
    folder = made_by_another_program(zoo, tmp_path / "theirs")
    (folder / "2" / "000003.png").unlink()

    with pytest.raises(UserError, match=r"000003\.png` is missing, and 0 others"):
        evaluate([folder], zoo)


def test_folders_with_other_pairs_or_without_the_asked_ones_are_refused(
    tmp_path: Path, zoo: Path
) -> None:
    folder = made_by_another_program(zoo, tmp_path / "theirs")
    other = made_by_another_program(zoo, tmp_path / "others")
    lines = (other / "pairs.csv").read_text().splitlines(keepends=True)
    (other / "pairs.csv").write_text("".join(lines[:-1]))

    with pytest.raises(UserError, match="has other pairs than"):
        evaluate([folder, other], zoo)
    with pytest.raises(UserError, match="no translations by 5 examples"):
        evaluate([folder], zoo, shots=[1, 5])
    with pytest.raises(UserError, match="which is not seen"):
        evaluate([folder], zoo, part="seen")


def test_the_pairs_are_written_for_another_program(tmp_path: Path, zoo: Path) -> None:
    evaluate([], zoo, shots=[1, 3], num_pairs=4, measures=[], pairs_csv=tmp_path / "pairs.csv")

    lines = (tmp_path / "pairs.csv").read_text().splitlines()
    assert lines[0] == "image,content,target,examples"
    assert len(lines) == 1 + 2 * 4
    image, content, target, examples = lines[-1].split(",")
    assert image == "3/000003.png"
    assert (zoo / content).is_file()
    assert all((zoo / example).is_file() for example in examples.split("|"))
    assert {example.rpartition("/")[0] for example in examples.split("|")} == {target}


def test_the_json_has_the_shape_of_all_results(tmp_path: Path, zoo: Path) -> None:
    report = evaluate([], zoo, shots=[1], num_pairs=2, measures=[])
    report.write(tmp_path / "scores.json")

    content = json.loads((tmp_path / "scores.json").read_text())
    assert {"version", "commit", "seed", "config", "data", "extractor", "machine"} <= set(
        content["about"]
    )
    assert set(content["rows"][0]) == {
        *("model", "part", "shots", "metric", "value", "low", "high", "n")
    }
    assert np.isfinite([row["value"] for row in content["rows"]]).all()
    assert Report.read(tmp_path / "scores.json") == report
