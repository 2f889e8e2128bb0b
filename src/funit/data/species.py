"""The look of one class of the menagerie: (seed, index) in, a `Species` out.

A body plan (`PLANS`) says how each parameter of a look is drawn; what a plan leaves out is drawn as
in `COMMON`. Lengths are in head radii, angles in degrees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from funit.data.pose import Colour, Draws

# Hues with many near neighbours, shared by all plans, so that a mean colour does not name a class.
NATURAL: dict[str, Colour] = {
    "snowy": (0.94, 0.92, 0.89),
    "cream": (0.93, 0.85, 0.70),
    "sandy": (0.84, 0.71, 0.52),
    "fawn": (0.77, 0.59, 0.41),
    "honey": (0.86, 0.64, 0.31),
    "ginger": (0.86, 0.49, 0.21),
    "russet": (0.68, 0.33, 0.18),
    "chestnut": (0.50, 0.29, 0.19),
    "cocoa": (0.39, 0.27, 0.21),
    "dusky": (0.24, 0.20, 0.20),
    "slate": (0.38, 0.43, 0.50),
    "ash": (0.60, 0.60, 0.61),
    "silver": (0.77, 0.78, 0.80),
    "taupe": (0.57, 0.49, 0.43),
    "rose": (0.88, 0.66, 0.63),
}
VIVID: dict[str, Colour] = {
    "moss": (0.47, 0.56, 0.27),
    "leaf": (0.33, 0.65, 0.33),
    "teal": (0.20, 0.55, 0.55),
    "sky": (0.42, 0.67, 0.86),
    "cobalt": (0.25, 0.37, 0.70),
    "plum": (0.50, 0.31, 0.54),
    "scarlet": (0.80, 0.22, 0.18),
    "coral": (0.93, 0.52, 0.42),
    "lemon": (0.94, 0.82, 0.31),
}
PATTERN_WORDS = {
    "stripes": "striped",
    "bands": "banded",
    "spots": "spotted",
    "rings": "ringed",
    "patches": "patched",
    "cap": "capped",
    "halves": "half-and-half",
    "gradient": "shaded",
    "hood": "hooded",
}


@dataclass(frozen=True)
class Species:
    """The look of one class: what stays the same in every pose."""

    plan: str
    # colours
    base: Colour
    second: Colour  # of the pattern
    third: Colour  # of mask, blaze, ear tips and brows
    belly: Colour  # of muzzle, chest and eye rings
    inner_ear: Colour
    iris: Colour
    sclera: Colour
    nose: Colour
    horn: Colour
    mane: Colour
    # the coat's pattern and markings; a size of 0 is none
    pattern: str
    pattern_scale: float
    pattern_angle: float
    pattern_bend: float
    pattern_cover: float
    pattern_strength: float
    pattern_mirrored: bool
    pattern_seed: int
    mask: str
    mask_size: float
    blaze: float
    eye_ring: float
    muzzle_patch: float
    chest_patch: float
    ear_tip: float
    blush: float
    # proportions
    head_size: float
    head_width: float
    head_height: float
    head_depth: float
    cheek_size: float
    neck_width: float
    shoulder_width: float
    # muzzle or beak
    mouth_kind: str
    muzzle_length: float
    muzzle_width: float
    muzzle_height: float
    muzzle_drop: float
    nose_size: float
    teeth: bool
    # eyes
    eye_size: float
    eye_spacing: float
    eye_height: float
    iris_size: float
    pupil_width: float
    pupil_height: float
    brow: float
    # ears, horns, hair
    ear_kind: str
    ear_length: float
    ear_width: float
    ear_place: float
    ear_tilt: float
    horn_kind: str
    horn_length: float
    horn_spread: float
    mane_kind: str
    mane_size: float
    whiskers: int

    @property
    def name(self) -> str:
        """A readable name such as "striped-fox": pattern, or colour where there is none; animal."""
        return f"{PATTERN_WORDS.get(self.pattern) or _nearest_hue(self.base)}-{self.plan}"


@dataclass(frozen=True)
class Between:
    """A number in a range."""

    low: float
    high: float

    def draw(self, draws: Draws) -> float:
        """One number."""
        return draws.uniform(self.low, self.high)


@dataclass(frozen=True, init=False)
class OneOf:
    """One of the values; a value named twice comes twice as often."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", values)

    def draw(self, draws: Draws) -> Any:
        """One value."""
        return draws.pick(self.values)


