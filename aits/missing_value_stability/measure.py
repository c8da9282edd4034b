"""What a model says when cells go missing, beside what it says when they hold a value of another row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from missing_cells import ask, emptied

from qmtestbed.ait import Bars, DataTable, Estimate, Finding, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of, is_classifier, not_finite, nothing_to_see, true_answers, weights_of
from qmtestbed.measuring.drawing import some_rows
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import delta_interval, mean_interval, proportion
from qmtestbed.measuring.screening import rows_within

MOST_BARS = 40
MOST_LINES = 50

_Values = Mapping[str, Estimate | Undefined]


def measure(
    model: Model,
    data: Table,
    train: Table | None = None,
    *,
    share: float = 0.05,
    rows: int = 2000,
    columns: int = 40,
    draws: int = 3,
    tolerance: float = 0.5,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Empty cells, ask the model again and compare its answers.

    Parameters
    ----------
    model
        A classifier, or a model of numbers.
    data
        Rows to start from; their labels, if they have any, are needed for the accuracy only.
    train
        Says, beside the data, in which columns values do go missing: those are looked at first.
    share
        Of the cells that are emptied in all columns at once.
    rows, columns
        At most so many rows (a seeded sample) and columns are looked at.
    draws
        How often cells are emptied, and values of other rows put in.
    tolerance
        A number counts as changed if it moves by more than this many standard deviations of the answers.
    confidence
        Of the two-sided intervals.
    seed
        Of the sample, the emptied cells and the values of other rows.

    Returns
    -------
    dict or Undefined
        Shares of changed answers in [0, 1], 0 if nothing changes; undefined where the model refuses empty cells,
        without rows, or without a column that holds values.
    """
    order = _order(data, train)
    if not len(data.frame) or not order:
        return Undefined("The table has no column with a value." if len(data.frame) else "The table has no rows.")
    sample = some_rows(data, rows_within(rows, data.frame.shape[1]), seed)
    given = _Given(model, sample, np.asarray(model.predict(sample.frame)), tolerance, confidence)
    if pd.isna(given.clean).any():
        return Undefined("The model gives no answer to some rows even where nothing is emptied.")
    if nothing := not_finite(given.clean, model):
        return nothing
    looks = {str(c): _one_column(given, c, draws, [seed, i]) for i, c in enumerate(order[:columns])}
    change = simultaneous({c: look.kernel(given) for c, look in looks.items()}, confidence)
    excess, clear = _excess(given, looks)
    if (nothing := nothing_to_see(given.clean, given.clean)) and not any(x.is_changed for x in looks.values()):
        clear = dict.fromkeys(looks, nothing)
    refused = {c for c, look in looks.items() if look.refusal}
    everywhere = _everywhere(given, [c for c in order if str(c) not in refused], share, draws, seed)
    return {
        "clear_excess": clear,
        "excess_change": excess,
        "column_change": change,
        "refused_columns": len(refused),
        "columns_left_out": max(len(order) - columns, 0),
        **_overall(given, everywhere),
        "change_by_column": _bars(change),
        "columns": _table(looks, change, excess, order[columns:]),
        "findings": _findings(looks, clear, change),
    }


# -- which rows and columns -----------------------------------------------------------------------------------


def _order(data: Table, train: Table | None) -> list[Any]:
    """Feature columns with a value, those that miss most in training or here first, else as in the table."""
    found = [c for c in data.features.columns if c != data.roles.time and data.frame[c].notna().any()]
    frames = [data.frame, *([] if train is None else [train.frame])]
    missing = {c: max(float(f[c].isna().mean()) for f in frames if c in f.columns) for c in found}
    return sorted(found, key=lambda c: -np.nan_to_num(missing[c]))


