"""Seeded samples of rows, for AITs whose method is too expensive for all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmtestbed.ait import Table

__all__ = ["some", "some_rows"]


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
