"""Records of equal content: by how many pairs of them chance alone explains, because the columns are coarse.

The columns are dealt to three parts, in two ways. Pairs of *different* rows that agree on two of the parts, and how
much more often rows agree on the third if they agree on one other, tell how many pairs would agree on all three by
chance. Copies of a record do not enter, as they agree everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Pairs", "chance_pairs"]

Codes = NDArray[np.int64]
Hashes = NDArray[np.uint64]
PARTS = 3
SAFETY = 5.0
"""The estimate is taken this many times, as agreement on two parts makes agreement on the third likelier still.

It was 3.7 times too low, at worst of 16 kinds of coarse tables, for 40 one-hot columns in random order.
"""
DISTINCT = 0.5
"""Where fewer than this share of the records differ, every pair counts as explained: the columns are coarse."""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Pairs:
    """Which pairs of rows are looked at: those inside a table, or those between two.

    Attributes
    ----------
    first
        (rows,) bool, which rows are of the first table; all of them for pairs inside one table.
    """

    first: NDArray[np.bool_]

    @property
    def inside(self) -> bool:
        """Whether the pairs lie inside one table."""
        return bool(self.first.all())

    def count(self, codes: Codes | Hashes) -> float:
        """Count the pairs with equal (rows,) codes."""
        ids, found = pd.factorize(codes)
        ours = np.bincount(ids[self.first], minlength=len(found)).astype(np.float64)
        if self.inside:
            return float((ours * (ours - 1)).sum() / 2)
        return float(ours @ np.bincount(ids[~self.first], minlength=len(found)))


def chance_pairs(columns: Sequence[Hashes], ids: Codes, pairs: Pairs) -> float:
    """Give the number of pairs of equal records that chance explains; at most as many as there are.

    Parameters
    ----------
    columns
        At least one; (rows,) marks of the values of each column, equal for equal values.
    ids
        (rows,) numbers of the records: equal for rows that agree in all columns.
    pairs
        Which are looked at.

    Returns
    -------
    float
        At least 0. All pairs where there are fewer than three columns, or fewer than half of the records differ.
    """
    equal = pairs.count(ids)
    coarse = len(np.unique(ids)) < DISTINCT * len(ids)
    if not equal or len(columns) < PARTS or coarse:
        return equal
    return min(equal, SAFETY * max(_by_thirds(parts, pairs, equal) for parts in _deals(columns)))


def _by_thirds(parts: Sequence[Hashes], pairs: Pairs, equal: float) -> float:
    """Estimate from pairs of different rows that agree on one part, or on two; the largest of three ways."""
    one = [pairs.count(h) - equal for h in parts]
    two = dict.fromkeys(combinations(range(PARTS), 2), 0.0)
    for i, j in two:
        if one[i] and one[j]:
            two[i, j] = pairs.count(_mixed(parts[i], parts[j])) - equal
    estimates = []
    for k in range(PARTS):
        i, j = (p for p in range(PARTS) if p != k)
        agree = max((two[min(p, k), max(p, k)] / one[p] for p in (i, j) if one[p] > 0), default=0.0)
        estimates.append(two[i, j] * agree / (1 - agree) if agree < 1 else equal)
    return max(estimates)


def _deals(columns: Sequence[Hashes]) -> list[list[Hashes]]:
    """Deal columns to three parts in two ways; each part is a number per row, equal for rows that agree there.

    By turns and in thirds of their order: columns made of one (one-hot columns) mostly stand side by side, and must not
    be parted. Marks are hashed, as only an estimate rests on them.
    """
    turns, thirds = ([np.zeros(len(columns[0]), dtype=np.uint64) for _ in range(PARTS)] for _ in range(2))
    for place, column in enumerate(columns):
        for deal, part in ((turns, place % PARTS), (thirds, place * PARTS // len(columns))):
            deal[part] = _mixed(deal[part], column)
    return [turns, thirds]


def _mixed(a: Hashes, b: Hashes) -> Hashes:
    x = (a ^ (a >> np.uint64(29))) * MULTIPLIER + b + np.uint64(1)  # unsigned numbers wrap around
    return (x ^ (x >> np.uint64(32))) * MULTIPLIER
