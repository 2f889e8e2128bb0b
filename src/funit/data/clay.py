"""The renderer: a species in a pose in, its picture out, (size, size, 3) uint8.

Every part is a quadric: the nearest hit along z is a square root, so a z-buffer over the parts'
bounding boxes finds what is seen; then all seen points are coloured and lit at once.

Shapes: P parts, G x G samples (several for a pixel), N samples that show the creature.
Per pixel only + - * / and sqrt are used: they round alike on every machine.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from funit.data.anatomy import (
    Joint,
    Paint,
    Shape,
    Vec,
    anatomy,
    cos_sin,
    ear_base,
    jaw_hinge,
)
from funit.data.coat import Array, coat_colours, paint_over, step
from funit.data.pose import Pose
from funit.data.species import Species

UNIT = 0.55  # a head radius, in half picture sizes
HEAD_Y = -0.04  # where the head is in a centred pose
NECK = Vec(0, -0.45, -0.25)  # the head turns about it
OUTSIDE = -1e9  # depth of a ray that misses
BACKGROUND = -1e6  # depth of what is behind everything

# The quadrics of `Shape` as x² + z² = k0 + k1 y + k2 y², and (n0, n1): the normal's y is n0 + n1 y.
QUADRICS = np.array([[1.0, 0.0, -1.0], [1.0, -2.0, 1.0], [1.0, -1.0, 0.0]])
NORMALS = np.array([[0.0, 1.0], [1.0, -1.0], [0.5, 0.0]])

WARM, COOL = (1.06, 1.01, 0.94), (0.90, 0.95, 1.06)  # direct light and shadow
GLOSS = {Paint.EYE: 0.9, Paint.NOSE: 0.4, Paint.HORN: 0.2, Paint.TONGUE: 0.3}


def render_clay(species: Species, pose: Pose, size: int) -> NDArray[np.uint8]:
    """Draws the species in the pose."""
    samples = _samples_per_pixel(size)
    scene = _pose_parts(_rest(species), species, pose)
    depth, nearest = _find_nearest(scene, size * samples)
    colours = _shade(scene, species, pose, depth, nearest)
    return _to_pixels(colours, nearest, pose.background, samples)


def _samples_per_pixel(size: int) -> int:
    """Along each axis: small pictures need more."""
    return 4 if size < 48 else 3 if size < 96 else 2


# --- joints


def _rotation(x: float, y: float, z: float) -> Array:
    """The matrix that turns about x, then y, then z (degrees)."""
    (cx, sx), (cy, sy), (cz, sz) = map(cos_sin, (x, y, z))
    return np.array([
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ])  # fmt: skip


def _times(a: Array, b: Array) -> Array:
    """The product of (stacks of) 3 x 3 matrices, added up in a fixed order (BLAS may reorder)."""
    return (
        a[..., :, 0, None] * b[..., 0, None, :]
        + a[..., :, 1, None] * b[..., 1, None, :]
        + a[..., :, 2, None] * b[..., 2, None, :]
    )


def _apply(a: Array, v: Array) -> Array:
    """The product of (stacks of) 3 x 3 matrices and vectors."""
    return a[..., 0] * v[..., 0, None] + a[..., 1] * v[..., 1, None] + a[..., 2] * v[..., 2, None]


@dataclass(frozen=True)
class Motion:
    """A rotation, then a shift: where a joint takes rest coordinates."""

    turn: Array  # (3, 3)
    shift: Array  # (3,)

    @classmethod
    def about(cls, pivot: Vec, turn: Array) -> "Motion":
        """The rotation that leaves the pivot where it is."""
        point = np.array(pivot)
        return cls(turn, point - _apply(turn, point))

    def after(self, first: "Motion") -> "Motion":
        """First the other motion, then this one."""
        shift = _apply(self.turn, first.shift) + self.shift
        return Motion(_times(self.turn, first.turn), shift)


def _joints(species: Species, pose: Pose) -> dict[Joint, Motion]:
    """Where the pose takes each joint."""
    tilted = _times(_rotation(0, 0, pose.roll), _rotation(-pose.pitch, 0, 0))
    head = Motion.about(NECK, _times(tilted, _rotation(0, pose.yaw, 0)))
    body = Motion.about(Vec(0, -1, -0.25), _rotation(0, 0.35 * pose.yaw, 0.2 * pose.roll))
    jaw = Motion.about(jaw_hinge(species), _rotation(30 * pose.mouth, 0, 0))
    left = ear_base(species)
    fold = 20 * min(0, pose.ears), 14 * pose.ears  # folded: back and outwards
    left_ear = Motion.about(left, _rotation(fold[0], 0, -fold[1]))
    right_ear = Motion.about(left._replace(x=-left.x), _rotation(fold[0], 0, fold[1]))
    return {
        Joint.BODY: body,
        Joint.HEAD: head,
        Joint.JAW: head.after(jaw),
        Joint.LEFT_EAR: head.after(left_ear),
        Joint.RIGHT_EAR: head.after(right_ear),
    }


# --- parts as matrices


@dataclass(frozen=True)
class Rest:
    """The parts of a species as arrays, in rest coordinates."""

    shapes: NDArray[np.intp]  # (P,)
    paints: NDArray[np.intp]  # (P,)
    joints: NDArray[np.intp]  # (P,)
    centres: Array  # (P, 3)
    to_rest: Array  # (P, 3, 3), from a part's own coordinates
    to_part: Array  # (P, 3, 3), the inverse


@lru_cache(maxsize=512)
def _rest(species: Species) -> Rest:
    parts = anatomy(species)
    turns = np.stack([_rotation(*part.turn) for part in parts])
    axes = np.array([part.axes for part in parts])
    return Rest(
        np.array([part.shape for part in parts], dtype=np.intp),
        np.array([part.paint for part in parts], dtype=np.intp),
        np.array([part.joint for part in parts], dtype=np.intp),
        np.array([part.centre for part in parts], dtype=np.float64),
        turns * axes[:, None, :],
        turns.transpose(0, 2, 1) / axes[:, :, None],
    )


@dataclass(frozen=True)
class Scene:
    """The parts where the pose puts them, in picture coordinates (-1..1, y up)."""

    rest: Rest
    centres: Array  # (P, 3)
    to_view: Array  # (P, 3, 3), from a part's own coordinates
    to_part: Array  # (P, 3, 3), the inverse


def _pose_parts(rest: Rest, species: Species, pose: Pose) -> Scene:
    joints = _joints(species, pose)
    turns = np.stack([joints[joint].turn for joint in Joint])[rest.joints]
    shifts = np.stack([joints[joint].shift for joint in Joint])[rest.joints]
    unit = UNIT * species.head_size * pose.scale
    place = np.array([pose.x, pose.y + HEAD_Y, 0.0])
    return Scene(
        rest,
        unit * (_apply(turns, rest.centres) + shifts) + place,
        unit * _times(turns, rest.to_rest),
        _times(rest.to_part, turns.transpose(0, 2, 1)) / unit,
    )


# --- what is seen


def _find_nearest(scene: Scene, grid: int) -> tuple[Array, NDArray[np.int16]]:
    """Depth and part (-1: none) at each sample, both (G, G)."""
    depth = np.full((grid, grid), BACKGROUND)
    nearest = np.full((grid, grid), -1, dtype=np.int16)
    middles = (np.arange(grid) + 0.5) * (2 / grid) - 1
    rays = _ray_coefficients(scene)
    low, high = _bounds(scene)
    first = np.clip(np.floor((low + 1) * (grid / 2)), 0, grid).astype(int)
    last = np.clip(np.ceil((high + 1) * (grid / 2)), 0, grid).astype(int)
    for index in range(len(scene.centres)):
        (left, bottom), (right, top) = first[index], last[index]
        if left >= right or bottom >= top:
            continue
        cx, cy, cz = scene.centres[index]
        box = np.s_[bottom:top, left:right]
        hit = _depths(rays[index], middles[left:right] - cx, middles[bottom:top] - cy)
        hit += cz
        seen = hit > depth[box]
        np.copyto(depth[box], hit, where=seen)
        np.copyto(nearest[box], index, where=seen)
    return depth, nearest


def _ray_coefficients(scene: Scene) -> list[list[float]]:
    """For each part, the ray's quadratic A t² + 2 B t + C = 0, B and C as polynomials in x and y.

    A part's own coordinates are linear in (x, y, t), all measured from its centre.
    """
    k0, k1, k2 = QUADRICS[scene.rest.shapes].T
    wx, wy, wz = (scene.to_part[:, :, axis] for axis in range(3))

    def dot(u: Array, v: Array) -> Array:
        product: Array = u[:, 0] * v[:, 0] - k2 * u[:, 1] * v[:, 1] + u[:, 2] * v[:, 2]
        return product

    a = dot(wz, wz)
    a = np.where(np.abs(a) < 1e-6, 1e-6, a)  # a ray along a cone's side
    b0, bx, by = -0.5 * k1 * wz[:, 1], dot(wx, wz), dot(wy, wz)
    c0, cx, cy = -k0, -k1 * wx[:, 1], -k1 * wy[:, 1]
    d0, dx, dy = b0 * b0 - a * c0, 2 * b0 * bx - a * cx, 2 * b0 * by - a * cy  # B² - A C
    dxx, dyy = bx * bx - a * dot(wx, wx), by * by - a * dot(wy, wy)
    dxy = 2 * (bx * by - a * dot(wx, wy))
    columns = (scene.rest.shapes, a, b0, bx, by, d0, dx, dy, dxx, dyy, dxy,
               wx[:, 1], wy[:, 1], wz[:, 1])  # fmt: skip
    rays: list[list[float]] = np.stack(columns, axis=1).tolist()
    return rays


def _depths(ray: list[float], x: Array, y: Array) -> Array:
    """The nearest hit of one part over a box, measured from its centre; OUTSIDE where none."""
    shape, a, b0, bx, by, d0, dx, dy, dxx, dyy, dxy, up_x, up_y, up_z = ray
    row, column = d0 + x * (dx + dxx * x), y * (dy + dyy * y)
    square = y[:, None] * (dxy * x)
    square += row
    square += column[:, None]
    missed = square < 0
    square[missed] = 0
    root = np.sqrt(square)
    root /= abs(a)
    middle = (by * y)[:, None] + (b0 + bx * x)
    middle /= -a
    near = middle + root
    if shape == Shape.BALL:
        near[missed] = OUTSIDE
        return near
    far = middle - root
    across = (up_y * y)[:, None] + up_x * x  # a part's own height, but for the ray's share

    def within(t: Array) -> NDArray[np.bool_]:
        height = across + up_z * t
        return (height >= 0) & (height <= 1) & ~missed

    return np.where(within(near), near, np.where(within(far), far, OUTSIDE))


def _bounds(scene: Scene) -> tuple[Array, Array]:
    """The corners (P, 2) of the parts' bounding boxes in the picture."""
    m = scene.to_view[:, :2, :]
    centre = scene.centres[:, :2]
    is_ball = (scene.rest.shapes == Shape.BALL)[:, None]
    rim = np.sqrt(m[..., 0] ** 2 + m[..., 2] ** 2 + np.where(is_ball, m[..., 1] ** 2, 0))
    tip = np.where(is_ball, centre, centre + m[..., 1])
    margin = 1e-6
    low = np.minimum(centre - rim, tip) - margin
    return low, np.maximum(centre + rim, tip) + margin


