"""How the error rate falls when a classifier answers only where it is sure: risk-coverage curve, AURC, excess AURC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Curve, DataTable, Estimate, Finding, Predictions, Subject, Undefined
from qmtestbed.measuring.intervals import delta_interval, proportion

MOST_LEVELS = 20
POINTS = 100
FEWEST_ERRORS = 5
"""With fewer, the order of the errors says nothing clear."""
ROUNDING = 1e-12
FEWEST_ROWS = 30
"""With fewer rows and so few errors, that nothing is clear says nothing."""


def measure(
    predictions: Predictions,
    *,
    coverages: Sequence[float] = (0.5, 0.7, 0.8, 0.9, 0.95),
    alpha: float = 0.005,
    confidence: float = 0.95,
) -> dict[str, Any] | Undefined:
    """Order rows by the probability of the answer, the surest first, and follow the error rate.

    Parameters
    ----------
    predictions
        Labelled rows with probabilities.
    coverages
        Shares of rows to be answered at which the error rate is given.
    alpha
        How often chance may make the order look harmful.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Error rates in [0, 1]; undefined without probabilities or rows of positive weight.

    Raises
    ------
    ValueError
        ``coverages`` are not 1 to 20 different numbers in (0, 1].
    """
    keys = _keys(coverages)
    if predictions.probabilities is None:
        return Undefined("The predictions hold no probabilities.")
    ranked = _rank(predictions, predictions.probabilities)
    if not len(ranked.wrong):
        return Undefined("There is no labelled row to measure.")
    together = {"groups": ranked.groups, "weights": ranked.weights}
    error = proportion(ranked.wrong, confidence, **together)
    best = ranked.best
    r = float(np.average(ranked.wrong, weights=ranked.weights))
    # How the area of the best order moves with the error rate; that of no errors or no right answers stands still.
    slope = -math.log(1 - r) if 0 < r < 1 else 0.0
    beside = ranked.wrong - r
    harm = delta_interval(ranked.area - r, ranked.influence - beside, 1 - 2 * alpha, **together)
    clear = isinstance(harm, Estimate) and harm.low > ROUNDING and ranked.wrong.sum() >= FEWEST_ERRORS
    clearly = max(ranked.area - r, 0.0) if clear else 0.0
    return {
        "clear_harm": _no_order(ranked) or clearly,
        "aurc": _area(ranked.area, ranked.influence, ranked, error, confidence),
        "excess_aurc": _area(
            max(ranked.area - best, 0.0), ranked.influence - slope * beside, ranked, error, confidence
        ),
        "gain": (r - ranked.area) / (r - best) if r - best > 1e-12 else _NOTHING_TO_RANK,
        "error_rate": error,
        "risk": {key: _risk(ranked, level, confidence) for key, level in keys.items()},
        "curve": _curve(ranked),
        "levels": _table(ranked, keys, confidence),
        "findings": [_finding(clearly, ranked.area, r, int(ranked.wrong.sum()))] if clearly else [],
    }


_NOTHING_TO_RANK = Undefined("All answers are right, or all wrong, so that there is nothing to order.")


def _no_order(ranked: _Ranked) -> Undefined | None:
    """Say why no order of the answers can do harm; that there are no errors to order is no reason."""
    errors, n = int(ranked.wrong.sum()), len(ranked.wrong)
    if errors == n:
        return _NOTHING_TO_RANK
    if errors and ranked.tie[-1] == 0:
        return Undefined("The model is equally sure of all rows, so that its probabilities give no order.")
    if 0 < errors < FEWEST_ERRORS and n < FEWEST_ROWS:
        return Undefined(f"{errors} errors among {n} rows are too few to say anything about their order.")
    return None


def _keys(coverages: Sequence[float]) -> dict[str, float]:
    keys = {f"{c:g}": float(c) for c in coverages}
    if not 0 < len(keys) == len(coverages) <= MOST_LEVELS or not all(0 < c <= 1 for c in keys.values()):
        raise ValueError(f"coverages must be 1 to {MOST_LEVELS} different numbers in (0, 1]; found {list(coverages)}")
    return keys


# -- rows in order --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ranked:
    """Rows of positive weight, the surest first, (n,) each.

    Attributes
    ----------
    wrong, sure
        Whether the answer is wrong, and its probability.
    expected
        The error rate of the rows that are as sure: what a row in any order of these lets expect.
    groups, weights
        As given; weights are 1 without the role.
    """

    wrong: np.ndarray
    sure: np.ndarray
    expected: np.ndarray
    tie: np.ndarray
    groups: np.ndarray | None
    weights: np.ndarray

    @property
    def risks(self) -> np.ndarray:
        """(n,) error rate of the rows up to each one."""
        return np.asarray(np.cumsum(self.weights * self.expected) / np.cumsum(self.weights))

    @property
    def area(self) -> float:
        """Mean error rate over all coverages (AURC)."""
        return float(np.average(self.risks, weights=self.weights))

    @property
    def best(self) -> float:
        """Area of the order in which all right answers come first."""
        order = np.argsort(self.wrong, kind="stable")
        w = self.weights[order]
        return float(np.average(np.cumsum(w * self.wrong[order]) / np.cumsum(w), weights=w))

    @property
    def influence(self) -> np.ndarray:
        """(n,) derivative of the area by the weight of each row (infinitesimal jackknife); rows as sure share it."""
        w, risks = self.weights, self.risks
        share = w / np.cumsum(w)
        after, held = (np.cumsum(x[::-1])[::-1] for x in (share, share * risks))
        of_tie = np.bincount(self.tie, weights=w)
        own, after, held = (np.bincount(self.tie, weights=w * x)[self.tie] for x in (risks, after, held))
        return np.asarray((own + self.wrong * after - held) / of_tie[self.tie] - self.area)

    def surest(self, coverage: float) -> np.ndarray:
        """(n,) which rows are answered at a coverage: the surest ones, and all that are as sure as the last."""
        reached = np.cumsum(self.weights)
        last = int(np.searchsorted(reached, coverage * reached[-1] * (1 - 1e-12)))
        return np.asarray(self.sure >= self.sure[min(last, len(self.sure) - 1)])


def _rank(p: Predictions, probabilities: np.ndarray) -> _Ranked:
    w = np.ones(len(p.labels)) if p.weights is None else np.asarray(p.weights, dtype=float)
    column = pd.Index(p.classes[: probabilities.shape[1]], dtype=object).get_indexer(
        pd.Index(p.predicted, dtype=object)
    )
    sure = np.where(column >= 0, probabilities[np.arange(len(column)), column], 0.0)
    kept = np.flatnonzero(w > 0)
    kept = kept[np.argsort(-sure[kept], kind="stable")]
    wrong, sure, w = np.asarray(p.labels != p.predicted, dtype=bool)[kept], sure[kept], w[kept]
    tie = np.cumsum(np.diff(sure, prepend=sure[:1]) != 0)
    expected = (np.bincount(tie, weights=w * wrong) / np.maximum(np.bincount(tie, weights=w), 1e-300))[tie]
    return _Ranked(wrong, sure, expected, tie, None if p.groups is None else p.groups[kept], w)


# -- what is measured -----------------------------------------------------------------------------------------


def _area(
    value: float, influence: np.ndarray, ranked: _Ranked, error: Estimate | Undefined, confidence: float
) -> Estimate | Undefined:
    """Interval of an area by the delta method, and no narrower than the exact one of the error rate, taken to scale.

    With few errors the delta method alone is too narrow. Where no or every answer is wrong, the ends are those of the
    error rate.
    """
    if not isinstance(error, Estimate):
        return error
    if 0 < error.value < 1:
        e = delta_interval(value, influence, confidence, groups=ranked.groups, weights=ranked.weights, low=0, high=1)
        if isinstance(e, Undefined):
            return e
        scale = value / error.value
        low, high = min(e.low, scale * error.low), max(e.high, scale * error.high)
        return Estimate(value, min(low, value), min(max(high, value), 1.0), confidence, e.n)
    ends = (error.low, 1.0) if value == 1 else (0.0, error.high if error.value == 0 else 1 - error.low)
    return Estimate(value, *ends, confidence, error.n)


def _risk(ranked: _Ranked, level: float, confidence: float) -> Estimate | Undefined:
    inside = ranked.surest(level)
    groups = None if ranked.groups is None else ranked.groups[inside]
    return proportion(ranked.wrong[inside], confidence, groups=groups, weights=ranked.weights[inside])


def _curve(ranked: _Ranked) -> Curve:
    n = len(ranked.wrong)
    at = np.unique(np.linspace(0, n - 1, min(POINTS, n)).round().astype(int))
    reached = np.cumsum(ranked.weights) / ranked.weights.sum()
    order = np.argsort(ranked.wrong, kind="stable")
    w = ranked.weights[order]
    best = np.cumsum(w * ranked.wrong[order]) / np.cumsum(w)
    lines = {
        "model": zip(reached[at].tolist(), ranked.risks[at].tolist(), strict=True),
        "best order": zip((np.cumsum(w) / w.sum())[at].tolist(), best[at].tolist(), strict=True),
    }
    series = {name: list(points) for name, points in lines.items()}
    rate = float(ranked.risks[-1])
    return Curve(series | {"any order": [(0.0, rate), (1.0, rate)]}, x_title="coverage", y_title="error rate")


def _table(ranked: _Ranked, keys: dict[str, float], confidence: float) -> DataTable:
    lines: list[tuple[Any, ...]] = []
    for key, level in keys.items():
        inside, e = ranked.surest(level), _risk(ranked, level, confidence)
        ends = (e.value, e.low, e.high) if isinstance(e, Estimate) else (None, None, None)
        lines.append((key, int(inside.sum()), float(ranked.sure[inside].min()), int(ranked.wrong[inside].sum()), *ends))
    return DataTable(("coverage", "rows", "least probability", "errors", "error rate", "low", "high"), lines)


def _finding(harm: float, area: float, rate: float, errors: int) -> Finding:
    text = (
        f"Rows of which the model is surest are wrong more often than others: mean error rate {area:.3f} over all "
        f"coverages against {rate:.3f} in any order ({errors} errors)."
    )
    return Finding("no_gain", Subject(slice="answers by confidence"), "clear_harm", harm, text)
