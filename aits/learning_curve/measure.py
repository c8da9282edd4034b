"""Whether more data would help: the model's recipe is trained anew on growing parts of the training data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from power import Law, fit
from scipy.special import stdtrit

from qmtestbed.ait import Curve, DataTable, Estimate, Finding, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import true_answers
from qmtestbed.measuring.drawing import some
from qmtestbed.measuring.refitting import Cut, Lesson, answers, cuts, features, lesson

STEPS = 6
"""Sizes on the curve, each the square root of 2 times as large as the one before."""
LEAST_TRAINED = 10
WHOLE = "all training rows of the sample"


def measure(
    model: Model,
    data: Table,
    train: Table,
    *,
    folds: int = 10,
    rows: int = 2000,
    work: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any] | Undefined:
    """Train copies of the model on growing parts of the training data and see how many answers are wrong.

    Parameters
    ----------
    model
        A classifier whose native object is a scikit-learn estimator that can be cloned.
    data, train
        Test rows (for a second line in the figure), and the rows that the model was trained on, with labels.
    folds
        Into how many parts the training rows are cut.
    rows
        At most so many rows of each table are taken.
    work
        Limit for (columns + 15) x folds, times the classes where there are more than two, as in
        ``cross_validation_spread``: wider tables get fewer folds.
    seed
        Of the rows, the folds, the growing parts, and every random state that the model leaves open.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Accuracies in [0, 1] and their differences; undefined where the model can't be trained anew.
    """
    job = lesson(model, train, rows, seed)
    if isinstance(job, Undefined):
        return job
    parts = cuts(job, folds, 1, work, seed)
    if isinstance(parts, Undefined):
        return parts
    truth, positions = true_answers(data, model)
    taken = some(len(positions), rows, np.random.default_rng([seed, 2]))
    others = features(model.native, data, positions[taken])
    if isinstance(others, Undefined):
        return others
    runs = _runs(job, parts, others, truth[taken], seed)
    return runs if isinstance(runs, Undefined) else _told(runs, confidence)


@dataclass(frozen=True)
class _Runs:
    """Errors of the copies.

    Attributes
    ----------
    sizes
        (s,) ascending: how many rows the copies learn from.
    errors
        (folds, s) share of wrong answers on the rows of each fold, which no copy of that fold has seen.
    on_test
        (s,) mean share of wrong answers on the test rows; empty without labelled test rows.
    held_out, learnt
        How many rows a fold has, and those that are not in it; means.
    total
        How many labelled training rows there are, of which the sample is taken.
    """

    sizes: np.ndarray
    errors: np.ndarray
    on_test: np.ndarray
    held_out: float
    learnt: float
    total: int


def _runs(job: Lesson, parts: Sequence[Cut], others: Any, truth: np.ndarray, seed: int) -> _Runs | Undefined:
    most = min(len(train) for train, _ in parts)
    sizes = np.unique(np.rint(most / math.sqrt(2) ** np.arange(STEPS)).astype(int))
    sizes = sizes[sizes >= max(LEAST_TRAINED, 2 * job.classes)]
    if len(sizes) < STEPS:
        return Undefined(f"{most} rows are too few to train on growing parts of them.")
    errors, on_test = [], []
    for i, (train, test) in enumerate(parts):
        order = _order(job, train, np.random.default_rng([seed, 3, i]))
        said = answers(job, [(order[:size], test) for size in sizes], others)
        if isinstance(said, Undefined):
            return said
        errors.append([float((own != job.truth[test]).mean()) for own, _ in said])
        on_test.append([float((far != truth).mean()) for _, far in said] if len(truth) else [])
    held, learnt = (float(np.mean([len(cut[i]) for cut in parts])) for i in (1, 0))
    return _Runs(sizes, np.array(errors), np.mean(on_test, axis=0), held, learnt, job.total)


def _order(job: Lesson, train: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Order of growth: each part holds the ones before. Along time the latest rows come first, groups together."""
    if job.order is not None:
        return train[::-1]
    if job.groups is not None:
        _, group = np.unique(job.groups[train].astype(str), return_inverse=True)
        return train[np.argsort(rng.permutation(group.max() + 1)[group], kind="stable")]
    order = rng.permutation(train)
    _, first = np.unique(job.truth[order].astype(str), return_index=True)
    return np.r_[order[first], np.delete(order, first)]  # one row of each class at least


# -- what the curve tells -------------------------------------------------------------------------------------


