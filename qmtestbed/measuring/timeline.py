"""Rows in order of time: cuts between early and late rows, and what chance alone puts between the two sides.

Rows next to each other in time may depend on each other, so blocks of them are put in another order, not single rows.
Where the dependence outlasts a block, that shows too little; :func:`beyond_blocks` says by how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.ait import Table, Undefined
from qmtestbed.measuring.columns import kind_of, numbers_of

__all__ = ["Cuts", "beyond_blocks", "cut_in_time", "in_time", "times_of"]

Floats = NDArray[np.float64]
BLOCKS = (20, 40)
PER_BLOCK = 25
"""From 20 to 40 blocks, of 25 rows or more where there are as many."""
LEAST_SIDE = 0.1


def times_of(data: Table) -> Floats | Undefined:
    """Give (rows,) float64 that orders the rows in time; NaN where the time is missing."""
    if data.roles.time is None or data.roles.time not in data.frame.columns:
        return Undefined("No column has the role time.")
    values = data.frame[data.roles.time]
    kind = kind_of(values)
    if kind == "categories":
        text = values.astype(object).where(values.notna(), None).map(str, na_action="ignore")
        read = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
        if read.isna().sum() > values.isna().sum():
            return Undefined("The column of the time holds text that is no time as in ISO 8601 (2026-01-31 10:30).")
        values, kind = read, "times"
    if kind == "empty":
        return Undefined("The column of the time is empty.")
    return numbers_of(values, kind)


def in_time(times: Floats, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Rows with a time, a sample where there are many, from early to late; those of the same time in random order."""
    known = np.flatnonzero(np.isfinite(times))
    known = rng.permutation(known)[:rows]
    return known[np.argsort(times[known], kind="stable")]


@dataclass(frozen=True)
class Cuts:
    """Rows in blocks along time, and weights that give late less early for each order of blocks and each cut.

    Attributes
    ----------
    block
        (rows,) block of each row.
    weights
        (orders, cuts, blocks): 1 / late rows for late blocks, -1 / early rows for early ones; the real order first.
    balance
        (orders, cuts): 2 sqrt(share early * share late), which makes cuts comparable.
    at
        (cuts,) first row after each cut, in the real order.
    """

    block: np.ndarray
    weights: Floats
    balance: Floats
    at: np.ndarray

    @property
    def blocks(self) -> int:
        """How many."""
        return int(self.weights.shape[2])


def cut_in_time(times: Floats, permutations: int, rng: np.random.Generator, most: int = 16) -> Cuts:
    """Divide rows into blocks along time, and put the blocks in other orders.

    Parameters
    ----------
    times
        (rows,) ascending, with two different ones at least.
    permutations
        How many other orders.
    rng
        Source of the orders.
    most
        How many cuts.

    Returns
    -------
    Cuts
        At borders of blocks where the time changes, with a tenth of the rows on each side if there are such. Where
        times repeat, borders lie where the time changes as far as it does.
    """
    n = len(times)
    blocks = int(np.clip(n // PER_BLOCK, *BLOCKS))
    borders = np.rint(np.arange(1, blocks) * n / blocks).astype(int)
    changes = np.flatnonzero(np.diff(times) > 0) + 1
    # A border moves to the nearest change of time, if that is nearer to it than to the next one.
    after = np.minimum(np.searchsorted(changes, borders), len(changes) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(
        np.abs(changes[before] - borders) < np.abs(changes[after] - borders), changes[before], changes[after]
    )
    near = np.abs(nearest - borders) <= n / blocks / 2
    borders = np.unique(np.where(near, nearest, borders))
    if not np.isin(borders, changes).any():  # the only change is among the very first or last rows
        borders = np.unique(np.r_[borders, changes[np.argmin(np.abs(changes - n / 2))]])
    block = np.searchsorted(borders, np.arange(n), side="right")
    sizes = np.bincount(block)
    share = borders / n
    possible = np.flatnonzero(np.isin(borders, changes) & (share >= LEAST_SIDE) & (share <= 1 - LEAST_SIDE))
    if not len(possible):  # hardly any rows before or after the only change
        possible = np.flatnonzero(np.isin(borders, changes))
    possible = possible[np.unique(np.linspace(0, len(possible) - 1, min(most, len(possible))).astype(int))]
    orders = np.tile(np.arange(len(sizes)), (permutations + 1, 1))
    rng.permuted(orders[1:], axis=1, out=orders[1:])
    place = np.argsort(orders, axis=1)
    early = place[:, None, :] <= possible[None, :, None]
    counts = (early * sizes).sum(axis=2)
    weights = np.where(early, -1 / counts[:, :, None], 1 / (n - counts)[:, :, None])
    return Cuts(block, weights, 2 * np.sqrt(counts / n * (1 - counts / n)), borders[possible])


def beyond_blocks(correlation: float, rows: int, blocks: int) -> float:
    """How many times as far sums over many blocks move as orders of independent blocks show.

    For an autoregressive series of first order: root of the variance of long sums / that of sums over a block, per row.
    The estimate of the correlation is corrected for its bias.

    Parameters
    ----------
    correlation
        Of each row with the one before; below 0 counts as 0.
    rows, blocks
        How many there are; blocks are taken to be of the same size.

    Returns
    -------
    float
        1 for independent rows, else above 1.

    References
    ----------
    Kendall, Note on bias in the estimation of autocorrelation, Biometrika 41 (1954), 403-404.
    """
    r = float(np.clip(correlation + (1 + 3 * correlation) / rows, 0.0, 0.9999))
    length = rows / blocks
    long = (1 + r) / (1 - r)
    inside = long - 2 * r * (1 - r**length) / (length * (1 - r) ** 2)
    return float(np.sqrt(long / max(inside, 1e-9)))
