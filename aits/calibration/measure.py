"""Whether a classifier's probabilities mean what they say: of rows given 0.8, eight in ten should be right."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from qmtestbed.ait import Curve, DataTable, Estimate, Finding, Predictions, Subject, Undefined
from qmtestbed.measuring.binning import equal_mass_edges, equal_width_edges, into_bins
from qmtestbed.measuring.calibration_error import Stated, calibration_error, errors_by_chance
from qmtestbed.measuring.chance import clearly
from qmtestbed.measuring.intervals import mean_interval, proportion
from qmtestbed.measuring.positive import positive_column

SMALLEST = float(np.finfo(np.float64).eps)
"""A probability below this counts as this in the log loss, as in scikit-learn."""


def measure(
    predictions: Predictions,
    *,
    bins: int = 15,
    binning: Literal["equal_width", "equal_mass"] = "equal_width",
    simulations: int = 999,
    alpha: float = 0.005,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Compare the probabilities of classes with how often these are true.

    Parameters
    ----------
    predictions
        Labelled rows with probabilities, with groups and weights where there are any.
    bins, binning
        Into how many bins rows are sorted by confidence, and whether these are of one width or of one size.
    simulations
        How often labels are drawn to see which calibration error chance gives.
    alpha
        How often chance may exceed the limit.
    confidence
        Of the two-sided intervals.
    seed
        Of the simulation.

    Returns
    -------
    dict or Undefined
        Errors, 0 for perfect probabilities; undefined without probabilities or rows of positive weight.

    Raises
    ------
    ValueError
        There are too few simulations for ``alpha``.
    """
    if predictions.probabilities is None:
        return Undefined("The predictions hold no probabilities.")
    rank = math.floor(alpha * (simulations + 1) + 1e-9)
    if rank < 1:
        raise ValueError(f"{math.ceil(1 / alpha) - 1} simulations or more are needed for alpha {alpha}")
    rows = _rows(predictions, predictions.probabilities)
    if not len(rows.top):
        return Undefined("There is no labelled row to measure.")
    edges = equal_width_edges(bins) if binning == "equal_width" else equal_mass_edges(rows.top, bins)
    stated = Stated(rows.top, rows.right, rows.groups, rows.weights)
    error = calibration_error(stated, edges)
    by_chance = errors_by_chance(stated, edges, simulations, np.random.default_rng(seed))
    limit = float(np.sort(by_chance)[-rank])
    table = _bins(rows, edges, confidence)
    together = {"groups": rows.groups, "weights": rows.weights}
    return {
        "clear_ece": clearly(error, limit),
        "ece": error,
        "ece_by_chance": float(by_chance.mean()),
        "ece_limit": limit,
        "overconfidence": mean_interval(rows.top - rows.right, confidence, low=-1, high=1, **together),
        "positive_ece": _positive_error(predictions, rows, edges),
        "brier": mean_interval(rows.brier, confidence, low=0, high=2, **together),
        "log_loss": mean_interval(rows.log_loss, confidence, low=0, **together),
        "reliability": _curve(table),
        "bins": DataTable(_TITLES, [b.line() for b in table]),
        "findings": _findings(table),
    }


# -- rows -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rows:
    """Rows of positive weight, each array (n,) but the first: what the model says, and what is true.

    ``true`` is the column of the true class, -1 for one that the model does not know; ``top`` the largest
    probability, ``right`` whether it is the true class's.
    """

    probabilities: np.ndarray
    true: np.ndarray
    top: np.ndarray
    right: np.ndarray
    brier: np.ndarray
    log_loss: np.ndarray
    groups: np.ndarray | None
    weights: np.ndarray | None


