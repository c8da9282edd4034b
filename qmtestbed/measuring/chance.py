"""What chance alone explains when rows come in a random order, or are cut in two at random. Free of distributions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from qmtestbed.ait import Undefined

__all__ = ["all_in_second", "clearly", "expected_repeats", "unseen_at_least"]


TOO_MUCH = 0.5
"""Where chance alone explains so large a distance, that a distance is not clear of chance says nothing."""


def clearly(distance: float, limit: float) -> float | Undefined:
    """Give a distance where it is clear of chance, else 0.

    Parameters
    ----------
    distance
        In [0, 1].
    limit
        What chance alone exceeds with a small probability only.

    Returns
    -------
    float or Undefined
        Undefined where rows are so few that chance explains a half, unless the distance is clear all the same.

    Examples
    --------
    >>> clearly(0.3, 0.2), clearly(0.1, 0.2)
    (0.3, 0.0)
    """
    if distance > limit + 1e-9:
        return distance
    if limit >= TOO_MUCH:
        return Undefined(f"There are so few rows that chance alone explains up to {limit:.2f}.")
    return 0.0


def all_in_second(first: int, second: int, rows: ArrayLike) -> NDArray[np.float64]:
    """Probability that certain rows all fall into the second part when rows are cut in two at random.

    The rows may be those of one category, or the k highest values of a column: if both parts come from one source,
    the k highest values are all in the second part with this probability. Ties only make it less.

    Parameters
    ----------
    first, second
        How many rows each part has.
    rows
        How many rows are meant, each number from 0 on.

    Returns
    -------
    array
        Probabilities in [0, 1], of the shape of ``rows``: ``C(first + second - k, first) / C(first + second, first)``.

    Examples
    --------
    >>> float(all_in_second(2, 2, 2).round(6))
    0.166667
    """
    k = np.asarray(rows, dtype=np.float64)
    inside = np.minimum(k, second)
    logarithm = (
        gammaln(first + second - inside + 1)
        - gammaln(second - inside + 1)
        - gammaln(first + second + 1)
        + gammaln(second + 1)
    )
    return np.where(k > second, 0.0, np.exp(np.minimum(logarithm, 0.0)))


def unseen_at_least(sizes: ArrayLike, first: int, second: int, rows: int) -> float:
    """Bound the probability that so many rows of the second part are of categories that the first part lacks.

    Given how many rows each category has in both parts together, and that the rows were cut in two at random. A
    category as large as ``rows`` does it alone; the smaller ones together are bounded by Chernoff's method, which
    holds because categories crowd each other out (negative association). In a table of few large categories this is
    next to 0; where many categories have one or two rows, new ones must be expected (as Good and Turing have it).

    Parameters
    ----------
    sizes
        (categories,) rows of each category in both parts together.
    first, second
        How many rows each part has.
    rows
        From how many such rows on.

    Returns
    -------
    float
        In [0, 1]; 1 for ``rows = 0``.

    References
    ----------
    Chernoff, Annals of Mathematical Statistics 23 (1952), 493-507; Joag-Dev & Proschan, Annals of Statistics 11
    (1983), 286-295.
    """
    counts = np.asarray(sizes, dtype=np.float64)
    if rows <= 0:
        return 1.0
    alone = float(all_in_second(first, second, counts[counts >= rows]).sum())
    found, times = np.unique(counts[(counts > 0) & (counts < rows)], return_counts=True)
    if not found @ times >= rows or alone >= 1:
        return min(alone, 1.0)
    chances = all_in_second(first, second, found)

    def logarithm(s: float) -> float:
        # log(1 + q (e^{sc} - 1)), written so that e^{sc} can't overflow
        grown = np.logaddexp(np.log1p(-np.minimum(chances, 1 - 1e-16)), np.log(np.maximum(chances, 1e-300)) + s * found)
        return float(times @ grown) - s * rows

    best = minimize_scalar(logarithm, bounds=(0.0, 30.0), method="bounded")
    return min(alone + math.exp(min(float(best.fun), 0.0)), 1.0)


def expected_repeats(values: NDArray[np.int64], bins: int = 30) -> float:
    """Tell how many whole numbers would repeat an earlier one, were each drawn by itself.

    Measured numbers and counts repeat each other as often as their density has it (the birthday problem). Numbers that
    are given out, one to each row, never do. The density is taken as even between quantiles, on the grid of
    the greatest common divisor; spikes would only make more repeats.

    Parameters
    ----------
    values
        (n,) whole numbers.
    bins
        Between how many quantiles the density is even.

    Returns
    -------
    float
        In [0, n); 0 for fewer than ten values per bin or values that are all equal.
    """
    if len(values) < 10 * bins:
        bins = max(len(values) // 10, 1)
    ordered = np.sort(values)
    steps = np.diff(ordered)
    step = int(np.gcd.reduce(steps)) if len(steps) else 0
    if len(values) < 10 or not step:
        return 0.0
    edges = np.linspace(0, len(values) - 1, bins + 1).round().astype(int)
    cells = np.diff(ordered[edges]).astype(np.float64) / step
    rows = np.diff(edges).astype(np.float64)
    different = cells * -np.expm1(-rows / np.maximum(cells, 1e-9))
    return float((rows - different).clip(min=0).sum())
