"""A benchmark has a row or a reason for everything that it promises, and judges by the goals."""

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import funit.benchmark.bench
from funit.benchmark.bench import PARTS, WITHOUT_GPU, run_bench
from funit.benchmark.contenders import missing
from funit.benchmark.goals import GOALS, GPU_LIMIT, GPU_MEMORY, GPU_RATE, GPU_STEP, QUALITY_BF16
from funit.benchmark.gpu import measure_gpu, training_memory
from funit.benchmark.results import (
    Figure,
    Goal,
    Results,
    combined,
    median_of,
    share_of,
    times_faster,
)
from funit.benchmark.rounds import child_bytes, child_cpu_seconds, in_turn, own_seconds
from funit.benchmark.trainings import COMPARISONS
from funit.benchmark.workbench import QUICK, Scale, Workbench, random_batch
from funit.config import Config
from funit.errors import UserError


@pytest.fixture
def scale(paper: Config) -> Scale:
    return replace(
        QUICK,
        config=paper,
        training_batch=2,
        memory_batch=2,
        class_counts=(2, 50),
        gpu_sizes=(16,),
        gpu_bases=(4,),
        gpu_batch=2,
        gpu_matrix=64,
        gpu_rounds=1,
        engine_models=("small, 64 px",),
    )


def workbench(scale: Scale, folder: Path) -> Workbench:
    return Workbench(scale, folder, Results(GOALS), lambda *_: None)


@pytest.mark.slow
def test_every_goal_has_a_row_or_a_reason(scale: Scale, tmp_path: Path) -> None:
    results = run_bench(tuple(PARTS), scale)

    told = {row.what for row in results.rows} | {item.what for item in results.left_out}
    assert told >= {what for what in GOALS if what != GPU_MEMORY}
    assert all(row.low <= row.ratio <= row.high for row in results.rows)
    assert all(row.ratio > 0 for row in results.rows)
    results.write(tmp_path / "bench.json")
    content = json.loads((tmp_path / "bench.json").read_text())
    assert set(content["rows"][0]) >= {"what", "variant", "ratio", "low", "high", "better", "goal"}
    assert content["about"]["machine"]["processor"]


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(UserError, match="nothing called `weather`"):
        run_bench(["weather"])


def test_a_part_that_fails_does_not_lose_the_others(
    scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Workbench) -> None:
        raise RuntimeError("no memory")

    def succeed(bench: Workbench) -> None:
        bench.results.add(QUALITY_BF16, "", Figure(1, 1, 1))

    parts = {"first": fail, "second": succeed}
    monkeypatch.setattr("funit.benchmark.bench.PARTS", parts)
    file = tmp_path / "bench.json"
    rows_so_far: list[int] = []

    def keep(so_far: Results) -> None:
        rows_so_far.append(len(so_far.rows))
        so_far.write(file)

    results = run_bench(tuple(parts), scale, on_part=keep)

    (left_out,) = results.left_out
    assert (left_out.what, left_out.reason) == ("first", "failed: RuntimeError: no memory")
    assert rows_so_far == [0, 1]
    assert len(json.loads(file.read_text())["rows"]) == 1


def test_an_engine_whose_graphs_cannot_be_made_is_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("funit.benchmark.contenders.can_export", lambda: False)

    assert "graphs cannot be made" in missing("openvino")
    assert missing("torch") == ""


