"""Whether a model says the same to inputs that are rounded to another type, and whether a second model does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Bars, Estimate, Finding, Images, Model, Subject, Table, Undefined
from qmtestbed.measuring.agreement import Reference
from qmtestbed.measuring.answers import groups_of, is_classifier, values_of, weights_of
from qmtestbed.measuring.intervals import proportion

TYPES = {"float32": np.float32, "float16": np.float16}

_Result = Estimate | Undefined


def measure(
    model: Model,
    data: Table | Images,
    deployed: Model | None = None,
    *,
    types: Sequence[str] = ("float32",),
    tolerance: float = 1e-3,
    confidence: float = 0.95,
) -> dict[str, Any] | Undefined:
    """Compare a model's answers with those to rounded inputs, and with those of a second model.

    Parameters
    ----------
    model
        Any.
    data
        Rows or images; labels are not needed.
    deployed
        The same model in another format or place.
    types
        To which the columns of numbers, or the pixels, are rounded, each for itself: float32, float16.
    tolerance
        A number is another answer if it is farther away than this many standard deviations of the answers.
    confidence
        Of the two-sided intervals, each for itself.

    Returns
    -------
    dict or Undefined
        Shares of rows in [0, 1], and distances in standard deviations of the answers, 0 if nothing differs; undefined
        without rows.

    Raises
    ------
    ValueError
        A type is named that there is not.
    """
    unknown = [t for t in types if t not in TYPES]
    if unknown or not types:
        raise ValueError(f"types must be some of {', '.join(TYPES)}; found {list(types)}")
    values = values_of(data)
    if not len(values):
        return Undefined("The data have no items.")
    first = Reference.of(np.asarray(model.predict(values)), tolerance, numbers=not is_classifier(model))
    options = {"groups": groups_of(data), "weights": weights_of(data)}

    def compared(answers: Any) -> tuple[_Result, float | Undefined]:
        differs = first.differs(np.asarray(answers))
        if not first.are_finite and not differs.any():
            return (none := Undefined("The model does not answer each item with a finite number.")), none
        return proportion(differs, confidence, **options), _largest(first, answers)

    rates: dict[str, _Result] = {}
    apart: dict[str, float | Undefined] = {}
    for name in types:
        rounded = _rounded(data, name)
        both = (rounded, rounded) if isinstance(rounded, Undefined) else compared(model.predict(rounded))
        rates[name], apart[name] = both
    none = Undefined("No second model is given.")
    second, second_apart = (none, none) if deployed is None else _second(model, deployed, data, compared)
    shown = {**rates, "deployed": second}
    return {
        "flip_rate": rates,
        "largest_change": apart,
        "deployed_disagreement": second,
        "deployed_largest": second_apart,
        "rates": Bars.of([(n, e) for n, e in shown.items() if isinstance(e, Estimate)]),
        "findings": _findings(rates, second),
    }


def _rounded(data: Table | Images, name: str) -> Any:
    """Round every number of the features to a type, in columns of the type that they had; or say why that can't be."""
    if isinstance(data, Images):
        return data.pixels.astype(TYPES[name]).astype(data.pixels.dtype)
    frame, to = data.frame.copy(deep=False), TYPES[name]
    for c in data.features.columns:
        column = frame[c]
        if not pd.api.types.is_float_dtype(column) or c == data.roles.time:
            continue
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        with np.errstate(over="ignore"):
            found = values.astype(to).astype(np.float64)
        if (np.isinf(found) & ~np.isinf(values)).any():
            return Undefined(f"Column {c!r} holds numbers that {name} can't hold.")
        frame[c] = pd.Series(found, index=frame.index).astype(column.dtype)
    return frame


def _largest(first: Reference, answers: Any) -> float | Undefined:
    if first.scale is None:
        return Undefined("The model's answers are classes.")
    largest = float(first.apart(np.asarray(answers)).max())
    return largest if np.isfinite(largest) else Undefined("One of two answers is not a finite number.")


def _second(model: Model, deployed: Model, data: Table | Images, compared: Any) -> tuple[_Result, float | Undefined]:
    if is_classifier(model) != is_classifier(deployed):
        no = Undefined("One of the two models answers with classes, the other with numbers.")
        return no, no
    found: tuple[_Result, float | Undefined] = compared(deployed.predict(values_of(data)))
    return found


def _findings(rates: dict[str, _Result], second: _Result) -> list[Finding]:
    found = []
    for name, e in rates.items():
        if isinstance(e, Estimate) and e.value > 0:
            text = f"{e.value:.2%} of the answers change when the inputs are rounded to {name}."
            found.append(Finding("instability", Subject(slice=name), "flip_rate", e.value, text))
    if isinstance(second, Estimate) and second.value > 0:
        text = f"The two models disagree about {second.value:.2%} of the rows."
        found.append(Finding("instability", Subject(slice="deployed"), "deployed_disagreement", second.value, text))
    return found
