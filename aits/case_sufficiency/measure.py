"""Whether there are rows enough for each case that a result is to be told for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from qmtestbed.ait import Bars, DataTable, Design, Finding, Subject, Table, Undefined, class_name
from qmtestbed.measuring.attributes import Attribute, attributes_of
from qmtestbed.measuring.columns import kind_of, names_of

ALL = "all rows"
MOST_CASES = 5_000
MOST_CLASSES = 20
"""Whole numbers of up to so many different values are classes."""
MOST_BARS = 40
MOST_LINES = 50
MOST_FINDINGS = 50
MOST_ROWS = 10**9
_ABOUT = ("case_size", "sufficiency")
"""A case that is short of rows speaks of each of these, whichever the plan has a criterion on."""


def measure(
    data: Table,
    design: Design | None = None,
    *,
    half_width: float = 0.1,
    expected_rate: float = 0.5,
    minimum: int = 30,
    max_values: int = 20,
    confidence: float = 0.95,
) -> dict[str, Any] | Undefined:
    """Count the rows of each case, and compare with how many an interval of the wanted width takes.

    Parameters
    ----------
    data
        The table.
    design
        Its risk cases and attribute values are the cases; without one the classes of the label and the values of
        sensitive columns are.
    half_width
        Half the length that the exact interval of a share is to have at most.
    expected_rate
        The share to expect, such as an accuracy; 0.5 asks for most rows.
    minimum
        A case is to have at least so many rows, whatever the interval.
    max_values
        A sensitive column of more different values makes no cases.
    confidence
        Of the two-sided interval.

    Returns
    -------
    dict or Undefined
        Rows, or groups of rows, by case, and their ratio to those required; undefined without rows.

    Raises
    ------
    ValueError
        ``half_width`` is not in (0, 0.5), ``expected_rate`` not in (0, 1), a risk case names no column, or so small
        a width that no practical number of rows gives it.
    """
    if not 0 < half_width < 0.5 or not 0 < expected_rate < 1:
        found = f"half_width {half_width}, expected_rate {expected_rate}"
        raise ValueError(f"half_width must be between 0 and 0.5, expected_rate between 0 and 1; found {found}")
    if not len(data.frame):
        return Undefined("The table has no rows.")
    required = max(_required(half_width, expected_rate, confidence), minimum)
    cases, aside = _cases(data, design, max_values)
    cases = sorted(cases, key=lambda c: (c.size, c.name))
    kept = {c.name: c for c in cases[:MOST_CASES]}
    first, short = cases[:MOST_BARS], [c for c in cases if c.size < required]
    enough = _half_width(required, expected_rate, confidence)
    widths = {name: _half_width(c.size, expected_rate, confidence) for name, c in kept.items()}
    return {
        "case_size": {name: c.size for name, c in kept.items()},
        "sufficiency": {name: c.size / required for name, c in kept.items()},
        "half_width": widths,
        "required_size": required,
        "smallest_case": cases[0].size,
        "least_sufficiency": cases[0].size / required,
        "insufficient_cases": len(short),
        "sufficiency_by_case": Bars([c.name for c in first], [c.size / required for c in first]),
        "cases": _table(cases, widths, required, aside),
        "findings": [f for c in short[:MOST_FINDINGS] for f in _findings(c, widths, required, enough)],
    }


# -- how many are needed --------------------------------------------------------------------------------------


def _half_width(n: int, rate: float, confidence: float) -> float:
    """Half the length of the exact interval (Clopper-Pearson) where ``rate`` of ``n`` are hits; 0.5 for none."""
    if not n:
        return 0.5
    tail, hits = (1 - confidence) / 2, rate * n
    low = float(betaincinv(hits, n - hits + 1, tail))
    return (float(betaincinv(hits + 1, n - hits, 1 - tail)) - low) / 2


def _required(half_width: float, rate: float, confidence: float) -> int:
    """Give the smallest number of independent rows whose interval is narrow enough."""
    short, enough = 0, 1
    while _half_width(enough, rate, confidence) > half_width:
        short, enough = enough, 2 * enough
        if enough > MOST_ROWS:
            raise ValueError(f"a half width of {half_width} would take more than {MOST_ROWS:,} rows")
    while enough - short > 1:
        middle = (short + enough) // 2
        narrow = _half_width(middle, rate, confidence) <= half_width
        short, enough = (short, middle) if narrow else (middle, enough)
    return enough


# -- cases ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """Rows that a result is to be told for; ``size`` is how many of them are independent."""

    name: str
    source: str
    rows: int
    size: int


@dataclass(frozen=True)
class _Units:
    """Which rows belong together, and what they weigh; ``None`` where each is one and all count alike."""

    group: np.ndarray | None
    weights: np.ndarray | None

    @classmethod
    def of(cls, data: Table) -> _Units:
        """Read the columns with the roles group and weight."""
        group = weights = None
        if data.roles.group is not None:
            group = pd.factorize(names_of(data.frame[data.roles.group]), use_na_sentinel=False)[0]
        if data.roles.weight is not None:
            weights = pd.to_numeric(data.frame[data.roles.weight], errors="coerce").to_numpy(dtype=float, na_value=0.0)
            weights = np.where(np.isfinite(weights) & (weights > 0), weights, 0.0)
        return cls(group, weights)

    def sizes(self, codes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows, and independent items, of each code from 1 to ``count``; a row with code 0 is in none."""
        inside = codes > 0 if self.weights is None else (codes > 0) & (self.weights > 0)
        of = codes[inside].astype(np.int64)
        rows = np.bincount(of, minlength=count + 1)[1:]
        w = np.ones(len(of)) if self.weights is None else self.weights[inside]
        if self.group is not None:
            pairs, unit = np.unique(of * (len(self.group) + 1) + self.group[inside], return_inverse=True)
            of, w = pairs // (len(self.group) + 1), np.bincount(unit, weights=w)
            w = w if self.weights is not None else np.ones(len(of))  # groups count alike, as their rows do
        total, squares = (np.bincount(of, weights=x, minlength=count + 1)[1:] for x in (w, w * w))
        effective = np.divide(total**2, squares, out=np.zeros(count), where=squares > 0)
        return rows, np.floor(effective + 1e-9).astype(int)


