"""How far apart a classifier's rates lie between the groups of a sensitive column."""

from __future__ import annotations

from typing import Any

from qmtestbed.ait import Bars, Estimate, Finding, Predictions, Subject, Table, Undefined
from qmtestbed.measuring.group_rates import (
    RATES,
    Groups,
    RateGap,
    groups_in,
    judged_rates,
    rate_gap,
    rate_table,
    told,
)
from qmtestbed.measuring.matching import positions_in

MOST_LINES = 200
MOST_BARS = 40


def measure(
    predictions: Predictions, data: Table, *, min_rows: int = 20, alpha: float = 0.005, confidence: float = 0.95
) -> dict[str, Any] | Undefined:
    """Compare selection rate, TPR, FPR, PPV and accuracy between the groups of each sensitive column.

    Parameters
    ----------
    predictions, data
        What the model said, and the same rows with their sensitive columns.
    min_rows
        A group is compared in a rate that counts among so many of its rows.
    alpha
        How often chance may call any gap of TPR or FPR clear, all columns and groups together.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Gaps in [0, 1], 0 for equal rates; ratios in [0, 1], 1 for equal rates; undefined where the predictions are not
        of the rows of the data.
    """
    at = positions_in(predictions, data)
    if isinstance(at, Undefined):
        return at
    frame = data.frame.iloc[at]
    parts = {str(c): groups_in(frame[c], str(c)) for c in data.roles.sensitive}
    judged = judged_rates(predictions)
    each = alpha / (len(parts) * len(judged))
    found = {
        f"{column}: {rate}": rate_gap(predictions, groups, rate, min_rows=min_rows, alpha=each, confidence=confidence)
        for column, groups in parts.items()
        for rate in RATES
    }
    gaps = {key: gap for key, gap in found.items() if isinstance(gap, RateGap)}
    clear = {key: gap.clear for key, gap in gaps.items() if gap.rate in judged}
    return {
        "clear_gap": clear,
        "gap": {key: gap.gap if isinstance(gap, RateGap) else gap for key, gap in found.items()},
        "ratio": {key: gap.ratio if isinstance(gap, RateGap) else gap for key, gap in found.items()},
        "rate": {f"{name}: {gap.rate}": e for gap in gaps.values() for name, e in gap.groups.items()},
        "gaps": Bars.of([(key, gap.gap) for key, gap in gaps.items() if isinstance(gap.gap, Estimate)][:MOST_BARS]),
        "rates": rate_table(gaps.values(), _missing(parts), MOST_LINES),
        "findings": [
            Finding("unequal_rates", Subject(slice=key), "clear_gap", value, f"{told(gaps[key])}")
            for key, value in clear.items()
            if isinstance(value, float) and value > 0
        ],
    }


def _missing(parts: dict[str, Groups]) -> dict[str, int]:
    return {column: int((groups.codes < 0).sum()) for column, groups in parts.items()}
