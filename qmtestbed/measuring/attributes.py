"""Columns of a table as attributes of a few values each, those of a declared design or those in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.ait import Design, Table
from qmtestbed.measuring.columns import names_of

__all__ = ["Attribute", "attributes_of", "exclusions_of"]


@dataclass(frozen=True)
class Attribute:
    """A column, or the label, with the values that it can have.

    Attributes
    ----------
    name, values
        Of the column; and its values by their one spelling (:func:`qmtestbed.ait.class_name`).
    codes
        (rows,) 1 + the position of the row's value, 0 where it has none of them.
    missing
        How many rows have no value at all.
    undeclared
        Values in the data that the design lacks, with their rows; ``None`` where no design declares the attribute.
    """

    name: str
    values: tuple[str, ...]
    codes: NDArray[np.intp]
    missing: int
    undeclared: Mapping[str, int] | None

    @property
    def rows(self) -> NDArray[np.intp]:
        """Rows per value, (values,)."""
        return np.bincount(self.codes, minlength=len(self.values) + 1)[1:]

    @property
    def undeclared_rows(self) -> int:
        """How many rows hold a value that the design lacks."""
        return sum((self.undeclared or {}).values())


def attributes_of(
    data: Table, design: Design | None, names: Sequence[str], max_values: int
) -> tuple[list[Attribute], dict[str, str]]:
    """Read columns as attributes.

    Parameters
    ----------
    data
        The table.
    design
        Gives the values of the attributes it declares; of others the values are those in the data.
    names
        Columns, or the label. If empty: those of the design; without a design, the feature columns (time left out)
        that hold two to ``max_values`` different values.
    max_values
        See ``names``.

    Returns
    -------
    attributes, left out
        In the order of the names; and of the feature columns that were not taken, why.

    Raises
    ------
    ValueError
        A name is neither a column nor the label.
    """
    declared = design.attributes if design else {}
    columns = {str(c): data.frame[c] for c in data.frame.columns}
    if data.labels is not None and data.roles.label:
        columns[data.roles.label] = data.labels
    left_out: dict[str, str] = {}
    wanted = list(dict.fromkeys(names or declared))
    if not wanted:
        features = [str(c) for c in data.features.columns if c != data.roles.time]
        left_out = {c: why for c in features if (why := _unfit(columns[c], max_values))}
        wanted = [c for c in features if c not in left_out]
    if unknown := [name for name in wanted if name not in columns]:
        raise ValueError(f"the table has no column {unknown[0]!r}; it has {list(columns)}")
    return [_attribute(name, columns[name], declared.get(name)) for name in wanted], left_out


def _unfit(column: pd.Series[Any], max_values: int) -> str:
    try:
        different = int(column.nunique())
    except TypeError:
        return "it holds lists or the like"
    if different < 2:
        return "it has one value" if different else "it is empty"
    return f"it has {different} different values" if different > max_values else ""


def _attribute(name: str, column: pd.Series[Any], declared: Sequence[str] | None) -> Attribute:
    found, spelled = pd.factorize(names_of(column))  # a missing value is -1
    rows = np.bincount(found + 1, minlength=len(spelled) + 1)
    values = tuple(declared if declared is not None else sorted(spelled, key=_by_size))
    place = {value: i + 1 for i, value in enumerate(values)}
    codes = np.array([0, *(place.get(s, 0) for s in spelled)], dtype=np.intp)[found + 1]
    undeclared = {str(s): int(r) for s, r in zip(spelled, rows[1:], strict=True) if s not in place}
    return Attribute(name, values, codes, int(rows[0]), None if declared is None else undeclared)


def _by_size(value: str) -> tuple[bool, float, str]:
    """Sort numbers by size, before text."""
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value


def exclusions_of(design: Design, names: Sequence[str]) -> list[dict[int, int]]:
    """Give the exclusions of a design by positions of attributes and of their declared values.

    Parameters
    ----------
    design
        With exclusions on attributes that it declares.
    names
        In which order the attributes are; holds all that the exclusions name.

    Raises
    ------
    ValueError
        An exclusion is empty, or names an attribute or a value that the design does not declare.
    """
    found = []
    for exclusion in design.exclusions:
        if not exclusion:
            raise ValueError("an exclusion of the design names no attribute")
        for name, value in exclusion.items():
            if value not in design.attributes.get(name, ()):
                raise ValueError(f"the exclusion {dict(exclusion)} names {name}={value}, which the design lacks")
        pairs = ((names.index(n), list(design.attributes[n]).index(v)) for n, v in exclusion.items())
        found.append(dict(sorted(pairs)))
    return found
