"""Small random changes of the numbers in a table, in units of each column's own spread."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["NumericColumn", "add_noise", "numeric_columns"]

_NORMAL_IQR = 1.3489795003921634
"""Interquartile range of a normal distribution in standard deviations."""


@dataclass(frozen=True)
class NumericColumn:
    """A column that can be changed a little.

    Attributes
    ----------
    name
        In the frame.
    spread
        Robust standard deviation: interquartile range / 1.349, or the standard deviation where that is 0. Above 0.
    low, high
        Range of the values; none is changed to lie outside.
    whole
        Whether all values are whole numbers; changed ones are then rounded.
    """

    name: Any
    spread: float
    low: float
    high: float
    whole: bool


def numeric_columns(frame: pd.DataFrame, leave_out: Collection[Any] = ()) -> list[NumericColumn]:
    """Find the columns of numbers with more than two different values.

    Truth values, columns of one or two different values (flags) and whatever is no number are not among them.
    """
    found = (_describe(frame[name]) for name in frame.columns if name not in leave_out)
    return [column for column in found if column is not None]


def _describe(series: pd.Series[Any]) -> NumericColumn | None:
    kind = series.dtype
    if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return None
    if pd.api.types.is_complex_dtype(kind):
        return None
    values = _numbers(series)
    finite = values[np.isfinite(values)]
    if len(np.unique(finite)) <= 2:
        return None
    quartiles = np.quantile(finite, [0.25, 0.75])
    spread = float(quartiles[1] - quartiles[0]) / _NORMAL_IQR or float(finite.std())
    if not (np.isfinite(spread) and spread > 0):
        return None
    return NumericColumn(series.name, spread, float(finite.min()), float(finite.max()), bool((finite % 1 == 0).all()))


def add_noise(
    frame: pd.DataFrame, columns: Iterable[NumericColumn], scale: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Add independent normal noise of standard deviation ``scale`` times the spread to each cell of the columns.

    Missing and infinite values stay as they are, whole columns stay whole, values stay in the column's range and
    columns keep their type.
    """
    noisy = frame.copy(deep=False)
    for column in columns:
        old = frame[column.name]
        values = _numbers(old)
        new = np.clip(values + scale * column.spread * rng.standard_normal(len(values)), column.low, column.high)
        new = np.where(np.isfinite(values), np.rint(new) if column.whole else new, values)
        noisy[column.name] = pd.Series(new, index=frame.index).astype(old.dtype)
    return noisy


def _numbers(series: pd.Series[Any]) -> NDArray[np.float64]:
    return series.to_numpy(dtype=np.float64, na_value=np.nan)
