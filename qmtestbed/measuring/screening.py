"""For AITs that call the model once or more per column: wide tables within a bounded amount of work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

__all__ = ["rows_within", "strongest"]

T = TypeVar("T")

MOST_CELLS = 2_000_000
"""Cells that a model is given in one call: 2,000 rows of 1,000 columns."""


def rows_within(rows: int, columns: int, cells: int = MOST_CELLS) -> int:
    """How many of the rows to take so that they have at most so many cells; 100 at least, if there are."""
    return min(rows, max(100, cells // max(1, columns)))


def strongest(
    columns: Sequence[T], most: int, effect: Callable[[Sequence[T]], float], rng: np.random.Generator
) -> list[T]:
    """Choose those columns that matter most, by what blocks of them do together.

    The columns are dealt to ``most`` blocks, the columns of the blocks with the largest effect are kept (a quarter of
    all, ``most`` at least), and so on until ``most`` or fewer are left. The number of calls grows with the logarithm of
    the number of columns. A column whose effect others cancel, or that matters only beside one in another block, may be
    overlooked.

    Parameters
    ----------
    columns
        All of them.
    most
        How many to keep, at least 1; with as many columns or fewer, ``effect`` is not called.
    effect
        Of changing these columns together; the larger, the more they matter.
    rng
        Deals the columns.

    Returns
    -------
    list
        At most ``most`` columns, in their given order.

    References
    ----------
    Dorfman, The detection of defective members of large populations, Annals of Mathematical Statistics 14 (1943),
    436-440.
    """
    kept = np.arange(len(columns))
    while len(kept) > most:
        blocks = np.array_split(rng.permutation(kept), most)
        effects = np.array([effect([columns[int(i)] for i in np.sort(b)]) for b in blocks])
        room, chosen = max(most, len(kept) // 4), list[int]()
        for b in np.argsort(-effects, kind="stable"):
            if len(chosen) + len(blocks[b]) <= room:
                chosen += [int(i) for i in blocks[b]]
        kept = np.sort(np.array(chosen, dtype=int))
    return [columns[int(i)] for i in kept]
