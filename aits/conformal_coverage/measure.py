"""How large sets of answers must be to hold the truth as often as promised (split conformal prediction)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import betabinom

from qmtestbed.ait import Bars, Curve, Estimate, Finding, Predictions, Subject, Undefined
from qmtestbed.measuring.drawing import half
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import mean_interval, proportion

MOST_BARS = 40
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
"""Promised coverages of the curve, beside the one that is judged."""


UNKNOWN = 2.0
"""Score of a class that the model does not know: no probability has it."""


def measure(
    predictions: Predictions, *, coverage: float = 0.9, confidence: float = 0.95, seed: int = 0
) -> dict[str, Any] | Undefined:
    """Calibrate sets of answers on half of the rows, and measure coverage and size on the other half.

    Parameters
    ----------
    predictions
        Labelled rows; of a classifier with probabilities, else the answer counts as one of probability 1.
    coverage
        The share of rows whose set is to hold the truth.
    confidence
        Of the two-sided intervals.
    seed
        Of the halves.

    Returns
    -------
    dict or Undefined
        Coverage in [0, 1], sizes of sets in classes or in the unit of the label; undefined with too few rows to promise
        that coverage, fewer than 9 in the calibration half for 90 %.
    """
    rows = _rows(predictions)
    here = half(len(rows.score), rows.groups, np.random.default_rng(seed))
    fit, test = rows.take(here), rows.take(~here)
    limit = fit.limit(coverage)
    if not len(test.score) or isinstance(limit, Undefined):
        return limit if isinstance(limit, Undefined) else Undefined("There is no labelled row to measure.")
    covered = test.known & (test.score <= limit)
    together = {"groups": test.groups, "weights": test.weights}
    sizes = test.sizes(limit)
    size = mean_interval(sizes, confidence, low=0, **together) if predictions.task == "classification" else _NO_SETS
    ratio = _ratio(fit, limit, float(np.average(sizes, weights=test.weights)), coverage)
    by_slice = simultaneous(_slices(predictions, test, covered), confidence)
    return {
        "relative_size": ratio,
        "coverage": proportion(covered, confidence, **together),
        "coverage_chance": _chance(fit, test, covered, coverage),
        "set_size": size,
        "half_width": limit if predictions.task == "regression" else Undefined("The answers are classes."),
        "slice_coverage": by_slice,
        "by_slice": Bars.of(_defined(by_slice)[:MOST_BARS]),
        "size_by_coverage": _curve(fit, test),
        "findings": _findings(ratio, size, coverage),
    }


_NO_SETS = Undefined("The answers are numbers: see half_width.")
_NO_SPREAD = Undefined("All true values of the calibration half are equal, so that there is no width to compare with.")
_ONE_CLASS = Undefined("All rows of the calibration half are of one class, so that there is nothing to tell apart.")


def _ratio(fit: _Rows, limit: float, size: float, coverage: float) -> float | Undefined:
    """Divide the mean size by that of sets made without the model, which can hold only the same classes."""
    if fit.others is not None and limit >= UNKNOWN:
        share = float(np.average(~fit.known, weights=fit.weights))
        return Undefined(
            f"{share:.1%} of the labels are none of the model's classes, so that no sets can hold {coverage:.0%} of "
            "them."
        )
    if fit.others is not None and (fit.labels == fit.labels[0]).all():
        return _ONE_CLASS
    trivial = fit.trivial(coverage)
    return size / trivial if trivial > 0 else _NO_SPREAD


# -- rows and their scores ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rows:
    """Rows of positive weight, (n,) each: how strange the truth is to the model, the smaller the better.

    Attributes
    ----------
    score
        1 - probability of the true class, or the absolute residual.
    known
        Whether the model knows the true class; a set can't hold another.
    labels, said
        What is true, and the number predicted (the class for a classifier).
    others
        (n, k) the scores that the k classes would have; ``None`` for numbers.
    """

    score: np.ndarray
    known: np.ndarray
    labels: np.ndarray
    said: np.ndarray
    others: np.ndarray | None
    groups: np.ndarray | None
    weights: np.ndarray | None

    def take(self, inside: np.ndarray) -> _Rows:
        """Give some of the rows."""
        others, groups, weights = (None if x is None else x[inside] for x in (self.others, self.groups, self.weights))
        plain = (x[inside] for x in (self.score, self.known, self.labels, self.said))
        return _Rows(*plain, others, groups, weights)

    def limit(self, coverage: float) -> float | Undefined:
        """Give the score that the set of a new row goes up to: the ceil((n + 1) coverage)-th smallest one."""
        return _quantile(self.score, self.weights, coverage)

    def sizes(self, limit: float) -> np.ndarray:
        """(n,) how many classes have a score up to the limit, or for numbers the limit itself."""
        if self.others is None:
            return np.full(len(self.score), limit)
        return np.asarray((self.others <= limit).sum(axis=1), dtype=float)

    def trivial(self, coverage: float) -> float:
        """Give the size of sets made alike of class frequencies, or of the median, without the model."""
        if self.others is None:
            off = np.abs(self.labels - np.median(self.labels))
            q = _quantile(off, self.weights, coverage)
            return 0.0 if isinstance(q, Undefined) else q
        w = np.ones(len(self.score)) if self.weights is None else self.weights
        codes, names = pd.factorize(self.labels)
        rarity = 1 - np.bincount(codes, weights=w, minlength=len(names)) / w.sum()
        score = np.where(self.known, rarity[codes], UNKNOWN)
        q = _quantile(score, self.weights, coverage)
        there = np.unique(codes[self.known])
        return 0.0 if isinstance(q, Undefined) else float((rarity[there] <= q).sum())


def _quantile(score: np.ndarray, weights: np.ndarray | None, coverage: float) -> float | Undefined:
    n = len(score)
    # What is whole but for rounding, such as 10 * 0.9, is not rounded up.
    rank = math.ceil((n + 1) * coverage - 1e-9)
    if rank > n:
        needed = math.ceil(coverage / (1 - coverage) - 1e-9)
        return Undefined(f"{n} rows to calibrate on can't promise {coverage:.0%}; {needed} are needed.")
    order = np.argsort(score, kind="stable")
    w = np.ones(n) if weights is None else weights[order]
    return float(score[order][np.searchsorted(np.cumsum(w), w.sum() * rank / n * (1 - 1e-12))])


def _rows(p: Predictions) -> _Rows:
    kept = np.ones(len(p.labels), dtype=bool) if p.weights is None else np.asarray(p.weights, dtype=float) > 0
    groups, weights = (None if x is None else np.asarray(x)[kept] for x in (p.groups, p.weights))
    labels, said = p.labels[kept], p.predicted[kept]
    if p.task == "regression":
        score = np.abs(labels - said)
        return _Rows(score, np.ones(len(score), dtype=bool), labels, said, None, groups, weights)
    if p.probabilities is None:
        classes = pd.Index(p.classes, dtype=object)
        probable = (np.asarray(said)[:, None] == np.asarray(classes)[None, :]).astype(float)
    else:
        classes = pd.Index(p.classes[: p.probabilities.shape[1]], dtype=object)
        probable = p.probabilities[kept]
    true = classes.get_indexer(pd.Index(labels, dtype=object))
    score = np.where(true >= 0, 1 - probable[np.arange(len(labels)), true], UNKNOWN)
    return _Rows(score, true >= 0, labels, said, 1 - probable, groups, weights)


# -- what is measured -----------------------------------------------------------------------------------------


def _chance(fit: _Rows, test: _Rows, covered: np.ndarray, coverage: float) -> float | Undefined:
    """Probability of so low a coverage or a lower one: given n to calibrate on it is Beta(k, n + 1 - k)."""
    if test.groups is not None or test.weights is not None:
        return Undefined("The law of the coverage holds for independent rows of equal weight.")
    n = len(fit.score)
    k = math.ceil((n + 1) * coverage - 1e-9)
    return float(np.clip(betabinom.cdf(int(covered.sum()), len(covered), k, n + 1 - k), 0.0, 1.0))


def _slices(p: Predictions, test: _Rows, covered: np.ndarray) -> dict[str, Callable[[float], Estimate | Undefined]]:
    """Give the coverage of each true class, or of the low, middle and high third of the predicted numbers."""
    if p.task == "classification":
        parts = {f"class = {name}": test.labels == name for name in p.classes}
    else:
        low, high = np.quantile(test.said, [1 / 3, 2 / 3], method="lower")
        middle = (test.said > low) & (test.said <= high)
        parts = {
            f"predicted <= {low:.4g}": test.said <= low,
            f"{low:.4g} < predicted <= {high:.4g}": middle,
            f"predicted > {high:.4g}": test.said > high,
        }
    kernels = {}
    for name, inside in parts.items():
        if inside.any():
            units, weights = (None if x is None else x[inside] for x in (test.groups, test.weights))
            kernels[name] = partial(proportion, covered[inside], groups=units, weights=weights)
    return kernels


def _defined(family: dict[str, Estimate | Undefined]) -> list[tuple[str, Estimate]]:
    return sorted(((k, e) for k, e in family.items() if isinstance(e, Estimate)), key=lambda item: item[1].value)


def _curve(fit: _Rows, test: _Rows) -> Curve:
    points = []
    for level in LEVELS:
        limit = fit.limit(level)
        if not isinstance(limit, Undefined):
            points.append((level, float(np.average(test.sizes(limit), weights=test.weights))))
    return Curve({"size": points}, x_title="promised coverage", y_title="mean number of classes, or half width")


def _findings(ratio: float | Undefined, size: Estimate | Undefined, coverage: float) -> list[Finding]:
    if isinstance(ratio, Undefined) or ratio <= 1:
        return []
    held = f"hold {size.value:.2f} classes on average" if isinstance(size, Estimate) else "are intervals"
    text = f"Sets that promise {coverage:.0%} {held}, {ratio:.2f} times the size that they need without the model."
    return [Finding("no_gain", Subject(slice=f"sets at {coverage:.0%}"), "relative_size", ratio, text)]