def _cases(data: Table, design: Design | None, max_values: int) -> tuple[list[_Case], dict[str, str]]:
    """Give all cases, and of columns that make none, why."""
    units = _Units.of(data)
    found = _counted([ALL], np.ones(len(data.frame), dtype=int), "data", units)
    if design is not None and (design.attributes or design.risk_cases):
        return found + _designed(data, design, units), {}
    names, codes = _classes(data)
    found += _counted([f"{data.roles.label}={name}" for name in names], codes, "class", units)
    aside = {}
    for column in data.roles.sensitive:
        if (different := data.frame[column].nunique()) > max_values:
            aside[str(column)] = f"it has {different} different values"
        elif different:
            found += _of_attribute(attributes_of(data, None, [column], max_values)[0][0], "sensitive", units)
    return found, aside


def _counted(names: Sequence[str], codes: np.ndarray, source: str, units: _Units) -> list[_Case]:
    rows, sizes = units.sizes(codes, len(names))
    return [_Case(n, source, int(r), int(s)) for n, r, s in zip(names, rows, sizes, strict=True)]


def _of_attribute(a: Attribute, source: str, units: _Units) -> list[_Case]:
    return _counted([f"{a.name}={value}" for value in a.values], a.codes, source, units)


def _designed(data: Table, design: Design, units: _Units) -> list[_Case]:
    """Give the values of the attributes, and the risk cases, of a design."""
    attributes = attributes_of(data, design, [*design.attributes], MOST_CLASSES)[0] if design.attributes else []
    found = [c for a in attributes for c in _of_attribute(a, "attribute value", units)]
    named = list(dict.fromkeys(name for case in design.risk_cases for name in case))
    place = {a.name: a for a in attributes_of(data, design, named, MOST_CLASSES)[0]} if named else {}
    for case in design.risk_cases:
        inside = np.all([_holds(place[name], value) for name, value in case.items()], axis=0)
        text = ", ".join(f"{name}={value}" for name, value in case.items())
        found = [c for c in found if c.name != text]
        found += _counted([text], np.broadcast_to(inside, len(data.frame)).astype(int), "risk case", units)
    return found


def _holds(a: Attribute, value: str) -> np.ndarray:
    """Which rows hold a value; none where neither the design nor the data know it."""
    return np.asarray(a.codes == a.values.index(value) + 1) if value in a.values else np.zeros(len(a.codes), dtype=bool)


def _classes(data: Table) -> tuple[list[str], np.ndarray]:
    """Give the classes, declared ones and the positive one included, and 1 + the number of each row's class."""
    if data.labels is None or not _has_classes(data):
        return [], np.zeros(len(data.frame), dtype=int)
    codes, spelled = pd.factorize(names_of(data.labels))
    known: Iterable[str | None] = (*(data.roles.classes or ()), data.roles.positive)
    declared = [class_name(name) for name in known if name is not None]
    return list(dict.fromkeys([*map(str, spelled), *declared])), codes + 1


def _has_classes(data: Table) -> bool:
    labels = data.labels
    if labels is None or data.roles.task is not None:
        return data.roles.task == "classification"
    if kind_of(labels) == "categories" or pd.api.types.is_bool_dtype(labels):
        return True
    different = labels.dropna().unique()
    return len(different) <= MOST_CLASSES and all(class_name(v).lstrip("-").isdigit() for v in different)


# -- what is told ---------------------------------------------------------------------------------------------


def _findings(case: _Case, widths: Mapping[str, float], required: int, enough: float) -> list[Finding]:
    groups = f" in {case.size} independent groups" if case.size != case.rows else ""
    text = (
        f"{case.name}: {case.rows} rows{groups} tell a share to ±{widths[case.name]:.3f}; "
        f"{required} would tell it to ±{enough:.3f}."
    )
    values = {"case_size": float(case.size), "sufficiency": case.size / required}
    return [Finding("too_few_cases", Subject(slice=case.name), name, values[name], text) for name in _ABOUT]


def _table(cases: Sequence[_Case], widths: Mapping[str, float], required: int, aside: Mapping[str, str]) -> DataTable:
    lines: list[tuple[Any, ...]] = [(f"column {name}", f"left out: {why}", *(None,) * 4) for name, why in aside.items()]
    lines = lines[: MOST_LINES // 2]
    room = MOST_LINES - len(lines) - 1
    shown = [(c.name, c.source, c.rows, c.size, required, widths[c.name]) for c in cases[:room]]
    more = [(f"and {len(cases) - room:,} larger cases", *(None,) * 5)] if len(cases) > room else []
    titles = ("case", "from", "rows", "independent rows or groups", "required", "half width of the interval")
    return DataTable(titles, [*lines, *shown, *more])
