"""What a model gains over answering without looking at the row, and over its own previous version."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Bars, DataTable, Estimate, Finding, Matrix, Predictions, Subject, Table, Undefined
from qmtestbed.measuring.answers import weights_of
from qmtestbed.measuring.columns import names_of
from qmtestbed.measuring.intervals import mean_interval, proportion
from qmtestbed.measuring.paired import (
    balanced_interval,
    correlation_interval,
    gini_interval,
    matched_rows,
    mcnemar,
    skill_interval,
)

MOST_ROWS = 1000
OF_ORDER = ("ranking", "correlation")
"""Scores that tell rows apart, whatever the size of the errors."""
ALL = Subject(slice="all rows")
_NO_PREVIOUS = Undefined("No previous version is given.")
_ONE_CLASS = Undefined("All rows are of one true class, so that there is nothing to tell apart.")
_NO_CLASSES = Undefined("The task is regression.")
_ROW_BY_ROW = Undefined("The exact test needs independent rows of equal weight.")

_Result = Estimate | Undefined


def measure(
    predictions: Predictions,
    previous: Predictions | None = None,
    train: Table | None = None,
    *,
    alpha: float = 0.001,
    confidence: float = 0.95,
) -> dict[str, Any] | Undefined:
    """Compare the errors of a model with those of the trivial model and of its previous version.

    Parameters
    ----------
    predictions
        Labelled rows, with groups and weights where there are any.
    previous
        What the previous version said of the same rows, matched by id where both have unique ids, else by position.
    train
        Its labels make the trivial model; without them those of ``predictions`` do.
    alpha
        How often an update that is as good as the previous version may be taken for a worse one.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        ``skill`` in (-inf, 1], 0 for the trivial model; differences are above 0 where the model is better. Undefined
        without a row of positive weight; what compares with a previous version is undefined without one.
    """
    p = predictions
    if not len(p.labels) or (p.weights is not None and not np.any(p.weights)):
        return Undefined("There is no labelled row to measure.")
    trivial = _trivial(p, train)
    classes = p.task == "classification"
    skill = _class_skills(p, trivial, confidence) if classes else _value_skills(p, trivial, confidence)
    gain = _accuracy_gain(p, trivial, confidence) if classes else _NO_CLASSES
    lack = _ONE_CLASS if classes and len(_true_classes(p)) < 2 else _lack(skill)
    update = _update(p, previous, alpha, confidence)
    return {
        "skill": skill,
        "accuracy_gain": gain,
        "clear_lack": lack,
        **update.measures,
        **update.resources,
        "skills": Bars.of([(k, e) for k, e in skill.items() if isinstance(e, Estimate)]),
        "trivial_model": _table(trivial, classes),
        "findings": [*_no_gain(lack, skill), *update.findings],
    }


# -- the trivial model ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trivial:
    """Answers without looking at the row: the shares of the classes and the largest, or the mean and the median."""

    source: str
    shares: Mapping[str, float]
    answer: str = ""
    mean: float = math.nan
    median: float = math.nan


def _trivial(p: Predictions, train: Table | None) -> _Trivial:
    labels, weights, source = pd.Series(p.labels), p.weights, "test labels"
    if train is not None and train.labels is not None and train.labels.notna().any():
        labels, weights, source = train.labels, weights_of(train), "training labels"
    w = np.ones(len(labels)) if weights is None else np.nan_to_num(np.asarray(weights, dtype=float), nan=0.0)
    if p.task == "classification":
        names = pd.Series(names_of(labels), dtype=object)
        masses = pd.Series(w).groupby(names.to_numpy()).sum().sort_index()
        if masses.sum() > 0:
            shares = masses / masses.sum()
            return _Trivial(source, {str(k): float(v) for k, v in shares.items()}, str(shares.idxmax()))
        return _trivial(p, None)
    values = pd.to_numeric(labels, errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    known = np.isfinite(values) & (w > 0)
    if not known.any():
        return _trivial(p, None)
    median = float(np.quantile(values[known], 0.5, weights=w[known], method="inverted_cdf"))
    return _Trivial(source, {}, "", float(np.average(values[known], weights=w[known])), median)


def _table(trivial: _Trivial, classes: bool) -> DataTable:
    if not classes:
        rows = [("mean", trivial.mean, trivial.source), ("median", trivial.median, trivial.source)]
        return DataTable(["answer", "value", "from"], rows)
    largest = sorted(trivial.shares.items(), key=lambda item: (-item[1], item[0]))[:40]
    return DataTable(["class", "share", "from"], [(name, share, trivial.source) for name, share in largest])


# -- skill over the trivial model -----------------------------------------------------------------------------


def _true_classes(p: Predictions) -> list[str]:
    counted = p.labels if p.weights is None else p.labels[np.asarray(p.weights) > 0]
    return sorted({str(v) for v in pd.unique(pd.Series(counted, dtype=object))})


def _wrong(p: Predictions, answer: Any) -> np.ndarray:
    return np.asarray(p.labels != answer, dtype=float)


def _accuracy_gain(p: Predictions, trivial: _Trivial, confidence: float) -> _Result:
    better = _wrong(p, trivial.answer) - _wrong(p, p.predicted)
    return mean_interval(better, confidence, groups=p.groups, weights=p.weights, low=-1.0, high=1.0)


def _class_skills(p: Predictions, trivial: _Trivial, confidence: float) -> dict[str, _Result]:
    def saved(ours: np.ndarray, theirs: np.ndarray) -> _Result:
        return skill_interval(ours, theirs, confidence, groups=p.groups, weights=p.weights)

    present = _true_classes(p)
    skills = {"accuracy": saved(_wrong(p, p.predicted), _wrong(p, trivial.answer))}
    options = {"groups": p.groups, "weights": p.weights}
    skills["balanced accuracy"] = balanced_interval(p.labels, p.predicted, confidence, **options)
    if p.probabilities is not None:
        skills["Brier score"] = saved(*_squares(p, p.probabilities, trivial))
        if len(p.classes) == 2 and set(present) <= set(p.classes):
            yes = p.labels == p.classes[1]
            skills["ranking"] = gini_interval(p.probabilities[:, 1], yes, confidence, **options)
    return skills


def _squares(p: Predictions, probabilities: np.ndarray, trivial: _Trivial) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors of probabilities, summed over the classes: of the model and of the trivial shares."""
    codes = pd.Index(p.classes).get_indexer(pd.Index(p.labels))
    known = (codes >= 0) & (codes < probabilities.shape[1])
    of_truth = np.where(known, probabilities[np.arange(len(codes)), np.where(known, codes, 0)], 0.0)
    ours = 1 + np.einsum("ij,ij->i", probabilities, probabilities) - 2 * of_truth
    shares = pd.Series(p.labels, dtype=object).map(trivial.shares).fillna(0.0).to_numpy(dtype=float)
    return np.maximum(ours, 0.0), np.maximum(1 + sum(s * s for s in trivial.shares.values()) - 2 * shares, 0.0)