# --- colour and light


def _shade(
    scene: Scene, species: Species, pose: Pose, depth: Array, nearest: NDArray[np.int16]
) -> Array:
    """The lit colours (3, N) of the samples that show the creature, in 0..1."""
    rows, columns = np.nonzero(nearest >= 0)
    part = nearest[rows, columns].astype(np.intp)
    own = _own_coordinates(scene, part, rows, columns, depth)
    colours = _paint(scene.rest, species, pose, part, own)
    normal = _normals(scene, part, own)
    crease = _creases(depth)[rows, columns]
    _light(colours, scene.rest, pose, part, normal, crease)
    return colours


def _own_coordinates(
    scene: Scene, part: NDArray[np.intp], rows: NDArray[np.intp], columns: NDArray[np.intp],
    depth: Array,
) -> Array:  # fmt: skip
    """Each sample's point (3, N) in its part's own coordinates: on the unit quadric."""
    grid = depth.shape[0]
    view = ((columns + 0.5) * (2 / grid) - 1, (rows + 0.5) * (2 / grid) - 1, depth[rows, columns])
    dx, dy, dz = (v - scene.centres[:, axis][part] for axis, v in enumerate(view))
    own = np.empty((3, part.size))
    for axis in range(3):
        wx, wy, wz = scene.to_part[:, axis, :].T
        own[axis] = wx[part] * dx + wy[part] * dy + wz[part] * dz
    return own


