"""How far apart a classifier's rates lie between combinations of several sensitive columns, and in which cell most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qmtestbed.ait import Bars, Estimate, Finding, Predictions, Subject, Table, Undefined
from qmtestbed.measuring.group_rates import (
    RATES,
    Groups,
    RateGap,
    cross,
    groups_in,
    judged_rates,
    rate_gap,
    rate_table,
    rates_of,
    told,
)
from qmtestbed.measuring.matching import positions_in

MOST_LINES = 200
MOST_BARS = 40


def measure(
    predictions: Predictions, data: Table, *, min_rows: int = 20, alpha: float = 0.005, confidence: float = 0.95
) -> dict[str, Any] | Undefined:
    """Compare rates between the cells that the sensitive columns make together.

    Parameters
    ----------
    predictions, data
        What the model said, and the same rows with their sensitive columns.
    min_rows
        A cell is compared in a rate that counts among so many of its rows.
    alpha
        How often chance may call any gap of TPR or FPR clear, all cells together.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Gaps in [0, 1], 0 for equal rates, with one sensitive column those of ``group_rate_gap``; undefined where the
        predictions are not of the rows of the data.
    """
    at = positions_in(predictions, data)
    if isinstance(at, Undefined):
        return at
    frame = data.frame.iloc[at]
    parts = [groups_in(frame[c], str(c)) for c in data.roles.sensitive]
    cells, judged = cross(parts), judged_rates(predictions)
    options = {"min_rows": min_rows, "confidence": confidence, "alpha": alpha / len(judged)}
    found = {rate: rate_gap(predictions, cells, rate, **options) for rate in RATES}
    gaps = {rate: gap for rate, gap in found.items() if isinstance(gap, RateGap)}
    worst = {rate: _worst(predictions, gap) for rate, gap in gaps.items() if isinstance(gap.gap, Estimate)}
    missing = {"a sensitive column": int((cells.codes < 0).sum())}
    return {
        "clear_gap": {rate: gap.clear for rate, gap in gaps.items() if rate in judged},
        "gap": {rate: gap.gap if isinstance(gap, RateGap) else gap for rate, gap in found.items()},
        "ratio": {rate: gap.ratio if isinstance(gap, RateGap) else gap for rate, gap in found.items()},
        "added_gap": {rate: _added(predictions, parts, gap, options) for rate, gap in gaps.items()},
        "rate": {f"{name}: {rate}": e for rate, gap in gaps.items() for name, e in gap.groups.items()},
        "share_compared": _compared(cells, gaps["accuracy"]),
        "worst_rates": _bars(gaps, judged),
        "cells": rate_table(gaps.values(), missing, MOST_LINES),
        "findings": [_finding(gaps[r], cell) for r, cell in worst.items() if r in judged and gaps[r].clear],
    }


def _worst(p: Predictions, gap: RateGap) -> str:
    """Of the two cells that are farthest apart, name the one that lies farther from the rate of all rows."""
    hits, among = rates_of(p)[gap.rate]
    w = np.ones(len(hits)) if p.weights is None else np.asarray(p.weights, dtype=float)
    overall = float(np.average(hits[among], weights=w[among]))
    found = {name: gap.groups[name] for name in (gap.lowest, gap.highest)}
    return max(found, key=lambda name: abs(e.value - overall) if isinstance(e := found[name], Estimate) else -1.0)


def _added(p: Predictions, parts: list[Groups], gap: RateGap, options: Mapping[str, Any]) -> float | Undefined:
    """By how much the cells are farther apart than the groups of any one column."""
    if isinstance(gap.gap, Undefined):
        return gap.gap
    alone = (rate_gap(p, groups, gap.rate, **options) for groups in parts)
    widest = [a.gap.value for a in alone if isinstance(a, RateGap) and isinstance(a.gap, Estimate)]
    return gap.gap.value - max(widest, default=0.0)


def _compared(cells: Groups, gap: RateGap) -> float | Undefined:
    if not len(cells.codes):
        return Undefined("There is no labelled row to measure.")
    large = [i for i, name in enumerate(cells.names) if isinstance(gap.groups[name], Estimate)]
    return float(np.isin(cells.codes, large).mean())


def _bars(gaps: Mapping[str, RateGap], judged: tuple[str, ...]) -> Bars:
    """Rates of the cells in the judged rate of the largest gap, lowest first."""
    wide = [g for r, g in gaps.items() if r in judged and isinstance(g.gap, Estimate)]
    if not wide:
        return Bars([], [])
    widest = max(wide, key=lambda g: g.gap.value if isinstance(g.gap, Estimate) else 0.0)
    rates = [(name, e) for name, e in widest.groups.items() if isinstance(e, Estimate)]
    return Bars.of(sorted(rates, key=lambda item: item[1].value)[:MOST_BARS], widest.rate)


def _finding(gap: RateGap, cell: str) -> Finding:
    value = gap.clear if isinstance(gap.clear, float) else 0.0
    return Finding("unequal_rates", Subject(slice=cell), "clear_gap", value, told(gap))
