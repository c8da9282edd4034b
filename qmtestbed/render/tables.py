"""The data table behind a figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qmtestbed.ait import (
    Bars,
    Coverage,
    Curve,
    DataTable,
    Histogram,
    Matrix,
    Prose,
    Resource,
    SampleImages,
    SampleRows,
)
from qmtestbed.render.context import Detail
from qmtestbed.render.model import TableView
from qmtestbed.render.text import clean, number
from qmtestbed.render.words import Words

Cell = str | float | int | bool | None


def table(resource: Resource, w: Words, detail: Detail) -> TableView | None:
    """Give the data of a resource as a table; ``None`` for prose."""
    if isinstance(resource, Prose):
        return None
    columns, rows, heads = _content(resource, w)
    names = columns[: detail.columns]
    blank: list[Cell] = [None] * len(names)
    kept = [[*row, *blank][: len(names)] for row in rows[: detail.rows]]  # a row of the wrong length breaks nothing
    return TableView(
        columns=tuple(clean(c, detail.cell) for c in names),
        rows=tuple(tuple(cell(c, w, detail.cell) for c in row) for row in kept),
        numeric=tuple(_numeric(row[j] for row in kept) for j in range(len(names))),
        heads=heads,
        rows_left=len(rows) - len(kept),
        columns_left=len(columns) - len(names),
    )


def cell(value: Cell, w: Words, limit: int) -> str:
    """Write one cell."""
    if isinstance(value, bool):
        return w("yes") if value else w("no")
    return clean(value, limit) if isinstance(value, str) else number(value, 6)


def _numeric(cells: Iterable[Cell]) -> bool:
    known = [c for c in cells if c is not None]
    return bool(known) and all(isinstance(c, (int, float)) and not isinstance(c, bool) for c in known)


def _content(resource: Resource, w: Words) -> tuple[Sequence[str], Sequence[Sequence[Cell]], bool]:
    if isinstance(resource, Matrix):
        corner = " \\ ".join(t for t in (resource.row_title, resource.column_title) if t)
        pairs = zip(resource.rows, resource.values, strict=False)
        return [corner, *resource.columns], [[label, *values] for label, values in pairs], True
    if isinstance(resource, Bars):
        return _bars(resource, w)
    if isinstance(resource, Curve):
        names = [w("table.series"), resource.x_title or "x", resource.y_title or "y"]
        return names, [[name, x, y] for name, line in resource.series.items() for x, y in line], False
    if isinstance(resource, Histogram):
        bins = zip(resource.edges, resource.edges[1:], strict=False)
        counts = zip(*resource.counts.values(), strict=False)
        names = [w("table.from"), w("table.to"), *resource.counts]
        return names, [[a, b, *c] for (a, b), c in zip(bins, counts, strict=False)], False
    if isinstance(resource, DataTable):
        return resource.columns, resource.rows, False
    if isinstance(resource, Coverage):
        corner = " \\ ".join(t for t in (resource.row_title, resource.column_title) if t)
        lines = zip(resource.rows, resource.counts, strict=False)
        return [corner, *resource.columns], [[name, *(_count(n, resource, w) for n in x)] for name, x in lines], True
    if isinstance(resource, SampleRows):
        parts = {w("sample.row"): resource.rows, **resource.beside, **resource.told, **resource.cells}
        return [*parts], [*zip(*parts.values(), strict=False)], False
    if isinstance(resource, SampleImages):
        return [w("sample.image"), w("sample.found")], [*zip(resource.rows, resource.captions, strict=False)], False
    raise TypeError(f"{type(resource).__name__} has no table")


def _count(n: int | None, c: Coverage, w: Words) -> Cell:
    if n is None:
        return w("coverage.cell.never")
    return w("coverage.cell.missing", n=f"{n:,}") if n < c.least else n


def _bars(b: Bars, w: Words) -> tuple[Sequence[str], Sequence[Sequence[Cell]], bool]:
    names = [w("table.label"), b.title or w("table.value")]
    parts: list[Sequence[Cell]] = [b.labels, b.values]
    for name, part in ((w("table.low"), b.low), (w("table.high"), b.high)):
        if part is not None:
            names.append(name)
            parts.append(part)
    return names, list(zip(*parts, strict=False)), True
