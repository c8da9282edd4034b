"""What the columns of a table hold, for a design to be drafted from: few values, ranges of numbers, or neither."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.execute.tables import read_frame
from qmtestbed.measuring.columns import Kind, kind_of, names_of, numbers_of
from qmtestbed.types.job import JobInput

MOST_VALUES = 10
"""Up to so many different values are few."""
BINS = 4
LONGEST = 60
"""A longer value is free text."""
TOLERANCE = 0.05
"""By which share of the rows a rounded edge may miss its quantile; no range has fewer."""
_AT_ONCE = 20
"""A CSV file is read for so many columns at a time, as each reading goes through all of it."""


def describe(source: JobInput, columns: Sequence[str]) -> Mapping[str, Any]:
    """Describe columns of a table, of which only a few are in memory at a time.

    Parameters
    ----------
    source
        A table file.
    columns
        Those to describe.

    Returns
    -------
    mapping
        ``rows``; ``attributes``: for each column its values with their rows; ``bins``: for each column of numbers its
        edges and the rows of each range; ``missing``: rows without a value, where there are any; ``left_out``: why
        each of the others is none of these.
    """
    found: dict[str, Any] = {"rows": 0, "attributes": {}, "bins": {}, "missing": {}, "left_out": {}}
    at_once = _AT_ONCE if Path(source.path or "").suffix.lower() in (".csv", ".tsv") else 1
    for names in (columns[i : i + at_once] for i in range(0, len(columns), at_once)):
        frame = read_frame(source, names)
        found["rows"] = len(frame)
        for name in names:
            _add(found, name, frame[name])
    return found


def _add(found: dict[str, Any], name: str, column: pd.Series[Any]) -> None:
    kind = kind_of(column)
    why = _unfit(column, kind)
    edges: list[float] = []
    if not why and kind == "numbers" and column.nunique() > MOST_VALUES:
        numbers = numbers_of(column, kind)
        edges = short_edges(numbers[~np.isnan(numbers)])
        why = "" if edges else "nearly all of its rows hold one number"
    if why:
        found["left_out"][name] = why
        return
    if missing := int(column.isna().sum()):
        found["missing"][name] = missing
    if edges:
        rows = np.bincount(np.searchsorted(edges, numbers[~np.isnan(numbers)], side="right"), minlength=len(edges) + 1)
        found["bins"][name] = {"edges": edges, "rows": [int(n) for n in rows]}
        return
    names, counts = np.unique(names_of(column.dropna()).astype(str), return_counts=True)
    pairs = [(str(value), int(rows)) for value, rows in zip(names, counts, strict=True)]
    found["attributes"][name] = sorted(pairs, key=_by_size)


def _by_size(pair: tuple[str, int]) -> tuple[bool, float, str]:
    """Numbers by size, before text."""
    try:
        return False, float(pair[0]), pair[0]
    except ValueError:
        return True, 0.0, pair[0]


def _unfit(column: pd.Series[Any], kind: Kind) -> str:
    """Say why a column is no attribute; an empty text if it is one, or may be as ranges of numbers."""
    if kind == "empty":
        return "it is empty"
    if kind in ("times", "durations"):
        return f"it holds {kind}; make a column of, say, months or weekdays"
    known = column.dropna()
    names = names_of(known)
    different = len(pd.unique(names))
    if different == 1:
        return "it has one value"
    if kind == "numbers":
        return "it numbers the rows" if _numbers_rows(known, different) else ""
    longest = max(map(len, names))
    if longest > LONGEST or any("\n" in name or "\r" in name for name in names):
        return f"it holds free text, of up to {longest:,} characters"
    if different > max(MOST_VALUES, len(names) / 2):
        return f"nearly every row has a value of its own ({different:,} of {len(names):,}): ids, or free text"
    return "" if different <= MOST_VALUES else f"it has {different:,} different values; put them together into few"


def _numbers_rows(known: pd.Series[Any], different: int) -> bool:
    """Whether whole numbers are all different and next to one another, as ids are."""
    numbers = numbers_of(known, "numbers")
    whole = bool(np.all(np.isfinite(numbers)) and np.all(numbers == np.round(numbers)))
    return whole and different == len(numbers) > MOST_VALUES and bool(np.ptp(numbers) < 2 * len(numbers))


def short_edges(numbers: NDArray[np.float64], bins: int = BINS) -> list[float]:
    """Give edges of few digits near the quantiles, so that each range holds at least ``TOLERANCE`` of the numbers.

    Parameters
    ----------
    numbers
        (n,) without NaN; n at least 1.
    bins
        How many ranges to aim at; there are fewer where many numbers are the same.

    Returns
    -------
    list of float
        Increasing; a range holds its lower edge. Empty where no edge parts the numbers.
    """
    x = np.sort(numbers)
    edges: list[float] = []
    below = 0.0
    for i in range(1, bins):
        edge = _short(x, i / bins)
        share = _below(x, edge)
        if share - below >= TOLERANCE and 1 - share >= TOLERANCE:
            edges.append(edge)
            below = share
    return edges


def _short(x: NDArray[np.float64], p: float) -> float:
    """Give the shortest number with about ``p`` of all below it: a multiple of 5, 2 or 1 times a power of ten.

    Where equal numbers stand in the way, the first number that is at least the quantile.
    """
    quantile = float(np.quantile(x, p, method="inverted_cdf"))
    finite = x[np.isfinite(x)]
    width = float(np.ptp(finite)) if len(finite) else 0.0
    if not np.isfinite(quantile) or width <= 0:
        return quantile
    power = int(np.floor(np.log10(width)))
    for exponent, digit in itertools.product(range(power, power - 8, -1), (5, 2, 1)):
        nearest = round(quantile / (digit * 10.0**exponent))
        for candidate in _decimals((nearest, nearest + 1, nearest - 1), digit, exponent):
            if abs(_below(x, candidate) - p) <= TOLERANCE:
                return candidate
    return quantile


def _decimals(multiples: Iterable[int], digit: int, exponent: int) -> Iterator[float]:
    """Write multiples of a step as the decimal numbers they are: 3 * 0.1 is 0.3."""
    return (float(f"{m * digit}e{exponent}") for m in multiples)


def _below(x: NDArray[np.float64], edge: float) -> float:
    return float(np.searchsorted(x, edge, side="left")) / len(x)
