"""Whether columns, labels and the model's error change along time inside one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln

from qmtestbed.ait import Bars, Curve, DataTable, Finding, Model, Subject, Table, Undefined, class_name
from qmtestbed.measuring.answers import is_classifier, true_answers
from qmtestbed.measuring.columns import codes_of, kind_of, names_of, numbers_of
from qmtestbed.measuring.permutation import chance_limits
from qmtestbed.measuring.timeline import Cuts, beyond_blocks, cut_in_time, in_time, times_of

FEWEST = 60
"""Rows needed; below, there is no early and late part to compare."""
BINS, BINS_IF_MANY = 32, 16
CUTS, CUTS_IF_MANY = 16, 8
MANY = 300
MOST_LINES = 50
MOST_BARS = 40
MOST_CLASSES = 20
NAMED = 5
"""A category is named from so many rows on; a rarer one could tell about a single person."""

Floats = np.ndarray


def measure(
    data: Table,
    model: Model | None = None,
    *,
    permutations: int = 999,
    alpha: float = 0.001,
    rows: int = 20_000,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Compare early with late rows in each column, at the cut in time where they differ most.

    Parameters
    ----------
    data
        With the role time: numbers, times, or text in the form of ISO 8601.
    model
        Its error is followed along time too, where the data have labels.
    permutations
        How often blocks of rows are put in another order to see what chance explains.
    alpha
        How often chance may exceed the limit in any column; and again for new categories, and for the error.
    rows
        How many rows are looked at.
    seed
        Of the rows taken, the order of rows of the same time, and the permutations.

    Returns
    -------
    dict or Undefined
        Distances in [0, 1], 0 where early and late rows are alike; undefined without two different times.

    Raises
    ------
    ValueError
        There are too few permutations for ``alpha``.
    """
    times = times_of(data)
    if isinstance(times, Undefined):
        return times
    rng = np.random.default_rng(seed)
    order = in_time(times, rows, rng)
    if len(order) < FEWEST:
        return Undefined(f"{len(order)} rows have a time; {FEWEST} or more are needed to compare early with late ones.")
    if times[order[0]] == times[order[-1]]:
        return Undefined("All rows have the same time.")
    columns, apart = _columns(data, order)
    if not columns:
        return Undefined("The table has no column to look at beside the time.")
    cuts = cut_in_time(times[order], permutations, rng, CUTS if len(columns) <= MANY else CUTS_IF_MANY)
    drifts = _drifts(columns, cuts, alpha)
    late = _late_categories(columns, cuts.block, alpha)
    losses = _losses(data, model, order)
    error = losses if isinstance(losses, Undefined) else _error_drift(losses, times[order], permutations, alpha, rng)
    shown = [class_name(v) for v in data.frame[data.roles.time].iloc[order]]
    ranked = sorted(drifts, key=lambda d: (-d.clear, -d.distance))
    return {
        "clear_drift": {d.name: d.clear for d in drifts},
        "drift": {d.name: d.distance for d in drifts},
        "chance_limit": {d.name: d.limit for d in drifts},
        "late_categories": {d.name: 0.0 for d in drifts} | {c.name: c.share for c in late},
        "clear_error_drift": error if isinstance(error, Undefined) else error.clear,
        "drifts": Bars([d.name for d in ranked[:MOST_BARS]], [d.distance for d in ranked[:MOST_BARS]]),
        "columns": _table(ranked, apart, shown),
        **({} if isinstance(error, Undefined) else {"error_in_time": error.curve}),
        "findings": [*_findings(ranked, late, shown), *_error_finding(error, shown)],
    }


# -- columns --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """A column in time order: code 0 is missing; the codes of numbers are bins in their order."""

    name: str
    ordered: bool
    codes: np.ndarray
    size: int
    names: tuple[str, ...] = ()
    change: float | None = None


