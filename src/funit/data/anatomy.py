"""What a species is made of: a `Species` in, its `Part`s out.

Parts stand in rest coordinates: the head is a ball of radius about 1 at the origin, x points to the
right of the picture, y up and z towards the viewer. `clay.py` moves the joints and draws.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import chain
from typing import NamedTuple

from funit.data.species import Species


class Vec(NamedTuple):
    """A point, a size or three angles."""

    x: float
    y: float
    z: float


STRAIGHT = Vec(0, 0, 0)


class Shape(IntEnum):
    """The quadrics x² + z² = k(y); a part's axes stretch them."""

    BALL = 0  # k = 1 - y², all around the centre
    CONE = 1  # k = (1 - y)², from the centre (y = 0) to a sharp tip (y = 1)
    LEAF = 2  # k = 1 - y, from the centre to a round tip


class Paint(IntEnum):
    """What a part is coloured with."""

    COAT = 0  # base, pattern and markings
    EAR = 1  # the coat, with an inner ear in front and a tip
    EYE = 2  # white, iris, pupil; lids in the colour of the coat
    NOSE = 3
    HORN = 4
    MANE = 5
    MOUTH = 6
    TONGUE = 7
    TEETH = 8
    WHISKER = 9
    BROW = 10


class Joint(IntEnum):
    """What a part moves with."""

    BODY = 0
    HEAD = 1
    JAW = 2
    LEFT_EAR = 3  # left in the picture
    RIGHT_EAR = 4


@dataclass(frozen=True)
class Part:
    """One stretched and turned quadric."""

    shape: Shape
    centre: Vec
    axes: Vec
    paint: Paint
    joint: Joint = Joint.HEAD
    turn: Vec = STRAIGHT  # degrees about x, then y, then z


def ball(
    centre: Vec, axes: Vec, paint: Paint, joint: Joint = Joint.HEAD, turn: Vec = STRAIGHT
) -> Part:
    """An ellipsoid."""
    return Part(Shape.BALL, centre, axes, paint, joint, turn)


def mirrored(part: Part) -> Part:
    """The same part on the other side of the animal."""
    joint = Joint.RIGHT_EAR if part.joint == Joint.LEFT_EAR else part.joint
    return replace(
        part,
        centre=part.centre._replace(x=-part.centre.x),
        turn=Vec(part.turn.x, -part.turn.y, -part.turn.z),
        joint=joint,
    )


def both(*parts: Part) -> tuple[Part, ...]:
    """The parts on both sides of the animal."""
    return (*parts, *map(mirrored, parts))


def cos_sin(degrees: float) -> tuple[float, float]:
    """Rounded: the last bit of a cosine may differ between machines."""
    angle = math.radians(degrees)
    return round(math.cos(angle), 9), round(math.sin(angle), 9)


def anatomy(s: Species) -> tuple[Part, ...]:
    """All parts of the animal."""
    return tuple(
        chain(
            _body(s),
            _skull(s),
            _eyes(s),
            MOUTHS[s.mouth_kind](s),
            _ears(s),
            HORNS[s.horn_kind](s),
            MANES[s.mane_kind](s),
            _whiskers(s),
        )
    )


def on_skull(s: Species, x: float, y: float) -> Vec:
    """The point of the skull's front at (x, y)."""
    u, v = x / s.head_width, y / s.head_height
    inside = 1 - u * u - v * v
    return Vec(x, y, s.head_depth * math.sqrt(max(inside, 0.02)))


def eye_centre(s: Species) -> Vec:
    """The centre of the right eye, a little sunk into the skull."""
    surface = on_skull(s, s.eye_spacing, s.eye_height)
    return surface._replace(z=surface.z - 0.45 * s.eye_size)


def ear_base(s: Species) -> Vec:
    """Where the left ear grows, a little under the skin, so that no posture tears it off."""
    place = max(s.ear_place, 55) if s.ear_kind == "floppy" else s.ear_place
    up, out = cos_sin(place)
    return Vec(-0.86 * s.head_width * out, 0.86 * s.head_height * up, -0.08)


