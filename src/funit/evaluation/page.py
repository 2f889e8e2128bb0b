"""A report as one page: a Report in; an HTML file out that needs no other file and no network.

`page.html.jinja` has the words and their order. What stands here is what each section shows.
"""

import base64
import importlib.util
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from funit.errors import UserError
from funit.evaluation.baselines import BASELINES
from funit.evaluation.measures import better
from funit.evaluation.metrics import Images
from funit.evaluation.plots import (
    Line,
    Mark,
    Point,
    baseline_mark,
    interval_bar,
    line_plot,
    model_mark,
    swatch,
)
from funit.evaluation.report import (
    ARROWS,
    ClassRow,
    LeftOut,
    Rank,
    Report,
    Row,
    Sample,
    Threshold,
)
from funit.home import whole_file

Item = TypeVar("Item")
Key = TypeVar("Key")

RATIO = "l1_foreground/copy-content"
PLOTTED = (RATIO, "perceptual", "dipd", "top1_test", "mkid", "fid")  # how their names begin

_RANKS: tuple[Rank, ...] = ("best", "median", "worst")
_LONG_NAME = 24  # letters: a longer path is shown by its end
_FEW_TABLES = 3
_DOUBLED_UP_TO = 96  # pixels: larger samples are shown as they are
_LARGE_UP_TO = 5  # examples: more stand in smaller pictures, ten in a row
_ACCURACY, _COVERAGE = Mark("s0"), Mark("s1", dash="6 3")
_PLAIN = Mark("grey")  # what is no model's


def write_page(report: Report, path: Path) -> None:
    """Writes the report as one HTML file; a file there is replaced."""
    page = _rendered(_content(report))
    with whole_file(path) as temporary:
        # a name of a file may be no Unicode: a `?` then
        temporary.write_text(page, encoding="utf-8", errors="replace")


def check_page() -> None:
    """Raises UserError where a page cannot be made, before there is anything to show on it."""
    if importlib.util.find_spec("jinja2") is None:
        raise UserError("a page needs `jinja2`", hint="`pip install 'funit[evaluate]'`")


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Each long path by its end, as much of it as is short and no other's: `…/best/model`."""
    return {name: _short_name(name, names) for name in names}


def _short_name(name: str, names: Iterable[str]) -> str:
    words = name.split("/")
    tails = ["/".join(["…", *words[first:]]) for first in range(1, len(words))]
    others = [other for other in names if other != name]
    own = [tail for tail in tails if not any(other.endswith(tail[1:]) for other in others)]
    short = [tail for tail in own if len(tail) <= _LONG_NAME]
    if len(name) <= _LONG_NAME or not own:
        return name
    return short[0] if short else own[-1]


