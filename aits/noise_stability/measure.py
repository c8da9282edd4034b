"""How often small random noise on the numbers of a row changes what the model says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmtestbed.ait import Bars, Curve, Estimate, Finding, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of, is_classifier, not_finite, nothing_to_see, true_answers, weights_of
from qmtestbed.measuring.drawing import some_rows
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import delta_interval, mean_interval, proportion
from qmtestbed.measuring.perturbation import NumericColumn, add_noise, numeric_columns
from qmtestbed.measuring.screening import rows_within, strongest

MOST_BARS = 40
MOST_ALONE = 60
"""Columns that get noise one by one."""
MOST_SCALES = 20

_Values = Mapping[str, Estimate | Undefined]


def measure(
    model: Model,
    data: Table,
    *,
    scales: Sequence[float] = (0.05, 0.1, 0.2, 0.5),
    draws: int = 5,
    tolerance: float = 0.5,
    leave_out: Sequence[str] = (),
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Compare the model's answers with those to rows with noise.

    Parameters
    ----------
    model
        A classifier, or a model of numbers.
    data
        Rows to start from; their labels, if they have any, are needed for the accuracy only.
    scales
        Standard deviations of the noise, in units of each column's spread.
    draws
        How often each row gets new noise at each scale.
    tolerance
        A number counts as changed if it moves by more than this many standard deviations of the answers.
    leave_out
        Columns without noise, besides those with the roles id, weight, group, time and ignore.
    confidence
        Of the two-sided intervals.
    seed
        Of the noise.

    Returns
    -------
    dict or Undefined
        Shares of changed answers in [0, 1] and mean changes in standard deviations of the answers, 0 if nothing
        changes; undefined without rows or without a numeric column.

    Raises
    ------
    ValueError
        ``scales`` are not distinct numbers above 0, or ``leave_out`` names a column that the table does not have.
    """
    keys = _keys(scales)
    columns = numeric_columns(data.features, _left_out(data, leave_out))
    if not len(data.frame) or not columns:
        missing = "numeric column of more than two values to perturb" if len(data.frame) else "row"
        return Undefined(f"The table has no {missing}.")
    data = some_rows(data, rows_within(len(data.frame), data.frame.shape[1]), seed)
    given = _Given(model, data, np.asarray(model.predict(data.frame)), tolerance, confidence)
    if nothing := not_finite(given.clean, model):
        return nothing
    answers = {
        key: [_noisy(given, columns, keys[key], [seed, i, draw]) for draw in range(draws)] for i, key in enumerate(keys)
    }
    nothing = nothing_to_see(given.clean, np.concatenate([a for several in answers.values() for a in several]))
    change = {key: nothing or given.change_rate(several, confidence) for key, several in answers.items()}
    strongest = max(keys, key=lambda key: keys[key])
    alone = _each_alone(given, columns, keys[strongest], seed)
    drop = _accuracy_drop(given, answers)
    return {
        "change_rate": change,
        "relative_change": _relative_changes(given, answers),
        "accuracy_drop": drop,
        "column_sensitivity": alone,
        "change_by_scale": _curve(keys, change, drop),
        "sensitivity_by_column": _bars(alone),
        "findings": _findings(change, alone, strongest),
    }


def _keys(scales: Sequence[float]) -> dict[str, float]:
    keys = {f"{scale:g}": float(scale) for scale in scales}
    if not 0 < len(keys) == len(scales) <= MOST_SCALES or not all(0 < s < np.inf for s in keys.values()):
        raise ValueError(f"scales must be 1 to {MOST_SCALES} different numbers above 0; found {list(scales)}")
    return keys


def _left_out(data: Table, names: Sequence[str]) -> set[Any]:
    unknown = [c for c in names if c not in data.frame.columns]
    if unknown:
        raise ValueError(f"leave_out: the table has no column {unknown[0]!r}; it has {list(data.frame.columns)}")
    return {*names, data.roles.time}


@dataclass(frozen=True)
class _Given:
    """The model, the rows, and what the model says to them without noise."""

    model: Model
    data: Table
    clean: np.ndarray
    tolerance: float
    confidence: float

    @property
    def numbers(self) -> bool:
        return not is_classifier(self.model)

    @property
    def options(self) -> dict[str, Any]:
        return {"groups": groups_of(self.data), "weights": weights_of(self.data)}

    @property
    def variance(self) -> float:
        """Of answers that are numbers."""
        w = self.options["weights"]
        return float(np.average((self.clean - np.average(self.clean, weights=w)) ** 2, weights=w))

    def change_rate(self, answers: Sequence[np.ndarray], confidence: float) -> Estimate | Undefined:
        """Share of changed answers in several draws; a row is one item, however many draws."""
        if self.numbers:
            least = self.tolerance * np.sqrt(self.variance)
            changed = np.concatenate([~(np.abs(a - self.clean) <= least) for a in answers])
        else:
            changed = np.concatenate([a != self.clean for a in answers]).astype(bool)
        k, (groups, weights) = len(answers), self.options.values()
        items = np.arange(len(self.clean)) if groups is None else groups
        return proportion(
            changed, confidence, groups=np.tile(items, k), weights=None if weights is None else np.tile(weights, k)
        )


