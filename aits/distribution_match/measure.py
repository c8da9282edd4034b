"""Whether the test data are distributed like the training data, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Bars, DataTable, Finding, Histogram, Roles, Subject, Table, Undefined
from qmtestbed.measuring.columns import Kind, codes_of, kind_of, names_of, numbers_of
from qmtestbed.measuring.drawing import some
from qmtestbed.measuring.permutation import Deals, chance_limits, deal, distances
from qmtestbed.measuring.screening import rows_within

MOST_CELLS = 4_000_000
"""Cells of a table that are dealt: fewer rows where there are very many columns."""
FEWEST = 20
"""With fewer rows in a table, that no shift is clear of chance says nothing."""
MOST_BARS = 40
MOST_LINES = 200
BINS = 30
MOST_CLASSES = 20
"""Labels of up to so many different values are classes."""
OPEN = 0.01
"""A column in which more than this share of the training rows hold a value of their own has no closed set of values."""
MOST_NAMES = 10
"""So many columns that were not compared are named in a reason."""
NAMED = 5
"""A new category is named from so many rows on; a rarer one could tell about a single person."""

_Series = pd.Series  # of any values


def measure(
    data: Table, train: Table, *, permutations: int = 199, alpha: float = 0.005, rows: int = 10_000, seed: int = 0
) -> dict[str, Any] | Undefined:
    """Compare each column that both tables have; one that can't be compared is undefined, and so are the maxima.

    Parameters
    ----------
    data, train
        The table in question and the one to compare with; the label is one column more where both have one.
    permutations
        How often rows are dealt anew to see what chance explains.
    alpha
        How often chance may exceed the limit in any column.
    rows
        How many rows of each table the permutations take; the distances themselves take all.
    seed
        Of the rows taken and the permutations.

    Returns
    -------
    dict or Undefined
        Distances in [0, 1], 0 for equal distributions; undefined without rows or without a common column.

    Raises
    ------
    ValueError
        There are too few permutations for ``alpha``.
    """
    if not len(data.frame) or not len(train.frame):
        return Undefined("There are no rows to compare.")
    dealing = _dealing(data, train, permutations, rows, np.random.default_rng(seed))
    pairs, alone = _columns(data, train)
    columns = [_compare(name, *pair, dealing) for name, pair in pairs.items()]
    columns += [_apart(name, reason) for name, reason in alone.items()]
    compared = [c for c in columns if not c.reason]
    if not compared:
        return Undefined(columns[0].reason if pairs else "The tables have no column in common.")
    limits = dict(zip((c.name for c in compared), chance_limits((c.dealt for c in compared), alpha), strict=True))
    worst = sorted(compared, key=lambda c: limits[c.name] - c.shift)
    return {
        **_measures(columns, compared, limits, data.roles.label),
        "shifts": Bars([c.name for c in worst[:MOST_BARS]], [c.shift for c in worst[:MOST_BARS]]),
        "columns": _table(worst, [c for c in columns if c.reason], limits),
        **_histogram(worst, pairs),
        "findings": [finding for c in worst for finding in _findings(c, limits[c.name])],
    }


# -- what is compared -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Dealing:
    """Which rows of each table the permutations take, and how they are dealt."""

    ours: np.ndarray
    theirs: np.ndarray
    deals: Deals


def _dealing(data: Table, train: Table, permutations: int, rows: int, rng: np.random.Generator) -> _Dealing:
    tables = (data, train)
    rows = rows_within(rows, data.frame.shape[1], MOST_CELLS)
    taken = [some(len(t.frame), rows, rng) for t in tables]
    groups = None
    if all(t.roles.group in t.frame.columns for t in tables):
        groups = np.concatenate([names_of(t.frame[t.roles.group])[r] for t, r in zip(tables, taken, strict=True)])
    in_ours = np.arange(sum(map(len, taken))) < len(taken[0])
    return _Dealing(*taken, deal(in_ours, permutations, rng, groups))


def _columns(data: Table, train: Table) -> tuple[dict[str, tuple[_Series, _Series]], dict[str, str]]:
    """Give the columns that both tables have, the label last, and why others can't be compared."""
    ours, theirs = ([c for c in t.features.columns if c != t.roles.time] for t in (data, train))
    pairs = {str(c): (data.frame[c], train.frame[c]) for c in ours if c in theirs}
    alone = {str(c): _alone(c, "test", "training", train) for c in ours if c not in train.frame.columns}
    alone |= {str(c): _alone(c, "training", "test", data) for c in theirs if c not in data.frame.columns}
    label = data.roles.label
    if data.labels is not None and train.labels is not None and label and label not in alone:
        pairs[label] = _as_labels(data.labels, train.labels, data.roles)
    return pairs, alone


