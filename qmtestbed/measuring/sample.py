"""Rows in one form: checked, with weights, and with the independent unit that each belongs to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Rows of positive weight, and which independent unit each belongs to.

    Attributes
    ----------
    columns
        The values, each (rows,) float64.
    weights
        (rows,) positive; all 1 where they are equal.
    unit
        (rows,) the number of the row's unit, 0 to ``units - 1``.
    units
        How many groups there are; without groups, rows.
    """

    columns: tuple[Floats, ...]
    weights: Floats
    unit: NDArray[np.intp]
    units: int

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.weights)

    @property
    def equal(self) -> bool:
        """Whether all rows count alike."""
        return bool((self.weights == 1).all())

    @property
    def simple(self) -> bool:
        """Whether all rows count alike and are independent."""
        return self.equal and self.units == self.rows

    @property
    def size(self) -> int:
        """How many independent items an estimate rests on: units, or where weights differ, their effective number."""
        if self.equal:
            return self.units
        return math.floor(_kish(self._per_unit(self.weights)))

    @property
    def effective_rows(self) -> float:
        """How many rows of equal weight would tell as much, were the rows independent."""
        return _kish(self.weights)

    def mean(self, x: Floats) -> float:
        """Weighted mean of (rows,) values."""
        return float(np.average(x, weights=self.weights))

    def standard_error(self, influence: Floats) -> float:
        """Give that of the statistic with this (rows,) influence function; needs two units."""
        sums = self._per_unit(self.weights * influence)
        return math.sqrt(self.units / (self.units - 1) * float(sums @ sums)) / float(self.weights.sum())

    def _per_unit(self, x: Floats) -> Floats:
        return np.asarray(np.bincount(self.unit, weights=x, minlength=self.units), dtype=np.float64)


def arrange(confidence: float, groups: ArrayLike | None, weights: ArrayLike | None, *columns: ArrayLike) -> Sample:
    """Check what a kernel was given and bring it into one form.

    Raises
    ------
    ValueError
        Entries that are not finite numbers, not one per row, negative weights, a confidence outside (0, 1).
    """
    check_confidence(confidence)
    arrays = tuple(_numbers(c, "values") for c in columns)
    n = len(arrays[0])
    w = np.ones(n) if weights is None else _numbers(weights, "weights")
    codes = np.arange(n) if groups is None else _codes(groups)
    if {len(w), len(codes), *map(len, arrays)} != {n}:
        raise ValueError(f"values, groups and weights must be of one length; found {[*map(len, (*arrays, codes, w))]}")
    if (w < 0).any():
        raise ValueError(f"weights must not be negative; found {w.min()}")
    kept = w > 0
    w = w[kept] / w.max(initial=0.0)
    found, unit = np.unique(codes[kept], return_inverse=True)
    return Sample(tuple(a[kept] for a in arrays), w, unit, len(found))


def _numbers(x: ArrayLike, what: str) -> Floats:
    array = np.asarray(x, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{what} must have one entry per row; found shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite; {int((~np.isfinite(array)).sum())} of {len(array)} are not")
    return array


def _codes(groups: ArrayLike) -> NDArray[np.intp]:
    values: Any = np.asarray(groups)
    if values.ndim != 1:
        raise ValueError(f"groups must have one entry per row; found shape {values.shape}")
    codes: NDArray[np.intp] = pd.factorize(values, use_na_sentinel=False)[0]
    return codes


def _kish(weights: Floats) -> float:
    """Effective number of equally weighted items (Kish, Survey Sampling, 1965); 1e-9 is for rounding."""
    return float(weights.sum() ** 2 / (weights @ weights)) + 1e-9


def check_confidence(confidence: float) -> None:
    """Refuse a confidence outside (0, 1) with ``ValueError``."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1; found {confidence}")
