"""Whole records of tables: which have the same content, and whether two tables can be compared at all.

Numbers are compared by value (1 equals 1.0), missing equals missing, text must agree in every character. No hash
decides on equality, so none can collide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype

from qmtestbed.ait import Table

__all__ = ["first_rows", "marks", "not_comparable", "record_ids", "shared_features"]

Codes = NDArray[np.int64]
EXACT = 2**53
"""Up to here float64 holds every whole number exactly."""

KINDS = {
    "integer": "numbers",
    "floating": "numbers",
    "boolean": "numbers",
    "mixed-integer-float": "numbers",
    "decimal": "numbers",
    "string": "text",
    "datetime": "times",
    "datetime64": "times",
}


def marks(parts: Sequence[pd.Series[Any]]) -> NDArray[np.uint64]:
    """Mark the values of a column that may lie in several tables, one below the other.

    Parameters
    ----------
    parts
        The column of each table.

    Returns
    -------
    array
        (total rows,) equal for equal values, whatever type a file gave them, and different for different ones.
    """
    values = _stacked(parts)
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        # The bits of numbers will do, once there is one zero and one NaN; numbering the values takes ten times longer.
        return np.where(np.isnan(values), np.nan, values + 0.0).view(np.uint64)
    return _codes(values).astype(np.uint64)


def record_ids(columns: Sequence[Sequence[pd.Series[Any]]]) -> Codes:
    """Give each record a number; equal content has equal numbers.

    Parameters
    ----------
    columns
        At least one; each is that column of every table.

    Returns
    -------
    array
        (total rows,) numbers from 0 on, without gaps.
    """
    ids = np.zeros(sum(map(len, columns[0])), dtype=np.int64)
    # Rows that differ from all others already need no further look; the others have a group and a place.
    place, group, used = np.arange(len(ids)), ids.copy(), 0
    for parts in columns:
        if not len(place):
            break
        values = _codes(_stacked(parts)[place])
        # Both factors are at most n + 1, so the product stays far below 2^63.
        group = pd.factorize(group * (values.max() + 1) + values)[0].astype(np.int64)
        ids[place] = used + group
        used += int(group.max()) + 1
        again = np.bincount(group)[group] > 1
        place, group = place[again], group[again]
    found: Codes = pd.factorize(ids)[0].astype(np.int64)
    return found


def first_rows(ids: Codes, size: int) -> Codes:
    """Give the position of the first row of each id below ``size``, (size,); -1 where there is none."""
    first = np.full(size, -1)
    first[ids[::-1]] = np.arange(len(ids))[::-1]
    return first


def shared_features(features: Sequence[str], train: Table) -> list[str]:
    """Give the features without those that the roles of the training table set aside."""
    aside = set(train.frame.columns) - set(train.features.columns)
    return [c for c in features if c not in aside]


def not_comparable(data: Table, train: Table | None, features: Sequence[str]) -> str:
    """Say why the records can't be looked up in the training table; empty if they can."""
    if train is None:
        return "No training data are given."
    if not len(train.frame):
        return "The training table has no rows."
    absent = [c for c in features if c not in train.frame.columns]
    if absent or not features:
        return f"The training table lacks the columns {absent}." if absent else "There are no columns to compare."
    for c in features:
        ours, theirs = _kind(data.frame[c]), _kind(train.frame[c])
        alike = ours == theirs or "empty" in (ours, theirs)
        if not alike and not ours.startswith("mixed") and not theirs.startswith("mixed"):
            return f"Column {c!r} holds {ours} in the one table and {theirs} in the other."
    return ""


def _codes(values: Any) -> Codes:
    """Number the values of a column; a missing one is 0."""
    found: Codes = pd.factorize(values)[0].astype(np.int64)
    return found + 1


def _stacked(parts: Sequence[pd.Series[Any]]) -> Any:
    """One column below the other, in a form where equal content is equal."""
    plain = [p.astype(object).infer_objects() if isinstance(p.dtype, pd.CategoricalDtype) else p for p in parts]
    if all(_fits_float64(p) for p in plain):
        return np.concatenate([p.to_numpy(dtype=np.float64, na_value=np.nan) for p in plain])
    numbers = all(_kind(p) in ("numbers", "empty") for p in plain)
    return pd.concat([p.astype(object) for p in plain] if numbers else plain, ignore_index=True).array


def _fits_float64(series: pd.Series[Any]) -> bool:
    if not pd.api.types.is_numeric_dtype(series) or pd.api.types.is_complex_dtype(series):
        return False
    present = series.dropna()
    if pd.api.types.is_float_dtype(series) or not len(present):
        return True
    return bool(present.min() >= -EXACT) and bool(present.max() <= EXACT)


def _kind(series: pd.Series[Any]) -> str:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return "times with a zone"
    if not series.notna().any():
        return "empty"
    values = series.astype(object) if isinstance(series.dtype, pd.CategoricalDtype) else series
    inferred = infer_dtype(values, skipna=True)
    return KINDS.get(inferred, inferred)
