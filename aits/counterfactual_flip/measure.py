"""How often the model's answer changes when nothing but a sensitive column is set to another value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Bars, DataTable, Estimate, Finding, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of, is_classifier, not_finite, weights_of
from qmtestbed.measuring.columns import names_of
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import proportion

QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of a column of many different numbers: the values that rows are set to."""
MOST_LINES = 200

_Kernel = Callable[[float], Estimate | Undefined]


def measure(
    model: Model, data: Table, *, max_values: int = 10, tolerance: float = 0.5, confidence: float = 0.95
) -> dict[str, Any] | Undefined:
    """Set each sensitive column of each row to the other values that it has in the table, and ask the model again.

    Parameters
    ----------
    model
        A classifier, or a model of numbers.
    data
        Rows with sensitive columns; labels are not needed.
    max_values
        A column of numbers with more different values is set to five of its quantiles, one of others is undefined.
    tolerance
        A number counts as changed if it moves by more than so many standard deviations of the answers.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Shares of rows in [0, 1], 0 for a model that does not use the column; undefined without rows.
    """
    if not len(data.frame):
        return Undefined("The table has no row.")
    given = _Given(model, data, np.asarray(model.predict(data.frame)), tolerance)
    if nothing := not_finite(given.said, model):
        return nothing
    asked = {str(c): _asked(given, c, max_values) for c in data.roles.sensitive}
    lines = {c: a for c, a in asked.items() if not isinstance(a, Undefined)}
    kernels = {c: a.kernel(given) for c, a in lines.items()}
    found = simultaneous(kernels, confidence)
    rates: dict[str, Estimate | Undefined] = {c: found[c] if c in found else _why(a) for c, a in asked.items()}
    return {
        "flip_rate": rates,
        "flips": Bars.of([(c, e) for c, e in rates.items() if isinstance(e, Estimate)]),
        "values": _table(lines, given, confidence),
        "findings": [_finding(c, e, lines[c]) for c, e in rates.items() if isinstance(e, Estimate) and e.value > 0],
    }


@dataclass(frozen=True)
class _Given:
    """The model, the rows, and what it says to them as they are."""

    model: Model
    data: Table
    said: np.ndarray
    tolerance: float

    def changed(self, frame: pd.DataFrame) -> np.ndarray:
        """(n,) whether the answer to a row of this frame is another one."""
        again = np.asarray(self.model.predict(frame))
        if is_classifier(self.model):
            return np.asarray(again != self.said, dtype=bool)
        return np.asarray(~(np.abs(again - self.said) <= self.tolerance * self.said.std()))

    def share(self, hits: np.ndarray, rows: np.ndarray) -> _Kernel:
        """Give the share of hits among some rows, as a function of the confidence."""
        units, weights = (None if x is None else x[rows] for x in (groups_of(self.data), weights_of(self.data)))
        return partial(proportion, hits[rows], groups=units, weights=weights)


@dataclass(frozen=True)
class _Asked:
    """What became of the answers: for each value, which rows had another one, and which of these answers changed."""

    rows: np.ndarray
    by_value: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def kernel(self, given: _Given) -> _Kernel:
        """Share of rows whose answer changes with at least one of the other values."""
        flipped = np.any([changed for _, changed in self.by_value.values()], axis=0)
        return given.share(flipped, self.rows)


def _asked(given: _Given, column: Any, max_values: int) -> _Asked | Undefined:
    frame = given.data.frame
    values, name = frame[column], str(column)
    spelled = names_of(values)
    places = _places(values, spelled, max_values)
    if len(places) < 2:
        many = values.nunique() > max_values
        why = f"{values.nunique()} different values that are no numbers" if many else "no two different values"
        return Undefined(f"The column {name!r} has {why}.")
    known = np.asarray(values.notna())
    by_value = {}
    for place in places:
        other = known & (spelled != spelled[place])
        # Taken from a row, so that the type of the column stays what it is.
        set_to = values.take(np.full(len(frame), place)).set_axis(frame.index)
        by_value[str(spelled[place])] = (other, given.changed(frame.assign(**{column: set_to})) & other)
    return _Asked(np.flatnonzero(known), by_value)


def _places(values: pd.Series[Any], spelled: np.ndarray, max_values: int) -> list[int]:
    """Find for each value to ask about a row that has it, in the order of the values' names."""
    known = np.flatnonzero(values.notna())
    first = {spelled[i]: int(i) for i in known[::-1]}
    if len(first) <= max_values:
        return [first[name] for name in sorted(first, key=str)]
    if not pd.api.types.is_numeric_dtype(values):
        return []
    order = known[np.argsort(values.to_numpy(dtype=float, na_value=np.nan)[known], kind="stable")]
    chosen = [int(order[round(q * (len(order) - 1))]) for q in QUANTILES]
    return list({spelled[i]: i for i in chosen}.values())


def _why(asked: _Asked | Undefined) -> Undefined:
    return asked if isinstance(asked, Undefined) else Undefined("There is no row to measure.")


def _table(lines: Mapping[str, _Asked], given: _Given, confidence: float) -> DataTable:
    """Give for each value what became of the rows that had another one; these intervals are each by itself."""
    found: list[tuple[Any, ...]] = []
    for column, asked in lines.items():
        for value, (other, changed) in asked.by_value.items():
            rows = np.flatnonzero(other)
            e = given.share(changed, rows)(confidence)
            ends = (e.value, e.low, e.high) if isinstance(e, Estimate) else (None, None, None)
            found.append((column, value, len(rows), int(changed.sum()), *ends))
    return DataTable(
        ("column", "set to", "rows with another value", "changed", "share", "low", "high"), found[:MOST_LINES]
    )


def _finding(column: str, e: Estimate, asked: _Asked) -> Finding:
    value = max(asked.by_value, key=lambda v: int(asked.by_value[v][1].sum()))
    text = (
        f"Setting {column!r} alone to another value changes the answer to {e.value:.1%} of {len(asked.rows)} rows "
        f"({e.low:.1%} to {e.high:.1%}); most change when it is set to {value}."
    )
    return Finding("relation_violated", Subject(column=column), "flip_rate", e.value, text)
