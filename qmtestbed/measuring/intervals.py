"""Numbers with their intervals: proportions, means, medians and the like.

All functions take one entry per row, a two-sided ``confidence`` in (0, 1), and the same two options:

``groups``
    (n,) any values: rows with the same one belong together (a household, a patient) and count as one independent
    item. Rows without a value (``None``, NaN) form one group of their own.
``weights``
    (n,) finite, not negative: how much each row counts. Rows of weight 0 are left out.

Without ``groups`` the rows are taken to be independent of each other; no method can tell from the rows alone
whether they are. ``Estimate.n`` is the number of independent items: rows, or groups, or, with weights, the effective
number ``floor((sum w)^2 / sum w^2)`` of these (Kish 1965). Where there is no such number, or too few items for an
interval, the answer is :class:`~qmtestbed.ait.Undefined`; input of the wrong form raises ``ValueError``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, betaincinv, stdtrit

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.measuring.sample import Floats, Sample, arrange, check_confidence

__all__ = [
    "clopper_pearson",
    "delta_interval",
    "mean_interval",
    "median_interval",
    "proportion",
    "r2_interval",
    "rms_interval",
]

_NOTHING = Undefined("There is no row to measure.")
_ONE_ITEM = Undefined("There is one independent item only; an interval needs at least two.")


# -- proportions ----------------------------------------------------------------------------------------------


def clopper_pearson(successes: int, n: int, confidence: float) -> Estimate | Undefined:
    """Share of successes in independent trials, with the exact two-sided interval.

    Parameters
    ----------
    successes, n
        Counts, ``0 <= successes <= n``.
    confidence
        In (0, 1).

    Returns
    -------
    Estimate or Undefined
        A ratio in [0, 1]; undefined for ``n = 0``.

    Raises
    ------
    ValueError
        The counts or the confidence are out of range.

    References
    ----------
    Clopper & Pearson, Biometrika 26 (1934), 404-413.

    Examples
    --------
    >>> e = clopper_pearson(81, 263, 0.95)
    >>> round(e.value, 6), round(e.low, 6), round(e.high, 6)
    (0.307985, 0.252737, 0.367622)
    """
    check_confidence(confidence)
    if not 0 <= successes <= n:
        raise ValueError(f"successes must be between 0 and n; found {successes} of {n}")
    if n == 0:
        return _NOTHING
    return _beta_interval(successes / n, n, confidence, n)


def proportion(
    hits: ArrayLike, confidence: float, *, groups: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Estimate | Undefined:
    """Share of rows (or of their weight) that are hits.

    Independent rows of equal weight get the exact interval of :func:`clopper_pearson`. With groups or weights the
    same interval is taken at the effective number of trials: the number of independent trials whose share would vary
    as much as this one does between the groups (rows), corrected for how few groups there are (Korn & Graubard).
    Where nothing varies, as when all rows are hits, agreement does not prove certainty: the number of groups (with
    weights, the effective number of groups or rows) stands for the trials.

    In 36 simulated situations (5 to 100 groups, shares of 0.7 to 0.98, correlation inside groups of 0.01 to 0.4) the
    95 % intervals held the truth in 96 % on average and in 84 % at least (2 % misses gathered in a few of 40 groups);
    a percentile bootstrap over groups, which was tried first, in 90 % and 75 %.

    Parameters
    ----------
    hits
        (n,) bool.
    confidence, groups, weights
        See the module.

    Returns
    -------
    Estimate or Undefined
        A ratio in [0, 1]; undefined without rows.

    Raises
    ------
    ValueError
        An input is of the wrong form.

    References
    ----------
    Korn & Graubard, Survey Methodology 24 (1998), 193-201.
    """
    hits = np.asarray(hits)
    if hits.size and hits.dtype != np.bool_:
        raise ValueError(f"hits must be bool; found {hits.dtype}")
    sample = arrange(confidence, groups, weights, hits)
    if not sample.units:
        return _NOTHING
    share = sample.mean(sample.columns[0])
    return _beta_interval(share, _trials(sample, sample.columns[0], confidence), confidence, sample.size)


def _beta_interval(share: float, trials: float, confidence: float, n: int) -> Estimate:
    """Clopper-Pearson limits; its beta form holds for effective numbers, which are not whole, as well."""
    tail = (1 - confidence) / 2
    hits, misses = share * trials, (1 - share) * trials
    low = float(betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return Estimate(share, min(low, share), max(high, share), confidence, n)


def _trials(sample: Sample, hits: Floats, confidence: float) -> float:
    """How many independent trials of equal weight would tell as much as the sample does."""
    if sample.simple:
        return sample.rows
    share = sample.mean(hits)
    variance = sample.standard_error(hits - share) ** 2 if sample.units > 1 else 0.0
    if variance < 1e-24:  # nothing varies but rounding
        return sample.size
    correction = (_t(sample.rows, confidence) / _t(sample.units, confidence)) ** 2
    return min(correction * share * (1 - share) / variance, sample.effective_rows)


# -- means and what is made of them ---------------------------------------------------------------------------


def mean_interval(
    values: ArrayLike,
    confidence: float,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    low: float = -math.inf,
    high: float = math.inf,
) -> Estimate | Undefined:
    """(Weighted) mean with Student's t interval; with groups, from the spread between the groups.

    Exact for independent normal values, else an approximation that gets better with n (central limit theorem): for
    skewed values allow some 50 rows or more. Values that all agree give an interval of no width, from 30 items on.

    Parameters
    ----------
    values
        (n,) finite, in any unit.
    confidence, groups, weights
        See the module.
    low, high
        Range of the values, such as ``low=0`` for absolute errors; the interval is cut there.

    Returns
    -------
    Estimate or Undefined
        In the unit of the values; undefined with fewer than two independent items.

    Raises
    ------
    ValueError
        An input is of the wrong form.

    References
    ----------
    Student, Biometrika 6 (1908), 1-25; for groups and weights Binder, International Statistical Review 51 (1983),
    279-292.

    Examples
    --------
    >>> e = mean_interval([1.0, 2.0, 3.0], 0.95)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3), e.n
    (2.0, -0.484, 4.484, 3)
    """
    sample = arrange(confidence, groups, weights, values)
    if sample.units < 2:
        return _too_few(sample)
    (x,) = sample.columns
    mean = sample.mean(x)
    # The mean of n values can leave their range by rounding, and with it the range that a manifest declares.
    mean = min(max(mean, float(x.min())), float(x.max()))
    return _around(mean, x - mean, confidence, sample, low, high)


def rms_interval(
    errors: ArrayLike, confidence: float, *, groups: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Estimate | Undefined:
    """Root of the (weighted) mean square, such as RMSE, with an interval by the delta method.

    The lower end is at least 0. A few large errors decide this number: with heavy tails the interval is too narrow
    (at 50 rows of Student's t with 5 degrees of freedom, 87 % instead of 95 %).

    Parameters
    ----------
    errors
        (n,) finite.
    confidence, groups, weights
        See the module.

    Returns
    -------
    Estimate or Undefined
        In the unit of the errors, in [0, inf); undefined with fewer than two independent items.

    Raises
    ------
    ValueError
        An input is of the wrong form.

    References
    ----------
    Influence functions: Hampel, Journal of the American Statistical Association 69 (1974), 383-393.
    """
    sample = arrange(confidence, groups, weights, errors)
    if sample.units < 2:
        return _too_few(sample)
    squares = sample.columns[0] ** 2
    mean = sample.mean(squares)
    root = math.sqrt(mean)
    influence = (squares - mean) / (2 * root) if root else squares
    return _around(root, influence, confidence, sample, low=0.0)


def r2_interval(
    truth: ArrayLike,
    predicted: ArrayLike,
    confidence: float,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Estimate | Undefined:
    """Coefficient of determination of predictions, with an interval by the delta method.

    ``1 - sum (truth - predicted)^2 / sum (truth - mean truth)^2``: 1 is perfect, 0 is no better than the mean of the
    true values, below 0 is worse. The upper end is at most 1.

    Parameters
    ----------
    truth, predicted
        (n,) finite, in the same unit.
    confidence, groups, weights
        See the module.

    Returns
    -------
    Estimate or Undefined
        A ratio in (-inf, 1]; undefined with fewer than two independent items, or if all true values are equal.

    Raises
    ------
    ValueError
        An input is of the wrong form.

    References
    ----------
    Influence functions: Hampel, Journal of the American Statistical Association 69 (1974), 383-393.
    """
    sample = arrange(confidence, groups, weights, truth, predicted)
    if sample.units < 2:
        return _too_few(sample)
    y, p = sample.columns
    if y.min() == y.max():
        return Undefined("All true values are equal, so that there is no spread to explain.")
    squares = (y - p) ** 2
    spread = (y - sample.mean(y)) ** 2
    unexplained = sample.mean(squares) / sample.mean(spread)
    influence = (unexplained * spread - squares) / sample.mean(spread)
    return _around(1 - unexplained, influence, confidence, sample, high=1.0)


def delta_interval(
    value: float,
    influence: ArrayLike,
    confidence: float,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    low: float = -math.inf,
    high: float = math.inf,
) -> Estimate | Undefined:
    """Interval of any smooth statistic by the delta method, for an AIT that brings its own influence function.

    Parameters
    ----------
    value
        The statistic, between ``low`` and ``high``.
    influence
        (n,) finite: how the statistic moves, to first order, with the weight of each row; its (weighted) mean is 0.
        For a mean that is ``x - mean``.
    confidence, groups, weights
        See the module.
    low, high
        Range of the statistic; the interval is cut there.

    Returns
    -------
    Estimate or Undefined
        In the unit of the value; undefined with fewer than two independent items.

    Raises
    ------
    ValueError
        An input is of the wrong form.
    """
    sample = arrange(confidence, groups, weights, influence)
    if sample.units < 2:
        return _too_few(sample)
    return _around(value, sample.columns[0], confidence, sample, low, high)


ENOUGH_TO_AGREE = 30
"""From how many independent items on values that all agree may stand for an interval of no width (a convention)."""


def _around(
    value: float,
    influence: Floats,
    confidence: float,
    sample: Sample,
    low: float = -math.inf,
    high: float = math.inf,
) -> Estimate | Undefined:
    if not influence.any() and sample.units < ENOUGH_TO_AGREE:
        return Undefined(
            f"All {sample.units} values agree; fewer than {ENOUGH_TO_AGREE} say nothing about how far others would lie."
        )
    margin = _t(sample.units, confidence) * sample.standard_error(influence)
    return Estimate(value, max(value - margin, low), min(value + margin, high), confidence, sample.size)


# -- medians --------------------------------------------------------------------------------------------------


def median_interval(
    values: ArrayLike, confidence: float, *, groups: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Estimate | Undefined:
    """Median with the interval between two of the ordered values, exact for independent rows of any distribution.

    The two are chosen from the binomial distribution with probability 1/2. With groups or weights the ranks are taken
    at the effective number of trials of :func:`proportion` for "is at most the median" (after Woodruff).

    Parameters
    ----------
    values
        (n,) finite, in any unit.
    confidence, groups, weights
        See the module.

    Returns
    -------
    Estimate or Undefined
        In the unit of the values; undefined with too few independent items (fewer than 6 at 95 %).

    Raises
    ------
    ValueError
        An input is of the wrong form.

    References
    ----------
    Conover, Practical Nonparametric Statistics, 3rd ed. (1999), section 3.2; Woodruff, Journal of the American
    Statistical Association 47 (1952), 635-646.

    Examples
    --------
    >>> e = median_interval(range(1, 11), 0.95)
    >>> e.value, e.low, e.high
    (5.5, 2.0, 9.0)
    """
    sample = arrange(confidence, groups, weights, values)
    if not sample.units:
        return _NOTHING
    (x,) = sample.columns
    middle = float(np.median(x)) if sample.equal else _quantile(x, sample.weights, 0.5)
    trials = math.floor(_trials(sample, (x <= middle).astype(float), confidence))
    tail = (1 - confidence) / 2
    rank = int(np.searchsorted(bdtr(np.arange(trials // 2 + 1), trials, 0.5), tail, side="right"))
    if rank == 0:
        needed = math.ceil(-math.log2(tail))
        return Undefined(f"The interval of a median needs {needed} independent items or more; there are {trials}.")
    low, high = (_quantile(x, sample.weights, q) for q in (rank / trials, (trials - rank + 1) / trials))
    return Estimate(middle, min(low, middle), max(high, middle), confidence, sample.size)


def _quantile(x: Floats, weights: Floats, q: float) -> float:
    """Smallest value with at least the share ``q`` of the weight at or below it."""
    order = np.argsort(x, kind="stable")
    reached = np.cumsum(weights[order])
    # Rounding must not push a share that is reached exactly to the next value.
    at = int(np.searchsorted(reached, q * reached[-1] * (1 - 1e-12)))
    return float(x[order[min(at, len(x) - 1)]])


def _t(items: int, confidence: float) -> float:
    return float(stdtrit(items - 1, (1 + confidence) / 2))


def _too_few(sample: Sample) -> Undefined:
    return _ONE_ITEM if sample.units else _NOTHING
