"""Two samples of rows: how far they lie apart in each column, and what chance alone explains of it.

The question is asked of many columns at once. Rows (or, where rows belong together, groups of rows) are dealt anew to
the two samples, all columns of a row together, so that relations between columns stay as they are. In each column the
distance is centred on its mean over all deals; the largest of these over all columns is compared with what the deals
give. So the error probability holds for all columns together, whatever their number and relations (single-step
max-statistic of Westfall and Young), and it is exact, not asymptotic (Phipson and Smyth).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["Deals", "chance_limits", "deal", "distances"]

Floats = NDArray[np.float64]
MOST_CELLS = 4_000_000
"""Counts held at a time, to bound memory."""


def distances(first: ArrayLike, second: ArrayLike, *, ordered: bool) -> Floats:
    """Distance between two distributions that are given as counts per value.

    Parameters
    ----------
    first, second
        (…, values) counts, not negative, with a positive sum over the last axis.
    ordered
        Whether the values have an order. If so it is the Kolmogorov–Smirnov distance, the largest difference between
        the shares up to a value; if not the total variation, half the sum of differences between the shares.

    Returns
    -------
    array
        (…,) in [0, 1]: 0 for equal shares, 1 where no value is in both. The first is never larger than the second.

    References
    ----------
    Smirnov, Bulletin de l'Université de Moscou 2 (1939), fascicule 2, 3-16.

    Examples
    --------
    >>> float(distances([6, 4], [5, 5], ordered=False)), float(distances([6, 4], [5, 5], ordered=True))
    (0.1, 0.1)
    """
    a, b = (np.asarray(x, dtype=np.float64) for x in (first, second))
    difference = a / a.sum(axis=-1, keepdims=True) - b / b.sum(axis=-1, keepdims=True)
    if ordered:
        np.cumsum(difference, axis=-1, out=difference)
    np.abs(difference, out=difference)
    found = difference.max(axis=-1) if ordered else difference.sum(axis=-1) / 2
    # Rounded, so that distances that are equal in exact arithmetic are so here, and none is above 1.
    return np.asarray(np.round(found, 13))


@dataclass(frozen=True)
class Deals:
    """Rows dealt to the first sample: the real deal first, then random ones.

    Attributes
    ----------
    number, row
        (pairs,) in order of ``number``: deal ``number`` has ``row`` in its first sample.
    count
        How many deals there are, the real one included.
    """

    number: NDArray[np.intp]
    row: NDArray[np.intp]
    count: int

    def distances(self, codes: NDArray[np.intp], size: int, *, ordered: bool) -> Floats:
        """Give the distance of each deal, (count,), for (rows,) codes below ``size``; see :func:`distances`."""
        pooled = np.bincount(codes, minlength=size)
        found = np.empty(self.count)
        step = max(1, MOST_CELLS // size)
        for start in range(0, self.count, step):
            deals = min(step, self.count - start)
            pairs = slice(*np.searchsorted(self.number, [start, start + deals]))
            cells = (self.number[pairs] - start) * size + codes[self.row[pairs]]
            first = np.bincount(cells, minlength=deals * size).reshape(deals, size)
            found[start : start + deals] = distances(first, pooled - first, ordered=ordered)
        return found


def deal(
    in_first: NDArray[np.bool_], random_deals: int, rng: np.random.Generator, groups: ArrayLike | None = None
) -> Deals:
    """Deal rows at random to a first and a second sample, as many units to each as in reality.

    Parameters
    ----------
    in_first
        (rows,) which rows are really in the first sample; both samples have rows.
    random_deals
        How many, at least 1.
    groups
        (rows,) any values: rows of a sample with the same one stay together. ``None``: each row is a unit.

    Returns
    -------
    Deals
        The real deal, then the random ones.
    """
    if not in_first.any() or in_first.all() or random_deals < 1:
        raise ValueError(f"both samples need rows; found {int(in_first.sum())} and {int((~in_first).sum())}")
    unit = np.arange(len(in_first))
    if groups is not None:
        codes = pd.factorize(np.asarray(groups), use_na_sentinel=False)[0].astype(np.int64)
        unit = pd.factorize(codes * 2 + in_first)[0]  # a group in both samples is two units
    units = int(unit.max()) + 1
    chosen = np.zeros(units, dtype=bool)
    chosen[unit[in_first]] = True
    table = np.empty((random_deals + 1, units), dtype=bool)
    table[0] = chosen
    table[1:] = chosen
    rng.permuted(table[1:], axis=1, out=table[1:])
    number, row = np.nonzero(table if groups is None else table[:, unit])
    return Deals(number, row, random_deals + 1)


def chance_limits(dealt: Iterable[Floats], alpha: float) -> Floats:
    """Give for each column the distance that chance alone exceeds in any column with probability ``alpha`` at most.

    Parameters
    ----------
    dealt
        Per column the (deals,) distances of all deals, the real one first.
    alpha
        Error probability over all columns, at least ``1 / deals``.

    Returns
    -------
    array
        (columns,) in [0, 1]: the column's mean over all deals plus one margin that is common to all columns.

    Raises
    ------
    ValueError
        There are too few deals for ``alpha``.

    References
    ----------
    Westfall & Young, Resampling-Based Multiple Testing (1993); Phipson & Smyth, Statistical Applications in Genetics
    and Molecular Biology 9 (2010), 39.
    """
    table = np.stack([*dealt])
    deals = table.shape[1]
    rank = math.floor(alpha * deals + 1e-9)
    if rank < 1:
        raise ValueError(f"{math.ceil(1 / alpha) - 1} permutations or more are needed for {alpha}; found {deals - 1}")
    # The real deal counts in the mean, or it would not be exchangeable with the others, and the test not exact.
    mean = table.mean(axis=1)
    largest = np.sort((table[:, 1:] - mean[:, None]).max(axis=0))
    return np.asarray(np.minimum(mean + largest[-rank], 1.0))
