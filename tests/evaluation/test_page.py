"""The page shows what the report says, in the right order, and needs nothing else to be read."""

import base64
import io
import math
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder, fromstring, tostring

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from funit.errors import UserError
from funit.evaluation.classifier import ThresholdEffect, threshold_effect
from funit.evaluation.metrics import Images
from funit.evaluation.page import short_names, write_page
from funit.evaluation.plots import Line, Point, line_plot, model_mark, short_count, ticks
from funit.evaluation.report import (
    ClassRow,
    LeftOut,
    Rank,
    Report,
    Row,
    Sample,
    Threshold,
    about,
)

RATIO = "l1_foreground/copy-content"
DIPD, ACCURACY = "dipd_efficientnet_lite0", "top1_test_efficientnet_lite2"
SECTIONS = ["scores", "shots", "training", "thresholds", "classes", "samples", "left-out", "about"]


class Reader(HTMLParser):
    """Reads a page into a tree, as strictly as if it were XML: what is opened is closed."""

    VOID = ("meta", "img", "wbr")

    def __init__(self) -> None:
        super().__init__()
        self.tree, self.opened = TreeBuilder(), list[str]()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute twice"
        self.tree.start(tag, {name: value or "" for name, value in attrs})
        self.opened.append(tag)
        if tag in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag
        self.tree.end(tag)

    def handle_data(self, data: str) -> None:
        if self.opened:
            self.tree.data(data)


def read(path: Path) -> Element:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert reader.opened == []
    return reader.tree.close()


def page_of(report: Report, folder: Path) -> Element:
    write_page(report, folder / "page.html")
    return read(folder / "page.html")


def text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def with_class(page: Element, tag: str, name: str) -> Iterator[Element]:
    return (each for each in page.iter(tag) if name in each.get("class", "").split())


def sections(page: Element) -> list[str]:
    return [each.get("id", "") for each in page.iter("h2") if each.get("id") in SECTIONS]


def section(page: Element, name: str) -> Element:
    (found,) = (s for s in page.iter("section") if s.find("h2").get("id") == name)  # type: ignore[union-attr]
    return found


def lines_of(table: Element) -> list[list[str]]:
    """The words of each cell below the head."""
    body = table.find("tbody")
    assert body is not None
    return [[text(cell) for cell in line] for line in body]


def row(model: str, metric: str, value: float, shots: int = 5, part: str = "unseen") -> Row:
    return Row(model, part, shots, metric, value, 0.9 * value, 1.1 * value, 1000)


def noise(*shape: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).integers(0, 256, size=(*shape, 3), dtype=np.uint8)


def sample(rank: Rank, truth: Images | None = None, shots: int = 5) -> Sample:
    seed = len(rank)
    return Sample(
        "default",
        shots,
        rank,
        "l1_foreground",
        0.25,
        "cat",
        "otter",
        noise(16, 16, seed=seed),
        noise(shots, 16, 16, seed=seed + 10),
        noise(16, 16, seed=seed + 20),
        truth,
    )


@pytest.fixture
def report() -> Report:
    """Everything that a page can show."""
    models = {"default": 0.5, "runs/a": 0.7, "copy-content": 1.0}
    rows = [
        row(model, metric, value + 0.1 / shots, shots)
        for shots in (1, 5, 10)
        for model, value in models.items()
        for metric in (RATIO, DIPD, ACCURACY, "psnr")
    ]
    rows.append(row("efficientnet_lite2", "top1_test", 0.875, shots=0))
    classes = [
        ClassRow("default", 5, name, metric, value, 100)
        for name, value in (("cat", 0.4), ("otter", 0.9), ("fox", 0.6))
        for metric in ("psnr", RATIO)
    ]
    ranks: tuple[Rank, ...] = ("worst", "best", "median")
    samples = [sample(rank, truth=noise(16, 16, seed=7)) for rank in ranks]
    draws = np.random.default_rng(0)
    effect = threshold_effect(draws.random(50), draws.integers(0, 2, 50).astype(float))
    facts = about(3, {"pairs": 1000}, "f1a9", {"efficientnet_lite0": "ab12"})
    facts["models"] = {"default": {"images": 35000}, "runs/a": {"images": 5000}}
    return Report(
        facts,
        rows,
        [LeftOut("fid", "`2,048` images are needed", "default", k) for k in (1, 5)],
        ["the judge is wrong on <b>12%</b> of real images"],
        classes,
        samples,
        [Threshold("default", 5, ACCURACY, effect)],
    )