def _rows(given: Predictions, probabilities: np.ndarray) -> _Rows:
    keep = np.ones(len(given.labels), dtype=bool) if given.weights is None else np.asarray(given.weights) > 0
    p = np.clip(probabilities[keep], 0.0, 1.0)
    known = pd.Index(given.classes[: p.shape[1]], dtype=object)
    true = known.get_indexer(pd.Index(given.labels[keep], dtype=object))
    of_true = np.where(true >= 0, p[np.arange(len(p)), true], 0.0)
    # Half of the sum for two classes, so that it is the usual squared error of the one probability.
    brier = (np.einsum("ij,ij->i", p, p) - 2 * of_true + 1) / (2 if p.shape[1] <= 2 else 1)
    groups, weights = (None if x is None else np.asarray(x)[keep] for x in (given.groups, given.weights))
    return _Rows(
        p,
        true,
        p.max(axis=1),
        p.argmax(axis=1) == true,
        np.maximum(brier, 0.0),
        -np.log(np.maximum(of_true, SMALLEST)),
        groups,
        weights,
    )


# -- two classes ----------------------------------------------------------------------------------------------


def _positive_error(given: Predictions, rows: _Rows, edges: np.ndarray) -> float | Undefined:
    at = positive_column(given)
    if rows.probabilities.shape[1] != 2 or at is None:
        return Undefined("It is for two classes.")
    if isinstance(at, Undefined):
        return at
    return calibration_error(Stated(rows.probabilities[:, at], rows.true == at, weights=rows.weights), edges)


# -- bins -----------------------------------------------------------------------------------------------------

_TITLES = ("confidence above", "up to", "rows", "mean confidence", "share right", "low", "high")


@dataclass(frozen=True)
class _Bin:
    """Rows of similar confidence, and the share of them that is right."""

    low: float
    high: float
    rows: int
    mean: float
    right: Estimate

    def line(self) -> tuple[float | int, ...]:
        """Give the line of the table."""
        return self.low, self.high, self.rows, self.mean, self.right.value, self.right.low, self.right.high

    @property
    def off(self) -> int:
        """1 where its interval lies below its mean confidence, -1 where it lies above, else 0."""
        return int(self.right.high < self.mean) - int(self.right.low > self.mean)

    def told(self) -> str:
        """Say in words what the bin shows."""
        return (
            f"{self.right.value:.3f} are right [{self.right.low:.3f}, {self.right.high:.3f}], "
            f"with a mean confidence of {self.mean:.3f} ({self.rows} rows)"
        )


def _findings(table: Sequence[_Bin]) -> list[Finding]:
    """Name each run of neighbouring bins that are off in the same direction; its worst bin says by how much."""
    found = []
    for off, run in itertools.groupby(table, key=lambda b: b.off):
        if off:
            bins = list(run)
            worst = max(bins, key=lambda b: abs(b.mean - b.right.value))
            where = f"confidence {bins[0].low:.3g} to {bins[-1].high:.3g}"
            at = "" if len(bins) == 1 else f" from {worst.low:.3g} to {worst.high:.3g}"
            text = f"Rows with {where}:{at} {worst.told()}."
            gap = abs(worst.mean - worst.right.value)
            found.append(Finding("miscalibration", Subject(slice=where), "clear_ece", gap, text))
    return found


def _bins(rows: _Rows, edges: np.ndarray, confidence: float) -> list[_Bin]:
    """Give the bins that hold rows; their intervals hold together with the confidence (Bonferroni)."""
    bin_of, found = into_bins(rows.top, edges), []
    held = np.unique(bin_of)
    for b in held:
        inside = bin_of == b
        groups, weights = (None if x is None else x[inside] for x in (rows.groups, rows.weights))
        right = proportion(rows.right[inside], 1 - (1 - confidence) / len(held), groups=groups, weights=weights)
        mean = float(np.average(rows.top[inside], weights=weights))
        if isinstance(right, Estimate):
            found.append(_Bin(float(edges[b]), float(edges[b + 1]), int(inside.sum()), mean, right))
    return found


def _curve(table: Sequence[_Bin]) -> Curve:
    points = [(b.mean, b.right.value) for b in table]
    return Curve(
        {"model": points, "perfect": [(0.0, 0.0), (1.0, 1.0)]}, x_title="mean confidence", y_title="share right"
    )
