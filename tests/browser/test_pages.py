"""Every kind of page in a browser that has no network: nothing is asked for, nothing is cut, every link arrives."""

from __future__ import annotations

import pytest

from qmtestbed.ait import Bars, Curve, Histogram, Matrix
from qmtestbed.render.charts import bars, curve, histogram, matrix
from qmtestbed.render.limits import Row, against_limit
from qmtestbed.render.overlays import Interval, intervals
from qmtestbed.render.words import Words

from .conftest import KINDS, LANGUAGES

WIDTHS = (400, 1000, 1600)
EVERY = [(kind, language) for kind in KINDS for language in LANGUAGES]

# The first overflowing element explains the failure; what scrolls by itself may be wider than the page.
TOO_WIDE = """() => {
  const wide = document.scrollingElement.scrollWidth;
  if (wide <= innerWidth) return "";
  const culprit = [...document.querySelectorAll("body *")].find(e =>
    e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, nav, .skip"));
  return `${wide} > ${innerWidth}: ${culprit ? culprit.outerHTML.slice(0, 200) : "?"}`;
}"""

# Boxes in user units: a text may not leave its picture, and none may lie over another.
CUT = """() => [...document.querySelectorAll("svg")].flatMap(svg => {
  if (!svg.checkVisibility()) return [];
  const {width, height} = svg.viewBox.baseVal, name = svg.getAttribute("aria-label");
  const boxes = [...svg.querySelectorAll("text")].map(t => {
    const box = t.getBBox(), m = t.getCTM().multiply(svg.getCTM().inverse()), at = t.transform.baseVal.consolidate();
    return {text: t.lastChild.textContent, turned: !!at, x: box.x, y: box.y, right: box.x + box.width, bottom: box.y + box.height};
  }).filter(b => !b.turned);
  const out = boxes.filter(b => b.x < -0.5 || b.right > width + 0.5 || b.y < -0.5 || b.bottom > height + 0.5);
  const over = boxes.filter((a, i) => boxes.slice(i + 1).some(b =>
    Math.min(a.right, b.right) - Math.max(a.x, b.x) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.y, b.y) > 2));
  return [...out.map(b => `cut: ${b.text} in ${name}`), ...over.map(b => `overlaps: ${b.text} in ${name}`)];
})"""
OPEN_ALL = "for (const d of document.querySelectorAll('details')) d.open = true"


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_it_asks_for_nothing_and_complains_of_nothing(visit, pages, kind, language) -> None:
    path = pages[kind, language]
    with visit(path) as seen:
        seen.page.wait_for_load_state("load")
        assert (seen.requests, seen.complaints) == ([path.as_uri()], [])


def test_a_request_would_be_seen(visit, tmp_path) -> None:
    (tmp_path / "bad.html").write_text("<!DOCTYPE html><img src='http://example.invalid/x.png'>", "utf-8")
    with visit(tmp_path / "bad.html") as seen:
        seen.page.wait_for_load_state("load")
        assert "http://example.invalid/x.png" in seen.requests and seen.complaints


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_it_fits_every_width_and_no_text_in_its_pictures_is_cut(visit, pages, kind, language) -> None:
    with visit(pages[kind, language]) as seen:
        for unfold in (False, True):
            if unfold:
                seen.page.evaluate(OPEN_ALL)
            for width in WIDTHS:
                seen.page.set_viewport_size({"width": width, "height": 800})
                assert seen.page.evaluate(TOO_WIDE) == "", (width, unfold)
        assert seen.page.evaluate(CUT) == []


def test_no_text_is_cut_in_pictures_of_awkward_values(visit, tmp_path, template) -> None:
    w = Words("en")
    ends = [(0.0, 1.0), (0.2, 1.0), (-0.04, 0.03), (990_000.0, 12_000_000.0), (1e-5, 4e-5), (0.0, 123_456.78)]
    pictures = [against_limit([Row("", b, a, b, "met", "✓")], (a, None), (None, None), "t", "limit") for a, b in ends]
    for a, b in ends:
        pictures += [
            curve(Curve({"one": ((a, b), (b, a)), "two": ((a, a), (b, b))}, "x" * 80, "y" * 80), f"curve to {b}"),
            histogram(Histogram((a, (a + b) / 2, b), {"n": (3, 1_234_567)}, "x"), f"histogram to {b}", w),
            bars(Bars(("long label of a bar", "語" * 20), (a, b), (a, a), (b, b)), f"bars to {b}", w),
            intervals({"measure": [Interval(0, "A", b, a, b), Interval(1, "B", a, a, b)]}, f"intervals to {b}"),
        ]
    for n in (2, 12, 30, 40):
        names = tuple(f"name {i} of a class" for i in range(n))
        grid = tuple(tuple(float(i * j) for j in range(n)) for i in range(n))
        pictures.append(matrix(Matrix(grid, names, names, "true class", "predicted class"), f"matrix of {n}", w))
    style = (template.parent / "_shared" / "style.css").read_text("utf-8")
    body = "".join(f"<div style='width:400px'>{picture}</div>" for picture in pictures)
    (tmp_path / "gallery.html").write_text(f"<!DOCTYPE html><style>{style}</style>{body}", "utf-8")
    with visit(tmp_path / "gallery.html") as seen:
        assert seen.page.evaluate(CUT) == []
