"""The baselines that stand beside every model: what is had without learning anything.

Shapes: a content image is (H, W, 3), examples and counterparts are (K, H, W, 3), all uint8.
"""

from collections.abc import Callable, Mapping

import numpy as np

from funit.evaluation.measures import BASELINE_NAMES
from funit.evaluation.metrics import Images, background, foreground, l1
from funit.evaluation.pairs import Pairs


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


BASELINES: Mapping[str, Callable[[Images, Images, Images], Images]] = dict(
    zip(BASELINE_NAMES, (copy_content, nearest_example, recolour), strict=True)
)


def baseline_images(name: str, pairs: Pairs) -> Images:
    """What a baseline answers to each pair, (N, H, W, 3).

    `nearest-example` needs counterparts: `is_answered` tells.
    """
    baseline = BASELINES[name]
    counterparts = pairs.examples if pairs.counterparts is None else pairs.counterparts
    return np.stack(
        [
            baseline(*arrays)
            for arrays in zip(pairs.content, pairs.examples, counterparts, strict=True)
        ]
    )


def is_answered(name: str, pairs: Pairs) -> bool:
    """Whether the baseline has what it needs to answer these pairs."""
    return name != "nearest-example" or pairs.counterparts is not None
