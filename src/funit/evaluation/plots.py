"""Scores as small pictures: numbers in; one SVG element out, as text.

Nothing has a colour or an id of its own: the page's style sheet gives a colour to each class, in
light and in dark, so that a plot may stand anywhere and any number of times.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

NUM_COLOURS = 6  # .s0 to .s5 of the style sheet

# Of every marker, about its middle: who cannot tell the colours apart can tell these.
SHAPES = (
    "M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z",  # circle
    "M-3.6 -3.6H3.6V3.6H-3.6Z",  # square
    "M0 -4.8L4.6 3.4H-4.6Z",  # triangle
    "M0 -5L5 0L0 5L-5 0Z",  # diamond
    "M0 4.8L4.6 -3.4H-4.6Z",  # triangle on its tip
    "M-1.5 -4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z",  # cross
)
DASHES = ("6 3", "2 3", "8 3 2 3")

_WIDTH, _HEIGHT = 320, 214
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 308, 22, 176  # the frame that the axes span
_NUM_TICKS = 7
_MIN_DISTANCE = 22  # pixels between the labels of two ticks
_LOGARITHMIC_FROM = 50.0  # times the smallest: then counts are drawn by their logarithm


@dataclass(frozen=True)
class Mark:
    """How what belongs to one model looks, wherever it is drawn."""

    colour: str
    """A class of the style sheet."""
    shape: str | None = None
    """Of the marker at each point; None where there is none."""
    dash: str | None = None


@dataclass(frozen=True)
class Point:
    """A value with its interval."""

    x: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """Points in order of `x`."""

    name: str
    mark: Mark
    points: Sequence[Point]


@dataclass(frozen=True)
class Scale:
    """Where numbers stand along an axis: `low` at pixel `start`, `high` at pixel `end`."""

    low: float
    high: float
    start: float
    end: float
    is_logarithmic: bool = False

    def at(self, value: float) -> float:
        """The pixel; the middle where all numbers are one."""
        numbers = (value, self.low, self.high)
        value, low, high = map(math.log10, numbers) if self.is_logarithmic else numbers
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def model_mark(number: int) -> Mark:
    """Of the first model, the second, ...: no two of the first 36 are the same."""
    shape = SHAPES[(number + number // NUM_COLOURS) % len(SHAPES)]
    return Mark(f"s{number % NUM_COLOURS}", shape)


def baseline_mark(number: int) -> Mark:
    """As `model_mark`, grey and dashed."""
    return Mark("grey", SHAPES[number % len(SHAPES)], DASHES[number % len(DASHES)])


def ticks(low: float, high: float) -> list[float]:
    """Up to about seven round numbers from low to high: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / _NUM_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for m in (1, 2, 5, 10) if (step := m * power) >= 0.999 * rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{number * step:.9g}") for number in range(first, last + 1)]


def short_count(number: float) -> str:
    """35,000 as 35k, 2,000,000 as 2M, and what is below 1,000 as it is."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.6g}"


def line_plot(
    lines: Sequence[Line],
    x_label: str,
    y_label: str,
    says: str,
    *,
    y_range: tuple[float, float] | None = None,
    x_ticks: Sequence[float] | None = None,
) -> str:
    """Lines with their confidence bands over two axes; the first is drawn lowest.

    `says` is what it shows in words, for who cannot see it. A lone point has an error bar.
    """
    points = [point for line in lines for point in line.points]
    across = _across([point.x for point in points])
    up = _up(*(y_range or _padded(points)))
    plot = Element("svg", {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img", "aria-label": says})
    _draw_x_axis(plot, across, ticks(across.low, across.high) if x_ticks is None else x_ticks)
    _draw_y_axis(plot, up)
    _add(plot, "text", y_label, x=_LEFT, y=_TOP - 9, class_="label")
    middle = (_LEFT + _RIGHT) / 2
    _add(plot, "text", x_label, x=middle, y=_HEIGHT - 5, class_="label", text_anchor="middle")
    for line in lines:
        _draw_band(plot, line, across, up)
    for line in lines:
        _draw_line(plot, line, across, up)
    return tostring(plot, encoding="unicode")


def interval_bar(point: Point, low: float, high: float, mark: Mark) -> str:
    """A value and its interval on a scale from `low` to `high`, as wide as a table's cell."""
    across = Scale(low, high, 5, 91)
    bar = Element(
        "svg", {"viewBox": "0 0 96 10", "class": f"bar {mark.colour}", "aria-hidden": "true"}
    )
    _add(bar, "line", x1=1, x2=95, y1=5, y2=5, class_="axis")
    _add(bar, "line", x1=across.at(point.low), x2=across.at(point.high), y1=5, y2=5, class_="range")
    _add(bar, "circle", cx=across.at(point.value), cy=5, r=3.4, class_="marker")
    return tostring(bar, encoding="unicode")


