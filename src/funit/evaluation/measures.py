"""What an evaluation measures, by name: metrics, and the measures that bring them.

Without PyTorch, so that a wrong name is said before anything is trained.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from funit.errors import UserError

Better = Literal["lower", "higher", "neither"]
Measure = Literal["accuracy", "distribution", "copies", "spread", "few-shot"]

MEASURES: tuple[Measure, ...] = get_args(Measure)
"""What is measured beside the errors of each image."""
QUICK_MEASURES: tuple[Measure, ...] = ("accuracy", "spread")  # the first on a few real images
DEFAULT_NETWORK = "efficientnet_lite0"
BASELINE_NAMES = ("copy-content", "nearest-example", "recolour")

# How a metric's name begins -> which way is better. What follows is the network that judges and,
# after a `/`, the baseline to which the figure is a ratio. docs/evaluation.md has the formulas.
BETTER: Mapping[str, Better] = {
    "l1": "lower",
    "l1_foreground": "lower",
    "psnr": "higher",
    "psnr_foreground": "higher",
    "ssim": "higher",
    "ssim_foreground": "higher",
    "dssim": "lower",
    "dssim_foreground": "lower",
    "perceptual": "lower",
    "perceptual_foreground": "lower",
    "dipd": "lower",
    "top1_all": "higher",
    "top5_all": "higher",
    "top1_test": "higher",
    "top5_test": "higher",
    "is_all": "higher",
    "is_test": "higher",
    "fid": "lower",
    "mfid": "lower",
    "kid": "lower",
    "mkid": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "few_shot": "higher",
    "copies": "lower",
    "look_spread": "neither",  # as a share of that of real images: 1 is as it should be
    "pose_spread": "neither",
    "used": "neither",
}

# of the measures, how the names of their metrics begin; the errors of each image come without one
_BROUGHT_BY: Mapping[str, Measure] = {
    **dict.fromkeys(("top1", "top5", "is", "used"), "accuracy"),
    **dict.fromkeys(("fid", "mfid", "kid", "mkid"), "distribution"),
    **dict.fromkeys(("precision", "recall", "density", "coverage"), "distribution"),
    "copies": "copies",
    **dict.fromkeys(("look", "pose"), "spread"),
    "few": "few-shot",
}
_ERRORS = ("l1", "psnr", "ssim", "dssim")  # which no network judges


def better(metric: str) -> Better:
    """Which way is better, by the longest name in BETTER that the metric begins with."""
    known = _known(metric)
    return BETTER[known] if known else "neither"


def checked_measures(measures: Sequence[str] | None, quick: bool) -> tuple[Measure, ...]:
    """Those asked for, or those of a quick evaluation or a whole one; raises UserError."""
    if measures is None:
        return QUICK_MEASURES if quick else MEASURES
    for name in measures:
        if name not in MEASURES:
            raise UserError(
                f"there is no measure `{name}`", hint=f"there are {', '.join(MEASURES)}"
            )
    return tuple(each for each in MEASURES if each in measures)


def check_metric(metric: str, measures: Sequence[str] | None, quick: bool) -> None:
    """Raises UserError where an evaluation by the default network cannot have such a figure."""
    base, _, baseline = metric.partition("/")
    known = _known(metric)
    needs_network = known is not None and known.split("_")[0] not in _ERRORS
    if known is None or not (needs_network or known == base):
        near = difflib.get_close_matches(base, BETTER, n=1)
        hint = f"did you mean `{near[0]}`? " if near else ""
        raise UserError(
            f"there is no metric `{metric}`", hint=f"{hint}docs/evaluation.md has all of them"
        )
    if baseline and baseline not in BASELINE_NAMES:
        raise UserError(
            f"there is no baseline `{baseline}`", hint=f"there are {', '.join(BASELINE_NAMES)}"
        )
    if needs_network and DEFAULT_NETWORK not in base:
        raise UserError(
            f"`{metric}` names no network that judges", hint=f"write `{known}_{DEFAULT_NETWORK}`"
        )
    needed = _BROUGHT_BY.get(known.split("_")[0])
    is_of_few = quick and measures is None and known.endswith("_all")  # and these are left out
    if needed is not None and (is_of_few or needed not in checked_measures(measures, quick)):
        raise UserError(
            f"`{metric}` would not be measured",
            hint=f"say `quick: false`, or `measures: [{needed}]`, of the evaluation",
        )


def _known(metric: str) -> str | None:
    base = metric.split("/")[0]
    known = [name for name in BETTER if base == name or base.startswith(f"{name}_")]
    return max(known, key=len, default=None)
