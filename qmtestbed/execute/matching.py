"""Predictions from a file in place of a model: matched with the data that they are about, and as strictly checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Predictions, Roles, Task
from qmtestbed.errors import JobError
from qmtestbed.execute.agreement import agreement
from qmtestbed.execute.declared import check_positive, check_task, refusing
from qmtestbed.execute.examples import Examples, load_beside
from qmtestbed.execute.outputs import Interpreted
from qmtestbed.execute.probing import beside_the_truth, items_of, true_classes, true_values
from qmtestbed.execute.tables import (
    Said,
    answers_in,
    class_names,
    classes_in,
    layout_in,
    read_frame,
    task_of_labels,
    values_in,
)
from qmtestbed.types.job import JobInput
from qmtestbed.types.record import Items


@refusing()
def match(source: JobInput, data: JobInput) -> tuple[Predictions, Mapping[str, Any], Items]:
    """Give each item of the data its prediction: by the id column where the file has it, else by the order of rows.

    Raises
    ------
    JobError
        An id is missing, doubled or foreign, there are more or fewer rows, or the predictions are not what they must
        be: finite numbers, or known classes with rows of probabilities that sum to 1 and do not contradict them. Or
        what the plan declares contradicts them.
    """
    roles, beside = data.roles or Roles(), load_beside(data)
    frame = read_frame(source)
    id = (source.roles or Roles()).id or roles.id
    by_id = id is not None and id in frame.columns and beside.ids is not None
    positions = _by_id(frame[id], beside, source, data) if by_id else _in_order(frame, beside, source, data)
    layout = layout_in(frame, [c for c in (id, roles.id) if c], roles, source.name)
    told = answers_in(frame.iloc[positions].reset_index(drop=True), layout, roles, source.name)
    task, because = _find_task(roles, told, beside.labels)
    if task == "classification":
        answer = Interpreted(classes_in(told.said, source.name), told.probabilities, told.classes)
        who = f"the file {source.name}"
        truth, classes = true_classes(beside, answer, told.classes or roles.classes or (), who)
        check_positive(roles.positive, classes, who)
    else:
        answer = Interpreted(values_in(told.said, source.name))
        truth, classes = true_values(beside), ()
    predictions = beside_the_truth(task, truth, answer, classes, beside, roles)
    facts = {
        "task": task,
        "task_because": because,
        "classes": list(classes),
        "capabilities": [task, *(["probabilities"] if answer.probabilities is not None else [])],
        "matched": f"by the column {id}" if by_id else "by the order of the rows",
        **agreement(answer.predicted, answer.probabilities, classes, f"the file {source.name}"),
    }
    return predictions, facts, items_of(predictions)


def _find_task(roles: Roles, told: Said, labels: pd.Series[Any] | None) -> tuple[Task, str]:
    """Tell the task, and why: as declared, else by what the predictions are, else by the labels."""
    check_task(
        roles, "classification" if told.probabilities is not None else None, "the file has probabilities of classes"
    )
    if roles.task:
        return roles.task, "the plan says so"
    if told.probabilities is not None:
        return "classification", f"the predictions have probabilities of {len(told.classes)} classes"
    numbers = labels is None or pd.api.types.is_numeric_dtype(labels)
    if numbers and pd.api.types.is_float_dtype(told.said) and np.mod(told.said.dropna(), 1).any():
        # As with a regressor: whole numbers as labels do not make its answers classes.
        return "regression", "the predictions are fractions"
    if labels is None:
        task, because = task_of_labels(told.said)
        return task, because.replace("labels", "predictions")
    return task_of_labels(labels)


def _in_order(frame: pd.DataFrame, beside: Examples, source: JobInput, data: JobInput) -> np.ndarray:
    if len(frame) != len(beside):
        raise JobError(
            f"{source.name} does not hold one prediction for each row of {data.name}",
            found=f"{len(frame):,} predictions, {len(beside):,} rows",
            do="write one row per row of the data, in its order or with its column of the role id",
        )
    return np.arange(len(frame))


def _by_id(ids: pd.Series[Any], beside: Examples, source: JobInput, data: JobInput) -> np.ndarray:
    """Find for each item of the data the row of the file that has its id."""
    there, wanted = pd.Series(class_names(ids)), pd.Series(class_names(pd.Series(beside.ids)))
    faults = {
        f"missing ids in {source.name}": there[there.isna()],
        f"missing ids in {data.name}": wanted[wanted.isna()],
        f"ids more than once in {source.name}": _doubled(there),
        f"ids more than once in {data.name}": _doubled(wanted),
        "ids of the data without a prediction": wanted[~wanted.isin(there)].dropna(),
        "ids that the data do not have": there[~there.isin(wanted)].dropna(),
    }
    counted = [f"{what}: {len(which)}" for what, which in faults.items() if len(which)]
    if counted:
        raise JobError(
            f"the predictions in {source.name} can't be matched with {data.name} by the column {ids.name}",
            found="; ".join(counted),
            do="write each id once, as it is written in the data",
            quotes="; ".join(_first(what, which) for what, which in faults.items() if which.notna().any()),
        )
    return pd.Index(there).get_indexer(pd.Index(wanted))


def _doubled(ids: pd.Series[Any]) -> pd.Series[Any]:
    return ids[ids.notna() & ids.duplicated()].drop_duplicates()


def _first(what: str, ids: pd.Series[Any]) -> str:
    return f"{what}: {', '.join(map(str, ids[:5]))}{', …' if len(ids) > 5 else ''}"
