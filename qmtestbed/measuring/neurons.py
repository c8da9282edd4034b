"""What inputs make of the units of a layer: coverage criteria of DeepXplore and DeepGauge.

Each function takes the activations of one layer, (n, units) finite, of n inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ranges", "above_threshold", "among_top", "ranges_of", "scaled", "sections_hit"]

Values = NDArray[np.floating]
ROUNDING = 1e-5
"""An activation leaves a range only by more than this share of its end: rounding differs from batch to batch."""
Truths = NDArray[np.bool_]


def scaled(values: Values) -> Values:
    """Bring the activations that each input makes in the layer to [0, 1]; all 0 where they are all alike.

    References
    ----------
    Pei, Cao, Yang & Jana, DeepXplore, SOSP 2017 (arXiv:1705.06640), section 6.1.
    """
    low = values.min(axis=1, keepdims=True)
    spread = values.max(axis=1, keepdims=True) - low
    return np.asarray(np.divide(values - low, spread, out=np.zeros_like(values), where=spread > 0))


def above_threshold(values: Values, threshold: float) -> Truths:
    """Tell which units some input drives above a threshold, after :func:`scaled`: (units,).

    Examples
    --------
    >>> above_threshold(np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]]), 0.5).tolist()
    [True, False, True]
    """
    return np.asarray((scaled(values) > threshold).any(axis=0))


def among_top(values: Values, k: int) -> Truths:
    """Tell which units are among the k most active ones of the layer for some input: (units,).

    Of equally active ones the first count. Reference: Ma et al., DeepGauge, ASE 2018 (arXiv:1803.07519).
    """
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    found = np.zeros(values.shape[1], dtype=bool)
    found[np.unique(order)] = True
    return found


@dataclass(frozen=True)
class Ranges:
    """Lowest and highest activation of each unit in a reference: (units,) each."""

    low: Values
    high: Values

    @property
    def vary(self) -> Truths:
        """Tell which units the reference does not leave at one value: (units,)."""
        return np.asarray(self.high - self.low > ROUNDING * np.maximum(np.abs(self.high), np.abs(self.low)))

    def above(self, values: Values) -> Truths:
        """Tell which activations are higher than any of the reference: (n, units)."""
        return np.asarray(values > self.high + ROUNDING * np.abs(self.high))

    def below(self, values: Values) -> Truths:
        """Tell which activations are lower than any of the reference: (n, units)."""
        return np.asarray(values < self.low - ROUNDING * np.abs(self.low))


def ranges_of(values: Values) -> Ranges:
    """Find the ranges of a reference of at least one input."""
    return Ranges(values.min(axis=0), values.max(axis=0))


def sections_hit(values: Values, ranges: Ranges, k: int) -> NDArray[np.intp]:
    """Count which of k equal sections of its range each unit is in for some input: (units,), 0 for constant ones.

    Activations outside the range are in none. Reference: Ma et al., DeepGauge, ASE 2018 (arXiv:1803.07519).
    """
    width = np.where(ranges.vary, ranges.high.astype(np.float64) - ranges.low, 1.0)
    place = np.floor((values.astype(np.float64) - ranges.low) / width * k)
    inside = ranges.vary & ~ranges.above(values) & ~ranges.below(values)
    hit = np.zeros((values.shape[1], k), dtype=bool)
    item, unit = np.nonzero(inside)
    hit[unit, np.clip(place[item, unit], 0, k - 1).astype(np.intp)] = True
    return np.asarray(hit.sum(axis=1))
