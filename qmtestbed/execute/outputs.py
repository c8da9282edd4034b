"""What a model returned → predicted classes or values and probabilities; anything doubtful is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Task
from qmtestbed.errors import ModelFault
from qmtestbed.execute.tables import TOLERANCE, class_names
from qmtestbed.types.plan import Outputs

DECLARE = (
    "declare what it returns: in the plan, for example  model: {uri: …, outputs: probabilities, classes: [no, yes]}  "
    "or without one by  --outputs probabilities --class no --class yes"
)


@dataclass(frozen=True)
class Interpreted:
    """Outputs read as classes (object array of names) or values (float64), with probabilities where there are any."""

    predicted: np.ndarray
    probabilities: np.ndarray | None = None
    classes: tuple[str, ...] = ()


def interpret(raw: Any, task: Task, outputs: Outputs | None, classes: tuple[str, ...] | None) -> Interpreted:
    """Read a model's raw output.

    Parameters
    ----------
    raw
        Whatever the model returned: array, frame, series or list, with one row per item.
    task
        What is asked of it.
    outputs
        What the plan says it returns; ``None`` if it says nothing.
    classes
        Declared or known classes, in the order of the columns.

    Raises
    ------
    ModelFault
        The outputs are not of the declared kind, or nothing is declared and they could mean several things.
    """
    names = tuple(str(c) for c in raw.columns) if isinstance(raw, pd.DataFrame) else None
    array = np.asarray(raw)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise ModelFault("the model's output is neither one value nor one row per item", found=f"shape {array.shape}")
    if task == "regression":
        return _values(array)
    if array.ndim == 1:
        return _one_per_item(array, outputs, classes)
    return _row_per_item(array.astype(float), outputs, classes, names)


def _values(array: np.ndarray) -> Interpreted:
    if array.ndim != 1:
        raise ModelFault("a regression model must return one number per item", found=f"shape {array.shape}")
    try:
        return Interpreted(array.astype(float))
    except (TypeError, ValueError):
        raise ModelFault("the model returned text where numbers are expected", quotes=repr(array[:3])) from None


def _one_per_item(array: np.ndarray, outputs: Outputs | None, classes: tuple[str, ...] | None) -> Interpreted:
    if outputs in ("probabilities", "logits"):
        p = array.astype(float)
        p = 1 / (1 + np.exp(-p)) if outputs == "logits" else p
        if classes is None or len(classes) != 2:
            raise ModelFault("one probability per item needs two declared classes", do=DECLARE)
        _check_probabilities(np.column_stack([1 - p, p]))
        return _of_probabilities(np.column_stack([1 - p, p]), classes)
    fractions = array.dtype.kind == "f" and not np.all(np.mod(array[np.isfinite(array)], 1) == 0)
    if fractions and outputs != "labels":
        quotes = "numbers such as " + ", ".join(f"{x:.4g}" for x in array[:3])
        raise ModelFault("the model returned numbers where classes are expected", do=DECLARE, quotes=quotes)
    return Interpreted(class_names(pd.Series(array)), classes=classes or ())


def _row_per_item(
    array: np.ndarray, outputs: Outputs | None, classes: tuple[str, ...] | None, names: tuple[str, ...] | None
) -> Interpreted:
    if outputs == "logits":
        array = np.exp(array - array.max(axis=1, keepdims=True))
        array = array / array.sum(axis=1, keepdims=True)
    elif outputs in ("labels", "values"):
        raise ModelFault(f"declared as {outputs}, but the model returned a row per item", found=f"shape {array.shape}")
    _check_probabilities(array)
    array, columns = _by_name(array, classes, names)
    if columns is None or len(columns) != array.shape[1]:
        found = f"{array.shape[1]} columns, " + (f"{len(columns)} classes" if columns else "no classes declared")
        raise ModelFault("it is not known which class each column of probabilities means", found=found, do=DECLARE)
    return _of_probabilities(array, columns)


def _by_name(
    array: np.ndarray, classes: tuple[str, ...] | None, names: tuple[str, ...] | None
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Put columns that have names into the order of the classes; columns without names are in that order already."""
    if classes is None or names is None or names == tuple(map(str, range(len(names)))):
        return array, classes or names
    if set(names) != set(classes):
        found = f"columns {', '.join(names)}; declared {', '.join(classes)}"
        raise ModelFault("the columns of the output are not the declared classes", found=found, do=DECLARE)
    return array[:, [names.index(c) for c in classes]], classes


def _check_probabilities(array: np.ndarray) -> None:
    off = ~np.isfinite(array).all(axis=1)
    off |= (array < -TOLERANCE).any(axis=1) | (np.abs(array.sum(axis=1) - 1) > TOLERANCE)
    if off.any():
        rows = np.flatnonzero(off)
        first = array[rows[0]]
        found, quotes = (
            f"{len(rows)} of {len(array)} rows; the first is row {rows[0]}",
            np.array2string(first[:6], precision=4),
        )
        what = "the model's outputs are not rows of probabilities that sum to 1"
        raise ModelFault(what, found=found, do=DECLARE, quotes=f"it is {quotes}")


def _of_probabilities(array: np.ndarray, classes: tuple[str, ...]) -> Interpreted:
    names = np.array(classes, dtype=object)
    return Interpreted(names[array.argmax(axis=1)], array, classes)
