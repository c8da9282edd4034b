"""Figures drawn from typed resources. Measuring and drawing are apart: nothing here computes a verdict.

Every chart can be read without colour: series differ by dash and marker, verdicts by symbol, and a data table stands
behind each. More than :data:`qmtestbed.render.svg.MOST` bars, labels or cells to a side are not drawn; the table has
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qmtestbed.ait import Bars, Coverage, Curve, Histogram, Matrix, Resource, SampleImages
from qmtestbed.render.grids import coverage, matrix
from qmtestbed.render.pictures import images
from qmtestbed.render.svg import MOST, WIDTH, Canvas, Point, Scale, finite, half_width
from qmtestbed.render.text import Svg, number, width
from qmtestbed.render.words import Words

POINTS = 1000


def draw(resource: Resource, title: str, w: Words) -> Svg | None:
    """Draw a resource; ``None`` where the table alone is to be shown."""
    if isinstance(resource, Matrix):
        return matrix(resource, title, w)
    if isinstance(resource, Bars):
        return bars(resource, title, w)
    if isinstance(resource, Curve):
        return curve(resource, title)
    if isinstance(resource, Histogram):
        return histogram(resource, title, w)
    if isinstance(resource, Coverage):
        return coverage(resource, title, w)
    if isinstance(resource, SampleImages):
        return images(resource, title, w)
    return None


# -- bars -----------------------------------------------------------------------------------------------------


def bars(b: Bars, title: str, w: Words) -> Svg | None:
    """Draw one horizontal bar per label from zero, with its interval as a line across its end."""
    n = len(b.labels)
    if not n or n > MOST:
        return None
    row = 22.0 if n <= 40 else 13.0
    known = [v for part in (b.values, b.low or (), b.high or ()) for v in part if v is not None and finite(v)]
    gutter = min(130.0, 12 + 6.2 * max(min(width(x), 20) for x in b.labels))
    written = max((min(width(number(v)), 10) for v in b.values if v is not None and finite(v)), default=0)
    scale = Scale.round([0.0, *known], gutter, WIDTH - max(50.0, 10 + 6.4 * written), 4)
    canvas = Canvas(WIDTH, row * n + 24, title)
    for at, label in scale.ticks(4):
        canvas.line((scale(at), 2), (scale(at), row * n + 4), "grid")
        canvas.text(scale(at), row * n + 18, label, "axis middle")
    for i, label in enumerate(b.labels):
        y = 4 + row * i
        canvas.text(gutter - 6, y + row / 2 + 3, label, "end" if row > 20 else "end tiny", room=20)
        _bar(canvas, scale, b, i, (y, row), w)
    canvas.line((scale(0.0), 2), (scale(0.0), row * n + 4), "zero")
    return canvas.done()


def _at(values: Sequence[float | None] | None, i: int) -> float | None:
    value = values[i] if values is not None and i < len(values) else None
    return value if finite(value) else None


def _bar(canvas: Canvas, scale: Scale, b: Bars, i: int, place: tuple[float, float], w: Words) -> None:
    y, row = place
    value, low, high = _at(b.values, i), _at(b.low, i), _at(b.high, i)
    if value is None:
        canvas.text(scale(0.0) + 6, y + row / 2 + 3, w("no_value"), "muted start")
        return
    left, right = sorted((scale(0.0), scale(value)))
    canvas.rect(left, y + row * 0.2, right - left, row * 0.6, "bar")
    end = right
    if low is not None and high is not None:
        whisker(canvas, (scale(low), scale(high)), y + row / 2, row * 0.18, "whisker")
        end = max(end, scale(high))
    canvas.text(end + 6, y + row / 2 + 3, number(value), "start" if row > 20 else "start tiny", room=10)


def whisker(canvas: Canvas, ends: tuple[float, float], y: float, cap: float, css: str) -> None:
    """Draw an interval: a line with a cap at each end."""
    low, high = ends
    canvas.line((low, y), (high, y), css)
    canvas.line((low, y - cap), (low, y + cap), css)
    canvas.line((high, y - cap), (high, y + cap), css)


# -- curve and histogram --------------------------------------------------------------------------------------


class _Frame:
    """The box of an x–y chart: grid, ticks, axis titles, and the legend below."""

    def __init__(self, title: str, x: Sequence[float], y: Sequence[float], names: Sequence[str]) -> None:
        self.bottom = 190.0
        legend = 17.0 * len(names) if len(names) > 1 else 0.0
        self.canvas = Canvas(WIDTH, self.bottom + 44 + legend, title)
        self.y = Scale.round(y, self.bottom, 20, 4)
        self.left = max(46.0, 10 + 2 * max(half_width(label) for _, label in self.y.ticks(4)))
        self.x = Scale.over(x, self.left, WIDTH - 12).inside(WIDTH)
        for at, label in self.x.ticks(5):
            self.canvas.line((self.x(at), 20), (self.x(at), self.bottom), "grid")
            self.canvas.text(self.x(at), self.bottom + 15, label, "axis middle")
        for at, label in self.y.ticks(4):
            self.canvas.line((self.left, self.y(at)), (self.x.end, self.y(at)), "grid")
            self.canvas.text(self.left - 6, self.y(at) + 3.5, label, "axis end")

    def titles(self, x_title: str, y_title: str) -> None:
        """Name the axes."""
        middle = (self.left + self.x.end) / 2
        room = int(2 * min(middle, WIDTH - middle) / 6.8)
        self.canvas.text(middle, self.bottom + 31, x_title, "muted middle", room=room)
        self.canvas.text(2, 11, y_title, "muted start", room=56)

    def legend(self, names: Sequence[str], mark: Callable[[float, int], None]) -> None:
        """List the series below; ``mark(y, i)`` draws the sample of series ``i``."""
        if len(names) > 1:
            for i, name in enumerate(names):
                y = self.bottom + 50 + 17 * i
                mark(y, i)
                self.canvas.text(82, y + 3.5, name, "start", room=46)


def curve(c: Curve, title: str) -> Svg | None:
    """Draw named lines; each has its own dash and marker. A point that is not finite breaks the line."""
    names = list(c.series)
    points = [[p for p in c.series[n] if finite(p[0]) and finite(p[1])] for n in names]
    flat = [p for line in points for p in line]
    if not flat or len(names) > 12:
        return None
    frame = _Frame(title, [p[0] for p in flat], [p[1] for p in flat], names)
    for i, name in enumerate(names):
        _line(frame, c.series[name], i)
    frame.titles(c.x_title, c.y_title)

    def mark(y: float, i: int) -> None:
        frame.canvas.line((46, y), (74, y), f"line s{i % 6} d{i % 4}")
        frame.canvas.dot(60, y, f"dot s{i % 6}", i)

    frame.legend(names, mark)
    return frame.canvas.done()


def _line(frame: _Frame, series: Sequence[Point], i: int) -> None:
    step = -(-len(series) // POINTS)
    kept = [p for k, p in enumerate(series) if k % step == 0 or k == len(series) - 1]
    run: list[Point] = []
    for p in [*kept, (float("nan"), 0.0)]:
        if finite(p[0]) and finite(p[1]):
            run.append((frame.x(p[0]), frame.y(p[1])))
        elif run:
            frame.canvas.path(run, f"line s{i % 6} d{i % 4}")
            run = []
    if len(kept) <= 40:
        for x, y in (p for p in kept if finite(p[0]) and finite(p[1])):
            frame.canvas.dot(frame.x(x), frame.y(y), f"dot s{i % 6}", i)


def histogram(h: Histogram, title: str, w: Words) -> Svg | None:
    """Draw counts per bin as outlines; several series are drawn as shares, so that their sizes can differ."""
    edges = [float(e) for e in h.edges]
    names = list(h.counts)
    if len(edges) < 2 or len(edges) > MOST + 1 or not names or len(names) > 6 or not all(map(finite, edges)):
        return None
    heights = [_shares(h.counts[n]) if len(names) > 1 else [float(v) for v in h.counts[n]] for n in names]
    flat = [v for series in heights for v in series if finite(v)]
    frame = _Frame(title, edges, [0.0, *flat], names)
    for i, series in enumerate(heights):
        floor, outline = frame.y(0.0), [(frame.x(edges[0]), frame.y(0.0))]
        for left, right, value in zip(edges, edges[1:], series, strict=False):
            top = frame.y(value) if finite(value) else floor
            outline += [(frame.x(left), top), (frame.x(right), top)]
        outline.append((outline[-1][0], floor))
        frame.canvas.path(outline, f"area s{i} d{i % 4}")
    frame.titles(h.x_title, w("chart.share") if len(names) > 1 else w("chart.count"))
    frame.legend(names, lambda y, i: frame.canvas.rect(46, y - 5, 28, 10, f"area s{i} d{i % 4}"))
    return frame.canvas.done()


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(v for v in counts if finite(v)) or 1.0
    return [v / total if finite(v) else 0.0 for v in counts]
