"""How well columns tell the label: which share of the error they remove, seen on rows held out.

The error is the balanced error rate where labels are classes, and the mean absolute error of the label's rank where
they are numbers. In both cases a *loss* per row is given in such a unit that knowing nothing has the mean 1, so that
``1 - mean(loss)`` is the proportional reduction of error (Goodman and Kruskal), 1 for a column that tells the label
without fail. Every row is told by what was learned from the rows of other folds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeClassifier

from qmtestbed.ait import Roles
from qmtestbed.measuring.columns import kind_of, names_of, numbers_of

__all__ = ["Column", "Labels", "Target", "column_of", "labels_of", "ranked", "target_of", "told_by_model"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

FOLDS = 5
BINS = 64
ROWS_PER_BIN = 10
TAILS = (0.001, 0.002, 0.005, 0.01)
"""Cuts beyond the equal bins, at both ends: a class may be rarer than a bin."""
REPEATS = 5
"""Numbers that occur so many times each, on average, may be codes."""
TEXT_VALUES = 50
"""Text of more different values tells by its alphabetical order too."""
LEAVES = 256
NEIGHBOURS = 3
TREES = 40
FEWEST_ROWS = 30
FEWEST_OF_CLASS = 10
"""A class of fewer rows is left out: they can be neither learned from nor held out."""
MOST_INTEGERS = 20
"""Labels of up to so many different whole numbers are classes."""


@dataclass(frozen=True)
class Labels:
    """Labels as numbers.

    Attributes
    ----------
    y
        (kept,) class numbers from 0, or float64.
    classes
        How many classes, at least 2; 0 where the label is a number.
    kept
        (kept,) positions of the rows whose label can be told.
    rare
        How many classes were left out, because too few rows have them.
    """

    y: NDArray[Any]
    classes: int
    kept: Codes
    rare: int = 0


def labels_of(labels: pd.Series[Any], roles: Roles) -> Labels | str:
    """Read labels as classes or as numbers; or say in a sentence why they can't be told."""
    kind = kind_of(labels)
    x = np.empty(0) if kind in ("categories", "empty") else numbers_of(labels, kind)
    few = np.unique(x[~np.isnan(x)])
    whole = kind == "numbers" and len(few) <= MOST_INTEGERS and bool((few == np.floor(few)).all())
    if kind == "categories" or roles.task == "classification" or (roles.task is None and (roles.classes or whole)):
        return _classes(names_of(labels))
    kept = np.flatnonzero(~np.isnan(x))
    if len(kept) < FEWEST_ROWS:
        return f"Fewer than {FEWEST_ROWS} rows have a label."
    return Labels(x[kept], 0, kept) if len(few) > 1 else "All labels are the same."


def _classes(names: NDArray[Any]) -> Labels | str:
    codes, found = pd.factorize(names)
    rare = np.bincount(codes[codes >= 0], minlength=len(found)) < FEWEST_OF_CLASS
    kept = np.flatnonzero(codes >= 0)
    kept = kept[~rare[codes[kept]]]
    classes = int((~rare).sum())
    if len(kept) < FEWEST_ROWS or classes < 2:
        return f"There are no two classes of {FEWEST_OF_CLASS} labelled rows or more, with {FEWEST_ROWS} rows in all."
    return Labels(pd.factorize(codes[kept])[0], classes, kept, int(rare.sum()))


@dataclass(frozen=True)
class Target:
    """The labels to be told.

    Attributes
    ----------
    classes
        How many classes there are, at least 2; 0 where the label is a number.
    y
        (n,) class numbers, or ranks in (0, 1).
    fold
        (n,) which fold holds the row out, 0 to ``FOLDS - 1``; rows of one unit are in one fold.
    unit
        (n,) the number of the row's independent unit.
    cost
        (n,) what a wholly wrong answer costs: the unit of the losses.
    """

    classes: int
    y: NDArray[Any]
    fold: Codes
    unit: Codes
    cost: Floats

    def loss(self, told: NDArray[Any]) -> Floats:
        """Give the (n,) losses of (n,) answers; a class of -1 says nothing, and costs what a guess does."""
        if self.classes:
            lost = np.where(told == self.y, 0.0, self.cost)
            return np.where(told < 0, self.cost * (1 - 1 / self.classes), lost)
        return cast("Floats", np.abs(told - self.y) * self.cost)

    def take(self, rows: Codes) -> Target:
        """Give the same for some rows."""
        return _target(self.classes, self.y[rows], self.fold[rows], self.unit[rows])

    def error(self, x: Floats) -> float:
        """Give the standard error of the mean of (n,) values, units being independent."""
        sums = np.bincount(self.unit, weights=x - x.mean())
        return math.sqrt(float(sums @ sums)) / len(x)

    def lowest_power(self, loss: Floats) -> float:
        """Lower end, at 95 % one-sided, of the power; failures that were not seen are added by the rule of three."""
        unseen = 3 * float(self.cost.max()) / len(loss) if self.classes else 0.0
        return 1 - float(loss.mean()) - 1.645 * self.error(loss) - unseen


