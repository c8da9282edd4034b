"""How far a model's predicted values lie from the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmtestbed.ait import Curve, Histogram, Predictions, Undefined
from qmtestbed.measuring.intervals import mean_interval, median_interval, r2_interval, rms_interval

BINS = 30


def measure(predictions: Predictions, *, confidence: float = 0.95) -> dict[str, Any] | Undefined:
    """Compare predicted with true values.

    Parameters
    ----------
    predictions
        Labelled rows, with groups and weights where there are any.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Errors in the unit of the label, 0 if there are none; ``r2`` in (-inf, 1], 1 if there are none; undefined
        without a row of positive weight.
    """
    p = predictions
    if not len(p.labels) or (p.weights is not None and not np.any(p.weights)):
        return Undefined("There is no labelled row to measure.")
    error = p.predicted - p.labels
    size = np.abs(error)
    return {
        "mae": mean_interval(size, confidence, groups=p.groups, weights=p.weights, low=0.0),
        "rmse": rms_interval(error, confidence, groups=p.groups, weights=p.weights),
        "r2": r2_interval(p.labels, p.predicted, confidence, groups=p.groups, weights=p.weights),
        "bias": mean_interval(error, confidence, groups=p.groups, weights=p.weights),
        "median_absolute_error": median_interval(size, confidence, groups=p.groups, weights=p.weights),
        "errors": _histogram(error, p.weights),
        "absolute_error_quantiles": _quantiles(size, p.weights),
    }


def _histogram(error: np.ndarray, weights: np.ndarray | None) -> Histogram:
    low, high = float(error.min()), float(error.max())
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-300):  # too narrow to divide: all errors are the same
        low, high = low - 0.5 * max(abs(low), 1.0), high + 0.5 * max(abs(high), 1.0)
    counts, edges = np.histogram(error, bins=BINS, range=(low, high), weights=weights)
    return Histogram(edges.tolist(), {"rows": counts.tolist()}, x_title="predicted - true")


def _quantiles(size: np.ndarray, weights: np.ndarray | None) -> Curve:
    """The absolute error that 0 %, 1 %, … 100 % of the rows stay within."""
    shares = np.linspace(0, 1, 101)
    errors = np.quantile(size, shares, weights=weights, method="inverted_cdf")
    points = list(zip(shares.tolist(), errors.tolist(), strict=True))
    return Curve({"absolute error": points}, x_title="share of rows", y_title="absolute error")
