"""One number against one criterion."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.judging.sample_size import would_settle
from qmtestbed.judging.wording import beside, limit, number, percent
from qmtestbed.types.assessment import Against, Verdict
from qmtestbed.types.criterion import Criterion
from qmtestbed.types.values import Single


@dataclass(frozen=True)
class Element:
    """One number judged.

    Attributes
    ----------
    margin
        How far inside the criterion it is, negative outside; what decides is the point, or with ``at`` the end of the
        interval that is worse. Minus infinity where there is no number.
    straddles
        Whether the interval holds values that meet the criterion and values that do not.
    """

    key: str | None
    verdict: Verdict
    reason: str
    margin: float = -math.inf
    straddles: bool = False
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    level: float | None = None
    against: Against | None = None


def judge_element(criterion: Criterion, key: str | None, single: Single, against: Against | None = None) -> Element:
    """Judge one number; undetermined, with the reason, where there is none or its interval can't be used.

    For a criterion against a baseline it is the difference; ``against`` says of which two values.
    """
    if isinstance(single, Undefined):
        return Element(key, "undetermined", f"undefined: {single.reason}")
    if not usable(single):
        return Element(key, "undetermined", "the record holds no usable number")
    if isinstance(single, Estimate):
        return _judge_estimate(criterion, key, single, against)
    x = float(single)
    reason = f"found {_found(criterion, x, against)}, limit {limit(criterion)}"
    room = margin(criterion, x)
    if criterion.confidence is not None:
        return Element(key, "undetermined", f"{reason}; it has no interval", room, value=x, against=against)
    return Element(key, "met" if criterion.accepts(x) else "not_met", reason, room, value=x, against=against)


def _found(criterion: Criterion, x: float, against: Against | None) -> str:
    text = beside(x, criterion.low, criterion.high)
    if against is None:
        return text
    both = f"{number(against.value)} against {number(against.baseline)} of the baseline ({against.name})"
    return f"{both}: {'+' if x > 0 else ''}{text}"


_HOW = {"paired": "paired over {n:,} items", "unpaired": "unpaired", "same": "the same model"}


def _judge_estimate(criterion: Criterion, key: str | None, estimate: Estimate, against: Against | None) -> Element:
    x, low, high = float(estimate.value), float(estimate.low), float(estimate.high)
    by_interval = _judge_interval(criterion, low, high)
    found = _found(criterion, x, against)
    if against is not None:
        found += f" [{number(low)}, {number(high)}], {_HOW[against.how].format(n=estimate.n)}"
    verdict: Verdict = "met" if criterion.accepts(x) else "not_met"
    worst = margin(criterion, x)
    trouble = ""
    if criterion.confidence is not None:
        if against is None:
            found += f" ({number(low)} to {number(high)} at {percent(estimate.level)}, n = {estimate.n})"
        worst = min(margin(criterion, low), margin(criterion, high))
        verdict = by_interval
        if not math.isclose(estimate.level, criterion.confidence, abs_tol=1e-9):
            verdict, trouble = "undetermined", f"; its interval is at {percent(estimate.level)}"
        elif verdict == "undetermined":
            trouble = f"; {would_settle(criterion, estimate)}"
    reason = f"found {found}, limit {limit(criterion)}{trouble}"
    straddles = by_interval == "undetermined"
    return Element(key, verdict, reason, worst, straddles, x, low, high, estimate.n, estimate.level, against)


def _judge_interval(criterion: Criterion, low: float, high: float) -> Verdict:
    """Met if the whole interval meets it, not met if none of it does; what meets a criterion has no holes."""
    if criterion.accepts(low) and criterion.accepts(high):
        return "met"
    below = criterion.low is not None and (high <= criterion.low if criterion.strict else high < criterion.low)
    above = criterion.high is not None and (low >= criterion.high if criterion.strict else low > criterion.high)
    return "not_met" if below or above else "undetermined"


def margin(criterion: Criterion, x: float) -> float:
    """Give the distance from ``x`` to the nearer limit, negative if it is missed."""
    from_low = math.inf if criterion.low is None else x - criterion.low
    from_high = math.inf if criterion.high is None else criterion.high - x
    return min(from_low, from_high)


def usable(single: bool | int | float | Estimate) -> bool:
    """Whether a number, and its interval, is finite and in order."""
    numbers = (
        (single.value, single.low, single.high, single.level, single.n) if isinstance(single, Estimate) else (single,)
    )
    try:
        finite = all(math.isfinite(x) for x in numbers)
    except OverflowError:  # an integer that no float can hold
        return False
    return finite and (not isinstance(single, Estimate) or single.low <= single.high)
