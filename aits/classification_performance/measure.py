"""How often a classifier is right: over all rows, per class, and in single numbers for all classes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from qmtestbed.ait import Bars, Estimate, Finding, Matrix, Predictions, Subject, Undefined
from qmtestbed.measuring.intervals import proportion

MOST_CLASSES = 40

_Rates = Mapping[str, Estimate | Undefined]


def measure(
    predictions: Predictions, *, average: Literal["macro", "weighted"] = "macro", confidence: float = 0.95
) -> dict[str, Any] | Undefined:
    """Compare predicted with true classes.

    Parameters
    ----------
    predictions
        Labelled rows, with groups and weights where there are any.
    average
        How F1 is averaged over the classes: each alike, or by how often it occurs.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Ratios in [0, 1], ``mcc`` in [-1, 1]; undefined without a row of positive weight.
        What combines classes is undefined where all rows are of one true class.
    """
    if not len(predictions.labels) or not _weights(predictions).any():
        return Undefined("There is no labelled row to measure.")
    c = _compare(predictions)
    accuracy = proportion(c.right, confidence, groups=predictions.groups, weights=predictions.weights)
    recall = _rates(c, c.truth, "There is no row of this class.", confidence)
    precision = _rates(c, c.said, "The model never predicts this class.", confidence)
    f1 = _f1(c)
    return {
        "accuracy": accuracy,
        "recall": recall,
        "precision": precision,
        "f1": f1,
        **_over_classes(c, recall, f1, average),
        "confusion_matrix": _confusion(c),
        "recall_by_class": _bars(recall),
        "findings": _weak_classes(recall, accuracy),
    }


@dataclass(frozen=True)
class _Comparison:
    """Classes as numbers; ``true_weight``, ``said_weight`` and ``right_weight`` are sums per class."""

    given: Predictions
    names: tuple[str, ...]
    truth: np.ndarray
    said: np.ndarray
    right: np.ndarray
    true_weight: np.ndarray
    said_weight: np.ndarray
    right_weight: np.ndarray


def _compare(p: Predictions) -> _Comparison:
    # A label that the model does not know is a class like any other: none of its rows can be right.
    names = pd.Index(dict.fromkeys([*p.classes, *pd.unique(p.labels), *pd.unique(p.predicted)]), dtype=object)
    truth, said = (names.get_indexer(pd.Index(x, dtype=object)) for x in (p.labels, p.predicted))
    right, w, k = truth == said, _weights(p), len(names)
    sums = (np.bincount(codes, weights=v, minlength=k) for codes, v in ((truth, w), (said, w), (truth, w * right)))
    return _Comparison(p, tuple(map(str, names)), truth, said, right, *sums)


def _weights(p: Predictions) -> np.ndarray:
    return np.ones(len(p.labels)) if p.weights is None else np.asarray(p.weights, dtype=float)


def _rates(c: _Comparison, codes: np.ndarray, if_none: str, confidence: float) -> _Rates:
    """Share of right rows among those of each class: recall by true class, precision by predicted class."""
    rows_of = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes, minlength=len(c.names)))[:-1])
    rates: dict[str, Estimate | Undefined] = {}
    for name, rows in zip(c.names, rows_of, strict=True):
        groups, weights = (None if x is None else x[rows] for x in (c.given.groups, c.given.weights))
        rate = proportion(c.right[rows], confidence, groups=groups, weights=weights)
        rates[name] = Undefined(if_none) if isinstance(rate, Undefined) else rate
    return rates


def _f1(c: _Comparison) -> dict[str, float | Undefined]:
    occurs = c.true_weight + c.said_weight
    return {
        name: float(2 * right / both) if both > 0 else Undefined("The class neither occurs nor is predicted.")
        for name, right, both in zip(c.names, c.right_weight, occurs, strict=True)
    }


def _over_classes(
    c: _Comparison, recall: _Rates, f1: Mapping[str, float | Undefined], average: str
) -> dict[str, float | Undefined]:
    """Combine the classes; with one true class, always giving the same answer would score as well as telling apart."""
    if (c.true_weight > 0).sum() < 2:
        one = Undefined("All rows are of one true class, so that there is nothing to tell apart.")
        return {"balanced_accuracy": one, "f1_average": one, "mcc": one}
    return {
        "balanced_accuracy": float(np.mean([r.value for r in recall.values() if isinstance(r, Estimate)])),
        "f1_average": _f1_average(c, f1, average),
        "mcc": _mcc(c),
    }


def _f1_average(c: _Comparison, f1: Mapping[str, float | Undefined], average: str) -> float:
    defined = [(f, w) for f, w in zip(f1.values(), c.true_weight, strict=True) if not isinstance(f, Undefined)]
    values, weights = zip(*defined, strict=True)
    return float(np.average(values, weights=weights if average == "weighted" else None))


def _mcc(c: _Comparison) -> float:
    if (c.said_weight > 0).sum() < 2:
        return 0.0  # always the same answer: no relation to the truth, and the limit of the formula
    total = c.true_weight.sum()
    true, said, right = c.true_weight / total, c.said_weight / total, c.right_weight.sum() / total
    mcc = (right - true @ said) / math.sqrt((1 - true @ true) * (1 - said @ said))
    return float(np.clip(mcc, -1, 1))


def _confusion(c: _Comparison) -> Matrix:
    """Rows per true and predicted class; of many classes those with most errors, the others in one."""
    names, place = list(c.names), np.arange(len(c.names))
    if len(names) > MOST_CLASSES:
        errors = c.true_weight + c.said_weight - 2 * c.right_weight
        shown = np.sort(np.argsort(-errors, kind="stable")[:MOST_CLASSES])
        names = [*(names[i] for i in shown), "(all others)"]
        place = np.full(len(c.names), MOST_CLASSES)
        place[shown] = np.arange(MOST_CLASSES)
    k = len(names)
    cells = np.bincount(place[c.truth] * k + place[c.said], weights=c.given.weights, minlength=k * k)
    return Matrix(cells.reshape(k, k).tolist(), names, names, row_title="true", column_title="predicted")


def _defined(recall: _Rates) -> list[tuple[str, Estimate]]:
    """Classes that have rows, the lowest recall first."""
    return sorted(((k, r) for k, r in recall.items() if isinstance(r, Estimate)), key=lambda item: item[1].value)


def _bars(recall: _Rates) -> Bars:
    return Bars.of(_defined(recall)[:MOST_CLASSES])


def _weak_classes(recall: _Rates, accuracy: Estimate | Undefined) -> list[Finding]:
    """Name the class of the lowest recall, and each whose whole interval lies below the accuracy of all rows."""
    if not isinstance(accuracy, Estimate):
        return []
    found = []
    for i, (name, r) in enumerate(_defined(recall)):
        if r.value < 1 and (i == 0 or r.high < accuracy.value):
            text = (
                f"Class {name!r}: recall {r.value:.3f} [{r.low:.3f}, {r.high:.3f}], "
                f"against an accuracy of {accuracy.value:.3f} over all rows."
            )
            found.append(Finding("weak_class", Subject(class_=name), "recall", r.value, text))
    return found
