"""Which images a translation is tested on, the baselines, and the errors against the truth.

Shapes: N pairs, K examples each, H x W pixels; all images uint8 (..., H, W, 3).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from funit.evaluation.metrics import (
    Images,
    Values,
    background,
    bootstrap,
    foreground,
    l1,
    l1_foreground,
    psnr,
    ssim,
)
from funit.evaluation.report import Row
from funit.translator import Translator


@dataclass(frozen=True)
class Pairs:
    """Translations to make, of a pose and a class each, whose answer is known."""

    content: Images
    """(N, H, W, 3): class A in pose p."""
    examples: Images
    """(N, K, H, W, 3): class B in poses other than p."""
    counterparts: Images
    """(N, K, H, W, 3): class A in the poses of the examples."""
    truth: Images
    """(N, H, W, 3): class B in pose p."""

    def with_shots(self, shots: int) -> "Pairs":
        """The same pairs with only the first examples of each."""
        return Pairs(
            self.content, self.examples[:, :shots], self.counterparts[:, :shots], self.truth
        )


# The baselines stand beside every model. A content image is (H, W, 3), examples are (K, H, W, 3).


def copy_content(content: Images, examples: Images, counterparts: Images) -> Images:  # noqa: ARG001
    """The content image itself."""
    return content


def nearest_example(content: Images, examples: Images, counterparts: Images) -> Images:
    """The example whose pose, drawn in the content's class, is nearest to the content image."""
    nearest: Images = examples[np.argmin(l1(counterparts, content))]
    return nearest


def recolour(content: Images, examples: Images, counterparts: Images) -> Images:  # noqa: ARG001
    """The content, its foreground's channels with the means and deviations of the examples'."""
    mask = foreground(content, background(content))
    wanted = examples[foreground(examples, background(examples))].astype(np.float64)
    found = content[mask].astype(np.float64)
    if not len(wanted) or not len(found):  # a blank picture has no colours to give or to take
        return content
    deviation = found.std(axis=0)
    unit = (found - found.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    recoloured = content.copy()
    levels = unit * wanted.std(axis=0) + wanted.mean(axis=0)
    recoloured[mask] = np.rint(levels).clip(0, 255).astype(np.uint8)
    return recoloured


BASELINES: Mapping[str, Callable[[Images, Images, Images], Images]] = {
    "copy-content": copy_content,
    "nearest-example": nearest_example,
    "recolour": recolour,
}


def baseline_images(name: str, pairs: Pairs) -> Images:
    """What a baseline answers to each pair: (N, H, W, 3)."""
    baseline = BASELINES[name]
    return np.stack(
        [
            baseline(*arrays)
            for arrays in zip(pairs.content, pairs.examples, pairs.counterparts, strict=True)
        ]
    )


def translations(translator: Translator, pairs: Pairs) -> Images:
    """What a model answers to each pair: (N, H, W, 3)."""
    looks = [translator.encode_class(list(examples)) for examples in pairs.examples]
    return np.stack([np.asarray(i) for i in translator.translate(list(pairs.content), looks)])


def truth_errors(images: Images, pairs: Pairs) -> dict[str, Values]:
    """The errors of each image against the truth, by metric: (N, H, W, 3) -> (N,)."""
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