def _columns(data: Table, order: np.ndarray) -> tuple[list[_Column], dict[str, str]]:
    """Give the features but the time, and the label; times are left out, as they move with the time by nature."""
    features = data.features
    named: dict[str, pd.Series[Any]] = {str(c): features[c] for c in features.columns if c != data.roles.time}
    if data.labels is not None:
        named[str(data.roles.label)] = data.labels
    bins = BINS if len(named) <= MANY else BINS_IF_MANY
    found, apart = [], {}
    for name, values in named.items():
        values = values.iloc[order]
        kind = kind_of(values)
        classes = name == data.roles.label and _is_class(data, values)
        if kind in ("empty", "times"):
            apart[name] = "no values" if kind == "empty" else "times move with the time by nature"
        elif kind == "categories" or classes:
            found.append(_categories(name, names_of(values)))
        else:
            found.append(_numbers(name, numbers_of(values, kind), bins))
    return found, apart


def _is_class(data: Table, labels: pd.Series[Any]) -> bool:
    if data.roles.task is not None:
        return data.roles.task == "classification"
    return labels.nunique() <= MOST_CLASSES


def _numbers(name: str, x: Floats, bins: int) -> _Column:
    known = x[~np.isnan(x)]
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf"))
    codes = np.where(np.isnan(x), 0, np.searchsorted(edges, x, side="left") + 1)
    return _Column(name, True, codes, len(edges) + 2)


def _categories(name: str, values: np.ndarray) -> _Column:
    codes, size = codes_of([values], ordered=False)
    names = np.empty(size, dtype=object)
    names[codes] = values
    return _Column(name, False, codes, size, tuple(names))


@dataclass(frozen=True)
class _Drift:
    """How far early and late rows lie apart at the cut where that is clearest; ``at`` is the first late row."""

    name: str
    method: str
    distance: float
    limit: float
    at: int

    @property
    def clear(self) -> float:
        return self.distance if self.distance > self.limit + 1e-4 else 0.0


def _drifts(columns: Sequence[_Column], cuts: Cuts, alpha: float) -> list[_Drift]:
    """All columns are one family: the limit adds one margin to each column's mean over all orders of the blocks."""
    dealt, best, found = [], [], []
    for column in columns:
        distances = _distances(column, cuts)
        balanced = distances * cuts.balance
        best.append(int(balanced[0].argmax()))
        dealt.append(balanced.max(axis=1))
        found.append(float(distances[0, best[-1]]))
    limits = chance_limits(dealt, alpha)
    drifts = []
    for column, cut, distance, limit in zip(columns, best, found, limits, strict=True):
        at = int(cuts.at[cut])
        limit = limit * beyond_blocks(_autocorrelation(column, at), len(column.codes), cuts.blocks)
        method = "Kolmogorov–Smirnov distance" if column.ordered else "total variation"
        drifts.append(_Drift(column.name, method, distance, min(1.0, float(limit / cuts.balance[0, cut])), at))
    return drifts


def _distances(column: _Column, cuts: Cuts) -> Floats:
    """(orders, cuts): Kolmogorov–Smirnov or total variation distance of late from early rows."""
    codes, size = column.codes, column.size
    if not column.ordered and size > BINS:  # the most frequent, and all others together
        often = np.argsort(-np.bincount(codes, minlength=size), kind="stable")[: BINS - 1]
        place = np.full(size, BINS - 1)
        place[often] = np.arange(BINS - 1)
        codes, size = place[codes], BINS
    counts = np.bincount(cuts.block * size + codes, minlength=cuts.blocks * size).reshape(cuts.blocks, size)
    counts = (counts.cumsum(axis=1) if column.ordered else counts).astype(np.float32)
    orders, cut, blocks = cuts.weights.shape
    difference = np.abs(cuts.weights.reshape(-1, blocks).astype(np.float32) @ counts)
    found = difference.max(axis=1) if column.ordered else difference.sum(axis=1) / 2
    # Rounded, so that distances that are equal in exact arithmetic are so here, and none is above 1.
    return np.asarray(np.round(found.reshape(orders, cut).astype(np.float64), 5))