def muzzle_centre(s: Species) -> Vec:
    """The middle of the muzzle: half its length before the skull."""
    return Vec(0, -s.muzzle_drop, 0.72 * s.head_depth + 0.4 * s.muzzle_length)


def jaw_hinge(s: Species) -> Vec:
    """The point the lower jaw turns about, inside the head."""
    return Vec(0, -s.muzzle_drop - 0.05, 0.35)


def _body(s: Species) -> Iterator[Part]:
    yield ball(Vec(0, -0.9, -0.25), Vec(s.neck_width, 0.9, 0.6), Paint.COAT, joint=Joint.BODY)
    yield Part(Shape.LEAF, Vec(0, -3.4, -0.35), Vec(1.35 * s.shoulder_width, 3.0, 1.2), Paint.COAT,
               Joint.BODY)  # fmt: skip


def _skull(s: Species) -> Iterator[Part]:
    yield ball(Vec(0, 0, 0), Vec(s.head_width, s.head_height, s.head_depth), Paint.COAT)
    cheek = Vec(0.48 * s.head_width, -0.36 * s.head_height, 0.38)
    yield from both(ball(cheek, Vec(s.cheek_size, 0.9 * s.cheek_size, s.cheek_size), Paint.COAT))


def _eyes(s: Species) -> Iterator[Part]:
    centre = eye_centre(s)
    outwards = round(math.degrees(math.atan2(centre.x, 2.2 * centre.z)), 6)
    size = s.eye_size
    yield from both(
        ball(centre, Vec(size, size, size), Paint.EYE, turn=Vec(0, outwards, 0)),
    )
    if s.eye_height > 0.5:  # a frog's: on mounds above the skull
        mound = centre._replace(z=centre.z - 0.18)
        yield from both(ball(mound, Vec(1.15 * size, 1.15 * size, 1.1 * size), Paint.COAT))
    if s.brow:
        above = on_skull(s, 0.9 * s.eye_spacing, s.eye_height + 1.05 * size + 0.06)
        brow = Vec(1.5 * s.brow, 0.75 * s.brow, 0.8 * s.brow)
        yield from both(ball(above, brow, Paint.BROW, turn=Vec(-25, 0, -12)))


def _jaw(s: Species, width: float, height: float, length: float) -> Iterator[Part]:
    """A lower jaw below the muzzle, with the dark of the mouth and a tongue between them."""
    centre = muzzle_centre(s)
    gap = Vec(0, centre.y - 0.62 * s.muzzle_height, centre.z - 0.06)
    yield ball(gap, Vec(0.86 * width, 0.3 * s.muzzle_height, 0.94 * length), Paint.MOUTH)
    floor = gap._replace(y=gap.y - 0.03)
    yield ball(floor, Vec(0.9 * width, 0.09, 0.9 * length), Paint.MOUTH, joint=Joint.JAW)
    tongue = gap._replace(y=gap.y + 0.01)
    yield ball(tongue, Vec(0.6 * width, 0.1, 0.86 * length), Paint.TONGUE, joint=Joint.JAW)
    low = Vec(0, gap.y - 0.85 * height, centre.z - 0.08)
    yield ball(low, Vec(width, height, length), Paint.COAT, joint=Joint.JAW)


def _muzzle(s: Species) -> Iterator[Part]:
    centre, length = muzzle_centre(s), s.muzzle_length + 0.18
    size = Vec(s.muzzle_width, s.muzzle_height, length)
    yield ball(centre, size, Paint.COAT)
    yield from _jaw(s, 0.8 * s.muzzle_width, 0.62 * s.muzzle_height, 0.86 * length)
    tip = Vec(0, centre.y + 0.45 * s.muzzle_height, centre.z + 0.86 * length)
    yield ball(tip, Vec(1.15 * s.nose_size, 0.8 * s.nose_size, 0.8 * s.nose_size), Paint.NOSE)
    if s.teeth:
        tooth = Vec(0.05, centre.y - 0.82 * s.muzzle_height, centre.z + 0.6 * length)
        yield from both(ball(tooth, Vec(0.055, 0.12, 0.04), Paint.TEETH))