def _value_skills(p: Predictions, trivial: _Trivial, confidence: float) -> dict[str, _Result]:
    def saved(ours: np.ndarray, theirs: np.ndarray) -> _Result:
        return skill_interval(ours, theirs, confidence, groups=p.groups, weights=p.weights)

    together = correlation_interval(p.labels, p.predicted, confidence, groups=p.groups, weights=p.weights)
    return {
        "squared error": saved((p.predicted - p.labels) ** 2, (trivial.mean - p.labels) ** 2),
        "absolute error": saved(np.abs(p.predicted - p.labels), np.abs(trivial.median - p.labels)),
        "correlation": together,
    }


def _lack(skill: Mapping[str, _Result]) -> float | Undefined:
    """Share of the trivial model's error that stays for certain, where nothing shows a gain; else 0.

    What tells rows apart gains something, unless its errors are worse than the trivial model's for certain.
    """
    known = {k: e for k, e in skill.items() if isinstance(e, Estimate)}
    errors = [e for k, e in known.items() if k not in OF_ORDER]
    if not errors:
        return Undefined("; ".join(dict.fromkeys(e.reason for e in skill.values() if isinstance(e, Undefined))))
    best = max(e.high for e in errors)
    if best < 0:
        return 1 - best
    if max(e.low for e in known.values()) > 0:
        return 0.0
    left = 1 - max(e.high for e in known.values())
    return left if left > 0 else Undefined("With so few rows anything from no gain to no error is possible.")


def _no_gain(lack: float | Undefined, skill: Mapping[str, _Result]) -> list[Finding]:
    if isinstance(lack, Undefined) or lack <= 0:
        return []
    said = ", ".join(
        f"{k} {e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for k, e in skill.items() if isinstance(e, Estimate)
    )
    text = f"No gain over always giving the same answer is shown by any score (0 is that answer, 1 is perfect): {said}."
    return [Finding("no_gain", ALL, "clear_lack", lack, text)]


# -- change from the previous version -------------------------------------------------------------------------

_OF_UPDATE = ("update_gain", "clear_update_loss", "negative_flip_rate", "mcnemar_p", "matched_share")


@dataclass(frozen=True)
class _Change:
    measures: Mapping[str, Any]
    resources: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Pair:
    """Matched rows: what is true and what both versions say; which rows of the file they are."""

    truth: np.ndarray
    now: np.ndarray
    before: np.ndarray
    rows: np.ndarray
    groups: np.ndarray | None
    weights: np.ndarray | None

    @property
    def options(self) -> dict[str, Any]:
        return {"groups": self.groups, "weights": self.weights}