def test_without_a_graphics_card_its_rows_are_left_out_with_the_reason(
    scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    bench = workbench(scale, tmp_path)

    measure_gpu(bench)

    assert bench.results.rows == []
    assert {item.reason for item in bench.results.left_out} == {"not measured: no GPU"}


def test_what_is_measured_on_a_graphics_card_runs_on_a_processor_too(
    scale: Scale, tmp_path: Path
) -> None:
    bench = workbench(scale, tmp_path)

    measure_gpu(bench, "cpu")

    rows = {row.what: row for row in reversed(bench.results.rows)}
    assert set(rows) == {GPU_STEP, GPU_RATE, GPU_LIMIT}
    assert sum(row.variant.endswith(", not compiled") for row in bench.results.rows) == 1
    assert all(row.met is None and row.goal is None for row in rows.values())
    assert rows[GPU_LIMIT].ratio > 0  # a tiny product on a busy processor is no limit at all
    assert rows[GPU_RATE].variant == "16 px, base 4, batch 2"


def test_a_plain_loop_that_does_not_fit_on_the_card_is_left_out_and_ours_is_measured(
    scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr("funit.benchmark.plain_training.Trainer.step", step)
    bench = workbench(scale, tmp_path)

    measure_gpu(bench, "cpu")

    assert {row.what for row in bench.results.rows} == {GPU_RATE, GPU_LIMIT}
    assert [item.what for item in bench.results.left_out] == [GPU_STEP]


def test_the_memory_of_a_card_is_a_share_of_the_plain_loops(
    scale: Scale, monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks = [400, 100]  # the plain loop's, ours
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: peaks.pop(0))

    figure = training_memory(scale.config, random_batch(scale.config, 2, torch.device("cpu")))

    assert figure == Figure(0.25, 0.25, 0.25)


def test_the_quality_of_fewer_bits_is_reported_for_the_very_weights_that_were_measured(
    scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {"l1_foreground": {"ratio": 1.002, "low": 1.0, "high": 1.004}}
    sha256 = funit.benchmark.quality.ModelRepository().find("default").info.weights_sha256
    file = tmp_path / "quality.json"
    monkeypatch.setattr("funit.benchmark.quality.FILE", file)

    file.write_text(json.dumps({sha256: {"figures": {"bf16": figures}}}))
    known = workbench(scale, tmp_path)
    PARTS["quality"](known)
    file.write_text(json.dumps({"0" * 64: {"figures": {"bf16": figures}}}))
    unknown = workbench(scale, tmp_path)
    PARTS["quality"](unknown)

    (row,) = known.results.rows
    assert (row.what, row.variant, row.met) == (QUALITY_BF16, "default, l1_foreground", True)
    assert unknown.results.rows == []
    assert "measure_precisions.py" in unknown.results.left_out[0].reason


def test_trainings_are_reported_for_the_very_settings_that_were_measured(
    scale: Scale, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "trainings.json"
    monkeypatch.setattr("funit.benchmark.trainings.FILE", file)
    made_from = COMPARISONS["light"].made_from()
    known = made_from["ours"]
    without_one = {name: value for name, value in known.items() if name != "data.bend"}
    as_then = {
        "as today": known,
        "before there was a setting": without_one,
        "other": known | {"training.learning_rate": 1.0},
        "a setting that is gone": known | {"training.luck": 1.0},
    }

    reported = {}
    for then, settings in as_then.items():
        entry = {
            "figure": {"ratio": 0.9, "low": 0.8, "high": 1.0},
            "made_from": made_from | {"ours": settings},
        }
        file.write_text(json.dumps({"light": entry}))
        bench = workbench(scale, tmp_path)
        PARTS["trainings"](bench)
        reported[then] = [row.met for row in bench.results.rows]
        assert "measure_trainings.py lean" in bench.results.left_out[-1].reason

    assert reported == {
        "as today": [True],
        "before there was a setting": [True],
        "other": [],
        "a setting that is gone": [],
    }


def test_engines_are_compared_on_a_model_of_each_size(scale: Scale, tmp_path: Path) -> None:
    bench = workbench(scale, tmp_path)

    PARTS["engines"](bench)

    variants = [row.variant for row in bench.results.rows]
    assert variants == ["beside openvino, small, 64 px", "beside torch, small, 64 px"]
    assert all(row.goal is None and row.ratio > 0 for row in bench.results.rows)


@pytest.mark.parametrize(
    ("goal", "ratio", "met"),
    [
        (Goal(2.0), 2.5, True),
        (Goal(2.0), 1.85, True),  # within the noise
        (Goal(2.0), 1.7, False),
        (Goal(0.4, "lower"), 0.3, True),
        (Goal(0.4, "lower"), 0.43, True),
        (Goal(0.4, "lower"), 0.5, False),
        (Goal(1e-4, "lower", noise=0), 1.01e-4, False),
        (Goal(None), 5, None),
    ],
)
def test_a_goal_is_met_within_the_noise(goal: Goal, ratio: float, met: bool | None) -> None:
    assert goal.is_met(ratio) is met


def test_ratios_are_of_medians_and_their_spread_holds_them() -> None:
    slow, fast = np.array([4.0, 4.4, 3.6, 4.0, 9.0]), np.array([2.0, 2.2, 1.8, 2.0, 2.0])

    assert times_faster(slow, fast).ratio == 2
    assert share_of(slow, fast).ratio == 0.5
    assert median_of(fast).ratio == 2
    figure = times_faster(slow, fast)
    assert figure.low <= 2 <= figure.high < 5
    np.testing.assert_allclose(combined([(0.25, slow), (0.75, fast)]), 0.25 * slow + 0.75 * fast)


def test_costs_are_taken_in_turn_forwards_and_backwards() -> None:
    order: list[str] = []

    def cost(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = in_turn("x", {"a": lambda: cost("a"), "b": lambda: cost("b")}, 2, lambda *_: None)

    assert order == ["a", "b", "a", "b", "b", "a"]  # the first round warms up
    assert found["a"].tolist() == [3, 6]
    assert found["b"].tolist() == [4, 5]


def test_a_childs_cost_is_its_own() -> None:
    idle = child_cpu_seconds(["-c", "import time; time.sleep(0.3)"])()
    busy = child_cpu_seconds(["-c", "import time\nwhile time.process_time() < 0.4: pass"])()
    said = child_bytes(["-c", "print('hello'); print('{\"bytes\": 7}')"])()

    assert idle < 0.3
    assert busy >= 0.35
    assert said == 7


def test_with_one_thread_only_the_work_of_the_process_counts() -> None:
    def rest() -> None:
        time.sleep(0.3)

    def cost(num_threads: int) -> float:
        before = torch.get_num_threads()
        torch.set_num_threads(num_threads)
        try:
            return own_seconds(rest)()
        finally:
            torch.set_num_threads(before)

    assert cost(1) < 0.2
    assert cost(2) >= 0.3


def test_a_table_says_what_is_met_and_what_is_missed() -> None:
    results = Results({"speed": Goal(2.0), "known": Goal(None)})
    results.add("speed", "fast", Figure(3, 2.9, 3.1))
    results.add("speed", "slow", Figure(1, 0.9, 1.1))
    results.add("speed", "other", Figure(1, 0.9, 1.1), has_goal=False)
    results.add("known", "", Figure(1234, 1200, 1300))

    assert [row[2:] for row in results.cells()] == [
        ["3", "2.9 to 3.1", ">= 2", "met"],
        ["1", "0.9 to 1.1", ">= 2", "missed"],
        ["1", "0.9 to 1.1", "-", "-"],
        ["1,234", "1,200 to 1,300", "-", "-"],
    ]


def test_what_is_measured_without_being_asked_needs_no_graphics_card() -> None:
    assert "gpu" not in WITHOUT_GPU
    assert set(WITHOUT_GPU) | {"gpu"} == set(PARTS)