@dataclass(frozen=True)
class Maybe:
    """A number in a range with a probability, else 0."""

    chance: float
    low: float
    high: float

    def draw(self, draws: Draws) -> float:
        """One number."""
        there, value = draws.uniform() < self.chance, draws.uniform(self.low, self.high)
        return value if there else 0.0


@dataclass(frozen=True)
class Hue:
    """A colour near one of a palette's."""

    palette: Sequence[Colour]
    spread: float = 0.03

    def draw(self, draws: Draws) -> Colour:
        """One colour."""
        r, g, b = (min(1.0, max(0.0, c + draws.uniform(-1, 1) * self.spread))
                   for c in draws.pick(self.palette))  # fmt: skip
        return r, g, b


Rule = Between | OneOf | Maybe | Hue


def _hues(*names: str) -> Hue:
    return Hue([(NATURAL | VIVID)[name] for name in names])


FUR = Hue([*NATURAL.values()] * 2 + [VIVID["moss"], VIVID["sky"], VIVID["plum"], VIVID["coral"]])
PLUMAGE = Hue([*NATURAL.values(), *VIVID.values(), *VIVID.values()])
EYES = Hue(
    [(0.95, 0.70, 0.15), (0.55, 0.32, 0.12), (0.35, 0.60, 0.25), (0.25, 0.50, 0.80),
     (0.85, 0.40, 0.12), (0.20, 0.15, 0.12), (0.62, 0.72, 0.30), (0.75, 0.20, 0.20)]
)  # fmt: skip
PATTERNS = ("plain", "gradient", "spots", "spots", "rings", "stripes", "stripes", "bands",
            "patches", "patches", "cap", "hood", "halves")  # fmt: skip

COMMON: Mapping[str, Rule] = {
    "base": FUR,
    "second": FUR,
    "third": FUR,
    "belly": _hues(
        "snowy", "snowy", "snowy", "cream", "cream", "sandy", "silver", "dusky", "honey"
    ),
    "inner_ear": _hues("rose", "rose", "coral", "cream", "dusky", "taupe", "plum"),
    "iris": EYES,
    "sclera": OneOf((0.96, 0.95, 0.92), (0.96, 0.95, 0.92), (0.95, 0.88, 0.62), (0.16, 0.13, 0.13)),
    "nose": OneOf((0.12, 0.10, 0.11), (0.12, 0.10, 0.11), (0.85, 0.50, 0.50), (0.42, 0.25, 0.20)),
    "horn": _hues("cream", "taupe", "dusky", "slate", "cocoa", "snowy"),
    "mane": FUR,
    "pattern": OneOf(*PATTERNS),
    "pattern_scale": Between(0.8, 1.25),
    "pattern_angle": Between(-50, 50),
    "pattern_bend": Between(-0.5, 0.5),
    "pattern_cover": Between(0.36, 0.56),
    "pattern_strength": Between(0.75, 1.0),
    "pattern_mirrored": OneOf(True, True, False),
    "pattern_seed": OneOf(*range(1, 4096)),
    "mask": OneOf("none", "none", "none", "eyes", "bandit", "face"),
    "mask_size": Between(0.30, 0.46),
    "blaze": Maybe(0.25, 0.10, 0.22),
    "eye_ring": Maybe(0.3, 0.08, 0.14),
    "muzzle_patch": Maybe(0.7, 0.55, 0.85),
    "chest_patch": Maybe(0.6, 0.6, 1.0),
    "ear_tip": Maybe(0.35, 0.35, 0.6),
    "blush": Maybe(0.2, 0.20, 0.30),
    "head_size": Between(0.98, 1.12),
    "head_width": Between(0.90, 1.12),
    "head_height": Between(0.84, 1.0),
    "head_depth": Between(0.90, 1.0),
    "cheek_size": Between(0.30, 0.5),
    "neck_width": Between(0.6, 0.85),
    "shoulder_width": Between(1.2, 1.65),
    "mouth_kind": OneOf("muzzle"),
    "muzzle_length": Between(0.25, 0.45),
    "muzzle_width": Between(0.36, 0.5),
    "muzzle_height": Between(0.24, 0.32),
    "muzzle_drop": Between(0.28, 0.38),
    "nose_size": Between(0.12, 0.18),
    "teeth": OneOf(False, False, False, True),
    "eye_size": Between(0.22, 0.30),
    "eye_spacing": Between(0.38, 0.5),
    "eye_height": Between(0.08, 0.22),
    "iris_size": Between(0.6, 0.82),
    "pupil_width": Between(0.3, 0.45),
    "pupil_height": Between(0.3, 0.45),
    "brow": Maybe(0.3, 0.10, 0.16),
    "ear_kind": OneOf("pointed", "round"),
    "ear_length": Between(0.6, 0.9),
    "ear_width": Between(0.36, 0.5),
    "ear_place": Between(32, 46),
    "ear_tilt": Between(10, 30),
    "horn_kind": OneOf("none"),
    "horn_length": Between(0.6, 1.0),
    "horn_spread": Between(15, 40),
    "mane_kind": OneOf("none", "none", "none", "tuft", "cheeks"),
    "mane_size": Between(0.8, 1.2),
    "whiskers": OneOf(0),
}

