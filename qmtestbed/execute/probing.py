"""Our own two programs in the child: probe (what can the model do?) and predict (what does it say to each row?)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Predictions, Roles, Task
from qmtestbed.errors import ModelFault
from qmtestbed.execute.models import LoadedModel, load_model
from qmtestbed.execute.outputs import Interpreted
from qmtestbed.execute.tables import class_names, digest_of_ids, read_frame, task_of_labels
from qmtestbed.types.job import JobInput
from qmtestbed.types.record import Items

PROBE_ROWS = 8


def probe(model_input: JobInput, data: JobInput) -> Mapping[str, Any]:
    """Load the model, let it answer a few rows, and say what it is: the facts of the probe's record."""
    roles = data.roles or Roles()
    labels = read_frame(data, [roles.label])[roles.label] if roles.label else None
    try:
        model = load_model(model_input)
    except ModelFault as error:
        if labels is not None:
            error.facts["task"] = roles.task or task_of_labels(labels)[0]
        raise
    task, because = find_task(roles, model, labels)
    answer = model.answer(_given(model, model_input, read_frame(data, rows=PROBE_ROWS), roles), task)
    classes = answer.classes or model.classes
    capabilities = {
        "predict": True,
        "probabilities": answer.probabilities is not None,
        "gradient": False,
        "native": True,
        "classification": task == "classification",
        "regression": task == "regression",
    }
    return {
        "task": task,
        "task_because": because,
        "capabilities": [name for name, has in capabilities.items() if has],
        "classes": list(classes),
        "type": f"{type(model.native).__module__}.{type(model.native).__qualname__}",
        "written_by": model.written_by,
    }


def find_task(roles: Roles, model: LoadedModel, labels: pd.Series[Any] | None) -> tuple[Task, str]:
    """Tell the task, and why: as declared, else by what the model is, else by the labels."""
    if roles.task:
        return roles.task, "the plan says so"
    if model.kind == "classification":
        return "classification", f"the model has {len(model.classes) or 'declared'} classes"
    if model.kind == "regression":
        return "regression", "the model is a regressor"
    if labels is None:
        return "regression", "there are no labels and the model names no classes"
    return task_of_labels(labels)


def _given(model: LoadedModel, model_input: JobInput, frame: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """Choose the columns a model may see.

    All by name for a model that names its features; else all but those with the role label, id, group, weight, time
    or ignore.
    """
    if model_input.features is not None or model.names_features:
        return frame
    aside = {roles.label, roles.id, roles.group, roles.weight, roles.time, *roles.ignore}
    return frame[[c for c in frame.columns if c not in aside]]


def predict(model_input: JobInput, data: JobInput) -> tuple[Predictions, Mapping[str, Any], Items]:
    """Let the model answer every row, and refuse answers that can't be right."""
    model = load_model(model_input)
    roles = data.roles or Roles()
    frame = read_frame(data).reset_index(drop=True)
    labels = frame[roles.label] if roles.label else None
    task, because = find_task(roles, model, labels)
    answer = model.answer(_given(model, model_input, frame, roles), task)
    _check_answers(answer, frame, model_input.name, task)
    truth, classes = _truth(labels, answer, model, task, roles, len(frame))

    def column(name: str | None) -> np.ndarray | None:
        return frame[name].to_numpy() if name else None

    predictions = Predictions(
        task,
        truth,
        answer.predicted,
        answer.probabilities,
        classes,
        column(roles.id),
        column(roles.group),
        column(roles.weight),
        roles.positive,
    )
    unlabelled = int(pd.isna(truth).sum())
    ids = digest_of_ids(frame[roles.id] if roles.id else None, len(frame))
    items = Items(len(frame), len(frame), len(frame) - unlabelled, unlabelled, ids)
    return predictions, {"task": task, "task_because": because, "classes": list(classes)}, items


def _check_answers(answer: Interpreted, frame: pd.DataFrame, name: str, task: Task) -> None:
    n = len(answer.predicted)
    if n != len(frame):
        found = f"{n} answers for {len(frame)} rows"
        raise ModelFault(f"the model {name} did not answer each row once", found=found)
    bad = pd.isna(answer.predicted) if task == "classification" else ~np.isfinite(answer.predicted)
    if answer.probabilities is not None:
        bad = bad | ~np.isfinite(answer.probabilities).all(axis=1)
    rows = np.flatnonzero(bad)
    if len(rows):
        found = f"{len(rows)} of {n} rows, the first: " + ", ".join(map(str, rows[:5]))
        do = "the model must answer every row with a finite value; mend it or its input"
        raise ModelFault(f"the model {name} gave answers that are missing or not finite", found=found, do=do)


def _truth(
    labels: pd.Series[Any] | None, answer: Interpreted, model: LoadedModel, task: Task, roles: Roles, n: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as class names or numbers, and the classes: the model's first, then labels it does not know."""
    if task == "regression":
        if labels is None:
            return np.full(n, np.nan), ()
        try:
            return labels.to_numpy(dtype=float), ()
        except (TypeError, ValueError):
            found = ", ".join(map(repr, labels.dropna().unique()[:3]))
            raise ModelFault("the labels are no numbers, and the task is regression", found=found) from None
    truth = np.full(n, None, dtype=object) if labels is None else class_names(labels)
    in_labels = sorted({t for t in truth if t is not None})
    known = answer.classes or model.classes or roles.classes
    said = sorted(set(answer.predicted))
    if known and in_labels and not set(known) & set(in_labels):
        found = f"the model's: {', '.join(known[:5])}; the labels: {', '.join(in_labels[:5])}"
        raise ModelFault(
            "the classes of the model and the labels have nothing in common",
            found=found,
            do="give the labels the names that the model was trained with",
        )
    allowed = known or tuple(in_labels)
    unknown = np.flatnonzero(~np.isin(answer.predicted.astype(str), allowed)) if allowed else np.array([])
    if len(unknown):
        classes = sorted({answer.predicted[i] for i in unknown})
        found = f"{', '.join(classes[:5])} in {len(unknown)} of {n} rows, the first: {', '.join(map(str, unknown[:5]))}"
        raise ModelFault(
            "the model predicts classes that nobody declared",
            found=found,
            do="declare classes: […] in the plan if they are right",
        )
    first = tuple(allowed or said)
    return truth, (*first, *(c for c in in_labels if c not in first))
