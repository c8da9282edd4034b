"""Two answers to the same rows: how much better one is (than another model, or than a guess), and which rows match.

``confidence``, ``groups`` and ``weights`` mean what they mean in :mod:`qmtestbed.measuring.intervals`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr

from qmtestbed.ait import Estimate, Predictions, Undefined
from qmtestbed.measuring.intervals import delta_interval, proportion
from qmtestbed.measuring.ranking import delong

__all__ = ["balanced_interval", "correlation_interval", "gini_interval", "matched_rows", "mcnemar", "skill_interval"]

Rows = NDArray[np.intp]


def skill_interval(
    ours: ArrayLike,
    theirs: ArrayLike,
    confidence: float,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Estimate | Undefined:
    """Share of the other's loss that is saved, ``1 - mean(ours) / mean(theirs)``, by the delta method.

    Parameters
    ----------
    ours, theirs
        (n,) losses of the same rows, finite and not negative, such as squared errors.
    confidence, groups, weights
        See the module.

    Returns
    -------
    Estimate or Undefined
        In (-inf, 1]: 1 without any loss, 0 where both lose alike; undefined with fewer than two independent items, or
        if the other loses nothing.

    Raises
    ------
    ValueError
        An input is of the wrong form.

    References
    ----------
    Murphy, Monthly Weather Review 116 (1988), 2417-2424.

    Examples
    --------
    >>> skill_interval([0, 1, 0, 1], [1, 1, 1, 1], 0.95).value
    0.5
    """
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if not a.size:
        return Undefined("There is no row to measure.")
    w = None if weights is None else np.asarray(weights, dtype=np.float64)
    if w is not None and not w.any():
        return Undefined("There is no row to measure.")
    other = float(np.average(b, weights=w))
    if other <= 0:
        return Undefined("The other makes no error on these rows, so that nothing can be gained.")
    ratio = float(np.average(a, weights=w)) / other
    return delta_interval(1 - ratio, (ratio * b - a) / other, confidence, groups=groups, weights=w, high=1.0)


def balanced_interval(
    labels: ArrayLike,
    predicted: ArrayLike,
    confidence: float,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Estimate | Undefined:
    """Balanced accuracy as a skill, ``(mean recall - 1/k) / (1 - 1/k)``.

    Any constant answer and, on average, any blind guess has 0. The exact intervals of the recalls of the k classes that
    occur are combined by squares (MOVER), so that a class of a few rows makes the interval wide, and one that is always
    found does not make it narrow.

    Parameters
    ----------
    labels, predicted
        (n,) class names.
    confidence, groups, weights
        See the module.

    Returns
    -------
    Estimate or Undefined
        In [-1 / (k - 1), 1]; undefined with fewer than two true classes.

    References
    ----------
    Zou & Donner, Statistics in Medicine 27 (2008), 1693-1702.
    """
    truth, said = np.asarray(labels, dtype=object), np.asarray(predicted, dtype=object)
    rows = np.arange(len(truth)) if weights is None else np.flatnonzero(np.asarray(weights, dtype=np.float64) > 0)
    codes, names = pd.factorize(truth[rows])
    k = len(names)
    if k < 2:
        return Undefined("All rows are of one true class, so that there is nothing to tell apart.")
    of_class = np.split(rows[np.argsort(codes, kind="stable")], np.cumsum(np.bincount(codes))[:-1])
    options = {"groups": groups, "weights": weights}
    found = []
    for r in of_class:
        part = {name: None if x is None else np.asarray(x)[r] for name, x in options.items()}
        recall = proportion(np.asarray(said[r] == truth[r], dtype=bool), confidence, **part)
        found += [recall] if isinstance(recall, Estimate) else []
    value = (sum(e.value for e in found) - 1) / (k - 1)
    low = math.sqrt(sum((e.value - e.low) ** 2 for e in found)) / (k - 1)
    high = math.sqrt(sum((e.high - e.value) ** 2 for e in found)) / (k - 1)
    n = sum(e.n for e in found)
    return Estimate(value, max(value - low, -1 / (k - 1)), min(value + high, 1.0), confidence, n)


def correlation_interval(
    truth: ArrayLike,
    predicted: ArrayLike,
    confidence: float,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Estimate | Undefined:
    """Pearson's correlation, by the delta method.

    Parameters
    ----------
    truth, predicted
        (n,) finite.
    confidence, groups, weights
        See the module.

    Returns
    -------
    Estimate or Undefined
        In [-1, 1]; undefined where one of the two does not vary.

    References
    ----------
    Devlin, Gnanadesikan & Kettenring, Biometrika 62 (1975), 531-545.
    """
    y, p = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    counted = w > 0
    if not counted.any() or min(np.ptp(y[counted]), np.ptp(p[counted])) <= 0:
        return Undefined("One of the two is the same in all rows.")
    centred = [x - np.average(x, weights=w) for x in (y, p)]
    u, v = (x / np.sqrt(np.average(x**2, weights=w)) for x in centred)
    r = min(max(float(np.average(u * v, weights=w)), -1.0), 1.0)
    influence = u * v - r * (u**2 + v**2) / 2
    return delta_interval(r, influence, confidence, groups=groups, weights=weights, low=-1.0, high=1.0)


def gini_interval(
    scores: ArrayLike,
    positive: ArrayLike,
    confidence: float,
    *,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Estimate | Undefined:
    """How well scores tell two classes apart, ``2 AUC - 1``, with DeLong's variance.

    Parameters
    ----------
    scores
        (n,) finite, higher for the positive class.
    positive
        (n,) bool.
    confidence, groups, weights
        See the module.

    Returns
    -------
    Estimate or Undefined
        In [-1, 1]: 1 where every positive row has a higher score than every other, 0 for scores that tell nothing;
        undefined where one of the classes has no row of positive weight.

    Raises
    ------
    ValueError
        An input is of the wrong form.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), 837-845.
    """
    found = delong(scores, positive, weights)
    if isinstance(found, Undefined):
        return found
    area, influence = found
    gini = min(max(2 * area - 1, -1.0), 1.0)
    return delta_interval(gini, 2 * influence, confidence, groups=groups, weights=weights, low=-1.0, high=1.0)


def mcnemar(worse: int, better: int) -> tuple[float, float]:
    """McNemar's exact test of whether, among rows that changed, one direction is more frequent than the other.

    Parameters
    ----------
    worse, better
        How many rows changed in each direction, not negative.

    Returns
    -------
    two_sided, one_sided
        p-values; the second is small where ``worse`` is the larger. Both are 1 where nothing changed.

    References
    ----------
    McNemar, Psychometrika 12 (1947), 153-157.

    Examples
    --------
    >>> round(mcnemar(3, 12)[0], 6)
    0.035156
    """
    changed = worse + better
    two_sided = min(1.0, 2 * float(bdtr(min(worse, better), changed, 0.5)))
    return two_sided, float(bdtr(better, changed, 0.5))


def matched_rows(ours: Predictions, theirs: Predictions) -> tuple[Rows, Rows] | Undefined:
    """Find which rows of two predictions are the same: by id where both have unique ids, else by position.

    Parameters
    ----------
    ours, theirs
        Predictions of two models for the same table, or for two tables that overlap.

    Returns
    -------
    positions, positions
        (m,) each, in the order of ``ours``; or undefined, with the reason, where rows can't be matched or have
        different labels, so that at most one of the two was compared with the truth.
    """
    if ours.task != theirs.task:
        return Undefined(f"One version does {ours.task}, the other {theirs.task}.")
    a, b = ours.ids, theirs.ids
    if (a is None) != (b is None):
        return Undefined("Only one of the two versions names its rows by an id.")
    if a is not None and b is not None and not (len(a) == len(b) and _same(a, b).all()):
        if pd.isna(a).any() or pd.isna(b).any() or not (pd.Index(a).is_unique and pd.Index(b).is_unique):
            return Undefined("The rows can't be matched by id: ids are missing or occur more than once.")
        found = pd.Index(b).get_indexer(pd.Index(a))
        pair: tuple[Rows, Rows] = np.flatnonzero(found >= 0), found[found >= 0]
    elif len(ours.labels) != len(theirs.labels):
        return Undefined(f"{len(ours.labels)} and {len(theirs.labels)} rows without ids can't be matched.")
    else:
        pair = np.arange(len(ours.labels)), np.arange(len(ours.labels))
    if not len(pair[0]):
        return Undefined("The two versions have no row in common.")
    differ = int((~_same(ours.labels[pair[0]], theirs.labels[pair[1]])).sum())
    return Undefined(f"{differ} of {len(pair[0])} matched rows have different labels.") if differ else pair


def _same(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(a == b) | np.asarray(pd.isna(a) & pd.isna(b))