def _update(p: Predictions, previous: Predictions | None, alpha: float, confidence: float) -> _Change:
    found = _NO_PREVIOUS if previous is None else matched_rows(p, previous)
    if previous is None or isinstance(found, Undefined):
        return _Change(dict.fromkeys(_OF_UPDATE, found), {})
    rows, theirs = found
    groups, weights = (None if x is None else x[rows] for x in (p.groups, p.weights))
    if weights is not None and not np.any(weights):
        return _Change(dict.fromkeys(_OF_UPDATE, Undefined("No matched row counts: all weights are 0.")), {})
    in_file = rows if p.rows is None else p.rows[rows]
    pair = _Pair(p.labels[rows], p.predicted[rows], previous.predicted[theirs], in_file, groups, weights)
    changed = _value_change if p.task == "regression" else _class_change
    change = changed(pair, alpha, confidence)
    measures = {**change.measures, "matched_share": len(rows) / len(p.labels)}
    return _Change(measures, change.resources, (*change.findings, *_worse(measures)))


def _class_change(pair: _Pair, alpha: float, confidence: float) -> _Change:
    now, before = np.asarray(pair.now == pair.truth), np.asarray(pair.before == pair.truth)
    if not (now | before).any():
        none = Undefined("Neither version is right in any row, so that there is nothing to lose.")
        return _Change(dict.fromkeys(_OF_UPDATE, none), {})
    step = now.astype(float) - before
    lost, won = int((step < 0).sum()), int((step > 0).sum())
    gain = mean_interval(step, confidence, **pair.options, low=-1.0, high=1.0)
    two_sided: float | Undefined = _ROW_BY_ROW
    if pair.groups is None and pair.weights is None:
        two_sided, one_sided = mcnemar(lost, won)
        clear = one_sided <= alpha
    else:
        limits = mean_interval(step, 1 - 2 * alpha, **pair.options)
        clear = isinstance(limits, Estimate) and limits.high < 0
    measures = {
        "update_gain": gain,
        "clear_update_loss": max(0.0, -float(np.average(step, weights=pair.weights))) if clear else 0.0,
        "negative_flip_rate": proportion(step < 0, confidence, **pair.options),
        "mcnemar_p": two_sided,
    }
    cells = np.bincount(2 * ~before + ~now, minlength=4).reshape(2, 2).tolist()
    names = ["right", "wrong"]
    matrix = Matrix(cells, names, names, row_title="previous version", column_title="this version")
    return _Change(measures, {"changes": matrix}, tuple(_flips(pair.rows[step < 0], measures)))


def _value_change(pair: _Pair, alpha: float, confidence: float) -> _Change:
    now, before = np.abs(pair.now - pair.truth), np.abs(pair.before - pair.truth)
    gain = skill_interval(now, before, confidence, **pair.options)
    limits = mean_interval(now - before, 1 - 2 * alpha, **pair.options)
    clear = isinstance(limits, Estimate) and limits.low > 0
    loss = max(0.0, -gain.value) if isinstance(gain, Estimate) and clear else 0.0
    measures = {
        "update_gain": gain,
        "clear_update_loss": gain if isinstance(gain, Undefined) else loss,
        "negative_flip_rate": _NO_CLASSES,
        "mcnemar_p": _NO_CLASSES,
    }
    return _Change(measures, {})


def _flips(rows: np.ndarray, measures: Mapping[str, Any]) -> list[Finding]:
    """Name the rows for the rate, and for the loss where there is one."""
    rate = measures["negative_flip_rate"]
    if not len(rows) or not isinstance(rate, Estimate):
        return []
    text = f"{len(rows)} rows that the previous version had right are wrong now ({rate.value:.1%} of the rows)."
    subject = Subject(rows=tuple(int(r) for r in rows[:MOST_ROWS]))
    found = [Finding("negative_flips", subject, "negative_flip_rate", rate.value, text)]
    loss = measures["clear_update_loss"]
    if isinstance(loss, float) and loss > 0:
        found.append(Finding("negative_flips", subject, "clear_update_loss", loss, text))
    return found


def _worse(measures: Mapping[str, Any]) -> list[Finding]:
    gain, loss = measures["update_gain"], measures["clear_update_loss"]
    if not isinstance(gain, Estimate) or not isinstance(loss, float) or loss <= 0:
        return []
    text = f"The new version is worse than the previous one: {gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}]."
    return [Finding("no_gain", Subject(slice="all rows of both versions"), "clear_update_loss", loss, text)]
