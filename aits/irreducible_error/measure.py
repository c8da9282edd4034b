"""Between which bounds the smallest possible error lies, told by how often nearest neighbours have different labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qmtestbed.ait import Bars, Estimate, Finding, Images, Subject, Table, Undefined, class_name
from qmtestbed.measuring.answers import groups_of
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.points import as_points, nearest

LEAST = 20
MOST_BARS = 20


def measure(data: Table | Images, *, confidence: float = 0.95) -> dict[str, Any] | Undefined:
    """Bracket the error of the best possible classifier of these features by that of the nearest neighbour.

    Parameters
    ----------
    data
        Labelled rows or images; those without a label are left out.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Errors in [0, 1], and the lower bound as a share of the error of always saying the largest class (0: the
        features tell the classes, 1: they tell nothing); undefined with fewer than 20 labelled items or two classes.
    """
    found = _labelled(data)
    if isinstance(found, Undefined):
        return found
    points, labels, groups = found
    codes, classes = pd.factorize(labels, sort=True)
    own = np.arange(len(codes)) if groups is None else pd.factorize(groups, use_na_sentinel=False)[0]
    if len(np.unique(own)) < 2:
        return Undefined("All items belong to one group, so that none has a neighbour outside it.")
    _, at = nearest(points, points, 1, apart=(own, own))
    wrong = codes[at[:, 0]] != codes
    units = _clusters(at[:, 0]) if groups is None else own
    upper = proportion(wrong, confidence, groups=units)
    if isinstance(upper, Undefined):
        return upper
    # The interval takes linked items for one; n tells how many items (groups) there are, here and in each class.
    upper = replace(upper, n=len(np.unique(own)))
    trivial = 1 - float(np.bincount(codes).max()) / len(codes)
    lower = _through(upper, lambda e: _cover_hart(e, len(classes)))
    ratio = _through(lower, lambda e: min(e / trivial, 1.0))
    by_class = {
        str(name): (lambda level, mine=codes == i: proportion(wrong[mine], level, groups=units[mine]))
        for i, name in enumerate(classes)
    }
    per_class = {
        str(name): replace(e, n=len(np.unique(own[codes == i]))) if isinstance(e, Estimate) else e
        for i, (name, e) in enumerate(simultaneous(by_class, confidence).items())
    }
    return {
        "bayes_error_upper": upper,
        "bayes_error_lower": lower,
        "untold_share": ratio,
        "class_error": per_class,
        "trivial_error": trivial,
        "bracket": Bars.of([("lower bound", lower), ("upper bound", upper)], "error of the best possible classifier"),
        "by_class": Bars.of(_worst(per_class)[:MOST_BARS]),
        "findings": _findings(ratio, lower, upper, per_class),
    }


def _labelled(data: Table | Images) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | Undefined:
    """Points, class names and groups of the items with a label."""
    if data.labels is None:
        return Undefined("The data have no labels.")
    labels = np.asarray(data.labels, dtype=object)
    there = np.flatnonzero(~pd.isna(labels))
    names = np.array([class_name(label) for label in labels[there]], dtype=object)
    if len(there) < LEAST:
        return Undefined(f"There are {len(there)} labelled items; {LEAST} or more are needed.")
    if len(set(names)) < 2:
        return Undefined("All labels are the same, so that there is nothing to tell apart.")
    points = as_points(data)[there]
    if not points.shape[1]:
        return Undefined("The table has no feature that tells rows apart.")
    groups = groups_of(data)
    return points, names, None if groups is None else groups[there]


def _cover_hart(error: float, classes: int) -> float:
    """Least error that the best classifier can have, where that of the nearest neighbour is ``error`` (many rows)."""
    share = (classes - 1) / classes
    return share * (1 - math.sqrt(max(0.0, 1 - error / share)))


def _clusters(partner: np.ndarray) -> np.ndarray:
    """Items that are linked by being nearest neighbours share their luck and count as one (about three each)."""
    n = len(partner)
    links = coo_array((np.ones(n), (np.arange(n), partner)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1])


def _through(e: Estimate, curve: Callable[[float], float]) -> Estimate:
    """Take an estimate and its interval through a curve that never falls."""
    return replace(e, value=curve(e.value), low=curve(e.low), high=curve(e.high))


def _worst(per_class: dict[str, Estimate | Undefined]) -> list[tuple[str, Estimate]]:
    found = [(name, e) for name, e in per_class.items() if isinstance(e, Estimate)]
    return sorted(found, key=lambda item: (-item[1].value, item[0]))


def _findings(
    ratio: Estimate, lower: Estimate, upper: Estimate, per_class: dict[str, Estimate | Undefined]
) -> list[Finding]:
    if not ratio.value > 0:
        return []
    name, e = _worst(per_class)[0]
    text = (
        f"By their nearest neighbours, these features leave {lower.value:.1%} to {upper.value:.1%} of the items to "
        f"chance; class {name!r} most: {e.value:.1%} of its items lie next to another class."
    )
    return [Finding("weak_class", Subject(class_=name), "untold_share", ratio.value, text)]
