"""How often an attacker who may only ask the model can turn a right answer by small changes of the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import pandas as pd

from qmtestbed.ait import (
    Curve,
    DataTable,
    Estimate,
    Finding,
    Images,
    Model,
    SampleImages,
    SampleRows,
    Subject,
    Table,
    Undefined,
)
from qmtestbed.measuring.answers import groups_of, nothing_to_see, true_answers
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import proportion
from qmtestbed.measuring.perturbation import NumericColumn, numeric_columns
from qmtestbed.measuring.searching import Found, search
from qmtestbed.measuring.strips import drawn, strip

SURE = 1e-12
"""Probabilities are compared by their logarithms, which this keeps finite."""
MOST_ROWS = 20


def measure(
    model: Model,
    data: Table | Images,
    *,
    epsilon: float = 0.05,
    queries: int = 100,
    leave_out: Sequence[str] = (),
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Attack each item that the model is right about, knowing nothing but the probabilities it answers.

    Parameters
    ----------
    model
        A classifier that gives probabilities.
    data
        Labelled rows or images; those without a label are left out.
    epsilon
        Largest change: of images as a share of the range of values, of tables in spreads of the column.
    queries
        How often the model may be asked about each item.
    leave_out
        Columns that the attacker can't change, besides those with a role and those that are no numbers.
    confidence
        Of the two-sided intervals.
    seed
        Of the search.

    Returns
    -------
    dict or Undefined
        Accuracies and rates in [0, 1]; undefined without labelled items or without a value that may be changed.

    Raises
    ------
    ValueError
        ``leave_out`` names a column that the table does not have.
    """
    truth, items = true_answers(data, model)
    if not len(items):
        return Undefined("There is no labelled item to attack.")
    field = _field(data, items, epsilon, leave_out)
    if isinstance(field, Undefined):
        return field
    groups = groups_of(data)
    own = None if groups is None else groups[items]
    said = np.asarray(model.predict(field.moved(np.arange(len(items)), None)))
    clean = said == truth
    right = np.flatnonzero(clean)
    found = _attack(model, field, truth, right, queries, np.random.default_rng([seed, len(items)]))
    broken = np.zeros(len(items), dtype=bool)
    broken[right] = found.margins <= 0
    share = partial(proportion, confidence=confidence)
    of = {"groups": None if own is None else own[right]}
    nothing = Undefined("The model is right about no item, so that there is nothing to attack.")
    same = None if broken.any() else nothing_to_see(said, said)
    by_class = _by_class(truth, broken, right, own, confidence)
    return {
        "clean_accuracy": share(clean, groups=own),
        "robust_accuracy": share(clean & ~broken, groups=own),
        "attack_success_rate": same or (share(broken[right], **of) if len(right) else nothing),
        "class_success_rate": by_class or nothing,
        "queries_to_success": float(np.median(found.asked[broken[right]]))
        if broken.any()
        else Undefined("No attack succeeded."),
        "success_by_queries": _curve(found, queries),
        "threat_model": field.described(epsilon, queries),
        **field.shown(model, truth, right, found, seed),
        "findings": _findings(by_class, broken, right),
    }


class _Field(Protocol):
    """Items that can be changed: by one sign for each value, the whole budget down or up."""

    shape: tuple[int, ...]

    def moved(self, at: np.ndarray, signs: np.ndarray | None) -> Any: ...

    def described(self, epsilon: float, queries: int) -> DataTable: ...

    def shown(self, model: Model, truth: np.ndarray, right: np.ndarray, found: Found, seed: int) -> dict[str, Any]: ...


@dataclass(frozen=True)
class _Pixels:
    x: np.ndarray
    rows: np.ndarray
    step: float
    span: tuple[float, float]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.x.shape

    def moved(self, at: np.ndarray, signs: np.ndarray | None) -> Any:
        x = self.x[at]
        return x if signs is None else np.clip(x + np.float32(self.step) * signs, *self.span).astype(np.float32)

    def described(self, epsilon: float, queries: int) -> DataTable:
        changes = f"each value by {self.step:g}, inside {self.span[0]:g} to {self.span[1]:g}"
        return _threat(epsilon, queries, changes, int(np.prod(self.shape[1:])))

    def shown(self, model: Model, truth: np.ndarray, right: np.ndarray, found: Found, seed: int) -> dict[str, Any]:
        fell = np.flatnonzero(found.margins <= 0)
        few = drawn(fell, seed)
        attacked = self.moved(right[few], found.signs[few])
        said = model.predict(attacked) if len(few) else []
        captions = [f"class {t} → {s}" for t, s in zip(truth[right[few]], said, strict=True)]
        states = {"undamaged": self.x[right[few]], "attacked": attacked}
        made: SampleImages = strip(
            states,
            self.rows[right[few]],
            captions,
            total=len(fell),
            seed=seed,
            population="images whose right answer the attack changed",
            span=self.span,
        )
        return {"broken_images": made}


