"""What is measured: every model and baseline on the same pairs, with one, five, ... examples.

Shapes: N pairs, K examples each, H x W pixels; all images uint8 (..., H, W, 3).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from funit.data.packed import packed_for
from funit.errors import UserError
from funit.evaluation.baselines import BASELINES, baseline_images, is_answered
from funit.evaluation.metrics import (
    Images,
    Values,
    bootstrap,
    bootstrap_ratio,
    l1,
    l1_foreground,
    psnr,
    ssim,
)
from funit.evaluation.pairs import Pairs, choose_pairs, load_pairs
from funit.evaluation.report import Report, Row, about
from funit.translator import Translator

BASELINE_OF_RATIOS = "copy-content"
BASELINE_SIZE = 64  # pixels, where baselines alone are measured
TRUTH_METRICS = ("l1", "l1_foreground", "psnr", "ssim")

_AT_ONCE = 64  # pairs in memory

Progress = Callable[[int, int], None]  # (pairs done, pairs in all)


def evaluate(
    models: Sequence[str | Path],
    data: Path,
    *,
    part: str = "unseen",
    shots: Sequence[int] = (1, 5),
    num_pairs: int = 1000,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Report:
    """Measures models, and the baselines beside them, on classes of DATA, all on the same pairs.

    The errors against the truth, over the pairs whose truth is known: those whose file name is also
    in the class translated into. Where there are none, a UserError. `l1_foreground/copy-content` is
    the ratio to copying the content image.
    """
    translators = {
        str(model): Translator.load(model, device)
        for model in models
        if str(model) not in BASELINES  # they are measured in any case
    }
    size = _common_size(translators)
    packed = packed_for(Path(data), size)
    chosen = choose_pairs(packed, part, num_pairs, max(shots), seed)
    pairs = [pair for pair in chosen if pair.truth is not None]
    if not pairs:
        raise UserError(
            f"no file name of `{data}` stands in two classes: no truth is known",
            hint="the same file name in two classes means the same pose, background and light",
        )
    found: list[Row] = []
    for number, k in enumerate(shots):
        errors = {name: _no_errors(len(pairs)) for name in [*translators, *BASELINES]}
        for numbers, some in load_pairs(packed, pairs, size, k, _AT_ONCE):
            for name, images in _answers(translators, some).items():
                for metric, values in truth_errors(images, some).items():
                    errors[name][metric][numbers] = values
            if progress:
                progress(number * len(pairs) + numbers[-1] + 1, len(pairs) * len(shots))
        for name, of_model in errors.items():
            found += rows(name, part, k, of_model, seed)
            found += ratios(name, part, k, of_model, errors[BASELINE_OF_RATIOS], seed)
    settings = {"part": part, "shots": list(shots), "pairs": num_pairs, "size": size}
    return Report(about(seed, settings, packed.fingerprint), found)


def _answers(translators: Mapping[str, Translator], pairs: Pairs) -> dict[str, Images]:
    """What each model answers to the pairs, and each baseline that can."""
    answers = {name: translations(translator, pairs) for name, translator in translators.items()}
    return answers | {
        name: baseline_images(name, pairs) for name in BASELINES if is_answered(name, pairs)
    }


def translations(translator: Translator, pairs: Pairs) -> Images:
    """What a model answers to each pair: (N, H, W, 3)."""
    looks = [translator.encode_class(list(examples)) for examples in pairs.examples]
    return np.stack([np.asarray(i) for i in translator.translate(list(pairs.content), looks)])


def truth_errors(images: Images, pairs: Pairs) -> dict[str, Values]:
    """The errors of each image against the truth, by metric: (N, H, W, 3) -> (N,)."""
    assert pairs.truth is not None, "the truth is not known"
    return {
        "l1": l1(images, pairs.truth),
        "l1_foreground": l1_foreground(images, pairs.truth, pairs.content),
        "psnr": psnr(images, pairs.truth),
        "ssim": ssim(images, pairs.truth),
    }


def rows(
    model: str, part: str, shots: int, errors: Mapping[str, Values], seed: int = 0
) -> list[Row]:
    """The mean and the interval of each metric; images without a value (NaN) do not count."""
    found = []
    for metric, values in errors.items():
        values = values[~np.isnan(values)]
        if len(values):
            low, high = bootstrap(values, seed)
            found.append(
                Row(model, part, shots, metric, float(values.mean()), low, high, len(values))
            )
    return found


def ratios(
    model: str,
    part: str,
    shots: int,
    errors: Mapping[str, Values],
    base: Mapping[str, Values],
    seed: int = 0,
) -> list[Row]:
    """The error on the foreground as a ratio to a baseline's, over the pairs that both answered."""
    metric = "l1_foreground"
    answered = ~np.isnan(errors[metric]) & ~np.isnan(base[metric])
    if not answered.any():
        return []
    values, others = errors[metric][answered], base[metric][answered]
    ratio = float(values.mean() / others.mean())
    low, high = bootstrap_ratio(values, others, seed)
    name = f"{metric}/{BASELINE_OF_RATIOS}"
    return [Row(model, part, shots, name, ratio, low, high, len(values))]


def _no_errors(num_pairs: int) -> dict[str, Values]:
    return {metric: np.full(num_pairs, np.nan) for metric in TRUTH_METRICS}


def _common_size(translators: Mapping[str, Translator]) -> int:
    """The one size at which all are measured."""
    sizes = {name: translator.image_size for name, translator in translators.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"`{name}` {size} px" for name, size in sizes.items())
        raise UserError(
            f"the models draw images of different sizes: {listed}",
            hint="evaluate those of each size in a run of its own",
        )
    return next(iter(sizes.values()), BASELINE_SIZE)
