"""Which accuracy a classifier's own probabilities let expect on rows without labels (CBPE)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmtestbed.ait import DataTable, Estimate, Finding, Histogram, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of, true_answers, weights_of
from qmtestbed.measuring.binning import equal_mass_edges, into_bins
from qmtestbed.measuring.drawing import half
from qmtestbed.measuring.intervals import delta_interval, mean_interval, proportion

ROUNDING = 1e-12
FEWEST = 30
"""So few rows with labels, or without, say too little."""
PER_BIN = 50


def measure(
    model: Model,
    data: Table,
    production: Table,
    *,
    bins: int = 10,
    alpha: float = 0.005,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Carry what the probabilities mean over from labelled rows to those of production.

    Parameters
    ----------
    model
        A classifier with probabilities.
    data
        Labelled rows.
    production
        Rows without labels; if there are some, they are not looked at.
    bins
        Into how many bins of like size labelled rows are sorted at most, 50 rows or more in each.
    alpha
        How often chance may call a drop clear.
    confidence
        Of the two-sided intervals.
    seed
        Of the halves of the check on labelled rows.

    Returns
    -------
    dict or Undefined
        Accuracies in [0, 1] and differences in [-1, 1]; undefined with fewer than 30 rows of either kind.
    """
    labels, at = true_answers(data, model)
    known, new = _rows(model, data, at, labels), _rows(model, production, np.arange(len(production.frame)))
    if min(len(known.sure), len(new.sure)) < FEWEST:
        found = f"There are {len(known.sure)} rows with labels and {len(new.sure)} of production"
        return Undefined(f"{found}; {FEWEST} of each are needed.")
    if not known.right.any():
        return Undefined(
            "No labelled row is answered rightly: there is no accuracy to lose, or labels are spelled otherwise."
        )
    if np.ptp(np.concatenate([known.sure, new.sure])) < ROUNDING:
        return Undefined("The model is equally sure of all rows, so that its probabilities can't tell of a drop.")
    carried = _Carried(_Bins.of(known, bins), known, new)
    here = half(len(known.sure), known.groups, np.random.default_rng(seed))
    accuracy = proportion(known.right, confidence, groups=known.groups, weights=known.weights)
    drop, clear = carried.drop(confidence), carried.drop(1 - 2 * alpha)
    clearly = drop.value if isinstance(drop, Estimate) and isinstance(clear, Estimate) and clear.low > ROUNDING else 0.0
    expected = carried.accuracy(confidence)
    return {
        "clear_drop": clearly,
        "expected_accuracy": expected,
        "expected_drop": drop,
        "known_accuracy": accuracy,
        "mean_confidence": float(np.average(new.sure, weights=new.weights)),
        "overconfidence": _mean(known.sure - known.right, known, confidence),
        "check_error": _check(known.take(here), known.take(~here), bins, confidence),
        "confidences": _histogram(known, new),
        "bins": carried.table(confidence),
        "findings": _findings(clearly, expected, accuracy),
    }


# -- rows -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rows:
    """Rows of positive weight, (n,) each: the largest probability, and whether that class is the true one."""

    sure: np.ndarray
    right: np.ndarray
    groups: np.ndarray | None
    weights: np.ndarray

    def take(self, inside: np.ndarray) -> _Rows:
        """Give some of the rows."""
        groups = None if self.groups is None else self.groups[inside]
        return _Rows(self.sure[inside], self.right[inside], groups, self.weights[inside])


def _rows(model: Model, table: Table, at: np.ndarray, labels: np.ndarray | None = None) -> _Rows:
    """Ask the model about some rows of a table, of which the labels may be known."""
    if not len(at):
        return _Rows(np.empty(0), np.empty(0, dtype=bool), None, np.empty(0))
    p = np.asarray(model.probabilities(table.frame.iloc[at]))
    said = np.asarray(model.classes, dtype=object)[p.argmax(axis=1)]
    right = np.zeros(len(at), dtype=bool) if labels is None else np.asarray(said == labels, dtype=bool)
    groups, weights = groups_of(table), weights_of(table)
    w = np.ones(len(at)) if weights is None else weights[at]
    return _Rows(np.clip(p.max(axis=1), 0.0, 1.0), right, None if groups is None else groups[at], w).take(w > 0)


def _mean(x: np.ndarray, rows: _Rows, confidence: float) -> Estimate | Undefined:
    return mean_interval(x, confidence, groups=rows.groups, weights=rows.weights, low=-1, high=1)