def target_of(labels: Labels, rng: np.random.Generator, unit: Codes | None = None) -> Target:
    """Bring labels into the form to be told, and deal the rows into folds.

    Parameters
    ----------
    labels
        Those of n rows.
    rng
        Deals the folds: each class, and each stretch of a numeric label, goes to all of them alike.
    unit
        (n,) numbers of groups that stay together; ``None``: each row by itself.
    """
    y, classes, n = labels.y, labels.classes, len(labels.y)
    if not classes:
        y = (pd.Series(y).rank().to_numpy() - 0.5) / n
    if unit is None:
        unit = np.arange(n)
        order = np.lexsort((rng.random(n), y if classes else np.floor(y * 20)))
        fold = np.empty(n, dtype=np.intp)
        fold[order] = (np.arange(n) + rng.integers(FOLDS)) % FOLDS
    else:
        fold = rng.permutation(np.arange(int(unit.max()) + 1) % FOLDS)[unit]
    return _target(classes, y, fold, unit)


def _target(classes: int, y: NDArray[Any], fold: Codes, unit: Codes) -> Target:
    if classes:
        rows = np.bincount(y, minlength=classes)
        cost = (len(y) / np.maximum(rows, 1) / (classes - 1))[y]
    else:
        cost = np.full(len(y), 1 / np.abs(y - np.median(y)).mean())
    return Target(classes, y, fold, unit, cost)