def _rendered(content: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only a page pays for it

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.jinja").render(content)


def _content(report: Report) -> dict[str, Any]:
    """What the template shows; a section without content is absent from the page."""
    models = _models(report)
    return {
        "models": list(models.values()),
        "parts": list(dict.fromkeys(row.part for row in report.rows)),
        "facts": _facts(report),
        "warnings": report.warnings,
        "tables": _score_tables(report, models),
        "plots_of_shots": _plots_of_shots(report, models),
        "plots_of_training": _plots_of_training(report, models),
        "thresholds": _threshold_plots(report, models),
        "accuracy": swatch(_ACCURACY),
        "coverage": swatch(_COVERAGE),
        "classes": _class_tables(report, models),
        "grids": _grids(report, models),
        "left_out": _left_out(report, models),
        "about": list(_flat(report.about)),
        "better": better,
        "arrows": ARROWS,
    }


# What was compared


@dataclass(frozen=True)
class _Model:
    """A model wherever it is shown."""

    name: str
    short: str
    mark: Mark
    is_baseline: bool = False
    num_images: int | None = None
    """That it was trained on, where the report knows."""

    @property
    def swatch(self) -> str:
        return "" if self.mark == _PLAIN else swatch(self.mark)

    @property
    def trained(self) -> str:
        return "" if self.num_images is None else f"{self.num_images:,} training images"


def _models(report: Report) -> dict[str, _Model]:
    """All that answered, in the order of the report; each looks the same on the whole page."""
    names = list(
        dict.fromkeys(
            [
                *(row.model for row in report.rows if row.shots),
                *(row.model for row in report.classes),
                *(sample.model for sample in report.samples),
                *(threshold.model for threshold in report.thresholds),
            ]
        )
    )
    shorter = short_names(names)
    trained = [name for name in names if name not in BASELINES]
    marks = {name: model_mark(number) for number, name in enumerate(trained)}
    marks |= {name: baseline_mark(number) for number, name in enumerate(BASELINES)}
    return {
        name: _Model(name, shorter[name], marks[name], name in BASELINES, _images(report, name))
        for name in names
    }


def _images(report: Report, model: str) -> int | None:
    about = report.about.get("models") or {}
    images = about.get(model, {}).get("images")
    return None if images is None else int(images)


def _facts(report: Report) -> list[tuple[str, str]]:
    """What any figure on the page depends on."""
    settings = report.about.get("config") or {}
    shots = sorted({row.shots for row in report.rows if row.shots})
    facts = {
        "data": settings.get("data", report.about.get("data")),
        "part": ", ".join(dict.fromkeys(row.part for row in report.rows)),
        "examples (K)": ", ".join(map(str, shots)),
        "pairs": f"{settings['pairs']:,}" if "pairs" in settings else None,
        "image size": f"{settings['size']} px" if "size" in settings else None,
        "seed": report.about.get("seed"),
    }
    return [(name, str(fact)) for name, fact in facts.items() if fact not in (None, "")]


# Tables of scores


@dataclass(frozen=True)
class _Cell:
    value: float
    text: str
    interval: str
    bar: str
    is_best: bool


@dataclass(frozen=True)
class _TableLine:
    metric: str
    count: str
    cells: Sequence[_Cell | None]


@dataclass(frozen=True)
class _ScoreTable:
    part: str
    shots: int
    is_open: bool
    columns: Sequence[_Model]
    lines: Sequence[_TableLine]
    derived: Sequence[_TableLine]
    """Folded away."""


def _score_tables(report: Report, models: Mapping[str, _Model]) -> list[_ScoreTable]:
    """One for each part and K; those of real images (K = 0) come last.

    Where there are many, only those of the largest K and of real images are unfolded.
    """
    groups = _grouped(report.rows, lambda row: (row.part, row.shots))
    most = max((shots for _, shots in groups), default=0)
    unfolded = {0, most} if len(groups) > _FEW_TABLES else {shots for _, shots in groups}
    return [
        _score_table(part, shots, shots in unfolded, rows, models)
        for (part, shots), rows in sorted(groups.items(), key=lambda group: group[0][1] == 0)
    ]


def _score_table(
    part: str, shots: int, is_open: bool, rows: Sequence[Row], models: Mapping[str, _Model]
) -> _ScoreTable:
    names = list(dict.fromkeys(row.model for row in rows))
    shorter = short_names(names)
    columns = [models.get(name) or _Model(name, shorter[name], _PLAIN) for name in names]
    by_metric = _grouped(rows, lambda row: row.metric)
    lines = [_table_line(metric, some, columns) for metric, some in by_metric.items()]
    derived = [line for line in lines if _is_derived(line.metric)]
    others = [line for line in lines if not _is_derived(line.metric)]
    return _ScoreTable(part, shots, is_open, columns, others, derived)


def _is_derived(metric: str) -> bool:
    """Whether it is one more ratio, or what a threshold makes of another metric."""
    return metric != RATIO and ("/" in metric or "@" in metric)


def _table_line(metric: str, rows: Sequence[Row], columns: Sequence[_Model]) -> _TableLine:
    """A metric of all models, on one scale."""
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    best, decimals = _best(metric, rows), _decimals([row.value for row in rows])
    of_model = {row.model: row for row in rows}

    def cell(model: _Model) -> _Cell | None:
        row = of_model.get(model.name)
        if row is None:
            return None
        return _Cell(
            row.value,
            _number(row.value, decimals),
            f"{_number(row.low, decimals)} to {_number(row.high, decimals)}",
            interval_bar(_point(0, row), low, high, model.mark) if len(rows) > 1 else "",
            row.shots > 0 and row.value == best,
        )

    cells = [cell(model) for model in columns]
    return _TableLine(metric, _count(rows), cells)


def _best(metric: str, rows: Sequence[Row]) -> float | None:
    """None where no value is better than another."""
    values = [row.value for row in rows]
    if better(metric) == "neither" or len(values) == 1:
        return None
    return min(values) if better(metric) == "lower" else max(values)


def _decimals(values: Iterable[float]) -> int | None:
    """The same for all: three digits of the largest, four where the first is a 1.

    None where that is too small for any.
    """
    largest = max(map(abs, values))
    if largest == 0:
        return 3
    return max(0, 2 - math.floor(math.log10(largest / 2))) if largest >= 1e-4 else None


def _number(value: float, decimals: int | None) -> str:
    return f"{value:.3g}" if decimals is None else f"{value:.{decimals}f}"


def _count(rows: Sequence[Row] | Sequence[ClassRow]) -> str:
    """Of images; from the least to the most, where models differ."""
    counts = sorted({row.n for row in rows})
    return f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"


# Plots


@dataclass(frozen=True)
class _Plot:
    title: str
    part: str
    picture: str
    note: str = ""


def _plots_of_shots(report: Report, models: Mapping[str, _Model]) -> list[_Plot]:
    """Each chosen metric against K, where there is more than one."""
    plots = []
    for (part, metric), rows in _plotted(report).items():
        shots = sorted({row.shots for row in rows})
        if len(shots) < 2:
            continue
        by_model = _grouped(sorted(rows, key=lambda row: row.shots), lambda row: row.model)
        lines = [
            Line(models[name].short, models[name].mark, [_point(row.shots, row) for row in some])
            for name, some in _baselines_first(by_model, models)
        ]
        picture = line_plot(
            lines,
            "examples (K)",
            _direction(metric),
            f"{metric} of each model against the number of examples; the tables have the figures",
            x_ticks=shots,
        )
        plots.append(_Plot(metric, part, picture))
    return plots


def _plots_of_training(report: Report, models: Mapping[str, _Model]) -> list[_Plot]:
    """Each chosen metric against training images, at the largest K; baselines are levels."""
    plots = []
    for (part, metric), rows in _plotted(report).items():
        shots = max(row.shots for row in rows)
        at_most = [row for row in rows if row.shots == shots]
        counts = {
            row.model: count
            for row in at_most
            if (count := models[row.model].num_images) is not None
        }
        if len(set(counts.values())) < 2:
            continue
        picture = line_plot(
            _training_lines(at_most, counts, models),
            "training images",
            _direction(metric),
            f"{metric} of each model against the images it was trained on; "
            "the tables have the figures",
            x_ticks=sorted(set(counts.values())),
        )
        plots.append(_Plot(metric, part, picture, f"K = {shots}"))
    return plots


def _training_lines(
    rows: Sequence[Row], counts: Mapping[str, int], models: Mapping[str, _Model]
) -> list[Line]:
    """A level for each model without a count, a line through the others, a point for each."""
    ends = (min(counts.values()), max(counts.values()))
    levels = [
        Line(models[row.model].short, models[row.model].mark, [_point(x, row) for x in ends])
        for row in rows
        if row.model not in counts
    ]
    trained = sorted((row for row in rows if row.model in counts), key=lambda r: counts[r.model])
    points = [_point(counts[row.model], row) for row in trained]
    joined = [Point(point.x, point.value, point.value, point.value) for point in points]
    joining = [Line("", _PLAIN, joined)] if len(set(counts.values())) == len(points) else []
    alone = [
        Line(models[row.model].short, models[row.model].mark, [point])
        for row, point in zip(trained, points, strict=True)
    ]
    return levels + joining + alone


def _plotted(report: Report) -> dict[tuple[str, str], list[Row]]:
    """The translations' rows of the metrics that are plotted, in the order of PLOTTED."""
    found: dict[tuple[str, str], list[Row]] = {}
    for name in PLOTTED:
        rows = [row for row in report.rows if row.shots and row.metric.startswith(name)]
        chosen = [row for row in rows if not _is_derived(row.metric)]
        found |= _grouped(chosen, lambda row: (row.part, row.metric))
    return found


def _baselines_first(
    by_model: Mapping[str, Sequence[Row]], models: Mapping[str, _Model]
) -> list[tuple[str, Sequence[Row]]]:
    """So that they are drawn below the others."""
    return sorted(by_model.items(), key=lambda item: not models[item[0]].is_baseline)


def _point(x: float, row: Row) -> Point:
    return Point(x, row.value, row.low, row.high)


def _direction(metric: str) -> str:
    way = better(metric)
    return "" if way == "neither" else f"{ARROWS[way]} {way} is better"


@dataclass(frozen=True)
class _ThresholdGroup:
    judge: str
    shots: int
    plots: Sequence[_Plot]


def _threshold_plots(report: Report, models: Mapping[str, _Model]) -> list[_ThresholdGroup]:
    groups = _grouped(report.thresholds, lambda each: (each.judge, each.shots))
    return [
        _ThresholdGroup(judge, shots, [_threshold_plot(each, models) for each in some])
        for (judge, shots), some in groups.items()
    ]


def _threshold_plot(threshold: Threshold, models: Mapping[str, _Model]) -> _Plot:
    effect = threshold.effect
    curves = [("share used", _COVERAGE, effect.coverage), ("accuracy", _ACCURACY, effect.accuracy)]
    lines = []
    for name, mark, values in curves:
        known = [
            Point(x, value, value, value)
            for x, value in zip(effect.thresholds.tolist(), values.tolist(), strict=True)
            if not math.isnan(value)  # where none is used
        ]
        lines += [Line(name, mark, known)] if known else []
    model = models[threshold.model]
    says = f"accuracy and share used of {model.name} against the least probability asked for"
    picture = line_plot(lines, "threshold", "share of translations", says, y_range=(0, 1))
    return _Plot(model.short, "", picture, _surest_half(threshold))


def _surest_half(threshold: Threshold) -> str:
    """The figures at the highest threshold that still uses half of the translations."""
    effect = threshold.effect
    enough = np.flatnonzero(effect.coverage >= 0.5)
    if not len(enough):
        return ""
    last = enough[-1]
    return (
        f"of all {effect.accuracy[0]:.2f} are right; at {effect.thresholds[last]:.2f}, "
        f"{effect.coverage[last]:.2f} are used and {effect.accuracy[last]:.2f} of them right"
    )


# Class by class


@dataclass(frozen=True)
class _ClassLine:
    name: str
    count: str
    cells: Sequence[tuple[float, str] | None]


@dataclass(frozen=True)
class _ClassTable:
    model: _Model
    shots: int
    metrics: Sequence[str]
    """The classes are sorted by the first."""
    lines: Sequence[_ClassLine]


def _class_tables(report: Report, models: Mapping[str, _Model]) -> list[_ClassTable]:
    groups = _grouped(report.classes, lambda row: (row.model, row.shots))
    return [_class_table(models[model], shots, rows) for (model, shots), rows in groups.items()]


def _class_table(model: _Model, shots: int, rows: Sequence[ClassRow]) -> _ClassTable:
    metrics = sorted(dict.fromkeys(row.metric for row in rows), key=lambda name: name != RATIO)
    decimals = {
        metric: _decimals([row.value for row in rows if row.metric == metric]) for metric in metrics
    }
    by_class = _grouped(rows, lambda row: row.class_name)
    lines = []
    for name in _worst_first(by_class, metrics[0]):
        values = {row.metric: row.value for row in by_class[name]}
        cells = [
            (values[metric], _number(values[metric], decimals[metric]))
            if metric in values
            else None
            for metric in metrics
        ]
        lines.append(_ClassLine(name, _count(by_class[name]), cells))
    return _ClassTable(model, shots, metrics, lines)


def _worst_first(by_class: Mapping[str, Sequence[ClassRow]], metric: str) -> list[str]:
    """The classes by that metric; those without it last."""
    sign = {"lower": -1, "higher": 1, "neither": 0}[better(metric)]

    def rank(name: str) -> float:
        values = [row.value for row in by_class[name] if row.metric == metric]
        return sign * values[0] if values else math.inf

    return sorted(by_class, key=rank)


# Samples


@dataclass(frozen=True)
class _Picture:
    address: str
    """A data URI."""
    says: str
    width: int
    height: int


@dataclass(frozen=True)
class _GridRow:
    sample: Sample
    value: str
    examples: Sequence[_Picture]
    num_across: int
    """Examples side by side."""
    content: _Picture
    translation: _Picture
    truth: _Picture | None


@dataclass(frozen=True)
class _Grid:
    model: _Model
    shots: int
    metrics: Sequence[str]
    """By which it is ranked."""
    rows: Sequence[_GridRow]
    has_truth: bool


def _grids(report: Report, models: Mapping[str, _Model]) -> list[_Grid]:
    found = []
    for (model, shots), samples in _grouped(report.samples, lambda s: (s.model, s.shots)).items():
        ranked = sorted(samples, key=lambda sample: _RANKS.index(sample.rank))
        metrics = list(dict.fromkeys(sample.metric for sample in ranked))
        has_truth = any(sample.truth is not None for sample in ranked)
        rows = [_grid_row(sample) for sample in ranked]
        found.append(_Grid(models[model], shots, metrics, rows, has_truth))
    return found


def _grid_row(sample: Sample) -> _GridRow:
    source, target, truth = sample.source, sample.target, sample.truth
    is_large = len(sample.examples) <= _LARGE_UP_TO
    examples = [
        _picture(image, f"example {number} of {target}", is_large)
        for number, image in enumerate(sample.examples, start=1)
    ]
    return _GridRow(
        sample,
        f"{sample.value:.3g}",
        examples,
        min(len(examples), _LARGE_UP_TO if is_large else 2 * _LARGE_UP_TO),
        _picture(sample.content, f"the content image, of {source}"),
        _picture(sample.translation, f"its translation into {target}"),
        None if truth is None else _picture(truth, f"the truth: {target} in that pose"),
    )


def _picture(image: Images, says: str, is_large: bool = True) -> _Picture:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    height, width = image.shape[:2]
    scale = 2 if is_large and max(height, width) <= _DOUBLED_UP_TO else 1
    address = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return _Picture(address, says, scale * width, scale * height)


# What was left out, and how to get it again


@dataclass(frozen=True)
class _LeftOutLine:
    metric: str
    model: str
    shots: str
    reason: str


def _left_out(report: Report, models: Mapping[str, _Model]) -> list[_LeftOutLine]:
    """One line for what differs in K alone."""

    def what(item: LeftOut) -> tuple[str, str | None, str]:
        return item.metric, item.model, item.reason

    lines = []
    for (metric, model, reason), items in _grouped(report.left_out, what).items():
        named = "all" if model is None else models[model].short if model in models else model
        shots = [item.shots for item in items if item.shots is not None]
        counts = ", ".join(map(str, sorted(set(shots)))) if len(shots) == len(items) else "all"
        lines.append(_LeftOutLine(metric, named, counts, reason))
    return lines


def _flat(about: Mapping[str, Any], *outer: str) -> Iterator[tuple[str, str]]:
    """What stands inside is named with what it stands in: `machine: python`."""
    for name, value in about.items():
        names = (*outer, str(name))
        if isinstance(value, Mapping):
            yield from _flat(value, *names)
        elif isinstance(value, list | tuple):
            yield ": ".join(names), ", ".join(map(str, value))
        else:
            yield ": ".join(names), "none" if value is None else str(value)


def _grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Those of one key together, in the order in which the keys first appear."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
