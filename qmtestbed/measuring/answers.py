"""For AITs that ask the model themselves: the truth of each row in the form of the answers, and which rows go together.

An answer is the text of a class or, for a model without classes, a number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.ait import Images, Model, Table, Undefined, class_name

__all__ = [
    "groups_of",
    "is_classifier",
    "not_finite",
    "nothing_to_see",
    "pooled_groups",
    "taken",
    "true_answers",
    "values_of",
    "weights_of",
]


def is_classifier(model: Model) -> bool:
    """Whether the model's answers are classes; else they are numbers."""
    return bool(model.classes)


def true_answers(data: Table | Images, model: Model) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Give the labels in the form of the model's answers, and the positions of the items that have one.

    Parameters
    ----------
    data
        With labels or without.
    model
        Says by its classes whether the answers are classes.

    Returns
    -------
    truth
        (labelled,) class names as an object array, or float64.
    positions
        (labelled,) where those items stand in the data, ascending; empty without labels.
    """
    if data.labels is None:
        return np.empty(0, dtype=object if is_classifier(model) else np.float64), np.empty(0, dtype=np.intp)
    labels = np.asarray(data.labels, dtype=object)
    positions = np.flatnonzero(~pd.isna(labels))
    known = labels[positions]
    if not is_classifier(model):
        return known.astype(np.float64), positions
    names = np.empty(len(known), dtype=object)
    names[:] = [class_name(label) for label in known]
    return names, positions


def not_finite(answers: NDArray[Any], model: Model) -> Undefined | None:
    """Say that some answer is no finite number: a comparison with it would not find that anything changes."""
    if is_classifier(model) or np.isfinite(np.asarray(answers, dtype=np.float64)).all():
        return None
    return Undefined("The model does not answer each item with a finite number.")


def nothing_to_see(before: NDArray[Any], after: NDArray[Any]) -> Undefined | None:
    """Say that all answers, to n items as they are and m changed ones, are the same: that none changes is no merit."""
    if (before == before[0]).all() and (after == before[0]).all():
        return Undefined("The model says the same to every item, so that no change of its answers could be seen.")
    return None


def values_of(data: Table | Images) -> pd.DataFrame | NDArray[np.float32]:
    """Give what a model is asked about: the frame of a table, (n, columns), or (n, height, width, channels) pixels."""
    return data.frame if isinstance(data, Table) else data.pixels


def taken(values: pd.DataFrame | NDArray[Any], positions: Any) -> Any:
    """Give the items of :func:`values_of` at some positions, an array of them or a slice."""
    return values.iloc[positions] if isinstance(values, pd.DataFrame) else values[positions]


def groups_of(data: Table | Images) -> NDArray[Any] | None:
    """Give the column with the role group, (n,); ``None`` without one, and for images."""
    if not isinstance(data, Table) or data.roles.group is None:
        return None
    return np.asarray(data.frame[data.roles.group])


def weights_of(data: Table | Images) -> NDArray[np.float64] | None:
    """Give the column with the role weight, (n,) float64; ``None`` without one, and for images."""
    if not isinstance(data, Table) or data.roles.weight is None:
        return None
    return np.asarray(data.frame[data.roles.weight], dtype=np.float64)


def pooled_groups(*sets: tuple[NDArray[Any] | None, int]) -> NDArray[np.intp] | None:
    """Number the groups of several sets of items together, for a measure of all of them.

    Parameters
    ----------
    sets
        For each the groups of its items, or ``None``, and how many items it has.

    Returns
    -------
    array or None
        One number per item: a name stands for the same group in every set, an item of a set without groups for itself,
        and items without a value for one group. ``None`` where no set has groups.
    """
    if all(groups is None for groups, _ in sets):
        return None
    names: list[tuple[str, str]] = []
    for k, (groups, n) in enumerate(sets):
        names += (
            [(f"row of {k}", str(i)) for i in range(n)] if groups is None else [("", class_name(g)) for g in groups]
        )
    return np.asarray(pd.factorize(pd.Series(names, dtype=object))[0])
