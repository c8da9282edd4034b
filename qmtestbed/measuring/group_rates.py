"""How often a classifier selects, and is right, in groups of rows: selection rate, TPR, FPR, PPV and accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.ait import DataTable, Estimate, Predictions, Undefined
from qmtestbed.measuring.columns import kind_of, names_of, numbers_of
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.gaps import Kernel, largest_gap, smallest_ratio
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.positive import positive_class
from qmtestbed.measuring.slices import Pieces

__all__ = [
    "RATES",
    "Groups",
    "RateGap",
    "cross",
    "groups_in",
    "judged_rates",
    "rate_gap",
    "rate_table",
    "rates_of",
    "told",
]

Truths = NDArray[np.bool_]
RATES = ("selection", "tpr", "fpr", "ppv", "accuracy")
MOST_UNKNOWN = 0.05
"""With a larger share of labels that are none of the model's classes, rates of errors tell of these."""
MOST_NUMBERS = 10
"""A column of more different numbers is cut at its quartiles."""


# -- groups ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Groups:
    """Rows in groups.

    Attributes
    ----------
    names
        Of the groups, as conditions: ``sex = female``, ``age <= 30``.
    codes
        (n,) the number of each row's group, -1 where a value is missing.
    """

    names: tuple[str, ...]
    codes: NDArray[np.intp]


def groups_in(column: pd.Series[Any], name: str) -> Groups:
    """Part rows by the values of a column; more than ten different numbers or times are cut at their quartiles."""
    kind = kind_of(column)
    if kind in ("numbers", "times", "durations") and column.nunique() > MOST_NUMBERS:
        x = numbers_of(column, kind)
        known = ~np.isnan(x)
        edges = np.unique(np.quantile(x[known], [0.25, 0.5, 0.75], method="lower"))
        edges = edges[edges < x[known].max()]
        codes = np.where(known, np.searchsorted(edges, x, side="left"), -1)
        pieces = Pieces(name, kind, tuple(edges.tolist()), (), codes.astype(np.uint8))
        return Groups(tuple(pieces.text(i, i) for i in range(pieces.ranges)), codes)
    codes, values = pd.factorize(names_of(column))
    order = sorted(range(len(values)), key=lambda i: str(values[i]))
    place = np.array([*np.argsort(np.array(order, dtype=np.intp)), -1], dtype=np.intp)
    return Groups(tuple(f"{name} = {values[i]}" for i in order), place[codes])


def cross(parts: Sequence[Groups]) -> Groups:
    """Part rows by several columns at once: only combinations that occur are groups; one column stays as it is."""
    codes = np.column_stack([g.codes for g in parts])
    known = (codes >= 0).all(axis=1)
    found, number = np.unique(codes[known], axis=0, return_inverse=True)
    names = [" and ".join(g.names[c] for g, c in zip(parts, line, strict=True)) for line in found]
    crossed = np.full(len(codes), -1, dtype=np.intp)
    crossed[known] = number.ravel()
    return Groups(tuple(names), crossed)


# -- rates ----------------------------------------------------------------------------------------------------


def judged_rates(p: Predictions) -> tuple[str, ...]:
    """Rates whose gap is an error that falls on one group more than on another: of the answers, given the truth."""
    return ("accuracy",) if positive_class(p) is None else ("tpr", "fpr")


def rates_of(p: Predictions) -> dict[str, tuple[Truths, Truths]]:
    """Give for each rate which rows are hits and among which rows it counts, (n,) each; without a positive class, one.

    ``selection``: predicted positive / all; ``tpr``: predicted positive / positive; ``fpr``: predicted positive /
    negative; ``ppv``: positive / predicted positive; ``accuracy``: right / all.
    """
    everywhere = np.ones(len(p.labels), dtype=bool)
    right = np.asarray(p.labels == p.predicted, dtype=bool)
    positive = positive_class(p)
    if positive is None:
        return {"accuracy": (right, everywhere)}
    true, said = (np.asarray(x == positive, dtype=bool) for x in (p.labels, p.predicted))
    of = ((said, everywhere), (said, true), (said, ~true), (true, said), (right, everywhere))
    return dict(zip(RATES, of, strict=True))


@dataclass(frozen=True)
class RateGap:
    """One rate in all groups, and how far it lies apart.

    Attributes
    ----------
    rate
        One of :data:`RATES`.
    groups
        For each group its rate, with intervals that hold for all of them together; undefined for one that is too small.
    rows
        For each group how many rows the rate counts among.
    gap, ratio
        Largest difference and smallest ratio between two groups, with intervals that allow for the search.
    clear
        The gap where it is clear of chance at ``alpha``, else 0.
    lowest, highest
        Names of the two groups; empty without a gap.
    """

    rate: str
    groups: Mapping[str, Estimate | Undefined]
    rows: Mapping[str, int]
    gap: Estimate | Undefined
    ratio: Estimate | Undefined
    clear: float | Undefined
    lowest: str = ""
    highest: str = ""