def _snout(s: Species) -> Iterator[Part]:
    """A pig's: a barrel that ends in a disc with two nostrils."""
    centre, length = muzzle_centre(s), s.muzzle_length + 0.2
    yield ball(centre, Vec(s.muzzle_width, s.muzzle_height, length), Paint.COAT)
    yield from _jaw(s, 0.8 * s.muzzle_width, 0.6 * s.muzzle_height, 0.8 * length)
    disc = Vec(0, centre.y + 0.04, centre.z + 0.86 * length)
    yield ball(disc, Vec(0.98 * s.muzzle_width, 0.98 * s.muzzle_height, 0.14), Paint.NOSE)
    nostril = Vec(0.34 * s.muzzle_width, disc.y + 0.02, disc.z + 0.11)
    yield from both(ball(nostril, Vec(0.07, 0.11, 0.05), Paint.MOUTH))


def _wide_mouth(s: Species) -> Iterator[Part]:
    """A frog's: as wide as the head, with nostrils far up."""
    centre, length = Vec(0, -s.muzzle_drop, 0.42), s.muzzle_length + 0.32
    yield ball(centre, Vec(s.muzzle_width, s.muzzle_height, length), Paint.COAT)
    gap = Vec(0, centre.y - 0.5 * s.muzzle_height, centre.z - 0.02)
    width = s.muzzle_width
    yield ball(gap, Vec(0.97 * width, 0.4 * s.muzzle_height, 0.99 * length), Paint.MOUTH)
    yield ball(gap, Vec(0.55 * width, 0.1, 0.85 * length), Paint.TONGUE, joint=Joint.JAW)
    low = gap._replace(y=gap.y - 0.45 * s.muzzle_height)
    yield ball(low, Vec(0.98 * width, 0.75 * s.muzzle_height, 0.95 * length), Paint.COAT,
               joint=Joint.JAW)  # fmt: skip
    nostril = Vec(0.14, centre.y + 0.75 * s.muzzle_height, centre.z + 0.72 * length)
    yield from both(ball(nostril, Vec(s.nose_size, 0.7 * s.nose_size, 0.05), Paint.MOUTH))


def _beak(s: Species, lower: float) -> Iterator[Part]:
    """The lower half of a beak and the dark inside."""
    centre = muzzle_centre(s)
    inside = Vec(0, centre.y - 0.3 * s.muzzle_height, centre.z - 0.05)
    yield ball(inside, Vec(0.75 * s.muzzle_width, 0.1, 0.55 * s.muzzle_length), Paint.MOUTH)
    below = Vec(0, centre.y - 0.55 * s.muzzle_height, centre.z - 0.1)
    size = Vec(0.8 * s.muzzle_width, 0.32 * s.muzzle_height, lower * s.muzzle_length)
    yield ball(below, size, Paint.NOSE, joint=Joint.JAW)


def _hook(s: Species) -> Iterator[Part]:
    """A parrot's beak: a round one that bends down to its tip."""
    centre, length, height = muzzle_centre(s), s.muzzle_length, s.muzzle_height
    root = Vec(0, centre.y + 0.1, centre.z - 0.05)
    yield ball(root, Vec(s.muzzle_width, height, 0.75 * length), Paint.NOSE)
    bend = Vec(0, root.y + 0.15 * height, root.z + 0.32 * length)
    yield Part(Shape.LEAF, bend, Vec(0.85 * s.muzzle_width, 1.75 * height, 0.42 * length),
               Paint.NOSE, turn=Vec(168, 0, 0))  # fmt: skip
    yield from _beak(s, lower=0.55)


def _cone_beak(s: Species) -> Iterator[Part]:
    """A finch's, a crow's or an owl's beak: straight and sharp."""
    centre, length = muzzle_centre(s), 1.7 * s.muzzle_length
    root = Vec(0, centre.y, 0.55 * s.head_depth)
    size = Vec(1.2 * s.muzzle_width, length + 0.3, s.muzzle_height)
    yield Part(Shape.LEAF, root, size, Paint.NOSE, turn=Vec(96, 0, 0))
    yield from _beak(s, lower=1.0)


