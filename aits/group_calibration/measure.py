"""Whether probabilities mean the same in every group of a sensitive column."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Bars, DataTable, Estimate, Finding, Predictions, Subject, Table, Undefined
from qmtestbed.measuring.binning import equal_width_edges
from qmtestbed.measuring.calibration_error import Stated, calibration_error, errors_by_chance
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.gaps import Kernel, largest_gap
from qmtestbed.measuring.group_rates import groups_in
from qmtestbed.measuring.intervals import mean_interval
from qmtestbed.measuring.matching import positions_in
from qmtestbed.measuring.positive import positive_column

MOST_LINES = 200
MOST_BARS = 40
FROM_THE_TOP = 20
"""Which of the errors drawn, the largest first, is the limit: the largest of all would hang on the seed."""
MOST_NUMBERS = 200_000_000
"""How many numbers are drawn for that; with so many rows that they do not suffice, it is a larger error."""


def measure(
    predictions: Predictions,
    data: Table,
    *,
    bins: int = 15,
    min_rows: int = 50,
    simulations: int = 999,
    alpha: float = 0.005,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Compare probabilities with how often they come true, in each group of each sensitive column.

    Parameters
    ----------
    predictions, data
        Labelled rows with probabilities, and the same rows with their sensitive columns.
    bins
        Of equal width, into which rows are sorted by their probability.
    min_rows
        A group has at least so many rows.
    simulations
        How often labels are drawn at least; more where many groups share ``alpha``.
    alpha
        How often chance may call any group miscalibrated, and any gap clear, all groups and columns together.
    confidence
        Of the two-sided intervals.
    seed
        Of the simulation.

    Returns
    -------
    dict or Undefined
        Errors in [0, 1] and biases in [-1, 1], 0 for right probabilities; undefined without probabilities, or
        those of the positive class, or where the predictions are not of the rows of the data.
    """
    if predictions.probabilities is None:
        return Undefined("The predictions hold no probabilities.")
    at = positions_in(predictions, data)
    if isinstance(at, Undefined):
        return at
    positive = positive_column(predictions)
    if isinstance(positive, Undefined):
        return positive
    stated, counted = _stated(predictions, predictions.probabilities, positive)
    parts = _parts(stated, data, at[counted])
    large = {(c, name): s for c, groups in parts.items() for name, s in groups.items() if len(s.said) >= min_rows}
    edges, each = equal_width_edges(bins), alpha / max(len(large), 1)
    draws = max(simulations, math.ceil(_rank(each, sum(len(s.said) for s in large.values())) / each - 1e-9) - 1)
    found = {name: _group(s, edges, draws, each, seed) for (_, name), s in large.items()}
    names = {name: len(s.said) for groups in parts.values() for name, s in groups.items()}
    few = {name: Undefined(f"There are {n} rows; {min_rows} are needed.") for name, n in names.items()}
    gaps = {c: _gap([(n, s) for (of, n), s in large.items() if of == c], confidence, alpha / len(parts)) for c in parts}
    biases = {n: e for c in parts for n, e in _biases(c, large, confidence).items()}
    return {
        "clear_ece": {n: found[n].clear if n in found else few[n] for n in names},
        "clear_gap": {c: g if isinstance(g, Undefined) else g[1] for c, g in gaps.items()},
        "ece": {n: found[n].ece if n in found else few[n] for n in names},
        "ece_by_chance": {n: found[n].mean if n in found else few[n] for n in names},
        "bias": {n: biases.get(n, few[n]) for n in names},
        "bias_gap": {c: g if isinstance(g, Undefined) else g[0] for c, g in gaps.items()},
        "biases": Bars.of([(n, e) for n, e in biases.items() if isinstance(e, Estimate)][:MOST_BARS]),
        "groups": _table(names, found, biases),
        "findings": [*_off(found, biases), *_apart(gaps)],
    }


# -- rows -----------------------------------------------------------------------------------------------------


def _stated(p: Predictions, probabilities: np.ndarray, positive: int | None) -> tuple[Stated, np.ndarray]:
    """Give the probability of the positive class or, without one, of the likeliest class; and which rows count."""
    counted = np.ones(len(p.labels), dtype=bool) if p.weights is None else np.asarray(p.weights, dtype=float) > 0
    kept, known = np.clip(probabilities[counted], 0.0, 1.0), p.classes[: probabilities.shape[1]]
    true = pd.Index(known, dtype=object).get_indexer(pd.Index(p.labels[counted], dtype=object))
    column = kept.argmax(axis=1) if positive is None else np.full(len(kept), positive)
    groups, weights = (None if x is None else np.asarray(x)[counted] for x in (p.groups, p.weights))
    return Stated(kept[np.arange(len(kept)), column], true == column, groups, weights), np.flatnonzero(counted)