# -- the model and its answers -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Given:
    """The model, the rows, and what the model says to them as they are."""

    model: Model
    data: Table
    clean: np.ndarray
    tolerance: float
    confidence: float

    @property
    def numbers(self) -> bool:
        return not is_classifier(self.model)

    def options(self, rows: np.ndarray) -> dict[str, Any]:
        both = {"groups": groups_of(self.data), "weights": weights_of(self.data)}
        return {name: None if v is None else v[rows] for name, v in both.items()}

    @property
    def spread(self) -> float:
        """Standard deviation of answers that are numbers."""
        return float(np.std(self.clean))

    def changed(self, answers: np.ndarray) -> np.ndarray:
        if self.numbers:
            return np.asarray(~(np.abs(answers - self.clean) <= self.tolerance * self.spread))
        return np.asarray(answers != self.clean, dtype=bool)


# -- one column at a time -------------------------------------------------------------------------------------


NO_VALUE = "no row of the sample has a value"


@dataclass(frozen=True)
class _Look:
    """One column emptied: in which rows, which answers changed, and how often with values of other rows."""

    rows: np.ndarray
    changed: np.ndarray
    otherwise: np.ndarray
    refusal: str = ""

    @property
    def is_changed(self) -> bool:
        """Whether any answer changed."""
        return bool(self.changed.any() or self.otherwise.any())

    def kernel(self, given: _Given) -> Callable[[float], Estimate | Undefined]:
        if self.refusal:
            reason = f"The model refuses empty cells here: {self.refusal}"
            return lambda confidence: Undefined(reason)
        return partial(proportion, self.changed, **given.options(self.rows))

    def excess(self, given: _Given) -> Callable[[float], Estimate | Undefined]:
        beyond = self.changed - self.otherwise
        return partial(mean_interval, beyond, low=-1.0, high=1.0, **given.options(self.rows))


def _one_column(given: _Given, column: Any, draws: int, seed: Sequence[int]) -> _Look:
    """Empty the column in every row, and put values of other rows in, several times."""
    frame = given.data.frame
    rows = np.flatnonzero(frame[column].notna().to_numpy())
    if not len(rows):
        return _Look(rows, np.empty(0, bool), np.empty(0), NO_VALUE)
    answers = ask(given.model, emptied(frame, {column: np.ones(len(frame), bool)}))
    if isinstance(answers, str):
        return _Look(rows, np.empty(0, bool), np.empty(0), answers)
    rng = np.random.default_rng(seed)
    other = np.zeros(len(frame))
    for _ in range(draws):
        at = np.arange(len(frame))
        at[rows] = rng.permutation(rows)
        swapped = frame.copy(deep=False)
        swapped[column] = frame[column].iloc[at].set_axis(frame.index)
        other += given.changed(np.asarray(given.model.predict(swapped)))
    return _Look(rows, given.changed(answers)[rows], other[rows] / draws)


def _excess(
    given: _Given, looks: Mapping[str, _Look]
) -> tuple[_Values | Undefined, dict[str, float | Undefined] | Undefined]:
    """How many answers more an empty cell changes than another row's value; and where that is clear, else 0."""
    accepted = {c: look for c, look in looks.items() if not look.refusal}
    excess = simultaneous({c: look.excess(given) for c, look in accepted.items()}, given.confidence)
    clear = {c: e if isinstance(e, Undefined) else e.value if e.low > 0 else 0.0 for c, e in excess.items()}
    # A refusal is loud: no answer is silently wrong, so nothing is in excess.
    clear |= {c: 0.0 for c, look in looks.items() if look.refusal not in ("", NO_VALUE)}
    reasons = sorted({look.refusal for look in looks.values()})
    none = Undefined(f"No column could be emptied: {reasons[0]}")
    return excess or none, clear or none


# -- all columns at once --------------------------------------------------------------------------------------


def _everywhere(
    given: _Given, columns: Sequence[Any], share: float, draws: int, seed: int
) -> list[np.ndarray] | Undefined:
    """Empty a share of the cells of all columns that may be empty, several times."""
    if not columns:
        return Undefined("The model refuses empty cells in every column.")
    frame, several = given.data.frame, []
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw, 7])
        answers = ask(given.model, emptied(frame, {c: rng.random(len(frame)) < share for c in columns}))
        if isinstance(answers, str):
            return Undefined(f"The model refuses empty cells: {answers}")
        several.append(answers)
    return several