# -- rows that depend on the one before -----------------------------------------------------------------------


def _autocorrelation(column: _Column, at: int) -> float:
    """Correlation of each row with the one before, inside the early and the late part."""
    codes = column.codes
    if column.ordered:
        x = codes.astype(np.float64)
        x[:at] -= x[:at].mean()
        x[at:] -= x[at:].mean()
        return float(x[1:] @ x[:-1] / max(float(x @ x), 1e-12))
    parts = [np.bincount(p, minlength=column.size) / len(p) for p in (codes[:at], codes[at:])]
    expected = sum(float(p @ p) * n for p, n in zip(parts, (at, len(codes) - at), strict=True)) / len(codes)
    same = float((codes[1:] == codes[:-1]).mean())
    return (same - expected) / max(1 - expected, 1e-12)


# -- new categories -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Late:
    """Categories of a column that clearly appear late: their share of the rows since, and the first such row."""

    name: str
    share: float
    at: int = 0
    names: tuple[str, ...] = ()


def _late_categories(columns: Sequence[_Column], block: np.ndarray, alpha: float) -> list[_Late]:
    """A category is late if all blocks with it lie so far back as chance would hardly put them."""
    categorical = [c for c in columns if not c.ordered]
    tests = max(1, sum(len(np.unique(c.codes[c.codes > 0])) for c in categorical))
    return [_late(c, block, alpha / tests) for c in categorical]


def _late(column: _Column, block: np.ndarray, alpha: float) -> _Late:
    blocks, size = int(block[-1]) + 1, column.size
    present = np.bincount(block * size + column.codes, minlength=blocks * size).reshape(blocks, size) > 0
    held, first = present.sum(axis=0), present.argmax(axis=0)
    left = blocks - first
    chance = _log_choose(left, held) - _log_choose(np.full(size, blocks), held)
    late = np.flatnonzero((held > 0) & (np.arange(size) > 0) & (chance <= np.log(alpha)))
    if not len(late):
        return _Late(column.name, 0.0)
    at = min(int(np.argmax(column.codes == code)) for code in late)
    counts = np.bincount(column.codes, minlength=size)[late]
    frequent = [column.names[c] for c, n in sorted(zip(late, counts, strict=True), key=lambda p: -p[1]) if n >= NAMED]
    return _Late(column.name, float(counts.sum() / (len(block) - at)), at, tuple(frequent[:3]))


def _log_choose(n: np.ndarray, k: np.ndarray) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


# -- the model's error ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Losses:
    """Loss of each labelled row, and where that row stands in the order of time."""

    values: Floats
    places: np.ndarray
    unit: str


@dataclass(frozen=True)
class _Error:
    """Rise of the mean error at the clearest cut; ``at`` is the place of the first late row in the order of time."""

    early: float
    late: float
    limit: float
    at: int
    unit: str
    curve: Curve

    @property
    def clear(self) -> float:
        rise = self.late - self.early
        return rise if rise > self.limit + 1e-9 else 0.0


def _losses(data: Table, model: Model | None, order: np.ndarray) -> _Losses | Undefined:
    if model is None or data.labels is None:
        return Undefined("There is no model to follow." if model is None else "The data have no labels.")
    truth, labelled = true_answers(data, model)
    place_of = np.full(len(data.frame), -1)
    place_of[labelled] = np.arange(len(labelled))
    places = np.flatnonzero(place_of[order] >= 0)
    if len(places) < FEWEST:
        return Undefined(f"{len(places)} rows have a time and a label; {FEWEST} or more are needed.")
    answers = np.asarray(model.predict(data.frame.iloc[order[places]]))
    truth = truth[place_of[order[places]]]
    if is_classifier(model):
        if not (answers == truth).any():
            return Undefined("No answer is right: the error can't rise, or the labels are spelled otherwise.")
        return _Losses((answers != truth).astype(np.float64), places, "wrong answers")
    if not np.isfinite(answers).all():
        return Undefined("The model does not answer each row with a finite number.")
    spread = float(truth.std())
    if not spread > 0:
        return Undefined("All true values are equal, so that there is no spread to compare errors with.")
    return _Losses(np.abs(answers - truth) / spread, places, "mean absolute error / standard deviation of the labels")


