"""Integrated gradients: what each value of an item adds to a score on the way from a baseline to the item.

Reference: Sundararajan, Taly & Yan, Axiomatic attribution for deep networks, ICML 2017 (arXiv:1703.01365).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["completeness_errors", "integrated_gradients"]

Floats = NDArray[np.float64]
Values = NDArray[np.float32]


def integrated_gradients(gradient: Callable[[Values], Values], x: Values, baseline: Values, steps: int) -> Floats:
    """Integrate the gradient along the straight line from the baseline, by Gauss and Legendre.

    Parameters
    ----------
    gradient
        Of the score at (n, …) items, of their shape.
    x
        (n, …) items.
    baseline
        Where the way begins; it broadcasts against ``x``.
    steps
        At how many points of the way the gradient is taken. With k points, scores that are polynomials of degree
        2 k along the way come out exactly.

    Returns
    -------
    array
        Attributions of the shape of ``x``, in the unit of the score. Were the integral exact, those of an item would
        add up to its score less that of the baseline (completeness).

    Examples
    --------
    >>> x = np.array([[1.0, 2.0]], dtype=np.float32)
    >>> integrated_gradients(lambda z: 2 * z, x, np.zeros_like(x), steps=2).round(6).tolist()
    [[1.0, 4.0]]
    """
    points, weights = np.polynomial.legendre.leggauss(steps)
    way = x.astype(np.float64) - baseline
    total = np.zeros(x.shape)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        total += weight * gradient((baseline + point * way).astype(np.float32))
    return np.asarray(total * way)


def completeness_errors(attributions: Floats, scores: ArrayLike, baseline_scores: ArrayLike) -> Floats:
    """How far attributions are from adding up: ``|sum - (score - baseline score)| / |score - baseline score|``.

    Parameters
    ----------
    attributions
        (n, …).
    scores, baseline_scores
        (n,).

    Returns
    -------
    array
        (n,) at least 0; NaN where the two scores differ by less than a millionth, or one is not finite.
    """
    with np.errstate(invalid="ignore"):
        difference = np.asarray(scores, dtype=np.float64) - np.asarray(baseline_scores, dtype=np.float64)
    known = np.isfinite(difference) & (np.abs(difference) >= 1e-6)
    sums = attributions.reshape(len(attributions), -1).sum(axis=1)
    found = np.divide(np.abs(sums - difference), np.abs(difference), out=np.full(len(known), np.nan), where=known)
    return np.asarray(found)
