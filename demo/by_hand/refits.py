"""By hand: AITs that train the model anew on parts of its training data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from hand_check import Hand, HandTable
from scipy import optimize, stats
from sklearn.base import clone

from by_hand.base import Case, Found, checks, curves, mean, plain, undefined

Cut = tuple[np.ndarray, np.ndarray]
STEPS = 6
"""Sizes of a learning curve, each larger by the square root of 2."""


def cuts(case: Case, folds: int) -> list[Cut]:
    """Rows of each class dealt to the folds in turn, in the order that numpy's generator draws."""
    y = pd.factorize(case.run.train_y)[0]
    k = max(2, min(folds, len(y) // 10, case.params["work"] // (case.run.train_x.shape[1] + 15)))
    order = np.random.default_rng([case.seed, 1, 0]).permutation(len(y))
    order = np.concatenate([order[y[order] == c] for c in range(y.max() + 1)])
    fold = np.empty(len(y), dtype=int)
    for place, row in enumerate(order):
        fold[row] = place % k
    return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(k)]


def copy(case: Case, rows: np.ndarray) -> Any:
    """A copy of the model, trained on some of the training rows."""
    return clone(case.run.model).fit(case.run.train_x.iloc[rows], case.run.train_y[rows].astype(str))


def right(model: Any, x: pd.DataFrame, y: np.ndarray) -> np.ndarray:
    """Which answers are right, as 0 and 1."""
    return (np.asarray(model.predict(x), dtype=object) == y).astype(float)


@checks("cross_validation_spread")
def cross_validation_spread(case: Case) -> Found:
    """Copies by sklearn's clone; the corrected resampled t interval (Nadeau and Bengio) written out."""
    run, p, level = case.run, case.params, case.level
    assert p["repeats"] == 1
    parts = cuts(case, p["folds"])
    copies = [copy(case, train) for train, _ in parts]
    own = [right(c, run.train_x.iloc[t], run.train_y[t]) for c, (_, t) in zip(copies, parts, strict=True)]
    far = np.mean([right(c, run.x, run.y) for c in copies], axis=0)
    scores = np.array([s.mean() for s in own])
    k, n = len(parts), len(run.train_y)
    ratio = float(np.mean([len(test) / len(train) for train, test in parts]))
    margin = stats.t.ppf((1 + level) / 2, k - 1) * math.sqrt((1 / k + ratio) * scores.var(ddof=1))
    cv = Hand(scores.mean(), max(scores.mean() - margin, 0), min(scores.mean() + margin, 1), n, "corrected resampled t")
    every = np.concatenate(own)
    deviate = [_deviation(s, every, p["alpha"] / k) for s in own]
    gap, clear_gap = (_two_means(far, every, at) for at in (level, 1 - p["alpha"]))
    gained = right(run.model, run.x, run.y) - far
    model_gap, clear_model = (mean(gained, at, -math.inf, math.inf) for at in (level, 1 - p["alpha"]))
    little = float(np.mean([len(train) for train, _ in parts])) < 0.6 * n
    better = (clear_model.value or 0) > 0
    names = [f"fold {i + 1}" for i in range(k)]
    test = mean(far, level, -math.inf, math.inf)
    rows = [[name, len(a), len(b), s, d] for name, (a, b), s, d in zip(names, parts, scores, deviate, strict=True)]
    ends = [[name, s, None, None] for name, s in zip(names, scores, strict=True)]
    ends += [["cross-validation", cv.value, cv.low, cv.high], ["test rows", test.value, test.low, test.high]]
    return {
        "cv_score": cv,
        **{
            f"fold_score[{name}]": plain(s, "sklearn clone, fit, predict")
            for name, s in zip(names, scores, strict=True)
        },
        "spread": plain(scores.std(ddof=1), "numpy std"),
        **{
            f"clear_deviation[{c}]": plain(d, "t limit with finite correction")
            for c, d in zip(names, deviate, strict=True)
        },
        "test_score": test,
        "held_out_gap": gap,
        "clear_gap": plain(_clear(clear_gap), "two-sample interval at 1 - alpha"),
        "model_gap": model_gap,
        "clear_model_gap": plain(0.0 if better and little else _clear(clear_model), "t interval at 1 - alpha"),
        "figure scores": HandTable(ends, "as the measures"),
        "figure folds": HandTable(rows, "as the measures"),
    }


def _deviation(fold: np.ndarray, every: np.ndarray, alpha: float) -> float:
    """How far a fold's mean is from that of all rows, where rows dealt at random would not be."""
    n = len(every)
    variance = every.var(ddof=1)
    limit = stats.t.ppf(1 - alpha / 2, n - 1) * math.sqrt(variance * (1 / len(fold) - 1 / n))
    away = abs(fold.mean() - every.mean())
    return float(away) if away > limit else 0.0


def _two_means(a: np.ndarray, b: np.ndarray, level: float) -> Hand:
    """Difference of two means, each with the spread of its own rows; one t quantile of all rows less one."""
    n = len(a) + len(b)
    variance = n / (n - 1) * (a.var() / len(a) + b.var() / len(b))
    d, margin = a.mean() - b.mean(), stats.t.ppf((1 + level) / 2, n - 1) * math.sqrt(variance)
    return Hand(d, d - margin, d + margin, n, "difference of means; t interval")


def _clear(e: Hand) -> float:
    return abs(e.value or 0) if (e.low or 0) > 0 or (e.high or 0) < 0 else 0.0


# -- learning_curve -------------------------------------------------------------------------------------------


@checks("learning_curve")
def learning_curve(case: Case) -> Found:
    """Copies by sklearn's clone on growing parts; the power law by scipy's curve_fit from many starts."""
    run, p = case.run, case.params
    parts = cuts(case, p["folds"])
    y = run.train_y
    most = min(len(train) for train, _ in parts)
    sizes = np.unique(np.rint(most / math.sqrt(2) ** np.arange(STEPS)).astype(int))
    errors, tests = np.empty((len(parts), len(sizes))), np.empty((len(parts), len(sizes)))
    for i, (train, test) in enumerate(parts):
        order = np.random.default_rng([case.seed, 3, i]).permutation(train)
        first = [next(j for j, row in enumerate(order) if y[row] == c) for c in sorted(set(y))]
        order = np.r_[order[first], np.delete(order, first)]
        for j, size in enumerate(sizes):
            made = copy(case, order[:size])
            errors[i, j] = 1 - right(made, run.train_x.iloc[test], y[test]).mean()
            tests[i, j] = 1 - right(made, run.x, run.y).mean()
    held, learnt = (float(np.mean([len(cut[i]) for cut in parts])) for i in (1, 0))
    half, last = int(np.argmin(np.abs(2 * sizes - sizes[-1]))), sizes[-1]

    def over(what: Callable[[np.ndarray], float], low: float, how: str, within: float = 1e-9) -> Hand:
        k = len(errors)
        without = np.array([what(np.delete(errors, i, axis=0).mean(axis=0)) for i in range(k)])
        variance = (k - 1) / k * float(((without - without.mean()) ** 2).sum())
        margin = stats.t.ppf((1 + case.level) / 2, k - 1) * math.sqrt(variance * (1 + k * held / learnt))
        rows = round(k * held)
        if variance < 1e-24:
            margin = 1 - ((1 - case.level) / 2) ** (1 / rows)
        v = min(max(what(errors.mean(axis=0)), low), 1)
        return Hand(v, max(v - margin, low), min(v + margin, 1), rows, how, within, max(within, 1e-7))

    law = _law(sizes, errors.mean(axis=0))
    every = [law, *(_law(sizes, np.delete(errors, i, axis=0).mean(axis=0)) for i in range(len(errors)))]
    found: Found = {
        "accuracy_now": over(lambda e: 1 - e[-1], 0, "sklearn clone; jackknife over folds"),
        "last_doubling_gain": over(lambda e: e[half] - e[-1], -1, "sklearn clone; jackknife over folds"),
        "figure curve": _drawn(sizes, errors, tests, law),
        "figure law": _table(law, len(y), len(parts), int(last)),
    }
    read = {
        "double_gain": lambda a, b, c: b * last**-c - b * (2 * last) ** -c,
        "accuracy_with_double": lambda a, b, c: 1 - a - b * (2 * last) ** -c,
        "accuracy_limit": lambda a, b, c: 1 - a,
    }
    for name, what in read.items():
        if None in every:
            found[name] = undefined("do not fix a power law")
        else:
            found[name] = over(lambda e, w=what: w(*_law(sizes, e)), -1, "scipy curve_fit; jackknife", 1e-4)
    return found


def _law(sizes: np.ndarray, errors: np.ndarray) -> tuple[float, float, float] | None:
    """Floor, height and power of a + b m^-c by least squares; none where one of them is at its bound."""
    m = sizes / sizes[-1]

    def gap(t: np.ndarray) -> np.ndarray:
        return t[0] + t[1] * m ** -t[2] - errors

    fits = [
        optimize.least_squares(
            gap, [a, 0.05, c], bounds=([0, 0, 0.05], [1, 5, 4.0]), xtol=1e-14, ftol=1e-14, gtol=1e-14
        )
        for a in (0.0, errors.min())
        for c in (0.1, 0.3, 0.7, 1.5, 3.0)
    ]
    a, b, c = min(fits, key=lambda f: f.cost).x
    edge = 1e-3 * max(errors[-1], 1e-3)
    if a <= edge or b <= edge or not 0.05 * 1.16 < c < 4 / 1.16:
        return None
    return float(a), float(b * sizes[-1] ** c), float(c)


def _drawn(sizes: np.ndarray, errors: np.ndarray, tests: np.ndarray, law: Any) -> HandTable:
    series = {
        "rows left out": [*zip(map(float, sizes), 1 - errors.mean(axis=0), strict=True)],
        "test rows": [*zip(map(float, sizes), 1 - tests.mean(axis=0), strict=True)],
    }
    if law is not None:
        a, b, c = law
        grid = sizes[0] * 2 ** np.linspace(0, math.log2(2 * sizes[-1] / sizes[0]), 15)
        series["power law"] = [(float(m), 1 - a - b * float(m) ** -c) for m in grid]
    return curves(series, "sklearn clone", 1e-5)


def _table(law: Sequence[float] | None, total: int, folds: int, most: int) -> HandTable:
    a, b, c = law or (None, None, None)
    rows = [
        ["labelled training rows", total],
        ["folds", folds],
        ["rows of the largest part", most],
        ["floor a of error = a + b m^-c", a],
        ["b", b],
        ["c", c],
    ]
    return HandTable(rows, "scipy least_squares", 1e-3)