def _rest_coordinates(rest: Rest, part: NDArray[np.intp], own: Array) -> Array:
    """The same points (3, N) in rest coordinates, where patterns live."""
    points = np.empty_like(own)
    for axis in range(3):
        mx, my, mz = rest.to_rest[:, axis, :].T
        points[axis] = mx[part] * own[0] + my[part] * own[1] + mz[part] * own[2]
        points[axis] += rest.centres[:, axis][part]
    return points


def _normals(scene: Scene, part: NDArray[np.intp], own: Array) -> Array:
    """Unit normals (3, N) in the picture's coordinates."""
    n0, n1 = NORMALS[scene.rest.shapes].T
    gradient = (own[0], n0[part] + n1[part] * own[1], own[2])
    normal = np.zeros_like(own)
    for axis in range(3):
        for g, w in zip(gradient, scene.to_part[:, :, axis].T, strict=True):
            normal[axis] += w[part] * g
    x, y, z = normal
    normal /= np.sqrt(x * x + y * y + z * z) + 1e-12
    return normal


def _paint(rest: Rest, species: Species, pose: Pose, part: NDArray[np.intp], own: Array) -> Array:
    """Unlit colours (3, N)."""
    paint = rest.paints[part]
    table = np.array([_flat_colours(species)[p] for p in Paint])
    colours = np.ascontiguousarray(table.T[:, paint])
    coated = np.nonzero(paint <= Paint.EYE)[0]
    own_coated = own[:, coated]
    skin = coat_colours(species, *_rest_coordinates(rest, part[coated], own_coated))
    _paint_ears(species, rest, part[coated], own_coated, skin)
    _paint_eyes(species, pose, paint[coated], own_coated, skin)
    colours[:, coated] = skin
    return colours