def _error_drift(
    losses: _Losses, times: Floats, permutations: int, alpha: float, rng: np.random.Generator
) -> _Error | Undefined:
    values, times = losses.values, times[losses.places]
    if times[0] == times[-1]:
        return Undefined("All labelled rows have the same time.")
    cuts = cut_in_time(times, permutations, rng)
    sums = np.bincount(cuts.block, weights=values, minlength=cuts.blocks)
    rises = (cuts.weights @ sums) * cuts.balance
    cut = int(rises[0].argmax())
    limit = float(chance_limits([rises.max(axis=1)], alpha)[0])
    at = int(cuts.at[cut])
    inside = values - np.where(np.arange(len(values)) < at, values[:at].mean(), values[at:].mean())
    correlation = float(inside[1:] @ inside[:-1] / max(float(inside @ inside), 1e-12))
    limit = limit * beyond_blocks(correlation, len(values), cuts.blocks) / cuts.balance[0, cut]
    sizes = np.bincount(cuts.block)
    points = [
        (float(x), float(y)) for x, y in zip((np.cumsum(sizes) - sizes / 2) / len(values), sums / sizes, strict=True)
    ]
    curve = Curve({losses.unit: points}, x_title="share of the rows, in order of time", y_title="error")
    return _Error(values[:at].mean(), values[at:].mean(), limit, int(losses.places[at]), losses.unit, curve)


# -- what is told ---------------------------------------------------------------------------------------------


def _findings(drifts: Sequence[_Drift], late: Sequence[_Late], shown: Sequence[str]) -> list[Finding]:
    found = []
    for d in drifts:
        if d.clear:
            text = (
                f"Column {d.name!r}: rows from {shown[d.at]} on differ from earlier ones, {d.method} {d.distance:.3f}"
            )
            text += f"; chance explains up to {d.limit:.3f}."
            found.append(Finding("drift", Subject(column=d.name), "clear_drift", d.clear, text))
    for c in late:
        if c.share:
            named = f" ({', '.join(map(repr, c.names))})" if c.names else ""
            text = f"Column {c.name!r}: {c.share:.2%} of the rows from {shown[c.at]} on hold a category "
            text += f"that no earlier row holds{named}."
            found.append(Finding("drift", Subject(column=c.name), "late_categories", c.share, text))
    return found


def _error_finding(error: _Error | Undefined, shown: Sequence[str]) -> list[Finding]:
    if isinstance(error, Undefined) or not error.clear:
        return []
    text = f"From {shown[error.at]} on the model's error is {error.late:.3f}, before {error.early:.3f} ({error.unit}); "
    text += f"chance explains a rise of {error.limit:.3f}."
    return [Finding("drift", Subject(slice=f"from {shown[error.at]} on"), "clear_error_drift", error.clear, text)]


def _table(drifts: Sequence[_Drift], apart: Mapping[str, str], shown: Sequence[str]) -> DataTable:
    titles = ("column", "compared by", "distance", "chance limit", "late rows begin at", "note")
    lines: list[tuple[Any, ...]] = [
        (d.name, d.method, d.distance, d.limit, shown[d.at], "clear" if d.clear else "") for d in drifts
    ]
    lines += [(name, *[None] * 4, f"not looked at: {reason}") for name, reason in apart.items()]
    more = [(f"({len(lines) - MOST_LINES + 1} more)", *[None] * 4, "")] if len(lines) > MOST_LINES else []
    return DataTable(titles, [*lines[: MOST_LINES - len(more)], *more])
