"""How sure the difference of two models on the same items is, whatever is measured: the delete-a-group jackknife.

A measuring function is called without each part of the items in turn, once for each model. Both are without the same
items, so what makes an item easy or hard for both of them falls out of the difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.measuring.sample import arrange, check_confidence

__all__ = ["Parts", "difference_interval", "divide", "unseen"]

MOST_PARTS = 200
"""Parts that are left out in turn.

Which items fall into one part is chance: on 800 items, over 200 seeds, the half width of an interval varied by 9 % of
itself with 50 parts and by 4 % with 200; it held the truth as often, and was as wide.
"""
FEWEST_ITEMS = 10
"""Independent items below which nothing is said about a spread (a convention)."""


@dataclass(frozen=True)
class Parts:
    """Items divided at random into parts of (nearly) one size.

    Attributes
    ----------
    of
        (n,) the part of each row, 0 to ``count - 1``; -1 for a row of weight 0, which is in no part.
    count
        How many parts there are.
    items
        How many independent items there are (see :mod:`qmtestbed.measuring.intervals`).
    """

    of: NDArray[np.intp]
    count: int
    items: int

    def without(self, part: int) -> NDArray[np.intp]:
        """Positions of the rows that are left when a part is left out."""
        return np.flatnonzero(self.of != part)


def divide(
    n: int,
    seed: int,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Parts | Undefined:
    """Divide rows at random into at most :data:`MOST_PARTS` parts; rows of one group stay together.

    Parameters
    ----------
    n
        How many rows there are.
    seed
        Of the division.
    groups, weights
        See :mod:`qmtestbed.measuring.intervals`.

    Returns
    -------
    Parts or Undefined
        As many parts as there are groups (rows) where these are few; undefined with fewer than :data:`FEWEST_ITEMS`
        independent items.

    Raises
    ------
    ValueError
        Groups or weights are of the wrong form.

    Examples
    --------
    >>> parts = divide(100, seed=0)
    >>> parts.count, parts.items, len(parts.without(0))
    (50, 100, 98)
    """
    sample = arrange(0.5, groups, weights, np.zeros(n))  # the confidence plays no part here
    if sample.size < FEWEST_ITEMS:
        return Undefined(
            f"There are {sample.size} independent items; fewer than {FEWEST_ITEMS} say nothing about how much two "
            "models differ elsewhere."
        )
    count = min(MOST_PARTS, sample.units)
    part_of_unit = np.random.default_rng(seed).permutation(sample.units) % count
    of = np.full(n, -1, dtype=np.intp)
    of[slice(None) if weights is None else np.asarray(weights, dtype=np.float64) > 0] = part_of_unit[sample.unit]
    return Parts(of, count, sample.size)


def difference_interval(
    difference: float,
    without: ArrayLike,
    confidence: float,
    n: int,
    *,
    width: float = math.inf,
    least: float = 0.0,
) -> Estimate | float:
    """Interval of a paired difference, from the differences without each part of the items.

    With d_g the difference without part g of G, the variance is ``(G - 1) / G sum (d_g - d)^2``, and the interval
    Student's t with G - 1 degrees of freedom. For a share of rows and parts of one row this is n / (n - 1) times the
    variance of two paired proportions, ``((b + c) - (b - c)^2 / n) / n^2`` (b and c: rows that only one model has
    right).

    In simulations (two scores of 80 % or 97 % common noise, 30 % or 10 % positive rows, 2,000 draws each, for medians
    1,000, 50 parts) the 95 % intervals held the true difference, at 200 rows and at 1,000: accuracy in 95 % and 95 to
    96 %; recall of the positive class, with ``least``, in 95 to 99 % and 94 to 96 % (without it 81 % at worst); AUC
    in 94 to 95 % and 95 to 96 %; F1 in 95 to 96 % and 95 %, but in 91 % where 20 positive rows meet models that
    hardly differ; medians of absolute errors in 94 % and 95 %. A maximum, such as that over slices, is not smooth:
    its interval is unstable and mostly wide, and no share of draws is promised for it.

    Parameters
    ----------
    difference
        On all items.
    without
        (G,) the same without each part, finite.
    confidence
        In (0, 1).
    n
        Independent items that the measure rests on.
    width
        Of the measure's range: no difference is beyond it.
    least
        Half width below which the interval never is; see :func:`unseen`.

    Returns
    -------
    Estimate or float
        The difference alone where nothing says how far it may be off: it is the same without every part, and there is
        no least half width.

    References
    ----------
    Kott, Journal of Official Statistics 17 (2001), 521-526; Shao & Wu, Annals of Statistics 17 (1989), 1176-1197.

    Examples
    --------
    >>> e = difference_interval(0.1, [0.1 + x for x in (-0.01, 0.0, 0.01)], 0.95, 3)
    >>> round(e.low, 4), round(e.high, 4)
    (0.0503, 0.1497)
    """
    check_confidence(confidence)
    d = np.asarray(without, dtype=np.float64)
    parts = len(d)
    error = math.sqrt((parts - 1) / parts * float(np.sum((d - difference) ** 2)))
    margin = max(float(stdtrit(parts - 1, (1 + confidence) / 2)) * error, least)
    if margin <= 0:
        return difference
    return Estimate(difference, max(difference - margin, -width), min(difference + margin, width), confidence, n)


def unseen(n: int, confidence: float) -> float:
    """Largest share of items that may be of a kind of which n have shown none.

    Clopper and Pearson's upper end for 0 of n, some 3.7 / n at 95 % (two-sided). Two models may give different answers
    to that share of all items though they agree on these, so a share of rows may differ by as much.

    Parameters
    ----------
    n
        Independent items, at least 1.
    confidence
        In (0, 1), two-sided.

    Examples
    --------
    >>> round(unseen(100, 0.95), 4)
    0.0362
    """
    check_confidence(confidence)
    return float(1 - ((1 - confidence) / 2) ** (1 / n))
