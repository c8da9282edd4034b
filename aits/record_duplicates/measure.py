"""Records that occur more than once: inside a table, and between a test table and the training table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qmtestbed.ait import Finding, SampleRows, Subject, Table, Undefined
from qmtestbed.measuring.records import first_rows, not_comparable, record_ids, shared_features

MOST_ROWS = 1000
MOST_EXAMPLES = 20


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

    shared = features if columns or train is None else shared_features(features, train)
    reason = not_comparable(data, train, shared)
    if train is None or reason:
        result |= {"overlap_share": Undefined(reason), "overlap_count": Undefined(reason)}
    else:
        partner = _partners(data, train, shared)
        seen = np.flatnonzero(partner >= 0)
        result |= {"overlap_share": len(seen) / len(partner), "overlap_count": len(seen)}
        result["findings"] += _findings("train_test_overlap", seen, len(partner), "occur in the training data")
        examples += [("occurs in the training data", int(i), int(partner[i])) for i in seen[:MOST_EXAMPLES]]
    found, rows, partners = zip(*examples, strict=True) if examples else ((), (), ())
    return {**result, "examples": SampleRows(rows, {"finding": found}, {"same as row": partners})}


def _earlier(data: Table, features: Sequence[str]) -> np.ndarray:
    """For each row the first row of equal content, or -1 if that is itself."""
    columns = [[data.frame[c]] for c in features]
    ids = record_ids(columns if data.labels is None else [*columns, [data.labels]])
    first = np.asarray(first_rows(ids, int(ids.max()) + 1)[ids])
    first[first == np.arange(len(ids))] = -1
    return first


def _partners(data: Table, train: Table, features: Sequence[str]) -> np.ndarray:
    """For each row of ``data`` the first row of ``train`` with equal features, or -1."""
    ids = record_ids([[data.frame[c], train.frame[c]] for c in features])
    ours, theirs = ids[: len(data.frame)], ids[len(data.frame) :]
    first = first_rows(theirs, int(ids.max()) + 1)
    return np.asarray(first[ours])


def _findings(kind: Any, rows: np.ndarray, of: int, what: str) -> list[Finding]:
    if not len(rows):
        return []
    listed = f" The first {MOST_ROWS} are listed." if len(rows) > MOST_ROWS else ""
    name = "duplicate_share" if kind == "duplicate_rows" else "overlap_share"
    subject = Subject(rows=tuple(rows[:MOST_ROWS].tolist()))
    return [Finding(kind, subject, name, len(rows) / of, f"{len(rows)} of {of} rows {what}.{listed}")]
