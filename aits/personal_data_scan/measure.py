"""Which columns of a table hold what looks like personal data, by its form and its check digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from qmtestbed.ait import DataTable, Finding, Subject, Table, Undefined
from qmtestbed.measuring.columns import kind_of, numbers_of
from qmtestbed.measuring.personal import KINDS, plain

SHORTEST = 6
"""A text of fewer characters can't hold any kind."""
LARGEST = 10**16
"""Larger numbers are no card number, and float64 has not all of their digits."""


def measure(
    data: Table, *, columns: Sequence[str] = (), kinds: Sequence[str] = (), alpha: float = 0.001
) -> dict[str, Any] | Undefined:
    """Look through the cells of each column for what has the form of personal data.

    Parameters
    ----------
    data
        The table; without ``columns``, all but those with the roles id, group, weight and ignore are looked at.
    columns
        Only these.
    kinds
        Only these of :data:`qmtestbed.measuring.personal.KINDS`.
    alpha
        How often chance may make numbers with check digits seem clear in any column.

    Returns
    -------
    dict or Undefined
        Shares of filled cells in [0, 1] and counts; undefined without rows or columns.

    Raises
    ------
    ValueError
        A column or a kind that there is not is named.
    """
    names, asked = list(columns or data.features.columns), list(kinds or KINDS)
    unknown = [c for c in names if c not in data.frame.columns] or [k for k in asked if k not in KINDS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is neither a column of the table nor one of the kinds {list(KINDS)}")
    if not names or not len(data.frame):
        return Undefined("The table has no columns to look at." if len(data.frame) else "The table has no rows.")
    tests = len(names) * sum(KINDS[k].chance > 0 for k in asked)
    looks = {str(c): _look(data.frame[c], asked, alpha / max(tests, 1)) for c in names}
    if not any(x.filled for x in looks.values()):
        return Undefined("No cell of the columns is filled.")
    share = {c: _share(x.any_kind, x.filled) for c, x in looks.items()}
    clear = {c: _share(x.clear, x.filled) for c, x in looks.items()}
    return {
        "share": share,
        "clear_share": clear,
        "columns_found": sum(v > 0 for v in clear.values()),
        "cells": sum(x.filled for x in looks.values()),
        "found": _table(looks),
        "findings": _findings(looks, clear),
    }


@dataclass(frozen=True)
class _Hits:
    """Cells of a column that hold one kind, and whether chance does not explain them."""

    cells: np.ndarray
    candidates: int
    clear: bool


@dataclass(frozen=True)
class _Look:
    """What was seen in a column: how many cells are filled, and the hits by kind."""

    filled: int
    hits: dict[str, _Hits]

    @property
    def any_kind(self) -> int:
        return self._cells(list(self.hits.values()))

    @property
    def clear(self) -> int:
        return self._cells([h for h in self.hits.values() if h.clear])

    def _cells(self, hits: list[_Hits]) -> int:
        return int(np.logical_or.reduce([h.cells for h in hits]).sum()) if hits else 0


def _share(cells: int, filled: int) -> float:
    return cells / filled if filled else 0.0


def _look(column: pd.Series[Any], kinds: Sequence[str], alpha: float) -> _Look:
    texts, codes = _texts(column)
    hits = {}
    for name in kinds:
        kind = KINDS[name]
        seen = [list(kind.candidates(t)) for t in texts]
        found = np.array([any(right for _, right in one) for one in seen], dtype=bool)
        if not found.any():
            continue
        # A number that stands in many rows was drawn once.
        drawn = {c: right for one in seen for c, right in one}
        clear = kind.chance == 0 or binom.sf(sum(drawn.values()) - 1, len(drawn), kind.chance) <= alpha
        hits[name] = _Hits(found[codes], len(drawn), bool(clear))
    return _Look(int(column.notna().sum()), hits)


def _texts(column: pd.Series[Any]) -> tuple[list[str], np.ndarray]:
    """Give the different texts of a column that may hold something, and which of them each such cell is."""
    filled = column[column.notna()]
    kind = kind_of(filled)
    if kind == "numbers":
        numbers = numbers_of(filled, kind)
        whole = numbers[(numbers == np.floor(numbers)) & (numbers >= 10 ** (SHORTEST - 1)) & (numbers < LARGEST)]
        codes, values = pd.factorize(whole)
        return [str(int(v)) for v in values], codes
    if kind != "categories":
        return [], np.empty(0, dtype=int)
    texts = filled.astype(object).map(str)
    codes, values = pd.factorize(texts[texts.str.len() >= SHORTEST])
    return [plain(v) for v in values], codes


def _table(looks: dict[str, _Look]) -> DataTable:
    lines = [
        [c, kind, int(h.cells.sum()), _share(int(h.cells.sum()), x.filled), h.candidates, KINDS[kind].chance, h.clear]
        for c, x in looks.items()
        for kind, h in x.hits.items()
    ]
    titles = ["column", "kind", "cells", "share", "of this form", "right by chance", "clear"]
    return DataTable(titles, sorted(lines, key=lambda line: (not line[6], -line[3])))


def _findings(looks: dict[str, _Look], clear: dict[str, float]) -> list[Finding]:
    found = []
    for c, share in clear.items():
        if share > 0:
            named = ", ".join(f"{k} ({int(h.cells.sum())})" for k, h in looks[c].hits.items() if h.clear)
            text = f"{looks[c].clear} of {looks[c].filled} filled cells of column {c!r} look like: {named}."
            found.append(Finding("personal_data", Subject(column=c), "clear_share", share, text))
    return sorted(found, key=lambda f: -f.value)
