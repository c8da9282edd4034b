"""How well scores rank items of two kinds: the area under the ROC curve, its influence function and its interval."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, expit, logit, stdtrit

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.measuring.intervals import delta_interval

__all__ = ["auc_interval", "delong"]

Floats = NDArray[np.float64]


def delong(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, Floats] | Undefined:
    """Area under the ROC curve, and how it moves with the weight of each item.

    Parameters
    ----------
    scores
        (n,) finite, higher for the positive kind.
    positive
        (n,) bool.
    weights
        (n,) finite, not negative; none for equal ones.

    Returns
    -------
    area, influence
        The share of pairs of a positive and another item in which the positive one has the higher score, ties counting
        half, in [0, 1]; and (n,) with mean 0. Undefined where one of the kinds has no item of positive weight.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), 837-845.
    """
    s, yes = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    w = np.ones(len(s)) if weights is None else np.asarray(weights, dtype=np.float64)
    mass = float(w[yes].sum()), float(w[~yes].sum())
    if min(mass) <= 0:
        return Undefined("Only one of the two classes has rows.")
    values, at = np.unique(s, return_inverse=True)
    ours, theirs = (np.bincount(at, weights=w * part, minlength=len(values)) for part in (yes, ~yes))
    below = (np.cumsum(theirs) - theirs / 2)[at] / mass[1]  # of the negative rows, for each positive one
    above = 1 - (np.cumsum(ours) - ours / 2)[at] / mass[0]  # of the positive rows, for each negative one
    area = float(np.average(below[yes], weights=w[yes]))
    scale = np.where(yes, w.sum() / mass[0], w.sum() / mass[1])
    return area, (np.where(yes, below, above) - area) * scale


def auc_interval(
    scores: ArrayLike, positive: ArrayLike, confidence: float, *, groups: ArrayLike | None = None
) -> Estimate | Undefined:
    """Area under the ROC curve with DeLong's variance on the logit scale, which keeps the interval inside [0, 1].

    Its degrees of freedom are those of two samples (Satterthwaite), as the smaller kind decides. Where hardly any pair
    is ranked wrongly that variance says little, and nothing where none is. Items of the two kinds can be paired off
    into independent trials, as many as the smaller kind has items (groups); where fewer than one of these would come
    out wrong (or right), and where all scores agree, the interval is no narrower than the exact one of so many trials.

    Of simulated normal scores, 20 to 1,000 of each kind and areas of 0.5 to 0.998, the 95 % intervals held the true
    area in 95 to 100 % in each of 17 situations. With groups the variance is that between all of them, and Student's t
    has as many degrees of freedom as there are groups less one.

    Parameters
    ----------
    scores
        (n,) finite, higher for the positive kind.
    positive
        (n,) bool.
    confidence, groups
        As in :mod:`qmtestbed.measuring.intervals`.

    Returns
    -------
    Estimate or Undefined
        In [0, 1]: 1 where every positive item has a higher score than every other, 0.5 for scores that tell nothing;
        undefined where one of the kinds has no item.

    Raises
    ------
    ValueError
        An input is of the wrong form.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), 837-845; Qin & Hotilovac, Statistical Methods in Medical
    Research 17 (2008), 207-221 (the logit).

    Examples
    --------
    >>> auc_interval([1, 2, 3, 4], [False, False, True, True], 0.95).value
    1.0
    """
    yes = np.asarray(positive, dtype=bool)
    found = delong(scores, yes)
    if isinstance(found, Undefined):
        return found
    area, influence = found
    unit = np.arange(len(yes)) if groups is None else pd.factorize(np.asarray(groups), use_na_sentinel=False)[0]
    sizes = tuple(len(np.unique(unit[kind])) for kind in (yes, ~yes))
    wrong = min(area, 1 - area)
    ends = [area, area]
    if wrong > 1e-12:
        slope = influence / (area * (1 - area))
        e = delta_interval(float(logit(area)), slope, confidence, groups=groups) if groups is not None else None
        if isinstance(e, Undefined):
            return e
        at, margin = float(logit(area)), _margin(slope, yes, confidence)
        ends = [float(expit(x)) for x in ((e.low, e.high) if e is not None else (at - margin, at + margin))]
    if wrong * min(sizes) < 1 or not influence.any():
        ends += _of_pairs(area, min(sizes), confidence)
    return Estimate(area, min(area, *ends), max(area, *ends), confidence, len(np.unique(unit)))


def _margin(influence: Floats, positive: NDArray[np.bool_], confidence: float) -> float:
    """Half of the width of the interval of a sum of two means, each of one of the kinds (Welch and Satterthwaite)."""
    parts = [influence[kind] * kind.mean() for kind in (positive, ~positive)]
    squares = [float(p.var(ddof=1)) / len(p) if len(p) > 1 else 0.0 for p in parts]
    total = sum(squares)
    if not total:
        return 0.0
    freedom = total**2 / sum(s**2 / (len(p) - 1) for s, p in zip(squares, parts, strict=True) if s)
    return float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(total)


def _of_pairs(area: float, trials: int, confidence: float) -> list[float]:
    """Limits of Clopper and Pearson for a share of trials, which need not be a whole number of them."""
    tail, right, wrong = (1 - confidence) / 2, area * trials, (1 - area) * trials
    return [
        float(betaincinv(right, wrong + 1, tail)) if right > 0 else 0.0,
        float(betaincinv(right + 1, wrong, 1 - tail)) if wrong > 0 else 1.0,
    ]
