"""Confident learning: which class each row seems to belong to, whatever its label says, and how labels are mixed up.

A row is counted into a class if the model gives that class at least as much as it gives it on average among the rows
that carry the label (of several such classes, into the most probable one). The probabilities must come from a model
that has not seen the rows. Where classes overlap, many rows are counted into another class though nothing is wrong:
the counts rank rows for looking at, and do not tell by themselves that labels are wrong.

References
----------
Northcutt, Jiang & Chuang, Confident learning: Estimating uncertainty in dataset labels, Journal of Artificial
Intelligence Research 70 (2021), 1373-1411.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["calibrated_joint", "confident_classes", "confident_joint", "margins"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
ROUNDING = 1e-6
"""By so much a probability may be below the threshold of its class."""


def confident_classes(labels: ArrayLike, probabilities: ArrayLike) -> Codes:
    """Give the class that each row is confidently counted into.

    Parameters
    ----------
    labels
        (n,) the given class of each row, as the number of its column.
    probabilities
        (n, k) out-of-sample probabilities.

    Returns
    -------
    array
        (n,) numbers of columns; -1 for a row that reaches the threshold of no class. A class that no row carries has
        no threshold, and no row is counted into it.

    Raises
    ------
    ValueError
        The shapes do not fit, or a label is no column.
    """
    y, p = _checked(labels, probabilities)
    rows, k = p.shape
    counts = np.bincount(y, minlength=k)
    sums = np.bincount(y, weights=p[np.arange(rows), y], minlength=k)
    thresholds = np.full(k, np.inf)
    np.divide(sums, counts, out=thresholds, where=counts > 0)
    reached = p >= thresholds - ROUNDING
    several = reached.sum(axis=1) > 1
    found = np.where(several, p.argmax(axis=1), reached.argmax(axis=1))
    return np.where(reached.any(axis=1), found, -1).astype(np.intp)


def confident_joint(labels: ArrayLike, confident: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Count rows by their label and by the class that they are confidently counted into.

    Parameters
    ----------
    labels
        (n,) numbers of classes below ``classes``.
    confident
        (n,) what :func:`confident_classes` gives; rows with -1 are not counted.
    classes
        How many there are.

    Returns
    -------
    array
        (classes, classes) counts: row of the given label, column of the class that the row seems to have.
    """
    y, c = np.asarray(labels), np.asarray(confident)
    sure = c >= 0
    return np.bincount(y[sure] * classes + c[sure], minlength=classes * classes).reshape(classes, classes)


def calibrated_joint(joint: ArrayLike, labels: ArrayLike) -> Floats:
    """Stretch the confident joint so that each row sums to the number of rows that carry the label.

    A class keeps at least one row on the diagonal, as in the paper's own program.

    Parameters
    ----------
    joint
        (k, k) what :func:`confident_joint` gives.
    labels
        (n,) numbers of classes.

    Returns
    -------
    array
        (k, k) expected numbers of rows; divided by n it is the estimated joint distribution of given and true label.

    Examples
    --------
    >>> calibrated_joint([[3, 1], [0, 2]], [0] * 8 + [1] * 2).tolist()
    [[6.0, 2.0], [0.0, 2.0]]
    """
    counts = np.asarray(joint, dtype=np.float64).copy()
    np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1.0))
    given = np.bincount(np.asarray(labels, dtype=np.intp), minlength=len(counts))
    return np.asarray(counts / counts.sum(axis=1, keepdims=True) * given[:, None])


def margins(labels: ArrayLike, probabilities: ArrayLike) -> Floats:
    """Probability of the given label less that of the most probable other class (normalised margin).

    Parameters
    ----------
    labels, probabilities
        As for :func:`confident_classes`; at least two columns.

    Returns
    -------
    array
        (n,) in [-1, 1]; the lowest are the labels that the model contradicts most.
    """
    y, p = _checked(labels, probabilities)
    rows = np.arange(len(p))
    others = p.copy()
    others[rows, y] = -np.inf
    return np.asarray(p[rows, y] - others.max(axis=1))


def _checked(labels: ArrayLike, probabilities: ArrayLike) -> tuple[Codes, Floats]:
    y, p = np.asarray(labels, dtype=np.intp), np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or y.shape != p.shape[:1]:
        raise ValueError(f"labels must be (n,) and probabilities (n, k); found {y.shape} and {p.shape}")
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < p.shape[1]:
        raise ValueError(
            f"labels must be numbers of columns below {p.shape[1]}; found {int(y.min())} to {int(y.max())}"
        )
    return y, p
