"""In which slices of the data a model is clearly worse than it believes, and than it was in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

from qmtestbed.ait import Bars, DataTable, Estimate, Finding, Model, Predictions, Subject, Table, Undefined
from qmtestbed.measuring.answers import true_answers
from qmtestbed.measuring.drawing import half, some
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.matching import positions_in
from qmtestbed.measuring.slices import Pieces, Search, Slice, cut, worst_slices

MOST_LINES = 50
LARGE = 0.1
"""A number is wrong if its error is among this share of the largest errors where the model says the like."""
PER_BIN = 50
MOST_BINS = 10
"""Errors of numbers are compared among at least so many predictions of like size, in at most so many bins."""
SLACK = 2.0
"""So many times the expected error rate is ordinary where no probabilities say in which rows the model is unsure."""
NEAR_BORDERS = 0.1
"""Beside that, so much is ordinary for a classifier without probabilities, as errors gather where classes meet."""
LEAST_LESSONS = 10
"""From so many rows on, training says what error to expect in a slice."""
SHRUNK = 10.0
"""So many rows of the overall error rate are added to those of a predicted class."""


def measure(
    predictions: Predictions,
    data: Table,
    train: Table | None = None,
    model: Model | None = None,
    *,
    slices: int = 5,
    min_rows: int = 20,
    paired: int = 20,
    rows: int = 40_000,
    leave_out: Sequence[str] = (),
    alpha: float = 0.001,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Search half of the rows for the weakest slices, and measure these on the other half.

    Parameters
    ----------
    predictions, data
        What the model said, and the same rows with their columns.
    train, model
        To see how large the errors were in training.
    slices
        How many slices to find.
    min_rows
        A slice has at least so many rows in each half.
    paired
        So many columns, those in which a slice stands out most, are also taken two and two.
    rows
        At most so many rows, drawn at random, of each table.
    leave_out
        Columns that make no slices, besides those with the roles id, weight, group and ignore.
    alpha
        How often chance may call any slice clearly worse.
    confidence
        Of the two-sided intervals.
    seed
        Of the rows and the halves.

    Returns
    -------
    dict or Undefined
        Gaps in [-1, 1], 0 where errors are as frequent as expected; undefined without labelled rows that are those of
        the predictions, or without a slice of enough rows.

    Raises
    ------
    ValueError
        ``leave_out`` names a column that the table does not have.
    """
    rng = np.random.default_rng(seed)
    given = _given(predictions, data, rows, rng)
    if isinstance(given, Undefined):
        return given
    if len(given.labels) and not given.numbers and not (given.labels == given.predicted).any():
        return Undefined("No answer is right: no slice can be weaker than the others, or labels are spelled otherwise.")
    here = half(len(given.labels), given.groups, rng)
    none = Undefined(f"No slice has {min_rows} rows in each half of the {len(here)} labelled rows.")
    if min(here.sum(), (~here).sum()) < max(min_rows, 1):
        return none
    columns, aside = _columns(given.frame, data, leave_out, here, min_rows)
    sought = Search(*given.judged(here), given.weights, here, ~here, min_rows)
    found, searched = worst_slices(columns, sought, slices, paired)
    if not found:
        return none
    lessons = None if train is None or model is None else _lessons(given, train, model, rows, rng)
    measured = _measured(given, found, here, lessons, confidence)
    return _result(measured, searched, aside, alpha)


