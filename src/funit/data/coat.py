"""The coat of a species: points of its skin in, their colours out.

Shapes: N points; `x`, `y`, `z` are (N,) rest coordinates (see `anatomy.py`), colours (3, N).
Only + - * / and sqrt here: they round alike on every machine, so that a drawing never changes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from funit.data.anatomy import eye_centre, muzzle_centre
from funit.data.pose import Colour
from funit.data.species import Species

Array = NDArray[np.float64]
SOFT = 0.05  # half the width of an edge between two colours, in head radii


def step(value: Array, edge: float, soft: float = SOFT) -> Array:
    """0 below the edge, 1 above it, with a soft ramp between."""
    return np.clip((value - edge) * (0.5 / soft) + 0.5, 0, 1)


def paint_over(colours: Array, colour: Colour, amount: Array) -> None:
    """Lays a colour over others, in place."""
    for channel, level in zip(colours, colour, strict=True):
        channel += amount * (level - channel)


def coat_colours(s: Species, x: Array, y: Array, z: Array) -> Array:
    """The colour of the coat at each point: base, then pattern, then markings."""
    colours = np.empty((3, x.size))
    colours[:] = np.array(s.base)[:, None]
    if s.pattern in PATTERNS:
        across = np.abs(x) if s.pattern_mirrored else x
        amount = PATTERNS[s.pattern](s, across, y, z)
        paint_over(colours, s.second, s.pattern_strength * amount)
    _paint_markings(s, colours, x, y, z)
    return colours


def _paint_markings(s: Species, colours: Array, x: Array, y: Array, z: Array) -> None:
    side, eye, muzzle = np.abs(x), eye_centre(s), muzzle_centre(s)
    front = step(z, 0.1, 0.1)
    if s.chest_patch:
        chest = _ellipse(x, 0.75 * s.chest_patch, y + 1.75, 0.8)
        paint_over(colours, s.belly, step(-chest, -1.0, 0.1) * step(z, 0.0, 0.1))
    if s.mask != "none":
        paint_over(colours, s.third, MASKS[s.mask](s, side, y, z) * front)
    if s.blaze:
        paint_over(colours, s.belly, step(-side, -s.blaze) * step(y, -0.4) * front)
    if s.muzzle_patch:
        reach = s.muzzle_patch
        patch = _ellipse(x, reach * 0.95, y + 0.12 - muzzle.y, reach * 0.62)
        paint_over(colours, s.belly, step(-patch, -1.0, 0.1) * front)
    if s.blush:
        blush = _ellipse(side - 0.62 * s.head_width, s.blush, y + 0.32, 0.8 * s.blush)
        paint_over(colours, (0.92, 0.50, 0.46), 0.8 * step(-blush, -1.0, 0.15) * front)
    if s.eye_ring:
        ring = _ellipse(side - eye.x, s.eye_size + s.eye_ring, y - eye.y, s.eye_size + s.eye_ring)
        paint_over(colours, s.belly, step(-ring, -1.0, 0.1) * front)


def _ellipse(dx: Array, width: float, dy: Array, height: float) -> Array:
    """0 in the middle of an ellipse, 1 on its edge."""
    u, v = dx / width, dy / height
    return np.sqrt(u * u + v * v)


# --- masks: (species, |x|, y, z) -> 0..1


def _eye_mask(s: Species, side: Array, y: Array, _z: Array) -> Array:
    eye, size = eye_centre(s), s.mask_size
    lean = side - eye.x - 0.05 + 0.35 * (y - eye.y)
    return step(-_ellipse(lean, 0.9 * size, y - eye.y + 0.06, 1.1 * size), -1.0, 0.1)


def _bandit_mask(s: Species, side: Array, y: Array, _z: Array) -> Array:
    return step(-np.abs(y - eye_centre(s).y + 0.12 * side), -0.7 * s.mask_size)


def _face_mask(s: Species, side: Array, y: Array, _z: Array) -> Array:
    """A heart around eyes and muzzle."""
    heart = _ellipse(side - 0.3, 1.2 * s.mask_size, y + 0.1 - 0.2 * side, 1.5 * s.mask_size)
    return step(-heart, -1.0, 0.1)


# --- patterns: (species, x or |x|, y, z) -> 0..1


def _wave(value: Array) -> Array:
    """A triangle wave of period 1 between 0 and 1."""
    return np.abs(value - np.floor(value) - 0.5) * 2


def _oblique(s: Species, salt: int) -> tuple[float, float, float, float]:
    """A direction and a shift out of the pattern's seed."""
    bits = (s.pattern_seed * 2654435761 + salt * 40503) % 2**32
    u, v, w, shift = ((bits >> k & 255) / 255 for k in (0, 8, 16, 24))
    return u - 0.5, v - 0.5, w - 0.5, shift