def rate_gap(
    p: Predictions, groups: Groups, rate: str, *, min_rows: int, alpha: float, confidence: float
) -> RateGap | Undefined:
    """Compare a rate between groups.

    Parameters
    ----------
    p
        What the model said, in n rows.
    groups
        Of these rows.
    rate
        One of :data:`RATES`.
    min_rows
        A group counts if the rate has so many rows of positive weight there.
    alpha
        Error probability for calling the largest gap clear.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    RateGap or Undefined
        Undefined without a positive class, for all rates but accuracy. No gap is called clear, and none is ruled out,
        where no answer is right, or too many labels are none of the model's classes.
    """
    rates = rates_of(p)
    if rate not in rates:
        return Undefined(f"There are {len(p.classes)} classes; give one the role positive.")
    hits, among = rates[rate]
    counted = among if p.weights is None else among & (np.asarray(p.weights, dtype=float) > 0)
    rows, kernels = {}, {}
    for i, name in enumerate(groups.names):
        inside = np.flatnonzero(counted & (groups.codes == i))
        rows[name] = len(inside)
        if len(inside) >= max(min_rows, 1):
            units, w = (None if x is None else x[inside] for x in (p.groups, p.weights))
            kernels[name] = partial(proportion, hits[inside], groups=units, weights=w)
    found = _compared(rate, rows, kernels, min_rows, alpha, confidence)
    strange = _strange(p)
    return replace(found, clear=strange) if strange else found


def _strange(p: Predictions) -> Undefined | None:
    """Say why rates that are alike say nothing: the labels are not those that the model answers with."""
    if len(p.labels) and not (p.labels == p.predicted).any():
        return Undefined("No answer is right: there is nothing to share out, or the labels are spelled otherwise.")
    known = p.classes if p.probabilities is None else p.classes[: p.probabilities.shape[1]]
    unknown = int((~pd.Series(p.labels, dtype=object).isin(known)).sum())
    if unknown > MOST_UNKNOWN * len(p.labels):
        return Undefined(f"{unknown} of {len(p.labels)} labels are none of the model's classes.")
    return None


def _compared(
    rate: str, rows: Mapping[str, int], kernels: Mapping[str, Kernel], min_rows: int, alpha: float, confidence: float
) -> RateGap:
    found = simultaneous(kernels, confidence)
    rates = {name: found.get(name) or Undefined(_few(rate, n, min_rows)) for name, n in rows.items()}
    gap, clear = largest_gap(kernels, confidence), largest_gap(kernels, 1 - alpha)
    if isinstance(gap, Undefined) or isinstance(clear, Undefined):
        counts = "; ".join(f"{name}: {n}" for name, n in list(rows.items())[:5]) or "none has a value"
        none = Undefined(f"No two groups have {min_rows} rows for {rate} ({counts}).")
        return RateGap(rate, rates, rows, none, none, none)
    clearly = clear.estimate.value if clear.estimate.low > 0 else 0.0
    ratio = smallest_ratio(kernels, confidence)
    return RateGap(rate, rates, rows, gap.estimate, ratio, clearly, gap.lowest, gap.highest)


def _few(rate: str, n: int, min_rows: int) -> str:
    return f"{rate} rests on {n} rows; {min_rows} are needed."


# -- what is told ---------------------------------------------------------------------------------------------

_TITLES = ("group", "rate", "rows", "value", "low", "high")


def rate_table(gaps: Iterable[RateGap], missing: Mapping[str, int], most: int) -> DataTable:
    """Make the table of all rates of all groups, and of how many rows have no group."""
    lines: list[tuple[Any, ...]] = []
    for gap in gaps:
        for name, e in gap.groups.items():
            found = (e.value, e.low, e.high) if isinstance(e, Estimate) else (None, None, None)
            lines.append((name, gap.rate, gap.rows[name], *found))
    lines += [(f"{name} is missing", "left out", n, None, None, None) for name, n in missing.items() if n]
    return DataTable(_TITLES, lines[:most])


def told(gap: RateGap) -> str:
    """Say in a sentence which two groups are how far apart."""
    parts = []
    for name in (gap.lowest, gap.highest):
        e = gap.groups[name]
        if isinstance(e, Estimate):
            parts.append(f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}] where {name} ({gap.rows[name]} rows)")
    return f"{gap.rate} is {' against '.join(parts)}; the intervals allow for the {len(gap.groups)} groups searched."
