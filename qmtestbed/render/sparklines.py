"""A criterion over assessments in one small picture: values, intervals, and the limit of each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from qmtestbed.render.limits import Bound
from qmtestbed.render.svg import Canvas, Scale, finite
from qmtestbed.render.text import Svg
from qmtestbed.render.words import SYMBOLS

WIDTH, HEIGHT = 240.0, 56.0
_EDGE = 8.0
_SHAPES = {"met": 0, "not_met": 2, "undetermined": 1, "met_or_waived": 1}


@dataclass(frozen=True)
class Spot:
    """One assessment: what was found, and the limit it was judged by."""

    verdict: str
    title: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: Bound = (None, None)


def sparkline(spots: Sequence[Spot | None], title: str, span: Bound = (None, None)) -> Svg:
    """Draw assessments from left to right; ``None`` is one that did not judge it, and leaves a gap.

    A verdict without a number is drawn as its sign. The scale holds what is seen, and ``span``.
    """
    canvas = Canvas(WIDTH, HEIGHT, title, "chart spark")
    step = (WIDTH - 2 * _EDGE) / max(1, len(spots) - 1)
    xs = [WIDTH / 2] if len(spots) == 1 else [_EDGE + i * step for i in range(len(spots))]
    given = [x for s in spots if s for x in (s.value, s.low, s.high, *s.bound)]
    seen = [x for x in (*given, *span) if x is not None and finite(x)]
    scale = Scale.over(seen, HEIGHT - 6, 6) if seen else None
    if scale is not None:
        _limits(canvas, scale, spots, xs)
        _values(canvas, scale, spots, xs)
    for x, spot in zip(xs, spots, strict=True):
        if spot is None:
            continue
        if scale is None or spot.value is None or not finite(spot.value):
            canvas.text(x, HEIGHT / 2 + 4, SYMBOLS[spot.verdict], f"middle mark v-{spot.verdict}")
        else:
            canvas.dot(x, scale(spot.value), f"point v-{spot.verdict}", _SHAPES[spot.verdict], spot.title)
    return canvas.done()


def _limits(canvas: Canvas, scale: Scale, spots: Sequence[Spot | None], xs: Sequence[float]) -> None:
    """Shade the accepted side and draw the limit, in one piece for as long as it stays the same."""
    half = (xs[1] - xs[0]) / 2 if len(xs) > 1 else WIDTH / 2 - _EDGE
    placed = [(s.bound if s else None, x) for s, x in zip(spots, xs, strict=True)]
    for bound, group in itertools.groupby(placed, key=lambda p: p[0]):
        if bound is None or not any(map(finite, bound)):
            continue
        along = [x for _, x in group]
        start, end = max(0.0, along[0] - half), min(WIDTH, along[-1] + half)
        top = 0.0 if bound[1] is None else scale(bound[1])
        bottom = HEIGHT if bound[0] is None else scale(bound[0])
        canvas.rect(start, top, end - start, bottom - top, "zone")
        for x in bound:
            if x is not None and finite(x):
                canvas.line((start, scale(x)), (end, scale(x)), "limit")


def _values(canvas: Canvas, scale: Scale, spots: Sequence[Spot | None], xs: Sequence[float]) -> None:
    placed = [(x, s) if s and s.value is not None and finite(s.value) else None for x, s in zip(xs, spots, strict=True)]
    for there, group in itertools.groupby(placed, key=lambda p: p is not None):
        run = [(p[0], scale(p[1].value)) for p in group if p is not None and p[1].value is not None]
        if there and len(run) > 1:
            canvas.path(run, "line s5")
    for p in placed:
        if p is not None:
            _interval(canvas, scale, *p)


def _interval(canvas: Canvas, scale: Scale, x: float, spot: Spot) -> None:
    if spot.low is not None and spot.high is not None and finite(spot.low) and finite(spot.high):
        canvas.line((x, scale(spot.low)), (x, scale(spot.high)), f"interval v-{spot.verdict}")
