"""Figures of several runs in one: intervals below one another on one axis, curves one over the other.

Each run has a letter, a marker and a colour of its own; the letter stands beside every interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qmtestbed.ait import Curve
from qmtestbed.render.charts import whisker
from qmtestbed.render.svg import WIDTH, Canvas, Scale, finite
from qmtestbed.render.text import Svg, width

MOST_GROUPS, MOST_ROWS = 12, 48
_STEP = 15.0


@dataclass(frozen=True)
class Interval:
    """A value of one run, the ``position``-th."""

    position: int
    letter: str
    value: float
    low: float | None = None
    high: float | None = None


def intervals(groups: Mapping[str, Sequence[Interval]], title: str) -> Svg | None:
    """Draw the values of all runs below one another, group by group; ``None`` where there are too many or none."""
    rows = [r for group in groups.values() for r in group]
    seen = [x for r in rows for x in (r.value, r.low, r.high) if x is not None and finite(x)]
    if not seen or len(groups) > MOST_GROUPS or len(rows) > MOST_ROWS:
        return None
    gutter = min(140.0, 34 + 6.4 * max(min(width(name), 18) for name in groups))
    scale = Scale.round(seen, gutter, WIDTH - 14, 5).inside(WIDTH)
    bottom = sum(_STEP * len(group) + 8 for group in groups.values()) + 4
    canvas = Canvas(WIDTH, bottom + 20, title)
    for at, label in scale.ticks(5):
        canvas.line((scale(at), 2), (scale(at), bottom), "grid")
        canvas.text(scale(at), bottom + 14, label, "axis middle")
    y = 6.0
    for name, group in groups.items():
        canvas.text(gutter - 24, y + _STEP * len(group) / 2 + 3.5, name, "end", room=18)
        for i, row in enumerate(group):
            _interval(canvas, scale, row, y + _STEP * (i + 0.5))
        y += _STEP * len(group) + 8
    return canvas.done()


def _interval(canvas: Canvas, scale: Scale, row: Interval, y: float) -> None:
    colour = f"s{row.position % 6}"
    canvas.text(scale.start - 10, y + 3.5, row.letter, "middle muted")
    if not finite(row.value):
        return
    if row.low is not None and row.high is not None and finite(row.low) and finite(row.high):
        whisker(canvas, (scale(row.low), scale(row.high)), y, 4, f"line {colour}")
    canvas.dot(scale(row.value), y, f"dot {colour}", row.position)


def curves(of_runs: Mapping[str, Curve]) -> Curve:
    """Put the lines of several runs, by letter, into one figure; a line that all of them have stands once."""
    common = [
        name
        for name, line in next(iter(of_runs.values())).series.items()
        if all(c.series.get(name) == line for c in of_runs.values())
    ]
    first = next(iter(of_runs.values()))
    lines = {
        f"{letter}: {name}": line
        for letter, c in of_runs.items()
        for name, line in c.series.items()
        if name not in common
    }
    shared = {name: first.series[name] for name in common}
    return Curve({**lines, **shared}, first.x_title, first.y_title)