# -- one column -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column in the forms in which it can tell.

    Attributes
    ----------
    cells, size
        (n,) numbers below ``size``: the value of a row, or where it hardly repeats a bin of like frequency.
    order
        (n,) numbers in the order of the values, NaN for a missing one; ``None`` for text of few values.
    missing
        (n,) whether the row has no value.
    by_value
        Whether the cells are values that their order may yet tell better: text, or numbers of many values.
    """

    cells: Codes
    size: int
    order: Floats | None
    missing: NDArray[np.bool_]
    by_value: bool

    def losses(self, target: Target) -> Floats:
        """Give the (n,) losses, the quick way: by values or by bins of their order, whichever is better."""
        loss = _told_by_cells(self.cells, self.size, target)
        if not self.by_value or self.order is None:
            return loss
        return _better(loss, _told_by_cells(*_bins(self.order), target))

    def closer(self, target: Target) -> Floats:
        """As :meth:`losses`, or better: a tree for classes, the mean of the nearest rows for numbers."""
        loss = self.losses(target)
        return loss if self.order is None else _better(loss, _told_by_order(self.ranks(), target))

    def ranks(self) -> Codes:
        """Give the (n,) places of the values in their order, equal ones alike, missing 0; cells where there is none."""
        return self.cells if self.order is None else cast("Codes", pd.factorize(self.order, sort=True)[0] + 1)

    def gaps(self, target: Target) -> Floats:
        """Losses where all that tells is whether a value is missing."""
        return _told_by_cells(self.missing.astype(np.intp), 2, target)

    def values(self, target: Target) -> Floats:
        """Losses where each value tells by itself."""
        return _told_by_cells(self.cells, self.size, target)


def column_of(values: pd.Series[Any]) -> Column:
    """Bring n values into the forms in which they can tell; text that occurs once is one value, as it tells nothing."""
    kind = kind_of(values)
    if kind not in ("categories", "empty"):
        return ranked(numbers_of(values, kind))
    names = names_of(values)
    codes, found = pd.factorize(names)
    often = np.bincount(codes + 1, minlength=len(found) + 1) > 1
    place = np.where(often, np.cumsum(often), 0)
    order = None
    if len(found) > TEXT_VALUES:
        order = np.r_[np.argsort(np.argsort(found)), np.nan][codes]  # a missing value has code -1: the last
    return Column(place[codes + 1], int(place.max()) + 1, order, codes < 0, True)


def ranked(x: Floats) -> Column:
    """As :func:`column_of`, for (n,) numbers with NaN where one is missing."""
    codes, found = pd.factorize(x)
    if BINS < len(found) <= len(x) // REPEATS:
        return Column(codes + 1, len(found) + 1, x, codes < 0, True)
    cells, size = _bins(x)
    return Column(cells, size, x, codes < 0, False)


def _bins(x: Floats) -> tuple[Codes, int]:
    """Cut numbers into bins of equal frequency, few different ones into a bin each; a gap has a bin too."""
    known = np.sort(x)
    known = known[: np.searchsorted(known, np.inf, side="right")]  # NaN is sorted last
    if not len(known):
        return np.zeros(len(x), dtype=np.intp), 1
    starts = np.flatnonzero(np.r_[True, known[1:] != known[:-1]])
    if len(starts) > BINS:
        bins = min(BINS, len(x) // ROWS_PER_BIN)
        tails = [t for t in TAILS if t * len(x) >= ROWS_PER_BIN]
        cuts = np.r_[tails, np.arange(1, bins) / bins, 1 - np.array(tails)]
        starts = (cuts * len(known)).astype(np.intp)
    edges = np.unique(known[starts])
    codes = np.searchsorted(edges, x, side="right")
    codes[np.isnan(x)] = len(edges) + 1
    return codes, len(edges) + 2


def _better(a: Floats, b: Floats) -> Floats:
    return a if a.mean() <= b.mean() else b


def _told_by_cells(codes: Codes, size: int, target: Target) -> Floats:
    """Each value tells what most of its rows in the other folds have (classes: relative to their size)."""
    if target.classes:
        return _classes_by_cells(codes, size, target)
    cell = target.fold * size + codes
    rows = np.bincount(cell, minlength=FOLDS * size).reshape(FOLDS, size)
    sums = np.bincount(cell, weights=target.y, minlength=FOLDS * size).reshape(FOLDS, size)
    others = rows.sum(axis=0) - rows
    means = np.full(others.shape, 0.5)
    np.divide(sums.sum(axis=0) - sums, others, out=means, where=others > 0)
    return target.loss(means[target.fold, codes])


def _classes_by_cells(codes: Codes, size: int, target: Target) -> Floats:
    k = target.classes
    cell = (target.fold * size + codes) * k + target.y
    rows = np.bincount(cell, minlength=FOLDS * size * k).reshape(FOLDS, size, k)
    others = rows.sum(axis=0) - rows
    shares = others / np.maximum(others.sum(axis=1, keepdims=True), 1)
    told = np.where(shares.any(axis=2), shares.argmax(axis=2), -1)
    return target.loss(told[target.fold, codes])


def _told_by_order(ranks: Codes, target: Target) -> Floats:
    told = np.empty(len(ranks), dtype=target.y.dtype)
    for fold in range(FOLDS):
        out = target.fold == fold
        if out.any() and not out.all():
            told[out] = _by_order(ranks, ~out, out, target)
        else:
            told[out] = -1 if target.classes else 0.5
    return target.loss(told)


def _by_order(ranks: Codes, inside: NDArray[np.bool_], out: NDArray[np.bool_], target: Target) -> NDArray[Any]:
    if target.classes:
        leaf = max(5, int(inside.sum()) // 200)
        tree = DecisionTreeClassifier(
            min_samples_leaf=leaf, max_leaf_nodes=LEAVES, class_weight="balanced", random_state=0
        )
        return np.asarray(tree.fit(ranks[inside, None], target.y[inside]).predict(ranks[out, None]))
    order = np.argsort(ranks[inside], kind="stable")
    known, sums = ranks[inside][order], np.r_[0.0, np.cumsum(target.y[inside][order])]
    first, last = (np.searchsorted(known, ranks[out], side=side) for side in ("left", "right"))
    few = last - first < 2 * NEIGHBOURS  # rows of the same value tell most, if there are enough
    first = np.where(few, np.maximum(first - NEIGHBOURS, 0), first)
    last = np.where(few, np.minimum(last + NEIGHBOURS, len(known)), last)
    return np.asarray((sums[last] - sums[first]) / np.maximum(last - first, 1))


# -- several columns ------------------------------------------------------------------------------------------


def told_by_model(ranks: NDArray[np.intp], target: Target, seed: int) -> Floats:
    """Losses of the better of two models of all columns: many trees, and a linear one.

    Parameters
    ----------
    ranks
        (n, columns) of values in the order in which they are to be taken; there is at least one column.
    seed
        Of the trees.
    """
    n = len(ranks)
    x = norm.ppf((pd.DataFrame(ranks).rank().to_numpy() - 0.5) / n)
    best: Floats | None = None
    y = target.y if target.classes else norm.ppf(target.y)
    for make in (_trees, _linear):
        told = np.full(n, -1 if target.classes else 0.5, dtype=target.y.dtype)
        for fold in range(FOLDS):
            out = target.fold == fold
            present = len(np.unique(y[~out]))
            if out.any() and present > 1:
                answers = make(target, present, seed).fit(x[~out], y[~out]).predict(x[out])
                told[out] = answers if target.classes else norm.cdf(answers)
        loss = target.loss(told)
        best = loss if best is None or loss.mean() < best.mean() else best
    return cast("Floats", best)


def _trees(target: Target, present: int, seed: int) -> Any:
    if target.classes:
        return ExtraTreesClassifier(TREES, min_samples_leaf=2, class_weight="balanced", random_state=seed)
    return ExtraTreesRegressor(TREES, min_samples_leaf=5, max_features=0.4, random_state=seed)


def _linear(target: Target, present: int, seed: int) -> Any:
    if target.classes:
        even = np.full(present, 1 / present)
        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=even)
    return Ridge()