def _parts(stated: Stated, data: Table, at: np.ndarray) -> dict[str, dict[str, Stated]]:
    """Give for each sensitive column the rows of each group."""
    found: dict[str, dict[str, Stated]] = {}
    for column in data.roles.sensitive:
        groups = groups_in(data.frame[column].iloc[at], str(column))
        found[str(column)] = {name: _rows(stated, groups.codes == i) for i, name in enumerate(groups.names)}
    return found


def _rows(s: Stated, inside: np.ndarray) -> Stated:
    units, weights = (None if x is None else x[inside] for x in (s.groups, s.weights))
    return Stated(s.said[inside], s.happened[inside], units, weights)


# -- groups ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """The calibration error of a group, the mean of what chance gives, and the error where it is clear of that."""

    ece: float
    mean: float
    limit: float

    @property
    def clear(self) -> float:
        return self.ece if self.ece > self.limit + 1e-9 else 0.0


def _rank(alpha: float, rows: int) -> int:
    """Say which of the errors drawn is the limit that chance exceeds with probability ``alpha``, 1 for the largest."""
    return max(1, min(FROM_THE_TOP, int(MOST_NUMBERS * alpha / max(rows, 1))))


def _group(s: Stated, edges: np.ndarray, draws: int, alpha: float, seed: int) -> _Group:
    by_chance = np.sort(errors_by_chance(s, edges, draws, np.random.default_rng(seed)))
    rank = max(math.floor(alpha * (draws + 1) + 1e-9), 1)
    return _Group(calibration_error(s, edges), float(by_chance.mean()), float(by_chance[-rank]))


def _kernel(s: Stated) -> Kernel:
    return partial(_bias, s)


def _bias(s: Stated, confidence: float) -> Estimate | Undefined:
    return mean_interval(s.said - s.happened, confidence, groups=s.groups, weights=s.weights, low=-1, high=1)


def _biases(column: str, large: Mapping[tuple[str, str], Stated], confidence: float) -> dict[str, Estimate | Undefined]:
    return simultaneous({name: _kernel(s) for (of, name), s in large.items() if of == column}, confidence)


def _gap(
    groups: list[tuple[str, Stated]], confidence: float, alpha: float
) -> tuple[Estimate, float, str, str] | Undefined:
    """Largest difference of bias between two groups, the same where it is clear, and which two they are."""
    kernels = {name: _kernel(s) for name, s in groups}
    gap, clear = largest_gap(kernels, confidence), largest_gap(kernels, 1 - alpha)
    if isinstance(gap, Undefined) or isinstance(clear, Undefined):
        return Undefined("No two groups have rows enough to compare.")
    clearly = gap.estimate.value if clear.estimate.low > 0 else 0.0
    return replace(gap.estimate, high=min(gap.estimate.high, 2.0)), clearly, gap.lowest, gap.highest


# -- what is told ---------------------------------------------------------------------------------------------


def _table(
    names: Mapping[str, int], found: Mapping[str, _Group], biases: Mapping[str, Estimate | Undefined]
) -> DataTable:
    lines: list[tuple[Any, ...]] = []
    for name, n in names.items():
        g, e = found.get(name), biases.get(name)
        errors = (g.ece, g.mean, g.limit) if g else (None,) * 3
        bias = (e.value, e.low, e.high) if isinstance(e, Estimate) else (None,) * 3
        lines.append((name, n, *bias, *errors))
    titles = ("group", "rows", "bias", "low", "high", "ECE", "ECE by chance", "limit of chance")
    return DataTable(titles, lines[:MOST_LINES])


def _off(found: Mapping[str, _Group], biases: Mapping[str, Estimate | Undefined]) -> list[Finding]:
    told = []
    for name, g in found.items():
        if g.clear:
            e = biases[name]
            leaning = f"; on average {e.value:+.3f} [{e.low:+.3f}, {e.high:+.3f}]" if isinstance(e, Estimate) else ""
            text = (
                f"Where {name}, probabilities are off by {g.ece:.3f}; chance explains {g.limit:.3f} at most{leaning}."
            )
            told.append(Finding("miscalibration", Subject(slice=name), "clear_ece", g.ece, text))
    return told


def _apart(gaps: Mapping[str, tuple[Estimate, float, str, str] | Undefined]) -> list[Finding]:
    told = []
    for column, gap in gaps.items():
        if not isinstance(gap, Undefined) and gap[1]:
            e, _, low, high = gap
            text = (
                f"Where {high}, probabilities lie {e.value:.3f} [{e.low:.3f}, {e.high:.3f}] more above what comes true "
                f"than where {low}; the interval allows for the groups searched."
            )
            told.append(Finding("miscalibration", Subject(column=column), "clear_gap", e.value, text))
    return told
