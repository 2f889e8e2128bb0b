"""Which engine is the fastest on a CPU, for models of several sizes.

`funit.engines.choice` has a fixed order, which these rows are there to question.
"""

import numpy as np

from funit.benchmark.contenders import missing
from funit.benchmark.goals import ENGINES_COMPARED
from funit.benchmark.results import times_faster
from funit.benchmark.rounds import Cost, own_seconds
from funit.benchmark.workbench import Workbench, random_pixels, save_random_model
from funit.config import Settings, build_config, merged, preset
from funit.engines.choice import ONNXRUNTIME, OPENVINO, TORCH
from funit.translator import Translator

MODELS: dict[str, tuple[str, Settings]] = {
    "small, 64 px": ("small", {}),
    "small, base 32, 128 px": ("small", {"model": {"image_size": 128, "base_channels": 32}}),
    "light, 128 px": ("light", {}),
    "paper, base 32, 128 px": ("paper", {"model": {"base_channels": 32}}),
    "paper, 128 px": ("paper", {}),
}
ENGINES = (ONNXRUNTIME, OPENVINO, TORCH)


def measure_engines(bench: Workbench) -> None:
    """ONNX Runtime beside the other two: one translation, the class code kept."""
    if reasons := [missing(name) for name in ENGINES if missing(name)]:
        bench.results.leave_out(ENGINES_COMPARED, "", reasons[0])
        return
    for model in bench.scale.engine_models:
        name, settings = MODELS[model]
        config = build_config(merged(preset(name), {"model": {"num_classes": 119}}, settings))
        folder = save_random_model(bench.folder / model.replace(" ", "-"), config)
        content, example = random_pixels(2, config.model.image_size)
        costs = {
            engine: _translating(Translator.load(folder, "cpu", engine), content, example)
            for engine in ENGINES
        }
        found = bench.in_turn(f"engines, {model}", costs, bench.scale.translation_rounds)
        for engine in ENGINES[1:]:
            faster = times_faster(found[engine], found[ONNXRUNTIME])
            bench.results.add(ENGINES_COMPARED, f"beside {engine}, {model}", faster)


def _translating(translator: Translator, content: np.ndarray, example: np.ndarray) -> Cost:
    look = translator.encode_class([example])
    return own_seconds(lambda: translator.translate(content, look))
