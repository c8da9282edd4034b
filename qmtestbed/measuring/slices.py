"""Slices of a table that people can read, such as ``age > 61`` or ``city = Kyoto``, and the search for the worst one.

A column is cut into pieces: numbers and times into about ten ranges of like size, categories into their values. A
slice is a piece, a run of neighbouring ranges, or two of these in two columns together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy

from qmtestbed.measuring.columns import Kind, kind_of, names_of, numbers_of

__all__ = ["Pieces", "Search", "Slice", "cut", "worst_slices"]

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
Truths = NDArray[np.bool_]

RANGES = 10
MOST_VALUES = 40
"""So many of a column's categories, the most frequent ones, are pieces."""
LARGEST = 0.6
"""A slice holds no larger share of the rows; what is weak in more than that is no slice."""


# -- columns in pieces ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pieces:
    """A column cut into pieces: first ``ranges`` ranges in order, then values that stand alone.

    Attributes
    ----------
    name, kind
        Of the column.
    edges
        Inner edges of the ranges, one fewer than these; a range goes up to and including its upper edge.
    values
        Names of the pieces that are values; ``None`` is missing.
    codes
        (rows,) 1 + the number of the row's piece; 0 where it is in none.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...]
    values: tuple[str | None, ...]
    codes: Codes

    @property
    def ranges(self) -> int:
        """How many pieces are ranges."""
        return 0 if self.kind == "categories" else len(self.edges) + 1

    @property
    def count(self) -> int:
        """How many pieces there are."""
        return self.ranges + len(self.values)

    def place(self, column: pd.Series[Any]) -> Codes | None:
        """Give the codes of another column that is cut alike; ``None`` where its values are of another kind."""
        kind = "categories" if _named(column) else kind_of(column)
        if kind not in (self.kind, "empty"):
            return None
        if kind == "categories":
            return _by_name(names_of(column), self.values)
        return _by_size(numbers_of(column, self.kind), self.edges, missing=bool(self.values))

    def coarse(self) -> Pieces:
        """Join ranges two and two, for slices of two columns."""
        if self.ranges < 4:
            return self
        kept = self.edges[1::2]
        place = [0, *(1 + min(i // 2, len(kept)) for i in range(self.ranges))]
        place += [len(kept) + 2 + i for i in range(len(self.values))]
        return replace(self, edges=kept, codes=np.array(place, dtype=np.uint8)[self.codes])

    def runs(self) -> list[tuple[int, int]]:
        """Give all slices of this column: the first and last piece of each."""
        longest = max(self.ranges - 1, 1)
        found = [(a, b) for a in range(self.ranges) for b in range(a, min(a + longest, self.ranges))]
        return found + [(i, i) for i in range(self.ranges, self.count)]

    def text(self, first: int, last: int) -> str:
        """Say which rows are in the pieces ``first`` to ``last``."""
        if first >= self.ranges:
            value = self.values[first - self.ranges]
            return f"{self.name} is missing" if value is None else f"{self.name} = {value}"
        low = self._spell(self.edges[first - 1]) if first else ""
        high = self._spell(self.edges[last]) if last < self.ranges - 1 else ""
        if low and high:
            return f"{low} < {self.name} <= {high}"
        return f"{self.name} > {low}" if low else f"{self.name} <= {high}" if high else f"{self.name} is not missing"

    def _spell(self, edge: float) -> str:
        if self.kind == "times":
            return str(pd.Timestamp(edge, unit="s")).removesuffix(" 00:00:00")
        return str(pd.Timedelta(edge, unit="s")) if self.kind == "durations" else f"{edge:.15g}"


def cut(column: pd.Series[Any], name: str, by: Truths, min_rows: int) -> Pieces | str:
    """Cut a column into pieces by the values in some of its rows.

    Parameters
    ----------
    column, name
        (rows,) any values, and what to call them. Truth values are cut like categories.
    by
        (rows,) which rows say where to cut.
    min_rows
        A value with fewer rows of these is no piece.

    Returns
    -------
    Pieces or str
        Or why there are no two pieces.
    """
    kind: Kind = "categories" if _named(column) else kind_of(column)
    if kind == "empty":
        return "it is empty"
    edges: tuple[float, ...] = ()
    values: tuple[str | None, ...] = ()
    if kind == "categories":
        names = names_of(column)
        values = _frequent(names[by], min_rows)
        codes = _by_name(names, values)
    else:
        x = numbers_of(column, kind)
        known = ~np.isnan(x)
        edges = _edges(np.sort(x[by & known]), min_rows, kind)
        values = (None,) if int((by & ~known).sum()) >= min_rows else ()
        codes = _by_size(x, edges, missing=bool(values))
    pieces = Pieces(name, kind, edges, values, codes)
    return pieces if pieces.count > 1 else f"no two values or ranges of it have {min_rows} rows"


def _named(column: pd.Series[Any]) -> bool:
    return kind_of(column) == "categories" or pd.api.types.is_bool_dtype(column)


def _frequent(names: NDArray[np.object_], min_rows: int) -> tuple[str | None, ...]:
    codes, found = pd.factorize(names, use_na_sentinel=False)
    rows = np.bincount(codes, minlength=len(found))
    often = [i for i in np.argsort(-rows, kind="stable")[:MOST_VALUES] if rows[i] >= min_rows]
    return tuple(None if pd.isna(found[i]) else str(found[i]) for i in often)


def _by_name(names: NDArray[np.object_], values: Sequence[str | None]) -> Codes:
    codes, found = pd.factorize(names, use_na_sentinel=False)
    number = {value: i + 1 for i, value in enumerate(values)}
    return np.array([number.get(None if pd.isna(f) else f, 0) for f in found], dtype=np.uint8)[codes]


def _by_size(x: Floats, edges: Sequence[float], *, missing: bool) -> Codes:
    codes = np.searchsorted(np.array(edges, dtype=float), x, side="left") + 1
    return np.where(np.isnan(x), len(edges) + 2 if missing else 0, codes).astype(np.uint8)


def _edges(ordered: Floats, min_rows: int, kind: Kind) -> tuple[float, ...]:
    """Give inner edges, short to write, that part (rows,) sorted values into ranges of about like size."""
    n = len(ordered)
    ranges = min(RANGES, n // max(min_rows // 2, 1))
    if ranges < 2:
        return ()
    at = np.unique(ordered[np.ceil(np.arange(1, ranges) / ranges * n).astype(int) - 1])
    at = at[at < ordered[-1]]
    # An edge may lie a little above the quantile, if it is shorter to write there, but not beyond the next one.
    beyond = ordered[np.minimum(np.searchsorted(ordered, at, side="right") + n // 100, n - 1)]
    following = np.minimum(beyond, np.append(at[1:], ordered[-1]))
    return tuple(_short(a, b, kind) for a, b in zip(at.tolist(), following.tolist(), strict=True))


def _short(low: float, high: float, kind: Kind) -> float:
    """Give the number that is shortest to write, with ``low <= number < high``."""
    if kind in ("times", "durations"):
        found = (math.ceil(low / unit) * unit for unit in (86_400.0, 3_600.0, 60.0, 1.0))
    else:
        between = [x for x in (low, (low + high) / 2) if math.isfinite(x)]
        found = (float(f"{x:.{digits}g}") for digits in range(16) for x in (between if digits else [0.0]))
    return next((x for x in found if low <= x < high), low)


# -- the search -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slice:
    """Rows that one condition, or two together, hold for."""

    conditions: tuple[tuple[Pieces, int, int], ...]

    @property
    def text(self) -> str:
        """Conditions as people write them."""
        return " and ".join(pieces.text(first, last) for pieces, first, last in self.conditions)

    @property
    def rows(self) -> Truths:
        """(rows,) which rows are inside."""
        return self._inside([p.codes for p, _, _ in self.conditions])

    def rows_of(self, frame: pd.DataFrame) -> Truths | None:
        """Give which rows of another table are inside; ``None`` where it has no such column of that kind."""
        named = {str(c): frame[c] for c in frame.columns}
        codes = [p.place(named[p.name]) if p.name in named else None for p, _, _ in self.conditions]
        found = [c for c in codes if c is not None]
        return self._inside(found) if len(found) == len(codes) else None

    def _inside(self, codes: Sequence[Codes]) -> Truths:
        inside = [(c > first) & (c <= last + 1) for c, (_, first, last) in zip(codes, self.conditions, strict=True)]
        return np.asarray(np.all(inside, axis=0))


@dataclass(frozen=True)
class Search:
    """What is searched, and where.

    Attributes
    ----------
    found, expected
        (rows,) whether each row is a hit, and the probability of that where no slice is worse than others.
    weights
        (rows,) positive.
    here, there
        (rows,) in which rows the search looks, and in which others it must leave rows to look at afterwards; of the
        latter it takes numbers of rows only.
    min_rows
        A slice holds at least so many rows of each.
    """

    found: Truths
    expected: Floats
    weights: Floats
    here: Truths
    there: Truths
    min_rows: int

    def without(self, rows: Truths) -> Search:
        """Leave rows out."""
        return replace(self, here=self.here & ~rows, there=self.there & ~rows)


def worst_slices(columns: Sequence[Pieces], search: Search, most: int, paired: int) -> tuple[list[Slice], int]:
    """Find the slices in which hits exceed what was expected most clearly, one after the other.

    Each is the one of the largest log likelihood ratio of its number of hits, less the logarithm of how many slices of
    its kind (of one column, of two) there are, so that the simpler one is taken where two columns say little more than
    one. Rows of a slice that was found are left out from then on, so that nothing is told twice.

    Parameters
    ----------
    columns
        Each with the rows of the search.
    search
        What to look at.
    most
        How many slices to find.
    paired
        So many columns, those in which a slice stands out most, are taken two and two.

    Returns
    -------
    slices, searched
        In the order in which they were found, fewer if no others have rows enough; and among how many of them.
    """
    chosen: list[Slice] = []
    single = [_Grid((_axis(p),)) for p in columns]
    ranked = [float(g.gains(search).max(initial=-math.inf)) for g in single]
    first = sorted(range(len(columns)), key=lambda i: -ranked[i])[:paired]
    axes = [_axis(columns[i].coarse()) for i in sorted(first)]
    double = [_Grid((a, b)) for a, b in combinations(axes, 2)]
    sizes = [sum(g.size for g in grids) for grids in (single, double)]
    while len(chosen) < most:
        best, gain = None, -math.inf
        for grids, size in zip((single, double), sizes, strict=True):
            for grid in grids:
                gains = grid.gains(search) - math.log(max(size, 1))
                if (top := float(gains.max(initial=-math.inf))) > gain:
                    gain, best = top, grid.slice_at(int(gains.argmax()))
        if best is None:
            break
        chosen.append(best)
        search = search.without(best.rows)
    return chosen, sum(sizes)


@dataclass(frozen=True)
class _Axis:
    """A column with its slices: (slices, 1 + pieces) which piece is in which, and (slices, 2) first and last piece."""

    pieces: Pieces
    holds: Floats
    runs: NDArray[np.intp]


def _axis(pieces: Pieces) -> _Axis:
    runs = np.array(pieces.runs(), dtype=np.intp).reshape(-1, 2)
    at = np.arange(-1, pieces.count)
    return _Axis(pieces, ((at >= runs[:, :1]) & (at <= runs[:, 1:])).astype(float), runs)


@dataclass(frozen=True)
class _Grid:
    """All slices of a column, or of two."""

    axes: tuple[_Axis, ...]

    @property
    def size(self) -> int:
        return math.prod(len(a.runs) for a in self.axes)

    def gains(self, search: Search) -> Floats:
        """Log likelihood ratio of each slice, flat; 0 without excess, minus infinity for too few rows or too many."""
        here, there = np.flatnonzero(search.here), np.flatnonzero(search.there)
        cells, w = self._cells(here), search.weights[here]
        hits, expected = (self._sums(cells, w * x[here]) for x in (search.found, search.expected))
        rows, others = self._sums(cells), self._sums(self._cells(there))
        n = rows if (w == 1).all() else self._sums(cells, w)
        fits = (rows >= search.min_rows) & (others >= search.min_rows) & (rows <= LARGEST * len(w))
        worse = hits > expected
        expected = np.clip(expected, 1e-9, np.maximum(n - 1e-9, 1e-9))
        rest = np.maximum(n - hits, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            gains = xlogy(hits, hits / expected) + xlogy(rest, rest / (n - expected))
        return np.where(fits, np.where(worse, gains, 0.0), -np.inf)

    def _cells(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Number the pieces of each row, of all columns together."""
        flat = self.axes[0].pieces.codes[rows].astype(np.intp)
        for axis in self.axes[1:]:
            flat = flat * (axis.pieces.count + 1) + axis.pieces.codes[rows]
        return flat

    def _sums(self, cells: NDArray[np.intp], x: Floats | None = None) -> Floats:
        """Sum over the rows of each slice."""
        shape = [a.pieces.count + 1 for a in self.axes]
        table = np.bincount(cells, weights=x, minlength=math.prod(shape)).astype(float).reshape(shape)
        for axis in self.axes:
            table = np.tensordot(table, axis.holds, axes=(0, 1))  # the first axis goes, its slices come last
        return np.asarray(table).ravel()

    def slice_at(self, flat: int) -> Slice:
        """Give the slice of an entry of :meth:`gains`."""
        places = np.unravel_index(flat, [len(a.runs) for a in self.axes])
        runs = [(a.pieces, a.runs[int(i)]) for a, i in zip(self.axes, places, strict=True)]
        return Slice(tuple((pieces, int(run[0]), int(run[1])) for pieces, run in runs))