def _flat_colours(s: Species) -> dict[Paint, tuple[float, float, float]]:
    return {
        Paint.COAT: s.base,
        Paint.EAR: s.base,
        Paint.EYE: s.sclera,
        Paint.NOSE: s.nose,
        Paint.HORN: s.horn,
        Paint.MANE: s.mane,
        Paint.MOUTH: (0.22, 0.07, 0.08),
        Paint.TONGUE: (0.86, 0.42, 0.42),
        Paint.TEETH: (0.97, 0.95, 0.90),
        Paint.WHISKER: (0.93, 0.92, 0.90),
        Paint.BROW: s.third,
    }


def _paint_ears(s: Species, rest: Rest, part: NDArray[np.intp], own: Array, colours: Array) -> None:
    """Lays inner ears and tips over the coat."""
    at = np.nonzero(rest.paints[part] == Paint.EAR)[0]
    if not at.size:
        return
    x, y, z = own[:, at]
    ear = colours[:, at]
    is_ball = s.ear_kind in ("round", "long", "floppy")
    if s.ear_tip:
        tip_side = -y if s.ear_kind == "floppy" else y
        edge = 1 - 2 * s.ear_tip if is_ball else 1 - s.ear_tip
        paint_over(ear, s.third, step(tip_side, edge))
    if is_ball:
        inner = step(-(x * x + y * y), -0.48)
    else:
        room = 0.8 - y if s.ear_kind == "pointed" else 0.8 - y * y
        inner = step(room * 0.72 - np.abs(x), 0.0)
    if s.ear_kind != "floppy":
        paint_over(ear, s.inner_ear, inner * step(z, 0.05))
    colours[:, at] = ear


