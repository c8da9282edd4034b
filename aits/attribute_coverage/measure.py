"""How many of the combinations of attribute values occur in the data: t-way combinatorial coverage."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmtestbed.ait import Bars, Coverage, DataTable, Design, Finding, Subject, Table, Undefined
from qmtestbed.measuring.attributes import Attribute, attributes_of, exclusions_of
from qmtestbed.measuring.combinatorial import Feasible, tuple_counts

MOST_TUPLES = 200_000
MOST_BARS = 40
MOST_LINES = 200
MOST_FINDINGS = 50
MOST_DRAWN = 40
"""Values to a side of the map of one tuple."""
NAMED = 5
"""An undeclared value is named where so many rows hold it; a rarer one could tell about a single person."""
_ABOUT = ("total_coverage", "tuple_coverage", "missing_count")
"""A missing combination speaks of each of these, whichever the plan has a criterion on."""


def measure(
    data: Table,
    design: Design | None = None,
    *,
    strength: int = 2,
    attributes: Sequence[str] = (),
    max_values: int = 10,
    min_count: int = 1,
    p: float = 0.75,
) -> dict[str, Any] | Undefined:
    """Count which combinations of values of ``strength`` attributes occur.

    Parameters
    ----------
    data
        The table; an attribute is a column, or the label.
    design
        Which attributes with which values there should be, and which combinations can't occur. Without, the values
        are those in the data.
    strength
        How many attributes are combined.
    attributes
        Combine these; without, those of the design, else every feature column of few different values.
    max_values
        How many are few.
    min_count
        From how many rows on a combination is covered.
    p
        From which share of its combinations on a tuple of attributes counts for ``completeness``.

    Returns
    -------
    dict or Undefined
        Shares in [0, 1], 1 if every allowed combination occurs; undefined without an allowed combination of so many
        attributes, and all of it without rows.

    Raises
    ------
    ValueError
        An attribute is no column, an exclusion names what is not declared, or there are too many combinations.
    """
    if not len(data.frame):
        return Undefined("The table has no rows.")
    chosen, left_out = attributes_of(data, design, attributes, max_values)
    if (tuples := math.comb(len(chosen), strength)) > MOST_TUPLES:
        raise ValueError(f"{tuples:,} tuples of attributes are too many; lower the strength, or name fewer attributes")
    feasible, exclusions = _rules(design, chosen)
    tally = _count(chosen, feasible, strength, min_count)
    return {
        **_coverage(tally, strength, p),
        "attribute_count": len(chosen),
        **_against_design(design, chosen, exclusions),
        "missing_combinations": _table(tally),
        "coverage_by_tuple": _bars(tally),
        **_map(tally, min_count),
        "attributes": _overview(chosen, left_out),
        "findings": [*_missing(tally), *_undeclared(chosen), *_impossible(chosen, exclusions)],
    }


def _coverage(tally: _Tally, strength: int, p: float) -> dict[str, Any]:
    shares = [share for _, share in tally.coverage]
    n = len(shares)
    reason = "The design leaves no combination that can occur."
    if len(tally.chosen) < strength:
        reason = f"Combining {strength} attributes needs as many; there are {len(tally.chosen)}."
    none = Undefined(reason)
    return {
        "total_coverage": tally.covered / tally.allowed if n else none,
        "tuple_coverage": sum(share == 1 for share in shares) / n if n else none,
        "completeness": sum(share >= p - 1e-12 for share in shares) / n if n else none,
        "lowest_coverage": min(shares) if n else none,
        "missing_count": tally.allowed - tally.covered if n else none,
        "smallest_case": tally.smallest if n else none,
    }


def _rules(design: Design | None, chosen: Sequence[Attribute]) -> tuple[Feasible, list[dict[int, int]]]:
    """Give what can occur, and the exclusions that speak of chosen attributes only, by their positions.

    Attributes of the design that are not combined come after the others: an exclusion on them can rule out values of
    those that are.
    """
    if design is None:
        return Feasible([len(a.values) for a in chosen], []), []
    names = [a.name for a in chosen]
    others = [name for name in design.attributes if name not in names]
    exclusions = exclusions_of(design, names + others)
    sizes = [len(a.values) for a in chosen] + [len(design.attributes[name]) for name in others]
    return Feasible(sizes, exclusions), [e for e in exclusions if max(e) < len(chosen)]


# -- combinations ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tuple:
    """One tuple of attributes: rows of each combination, and which are allowed."""

    attributes: tuple[int, ...]
    counts: np.ndarray
    allowed: np.ndarray
    coverage: float


@dataclass
class _Tally:
    """What is counted over all tuples; ``coverage`` is of those with at least one allowed combination.

    ``listed`` holds texts, rows and the rows expected if attributes were independent: of values that are missing
    themselves (no rows expected), and of missing combinations of other values.
    """

    chosen: Sequence[Attribute]
    absent: Sequence[np.ndarray]
    smallest: int
    allowed: int = 0
    covered: int = 0
    coverage: list[tuple[str, float]] = field(default_factory=list)
    listed: list[tuple[str, int, float]] = field(default_factory=list)
    floor: float = -1.0  # what is expected less often will not be among the first
    lowest: _Tuple | None = None

    def keep_lowest(self, one: _Tuple) -> None:
        """Keep the tuple with the lowest coverage, the first of several, of those that can be drawn."""
        across = one.counts.shape[-1]
        if max(one.counts.size // across, across) <= MOST_DRAWN and (
            self.lowest is None or one.coverage < self.lowest.coverage
        ):
            self.lowest = one

    def note(self, attributes: Sequence[int], counts: np.ndarray, missing: np.ndarray) -> None:
        """List missing combinations of one tuple, the most surprising first, but for those of a missing value."""
        n, cells = len(self.chosen[0].codes), np.argwhere(missing)
        shares = [self.chosen[a].rows[cells[:, k]] / n for k, a in enumerate(attributes)]
        implied = np.any([self.absent[a][cells[:, k]] for k, a in enumerate(attributes)], axis=0)
        expected = np.where(implied, -1.0, n * np.prod(shares, axis=0))
        kept = np.flatnonzero(expected > self.floor)
        for at in kept[np.argsort(-expected[kept], kind="stable")[:MOST_LINES]]:
            text = self.spell(dict(zip(attributes, cells[at], strict=True)))
            self.listed.append((text, int(counts[tuple(cells[at])]), float(expected[at])))
        if len(self.listed) > 10 * MOST_LINES:
            self.listed = self.first()
            self.floor = self.listed[-1][2]

    def first(self) -> list[tuple[str, int, float]]:
        """Give the first of the list: missing values, then what independent attributes would show most often."""
        return sorted(self.listed, key=lambda line: (-line[2], line[0]))[:MOST_LINES]

    def spell(self, cell: Mapping[int, Any]) -> str:
        """Write a combination."""
        return ", ".join(f"{self.chosen[a].name}={self.chosen[a].values[v]}" for a, v in cell.items())


def _count(chosen: Sequence[Attribute], feasible: Feasible, strength: int, min_count: int) -> _Tally:
    absent = [np.zeros(len(a.values), dtype=bool) for a in chosen]
    if strength > 1:
        absent = [(a.rows < min_count) & feasible.over((i,)) for i, a in enumerate(chosen)]
    tally = _Tally(chosen, absent, smallest=len(chosen[0].codes) if chosen else 0)
    for i, a in enumerate(chosen):
        tally.listed += [(tally.spell({i: v}), int(a.rows[v]), math.inf) for v in np.flatnonzero(absent[i])]
    for attributes, counts in tuple_counts([a.codes for a in chosen], [len(a.values) for a in chosen], strength):
        allowed = feasible.over(attributes)
        if not (n := int(allowed.sum())):
            continue
        missing = allowed & (counts < min_count)
        covered = n - int(missing.sum())
        tally.allowed, tally.covered = tally.allowed + n, tally.covered + covered
        tally.smallest = min(tally.smallest, int(counts[allowed].min()))
        tally.coverage.append((" × ".join(chosen[a].name for a in attributes), covered / n))
        tally.keep_lowest(_Tuple(attributes, counts, allowed, covered / n))
        if covered < n:
            tally.note(attributes, counts, missing)
    return tally


# -- what is told ---------------------------------------------------------------------------------------------


def _against_design(
    design: Design | None, chosen: Sequence[Attribute], exclusions: Sequence[Mapping[int, int]]
) -> dict[str, Any]:
    if design is None:
        none = Undefined("No design is given.")
        return {"undeclared_count": none, "excluded_count": none}
    hits = [_holding(chosen, exclusion) for exclusion in exclusions]
    return {
        "undeclared_count": {a.name: a.undeclared_rows for a in chosen if a.undeclared is not None}
        or Undefined("The design declares none of the attributes."),
        "excluded_count": int(np.any(hits, axis=0).sum()) if hits else 0,
    }


def _holding(chosen: Sequence[Attribute], cell: Mapping[int, int]) -> np.ndarray:
    return np.asarray(np.all([chosen[a].codes == v + 1 for a, v in cell.items()], axis=0))


def _missing(tally: _Tally) -> list[Finding]:
    found = []
    for text, rows, expected in tally.first()[:MOST_FINDINGS]:
        told = f"{text}: {rows} rows" if rows else f"{text}: no row"
        if math.isfinite(expected):
            told += f"; were the attributes independent, {expected:.3g} would be expected"
        found += [Finding("missing_combination", Subject(slice=text), name, rows, f"{told}.") for name in _ABOUT]
    return found


def _undeclared(chosen: Sequence[Attribute]) -> list[Finding]:
    found = []
    for a in chosen:
        if a.undeclared:
            often = sorted((-rows, value) for value, rows in a.undeclared.items() if rows >= NAMED)[:3]
            named = f", such as {', '.join(repr(value[:40]) for _, value in often)}" if often else ""
            text = f"Column {a.name!r}: {a.undeclared_rows} rows hold values that the design lacks{named}."
            found.append(Finding("new_category", Subject(column=a.name), "undeclared_count", a.undeclared_rows, text))
    return found


def _impossible(chosen: Sequence[Attribute], exclusions: Sequence[Mapping[int, int]]) -> list[Finding]:
    found = []
    for exclusion in exclusions:
        if rows := int(_holding(chosen, exclusion).sum()):
            text = ", ".join(f"{chosen[a].name}={chosen[a].values[v]}" for a, v in exclusion.items())
            told = f"{text}: {rows} rows hold what the design says can't occur."
            found.append(Finding("out_of_range", Subject(slice=text), "excluded_count", rows, told))
    return found


def _table(tally: _Tally) -> DataTable:
    lines = [(text, rows, expected if math.isfinite(expected) else None) for text, rows, expected in tally.first()]
    total = f"in all, {tally.allowed - tally.covered:,} of {tally.allowed:,} combinations are missing"
    return DataTable(("combination", "rows", "rows expected of independent attributes"), [*lines, (total, None, None)])


def _bars(tally: _Tally) -> Bars:
    worst = sorted(tally.coverage, key=lambda item: item[1])[:MOST_BARS]
    return Bars([name for name, _ in worst], [share for _, share in worst])


def _map(tally: _Tally, least: int) -> dict[str, Coverage]:
    """Draw one tuple: across the values of its last attribute, down those of the others together."""
    one = tally.lowest
    if one is None:
        return {}
    *others, last = (tally.chosen[a] for a in one.attributes)
    down = [", ".join(values) for values in itertools.product(*(a.values for a in others))] if others else ["rows"]
    pairs = zip(one.counts.ravel().tolist(), one.allowed.ravel().tolist(), strict=True)
    cells = [n if can else None for n, can in pairs]
    across = len(last.values)
    grid = [cells[i : i + across] for i in range(0, len(cells), across)]
    return {"lowest_tuple": Coverage(grid, down, last.values, ", ".join(a.name for a in others), last.name, least)}


def _overview(chosen: Sequence[Attribute], left_out: Mapping[str, str]) -> DataTable:
    lines: list[tuple[Any, ...]] = []
    for a in chosen:
        source = "data" if a.undeclared is None else "design"
        lines.append((a.name, len(a.values), source, a.missing, a.undeclared_rows, ""))
    lines += [(name, None, None, None, None, f"left out: {why}") for name, why in left_out.items()]
    titles = ("attribute", "values", "values from", "rows without a value", "rows with an undeclared value", "note")
    return DataTable(titles, lines[:MOST_LINES])