def _relative_changes(given: _Given, answers: Mapping[str, Sequence[np.ndarray]]) -> _Values | Undefined:
    """Mean change / standard deviation of the clean answers, by the delta method for a ratio."""
    if not given.numbers:
        return Undefined("The model's answers are classes.")
    variance, w = given.variance, given.options["weights"]
    if not variance > 0:
        return Undefined("The model says the same to every row, so that there is no spread to compare with.")
    squares = (given.clean - np.average(given.clean, weights=w)) ** 2
    found = {}
    for key, several in answers.items():
        moved = np.mean([np.abs(a - given.clean) for a in several], axis=0) / np.sqrt(variance)
        ratio = float(np.average(moved, weights=w))
        influence = moved - ratio - ratio * (squares - variance) / (2 * variance)
        found[key] = delta_interval(ratio, influence, given.confidence, low=0.0, **given.options)
    return found


def _noisy(given: _Given, columns: Sequence[NumericColumn], scale: float, seed: Sequence[int]) -> np.ndarray:
    return np.asarray(given.model.predict(add_noise(given.data.frame, columns, scale, np.random.default_rng(seed))))


def _each_alone(given: _Given, columns: Sequence[NumericColumn], scale: float, seed: int) -> _Values:
    """Noise in one column at a time, once: intervals that hold for all columns together.

    Of more than :data:`MOST_ALONE` columns, those are taken that change most answers together with others.
    """
    kernels: dict[str, Callable[[float], Estimate | Undefined]] = {}

    def moved(block: Sequence[NumericColumn]) -> float:
        answers = _noisy(given, block, scale, [seed, MOST_SCALES, len(columns), len(block)])
        return float(np.abs(answers - given.clean).mean() if given.numbers else (answers != given.clean).mean())

    rng = np.random.default_rng([seed, MOST_SCALES, len(columns)])
    chosen = {c.name for c in strongest(columns, MOST_ALONE, moved, rng)}
    for i, column in enumerate(columns):
        if column.name not in chosen:
            continue
        answers = [_noisy(given, [column], scale, [seed, MOST_SCALES, i])]
        kernels[str(column.name)] = partial(given.change_rate, answers)
    return simultaneous(kernels, given.confidence)


def _accuracy_drop(given: _Given, answers: Mapping[str, Sequence[np.ndarray]]) -> _Values | Undefined:
    """Mean difference of being right without and with noise, row by row."""
    truth, rows = true_answers(given.data, given.model)
    if given.numbers or not len(rows):
        return Undefined("The model's answers are numbers." if given.numbers else "The data have no labels.")
    options = {name: None if v is None else v[rows] for name, v in given.options.items()}
    right = (given.clean[rows] == truth).astype(float)
    return {
        key: mean_interval(
            right - np.mean([a[rows] == truth for a in several], axis=0),
            given.confidence,
            low=-1.0,
            high=1.0,
            **options,
        )
        for key, several in answers.items()
    }


def _curve(keys: Mapping[str, float], change: _Values, drop: _Values | Undefined) -> Curve:
    lines: dict[str, _Values] = {"changed answers": change}
    if not isinstance(drop, Undefined):
        lines["accuracy drop"] = drop
    series = {
        name: [(0.0, 0.0), *sorted((keys[k], e.value) for k, e in line.items() if isinstance(e, Estimate))]
        for name, line in lines.items()
    }
    return Curve(series, x_title="noise (spreads of the column)", y_title="share of answers")


def _ranked(alone: _Values) -> list[tuple[str, Estimate]]:
    return sorted(((k, e) for k, e in alone.items() if isinstance(e, Estimate)), key=lambda item: -item[1].value)


def _bars(alone: _Values) -> Bars:
    return Bars.of(_ranked(alone)[:MOST_BARS])


def _findings(change: _Values, alone: _Values, strongest: str) -> list[Finding]:
    """Name each scale, and the column that alone changes most."""
    found = []
    for key, e in change.items():
        if isinstance(e, Estimate) and e.value > 0:
            text = f"Noise of {key} of each column's spread changes {_percent(e)} of the answers."
            found.append(Finding("instability", Subject(slice=key), "change_rate", e.value, text))
    ranked = _ranked(alone)
    if ranked and ranked[0][1].value > 0:
        column, e = ranked[0]
        text = (
            f"Noise of {strongest} of its spread in column {column!r} alone changes {_percent(e)} of the answers, the "
            f"most of {len(alone)} columns; the interval allows for the search."
        )
        for name in ("column_sensitivity", "change_rate"):
            found.append(Finding("instability", Subject(column=column), name, e.value, text))
    return found


def _percent(e: Estimate) -> str:
    return f"{e.value:.1%} ({e.low:.1%} to {e.high:.1%})"