def small(*rows: Row) -> Report:
    return Report({}, rows)


# The file


def test_the_page_asks_for_no_other_file_and_runs_nothing(tmp_path: Path, report: Report) -> None:
    page = page_of(report, tmp_path)

    tags = {each.tag for each in page.iter()}
    assert tags.isdisjoint({"script", "link", "iframe", "object", "image", "use", "base"})
    asked = [
        each.get(name, "")
        for each in page.iter()
        for name in ("src", "href")
        if name in each.attrib
    ]
    assert asked
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in asked)
    written = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not any(word in written for word in ("http://", "https://", "url(", "@import"))


def test_a_page_replaces_the_one_before_and_leaves_nothing_beside_it(
    tmp_path: Path, report: Report
) -> None:
    path = tmp_path / "new" / "page.html"

    write_page(small(row("a", "l1", 1)), path)
    write_page(report, path)

    assert "default" in path.read_text(encoding="utf-8")
    assert list(path.parent.iterdir()) == [path]


def test_a_page_that_cannot_be_written_is_a_users_error(tmp_path: Path, report: Report) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(UserError, match="cannot be written"):
        write_page(report, tmp_path / "file" / "page.html")


def test_the_same_report_is_the_same_page_to_the_byte(tmp_path: Path, report: Report) -> None:
    write_page(report, tmp_path / "one")
    write_page(report, tmp_path / "two")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_sections_stand_in_order_and_all_links_lead_to_one(tmp_path: Path, report: Report) -> None:
    page = page_of(report, tmp_path)

    assert sections(page) == SECTIONS
    assert [link.get("href") for link in page.iter("a")] == [f"#{name}" for name in SECTIONS]
    names = [each.get("id") for each in page.iter() if each.get("id")]
    assert len(names) == len(set(names))


def test_sections_with_nothing_to_show_are_absent(tmp_path: Path) -> None:
    assert sections(page_of(Report({}, []), tmp_path)) == []
    assert sections(page_of(small(row("default", RATIO, 0.5)), tmp_path)) == ["scores"]


def test_warnings_stand_before_all_figures_and_are_escaped(tmp_path: Path, report: Report) -> None:
    (box,) = with_class(page_of(report, tmp_path), "aside", "warnings")

    assert "the judge is wrong on <b>12%</b> of real images" in text(box)
    written = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert written.index("<aside") < written.index("<table")
    assert list(with_class(page_of(small(), tmp_path), "aside", "warnings")) == []


def test_what_was_compared_stands_at_the_top(tmp_path: Path, report: Report) -> None:
    page = page_of(report, tmp_path)

    (facts,) = with_class(page, "dl", "facts")
    pairs = zip(facts.iter("dt"), facts.iter("dd"), strict=True)
    assert {text(name): text(value) for name, value in pairs} == {
        "data": "f1a9",
        "part": "unseen",
        "examples (K)": "1, 5, 10",
        "pairs": "1,000",
        "seed": "3",
    }
    (models,) = with_class(page, "ul", "compared")
    assert [text(model) for model in models] == [
        "default 35,000 training images",
        "runs/a 5,000 training images",
        "copy-content baseline: what is had without learning anything",
    ]


names = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from("<>&\"'`{}%/"), min_size=1
)


