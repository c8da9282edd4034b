"""Whether records can be told apart by what others may know of a person (quasi-identifiers)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.ait import Bars, DataTable, Finding, SampleRows, Subject, Table, Undefined
from qmtestbed.measuring.records import record_ids

MOST_ROWS = 1000
MOST_EXAMPLES = 20
SIZES = ((1, "1"), (2, "2"), (3, "3-4"), (5, "5-9"), (10, "10-19"), (20, "20-49"), (50, "50 or more"))
"""Least size and name of each bar."""

Codes = NDArray[np.int64]


def measure(
    data: Table, *, quasi_identifiers: Sequence[str] = (), confidential: Sequence[str] = (), k: int = 5
) -> dict[str, Any] | Undefined:
    """Group records that agree in every quasi-identifier, and count the persons of each group.

    Parameters
    ----------
    data
        Records of persons. Those that share a value of the role group (or, without one, id) are of one person.
    quasi_identifiers
        Columns that others may know of a person; without, those with the role sensitive.
    confidential
        Columns that must not be learnt about a person; without, the label where there is one.
    k
        A class of fewer persons counts as small.

    Returns
    -------
    dict or Undefined
        Shares of records in [0, 1], counts of persons and values of at least 1; undefined without rows or without
        quasi-identifiers.

    Raises
    ------
    ValueError
        A column is named that the table does not have, or one that is both known and confidential.
    """
    known = list(dict.fromkeys(quasi_identifiers or data.roles.sensitive))
    secret = _confidential(data, confidential, known)
    if not known or not len(data.frame):
        return Undefined("No column is a quasi-identifier." if len(data.frame) else "The table has no rows.")
    if not any(_column(data, c).notna().any() for c in known):
        return Undefined("No quasi-identifier has a value in any row.")
    person = _persons(data)
    classes = record_ids([[_column(data, c)] for c in known])
    size = _distinct(classes, person)
    unique = np.flatnonzero(size == 1)
    share = len(unique) / len(size)
    without = {c: _unique_without(data, known, c, person) for c in known}
    values = _distinct(classes, record_ids([[_column(data, c)] for c in secret])) if secret else None
    none = Undefined("No column is confidential, and the table has no label.")
    return {
        "smallest_class": int(size.min()),
        "unique_share": share,
        "small_class_share": float((size < k).mean()),
        "classes": int(classes.max()) + 1,
        "unique_without": without,
        "l_diversity": none if values is None else int(values.min()),
        "disclosed_share": none if values is None else float((values == 1).mean()),
        "class_sizes": _bars(size),
        "columns": _table(data, known, without),
        "examples": SampleRows(unique[:MOST_EXAMPLES].tolist(), {"persons alike": [1] * len(unique[:MOST_EXAMPLES])}),
        "findings": _findings(unique, share, without),
    }


def _confidential(data: Table, named: Sequence[str], known: Sequence[str]) -> list[str]:
    there = [*data.frame.columns, data.roles.label]
    unknown = [c for c in (*known, *named) if c not in there]
    if unknown:
        raise ValueError(f"the table has no column {unknown[0]!r}; it has {list(data.frame.columns)}")
    both = [c for c in named if c in known]
    if both:
        raise ValueError(f"column {both[0]!r} is named as a quasi-identifier and as confidential")
    label = data.roles.label if data.labels is not None else None
    return list(dict.fromkeys(named)) or [c for c in (label,) if c is not None and c not in known]


def _column(data: Table, name: str) -> pd.Series[Any]:
    """Give a column of the table, or its label."""
    return data.labels if data.labels is not None and name == data.roles.label else data.frame[name]


def _persons(data: Table) -> Codes:
    """Number the person of each record; without a value, a record is of a person of its own."""
    name = data.roles.group or data.roles.id
    if name is None:
        return np.arange(len(data.frame))
    codes = pd.factorize(data.frame[name])[0].astype(np.int64)
    lone = np.flatnonzero(codes < 0)
    codes[lone] = codes.max(initial=-1) + 1 + np.arange(len(lone))
    return codes


def _distinct(classes: Codes, values: Codes) -> Codes:
    """For each record how many different values its class holds, (n,)."""
    pairs = np.unique(np.column_stack([classes, values]), axis=0)
    return np.asarray(np.bincount(pairs[:, 0], minlength=int(classes.max()) + 1)[classes], dtype=np.int64)


def _unique_without(data: Table, known: Sequence[str], column: str, person: Codes) -> float:
    """Share of unique records if a column were not known; 0 for several persons if there is no other column."""
    rest = [c for c in known if c != column]
    classes = record_ids([[_column(data, c)] for c in rest]) if rest else np.zeros(len(person), dtype=np.int64)
    return float((_distinct(classes, person) == 1).mean())


def _bars(size: Codes) -> Bars:
    least = np.array([s for s, _ in SIZES])
    at = np.searchsorted(least, size, side="right") - 1
    shares = np.bincount(at, minlength=len(SIZES)) / len(size)
    return Bars([name for _, name in SIZES], shares.tolist(), title="share of records")


def _table(data: Table, known: Sequence[str], without: dict[str, float]) -> DataTable:
    rows = [[c, int(_column(data, c).nunique(dropna=False)), without[c]] for c in known]
    return DataTable(["quasi-identifier", "different values", "unique share without it"], rows)


def _findings(unique: Codes, share: float, without: dict[str, float]) -> list[Finding]:
    if not len(unique):
        return []
    listed = f" The first {MOST_ROWS} are listed." if len(unique) > MOST_ROWS else ""
    several = f"{len(unique)} records ({share:.1%}) are of the only person with their quasi-identifiers.{listed}"
    found = [Finding("identifiable", Subject(rows=tuple(unique[:MOST_ROWS].tolist())), "unique_share", share, several)]
    column = min(without, key=lambda c: without[c])
    if without[column] < share:
        text = f"Without column {column!r} {without[column]:.1%} of the records would be unique instead of {share:.1%}."
        found.append(Finding("identifiable", Subject(column=column), "unique_share", share, text))
    return found
