"""The share of the rows that break a rule."""

from __future__ import annotations

from typing import Any

from qmtestbed.ait import Finding, Subject, Table, Undefined
from qmtestbed.measuring.intervals import proportion


def measure(data: Table, *, confidence: float = 0.95) -> dict[str, Any] | Undefined:
    """Count the rows that break the rule."""
    rows = data.features
    if rows.empty:
        return Undefined("The table has no columns to look at.")
    if "monthly_fee" not in rows:
        return Undefined("The table has no column monthly_fee.")
    broken = (rows["monthly_fee"] < 0).to_numpy()
    groups = data.frame[data.roles.group] if data.roles.group else None
    named = Subject(rows=tuple(broken.nonzero()[0][:50]))
    finding = Finding("out_of_range", named, "faulty_share", broken.mean(), f"{broken.sum()} rows break the rule.")
    share = proportion(broken, confidence, groups=groups)
    return {"faulty_share": share, "findings": [finding] if broken.any() else []}
