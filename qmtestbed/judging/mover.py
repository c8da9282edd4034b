"""Differences of values that were measured apart from each other, so that nothing pairs them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.judging.elements import usable
from qmtestbed.types.values import MeasureValue, Single, minus


def difference_of(a: Single, b: Single) -> Single:
    """Subtract ``b`` from ``a``, with the interval that follows from theirs (MOVER).

    With estimates a [l_a, u_a] and b [l_b, u_b] of two independent samples, the difference d = a - b lies between
    ``d - sqrt((a - l_a)^2 + (u_b - b)^2)`` and ``d + sqrt((u_a - a)^2 + (b - l_b)^2)``. Where both were measured on the
    same items and go up and down together, as two models do, this is wider than it need be.

    Returns
    -------
    Single
        A number alone where one of the two has no interval, or one of another level; undefined where one of them is.

    References
    ----------
    Newcombe, Statistics in Medicine 17 (1998), 873-890 (method 10); Zou & Donner, Statistics in Medicine 27 (2008),
    1693-1702.
    """
    for whose, x in (("model", a), ("baseline", b)):
        if isinstance(x, Undefined):
            return Undefined(f"Of the {whose}: {x.reason}")
        if not usable(x):
            return Undefined(f"The record of the {whose} holds no usable number.")
    if isinstance(a, Estimate) and isinstance(b, Estimate) and math.isclose(a.level, b.level, abs_tol=1e-9):
        d = minus(a.value, b.value)
        low = d - math.hypot(a.value - a.low, b.high - b.value)
        high = d + math.hypot(a.high - a.value, b.value - b.low)
        return Estimate(d, low, high, a.level, min(a.n, b.n))
    return minus(_number(a), _number(b))


def nothing(a: Single) -> Single:
    """Give the difference of a value from itself: where two records are one, there is no doubt about it."""
    if isinstance(a, Undefined):
        return a
    return Estimate(0.0, 0.0, 0.0, a.level, a.n) if isinstance(a, Estimate) else 0.0


def differences(
    ours: Mapping[str, MeasureValue], theirs: Mapping[str, MeasureValue], *, same: bool
) -> dict[str, MeasureValue]:
    """Subtract the measures of the baseline from those of the model; sequences and truth values are left out.

    Parameters
    ----------
    ours, theirs
        What both records hold.
    same
        Whether the two are one record.
    """
    found: dict[str, MeasureValue] = {}
    for name in [n for n in ours if n in theirs]:
        a, b = dict(ours[name].singles()), dict(theirs[name].singles())
        if isinstance(ours[name].value, tuple) or isinstance(theirs[name].value, tuple):
            continue
        lacking = Undefined("Only one of model and baseline has such a value.")
        keys = [k for k in dict.fromkeys([*a, *b]) if not isinstance(a.get(k, b.get(k)), bool)]
        values = {k: nothing(a[k]) if same else difference_of(a.get(k, lacking), b.get(k, lacking)) for k in keys}
        if None in values:
            found[name] = MeasureValue(values[None])
        elif keys or not a:
            found[name] = MeasureValue({k: v for k, v in values.items() if k is not None})
    return found


def _number(x: Single) -> float:
    if isinstance(x, Undefined):
        return math.nan
    return float(x.value if isinstance(x, Estimate) else x)
