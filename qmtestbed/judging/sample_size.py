"""How many items would settle a criterion that the interval leaves open."""

from __future__ import annotations

import math

from qmtestbed.ait import Estimate
from qmtestbed.types.criterion import Criterion

_HOPELESS = 1e4
"""Half width over distance: beyond it, 1e8 times the items would be needed."""


def would_settle(criterion: Criterion, estimate: Estimate) -> str:
    """Say what sample size would settle the criterion, if the estimate holds.

    Parameters
    ----------
    criterion
        One with a confidence.
    estimate
        One whose interval holds values that meet the criterion and values that do not.

    Returns
    -------
    str
        A part of a sentence. The size is ``n (w / d)²``: a half width w shrinks as 1/√n, and has to be less than the
        distance d between estimate and limit.
    """
    x = estimate.value
    if criterion.accepts(x):
        ratio = max(_ratio(estimate, b) for b in (criterion.low, criterion.high) if b is not None)
        said, use = "not shown at this sample size", "would be needed if the estimate holds"
    else:
        below = criterion.low is not None and x <= criterion.low
        ratio = _ratio(estimate, criterion.low if below else criterion.high)
        said, use = f"the estimate itself is {'below' if below else 'above'} the limit", "would show that it is missed"
    if math.isinf(ratio):
        return "the estimate is at the limit; no sample size would show it"
    if not ratio <= _HOPELESS:  # also where the numbers are so large that it is none
        return f"{said}; so close to the limit, no practical sample size would show it"
    needed = max(math.ceil(estimate.n * ratio**2), estimate.n + 1)
    return f"{said}; about n = {needed} {use}"


def _ratio(estimate: Estimate, bound: float | None) -> float:
    """Half width on the side that faces the bound, over the distance to it."""
    if bound is None or bound == estimate.value:
        return math.inf
    faces_down = bound < estimate.value
    width = estimate.value - estimate.low if faces_down else estimate.high - estimate.value
    return width / abs(estimate.value - bound)
