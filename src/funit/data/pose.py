"""A pose of the menagerie: (seed, index) in, a `Pose` out; and the random numbers it is drawn with.

A pose is everything about a picture that is not the animal's look: how it is turned, its face, the
background and the light. Any species can take any pose.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

MENAGERIE_VERSION = 1  # raise it with any change of a drawing: weights are trained on these pixels

T = TypeVar("T")
Colour = tuple[float, float, float]  # red, green, blue in 0..1


class Draws:
    """Uniform numbers that depend on (version, seed, kind, index) alone, on any machine."""

    def __init__(self, seed: int, kind: int, index: int) -> None:
        # Raw bits: the streams of numpy's Generator methods may change with its version.
        self._bits = np.random.PCG64(np.random.SeedSequence((MENAGERIE_VERSION, seed, kind, index)))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number in [low, high)."""
        return low + (high - low) * ((int(self._bits.random_raw()) >> 11) * 2.0**-53)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[int(self.uniform() * len(options))]


@dataclass(frozen=True)
class Pose:
    """How a creature is shown: turned, placed, its face, its background and its light."""

    yaw: float  # degrees; positive turns the nose to the right of the picture
    pitch: float  # degrees; positive looks up
    roll: float  # degrees; positive tilts the head to the left of the picture
    x: float  # where the head is, in half picture sizes
    y: float
    scale: float
    mouth: float  # 0 shut .. 1 wide open
    gaze_x: float  # -1 .. 1
    gaze_y: float
    eyelids: float  # 0 open .. 1 shut
    ears: float  # -1 folded back .. 1 pricked
    background: tuple[int, int, int]  # 0..255, so that it is exactly flat
    light_side: float  # degrees; positive comes from the right
    light_height: float  # degrees above the horizon
    light_strength: float  # 0 shadowless .. 1 light alone


def draw_pose(seed: int, index: int) -> Pose:
    """Pose `index` of the data set `seed`; independent of all others."""
    draws = Draws(seed, kind=1, index=index)
    eyes_shut = draws.uniform() < 0.08
    mouth_shut = draws.uniform() < 0.45
    return Pose(
        yaw=draws.uniform(-60, 60),
        pitch=draws.uniform(-18, 18),
        roll=draws.uniform(-16, 16),
        x=draws.uniform(-0.12, 0.12),
        y=draws.uniform(-0.10, 0.10),
        scale=draws.uniform(0.84, 1.08),
        mouth=draws.uniform(0.0, 0.1) if mouth_shut else draws.uniform(0.3, 1.0),
        gaze_x=draws.uniform(-1, 1),
        gaze_y=draws.uniform(-0.7, 0.7),
        eyelids=1.0 if eyes_shut else draws.uniform(0.0, 0.4),
        ears=draws.uniform(-1, 1),
        background=_background(draws),
        light_side=draws.uniform(-65, 65),
        light_height=draws.uniform(5, 65),
        light_strength=draws.uniform(0.35, 0.75),
    )


def _background(draws: Draws) -> tuple[int, int, int]:
    """Any hue, from white over pastel and vivid to nearly black."""
    hue, saturation = draws.uniform(0, 6), math.sqrt(draws.uniform()) * 0.8
    value = draws.uniform(0.12, 1.0)
    red, green, blue = (_hue_channel(hue, shift) for shift in (0.0, 4.0, 2.0))
    levels = (value * (1 - saturation * (1 - channel)) for channel in (red, green, blue))
    r, g, b = (int(255 * level + 0.5) for level in levels)
    return r, g, b


def _hue_channel(hue: float, shift: float) -> float:
    """The red, green or blue (shift 0, 4, 2) of a pure hue on the circle 0..6."""
    return min(1.0, max(0.0, abs((hue + shift) % 6 - 3) - 1))
