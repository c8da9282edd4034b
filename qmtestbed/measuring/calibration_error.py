"""The expected calibration error of stated probabilities, and what chance alone makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.measuring.binning import into_bins

__all__ = ["Stated", "calibration_error", "errors_by_chance"]

Floats = NDArray[np.float64]
MOST_DRAWN = 10_000_000
"""Numbers drawn at a time, to bound memory."""


@dataclass(frozen=True)
class Stated:
    """Probabilities of an event, and whether it happened, all (n,), n at least 1.

    ``groups`` names rows that belong together, ``weights`` are positive; ``None``: rows are independent, count alike.
    """

    said: Floats
    happened: NDArray[np.bool_]
    groups: NDArray[Any] | None = None
    weights: Floats | None = None

    @property
    def shares(self) -> Floats:
        """(n,) share of each row in the whole weight."""
        w = np.ones(len(self.said)) if self.weights is None else self.weights.astype(float)
        return np.asarray(w / w.sum())


def calibration_error(stated: Stated, edges: Floats) -> float:
    """Average over rows the absolute difference, in each bin, of mean probability and share happened; in [0, 1].

    References
    ----------
    Naeini, Cooper & Hauskrecht, AAAI 2015, 2901-2907.
    """
    off = stated.shares * (stated.said - stated.happened)
    gaps = np.bincount(into_bins(stated.said, edges), weights=off, minlength=len(edges) - 1)
    return min(float(np.abs(gaps).sum()), 1.0)


def errors_by_chance(stated: Stated, edges: Floats, simulations: int, rng: np.random.Generator) -> Floats:
    """Draw calibration errors that chance gives where every probability is right, (simulations,).

    With groups the differences of whole groups change sign by lot instead, which is an approximation.

    References
    ----------
    Bröcker & Smith, Weather and Forecasting 22 (2007), 651-661; Cameron, Gelbach & Miller, Review of Economics and
    Statistics 90 (2008), 414-427.
    """
    bin_of, w = into_bins(stated.said, edges), stated.shares
    if stated.groups is not None:
        return _by_signs(stated, stated.groups, bin_of, simulations, rng)
    order = np.argsort(bin_of, kind="stable")
    starts = np.flatnonzero(np.diff(bin_of[order], prepend=-1))
    said, w = stated.said[order], w[order]
    expected = np.add.reduceat(w * said, starts)
    found = np.empty(simulations)
    step = max(1, MOST_DRAWN // len(said))
    for start in range(0, simulations, step):
        right = rng.random((min(step, simulations - start), len(said))) < said
        sums = np.add.reduceat(np.where(right, w, 0.0), starts, axis=1)
        found[start : start + step] = np.abs(sums - expected).sum(axis=1)
    return found


def _by_signs(
    stated: Stated, together: NDArray[Any], bin_of: NDArray[np.intp], simulations: int, rng: np.random.Generator
) -> Floats:
    """Turn the sign of all differences in a group at once, by lot: their spread between groups stays as it is."""
    unit, groups = pd.factorize(together, use_na_sentinel=False)
    k = int(bin_of.max()) + 1
    off = stated.shares * (stated.happened - stated.said)
    sums = np.bincount(unit * k + bin_of, weights=off, minlength=len(groups) * k)
    found = np.empty(simulations)
    step = max(1, MOST_DRAWN // len(groups))
    for start in range(0, simulations, step):
        signs = rng.choice([-1.0, 1.0], size=(min(step, simulations - start), len(groups)))
        found[start : start + step] = np.abs(signs @ sums.reshape(len(groups), k)).sum(axis=1)
    return found
