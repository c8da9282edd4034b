"""Rules that a plan declares for the columns of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Finding, FindingKind, Subject, class_name

NUMBER_TYPES = {"number", "integer"}
TYPES = {*NUMBER_TYPES, "text", "boolean", "time"}
RULES = {"type", "min", "max", "values", "required", "unique"}


_Series = pd.Series  # of any values
Rules = Mapping[str, Mapping[str, Any]]
"""Column → rule → its setting."""


def check_rules(columns: Rules) -> Rules:
    """Refuse a rule or a type that is not known with ``ValueError``."""
    for name, rules in columns.items():
        unknown = sorted({*rules} - RULES)
        if unknown:
            raise ValueError(f"columns: {name!r} has a rule {unknown[0]!r}; known are {', '.join(sorted(RULES))}")
        if "type" in rules and rules["type"] not in TYPES:
            raise ValueError(f"columns: {name!r} has a type {rules['type']!r}; known are {', '.join(sorted(TYPES))}")
    return columns


def rows_breaking(values: _Series, rules: Mapping[str, Any]) -> np.ndarray:
    """(n,) bool: which rows break a rule of the column."""
    there = values.notna().to_numpy()
    broken = ~there if rules.get("required") else np.zeros(len(values), dtype=bool)
    if "type" in rules:
        broken |= there & ~_fits(values, rules["type"])
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    broken |= numbers < rules.get("min", -np.inf)
    broken |= numbers > rules.get("max", np.inf)
    if "values" in rules:
        allowed = {class_name(v) for v in rules["values"]}
        broken |= there & ~values.map(class_name, na_action="ignore").isin(allowed).to_numpy()
    if rules.get("unique"):
        broken |= there & values.duplicated().to_numpy()
    return np.asarray(broken, dtype=bool)


def _fits(values: _Series, wanted: str) -> np.ndarray:
    kinds = {"text": (str,), "boolean": (bool, np.bool_)}
    if wanted in kinds:
        return values.map(lambda v: isinstance(v, kinds[wanted])).to_numpy(dtype=bool)
    if wanted == "time":
        return pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True).notna().to_numpy()
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(~np.isnan(numbers) & ((numbers % 1 == 0) | (wanted == "number")))


def declared_findings(broken: Mapping[Any, np.ndarray], rules: Rules, absent: Iterable[str]) -> list[Finding]:
    """Name each column that has such rows, and each that is required but not there."""
    found = []
    for column, rows in broken.items():
        rule, share = rules[str(column)], float(rows.mean())
        if share:
            kind: FindingKind = "mixed_type" if "type" in rule else "missing_values"
            kind = "new_category" if "values" in rule else "out_of_range" if {"min", "max"} & rule.keys() else kind
            text = f"Column {str(column)!r}: {int(rows.sum())} of {len(rows)} rows break its declaration."
            found.append(Finding(kind, Subject(column=str(column)), "violations", share, text))
    for name in sorted(absent):
        text = f"Column {name!r} is declared as required, and the table does not have it."
        found.append(Finding("missing_values", Subject(column=name), "violations", 1.0, text))
    return found
