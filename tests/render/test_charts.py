"""Charts: what is drawn stands where the numbers say, by a map read off the axis; and nothing breaks them."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmtestbed.ait import Bars, Curve, DataTable, Histogram, Matrix
from qmtestbed.render.charts import bars, curve, draw, histogram, matrix
from qmtestbed.render.limits import Row, against_limit, shares, strip
from qmtestbed.render.words import Words

W = Words("en")
NEAR = 0.03
"""Coordinates are written with two decimals."""


def parse(svg):
    assert svg is not None
    root = ET.fromstring(svg)
    assert root.get("role") == "img" and root.find("title").text == root.get("aria-label")
    return root


def by_class(root, tag, name):
    return [e for e in root.iter(tag) if name in (e.get("class") or "").split()]


def floats(element, *names):
    return [float(element.get(n)) for n in names]


def axis(root, along: str):
    """Read two tick labels off an axis and give the map from values to places that they imply."""
    side = "middle" if along == "x" else "end"
    other = "y" if along == "x" else "x"
    ticks = [t for t in by_class(root, "text", "axis") if side in t.get("class").split()]
    marks = [(float(t.text.replace("−", "-").replace(",", "")), *floats(t, "x", "y")) for t in ticks]
    assert len({m[2 if along == "x" else 1] for m in marks}) == 1, f"ticks stand in one line along {other}"
    (a, *pa), (b, *pb) = marks[0], marks[-1]
    i = 0 if along == "x" else 1
    shift = 0.0 if along == "x" else -3.5  # a label's baseline hangs below the middle of its tick
    return lambda v: pa[i] + shift + (v - a) / (b - a) * (pb[i] - pa[i])


def points(path):
    return [tuple(map(float, p.split())) for p in re.sub("[MZ]", "", path.get("d")).split("L")]


# -- bars -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [(0.95, 0.6455, 0.2), (12.0, 3.0, 7.5), (-0.4, 0.3, 0.1), (1200.0, 88_000.0, 5.0)])
def test_bars_reach_from_zero_to_their_values(values) -> None:
    root = parse(bars(Bars(("a", "b", "c"), values), "t", W))
    at = axis(root, "x")
    boxes = by_class(root, "rect", "bar")
    assert len(boxes) == 3
    for box, value in zip(boxes, values, strict=True):
        x, across = floats(box, "x", "width")
        assert (x, x + across) == pytest.approx(sorted((at(0.0), at(value))), abs=NEAR)


def test_whiskers_reach_from_low_to_high() -> None:
    low, high = (0.91, 0.55), (0.97, 0.73)
    root = parse(bars(Bars(("a", "b"), (0.95, 0.64), low, high), "t", W))
    at = axis(root, "x")
    lines = [floats(e, "x1", "x2") for e in by_class(root, "line", "whisker")]
    assert [line for line in lines if line[0] != line[1]] == [
        pytest.approx([at(a), at(b)], abs=NEAR) for a, b in zip(low, high, strict=True)
    ]


def test_a_bar_without_a_value_says_so_and_keeps_its_place() -> None:
    root = parse(bars(Bars(("a", "b", "c"), (0.5, None, float("nan"))), "t", W))
    assert len(by_class(root, "rect", "bar")) == 1
    assert [t.text for t in root.iter("text")].count("no value") == 2


def test_every_bar_shows_its_label_and_number_and_cuts_long_ones_visibly() -> None:
    long = "a very long label " * 20
    root = parse(bars(Bars((long, "short"), (0.25, 0.5)), "t", W))
    texts = list(root.iter("text"))
    cut = next(t for t in texts if t.find("title") is not None)
    assert cut.find("title").text == " ".join(long.split())
    assert "".join(cut.itertext()).endswith("…")
    assert {"short", "0.25", "0.5"} <= {t.text for t in texts}


@pytest.mark.parametrize("n", [1, 41, 200])
def test_many_bars_are_drawn_up_to_two_hundred(n) -> None:
    resource = Bars([str(i) for i in range(n)], [float(i) for i in range(n)])
    assert len(by_class(parse(bars(resource, "t", W)), "rect", "bar")) == n
    more = Bars([str(i) for i in range(201)], [1.0] * 201)
    assert bars(more, "t", W) is None


# -- curve and histogram --------------------------------------------------------------------------------------


def test_a_curve_goes_through_its_points() -> None:
    line = ((0.1, 0.2), (0.4, 0.35), (0.9, 0.88))
    root = parse(curve(Curve({"a": line, "b": ((0.0, 0.0), (1.0, 1.0))}, "x", "y"), "t"))
    x, y = axis(root, "x"), axis(root, "y")
    first = by_class(root, "path", "line")[0]
    assert points(first) == [pytest.approx((x(a), y(b)), abs=NEAR) for a, b in line]
    circles = [floats(c, "cx", "cy") for c in by_class(root, "circle", "dot")]
    assert circles[:3] == [pytest.approx((x(a), y(b)), abs=NEAR) for a, b in line]


def test_series_differ_by_more_than_colour() -> None:
    series = {str(i): ((0.0, float(i)), (1.0, float(i))) for i in range(4)}
    root = parse(curve(Curve(series), "t"))
    looks = {tuple(sorted(p.get("class").split())) for p in by_class(root, "path", "line")}
    assert {look[0] for look in looks} == {"d0", "d1", "d2", "d3"}
    legend = [t.text for t in by_class(root, "text", "start") if "muted" not in t.get("class")]
    assert legend == list(series)


def test_a_point_that_is_not_finite_breaks_the_line() -> None:
    gap = ((0.0, 0.0), (0.5, float("nan")), (0.6, 0.5), (1.0, 1.0), (2.0, float("inf")))
    paths = by_class(parse(curve(Curve({"a": gap}), "t")), "path", "line")
    assert [len(points(p)) for p in paths] == [1, 2]


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    line = tuple((i / 1e4, math.sin(i / 500)) for i in range(10_001))
    root = parse(curve(Curve({"a": line}), "t"))
    x = axis(root, "x")
    drawn = points(by_class(root, "path", "line")[0])
    assert len(drawn) <= 1002
    assert (drawn[0][0], drawn[-1][0]) == pytest.approx((x(0.0), x(1.0)), abs=NEAR)


def test_a_histogram_of_several_series_shows_shares() -> None:
    edges, counts = (0.0, 1.0, 3.0, 4.0), {"train": (100.0, 300.0, 600.0), "test": (5.0, 0.0, 5.0)}
    root = parse(histogram(Histogram(edges, counts, "age"), "t", W))
    x, y = axis(root, "x"), axis(root, "y")
    outlines = by_class(root, "path", "area")
    assert len(outlines) == 2
    for outline, series in zip(outlines, counts.values(), strict=True):
        steps = points(outline)[1:-1]
        for i, count in enumerate(series):
            height = y(count / sum(series))
            assert steps[2 * i] == pytest.approx((x(edges[i]), height), abs=NEAR)
            assert steps[2 * i + 1] == pytest.approx((x(edges[i + 1]), height), abs=NEAR)
    assert "share" in [t.text for t in root.iter("text")]


def test_a_histogram_of_one_series_shows_counts() -> None:
    root = parse(histogram(Histogram((0.0, 1.0, 2.0), {"a": (3, 8)}), "t", W))
    y = axis(root, "y")
    assert min(p[1] for p in points(by_class(root, "path", "area")[0])) == pytest.approx(y(8), abs=NEAR)


# -- matrix ---------------------------------------------------------------------------------------------------


def test_a_matrix_is_darker_where_values_are_larger_and_crossed_out_where_there_is_none() -> None:
    values = ((228, 6, None), (4, 352, float("nan")))
    root = parse(matrix(Matrix(values, ("a", "b"), ("a", "b", "c"), "true", "predicted"), "t", W))
    cells = by_class(root, "rect", "heat")
    shade = [float(c.get("fill-opacity")) for c in cells]
    known = [228, 6, 4, 352]
    assert sorted(range(4), key=shade.__getitem__) == sorted(range(4), key=known.__getitem__)
    assert shade == pytest.approx([0.04 + 0.6 * v / 352 for v in known], abs=0.0006)
    assert len(by_class(root, "rect", "none")) == len(by_class(root, "line", "none")) == 2
    assert {"228", "352", "true", "predicted"} <= {t.text for t in root.iter("text")}
    rows = {float(c.get("y")) for c in cells}
    assert len(rows) == 2 and float(cells[0].get("y")) == min(rows)


@pytest.mark.parametrize(
    ("down", "across", "drawn"), [(40, 40, True), (50, 50, True), (51, 50, False), (201, 1, False)]
)
def test_a_matrix_too_large_to_read_is_left_to_its_table(down, across, drawn) -> None:
    m = Matrix([[1.0] * across] * down, [str(i) for i in range(down)], [str(j) for j in range(across)])
    assert (matrix(m, "t", W) is not None) is drawn


# -- interval against limit -----------------------------------------------------------------------------------


def test_interval_limit_and_accepted_side_stand_where_they_should() -> None:
    rows = [Row("theft", 0.645, 0.5485, 0.7343, "not_met", "✗"), Row("glass", 0.95, 0.914, 0.974)]
    root = parse(against_limit(rows, (0.8, None), (0.0, 1.0), "t", "limit ≥ 0.8"))
    at = axis(root, "x")
    (limit,) = by_class(root, "line", "limit")
    assert floats(limit, "x1", "x2") == pytest.approx([at(0.8)] * 2, abs=NEAR)
    (zone,) = by_class(root, "rect", "zone")
    x, across = floats(zone, "x", "width")
    assert x == pytest.approx(at(0.8), abs=NEAR) and x + across == pytest.approx(at(1.0), abs=NEAR)
    spans = [floats(e, "x1", "x2") for e in by_class(root, "line", "interval")]
    wide = [s for s in spans if s[0] != s[1]]
    assert wide == [pytest.approx([at(r.low), at(r.high)], abs=NEAR) for r in rows]
    (diamond,) = by_class(root, "path", "point")
    place = re.match(r"translate\(([\d.]+) ", diamond.get("transform"))
    assert float(place[1]) == pytest.approx(at(0.645), abs=NEAR)
    assert "✗" in [t.text for t in root.iter("text")]


@pytest.mark.parametrize(
    ("bound", "lines", "edges"),
    [((None, 0.2), 1, (None, 0.2)), ((0.1, 0.3), 2, (0.1, 0.3)), ((0.25, 0.25), 2, (0.25, 0.25))],
)
def test_other_limits(bound, lines, edges) -> None:
    root = parse(against_limit([Row("", 0.22, 0.15, 0.28, "undetermined")], bound, (0.0, None), "t", "limit"))
    at = axis(root, "x")
    assert len(by_class(root, "line", "limit")) == lines
    (zone,) = by_class(root, "rect", "zone")
    x, across = floats(zone, "x", "width")
    if edges[0] is not None:
        assert x == pytest.approx(at(edges[0]), abs=NEAR)
    assert x + across == pytest.approx(at(edges[1]), abs=NEAR)


def test_the_axis_stays_inside_the_range_of_the_measure_unless_a_value_leaves_it() -> None:
    root = parse(against_limit([Row("", 0.99, 0.97, 1.0, "met")], (0.95, None), (0.0, 1.0), "t", "limit"))
    assert max(float(t.text) for t in by_class(root, "text", "axis")) <= 1.0


def test_nothing_to_draw_is_not_drawn() -> None:
    assert against_limit([], (0.8, None), (0, 1), "t", "") is None
    assert against_limit([Row("", float("nan"))], (0.8, None), (0, 1), "t", "") is None
    assert against_limit([Row("", 0.5)], (None, None), (0, 1), "t", "") is None
    assert strip(Row("", float("nan")), (0.8, None), (0, 1), "t") is None
    assert draw(DataTable(("a",), ((1,),)), "t", W) is None
    assert draw(Curve({}), "t", W) is draw(Bars((), ()), "t", W) is draw(Matrix((), (), ()), "t", W) is None
    assert draw(Histogram((0.0,), {}), "t", W) is None


def test_shares_are_in_proportion() -> None:
    root = parse(shares([(4, "met"), (1, "not_met"), (0, "undetermined"), (3, "open")], "t"))
    across = [floats(e, "width")[0] + 2 for e in root.iter("rect")]
    assert across == pytest.approx([200, 50, 150], abs=NEAR)
    assert list(parse(shares([(0, "met")], "t")).iter("rect")) == []


# -- whatever comes -------------------------------------------------------------------------------------------

anything = st.floats(allow_nan=True, allow_infinity=True) | st.none()
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


def coordinates_are_finite(svg) -> None:
    if svg is not None:
        assert "nan" not in (text := re.sub(r"<title>.*?</title>|aria-label=\"[^\"]*\"|>[^<]*<", "", svg)).lower()
        assert "inf" not in text.replace("interval", "")
        ET.fromstring(svg)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), anything, anything, anything), max_size=8))
def test_bars_of_anything_are_well_formed(rows) -> None:
    labels, values, low, high = ([r[i] for r in rows] for i in range(4))
    resource = Bars(labels, values, low, high)
    assert bars(resource, "t", W) == bars(resource, "t", W)
    coordinates_are_finite(bars(resource, "t", W))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=10), st.lists(st.tuples(anything, anything), max_size=8), max_size=4))
def test_curves_of_anything_are_well_formed(series) -> None:
    nan = float("nan")
    numbers = {k: [(nan if x is None else x, nan if y is None else y) for x, y in v] for k, v in series.items()}
    coordinates_are_finite(curve(Curve(numbers), "t"))


@settings(max_examples=60, deadline=None)
@given(finite, finite, finite, st.tuples(finite | st.none(), finite | st.none()))
def test_limits_of_anything_are_well_formed(value, low, high, bound) -> None:
    row = Row("k", value, min(low, high), max(low, high), "undetermined", "?")
    coordinates_are_finite(against_limit([row], bound, (None, None), "t", "limit"))
    coordinates_are_finite(strip(row, bound, (None, None), "t"))