def _bill(s: Species) -> Iterator[Part]:
    """A duck's: flat, wide and round."""
    centre, length = muzzle_centre(s), s.muzzle_length + 0.15
    yield ball(centre, Vec(1.35 * s.muzzle_width, 0.4 * s.muzzle_height, length), Paint.NOSE)
    bridge = Vec(0, centre.y + 0.08, centre.z - 0.25)
    yield ball(bridge, Vec(0.9 * s.muzzle_width, 0.6 * s.muzzle_height, 0.5 * length), Paint.NOSE)
    inside = Vec(0, centre.y - 0.16 * s.muzzle_height, centre.z)
    yield ball(inside, Vec(1.2 * s.muzzle_width, 0.3 * s.muzzle_height, 0.9 * length), Paint.MOUTH)
    below = Vec(0, centre.y - 0.42 * s.muzzle_height, centre.z - 0.04)
    size = Vec(1.15 * s.muzzle_width, 0.22 * s.muzzle_height, 0.9 * length)
    yield ball(below, size, Paint.NOSE, joint=Joint.JAW)


def _ears(s: Species) -> Iterator[Part]:
    base, length, width = ear_base(s), s.ear_length, s.ear_width
    lean = s.ear_tilt  # positive rotates the left ear outwards

    def upright(shape: Shape) -> Part:
        return Part(shape, base, Vec(width, length + 0.2, 0.4 * width), Paint.EAR,
                    Joint.LEFT_EAR, Vec(-6, -12, lean))  # fmt: skip

    def rounded(up: float, thick: float) -> Part:
        angle = 0.5 * (s.ear_place + lean)
        above, aside = cos_sin(angle)
        centre = Vec(base.x - up * aside, base.y + up * above, base.z)
        return ball(centre, Vec(width, length, thick), Paint.EAR,
                    joint=Joint.LEFT_EAR, turn=Vec(0, -10, angle))  # fmt: skip

    def hanging() -> Part:
        centre = Vec(1.12 * base.x - 0.24, base.y - 0.62 * length + 0.15, base.z + 0.12)
        return ball(centre, Vec(max(0.85 * width, 0.3), 0.85 * length, 0.18), Paint.EAR,
                    joint=Joint.LEFT_EAR, turn=Vec(0, -30, -12))  # fmt: skip

    kinds: dict[str, Callable[[], Part]] = {
        "pointed": lambda: upright(Shape.CONE),
        "leaf": lambda: upright(Shape.LEAF),
        "round": lambda: rounded(0.62 * length, 0.15),
        "long": lambda: rounded(0.78 * length, 0.13),
        "floppy": hanging,
    }
    if s.ear_kind in kinds:
        yield from both(kinds[s.ear_kind]())


def _straight_horns(s: Species) -> Iterator[Part]:
    root = Vec(-0.3, 0.75 * s.head_height, 0.15)
    size = Vec(0.15, s.horn_length + 0.2, 0.15)
    yield from both(Part(Shape.CONE, root, size, Paint.HORN, turn=Vec(-15, 0, s.horn_spread)))


def _single_horn(s: Species) -> Iterator[Part]:
    root = Vec(0, 0.72 * s.head_height, 0.45)
    yield Part(Shape.CONE, root, Vec(0.16, s.horn_length + 0.3, 0.16), Paint.HORN,
               turn=Vec(32, 0, 0))  # fmt: skip


def _bent_horns(s: Species, degrees: float, radius: float) -> Iterator[Part]:
    """Two chains of shrinking balls on an arc that leaves the head upwards and bends outwards."""
    steps = 15
    for i in range(steps):
        share = i / (steps - 1)
        level, up = cos_sin(degrees * share)
        thick = 0.19 * (1 - 0.68 * share)
        at = Vec(
            -0.3 - radius * (1 - level),
            0.78 * s.head_height + radius * up,
            0.05 - 0.25 * share + (0.45 * share if degrees > 180 else 0),
        )
        yield from both(ball(at, Vec(thick, thick, thick), Paint.HORN))