# -- rows and their errors ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Given:
    """Labelled rows of positive weight, all (n,): what is true, what the model said, and how much it doubted."""

    labels: np.ndarray
    predicted: np.ndarray
    doubt: np.ndarray | None
    frame: pd.DataFrame
    groups: np.ndarray | None
    weights: np.ndarray
    numbers: bool

    def is_wrong(self, fit: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """Give the function of labels and predictions that says which are wrong, or far off by what ``fit`` shows."""
        if not self.numbers:
            return lambda labels, predicted: np.asarray(labels != predicted, dtype=bool)
        said, off = self.predicted[fit], np.abs(self.labels - self.predicted)[fit]
        bins = min(MOST_BINS, max(1, len(said) // PER_BIN))
        edges = np.unique(np.quantile(said, np.arange(1, bins) / bins, method="lower"))
        bin_of = np.searchsorted(edges, said)
        held = [off[bin_of == b] for b in range(len(edges) + 1)]
        limits = np.array([np.quantile(x, 1 - LARGE, method="lower") if len(x) else np.inf for x in held])
        return lambda labels, predicted: np.abs(labels - predicted) > limits[np.searchsorted(edges, predicted)]

    def judged(self, fit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which rows are wrong, and how probable that was by what the model said, as ``fit`` rows show."""
        wrong, w = self.is_wrong(fit)(self.labels, self.predicted), self.weights
        overall = float(np.average(wrong[fit], weights=w[fit]))
        if self.numbers:
            return wrong, np.full(len(wrong), overall)
        if self.doubt is not None:
            curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
            return wrong, curve.fit(self.doubt[fit], wrong[fit], sample_weight=w[fit]).predict(self.doubt)
        codes, classes = pd.factorize(self.predicted)
        rows, errors = (np.bincount(codes[fit], weights=x[fit], minlength=len(classes)) for x in (w, w * wrong))
        return wrong, ((errors + SHRUNK * overall) / (rows + SHRUNK))[codes]


def _given(p: Predictions, data: Table, rows: int, rng: np.random.Generator) -> _Given | Undefined:
    at = positions_in(p, data)
    if isinstance(at, Undefined):
        return at
    numbers = p.task == "regression"
    weights = np.ones(len(at)) if p.weights is None else np.asarray(p.weights, dtype=float)
    fit = weights > 0
    if numbers:
        fit &= np.isfinite(p.labels) & np.isfinite(p.predicted)
    kept = np.flatnonzero(fit)
    kept = kept[some(len(kept), rows, rng)]
    doubt = None
    if p.probabilities is not None and not numbers:
        column = pd.Index(p.classes, dtype=object).get_indexer(pd.Index(p.predicted[kept], dtype=object))
        doubt = 1 - np.where(column >= 0, p.probabilities[kept, column], 0.0)
    groups = None if p.groups is None else p.groups[kept]
    w = weights[kept] / weights[kept].mean() if len(kept) else weights[kept]
    return _Given(p.labels[kept], p.predicted[kept], doubt, data.frame.iloc[at[kept]], groups, w, numbers)


def _columns(
    frame: pd.DataFrame, data: Table, leave_out: Sequence[str], here: np.ndarray, min_rows: int
) -> tuple[list[Pieces], dict[str, str]]:
    """Give the columns in pieces, and why others have none."""
    if unknown := [c for c in leave_out if c not in data.frame.columns]:
        raise ValueError(f"leave_out: the table has no column {unknown[0]!r}; it has {list(data.frame.columns)}")
    pieces = {c: cut(frame[c], str(c), here, min_rows) for c in data.features.columns if c not in leave_out}
    return (
        [p for p in pieces.values() if isinstance(p, Pieces)],
        {str(c): why for c, why in pieces.items() if isinstance(why, str)},
    )


# -- training -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lessons:
    """Training rows, which of them the model gets wrong, and by how much its error is larger on other rows."""

    frame: pd.DataFrame
    wrong: np.ndarray
    more: float

    def error_in(self, place: Slice) -> float | None:
        """Error rate to be expected in a slice from that in training; ``None`` where too few rows tell it."""
        rows = place.rows_of(self.frame)
        if rows is None or rows.sum() < LEAST_LESSONS:
            return None
        return min(float(self.wrong[rows].mean()) + self.more, 1.0)


def _lessons(given: _Given, train: Table, model: Model, rows: int, rng: np.random.Generator) -> _Lessons | None:
    if train.labels is None or not train.labels.notna().any():
        return None
    kept = np.flatnonzero(train.labels.notna())
    kept = kept[some(len(kept), rows, rng)]
    frame, labels = train.frame.iloc[kept], train.labels.iloc[kept]
    truth, _ = true_answers(Table(frame, labels, train.roles), model)
    everything = np.ones(len(given.labels), dtype=bool)
    is_wrong = given.is_wrong(everything)
    wrong = is_wrong(truth, np.asarray(model.predict(frame)))
    error = np.average(is_wrong(given.labels, given.predicted), weights=given.weights)
    return _Lessons(frame, wrong, max(float(error) - float(wrong.mean()), 0.0))


# -- slices ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Weak:
    """A slice on the rows it was not searched in, without those of the slices before it.

    ``known`` names slices before it that hold most of its rows in all.
    """

    text: str
    rows: int
    kernel: Callable[[float], Estimate | Undefined]
    error: Estimate
    expected: float
    ordinary: float
    learned: float | None
    known: tuple[str, ...]

    @property
    def gap(self) -> Estimate:
        """Error rate less the one expected by what the model said."""
        e = self.error
        return Estimate(e.value - self.expected, e.low - self.expected, e.high - self.expected, e.level, e.n)


def _measured(
    given: _Given, found: Sequence[Slice], here: np.ndarray, lessons: _Lessons | None, confidence: float
) -> list[_Weak]:
    wrong, expected = given.judged(np.ones(len(here), dtype=bool))
    names_only = given.doubt is None and not given.numbers
    left, kernels, inside = ~here, {}, {}
    for place in found:
        rows = inside[place.text] = left & place.rows
        groups = None if given.groups is None else given.groups[rows]
        kernels[place.text] = partial(proportion, wrong[rows], groups=groups, weights=given.weights[rows])
        left = left & ~rows
    errors = simultaneous(kernels, confidence)
    weak = []
    for i, place in enumerate(found):
        error, rows, kernel = errors[place.text], inside[place.text], kernels[place.text]
        if isinstance(error, Estimate):
            probable = float(np.average(expected[rows], weights=given.weights[rows]))
            learned = None if lessons is None else lessons.error_in(place)
            ordinary = probable if given.doubt is not None else SLACK * probable + NEAR_BORDERS * names_only
            known = tuple(o.text for o in found[:i] if (o.rows & place.rows).sum() > place.rows.sum() / 2)
            weak.append(_Weak(place.text, int(rows.sum()), kernel, error, probable, ordinary, learned, known))
    return weak


def _clear(weak: Sequence[_Weak], alpha: float, *, learned: bool) -> dict[str, float]:
    """Give by how much the error of each slice is above what is ordinary, where it clearly exceeds the expected one.

    The first slice is tested with half of alpha, the next with half of the rest and so on, and with what a slice
    before it had where that was clear (fallback procedure): all together err with probability alpha at most.
    """
    found, rest, carried = {}, alpha, 0.0
    for i, w in enumerate(weak):
        own = rest if i == len(weak) - 1 else rest / 2
        rest, carried = rest - own, carried + own
        e, least = w.kernel(1 - 2 * carried), (w.learned or 0.0) if learned else 0.0
        clear = isinstance(e, Estimate) and e.low > max(w.expected, least)
        # Rounded, so that 3 of 10 less 2 of 10 is not more than 0.1.
        found[w.text] = max(round(w.error.value - max(w.ordinary, least), 12), 0.0) if clear else 0.0
        carried = carried if clear else 0.0
    return found


# -- what is told ---------------------------------------------------------------------------------------------


def _result(weak: Sequence[_Weak], searched: int, aside: dict[str, str], alpha: float) -> dict[str, Any]:
    gap = _clear(weak, alpha, learned=False)
    excess = _clear(weak, alpha, learned=True)
    gaps = [w.gap for w in weak]
    worst = max(gaps, key=lambda e: e.value)
    return {
        "clear_excess": excess,
        "clear_gap": gap,
        "gap": {w.text: w.gap for w in weak},
        "error_rate": {w.text: w.error for w in weak},
        "expected_error": {w.text: w.expected for w in weak},
        "worst_gap": Estimate(worst.value, max(e.low for e in gaps), max(e.high for e in gaps), worst.level, worst.n),
        "slices_searched": searched,
        "gaps": Bars.of([(w.text, w.gap) for w in weak]),
        "slices": _table(weak, gap, excess, aside),
        "findings": [f for w in weak for f in _findings(w, {"clear_excess": excess, "clear_gap": gap})],
    }


def _findings(w: _Weak, clear: dict[str, dict[str, float]]) -> list[Finding]:
    """Name the slice under each measure, but for one that was named there as a part of itself."""
    e = w.error
    text = (
        f"Where {w.text}, {e.value:.1%} of {w.rows} rows that the search did not see are wrong or far off "
        f"({e.low:.1%} to {e.high:.1%}); by what the model says, {w.expected:.1%} were to be expected"
    )
    text += "." if w.learned is None else f", by its errors in training {w.learned:.1%}."
    return [
        Finding("weak_slice", Subject(slice=w.text), name, values[w.text], text)
        for name, values in clear.items()
        if values[w.text] > 0 and not any(values.get(other) for other in w.known)
    ]


def _table(weak: Sequence[_Weak], gap: dict[str, float], excess: dict[str, float], aside: dict[str, str]) -> DataTable:
    titles = ("slice", "rows", "error rate", "low", "high", "expected", "expected from training", "worse than expected")
    lines: list[tuple[Any, ...]] = []
    for w in weak:
        said = "clearly" if excess[w.text] else "clearly, as in training" if gap[w.text] else "not clearly"
        lines.append((w.text, w.rows, w.error.value, w.error.low, w.error.high, w.expected, w.learned, said))
    none = (None,) * 6
    lines += [(f"column {name}", *none, f"left out: {why}") for name, why in aside.items()]
    return DataTable(titles, lines[:MOST_LINES])
