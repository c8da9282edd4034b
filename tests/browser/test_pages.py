"""Every kind of page in a browser that has no network: nothing is asked for, nothing is cut, every link arrives."""

from __future__ import annotations

import pytest

from qmtestbed.ait import Bars, Curve, Histogram, Matrix
from qmtestbed.render.charts import bars, curve, histogram, matrix
from qmtestbed.render.limits import Row, against_limit
from qmtestbed.render.overlays import Interval, intervals
from qmtestbed.render.words import Words

from .conftest import KINDS, LANGUAGES, OPEN_ALL

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
    const {x, y, width, height} = t.getBBox(), turn = t.transform.baseVal.consolidate(), text = t.lastChild.textContent;
    if (!turn) return {text, x, y, right: x + width, bottom: y + height};
    const {e, f} = turn.matrix;  // turned to the left: along becomes up
    return {text, x: e + y, y: f - x - width, right: e + y + height, bottom: f - x};
  });
  const out = boxes.filter(b => b.x < -0.5 || b.right > width + 0.5 || b.y < -0.5 || b.bottom > height + 0.5);
  const over = boxes.filter((a, i) => boxes.slice(i + 1).some(b =>
    Math.min(a.right, b.right) - Math.max(a.x, b.x) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.y, b.y) > 2));
  return [...out.map(b => `cut: ${b.text} in ${name}`), ...over.map(b => `overlaps: ${b.text} in ${name}`)];
})"""


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


# -- links and folds ------------------------------------------------------------------------------------------

# Every stop is noted with what shows the focus; elements get a number by which they are known.
NOTE_STOPS = """() => {
  const all = [...document.querySelectorAll("a[href], summary, [tabindex='0'], button, input")];
  const stops = all.filter(e => e.checkVisibility());
  stops.forEach((e, i) => e.dataset.stop = i);
  window.reached = new Set(); window.unseen = [];
  document.addEventListener("focusin", ({target}) => {
    reached.add(target.dataset.stop);
    const style = getComputedStyle(target);
    const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    if (!shown) unseen.push(target.outerHTML.slice(0, 120));
  });
  return stops.length;
}"""
MISSED = """() => [...document.querySelectorAll("[data-stop]")].filter(e => !reached.has(e.dataset.stop))
  .map(e => e.outerHTML.slice(0, 120))"""
TARGETS = """() => [...document.querySelectorAll("a[href^='#']")].map(a => decodeURIComponent(a.hash.slice(1)))"""


@pytest.mark.parametrize("kind", KINDS)
def test_tab_reaches_every_link_and_fold_and_shows_where_it_is(visit, pages, kind) -> None:
    with visit(pages[kind, "en"]) as seen:
        for _ in range(seen.page.evaluate(NOTE_STOPS)):
            seen.page.keyboard.press("Tab")
        assert seen.page.evaluate(MISSED) == []
        assert seen.page.evaluate("unseen") == []
        assert seen.page.evaluate(f"({TARGETS})().filter(id => !document.getElementById(id))") == []


def test_enter_on_a_cell_of_the_matrix_leads_to_its_evidence_and_back(visit, pages) -> None:
    with visit(pages["quality", "en"], java_script_enabled=False) as seen:
        page = seen.page
        cell = page.locator("a.chip.v-contradicted").first
        cell.focus()
        page.keyboard.press("Enter")
        requirement = page.locator(".req:target")
        assert requirement.is_visible() and in_view(requirement)
        back = requirement.locator("a.up")
        page.keyboard.press("Tab")
        assert back.evaluate("e => e === document.activeElement"), "the way back is the next stop"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        check = page.locator("details.check:target")
        summary = check.locator("summary").first
        assert in_view(summary)
        page.keyboard.press("Tab")
        assert summary.evaluate("e => e === document.activeElement"), "and can be unfolded"
        for _ in range(2):
            page.go_back()
        assert in_view(cell)
        cell.focus()
        page.keyboard.press("Enter")
        back.focus()
        page.keyboard.press("Enter")
        assert cell.evaluate("e => e.matches(':target')") and in_view(cell)


def in_view(locator) -> bool:
    return bool(
        locator.evaluate("e => {const b = e.getBoundingClientRect(); return b.top < innerHeight && b.bottom > 0}")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_without_script_every_link_inside_the_page_arrives_at_something_visible(visit, pages, kind) -> None:
    with visit(pages[kind, "ja"], java_script_enabled=False) as seen:
        for target in sorted(set(seen.page.evaluate(TARGETS))):
            seen.page.goto(f"{pages[kind, 'ja'].as_uri()}#{target}")
        assert seen.page.evaluate(f"({TARGETS})().filter(id => !document.getElementById(id).checkVisibility())") == []


@pytest.mark.parametrize("kind", KINDS)
def test_on_paper_all_that_is_folded_is_shown(visit, pages, kind) -> None:
    with visit(pages[kind, "en"]) as seen:
        seen.page.emulate_media(media="print")
        # The table behind a figure is left out on paper, where the figure itself stands; the audit prints it.
        left = "" if kind == "audit" else ":not(.behind, .behind *)"
        folded = f"[...document.querySelectorAll('details *{left}')].filter(e => !e.closest('svg, .hidden')"
        folded += " && !e.checkVisibility({contentVisibilityAuto: true})).map(e => e.outerHTML.slice(0, 120))"
        assert seen.page.evaluate(folded) == []