def swatch(mark: Mark) -> str:
    """A piece of a line, for a legend."""
    picture = Element("svg", {"viewBox": "0 0 30 12", "class": "swatch", "aria-hidden": "true"})
    _draw_path(picture, [(1, 6), (29, 6)], mark)
    if mark.shape:
        _draw_marker(picture, mark, 15, 6)
    return tostring(picture, encoding="unicode")


def _across(values: Sequence[float]) -> Scale:
    low, high = min(values), max(values)
    return Scale(low, high, _LEFT + 8, _RIGHT - 8, low > 0 and high >= _LOGARITHMIC_FROM * low)


def _up(low: float, high: float) -> Scale:
    return Scale(low, high, _BOTTOM, _TOP)


def _padded(points: Sequence[Point]) -> tuple[float, float]:
    """What the intervals span and a twentieth more each way."""
    low, high = min(point.low for point in points), max(point.high for point in points)
    padding = (high - low) / 20 or abs(high) / 10 or 1.0
    return low - padding, high + padding


def _draw_x_axis(plot: Element, across: Scale, values: Iterable[float]) -> None:
    _add(plot, "line", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM, class_="axis")
    labelled = -math.inf
    for value in values:
        x = across.at(value)
        _add(plot, "line", x1=x, x2=x, y1=_BOTTOM, y2=_BOTTOM + 4, class_="axis")
        if x - labelled >= _MIN_DISTANCE:
            _add(plot, "text", short_count(value), x=x, y=_BOTTOM + 17, text_anchor="middle")
            labelled = x


def _draw_y_axis(plot: Element, up: Scale) -> None:
    for value in ticks(up.low, up.high):
        y = up.at(value)
        _add(plot, "line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, class_="grid")
        _add(plot, "text", short_count(value), x=_LEFT - 6, y=y + 4, text_anchor="end")


def _draw_band(plot: Element, line: Line, across: Scale, up: Scale) -> None:
    """The interval about each point: one band, or a bar where there is but one point."""
    if not any(point.high > point.low for point in line.points):
        return
    if len(line.points) == 1:
        (point,) = line.points
        x = across.at(point.x)
        low, high = up.at(point.low), up.at(point.high)
        _add(plot, "line", x1=x, x2=x, y1=low, y2=high, class_=f"range {line.mark.colour}")
        return
    above = [(across.at(point.x), up.at(point.high)) for point in line.points]
    below = [(across.at(point.x), up.at(point.low)) for point in reversed(line.points)]
    outline = f"M{_joined(above + below)}Z"
    _add(plot, "path", d=outline, class_=f"band {line.mark.colour}")


def _draw_line(plot: Element, line: Line, across: Scale, up: Scale) -> None:
    places = [(across.at(point.x), up.at(point.value)) for point in line.points]
    if len(places) > 1:
        _draw_path(plot, places, line.mark)
    if line.mark.shape:
        for point, place in zip(line.points, places, strict=True):
            marker = _draw_marker(plot, line.mark, *place)
            _add(marker, "title", f"{line.name}: {point.value:.4g} at {short_count(point.x)}")


def _draw_path(plot: Element, places: Sequence[tuple[float, float]], mark: Mark) -> None:
    dash = {"stroke_dasharray": mark.dash} if mark.dash else {}
    _add(plot, "path", d=f"M{_joined(places)}", class_=f"line {mark.colour}", **dash)


def _draw_marker(plot: Element, mark: Mark, x: float, y: float) -> Element:
    assert mark.shape, "this mark has no marker"
    place = f"translate({x:.1f} {y:.1f})"
    return _add(plot, "path", d=mark.shape, transform=place, class_=f"marker {mark.colour}")


def _joined(places: Iterable[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _add(parent: Element, tag: str, text: str = "", **attributes: str | float) -> Element:
    """A new element in its parent; `class_` and `text_anchor` for `class` and `text-anchor`."""
    element = SubElement(parent, tag)
    element.text = text or None
    for name, value in attributes.items():
        written = value if isinstance(value, str) else f"{value:.1f}"
        element.set(name.rstrip("_").replace("_", "-"), written)
    return element
