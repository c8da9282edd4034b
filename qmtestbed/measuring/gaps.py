"""How far apart the shares of several groups are: the largest difference and the smallest ratio, searched for.

The largest of many differences is above 0 by chance: of 5 groups of 60 rows without any difference the largest is .136
on average. So the intervals here hold for all pairs of groups together; the pair may be picked afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.measuring.families import simultaneous

__all__ = ["Gap", "Kernel", "difference", "largest_gap", "smallest_ratio"]

Kernel = Callable[[float], Estimate | Undefined]
"""From a confidence to an estimate with its two-sided interval."""

_ONE_GROUP = Undefined("There are no two groups to compare.")


def difference(a: Estimate, b: Estimate) -> Estimate:
    """Subtract ``b`` from ``a``, with the interval that follows from theirs (MOVER).

    For independent samples. Where what is alike in both makes them go up and down together, it is too wide.

    References
    ----------
    Newcombe, Statistics in Medicine 17 (1998), 873-890 (method 10); Zou & Donner, Statistics in Medicine 27 (2008),
    1693-1702.
    """
    d = a.value - b.value
    low, high = np.hypot(a.value - a.low, b.high - b.value), np.hypot(a.high - a.value, b.value - b.low)
    return Estimate(d, float(d - low), float(d + high), a.level, a.n + b.n)


@dataclass(frozen=True)
class Gap:
    """The largest difference between two groups, and which two they are.

    ``estimate`` is at least 0, and its lower end too; ``n`` is that of all groups compared.
    """

    estimate: Estimate
    lowest: str
    highest: str


def largest_gap(kernels: Mapping[str, Kernel], confidence: float) -> Gap | Undefined:
    """Give the largest difference between two of several groups, with an interval that allows for the search.

    The difference of each pair gets MOVER limits from the groups' own intervals, all at
    ``1 - (1 - confidence) / pairs`` (Bonferroni). If all hold, the largest true difference lies between the largest
    lower and the largest upper limit. The value itself leans upwards; the limits don't.

    Parameters
    ----------
    kernels
        For each group a function from a confidence to its share with a two-sided interval; such of independent rows.
    confidence
        In (0, 1), of the interval for the largest difference.

    Returns
    -------
    Gap or Undefined
        In the unit of the shares; undefined with fewer than two groups that have a share.
    """
    k = len(kernels)
    pairs = max(k * (k - 1) // 2, 1)
    each = {name: kernel(1 - (1 - confidence) / pairs) for name, kernel in kernels.items()}
    found = {name: e for name, e in each.items() if isinstance(e, Estimate)}
    if len(found) < 2:
        return _ONE_GROUP
    names, family = list(found), list(found.values())
    v, low, high = (np.array([getattr(e, end) for e in family]) for end in ("value", "low", "high"))
    apart = v[:, None] - v
    lows = apart - np.hypot((v - low)[:, None], high - v)
    highs = apart + np.hypot((high - v)[:, None], v - low)
    np.fill_diagonal(highs, -np.inf)
    value = float(v.max() - v.min())
    limits = min(max(float(lows.max()), 0.0), value), max(float(highs.max()), value)
    n = sum(e.n for e in family)
    return Gap(Estimate(value, *limits, confidence, n), names[int(v.argmin())], names[int(v.argmax())])


def smallest_ratio(kernels: Mapping[str, Kernel], confidence: float) -> Estimate | Undefined:
    """Give the lowest share divided by the highest one, with an interval that allows for the search.

    The groups' intervals hold together (Bonferroni); then the lowest and the highest true share each lie between the
    lowest (highest) of their ends, and the ratio between the quotients of these.

    Parameters
    ----------
    kernels, confidence
        As in :func:`largest_gap`; shares in [0, 1].

    Returns
    -------
    Estimate or Undefined
        In [0, 1], 1 for equal shares; undefined with fewer than two groups that have a share, or if all shares are 0.
    """
    found = [e for e in simultaneous(kernels, confidence).values() if isinstance(e, Estimate)]
    if len(found) < 2:
        return _ONE_GROUP
    least, most = min(found, key=lambda e: e.value), max(found, key=lambda e: e.value)
    if most.value <= 0:
        return Undefined("All shares are 0, so that there is no ratio.")
    floor, ceiling = min(e.low for e in found), min(e.high for e in found)
    low, high = floor / max(e.high for e in found), ceiling / max(max(e.low for e in found), 1e-300)
    ratio = least.value / most.value
    return replace(least, value=ratio, low=min(low, ratio), high=max(min(high, 1.0), ratio), n=sum(e.n for e in found))
