"""What the trials of the recipe found: docs/recipe.json -> the tables and plots of docs/recipe.md.

An entry is a trial's settings and its curve: error of unseen classes, and that of each class,
against images seen and minutes.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullLocator
from recipe_trials import (
    COARSE_SHARES,
    LAST_WITH_ALL,
    OURS,
    PAPERS,
    PLOTTED,
    QUESTIONS,
    TAKEN_OUT,
)
from splice import spliced

from funit.evaluation.metrics import bootstrap_ratio
from funit.home import whole_file

DOCS = Path(__file__).parent.parent / "docs"
RESULTS, PAGE, PLOTS = DOCS / "recipe.json", DOCS / "recipe.md", DOCS / "images"
DASHES = {"32px": "-", "64px": "--", "elsewhere": ":"}
ALL_CLASSES = {"dev": 210, "lpc": 240}  # of entries that do not say how many were seen
EQUAL = {
    "minutes": (10, 20, 30, 40, 50, 60),
    "images": (2_500, 5_000, 10_000, 20_000, 40_000, 80_000, 160_000),
}
NOTHING = "Not run yet.\n"
SEED = 0

Point = Mapping[str, Any]  # of a curve: images, minutes, error, low, high, by_class
Curve = Sequence[Point]
Entry = Mapping[str, Any]  # settings, commit, classes, pairs, curve
Entries = Mapping[str, Entry]


class Key(NamedTuple):
    """What an entry is filed under."""

    trial: str
    size: str
    data: str
    seed: str
    machine: str = ""
    """Where others were trained elsewhere: minutes are compared on one machine."""

    @property
    def where(self) -> str:
        """All but the trial, in words."""
        return self.where_with(self.seed.replace("seed", "seed "))

    def where_with(self, seed: str) -> str:
        """The same, with other words for the seed."""
        on = f", on `{self.machine}`" if self.machine else ""
        return f"{self.data}, {self.size}, {seed}{on}"


def read_results() -> dict[str, Any]:
    """All entries, by TRIAL/SIZE/DATA/SEED, or TRIAL/SIZE/DATA/SEED/MACHINE."""
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


def write_results(entries: Entries) -> None:
    """Replaces the file."""
    with whole_file(RESULTS) as temporary:
        temporary.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n")


def write_tables() -> None:
    """Puts the tables, and the plots beside them, into docs/recipe.md."""
    entries = {Key(*key.split("/")): entry for key, entry in read_results().items()}
    trials = "\n".join(_question(*asked, entries) for asked in QUESTIONS.items())
    sections = {
        "trials": trials,
        "paper": against_paper(entries),
        "classes": source_classes(entries),
    }
    text = PAGE.read_text()
    for name, content in sections.items():
        text = spliced(text, name, content)
    PAGE.write_text(text)
    _plot_curves(entries, "dev", PLOTTED, "recipe.png")
    _plot_curves(entries, "lpc", [*OURS, *PAPERS], "recipe-hour.png")


# ---------------------------------------------------------------- trial beside trial


def _question(question: str, names: Sequence[str], entries: Mapping[Key, Entry]) -> str:
    """A table of the trials on the same data, each after as many images as all of them have seen.

    The paper's differ in what an image costs, and coarse images cost less: they stand after as many
    minutes.
    """
    in_minutes = set(names) <= set(PAPERS) or not COARSE_SHARES.keys().isdisjoint(names)
    unit, rows = ("minutes" if in_minutes else "images"), []
    by_seed: dict[tuple[Key, float], list[Point]] = defaultdict(list)
    for where in dict.fromkeys(key[1:] for key in entries):
        group = {name: entries[key] for name in names if (key := Key(name, *where)) in entries}
        if len(group) < 2:  # one alone is an answer to nothing
            continue
        value = min(entry["curve"][-1][unit] for entry in group.values())
        for name, entry in group.items():
            point = point_at(entry["curve"], unit, value)
            assert point, f"`{name}` was measured too late to be compared"
            key = Key(name, *where)
            by_seed[key._replace(seed=""), value].append(point)
            rows.append(
                f"| `{name}` | {key.where} | {point['images']:,.0f} | {point['minutes']:.1f} "
                f"| {point['error']:.3f} | {point['low']:.3f} to {point['high']:.3f} |"
            )
    rows += [_over_seeds(key, points) for (key, _), points in by_seed.items() if len(points) > 1]
    header = "| trial | data | images | minutes | error | 95% |\n" + "|---" * 6 + "|"
    parts = ["\n".join([header, *rows]) + "\n"] if rows else []
    if missing := [f"`{name}`" for name in names if all(key.trial != name for key in entries)]:
        parts.append(f"Not run yet: {', '.join(missing)}.\n")
    if gone := [f"`{name}`" for name in names if name in TAKEN_OUT]:
        parts.append(f"Taken out after commit {LAST_WITH_ALL}: {', '.join(gone)}.\n")
    return "\n".join([f"### {question}\n", *parts])


def _over_seeds(key: Key, points: Sequence[Point]) -> str:
    """The mean of a trial over its seeds, with the lowest and the highest of them."""
    errors = [point["error"] for point in points]
    images, minutes = (np.mean([point[unit] for point in points]) for unit in ("images", "minutes"))
    return (
        f"| `{key.trial}` | {key.where_with(f'mean of {len(points)} seeds')} "
        f"| {images:,.0f} | {minutes:.1f} "
        f"| {np.mean(errors):.3f} | seeds: {min(errors):.3f} to {max(errors):.3f} |"
    )


def _plot_curves(entries: Mapping[Key, Entry], data: str, names: Sequence[str], file: str) -> None:
    """Error against minutes and against images; a colour for each trial, a file if there is any."""
    shown = {key: e for key, e in entries.items() if key.trial in names and key.data == data}
    if not shown:
        return
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.5), sharey=True)
    for axis, unit in zip(axes, EQUAL, strict=True):
        for key, entry in shown.items():
            xs, ys = zip(*((p[unit], p["error"]) for p in entry["curve"]), strict=True)
            dashes = DASHES["elsewhere" if key.machine else key.size]
            colour, label = f"C{names.index(key.trial)}", ", ".join(filter(None, key))
            axis.plot(xs, ys, dashes, color=colour, label=label)
        axis.set_xlabel(f"{unit} of training")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("error, as a ratio to copying")
    axes[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.02, 0.5))  # over no curve
    _save(figure, file)


# ---------------------------------------------------------------- equal minutes, equal images


def against_paper(entries: Mapping[Key, Entry]) -> str:
    """A table for each of our trials, against those of the paper's that ran on the same.

    One over all seeds follows, where there are several.
    """
    tables, seeds = [], defaultdict(list)
    for key, entry in entries.items():
        rivals = {
            name: entries[paper]["curve"]
            for name in PAPERS
            if (paper := Key(name, *key[1:])) in entries
            and _pairs(key, entry) == _pairs(paper, entries[paper])
        }
        if key.trial in OURS and rivals:
            tables.append(_comparison(key, entry["curve"], rivals))
            seeds[key._replace(seed="")].append((entry["curve"], rivals))
    tables += [_over_seeds_against(key, runs) for key, runs in seeds.items() if len(runs) > 1]
    return "\n".join(tables) or NOTHING


def _comparison(key: Key, ours: Curve, rivals: Mapping[str, Curve]) -> str:
    """Each row is against the rival that is the best there."""
    rows = [
        f"### `{key.trial}` against the paper's: {key.where}\n",
        "| at | ours | the paper's | ratio | 95% |",
        "|---|---|---|---|---|",
    ]
    for unit, value in _equal():
        one = point_at(ours, unit, value)
        others = {name: point_at(curve, unit, value) for name, curve in rivals.items()}
        there = {name: other for name, other in others.items() if other}
        if one and there:
            best = min(there, key=lambda name: there[name]["error"])
            other = there[best]
            rows.append(
                f"| {value:,} {unit} | {one['error']:.3f} | {other['error']:.3f}, `{best}` "
                f"| {one['error'] / other['error']:.3f} | {_ratio_interval(one, other)} |"
            )
    return "\n".join(rows) + "\n"


def _over_seeds_against(key: Key, runs: Sequence[tuple[Curve, Mapping[str, Curve]]]) -> str:
    """Means over the seeds, the ratio of each and of the means; the rival is one that all have."""
    where = key.where_with(f"mean of {len(runs)} seeds")
    rows = [
        f"### `{key.trial}` against the paper's: {where}\n",
        "| at | ours | the paper's | ratio | of each seed |",
        "|---|---|---|---|---|",
    ]
    shared = [name for name in PAPERS if all(name in rivals for _, rivals in runs)]
    for unit, value in _equal():
        ours = _errors_at([curve for curve, _ in runs], unit, value)
        others = {
            name: found
            for name in shared
            if (found := _errors_at([rivals[name] for _, rivals in runs], unit, value))
        }
        if ours and others:
            best = min(others, key=lambda name: sum(others[name]))
            one, other = np.mean(ours), np.mean(others[best])
            ratios = [f"{a / b:.3f}" for a, b in zip(ours, others[best], strict=True)]
            rows.append(
                f"| {value:,} {unit} | {one:.3f} | {other:.3f}, `{best}` "
                f"| {one / other:.3f} | {', '.join(ratios)} |"
            )
    return "\n".join(rows) + "\n"


def _equal() -> Iterator[tuple[str, int]]:
    """Where curves are compared, as (unit, value)."""
    return ((unit, value) for unit, values in EQUAL.items() for value in values)


def _errors_at(curves: Sequence[Curve], unit: str, value: float) -> list[float]:
    """Of every curve; none at all where one does not reach so far."""
    points = [point_at(curve, unit, value) for curve in curves]
    return [point["error"] for point in points if point] if all(points) else []


def point_at(curve: Curve, unit: str, value: float) -> Point | None:
    """What was measured after so many images or minutes, between two measurements by a line.

    None before the first and after the last one.
    """
    xs = [point[unit] for point in curve]
    if not xs or not xs[0] <= value <= xs[-1]:
        return None

    def between(name: str) -> Any:
        columns = np.array([point[name] for point in curve]).reshape(len(curve), -1).T
        found = [float(np.interp(value, xs, column)) for column in columns]
        return found if isinstance(curve[0][name], list) else found[0]

    names = [*EQUAL, "error", "low", "high", "by_class"]
    return {name: between(name) for name in names if all(name in point for point in curve)}


def _ratio_interval(one: Point, other: Point) -> str:
    """Of the ratio of two errors on the same classes, which are drawn anew together."""
    if not ("by_class" in one and "by_class" in other):
        return "-"
    low, high = bootstrap_ratio(np.array(one["by_class"]), np.array(other["by_class"]), SEED)
    return f"{low:.3f} to {high:.3f}"


# ---------------------------------------------------------------- source classes


def source_classes(entries: Mapping[Key, Entry]) -> str:
    """A table of trials that differ in their number of seen classes; draws the plot of it, too.

    Each trial stands at as many images as all that it is compared with have seen.
    """
    groups: dict[Key, dict[int, tuple[Key, Entry]]] = defaultdict(dict)
    for key, entry in entries.items():
        count = entry.get("classes") or ALL_CLASSES.get(key.data)
        if count:
            groups[key._replace(data=_pairs(key, entry))][count] = key, entry
    lines = {name: _line(group) for name, group in sorted(groups.items()) if len(group) > 1}
    if not lines:
        return NOTHING
    rows = [
        f"| {count:,} | `{key.trial}`, {key.where} | {point['images']:,.0f} | {point['error']:.3f} "
        f"| {point['low']:.3f} to {point['high']:.3f} |"
        for line in lines.values()
        for count, key, point in line
    ]
    _plot_classes(lines)
    header = "| seen classes | trial | images | error | 95% |\n|---|---|---|---|---|"
    picture = "![Error against the number of seen classes](images/source-classes.png)"
    return "\n".join([header, *rows, "", picture]) + "\n"


def _line(group: Mapping[int, tuple[Key, Entry]]) -> list[tuple[int, Key, Point]]:
    """Of few classes and of more, all at the same number of images."""
    images = min(entry["curve"][-1]["images"] for _, entry in group.values())
    found = []
    for count, (key, entry) in sorted(group.items()):
        if point := point_at(entry["curve"], "images", images):
            found.append((count, key, point))
    return found


def _plot_classes(lines: Mapping[Key, Iterable[tuple[int, Key, Point]]]) -> None:
    figure, axes = plt.subplots(figsize=(6.5, 4.5))
    for (trial, size, pairs, *others), line in lines.items():
        counts, _, points = zip(*line, strict=True)
        errors = [point["error"] for point in points]
        below = [point["error"] - point["low"] for point in points]
        above = [point["high"] - point["error"] for point in points]
        where = ", ".join(filter(None, [size, *others]))
        label = f"{trial}, {where}, pairs of {pairs}, {points[0]['images']:,.0f} images"
        axes.errorbar(counts, errors, (below, above), marker="o", capsize=3, label=label)
    axes.set_xscale("log")
    marks: list[int] = []
    for count in sorted({count for line in lines.values() for count, _, _ in line}):
        if not marks or count > 1.3 * marks[-1]:  # else they would be written over each other
            marks.append(count)
    axes.set_xticks(marks, map("{:,}".format, marks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("seen classes")
    axes.set_ylabel("error of unseen ones, as a ratio to copying")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    _save(figure, "source-classes.png")


# ---------------------------------------------------------------- pieces


def _save(figure: Any, name: str) -> None:
    figure.tight_layout()
    figure.savefig(PLOTS / name, dpi=100)
    plt.close(figure)


def _pairs(key: Key, entry: Entry) -> str:
    """Of which data the pairs are that an entry was measured on."""
    return str(entry.get("pairs", key.data))