def _paint_eyes(
    s: Species, pose: Pose, paint: NDArray[np.intp], own: Array, colours: Array
) -> None:
    """Lays white, iris and pupil over the coat, except under the lids."""
    at = np.nonzero(paint == Paint.EYE)[0]
    if not at.size:
        return
    x, y, z = own[:, at]
    eye = colours[:, at]
    # Upper and lower lid close towards a line below the middle.
    upper, lower = 0.86 - 1.12 * pose.eyelids, -0.92 + 0.58 * pose.eyelids
    opening = np.minimum(upper - y - 0.12 * x * x, y - lower)
    rim = step(opening, -0.12, 0.05) * step(z, 0.0, 0.06)
    paint_over(eye, (0.13, 0.10, 0.10), 0.9 * rim)  # a dark edge, or the line of a shut eye
    ball = np.stack([np.full(at.size, level) for level in s.sclera])
    u, v = x - 0.26 * pose.gaze_x, y - 0.24 * pose.gaze_y
    size = s.iris_size
    around = np.sqrt(u * u + v * v)
    paint_over(ball, s.iris, step(-around, -size, 0.06))
    pu, pv = u / (size * s.pupil_width), v / (size * s.pupil_height)
    pupil = np.sqrt(pu * pu + pv * pv) * min(s.pupil_width, s.pupil_height)
    paint_over(ball, (0.06, 0.05, 0.06), step(-pupil, -min(s.pupil_width, s.pupil_height), 0.05))
    seen = step(opening, 0.0, 0.05) * step(z, 0.0, 0.06)
    eye += seen * (ball - eye)
    colours[:, at] = eye


def _creases(depth: Array) -> Array:
    """How much nearer surfaces around each sample shade it, in 0..1."""
    grid = depth.shape[0]
    reach = max(1, int(0.022 * grid + 0.5))
    shade = np.zeros_like(depth)
    inner, ahead, behind = slice(None), slice(reach, None), slice(None, -reach)
    for here, there in (
        ((ahead, inner), (behind, inner)),
        ((behind, inner), (ahead, inner)),
        ((inner, ahead), (inner, behind)),
        ((inner, behind), (inner, ahead)),
    ):
        nearer = depth[there] - depth[here]
        shade[here] += np.clip(nearer * 4 - 0.12, 0, 0.5)
    return np.minimum(shade, 1)


def _light(
    colours: Array, rest: Rest, pose: Pose, part: NDArray[np.intp], normal: Array, crease: Array
) -> None:
    """Lights the colours in place: soft direct light, cool shadow, dark rims and creases, gloss."""
    nx, ny, nz = normal
    lx, ly, lz = _light_direction(pose)
    wrapped = 0.5 + 0.5 * (nx * lx + ny * ly + nz * lz)
    direct = 1.3 * pose.light_strength * wrapped * wrapped
    ambient = (1 - pose.light_strength) * (0.88 + 0.12 * ny)
    rim = np.clip(nz * 2.4 + 0.1, 0, 1)
    dim = (0.66 + 0.34 * rim) * (1 - 0.5 * crease)
    half = math.sqrt(lx * lx + ly * ly + (lz + 1) * (lz + 1))
    mirror = np.clip((nx * lx + ny * ly + nz * (lz + 1)) / half, 0, 1)
    for _ in range(5):
        mirror *= mirror
    gloss = GLOSS | {Paint.EYE: GLOSS[Paint.EYE] * (1 - pose.eyelids * pose.eyelids)}
    shine = np.array([gloss.get(paint, 0.0) for paint in Paint])[rest.paints][part] * mirror
    for channel, warm, cool in zip(colours, WARM, COOL, strict=True):
        channel *= (direct * warm + ambient * cool) * dim
        channel += shine


def _light_direction(pose: Pose) -> tuple[float, float, float]:
    (side_z, side_x), (level, up) = cos_sin(pose.light_side), cos_sin(pose.light_height)
    return side_x * level, up, side_z * level


def _to_pixels(
    colours: Array, nearest: NDArray[np.int16], background: tuple[int, int, int], samples: int
) -> NDArray[np.uint8]:
    """Averages the samples of each pixel; rows of the grid go up, rows of a picture down."""
    grid = nearest.shape[0]
    size = grid // samples
    image = np.empty((size, size, 3), dtype=np.uint8)
    seen = nearest >= 0
    plane = np.empty((grid, grid))
    for channel, level in enumerate(background):
        plane.fill(level)
        plane[seen] = np.clip(colours[channel] * 255, 0, 255)
        rows = plane[::samples].copy()
        for offset in range(1, samples):
            rows += plane[offset::samples]
        total = rows[:, ::samples].copy()
        for offset in range(1, samples):
            total += rows[:, offset::samples]
        image[:, :, channel] = (total[::-1] / samples**2 + 0.5).astype(np.uint8)
    return image
