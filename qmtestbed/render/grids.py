"""Charts that are grids: a matrix of numbers, and a map of which combinations occur."""

from __future__ import annotations

from qmtestbed.ait import Coverage, Matrix
from qmtestbed.render.svg import MOST, WIDTH, Canvas, Point, finite
from qmtestbed.render.text import Svg, number, width
from qmtestbed.render.words import Words

_CELLS = 2500
_NAMED = 40
"""Lines and columns up to which each is named."""

Box = tuple[float, float, float, float]


def matrix(m: Matrix, title: str, w: Words) -> Svg | None:
    """Draw a grid, darker for larger values; a cell without a value is crossed out."""
    down, across = len(m.rows), len(m.columns)
    if not down or not across or max(down, across) > MOST or down * across > _CELLS:
        return None
    named = max(down, across) <= 40
    gutter = min(110.0, 14 + 6.2 * max((min(width(r), 18) for r in m.rows), default=0)) if named else 24.0
    cell = (WIDTH - gutter - 1) / across
    turned = _turned(m, cell) if named else 0.0
    top = (22.0 + turned if turned else 34.0) if named else 22.0
    height = max(10.0 if named else 6.0, min(cell, 34.0)) if across > 1 else 26.0
    canvas = Canvas(WIDTH, top + height * down + 18, title)
    known = [abs(v) for row in m.values for v in row if v is not None and finite(v)]
    largest = max(known, default=0.0) or 1.0
    for i, j in ((i, j) for i in range(down) for j in range(across)):
        value = m.values[i][j] if i < len(m.values) and j < len(m.values[i]) else None
        _cell(canvas, (gutter + j * cell, top + i * height, cell, height), value, largest)
    if named:
        _labels(canvas, m, (gutter, top), (cell, height), bool(turned))
    canvas.text(gutter, 11, m.column_title or w("chart.columns"), "axis start")
    canvas.text(2, top + height * down + 13, m.row_title or w("chart.rows"), "axis start")
    return canvas.done()


def _cell(canvas: Canvas, box: tuple[float, float, float, float], value: float | None, largest: float) -> None:
    x, y, across, down = box
    if value is None or not finite(value):
        canvas.rect(x, y, across - 1, down - 1, "none")
        canvas.line((x, y + down - 1), (x + across - 1, y), "none")
        return
    canvas.shade(x, y, across - 1, down - 1, 0.04 + 0.6 * abs(value) / largest)
    label = number(value, 3)
    if across >= 7 * width(label) and down >= 12:
        canvas.text(x + across / 2 - 0.5, y + down / 2 + 3.5, label, "middle")


def _turned(m: Matrix | Coverage, cell: float) -> float:
    """Give the room above the grid for labels of columns that must stand on end to be read; 0 where they need not."""
    longest = max(width(label) for label in m.columns)
    return 6.6 * min(longest, 14) if 6.6 * longest > cell else 0.0


def _labels(canvas: Canvas, m: Matrix | Coverage, corner: Point, size: Point, turned: bool) -> None:
    (gutter, top), (cell, height) = corner, size
    small = "" if height >= 12 else " tiny"
    for i, label in enumerate(m.rows):
        canvas.text(gutter - 6, top + (i + 0.5) * height + 3.5, label, "end" + small, room=18)
    every = 1 if cell >= 11 else 2
    for j, label in enumerate(m.columns):
        at = gutter + (j + 0.5) * cell
        if not turned:
            canvas.text(at, top - 6, label, "middle", room=18)
        elif j % every == 0:
            canvas.text(at + 3.5, top - 5, label, "start", room=14, turn=True)


# -- coverage -------------------------------------------------------------------------------------------------


def coverage(c: Coverage, title: str, w: Words) -> Svg | None:
    """Draw which combinations occur: darker for more rows, crossed out where one is missing, a dash where none can be.

    A cross in a heavy frame stands for what is missing, a dash in a dotted frame for what can't occur, so that neither
    needs a colour.
    """
    down, across = len(c.rows), len(c.columns)
    if not down or not across or max(down, across) > _NAMED:
        return None
    gutter = min(130.0, 14 + 6.2 * max(min(width(r), 18) for r in c.rows))
    cell = (WIDTH - gutter - 1) / across
    turned = _turned(c, cell)
    top = 22.0 + turned if turned else 34.0
    height = max(14.0, min(cell, 30.0))
    bottom = top + height * down
    canvas = Canvas(WIDTH, bottom + 18 + 3 * 18, title)
    largest = max((n for line in c.counts for n in line if n is not None), default=0) or 1
    for i, j in ((i, j) for i in range(down) for j in range(across)):
        count = c.counts[i][j] if i < len(c.counts) and j < len(c.counts[i]) else None
        _combination(canvas, (gutter + j * cell, top + i * height, cell - 1, height - 1), count, c.least, largest)
    _labels(canvas, c, (gutter, top), (cell, height), bool(turned))
    canvas.text(gutter, 11, c.column_title or w("chart.columns"), "axis start")
    canvas.text(2, bottom + 13, c.row_title or w("chart.rows"), "axis start")
    legend = (largest, w("coverage.there")), (0, _missing(c, w)), (None, w("coverage.never"))
    for k, (count, text) in enumerate(legend):
        y = bottom + 22 + 18 * k
        _combination(canvas, (gutter, y, 24.0, 13.0), count, c.least, largest, named=False)
        canvas.text(gutter + 32, y + 10, text, "start", room=int((WIDTH - gutter - 32) / 6))
    return canvas.done()


def _missing(c: Coverage, w: Words) -> str:
    return w("coverage.missing", n=f"{c.least:,}") if c.least > 1 else w("coverage.missing.one")


def _combination(canvas: Canvas, box: Box, count: int | None, least: int, largest: int, *, named: bool = True) -> None:
    x, y, across, down = box
    if count is None:
        canvas.rect(x, y, across, down, "never")
        middle = x + across / 2
        canvas.line((middle - 4, y + down / 2), (middle + 4, y + down / 2), "never dash")
        return
    if count < least:
        canvas.line((x, y), (x + across, y + down), "missing")
        canvas.line((x, y + down), (x + across, y), "missing")
        canvas.rect(x + 0.5, y + 0.5, max(0.0, across - 1), max(0.0, down - 1), "missing")
        return
    canvas.shade(x, y, across, down, 0.06 + 0.58 * count / largest)
    label = f"{count:,}"
    if named and across >= 6.4 * len(label) + 2:
        canvas.text(x + across / 2, y + down / 2 + 4, label, "middle")