def _antlers(s: Species) -> Iterator[Part]:
    root, lean = Vec(-0.28, 0.8 * s.head_height, 0.1), s.horn_spread
    length = 1.15 * s.horn_length + 0.2
    yield from both(Part(Shape.CONE, root, Vec(0.12, length, 0.12), Paint.HORN,
                         turn=Vec(-8, 0, lean)))  # fmt: skip
    for share, bend in ((0.32, -38.0), (0.58, 42.0)):
        up, out = cos_sin(lean)
        at = Vec(root.x - share * length * out, root.y + share * length * up, root.z - 0.05)
        yield from both(Part(Shape.CONE, at, Vec(0.085, 0.5 * length, 0.085), Paint.HORN,
                             turn=Vec(5, 0, lean + bend)))  # fmt: skip


def _tuft(s: Species) -> Iterator[Part]:
    """A forelock."""
    for x, lean in ((-0.18, 35.0), (0.0, 0.0), (0.18, -35.0)):
        yield Part(Shape.LEAF, Vec(x, 0.78 * s.head_height, 0.3), Vec(0.18, 0.5 * s.mane_size, 0.2),
                   Paint.MANE, turn=Vec(20, 0, lean))  # fmt: skip


def _crest(s: Species) -> Iterator[Part]:
    """A comb from the forehead to the nape."""
    for angle in (-50, -28, -6, 16, 38):
        up, forward = cos_sin(-angle)
        at = Vec(0, 0.85 * s.head_height * up, 0.85 * s.head_depth * forward)
        yield Part(Shape.LEAF, at, Vec(0.13, 0.62 * s.mane_size, 0.26), Paint.MANE,
                   turn=Vec(-angle - 18, 0, 0))  # fmt: skip


def _ring(s: Species) -> Iterator[Part]:
    """A lion's mane."""
    for i in range(12):
        up, aside = cos_sin(30 * i + 15)
        at = Vec(0.98 * s.head_width * aside, 0.95 * s.head_height * up, -0.3)
        size = 0.42 * s.mane_size
        yield ball(at, Vec(size, size, 0.85 * size), Paint.MANE)


def _cheek_tufts(s: Species) -> Iterator[Part]:
    root = Vec(-0.5 * s.head_width, -0.32, 0.1)
    yield from both(Part(Shape.CONE, root, Vec(0.46, 0.9 * s.mane_size, 0.4), Paint.MANE,
                         turn=Vec(0, 0, 112)))  # fmt: skip


def _beard(s: Species) -> Iterator[Part]:
    centre = muzzle_centre(s)
    root = Vec(0, centre.y - 0.8 * s.muzzle_height, centre.z - 0.05)
    yield Part(Shape.LEAF, root, Vec(0.24, 0.75 * s.mane_size, 0.2), Paint.MANE, Joint.JAW,
               Vec(172, 0, 0))  # fmt: skip


def _whiskers(s: Species) -> Iterator[Part]:
    centre = muzzle_centre(s)
    for i in range(s.whiskers):
        lean = (i - (s.whiskers - 1) / 2) * 16
        at = Vec(-s.muzzle_width - 0.36, centre.y + 0.02 - 0.006 * lean, centre.z + 0.1)
        yield from both(ball(at, Vec(0.5, 0.02, 0.02), Paint.WHISKER, turn=Vec(0, -18, lean)))


def _none(_s: Species) -> Iterator[Part]:
    return iter(())


Maker = Callable[[Species], Iterator[Part]]

MOUTHS: dict[str, Maker] = {
    "muzzle": _muzzle,
    "snout": _snout,
    "wide": _wide_mouth,
    "hook": _hook,
    "cone": _cone_beak,
    "bill": _bill,
}
HORNS: dict[str, Maker] = {
    "none": _none,
    "straight": _straight_horns,
    "single": _single_horn,
    "curved": lambda s: _bent_horns(s, 100, 0.75 * s.horn_length),
    "ram": lambda s: _bent_horns(s, 235, 0.48 * s.horn_length),
    "antlers": _antlers,
}
MANES: dict[str, Maker] = {
    "none": _none,
    "tuft": _tuft,
    "crest": _crest,
    "ring": _ring,
    "cheeks": _cheek_tufts,
    "beard": _beard,
}
