"""How fast each engine translates beside the plain engine, and how far its images are from it."""

import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np

from funit.benchmark.contenders import PlainTranslator, chosen, missing, to_tensor
from funit.benchmark.goals import (
    BATCH,
    BATCH_BF16,
    ERROR,
    KEPT,
    KEPT_BF16,
    KEPT_INT8,
    LIGHT,
    TRANSLATION,
)
from funit.benchmark.results import Figure, times_faster
from funit.benchmark.rounds import Cost, own_seconds
from funit.benchmark.workbench import Workbench, random_pixels, save_random_model
from funit.config import build_config, merged, preset
from funit.engines.choice import ABLE, Weights, open_engine
from funit.engines.engine import Look
from funit.model.graphs import TRANSLATION_FILE, WEIGHTS_FILE, look_parts
from funit.quantization import quantise_graph
from funit.translator import Translator

BATCH_SIZE = 8

PLAIN = "plain"


def measure_translation(bench: Workbench) -> None:
    """Single translations, then batches, all engines in turn."""
    engines = _engines(bench)
    content, example = random_pixels(2, bench.scale.config.model.image_size)
    plain = PlainTranslator(bench.plain)
    costs = {PLAIN: _beginning_to_end(plain, [content], example)}
    for name, translator in engines.items():
        look = translator.encode_class([example])
        costs[f"{name}, kept"] = _translating(translator, content, look)
        costs[name] = _beginning_to_end(translator, [content], example)
    found = bench.in_turn("translation", costs, bench.scale.translation_rounds)
    for name in engines:
        precision = engines[name].engine.precision
        kept = times_faster(found[PLAIN], found[f"{name}, kept"])
        is_chosen = engines[name].engine.name == chosen(precision)
        if precision == "fp32":
            whole = times_faster(found[PLAIN], found[name])
            bench.results.add(TRANSLATION, name, whole, is_chosen)
            bench.results.add(KEPT, name, kept, is_chosen)
        else:
            bench.results.add(KEPT_BF16, name, kept, is_chosen)
    _add_errors(bench, engines, plain, content, example)
    _measure_batches(bench, engines, plain)


def measure_int8(bench: Workbench) -> None:
    """The class code kept, in int8: the speed alone, as the weights are random."""
    size = bench.scale.config.model.image_size
    content, example = random_pixels(2, size)
    if reasons := [missing(name) for name in ABLE["int8"] if missing(name)]:
        bench.results.leave_out(KEPT_INT8, "", reasons[0])
        return
    source = Translator.load(bench.model, "cpu", "onnxruntime")
    look = source.encode_class([example])
    names = look_parts(bench.scale.config.model)
    feed = {"content": to_tensor([content]).numpy()}
    feed |= {name: getattr(look, name) for name in names}
    folder = shutil.copytree(bench.model, bench.folder / "int8")
    graph = folder / TRANSLATION_FILE
    quantise_graph(graph, [feed], graph)
    costs = {PLAIN: _beginning_to_end(PlainTranslator(bench.plain), [content], example)}
    model = bench.scale.config.model
    weights = Weights(folder / WEIGHTS_FILE, "", model, lambda: folder, "int8")
    for name in ABLE["int8"]:
        translator = Translator(open_engine(weights, name, "cpu"), bench.scale.config)
        costs[name] = _translating(translator, content, look)
    found = bench.in_turn("int8", costs, bench.scale.translation_rounds)
    for name in ABLE["int8"]:
        figure = times_faster(found[PLAIN], found[name])
        bench.results.add(KEPT_INT8, f"{name} int8", figure, name == ABLE["int8"][0])


def measure_light(bench: Workbench) -> None:
    """The light preset, by the engine that users get, beside the plain model of the paper."""
    config = build_config(merged(preset(bench.scale.light), {"model": {"num_classes": 119}}))
    folder = save_random_model(bench.folder / "light", config)
    translator = Translator.load(folder, "cpu")
    content, example = random_pixels(2, config.model.image_size)
    theirs = random_pixels(2, bench.scale.config.model.image_size)
    costs = {
        PLAIN: _beginning_to_end(PlainTranslator(bench.plain), [theirs[0]], theirs[1]),
        "light": _beginning_to_end(translator, [content], example),
    }
    found = bench.in_turn("the light preset", costs, bench.scale.translation_rounds)
    variant = f"{translator.engine.name} fp32, K = 1, {config.model.image_size} px"
    bench.results.add(LIGHT, variant, times_faster(found[PLAIN], found["light"]))


def _engines(bench: Workbench) -> dict[str, Translator]:
    """Each engine that is installed, in each precision that it has: `onnxruntime fp32`."""
    found = {}
    for precision, what in (("fp32", KEPT), ("bf16", KEPT_BF16)):
        for engine in ABLE[precision]:
            name = f"{engine} {precision}"
            if reason := missing(engine):
                bench.results.leave_out(what, name, reason)
            else:
                found[name] = Translator.load(bench.model, "cpu", engine, precision)
    return found


def _translating(translator: Translator, content: np.ndarray, look: Look) -> Cost:
    return own_seconds(lambda: translator.translate(content, look))


def _beginning_to_end(
    translator: Any,  # ours, or the plain one
    contents: Sequence[np.ndarray],
    example: np.ndarray,
) -> Cost:
    return own_seconds(lambda: translator.translate(contents, translator.encode_class([example])))


def _add_errors(
    bench: Workbench,
    engines: dict[str, Translator],
    plain: PlainTranslator,
    content: np.ndarray,
    example: np.ndarray,
) -> None:
    images = to_tensor([content])
    expected = plain.draw(images, plain.encode_class([example])).numpy()
    for name, translator in engines.items():
        if name.endswith("fp32"):
            engine = translator.engine
            look = translator.encode_class([example])
            drawn = engine.decode(engine.encode_content(images.numpy()), look).images
            error = float(np.abs(drawn - expected).max())
            bench.results.add(ERROR, name, Figure(error, error, error))


def _measure_batches(
    bench: Workbench, engines: dict[str, Translator], plain: PlainTranslator
) -> None:
    pixels = list(random_pixels(BATCH_SIZE + 1, bench.scale.config.model.image_size))
    contents, example = pixels[1:], pixels[0]
    costs = {
        name: _beginning_to_end(translator, contents, example)
        for name, translator in {PLAIN: plain, **engines}.items()
    }
    found = bench.in_turn("batches", costs, bench.scale.batch_rounds)
    for name in engines:
        precision = engines[name].engine.precision
        what = BATCH if precision == "fp32" else BATCH_BF16
        figure = times_faster(found[PLAIN], found[name])
        is_chosen = engines[name].engine.name == chosen(precision)
        bench.results.add(what, name, figure, is_chosen)
