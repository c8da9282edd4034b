"""Seeded samples of rows, for AITs whose method is too expensive for all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.ait import Table

__all__ = ["half", "some", "some_rows"]


def some(n: int, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw at most ``most`` of the positions 0 to ``n - 1`` without replacement, ascending; all where they suffice."""
    return np.arange(n) if n <= most else np.sort(rng.choice(n, size=most, replace=False))


def some_rows(table: Table, most: int, seed: int) -> Table:
    """Draw at most ``most`` rows of a table, in their order; the table itself where it has no more."""
    n = len(table.frame)
    if n <= most:
        return table
    at = some(n, most, np.random.default_rng([seed, n]))
    return Table(table.frame.iloc[at], None if table.labels is None else table.labels.iloc[at], table.roles)


def half(n: int, groups: NDArray[Any] | None, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw half of n rows, or of their groups where there are any: (n,) which are in it; the smaller half if odd."""
    unit = np.arange(n) if groups is None else pd.factorize(groups, use_na_sentinel=False)[0]
    units = int(unit.max(initial=-1)) + 1
    return np.asarray(np.isin(unit, rng.permutation(units)[: units // 2]))