@dataclass(frozen=True)
class _Cells:
    frame: pd.DataFrame
    rows: np.ndarray
    columns: tuple[NumericColumn, ...]
    epsilon: float

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.frame), len(self.columns)

    def moved(self, at: np.ndarray, signs: np.ndarray | None) -> Any:
        frame = self.frame.iloc[at]
        if signs is None:
            return frame
        frame = frame.copy(deep=False)
        for j, column in enumerate(self.columns):
            old = frame[column.name]
            values = old.to_numpy(dtype=np.float64, na_value=np.nan)
            step = self.epsilon * column.spread
            change = signs[:, j] * (np.floor(step) if column.whole else step)
            new = np.where(np.isfinite(values), np.clip(values + change, column.low, column.high), values)
            frame[column.name] = pd.Series(new, index=frame.index).astype(old.dtype)
        return frame

    def described(self, epsilon: float, queries: int) -> DataTable:
        changes = f"{len(self.columns)} columns of numbers, each by {epsilon:g} of its spread, inside its range"
        return _threat(epsilon, queries, changes, len(self.columns))

    def shown(self, model: Model, truth: np.ndarray, right: np.ndarray, found: Found, seed: int) -> dict[str, Any]:
        fell = np.flatnonzero(found.margins <= 0)[:MOST_ROWS]
        said = model.predict(self.moved(right[fell], found.signs[fell])) if len(fell) else []
        told = {"asked": [int(k) for k in found.asked[fell]]}
        cells = {"class": [str(t) for t in truth[right[fell]]], "answer to the changed row": [str(s) for s in said]}
        return {"broken_rows": SampleRows([int(r) for r in self.rows[right[fell]]], told, cells=cells)}


def _threat(epsilon: float, queries: int, changes: str, values: int) -> DataTable:
    return DataTable(
        ("what", "value"),
        [
            ("attacker knows", "the probabilities of all classes, for inputs of his choice (black box)"),
            ("wants", "any wrong class"),
            ("may change", changes),
            ("values per item", values),
            ("epsilon", float(epsilon)),
            ("questions per item, at most", queries),
        ],
    )


def _field(data: Table | Images, items: np.ndarray, epsilon: float, leave_out: Sequence[str]) -> _Field | Undefined:
    if isinstance(data, Images):
        low, high = data.range
        rows = np.arange(len(data.pixels)) if data.rows is None else data.rows
        x = np.asarray(data.pixels[items], dtype=np.float32)
        return _Pixels(x, rows[items], epsilon * (high - low), data.range)
    unknown = [c for c in leave_out if c not in data.frame.columns]
    if unknown:
        raise ValueError(f"leave_out: the table has no column {unknown[0]!r}; it has {list(data.frame.columns)}")
    columns = numeric_columns(data.features, {*leave_out, data.roles.time})
    columns = [c for c in columns if not c.whole or epsilon * c.spread >= 1 or epsilon == 0]
    if not columns:
        return Undefined("The table has no column of numbers that may be changed by so little.")
    return _Cells(data.frame.iloc[items], items, tuple(columns), epsilon)


def _attack(
    model: Model, field: _Field, truth: np.ndarray, right: np.ndarray, queries: int, rng: np.random.Generator
) -> Found:
    """Search for the items that the model is right about; success is what it answers, not what it finds probable."""
    place = {name: i for i, name in enumerate(model.classes)}
    own = np.array([place[name] for name in truth[right]], dtype=int)

    def query(at: np.ndarray, signs: np.ndarray) -> np.ndarray:
        x = field.moved(right[at], signs)
        logs = np.log(np.maximum(model.probabilities(x), SURE))
        mine = logs[np.arange(len(at)), own[at]]
        logs[np.arange(len(at)), own[at]] = -np.inf
        margins = mine - logs.max(axis=1)
        near = np.flatnonzero(margins <= 0)
        if len(near):
            same = np.asarray(model.predict(field.moved(right[at[near]], signs[near]))) == truth[right[at[near]]]
            margins[near[same]] = SURE
        return margins

    return search(query, (len(right), *field.shape[1:]), queries, rng)


def _by_class(
    truth: np.ndarray, broken: np.ndarray, right: np.ndarray, groups: np.ndarray | None, confidence: float
) -> dict[str, Estimate | Undefined]:
    kernels = {}
    for name in sorted(set(truth[right])):
        mine = right[truth[right] == name]
        kernels[str(name)] = partial(proportion, broken[mine], groups=None if groups is None else groups[mine])
    return simultaneous(kernels, confidence)


def _curve(found: Found, queries: int) -> Curve:
    grid = sorted({round(k) for k in np.geomspace(1, queries, 20)})
    n = max(len(found.asked), 1)
    line = [(float(k), float(((found.margins <= 0) & (found.asked <= k)).sum() / n)) for k in grid]
    return Curve({"right answers turned": line}, x_title="questions per item", y_title="share")


def _findings(by_class: dict[str, Estimate | Undefined], broken: np.ndarray, right: np.ndarray) -> list[Finding]:
    rates = {name: e for name, e in by_class.items() if isinstance(e, Estimate) and e.value > 0}
    if not rates:
        return []
    worst = max(rates, key=lambda name: (rates[name].value, name))
    text = (
        f"The attack turns {int(broken.sum())} of {len(right)} right answers, most of class {worst!r}: "
        f"{rates[worst].value:.1%} of its {rates[worst].n}."
    )
    finding = Finding("instability", Subject(class_=worst), "class_success_rate", rates[worst].value, text)
    whole = float(broken.sum() / len(right))
    return [finding, replace(finding, measure="attack_success_rate", value=whole)]