def _stripes(s: Species, x: Array, y: Array, z: Array) -> Array:
    up, across = 1 - abs(s.pattern_angle) / 90, s.pattern_angle / 60
    along = up * y + across * x + s.pattern_bend * (x * x + 0.3 * z)
    return step(_wave(2.1 * s.pattern_scale * along), 1 - s.pattern_cover, 0.1)


def _bands(s: Species, x: Array, y: Array, z: Array) -> Array:
    along = y + 0.4 * s.pattern_bend * (z - x)
    return step(_wave(1.25 * s.pattern_scale * along + 0.2), 1 - s.pattern_cover, 0.08)


def _spot_distance(s: Species, x: Array, y: Array, z: Array) -> Array:
    """How far the middle of the own cell's spot is, in cells; one jittered spot a cell."""
    cells = 1.75 * s.pattern_scale
    offsets = [np.floor(cells * p + 0.37) for p in (x, y, z)]
    i, j, k = (offset.astype(np.int64) for offset in offsets)
    bits = (i * 73856093) ^ (j * 19349663) ^ (k * 83492791) ^ (s.pattern_seed * 2654435761)
    bits = (bits ^ (bits >> 13)) & 0x7FFFFFFF
    bits = (bits * 1274126177) & 0x7FFFFFFF
    total = np.zeros_like(x)
    for p, offset, shift in zip((x, y, z), offsets, (3, 11, 19), strict=True):
        jitter = ((bits >> shift) & 255) * (0.24 / 255) - 0.12
        d = cells * p + 0.37 - offset - 0.5 - jitter
        total += d * d
    return np.sqrt(total)


def _spots(s: Species, x: Array, y: Array, z: Array) -> Array:
    return step(-_spot_distance(s, x, y, z), -0.8 * s.pattern_cover, 0.06)


def _rings(s: Species, x: Array, y: Array, z: Array) -> Array:
    near = np.abs(_spot_distance(s, 0.8 * x, 0.8 * y, 0.8 * z) - 0.3)
    return step(-near, -0.24 * s.pattern_cover, 0.05)


def _patches(s: Species, x: Array, y: Array, z: Array) -> Array:
    total = np.zeros_like(x)
    for salt in (1, 2, 3):
        a, b, c, shift = _oblique(s, salt)
        wave = _wave(1.3 * s.pattern_scale * (a * x + b * y + c * z) + shift)
        total += wave * wave * (3 - 2 * wave)
    return step(total, 2.15 - 1.5 * s.pattern_cover, 0.06)


def _cap(s: Species, x: Array, y: Array, z: Array) -> Array:
    edge = 0.9 - 1.5 * s.pattern_cover
    return step(y - 0.3 * z - 0.5 * s.pattern_bend * x, edge) + step(-y, 1.0)


def _halves(s: Species, x: Array, _y: Array, _z: Array) -> Array:
    return step(x if not s.pattern_mirrored else x - 0.42, 0.06 * s.pattern_bend)


def _gradient(s: Species, _x: Array, y: Array, z: Array) -> Array:
    return np.clip(0.5 - 0.75 * y - 0.3 * z * s.pattern_bend, 0, 1)


def _hood(s: Species, x: Array, y: Array, z: Array) -> Array:
    return step(-z + 0.5 * np.abs(x) + 0.35 * y, 0.75 - 1.4 * s.pattern_cover)


Painter = Callable[[Species, Array, Array, Array], Array]

MASKS: dict[str, Painter] = {"eyes": _eye_mask, "bandit": _bandit_mask, "face": _face_mask}
PATTERNS: dict[str, Painter] = {
    "stripes": _stripes,
    "bands": _bands,
    "spots": _spots,
    "rings": _rings,
    "patches": _patches,
    "cap": _cap,
    "halves": _halves,
    "gradient": _gradient,
    "hood": _hood,
}
