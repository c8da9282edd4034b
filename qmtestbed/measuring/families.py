"""Intervals that hold together: for the cells, columns or classes that one AIT looks through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from qmtestbed.ait import Estimate, Undefined

__all__ = ["lowest", "simultaneous"]


def simultaneous(
    kernels: Mapping[str, Callable[[float], Estimate | Undefined]], confidence: float
) -> dict[str, Estimate | Undefined]:
    """Compute a family of intervals that all hold their truth together, with at least the confidence (Bonferroni).

    Picking the worst of the family afterwards is then allowed: its interval is part of what was promised.

    Parameters
    ----------
    kernels
        For each key a function from a confidence to the estimate with its two-sided interval.
    confidence
        In (0, 1), of the family; each interval is computed at ``1 - (1 - confidence) / len(kernels)``.

    Returns
    -------
    dict
        The estimates by key; their level is the confidence of the family.

    References
    ----------
    Dunn, Multiple comparisons among means, Journal of the American Statistical Association 56 (1961), 52-64.
    """
    each = 1 - (1 - confidence) / max(len(kernels), 1)
    found = {key: kernel(each) for key, kernel in kernels.items()}
    return {k: replace(e, level=confidence) if isinstance(e, Estimate) else e for k, e in found.items()}


def lowest(family: Iterable[Estimate | Undefined]) -> Estimate | Undefined:
    """Give the smallest value of a simultaneous family, with an interval that allows for having searched for it.

    If all intervals hold their truth, the smallest true value lies between the smallest lower and the smallest upper
    end. The value itself leans downwards: of several equal truths, the lowest estimate is below them.

    Returns
    -------
    Estimate or Undefined
        In the unit of the family; undefined if nothing in it is defined.
    """
    defined = [e for e in family if isinstance(e, Estimate)]
    if not defined:
        return Undefined("There is nothing to take the lowest of.")
    least = min(defined, key=lambda e: e.value)
    return replace(least, low=min(e.low for e in defined), high=min(e.high for e in defined))
