"""Whether a model gives the same answer to the same row, whenever and among whichever rows it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmtestbed.ait import Bars, Estimate, Finding, Images, Model, Subject, Table, Undefined
from qmtestbed.measuring.agreement import Reference
from qmtestbed.measuring.answers import groups_of, is_classifier, taken, values_of
from qmtestbed.measuring.drawing import some
from qmtestbed.measuring.intervals import proportion


def measure(
    model: Model,
    data: Table | Images,
    *,
    repeats: int = 3,
    part: int = 64,
    alone: int = 50,
    tolerance: float = 1e-5,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Ask the model again, in another order, in parts and row by row, and compare its answers with the first ones.

    Parameters
    ----------
    model
        Any.
    data
        Rows or images; labels are not needed.
    repeats
        How often all rows are asked again, and how often in another order.
    part
        Rows of a part.
    alone
        At most so many rows are asked one by one.
    tolerance
        A number is another answer if it moves by more than this many standard deviations of the answers.
    confidence
        Of the two-sided intervals, each for itself.
    seed
        Of the orders and of the rows that are asked one by one.

    Returns
    -------
    dict or Undefined
        Shares of rows in [0, 1], and distances in standard deviations of the answers, 0 if nothing differs; undefined
        without items.
    """
    values = values_of(data)
    n = len(values)
    if not n:
        return Undefined("The data have no items.")
    rng = np.random.default_rng([seed, n])
    ways = {w.name: w for w in _ways(values, repeats, part, some(n, alone, rng), rng)}
    first = Reference.of(np.asarray(model.predict(values)), tolerance, numbers=not is_classifier(model))
    groups = groups_of(data)
    rates: dict[str, Estimate | Undefined] = {}
    apart: dict[str, float | Undefined] = {}
    for name, way in ways.items():
        of = first.at(way.rows)
        answers = list(way.ask(model))
        changed = np.any([of.differs(a) for a in answers], axis=0)
        if not first.are_finite and not changed.any():
            return Undefined("The model does not answer each item with a finite number.")
        rates[name] = proportion(changed, confidence, groups=None if groups is None else groups[way.rows])
        if first.scale is not None:
            apart[name] = _largest([of.apart(a) for a in answers])
    return {
        "change_rate": rates,
        "largest_change": apart or Undefined("The model's answers are classes."),
        "rates": Bars.of([(n, e) for n, e in rates.items() if isinstance(e, Estimate)]),
        "findings": _findings(rates),
    }


@dataclass(frozen=True)
class _Way:
    """How the model is asked once more: about which rows, and what it then says to them, once or several times."""

    name: str
    rows: np.ndarray
    ask: Callable[[Model], Iterator[np.ndarray]]


def _ways(values: Any, repeats: int, part: int, few: np.ndarray, rng: np.random.Generator) -> Iterator[_Way]:
    every = np.arange(len(values))
    orders = [rng.permutation(len(values)) for _ in range(repeats)]

    def parts(rows: np.ndarray, size: int) -> Callable[[Model], Iterator[np.ndarray]]:
        cuts = [rows[i : i + size] for i in range(0, len(rows), size)]
        return lambda model: iter([np.concatenate([np.asarray(model.predict(taken(values, c))) for c in cuts])])

    yield _Way("again", every, lambda model: (np.asarray(model.predict(values)) for _ in orders))
    yield _Way("another order", every, lambda model: (_put_back(model.predict(taken(values, o)), o) for o in orders))
    yield _Way("in parts", every, parts(every, part))
    yield _Way("one by one", few, parts(few, 1))


def _put_back(answers: Any, order: np.ndarray) -> np.ndarray:
    found = np.asarray(answers)
    back = np.empty_like(found)
    back[order] = found
    return back


def _largest(apart: list[np.ndarray]) -> float | Undefined:
    largest = float(np.max(apart))
    return largest if np.isfinite(largest) else Undefined("An answer is a finite number once, and another time not.")


def _findings(rates: dict[str, Estimate | Undefined]) -> list[Finding]:
    found = []
    for way, e in rates.items():
        if isinstance(e, Estimate) and e.value > 0:
            text = f"Asked {way}, {e.value:.2%} of the items get another answer."
            found.append(Finding("instability", Subject(slice=way), "change_rate", e.value, text))
    return found