def _alone(column: Any, there: str, not_there: str, other: Table) -> str:
    if column == other.roles.label:
        return f"Column {str(column)!r} is the label of the {not_there} data, but not of the {there} data."
    return f"Column {str(column)!r} is in the {there} data only."


def _as_labels(ours: _Series, theirs: _Series, roles: Roles) -> tuple[_Series, _Series]:
    classes = len({*ours.dropna().unique(), *theirs.dropna().unique()}) <= MOST_CLASSES
    if roles.task == "regression" or (roles.task is None and not classes):
        return ours, theirs
    return pd.Series(names_of(ours), dtype=object), pd.Series(names_of(theirs), dtype=object)


# -- one column -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """How a column compares, or the reason why not; ``rows`` is of the smaller table, ``missing`` (test, training)."""

    name: str
    kind: str
    shift: float
    dealt: np.ndarray
    rows: int = 0
    missing: tuple[float, float] = (0.0, 0.0)
    mean_difference: float | Undefined | None = None
    new: float | None = None
    new_names: tuple[str, ...] = ()
    reason: str = ""


def _apart(name: str, reason: str) -> _Column:
    return _Column(name, "", 0.0, np.empty(0), reason=reason)


def _compare(name: str, ours: _Series, theirs: _Series, dealing: _Dealing) -> _Column:
    kinds = (kind_of(ours), kind_of(theirs))
    different = sorted({*kinds} - {"empty"})
    if len(different) > 1:
        reason = f"Column {name!r} holds {kinds[0]} in the test data and {kinds[1]} in the training data."
        return _apart(name, reason)
    kind: Kind = max(kinds, key=lambda k: k != "empty")
    ordered = kind not in ("categories", "empty")
    mine, yours = (numbers_of(s, kind) if ordered else names_of(s) for s in (ours, theirs))
    codes, size = codes_of([mine, yours], ordered=ordered)
    counts, known = (np.bincount(part, minlength=size) for part in (codes[: len(mine)], codes[len(mine) :]))
    values, taken = np.unique(codes[np.r_[dealing.ours, len(mine) + dealing.theirs]], return_inverse=True)
    return _Column(
        name,
        kind,
        shift=float(distances(counts, known, ordered=ordered)),
        dealt=dealing.deals.distances(taken, len(values), ordered=ordered),
        rows=min(len(mine), len(yours)),
        missing=(float(counts[0] / len(mine)), float(known[0] / len(yours))),
        mean_difference=_mean_difference(mine, yours) if kind == "numbers" else None,
        **({} if ordered else _new_categories(codes, counts, known, mine)),
    )


def _new_categories(codes: np.ndarray, counts: np.ndarray, known: np.ndarray, names: np.ndarray) -> dict[str, Any]:
    """Share of test rows whose category the training data lack, and the names of the most frequent of these.

    No share where the training data themselves say that new ones must be expected: the share of their rows with a
    value that occurs once estimates how often the next row brings a new one (Good and Turing).
    """
    if not known[1:].any() or (known[1:] == 1).sum() > OPEN * known.sum():
        return {}
    new = (known == 0) & (np.arange(len(known)) > 0)
    frequent = [int(c) for c in np.argsort(-counts, kind="stable") if new[c] and counts[c] >= NAMED][:3]
    shown = tuple(str(names[np.argmax(codes == c)]) for c in frequent)
    return {"new": float(counts[new].sum() / counts.sum()), "new_names": shown}


def _mean_difference(ours: np.ndarray, theirs: np.ndarray) -> float | Undefined:
    a, b = (x[np.isfinite(x)] for x in (ours, theirs))
    if len(a) < 2 or len(b) < 2:
        return Undefined("A mean needs two values in each table.")
    if min(a.min(), b.min()) == max(a.max(), b.max()):
        return 0.0
    largest = max(np.abs(a).max(), np.abs(b).max())  # scaled, so that no square overflows
    a, b = a / largest, b / largest
    spread = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    return float((a.mean() - b.mean()) / spread) if spread else Undefined("Neither table's values vary.")


def _clear(c: _Column, limit: float) -> float | Undefined:
    if c.shift > limit + 1e-9:
        return c.shift
    return 0.0 if c.rows >= FEWEST else Undefined(f"With {c.rows} rows in one of the tables chance explains any shift.")


# -- what is told ---------------------------------------------------------------------------------------------


