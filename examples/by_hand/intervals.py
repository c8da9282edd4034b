"""Textbook intervals: exact ones of scipy, Student's t, and the delta method with derivatives taken numerically."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import stats

Three = tuple[float, float, float]
"""A value with the two ends of its interval."""
EXACT = "Clopper-Pearson, scipy.stats.binomtest"
T = "Student's t, scipy.stats.ttest_1samp"
DELTA = "delta method, derivative by weights taken numerically"
NUMERIC = 1e-6
"""How far an end may be off because a derivative is taken numerically."""


def share(hits: Sequence[bool] | np.ndarray, confidence: float = 0.95) -> Three:
    """Give a share with the exact interval."""
    hits = np.asarray(hits, dtype=bool)
    ends = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(confidence, method="exact")
    return float(hits.mean()), float(ends.low), float(ends.high)


def mean(x: np.ndarray, confidence: float = 0.95, low: float = -math.inf, high: float = math.inf) -> Three:
    """Give a mean with Student's interval, cut at the range of the values."""
    ends = stats.ttest_1samp(x, 0.0).confidence_interval(confidence)
    return float(np.mean(x)), max(float(ends.low), low), min(float(ends.high), high)


def delta(
    statistic: Callable[[np.ndarray], float],
    n: int,
    confidence: float = 0.95,
    low: float = -math.inf,
    high: float = math.inf,
) -> Three:
    """Give a statistic of weighted rows with its interval: how it moves with the weight of each row (Hampel 1974)."""
    ones, h = np.ones(n), 1e-4
    value = statistic(ones)
    moves = np.empty(n)
    for i in range(n):
        up, down = ones.copy(), ones.copy()
        up[i] += h
        down[i] -= h
        moves[i] = (statistic(up) - statistic(down)) / (2 * h) * n
    error = math.sqrt(n / (n - 1) * float(moves @ moves)) / n
    margin = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return value, max(value - margin, low), min(value + margin, high)


def together(confidence: float, k: int) -> float:
    """Give the confidence of each of k intervals that hold together (Bonferroni)."""
    return 1 - (1 - confidence) / k


def mover(a: Three, b: Three) -> Three:
    """Give the difference a - b with Newcombe's interval from the two."""
    d = a[0] - b[0]
    return d, d - math.hypot(a[0] - a[1], b[2] - b[0]), d + math.hypot(a[2] - a[0], b[0] - b[1])


def widest(family: Callable[[float], Mapping[str, Three]], confidence: float) -> tuple[float, float, float]:
    """Give the largest difference of any two of a family; its interval allows for having looked at all pairs."""
    k = len(family(confidence))
    each = list(family(together(confidence, k * (k - 1) // 2)).values())
    pairs = [mover(a, b) for i, a in enumerate(each) for j, b in enumerate(each) if i != j]
    value = max(p[0] for p in pairs)
    return value, min(max(max(p[1] for p in pairs), 0.0), value), max(max(p[2] for p in pairs), value)
