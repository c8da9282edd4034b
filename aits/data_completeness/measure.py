"""Completeness of a table after ISO/IEC 5259-2: how much of what should be there is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from qmtestbed.ait import Bars, Finding, Subject, Table, Undefined, class_name

MOST_BARS = 50


def measure(
    data: Table,
    *,
    also_missing: Sequence[str | float] = (),
    expected_occurrences: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, Any] | Undefined:
    """Count what is missing.

    Parameters
    ----------
    data
        The table; columns with the roles id, group, weight and ignore are left out, labels are counted apart.
    also_missing
        Values that stand for "missing" beside the empty cell, such as ``"?"`` or ``-999``.
    expected_occurrences
        Column → value → how many rows are expected to hold it.

    Returns
    -------
    dict or Undefined
        Ratios of what is there, 1 if nothing is missing; undefined for a table without rows.
    """
    if not len(data.frame):
        return Undefined("The table has no rows.")
    present = _present(data.features, also_missing)
    labelled = None if data.labels is None else _present(data.labels.to_frame(), also_missing).iloc[:, 0]
    per_column = {str(column): _ratio(int(present[column].sum()), len(present)) for column in present}
    per_record = present.sum(axis=1)
    columns = present.shape[1]
    return {
        "value_completeness": _ratio(int(per_record.sum()), present.size),
        "value_occurrence": _occurrences(data, expected_occurrences),
        "feature_completeness": per_column or Undefined("The table has no feature columns."),
        "record_completeness": _ratio(int((per_record > 0).sum()), len(present) if columns else 0),
        "complete_records": _ratio(int((per_record == columns).sum()), len(present) if columns else 0),
        "label_completeness": (
            Undefined("No column has the role label.")
            if labelled is None
            else _ratio(int(labelled.sum()), len(labelled))
        ),
        "completeness_by_feature": _bars(per_column),
        "findings": [*_findings(present, "feature_completeness"), *_label_findings(data, labelled)],
    }


def _present(frame: pd.DataFrame, also_missing: Sequence[str | float]) -> pd.DataFrame:
    there = frame.notna()
    return there & ~frame.isin(list(also_missing)) if also_missing else there


def _ratio(there: int, of: int) -> float | Undefined:
    return there / of if of else Undefined("The table has no feature columns.")


def _occurrences(data: Table, expected: Mapping[str, Mapping[str, float]] | None) -> dict[str, Any] | Undefined:
    if not expected:
        return Undefined("The parameter expected_occurrences names no value.")
    ratios: dict[str, Any] = {}
    for column, values in expected.items():
        observed = _counts(data, column)
        for value, count in values.items():
            ratios[f"{column}={value}"] = (
                observed[class_name(value)] / count if count > 0 else Undefined("The expected number is not above 0.")
            )
    return ratios


def _counts(data: Table, column: str) -> Counter[str]:
    """Rows per value, by its spelling: a column of whole numbers with a gap is read as 1.0, 2.0, … but written 1, 2."""
    if column == data.roles.label and data.labels is not None:
        series = data.labels
    elif column in data.frame.columns:
        series = data.frame[column]
    else:
        raise ValueError(f"expected_occurrences: the table has no column {column!r}; it has {list(data.frame.columns)}")
    counts: Counter[str] = Counter()
    for value, rows in series.value_counts().items():
        counts[class_name(value)] += int(rows)
    return counts


def _bars(per_column: Mapping[str, Any]) -> Bars:
    worst = sorted(per_column.items(), key=lambda item: item[1])[:MOST_BARS]
    return Bars([column for column, _ in worst], [ratio for _, ratio in worst])


def _findings(present: pd.DataFrame, name: str) -> list[Finding]:
    found = []
    for column in present:
        there, rows = int(present[column].sum()), len(present)
        if there < rows:
            text = f"Column {column!r}: {rows - there} of {rows} values are missing."
            found.append(Finding("missing_values", Subject(column=str(column)), name, there / rows, text))
    return found


def _label_findings(data: Table, labelled: pd.Series[bool] | None) -> list[Finding]:
    return [] if labelled is None else _findings(labelled.to_frame(data.roles.label), "label_completeness")