@settings(max_examples=25, deadline=None)
@given(name=names)
def test_any_name_is_shown_as_it_is(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    name = f"<script>{name}"
    report = Report(
        {name: {"inner": name}},
        [row(name, metric, 1, shots, part=name) for shots in (1, 2) for metric in (name, RATIO)],
        [LeftOut(name, "because", name)],
        classes=[ClassRow(name, 1, name, name, 1, 1)],
    )

    page = page_of(report, tmp_path_factory.mktemp("page"))

    assert "script" not in {each.tag for each in page.iter()}
    (table,) = section(page, "classes").iter("table")
    assert lines_of(table)[0][0] == name
    assert any(each.get("title") == name for each in with_class(page, "span", "model"))
    assert lines_of(next(section(page, "about").iter("table"))) == [[f"{name}: inner", name]]


def test_a_name_that_is_no_unicode_does_no_harm(tmp_path: Path) -> None:
    report = Report({}, [], classes=[ClassRow("default", 5, "caf\udce9", "l1", 0.5, 1)])

    assert "caf?" in text(page_of(report, tmp_path))


# Scores


def test_every_value_stands_in_the_page(tmp_path: Path, report: Report) -> None:
    page = page_of(report, tmp_path)

    shown = [float(each.get("value", "nan")) for each in section(page, "scores").iter("data")]
    assert sorted(shown) == sorted(each.value for each in report.rows)
    shown = [float(each.get("value", "nan")) for each in section(page, "classes").iter("data")]
    assert sorted(shown) == sorted(each.value for each in report.classes)


def test_a_line_has_the_metric_a_cell_for_each_model_and_the_count(tmp_path: Path) -> None:
    rows = [
        Row("a", "unseen", 5, "l1", 0.51234, 0.5, 0.6, 980),
        Row("b", "unseen", 5, "l1", 0.04, 0.03, 0.05, 1000),
        Row("b", "unseen", 5, "look_spread", 1.25, 1, 2, 1000),
    ]

    (table,) = page_of(small(*rows), tmp_path).iter("table")

    assert lines_of(table) == [
        ["l1 ↓", "0.512 0.500 to 0.600", "0.040 0.030 to 0.050", "980 to 1,000"],
        ["look_spread", "-", "1.250 1.000 to 2.000", "1,000"],
    ]
    assert [text(head) for head in table.iter("th") if head.get("scope") == "col"] == [
        *("metric", "a", "b", "n")
    ]


@pytest.mark.parametrize(
    ("metric", "best"),
    [
        ("l1_foreground", ["low", "as low"]),
        (RATIO, ["low", "as low"]),
        ("fid_efficientnet_lite0", ["low", "as low"]),
        ("psnr", ["high"]),
        (ACCURACY, ["high"]),
        ("look_spread", []),
        ("never heard of", []),
    ],
)
def test_the_best_are_bold_where_the_direction_is_known(
    metric: str, best: list[str], tmp_path: Path
) -> None:
    values = {"low": 0.1, "high": 0.9, "as low": 0.1}

    page = page_of(small(*(row(name, metric, value) for name, value in values.items())), tmp_path)

    assert best_models(page) == best


def best_models(page: Element) -> list[str]:
    (table,) = page.iter("table")
    heads = [text(head) for head in table.iter("th") if head.get("scope") == "col"]
    (line,) = table.findall("tbody/tr")
    return [heads[i] for i, cell in enumerate(line) if cell.get("class") == "best"]


def test_a_model_alone_is_not_the_best(tmp_path: Path) -> None:
    assert best_models(page_of(small(row("alone", "l1", 0.1)), tmp_path)) == []


def test_all_intervals_of_a_line_are_on_one_scale(tmp_path: Path) -> None:
    rows = [
        Row("a", "unseen", 5, "l1", 2, 1, 3, 10),
        Row("b", "unseen", 5, "l1", 4, 3, 5, 10),
        Row("c", "unseen", 5, "psnr", 40, 30, 50, 10),
    ]

    page = page_of(small(*rows), tmp_path)

    found = []
    for bar in with_class(page, "svg", "bar"):
        (interval,) = with_class(bar, "line", "range")
        (value,) = bar.iter("circle")
        found.append([float(interval.get("x1", 0)), float(value.get("cx", 0))])
        found[-1].append(float(interval.get("x2", 0)))
    (a_low, a, a_high), (b_low, b, b_high) = found  # nothing to compare: no bar for c
    assert a_high == b_low
    assert np.allclose(np.diff([a_low, a, a_high, b, b_high]), (b_high - a_low) / 4)
    assert 0 <= a_low < b_high <= 96


def test_each_part_and_number_of_examples_has_a_table_and_real_images_the_last(
    tmp_path: Path,
) -> None:
    rows = [
        row("efficientnet_lite2", "top1_test", 0.9, shots=0),
        row("efficientnet_lite0", "top1_test", 0.8, shots=0),
        row("default", "l1", 0.1, shots=1),
        row("default", "l1", 0.1, shots=5),
        row("default", "l1", 0.1, shots=1, part="seen"),
    ]

    page = page_of(small(*rows), tmp_path)

    titles = [text(title) for title in page.iter("h3")]
    assert titles[:3] == ["unseen, 1 example", "unseen, 5 examples", "seen, 1 example"]
    assert titles[3].startswith("unseen, real images")
    assert list(with_class(page, "td", "best")) == []  # judges are no rivals
    (models,) = with_class(page, "ul", "compared")
    assert text(models) == "default"


def test_more_ratios_and_thresholds_are_folded_away_and_not_plotted(tmp_path: Path) -> None:
    derived = ["perceptual_x/recolour", f"{ACCURACY}@0.5", f"used_{ACCURACY}@0.5"]
    rows = [row("a", metric, 1, shots) for shots in (1, 5) for metric in (RATIO, *derived)]

    page = page_of(small(*rows), tmp_path)

    plain, folded, *_ = section(page, "scores").iter("table")
    assert [line[0] for line in lines_of(plain)] == [f"{RATIO} ↓"]
    assert [line[0].split()[0] for line in lines_of(folded)] == derived
    assert [text(each) for each in section(page, "shots").iter("figcaption")] == [RATIO]


def test_tables_have_heads_and_pictures_have_words(tmp_path: Path, report: Report) -> None:
    page = page_of(report, tmp_path)

    assert all(head.get("scope") in ("row", "col") for head in page.iter("th"))
    assert all(line[0].tag == "th" for table in page.iter("table") for line in table.iter("tr"))
    assert all(image.get("alt") for image in page.iter("img"))
    assert all(plot.get("aria-label") or plot.get("aria-hidden") for plot in page.iter("svg"))
    assert all(figure.find("figcaption") is not None for figure in page.iter("figure"))


words = st.text("ab", min_size=1, max_size=12)
paths = st.lists(words, min_size=1, max_size=5).map("/".join)


@given(st.lists(paths, unique=True, max_size=6))
def test_no_two_models_have_one_short_name(models: list[str]) -> None:
    short = short_names(models)

    assert list(short) == models
    assert len(set(short.values())) == len(models)
    assert all(model.endswith(short[model].removeprefix("…")) for model in models)


def test_a_long_path_is_shown_by_its_end_and_told_in_full_once(tmp_path: Path) -> None:
    path = "/home/somebody/runs/menagerie/snapshots/0020000"

    page = page_of(small(row(path, "l1", 1), row("default", "l1", 1)), tmp_path)

    (models,) = with_class(page, "ul", "compared")
    assert text(models[0]) == f"…/snapshots/0020000 {path}"
    assert text(page).count(path) == 1


# Plots


def test_plots_are_well_formed_and_stay_within_their_frame(tmp_path: Path, report: Report) -> None:
    page = page_of(report, tmp_path)

    plots = [plot for plot in page.iter("svg") if plot.get("role") == "img"]
    assert len(plots) == 3 + 3 + 1
    for plot in plots:
        assert "nan" not in tostring(plot, encoding="unicode")
        for line in with_class(plot, "path", "line"):
            places = [tuple(map(float, p.split())) for p in line.get("d", "")[1:].split("L")]
            assert all(46 <= x <= 308 and 22 <= y <= 176 for x, y in places)


def test_each_model_has_a_line_over_the_numbers_of_examples(tmp_path: Path, report: Report) -> None:
    found = section(page_of(report, tmp_path), "shots")

    titles = [text(caption) for caption in found.iter("figcaption")]
    assert titles == [RATIO, DIPD, ACCURACY]
    (plot, *_) = (figure.find("svg") for figure in found.iter("figure"))
    assert plot is not None
    assert len(list(with_class(plot, "path", "line"))) == 3
    assert len(list(with_class(plot, "path", "band"))) == 3
    points = [text(marker) for marker in with_class(plot, "path", "marker")]
    assert "default: 0.6 at 1" in points
    assert "default: 0.51 at 10" in points
    labels = [text(label) for label in plot.iter("text")]
    assert {"1", "5", "10", "examples (K)", "↓ lower is better"} <= set(labels)


def test_one_number_of_examples_is_no_line(tmp_path: Path) -> None:
    report = small(row("a", RATIO, 0.5), row("b", RATIO, 0.6), row("a", "l1", 0.1, shots=1))

    assert sections(page_of(report, tmp_path)) == ["scores"]


def test_training_is_plotted_at_the_most_examples_with_baselines_level(
    tmp_path: Path, report: Report
) -> None:
    found = section(page_of(report, tmp_path), "training")

    assert next(text(caption) for caption in found.iter("figcaption")) == f"{RATIO} K = 10"
    plot = next(figure.find("svg") for figure in found.iter("figure"))
    assert plot is not None
    points = [text(marker) for marker in with_class(plot, "path", "marker")]
    assert points == [
        "copy-content: 1.01 at 5k",
        "copy-content: 1.01 at 35k",
        "runs/a: 0.71 at 5k",
        "default: 0.51 at 35k",
    ]
    level, joining = (line.get("d", "") for line in with_class(plot, "path", "line"))
    assert len({place.split()[1] for place in level[1:].split("L")}) == 1
    assert len({place.split()[1] for place in joining[1:].split("L")}) == 2


@pytest.mark.parametrize("counts", [[5000, 5000], [5000, None], [None, None]])
def test_training_is_not_plotted_unless_it_differs(
    counts: list[int | None], tmp_path: Path
) -> None:
    models = {name: {"images": count} for name, count in zip("ab", counts, strict=True)}
    rows = [row("a", RATIO, 0.5), row("b", RATIO, 0.6)]

    page = page_of(Report({"models": models}, rows), tmp_path)

    assert "training" not in sections(page)


def test_a_threshold_says_what_it_costs(tmp_path: Path) -> None:
    effect = ThresholdEffect(
        np.array([0, 0.4, 0.7, 1]), np.array([1, 0.6, 0.2, 0]), np.array([0.5, 0.75, 1, math.nan])
    )
    report = Report({}, [], thresholds=[Threshold("default", 5, ACCURACY, effect)])

    found = section(page_of(report, tmp_path), "thresholds")

    assert "[0051]" in text(found)
    (caption,) = found.iter("figcaption")
    told = "of all 0.50 are right; at 0.40, 0.60 are used and 0.75 of them right"
    assert text(caption) == f"default {told}"
    (plot,) = (figure.find("svg") for figure in found.iter("figure"))
    assert plot is not None
    used, accuracy = (line.get("d", "").split("L") for line in with_class(plot, "path", "line"))
    assert (len(used), len(accuracy)) == (4, 3)  # of nothing there is no accuracy


@given(low=st.floats(-1e6, 1e6), share=st.floats(1e-3, 1e3))
def test_ticks_are_a_few_even_steps_within_the_axis(low: float, share: float) -> None:
    high = low + share * max(abs(low), 1e-3)

    found = ticks(low, high)

    assert 2 <= len(found) <= 8
    assert low - 1e-6 * (high - low) <= found[0] < found[-1] <= high + 1e-6 * (high - low)
    np.testing.assert_allclose(np.diff(found), found[1] - found[0], rtol=1e-4)


def test_equal_values_are_drawn_in_the_middle_of_the_axis() -> None:
    lines = [Line(name, model_mark(i), [Point(5, 1, 1, 1)]) for i, name in enumerate("ab")]

    plot = fromstring(line_plot(lines, "x", "y", "two points"))

    places = {marker.get("transform") for marker in with_class(plot, "path", "marker")}
    assert places == {"translate(177.0 99.0)"}


def test_many_models_can_be_told_apart() -> None:
    marks = [model_mark(number) for number in range(36)]

    assert len(set(marks)) == 36
    assert len({mark.colour for mark in marks[:6]}) == len({mark.shape for mark in marks[:6]}) == 6


def test_counts_are_short() -> None:
    numbers = [0, 0.25, 1, 999, 1000, 35_000, 1_500_000]

    assert [short_count(n) for n in numbers] == ["0", "0.25", "1", "999", "1k", "35k", "1.5M"]


# Classes, samples and the rest


@pytest.mark.parametrize(
    ("metrics", "order"),
    [
        (["psnr", RATIO], ["b", "c", "a", "d"]),  # the ratio is the key wherever it stands
        ([RATIO], ["b", "c", "a"]),
        (["psnr"], ["a", "c", "b", "d"]),
        (["look_spread"], ["a", "b", "c", "d"]),
    ],
)
def test_the_worst_class_stands_first(metrics: list[str], order: list[str], tmp_path: Path) -> None:
    values = {"a": 0.1, "b": 0.9, "c": 0.5}
    classes = [
        ClassRow("default", 5, name, metric, value, 10)
        for name, value in values.items()
        for metric in metrics
    ]
    classes += [ClassRow("default", 5, "d", m, 2, 10) for m in metrics if m != RATIO]

    found = section(page_of(Report({}, [], classes=classes), tmp_path), "classes")

    (table,) = found.iter("table")
    assert [line[0] for line in lines_of(table)] == order
    (summary,) = found.iter("summary")
    assert ("worst" in text(summary)) == (metrics != ["look_spread"])


def test_samples_stand_from_best_to_worst_with_what_they_were_made_from(
    tmp_path: Path, report: Report
) -> None:
    found = section(page_of(report, tmp_path), "samples")

    (table,) = found.iter("table")
    heads = [text(head) for head in table.iter("th") if head.get("scope") == "col"]
    assert heads == ["rank", "examples", "content (pose)", "translation", "truth"]
    ranks = [line[0] for line in lines_of(table)]
    assert ranks == [f"{rank}: 0.25 cat → otter" for rank in ("best", "median", "worst")]
    best = report.samples[1]
    assert best.truth is not None
    (line, *_) = table.findall("tbody/tr")
    shown = [pixels(image) for image in line.iter("img")]
    wanted = [*best.examples, best.content, best.translation, best.truth]
    np.testing.assert_array_equal(shown, wanted)
    assert next(line.iter("img")).get("alt") == "example 1 of otter"
    assert {image.get("width") for image in line.iter("img")} == {"32"}  # at twice its size


def pixels(image: Element) -> Images:
    file = base64.b64decode(image.get("src", "").removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(file)))