def _told(runs: _Runs, confidence: float) -> dict[str, Any]:
    half = int(np.argmin(np.abs(runs.sizes * 2 - runs.sizes[-1])))
    law = fit(runs.sizes, runs.errors.mean(axis=0))
    gained = _over_folds(runs, lambda e: float(e[half] - e[-1]), confidence, -1.0, 1.0)
    score = _over_folds(runs, lambda e: float(1 - e[-1]), confidence, 0.0, 1.0)
    far = {
        "double_gain": _extrapolated(runs, law, lambda w: w.at(runs.sizes[-1]) - w.at(2 * runs.sizes[-1]), confidence),
        "accuracy_with_double": _extrapolated(runs, law, lambda w: 1 - w.at(2 * runs.sizes[-1]), confidence),
        "accuracy_limit": _extrapolated(runs, law, lambda w: 1 - w.floor, confidence),
    }
    return {
        "accuracy_now": score,
        "last_doubling_gain": gained,
        **far,
        "curve": _curve(runs, law),
        "law": _table(runs, law),
        "findings": _findings(gained, runs.sizes[half], runs.sizes[-1]),
    }


def _over_folds(
    runs: _Runs, what: Callable[[np.ndarray], float], confidence: float, low: float, high: float
) -> Estimate:
    """Give a function of the mean errors; its interval is the jackknife over folds, with Nadeau and Bengio's factor.

    For a mean this is exactly their corrected resampled t interval.
    """
    errors, k = runs.errors, len(runs.errors)
    value = what(errors.mean(axis=0))
    without = np.array([what(np.delete(errors, i, axis=0).mean(axis=0)) for i in range(k)])
    variance = (k - 1) / k * float(((without - without.mean()) ** 2).sum())
    margin = float(stdtrit(k - 1, (1 + confidence) / 2)) * math.sqrt(variance * (1 + k * runs.held_out / runs.learnt))
    value = min(max(value, low), high)
    rows = round(k * runs.held_out)
    if variance < 1e-24:  # what no row shows may hold for so many others (Clopper and Pearson)
        margin = 1 - ((1 - confidence) / 2) ** (1 / rows)
    return Estimate(value, max(value - margin, low), min(value + margin, high), confidence, rows)


def _extrapolated(
    runs: _Runs, law: Law | None, what: Callable[[Law], float], confidence: float
) -> Estimate | Undefined:
    """Read the fitted law where there are no data; refused where it, or that of a part of the folds, is not fixed."""
    if law is None:
        return Undefined(
            "The errors do not fix a power law: its limit lies on its bound, so that nothing can be read off it."
        )
    laws = [fit(runs.sizes, np.delete(runs.errors, i, axis=0).mean(axis=0)) for i in range(len(runs.errors))]
    if any(one is None for one in laws):
        return Undefined("Without one of the folds the errors do not fix a power law, so that none is read off.")

    def read(errors: np.ndarray) -> float:
        found = fit(runs.sizes, errors)
        return what(found) if found is not None else math.nan

    return _over_folds(runs, read, confidence, -1.0, 1.0)


# -- what is shown --------------------------------------------------------------------------------------------


def _curve(runs: _Runs, law: Law | None) -> Curve:
    def line(errors: np.ndarray) -> list[tuple[float, float]]:
        return [(float(m), float(1 - e)) for m, e in zip(runs.sizes, errors, strict=True)]

    series = {"rows left out": line(runs.errors.mean(axis=0))}
    if len(runs.on_test):
        series["test rows"] = line(runs.on_test)
    if law is not None:
        grid = runs.sizes[0] * 2 ** np.linspace(0, math.log2(2 * runs.sizes[-1] / runs.sizes[0]), 15)
        series["power law"] = [(float(m), float(1 - law.at(m))) for m in grid]
    return Curve(series, x_title="training rows", y_title="accuracy")


def _table(runs: _Runs, law: Law | None) -> DataTable:
    rows: list[tuple[str, float | int | None]] = [
        ("labelled training rows", runs.total),
        ("folds", len(runs.errors)),
        ("rows of the largest part", int(runs.sizes[-1])),
        ("floor a of error = a + b m^-c", None if law is None else law.floor),
        ("b", None if law is None else law.height),
        ("c", None if law is None else law.power),
    ]
    return DataTable(("what", "value"), rows)


def _findings(gained: Estimate, half: int, most: int) -> list[Finding]:
    if not gained.value > 0:
        return []
    text = (
        f"From {half} to {most} training rows the accuracy still rises by {gained.value:.1%} "
        f"({gained.low:.1%} to {gained.high:.1%})."
    )
    return [Finding("too_few_cases", Subject(slice=WHOLE), "last_doubling_gain", gained.value, text)]