def _overall(given: _Given, several: list[np.ndarray] | Undefined) -> dict[str, Any]:
    if isinstance(several, Undefined):
        return dict.fromkeys(("change_rate", "accuracy_drop", "relative_change"), several)
    everything = np.arange(len(given.clean))
    options = given.options(everything)
    items = everything if options["groups"] is None else options["groups"]
    weights = options["weights"]
    k = len(several)
    rate = proportion(
        np.concatenate([given.changed(a) for a in several]),
        given.confidence,
        groups=np.tile(items, k),
        weights=None if weights is None else np.tile(weights, k),
    )
    return {"change_rate": rate, "accuracy_drop": _drop(given, several), "relative_change": _moved(given, several)}


def _drop(given: _Given, several: Sequence[np.ndarray]) -> Estimate | Undefined:
    truth, rows = true_answers(given.data, given.model)
    if given.numbers or not len(rows):
        return Undefined("The model's answers are numbers." if given.numbers else "The data have no labels.")
    before = (given.clean[rows] == truth).astype(float)
    after = np.mean([a[rows] == truth for a in several], axis=0)
    return mean_interval(before - after, given.confidence, low=-1.0, high=1.0, **given.options(rows))


def _moved(given: _Given, several: Sequence[np.ndarray]) -> Estimate | Undefined:
    """Mean absolute change / standard deviation of the answers, by the delta method for a ratio."""
    if not given.numbers:
        return Undefined("The model's answers are classes.")
    options = given.options(np.arange(len(given.clean)))
    w = options["weights"]
    squares = (given.clean - np.average(given.clean, weights=w)) ** 2
    variance = float(np.average(squares, weights=w))
    if not variance > 0:
        return Undefined("The model says the same to every row, so that there is no spread to compare with.")
    moved = np.mean([np.abs(a - given.clean) for a in several], axis=0) / np.sqrt(variance)
    ratio = float(np.average(moved, weights=w))
    influence = moved - ratio - ratio * (squares - variance) / (2 * variance)
    return delta_interval(ratio, influence, given.confidence, low=0.0, **options)


# -- what is told ---------------------------------------------------------------------------------------------


def _bars(change: _Values) -> Bars:
    ranked = sorted(((c, e) for c, e in change.items() if isinstance(e, Estimate)), key=lambda item: -item[1].value)
    return Bars.of(ranked[:MOST_BARS])


def _table(looks: Mapping[str, _Look], change: _Values, excess: Any, left_out: Sequence[Any]) -> DataTable:
    lines: list[tuple[Any, ...]] = []
    for c, look in sorted(looks.items(), key=lambda item: item[1].refusal == ""):
        e, beyond = change[c], {} if isinstance(excess, Undefined) else excess
        other = None if look.refusal else float(np.mean(look.otherwise))
        more = beyond.get(c)
        values = (x.value if isinstance(x, Estimate) else None for x in (e, more))
        lines.append((c, *values, other, look.refusal))
    lines += [(str(c), None, None, None, "not looked at: more columns than the limit") for c in left_out]
    rest = [(f"({len(lines) - MOST_LINES + 1} more)", None, None, None, "")] if len(lines) > MOST_LINES else []
    titles = ("column", "changed if empty", "more than by another value", "changed by another value", "refused")
    return DataTable(titles, [*lines[: MOST_LINES - len(rest)], *rest])


def _findings(looks: Mapping[str, _Look], clear: Any, change: _Values) -> list[Finding]:
    found = []
    for c, value in {} if isinstance(clear, Undefined) else clear.items():
        e = change[c]
        if isinstance(value, float) and value > 0 and isinstance(e, Estimate):
            other = float(np.mean(looks[c].otherwise))
            text = (
                f"An empty cell in column {c!r} changes {e.value:.1%} of the answers, the value of another row "
                f"{other:.1%}: the model takes emptiness for an unusual value."
            )
            found.append(Finding("instability", Subject(column=c), "clear_excess", value, text))
    for c, look in looks.items():
        if look.refusal:
            text = f"The model refuses rows in which column {c!r} is empty: {look.refusal}."
            found.append(Finding("missing_values", Subject(column=c), "refused_columns", 1.0, text))
    return found