# -- what the probabilities mean ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Bins:
    """Labelled rows in bins of like size by confidence: ``off`` (bins,) is mean confidence less the share right."""

    edges: np.ndarray
    off: np.ndarray

    @classmethod
    def of(cls, rows: _Rows, most: int) -> _Bins:
        """Sort rows into bins; none is empty."""
        edges = equal_mass_edges(rows.sure, max(1, min(most, len(rows.sure) // PER_BIN)))
        at = into_bins(rows.sure, edges)
        mass = np.bincount(at, weights=rows.weights, minlength=len(edges) - 1)
        gap = np.bincount(at, weights=rows.weights * (rows.sure - rows.right), minlength=len(edges) - 1)
        return cls(edges, gap / np.maximum(mass, 1e-300))

    def at(self, rows: _Rows) -> np.ndarray:
        """(n,) the bin of each row."""
        return into_bins(rows.sure, self.edges)

    def shares(self, rows: _Rows) -> np.ndarray:
        """(bins,) share of the rows in each bin."""
        return np.bincount(self.at(rows), weights=rows.weights, minlength=len(self.off)) / rows.weights.sum()

    def probable(self, rows: _Rows) -> np.ndarray:
        """(n,) how probably each row is right: its confidence less what that is off by in its bin."""
        return np.asarray(rows.sure - self.off[self.at(rows)])


@dataclass(frozen=True)
class _Carried:
    """What labelled rows say of others."""

    bins: _Bins
    known: _Rows
    new: _Rows

    @property
    def value(self) -> float:
        """Expected accuracy of the new rows."""
        return min(max(float(np.average(self.bins.probable(self.new), weights=self.new.weights)), 0.0), 1.0)

    def right(self, confidence: float) -> list[Estimate | Undefined]:
        """Share right in each bin of the labelled rows."""
        at, found = self.bins.at(self.known), []
        for b in range(len(self.bins.off)):
            rows = self.known.take(at == b)
            found.append(proportion(rows.right, confidence, groups=rows.groups, weights=rows.weights))
        return found

    def accuracy(self, confidence: float) -> Estimate | Undefined:
        """Expected accuracy: the spread of the new rows, and the exact interval of each bin by its share (MOVER)."""
        spread = _mean(self.bins.probable(self.new), self.new, confidence)
        if isinstance(spread, Undefined):
            return spread
        shares = self.bins.shares(self.new)
        pairs = [(s, e) for s, e in zip(shares, self.right(confidence), strict=True) if isinstance(e, Estimate)]
        low = math.hypot(spread.value - spread.low, *(s * (e.value - e.low) for s, e in pairs))
        high = math.hypot(spread.high - spread.value, *(s * (e.high - e.value) for s, e in pairs))
        v, n = self.value, min(spread.n, sum(e.n for _, e in pairs))
        return Estimate(v, max(v - low, 0.0), min(v + high, 1.0), confidence, n)

    def drop(self, confidence: float) -> Estimate | Undefined:
        """Accuracy of the labelled rows less that expected of the new ones, by the delta method on both.

        Where the new rows are as sure as the labelled ones, errors of the labels cancel out.
        """
        k, at = self.known, self.bins.at(self.known)
        accuracy = float(np.average(k.right, weights=k.weights))
        ratio = (self.bins.shares(self.new) / np.maximum(self.bins.shares(k), 1e-300))[at]
        influence = k.right - accuracy + ratio * (k.sure - k.right - self.bins.off[at])
        ours = delta_interval(0.0, influence, confidence, groups=k.groups, weights=k.weights)
        theirs = _mean(self.bins.probable(self.new), self.new, confidence)
        if isinstance(ours, Undefined) or isinstance(theirs, Undefined):
            return ours if isinstance(ours, Undefined) else theirs
        margin, d = math.hypot(ours.high, theirs.high - theirs.value), accuracy - self.value
        return Estimate(d, max(d - margin, -1.0), min(d + margin, 1.0), confidence, min(ours.n, theirs.n))

    def table(self, confidence: float) -> DataTable:
        """Give the bins with their rows; intervals are each by itself."""
        titles = ("confidence above", "up to", "rows", "share right", "low", "high", "share of production")
        at, lines = self.bins.at(self.known), []
        for b, (e, share) in enumerate(zip(self.right(confidence), self.bins.shares(self.new), strict=True)):
            ends = (e.value, e.low, e.high) if isinstance(e, Estimate) else (None, None, None)
            low, high = float(self.bins.edges[b]), float(self.bins.edges[b + 1])
            lines.append((low, high, int((at == b).sum()), *ends, float(share)))
        return DataTable(titles, lines)


def _check(first: _Rows, second: _Rows, bins: int, confidence: float) -> Estimate | Undefined:
    """Accuracy that the first half lets expect of the second, less that which it has."""
    if not len(first.sure):
        return Undefined("There is no other half to check on.")
    carried = _Carried(_Bins.of(first, bins), first, second)
    expected = carried.bins.probable(second)
    found = _mean(np.clip(expected - second.right, -1, 1), second, confidence)
    at = carried.bins.at(first)
    ratio = (carried.bins.shares(second) / np.maximum(carried.bins.shares(first), 1e-300))[at]
    off = ratio * (first.sure - first.right - carried.bins.off[at])
    ours = delta_interval(0.0, off, confidence, groups=first.groups, weights=first.weights)
    if isinstance(found, Undefined) or isinstance(ours, Undefined):
        return found if isinstance(found, Undefined) else ours
    margin = math.hypot(found.high - found.value, ours.high)
    low, high = max(found.value - margin, -1.0), min(found.value + margin, 1.0)
    return Estimate(found.value, low, high, confidence, min(found.n, ours.n))


# -- what is told ---------------------------------------------------------------------------------------------


def _histogram(known: _Rows, new: _Rows) -> Histogram:
    edges = np.linspace(0, 1, 21)
    rows: Sequence[tuple[str, _Rows]] = (("labelled", known), ("production", new))
    counts = {name: (np.histogram(r.sure, edges, weights=r.weights)[0] / r.weights.sum()).tolist() for name, r in rows}
    return Histogram(edges.tolist(), counts, x_title="confidence (share of rows)")


def _findings(drop: float, expected: Estimate | Undefined, known: Estimate | Undefined) -> list[Finding]:
    if not drop or isinstance(expected, Undefined) or isinstance(known, Undefined):
        return []
    text = (
        f"On production the model's own probabilities let expect an accuracy of {expected.value:.3f} "
        f"[{expected.low:.3f}, {expected.high:.3f}], against {known.value:.3f} on {known.n} rows with labels."
    )
    return [Finding("drift", Subject(slice="production"), "clear_drop", drop, text)]