PLANS: Mapping[str, Mapping[str, Rule]] = {
    "cat": {
        "head_size": Between(0.9, 1.04),
        "head_width": Between(1.0, 1.12),
        "muzzle_length": Between(0.14, 0.24),
        "muzzle_width": Between(0.30, 0.40),
        "muzzle_height": Between(0.18, 0.24),
        "nose_size": Between(0.09, 0.13),
        "eye_size": Between(0.27, 0.34),
        "pupil_width": Between(0.10, 0.3),
        "pupil_height": Between(0.45, 0.6),
        "ear_kind": OneOf("pointed", "pointed", "leaf"),
        "mane_kind": OneOf("none", "none", "cheeks", "ring"),
        "whiskers": OneOf(2, 3),
    },
    "dog": {
        "head_size": Between(0.92, 1.06),
        "muzzle_length": Between(0.45, 0.75),
        "muzzle_width": Between(0.34, 0.46),
        "muzzle_height": Between(0.24, 0.32),
        "nose_size": Between(0.15, 0.20),
        "eye_size": Between(0.21, 0.27),
        "ear_kind": OneOf("floppy", "floppy", "leaf"),
        "ear_length": Between(0.8, 1.2),
        "ear_place": Between(45, 58),
    },
    "fox": {
        "head_size": Between(0.86, 0.98),
        "head_width": Between(0.95, 1.1),
        "head_height": Between(0.8, 0.9),
        "cheek_size": Between(0.4, 0.55),
        "muzzle_length": Between(0.65, 0.9),
        "muzzle_width": Between(0.24, 0.32),
        "muzzle_height": Between(0.18, 0.24),
        "nose_size": Between(0.10, 0.13),
        "eye_size": Between(0.21, 0.27),
        "pupil_width": Between(0.15, 0.3),
        "ear_kind": OneOf("pointed"),
        "ear_length": Between(0.8, 1.1),
        "ear_width": Between(0.36, 0.48),
        "mane_kind": OneOf("cheeks", "cheeks", "none"),
    },
    "bear": {
        "head_width": Between(1.0, 1.15),
        "muzzle_length": Between(0.35, 0.55),
        "muzzle_width": Between(0.40, 0.52),
        "muzzle_height": Between(0.28, 0.36),
        "nose_size": Between(0.15, 0.20),
        "eye_size": Between(0.17, 0.22),
        "iris_size": Between(0.75, 0.9),
        "ear_kind": OneOf("round"),
        "ear_length": Between(0.3, 0.42),
        "ear_width": Between(0.32, 0.42),
        "ear_place": Between(42, 52),
        "shoulder_width": Between(1.4, 1.8),
        "neck_width": Between(0.8, 1.0),
    },
    "rabbit": {
        "head_size": Between(0.82, 0.92),
        "head_width": Between(0.86, 0.98),
        "muzzle_length": Between(0.16, 0.28),
        "muzzle_width": Between(0.34, 0.44),
        "nose_size": Between(0.09, 0.12),
        "teeth": OneOf(True),
        "eye_spacing": Between(0.5, 0.6),
        "ear_kind": OneOf("long", "long", "floppy"),
        "ear_length": Between(0.7, 0.9),
        "ear_width": Between(0.24, 0.34),
        "ear_place": Between(16, 28),
        "ear_tilt": Between(0, 22),
        "whiskers": OneOf(0, 2),
    },
    "mouse": {
        "head_size": Between(0.84, 0.95),
        "head_width": Between(0.84, 0.95),
        "muzzle_length": Between(0.5, 0.75),
        "muzzle_width": Between(0.24, 0.32),
        "muzzle_height": Between(0.2, 0.26),
        "nose_size": Between(0.10, 0.15),
        "ear_kind": OneOf("round"),
        "ear_length": Between(0.5, 0.72),
        "ear_width": Between(0.5, 0.7),
        "ear_place": Between(46, 56),
        "sclera": OneOf((0.14, 0.11, 0.11), (0.96, 0.95, 0.92)),
        "whiskers": OneOf(2, 3),
    },
    "pig": {
        "base": Hue([NATURAL["rose"], *NATURAL.values()]),
        "mouth_kind": OneOf("snout"),
        "muzzle_length": Between(0.35, 0.6),
        "muzzle_width": Between(0.34, 0.46),
        "muzzle_height": Between(0.28, 0.36),
        "nose": _hues("rose", "coral", "taupe", "dusky"),
        "eye_size": Between(0.18, 0.24),
        "ear_kind": OneOf("leaf", "pointed", "floppy"),
        "ear_length": Between(0.6, 0.85),
        "ear_tilt": Between(25, 50),
        "shoulder_width": Between(1.4, 1.7),
        "neck_width": Between(0.8, 1.0),
    },
    "goat": {
        "head_size": Between(0.82, 0.92),
        "head_width": Between(0.74, 0.86),
        "head_height": Between(0.9, 1.02),
        "muzzle_length": Between(0.6, 0.9),
        "muzzle_width": Between(0.32, 0.42),
        "muzzle_height": Between(0.3, 0.38),
        "eye_spacing": Between(0.48, 0.58),
        "pupil_width": Between(0.5, 0.6),
        "pupil_height": Between(0.16, 0.25),
        "ear_kind": OneOf("leaf"),
        "ear_place": Between(62, 74),
        "ear_tilt": Between(15, 35),
        "ear_width": Between(0.22, 0.3),
        "horn_kind": OneOf("straight", "curved", "ram"),
        "mane_kind": OneOf("none", "beard", "beard", "tuft"),
    },
    "deer": {
        "head_size": Between(0.82, 0.92),
        "head_width": Between(0.78, 0.9),
        "head_height": Between(0.88, 1.0),
        "muzzle_length": Between(0.6, 0.85),
        "muzzle_width": Between(0.28, 0.36),
        "muzzle_height": Between(0.24, 0.32),
        "eye_spacing": Between(0.46, 0.54),
        "ear_kind": OneOf("leaf"),
        "ear_place": Between(55, 66),
        "ear_tilt": Between(10, 30),
        "ear_width": Between(0.28, 0.36),
        "horn_kind": OneOf("antlers", "antlers", "none"),
        "horn_length": Between(0.6, 0.9),
    },
    "horse": {
        "head_size": Between(0.82, 0.92),
        "head_width": Between(0.72, 0.84),
        "head_height": Between(0.92, 1.04),
        "muzzle_length": Between(0.75, 1.0),
        "muzzle_width": Between(0.36, 0.46),
        "muzzle_height": Between(0.34, 0.42),
        "muzzle_drop": Between(0.34, 0.44),
        "nose_size": Between(0.16, 0.2),
        "eye_spacing": Between(0.46, 0.54),
        "ear_kind": OneOf("leaf", "pointed"),
        "ear_length": Between(0.5, 0.7),
        "ear_width": Between(0.2, 0.28),
        "ear_place": Between(24, 32),
        "horn_kind": OneOf("none", "none", "single"),
        "mane_kind": OneOf("crest", "crest", "tuft"),
        "neck_width": Between(0.6, 0.75),
    },
    "monkey": {
        "head_width": Between(0.92, 1.04),
        "mouth_kind": OneOf("muzzle"),
        "muzzle_length": Between(0.22, 0.36),
        "muzzle_width": Between(0.5, 0.62),
        "muzzle_height": Between(0.3, 0.38),
        "muzzle_drop": Between(0.36, 0.44),
        "muzzle_patch": Between(0.7, 0.95),
        "nose_size": Between(0.09, 0.12),
        "eye_spacing": Between(0.28, 0.36),
        "mask": OneOf("face", "face", "eyes"),
        "ear_kind": OneOf("round"),
        "ear_length": Between(0.34, 0.46),
        "ear_width": Between(0.3, 0.42),
        "ear_place": Between(80, 92),
        "mane_kind": OneOf("none", "tuft", "crest", "beard"),
    },
    "bird": {
        "base": PLUMAGE, "second": PLUMAGE, "third": PLUMAGE, "mane": PLUMAGE,
        "mouth_kind": OneOf("hook", "hook", "cone", "bill"),
        "muzzle_length": Between(0.55, 0.8),
        "muzzle_width": Between(0.26, 0.36),
        "muzzle_height": Between(0.3, 0.4),
        "muzzle_drop": Between(0.12, 0.24),
        "nose": _hues("dusky", "honey", "ginger", "scarlet", "lemon", "slate", "cream"),
        "cheek_size": Between(0.25, 0.35),
        "head_width": Between(0.82, 0.95),
        "eye_spacing": Between(0.52, 0.62),
        "eye_size": Between(0.19, 0.26),
        "ear_kind": OneOf("none"),
        "mane_kind": OneOf("none", "crest", "crest", "tuft"),
        "neck_width": Between(0.7, 0.9),
    },
    "owl": {
        "base": PLUMAGE, "third": PLUMAGE,
        "head_width": Between(1.05, 1.2),
        "mouth_kind": OneOf("cone"),
        "muzzle_length": Between(0.32, 0.45),
        "muzzle_width": Between(0.17, 0.24),
        "muzzle_height": Between(0.2, 0.26),
        "muzzle_drop": Between(0.1, 0.2),
        "nose": _hues("dusky", "honey", "slate", "lemon"),
        "muzzle_patch": OneOf(0.0),
        "cheek_size": Between(0.4, 0.5),
        "mask": OneOf("face", "eyes", "eyes"),
        "mask_size": Between(0.42, 0.5),
        "iris": _hues("lemon", "ginger", "honey", "dusky"),
        "eye_size": Between(0.3, 0.38),
        "eye_spacing": Between(0.4, 0.46),
        "eye_height": Between(0.1, 0.2),
        "iris_size": Between(0.8, 0.92),
        "ear_kind": OneOf("pointed", "none"),
        "ear_length": Between(0.5, 0.75),
        "ear_width": Between(0.2, 0.3),
        "mane_kind": OneOf("none"),
        "neck_width": Between(0.9, 1.05),
        "shoulder_width": Between(1.2, 1.5),
    },
    "frog": {
        "base": PLUMAGE, "second": PLUMAGE, "third": PLUMAGE,
        "mouth_kind": OneOf("wide"),
        "brow": OneOf(0.0),
        "head_width": Between(1.1, 1.25),
        "head_height": Between(0.62, 0.74),
        "muzzle_length": Between(0.3, 0.45),
        "muzzle_width": Between(0.85, 1.0),
        "muzzle_height": Between(0.24, 0.32),
        "muzzle_drop": Between(0.2, 0.28),
        "cheek_size": Between(0.25, 0.3),
        "nose_size": Between(0.04, 0.06),
        "eye_size": Between(0.28, 0.36),
        "eye_spacing": Between(0.52, 0.66),
        "eye_height": Between(0.56, 0.66),
        "pupil_width": Between(0.4, 0.6),
        "pupil_height": Between(0.15, 0.5),
        "ear_kind": OneOf("none"),
        "mane_kind": OneOf("none", "none", "crest"),
        "horn_kind": OneOf("none", "none", "straight"),
        "shoulder_width": Between(1.2, 1.7),
        "neck_width": Between(0.8, 1.0),
    },
}  # fmt: skip


def draw_species(seed: int, index: int) -> Species:
    """Species `index` of the data set `seed`; independent of all others."""
    draws = Draws(seed, kind=2, index=index)
    plan = draws.pick(tuple(PLANS))
    rules: dict[str, Any] = {**COMMON, **PLANS[plan]}
    look: dict[str, Any] = {"plan": plan}
    for field in fields(Species)[1:]:
        look[field.name] = rules[field.name].draw(draws)
    look["second"] = _unlike([look["base"]], look["second"], rules["second"], draws)
    look["third"] = _unlike([look["base"], look["second"]], look["third"], rules["third"], draws)
    return Species(**look)


def _unlike(others: Sequence[Colour], colour: Colour, rule: Hue, draws: Draws) -> Colour:
    """The colour, drawn again while it could not be told from the others at 64 pixels."""
    for _ in range(20):
        if min(_difference(colour, other) for other in others) > 0.6:
            break
        colour = rule.draw(draws)
    return colour


def _difference(one: Colour, other: Colour) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))


def _nearest_hue(colour: Colour) -> str:
    palette = NATURAL | VIVID
    return min(palette, key=lambda name: _difference(colour, palette[name]))
