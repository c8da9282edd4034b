"""Intervals drawn against the limit they are judged by: the picture of "found, limit, how sure"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qmtestbed.render.charts import whisker
from qmtestbed.render.svg import WIDTH, Canvas, Scale, finite
from qmtestbed.render.text import Svg, width

Bound = tuple[float | None, float | None]


@dataclass(frozen=True)
class Row:
    """One value with its interval; ``verdict`` is set for the one that decides."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    verdict: str = ""
    mark: str = ""


def against_limit(rows: Sequence[Row], bound: Bound, span: Bound, title: str, limit: str) -> Svg | None:
    """Draw rows above one axis, with the accepted side shaded and the limit as a line.

    ``span`` is the range that the measure can take; the axis shows the part of it where something is.
    """
    scale = _scale(rows, bound, span, _gutter(rows), WIDTH - 14)
    if scale is None:
        return None
    scale = scale.inside(WIDTH)
    step = 22.0
    bottom = 20 + step * len(rows)
    canvas = Canvas(WIDTH, bottom + 22, title, "chart limit")
    _zone(canvas, scale, bound, (18, bottom))
    for at, label in scale.ticks(5):
        canvas.line((scale(at), bottom), (scale(at), bottom + 4), "tick")
        canvas.text(scale(at), bottom + 17, label, "axis middle")
    canvas.line((scale.start, bottom), (scale.end, bottom), "base")
    _limit_label(canvas, scale, bound, limit)
    for i, row in enumerate(rows):
        _row(canvas, scale, row, 18 + step * (i + 0.5), len(rows) > 1 or bool(row.label))
    return canvas.done()


def strip(row: Row, bound: Bound, span: Bound, title: str) -> Svg | None:
    """Draw the same in one line of a table: no axis, no words."""
    scale = _scale([row], bound, span, 4, 116)
    if scale is None:
        return None
    canvas = Canvas(120, 18, title, "chart strip")
    canvas.line((4, 15), (116, 15), "base")
    _zone(canvas, scale, bound, (1, 15))
    _row(canvas, scale, row, 8, False)
    return canvas.done()


def shares(parts: Sequence[tuple[float, str]], title: str) -> Svg:
    """Draw one bar divided in proportion to the amounts of ``(amount, class)``; stretches to any width."""
    canvas = Canvas(WIDTH, 18, title, "chart shares", stretch=True)
    total = sum(amount for amount, _ in parts)
    x = 0.0
    for amount, css in parts:
        across = WIDTH * amount / total if total else 0.0
        if across:
            canvas.rect(x, 0, max(across - 2, 1), 18, f"part {css}")
        x += across
    return canvas.done()


def _gutter(rows: Sequence[Row]) -> float:
    longest = max((min(width(r.label), 18) for r in rows), default=0)
    return min(140.0, 28 + 6.4 * longest) if longest else 14.0


def _scale(rows: Sequence[Row], bound: Bound, span: Bound, start: float, end: float) -> Scale | None:
    ends = [x for r in rows for x in (r.value, r.low, r.high)]
    seen = [x for x in (*ends, *bound) if x is not None and finite(x)]
    if not rows or not seen or not any(finite(r.value) for r in rows) or not any(map(finite, bound)):
        return None
    room = 0.15 * (max(seen) - min(seen)) or 0.1 * abs(seen[0]) or 0.5
    low, high = min(seen) - room, max(seen) + room
    if span[0] is not None and finite(span[0]):
        low = min(max(low, span[0]), min(seen))
    if span[1] is not None and finite(span[1]):
        high = max(min(high, span[1]), max(seen))
    return Scale.over([low, high], start, end)


def _zone(canvas: Canvas, scale: Scale, bound: Bound, span: tuple[float, float]) -> None:
    low = scale.low if bound[0] is None else bound[0]
    high = scale.high if bound[1] is None else bound[1]
    canvas.rect(scale(low), span[0], scale(high) - scale(low), span[1] - span[0], "zone")
    for x in bound:
        if x is not None and finite(x):
            canvas.line((scale(x), span[0] - 2), (scale(x), span[1]), "limit")


def _limit_label(canvas: Canvas, scale: Scale, bound: Bound, limit: str) -> None:
    at = [scale(x) for x in bound if x is not None and finite(x)]
    x = sum(at) / len(at)
    half = 3.4 * width(limit)
    css = "start" if x - half < 4 else "end" if x + half > WIDTH - 4 else "middle"
    place = 4.0 if css == "start" else WIDTH - 4 if css == "end" else x
    canvas.text(place, 11, limit, f"{css} strong", room=58)


def _row(canvas: Canvas, scale: Scale, row: Row, y: float, labelled: bool) -> None:
    kind = f"v-{row.verdict}" if row.verdict else "v-other"
    if labelled:
        canvas.text(scale.start - 8, y + 3.5, row.label, "end strong" if row.verdict else "end", room=18)
        if row.mark:
            canvas.text(2, y + 4, row.mark, f"start mark {kind}")
    if not finite(row.value):
        return
    if row.low is not None and row.high is not None and finite(row.low) and finite(row.high):
        whisker(canvas, (scale(row.low), scale(row.high)), y, 5, f"interval {kind}")
    shape = {"met": 0, "not_met": 2, "undetermined": 1}.get(row.verdict, 0)
    canvas.dot(scale(row.value), y, f"point {kind}", shape)
