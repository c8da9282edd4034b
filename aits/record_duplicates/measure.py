"""Records that occur more than once: inside a table, and between a test table and the training table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from qmtestbed.ait import DataTable, Finding, Subject, Table, Undefined

MOST_ROWS = 1000
MOST_EXAMPLES = 20
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


def measure(data: Table, train: Table | None = None, *, columns: Sequence[str] = ()) -> dict[str, Any] | Undefined:
    """Find repeated records by their content.

    Parameters
    ----------
    data
        The table in which rows are looked for that repeat an earlier one: in all features and the label.
    train
        The training table; looked up are the rows of ``data`` whose features occur in it, whatever their label.
    columns
        Compare these columns only; without, all but those with the roles id, group, weight and ignore.

    Returns
    -------
    dict or Undefined
        Shares in [0, 1] and counts, 0 if nothing is repeated; undefined for a table without rows or columns.

    Raises
    ------
    ValueError
        ``columns`` names a column that the table does not have.
    """
    unknown = [c for c in columns if c not in data.frame.columns]
    if unknown:
        raise ValueError(f"the table has no column {unknown[0]!r}; it has {list(data.frame.columns)}")
    features = list(columns or data.features.columns)
    if not len(data.frame) or not features:
        return Undefined("The table has no rows." if features else "The table has no columns to compare.")
    earlier = _earlier(data, features)
    repeats = np.flatnonzero(earlier >= 0)
    result: dict[str, Any] = {
        "duplicate_share": len(repeats) / len(earlier),
        "duplicate_count": len(repeats),
        "findings": _findings("duplicate_rows", repeats, len(earlier), "repeat an earlier row"),
    }
    examples = [("repeats an earlier row", int(i), int(earlier[i])) for i in repeats[:MOST_EXAMPLES]]

    shared = features if columns or train is None else _without_aside(features, train)
    reason = _not_comparable(data, train, shared)
    if train is None or reason:
        result |= {"overlap_share": Undefined(reason), "overlap_count": Undefined(reason)}
    else:
        partner = _partners(data, train, shared)
        seen = np.flatnonzero(partner >= 0)
        result |= {"overlap_share": len(seen) / len(partner), "overlap_count": len(seen)}
        result["findings"] += _findings("train_test_overlap", seen, len(partner), "occur in the training data")
        examples += [("occurs in the training data", int(i), int(partner[i])) for i in seen[:MOST_EXAMPLES]]
    return {**result, "examples": DataTable(("finding", "row", "same as row"), examples)}


def _earlier(data: Table, features: Sequence[str]) -> np.ndarray:
    """For each row the first row of equal content, or -1 if that is itself."""
    columns = [[data.frame[c]] for c in features]
    ids = _record_ids(columns if data.labels is None else [*columns, [data.labels]])
    first = np.asarray(_first_rows(ids, int(ids.max()) + 1)[ids])
    first[first == np.arange(len(ids))] = -1
    return first


def _partners(data: Table, train: Table, features: Sequence[str]) -> np.ndarray:
    """For each row of ``data`` the first row of ``train`` with equal features, or -1."""
    ids = _record_ids([[data.frame[c], train.frame[c]] for c in features])
    ours, theirs = ids[: len(data.frame)], ids[len(data.frame) :]
    first = _first_rows(theirs, int(ids.max()) + 1)
    return np.asarray(first[ours])


def _first_rows(ids: np.ndarray, size: int) -> np.ndarray:
    """Position of the first row of each id, or -1."""
    first = np.full(size, -1)
    first[ids[::-1]] = np.arange(len(ids))[::-1]
    return first


def _record_ids(columns: Sequence[Sequence[pd.Series[Any]]]) -> np.ndarray:
    """Give each record a number; equal content has equal numbers, and no hash decides, so none can collide."""
    ids = np.zeros(sum(map(len, columns[0])), dtype=np.int64)
    for parts in columns:
        codes = pd.factorize(_stacked(parts))[0].astype(np.int64) + 1  # a missing value is 0 and equals any other
        # Both factors are at most n + 1, so the product stays far below 2^63.
        pairs = ids * (codes.max() + 1) + codes
        ids = pd.factorize(pairs)[0].astype(np.int64)
        if ids.max() + 1 == len(ids):
            break  # all records differ already
    return ids


def _stacked(parts: Sequence[pd.Series[Any]]) -> Any:
    """One column below the other, in a form where equal content is equal, whatever types the files gave it."""
    plain = [p.astype(object).infer_objects() if isinstance(p.dtype, pd.CategoricalDtype) else p for p in parts]
    if all(_fits_float64(p) for p in plain):
        return np.concatenate([p.to_numpy(dtype=np.float64, na_value=np.nan) for p in plain])
    numbers = all(_kind(p) in ("numbers", "empty") for p in plain)
    return pd.concat([p.astype(object) for p in plain] if numbers else plain, ignore_index=True)


def _fits_float64(series: pd.Series[Any]) -> bool:
    if not pd.api.types.is_numeric_dtype(series) or pd.api.types.is_complex_dtype(series):
        return False
    present = series.dropna()
    if pd.api.types.is_float_dtype(series) or not len(present):
        return True
    return bool(present.min() >= -EXACT) and bool(present.max() <= EXACT)


def _without_aside(features: Sequence[str], train: Table) -> list[str]:
    aside = set(train.frame.columns) - set(train.features.columns)
    return [c for c in features if c not in aside]


def _not_comparable(data: Table, train: Table | None, features: Sequence[str]) -> str:
    """Why the rows can't be looked up in the training table; empty if they can."""
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


def _kind(series: pd.Series[Any]) -> str:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return "times with a zone"
    if not series.notna().any():
        return "empty"
    values = series.astype(object) if isinstance(series.dtype, pd.CategoricalDtype) else series
    inferred = infer_dtype(values, skipna=True)
    return KINDS.get(inferred, inferred)


def _findings(kind: Any, rows: np.ndarray, of: int, what: str) -> list[Finding]:
    if not len(rows):
        return []
    listed = f" The first {MOST_ROWS} are listed." if len(rows) > MOST_ROWS else ""
    name = "duplicate_share" if kind == "duplicate_rows" else "overlap_share"
    subject = Subject(rows=tuple(rows[:MOST_ROWS].tolist()))
    return [Finding(kind, subject, name, len(rows) / of, f"{len(rows)} of {of} rows {what}.{listed}")]