def test_without_a_truth_there_is_no_column_for_it(tmp_path: Path) -> None:
    page = page_of(Report({}, [], samples=[sample("best", shots=12)]), tmp_path)

    (table,) = page.iter("table")
    assert "truth" not in text(table)
    assert len(list(table.iter("img"))) == 14


def test_what_was_left_out_stands_with_its_reason_once_for_all_examples(tmp_path: Path) -> None:
    left_out = [
        LeftOut("fid", "too few images"),
        LeftOut("psnr", "no truth", "default", 5),
        LeftOut("psnr", "no truth", "default", 1),
        LeftOut("psnr", "no `truth`", "copy-content"),
    ]

    (table,) = page_of(Report({}, [], left_out), tmp_path).iter("table")

    assert lines_of(table) == [
        ["fid", "all", "all", "too few images"],
        ["psnr", "default", "1, 5", "no truth"],
        ["psnr", "copy-content", "all", "no truth"],
    ]


def test_the_last_table_has_all_that_the_report_says_of_itself(
    tmp_path: Path, report: Report
) -> None:
    (table,) = section(page_of(report, tmp_path), "about").iter("table")

    told = dict(lines_of(table))
    assert told["seed"] == "3"
    assert told["extractor: efficientnet_lite0"] == "ab12"
    assert told["machine: python"] == report.about["machine"]["python"]
    assert told["models: runs/a: images"] == "5000"
