"""How much worse the model gets when the values of one column are shuffled among the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import weightedtau

from qmtestbed.ait import Bars, Estimate, Model, Table, Undefined
from qmtestbed.measuring.answers import groups_of, is_classifier, true_answers
from qmtestbed.measuring.drawing import some
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import delta_interval
from qmtestbed.measuring.screening import rows_within, strongest

MOST_BARS = 40
SPLITS = 20
"""How often the rows are halved to compare the two rankings."""

_Values = Mapping[str, Estimate | Undefined]


def measure(
    model: Model, data: Table, *, repeats: int = 5, columns: int = 60, confidence: float = 0.95, seed: int = 0
) -> dict[str, Any] | Undefined:
    """Shuffle each column in turn and compare the model's errors with those without.

    Parameters
    ----------
    model
        A classifier, or a model of numbers.
    data
        Rows with labels; those without one are left out.
    repeats
        How often each column is shuffled.
    columns
        At most so many are looked at one by one: those that matter most when blocks of columns are shuffled together.
    confidence
        Of the two-sided intervals, for all columns together.
    seed
        Of the shuffles and of the halves in ``rank_stability``.

    Returns
    -------
    dict or Undefined
        Importances in drops of accuracy, or in standard deviations of the label, 0 for a column that does not matter;
        ``rank_stability`` in [-1, 1], ``share_of_top`` in [0, 1]; undefined without labelled rows, or where all
        labels are the same number.
    """
    truth, rows = true_answers(data, model)
    every = list(data.features.columns)
    if not len(rows) or not every:
        return Undefined("The table has no labelled row." if every else "The table has no columns.")
    if not is_classifier(model) and not np.ptp(truth) > 0:
        return Undefined("All labels are the same number, so that there is no spread to compare with.")
    taken = some(len(rows), rows_within(len(rows), len(every)), np.random.default_rng([seed, len(rows)]))
    rows, truth, groups = rows[taken], truth[taken], groups_of(data)
    case = _Case(model, data.frame.iloc[rows], truth, None if groups is None else groups[rows])
    without = case.errors(case.frame)[0]
    chosen = _chosen(case, every, columns, float(without.mean()), seed)
    shuffled = {
        str(c): _shuffle(case, [c], repeats, np.random.default_rng([seed, i]))
        for i, c in enumerate(every)
        if c in chosen
    }
    kernels: dict[str, Callable[[float], Estimate | Undefined]] = {
        name: partial(_importance, case, without, s) for name, s in shuffled.items()
    }
    importance = simultaneous(kernels, confidence)
    worse = np.array([s.received - without for s in shuffled.values()])
    return {
        "importance": importance,
        "rank_stability": _rank_stability(worse, case.groups, np.random.default_rng([seed, len(every)])),
        "share_of_top": _share_of_top(worse.mean(axis=1)),
        "columns_left_out": len(every) - len(chosen),
        "importance_by_column": _bars(importance),
    }


@dataclass(frozen=True)
class _Case:
    """The model and the labelled rows."""

    model: Model
    frame: pd.DataFrame
    truth: np.ndarray
    groups: np.ndarray | None

    def errors(self, frame: pd.DataFrame) -> np.ndarray:
        """Give wrong (1) or right (0), or the absolute error, of each row, in lines of as many rows as the case has."""
        truth = np.tile(self.truth, len(frame) // len(self.truth))
        answers = np.asarray(self.model.predict(frame))
        wrong = (answers != truth) if is_classifier(self.model) else np.abs(answers - truth)
        return wrong.astype(float).reshape(-1, len(self.truth))


@dataclass(frozen=True)
class _Shuffled:
    """Mean error over the repeats, by the row that received a value, and by the row that gave it away."""

    received: np.ndarray
    given: np.ndarray


def _chosen(case: _Case, every: Sequence[Any], most: int, without: float, seed: int) -> set[Any]:
    """Columns that are looked at one by one."""
    rng = np.random.default_rng([seed, len(every), 1])
    return set(strongest(every, most, lambda b: float(_shuffle(case, b, 1, rng).received.mean()) - without, rng))


def _shuffle(case: _Case, columns: Sequence[Any], repeats: int, rng: np.random.Generator) -> _Shuffled:
    """Shuffle columns, all in the same way; all repeats in one call of the model."""
    n = len(case.frame)
    givers = np.array([rng.permutation(n) for _ in range(repeats)])
    frame = case.frame.iloc[np.tile(np.arange(n), repeats)].reset_index(drop=True)
    for column in columns:
        frame[column] = case.frame[column].iloc[givers.ravel()].reset_index(drop=True)
    errors = case.errors(frame)
    given = np.empty_like(errors)
    np.put_along_axis(given, givers, errors, axis=1)
    return _Shuffled(errors.mean(axis=0), given.mean(axis=0))


def _importance(case: _Case, without: np.ndarray, s: _Shuffled, confidence: float) -> Estimate | Undefined:
    """Mean increase of the error, by the delta method.

    The mean over shuffles is a mean over pairs of rows, one that receives and one that gives; a row has a part in it
    both ways (Hoeffding's projection of a U-statistic).
    """
    increase, base = float(np.mean(s.received - without)), float(np.mean(s.received))
    influence = (s.received - base) + (s.given - base) - (without - without.mean())
    if is_classifier(case.model):
        return delta_interval(increase, influence, confidence, groups=case.groups, low=-1.0, high=1.0)
    squares = (case.truth - case.truth.mean()) ** 2
    variance = float(squares.mean())
    influence = influence / np.sqrt(variance) - increase / np.sqrt(variance) * (squares - variance) / (2 * variance)
    return delta_interval(increase / float(np.sqrt(variance)), influence, confidence, groups=case.groups)


def _rank_stability(worse: np.ndarray, groups: np.ndarray | None, rng: np.random.Generator) -> float | Undefined:
    """Mean weighted Kendall tau between the importances in two random halves of the rows (or groups)."""
    if len(worse) < 2:
        return Undefined("One column has no ranking.")
    unit = np.arange(worse.shape[1]) if groups is None else pd.factorize(groups, use_na_sentinel=False)[0]
    units = int(unit.max()) + 1
    if units < 2:
        return Undefined("One row or group can't be halved.")
    taus = []
    for _ in range(SPLITS):
        first = (rng.permutation(units) < units // 2)[unit]
        taus.append(weightedtau(worse[:, first].mean(axis=1), worse[:, ~first].mean(axis=1)).statistic)
    known = [t for t in taus if np.isfinite(t)]  # it is not where a half tells no column from another
    return float(np.clip(np.mean(known), -1, 1)) if known else Undefined("No column tells itself from the others.")


def _share_of_top(importance: np.ndarray) -> float | Undefined:
    above = np.maximum(importance, 0)
    return float(above.max() / above.sum()) if above.any() else Undefined("No column makes the model worse.")


def _bars(importance: _Values) -> Bars:
    ranked = sorted(((k, e) for k, e in importance.items() if isinstance(e, Estimate)), key=lambda item: -item[1].value)
    return Bars.of(ranked[:MOST_BARS])