def _measures(
    columns: Sequence[_Column], compared: Sequence[_Column], limits: Mapping[str, float], label: str | None
) -> dict[str, Any]:
    # What was not compared stands under its key in each measure: a criterion on all columns must not be met without it.
    apart = {c.name: Undefined(c.reason) for c in columns if c.reason}
    shift = {c.name: c.shift for c in compared} | apart
    excess = max(0.0, *(c.shift - float(limits[c.name]) for c in compared))
    return {
        "clear_shift": {c.name: _clear(c, float(limits[c.name])) for c in compared} | apart,
        "shift": shift,
        "chance_limit": {c.name: float(limits[c.name]) for c in compared} | apart,
        "max_shift": _not_compared(apart) if apart else max(c.shift for c in compared),
        "excess_shift": _not_compared(apart) if apart else excess,
        "label_shift": shift.get(label or "", Undefined("The two tables do not both have labels.")),
        "mean_difference": {c.name: c.mean_difference for c in compared if c.kind == "numbers"} | apart
        or Undefined("No column holds numbers."),
        "missing_difference": {c.name: abs(c.missing[0] - c.missing[1]) for c in compared} | apart,
        "new_categories": {c.name: c.new for c in compared if c.new is not None} | apart
        or Undefined("No column has a closed set of categories."),
    }


def _not_compared(apart: Mapping[str, Undefined]) -> Undefined:
    names = ", ".join(map(repr, list(apart)[:MOST_NAMES]))
    more = f" and {len(apart) - MOST_NAMES} more" if len(apart) > MOST_NAMES else ""
    return Undefined(f"The largest of all columns is unknown, as these could not be compared: {names}{more}.")


def _findings(c: _Column, limit: float) -> list[Finding]:
    found, subject = [], Subject(column=c.name)
    change = abs(c.missing[0] - c.missing[1])
    gaps = f"{c.missing[0]:.1%} of the test values are missing, {c.missing[1]:.1%} in training."
    if c.shift > limit + 1e-9:
        text = f"Column {c.name!r}: {_method(c)} {c.shift:.3f}; chance explains up to {limit:.3f}."
        if isinstance(c.mean_difference, float):
            text += f" The mean differs by {c.mean_difference:.2f} standard deviations."
        if change > limit:
            text += f" {gaps}"
            found.append(Finding("missing_values", subject, "missing_difference", change, f"Column {c.name!r}: {gaps}"))
        found.append(Finding("shift", subject, "clear_shift", c.shift, text))
    if c.new:
        named = f" ({', '.join(map(repr, c.new_names))})" if c.new_names else ""
        text = f"Column {c.name!r}: {c.new:.2%} of the test rows hold a category that the training data lack{named}."
        found.append(Finding("new_category", subject, "new_categories", c.new, text))
    return found


def _method(c: _Column) -> str:
    return "total variation" if c.kind in ("categories", "empty") else "Kolmogorov–Smirnov distance"


def _table(worst: Sequence[_Column], apart: Sequence[_Column], limits: Mapping[str, float]) -> DataTable:
    titles = "column;values;compared by;shift;chance limit;mean difference;missing in test;missing in training;new;note"
    lines: list[tuple[Any, ...]] = []
    for c in worst:
        means = c.mean_difference if isinstance(c.mean_difference, float) else None
        lines.append((c.name, c.kind, _method(c), c.shift, float(limits[c.name]), means, *c.missing, c.new, ""))
    lines += [(c.name, *[None] * 8, c.reason) for c in apart]
    more = [(f"({len(lines) - MOST_LINES} more)", *[None] * 8, "")] if len(lines) > MOST_LINES else []
    return DataTable(titles.split(";"), [*lines[:MOST_LINES], *more])


def _histogram(worst: Sequence[_Column], pairs: Mapping[str, tuple[_Series, _Series]]) -> dict[str, Histogram]:
    """Draw the column of numbers that shifted most; what lies outside the middle 98 % is in the outer bins."""
    for c in (c for c in worst if c.kind == "numbers"):
        samples = dict(zip(("test", "training"), (numbers_of(s, "numbers") for s in pairs[c.name]), strict=True))
        samples = {name: x[np.isfinite(x)] for name, x in samples.items()}
        if all(map(len, samples.values())):
            low, high = np.quantile(np.concatenate([*samples.values()]), [0.01, 0.99])
            edges = np.linspace(low, high, BINS + 1) if low < high else np.array([low - 0.5, low + 0.5])
            counts = {n: np.histogram(x.clip(edges[0], edges[-1]), edges)[0].tolist() for n, x in samples.items()}
            return {"most_shifted": Histogram(edges.tolist(), counts, x_title=c.name)}
    return {}
