"""Our own two programs in the child: probe (what can the model do?) and predict (what does it say to each item?)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qmtestbed.ait import Predictions, Roles, Task
from qmtestbed.errors import ModelFault
from qmtestbed.execute.agreement import agreement
from qmtestbed.execute.declared import check_classes, check_labels, check_positive, check_task, refusing
from qmtestbed.execute.examples import Examples, load_examples, load_labels
from qmtestbed.execute.models import LoadedModel, load_model
from qmtestbed.execute.models.example import read_example
from qmtestbed.execute.outputs import Interpreted
from qmtestbed.execute.tables import class_names, digest_of_ids, task_of_labels
from qmtestbed.types.job import JobInput
from qmtestbed.types.record import Items

PROBE_ITEMS = 8
WHO = "the model"


def probe(model_input: JobInput, data: JobInput) -> Mapping[str, Any]:
    """Load the model, let it answer a few items, and say what it is: the facts of the probe's record."""
    roles = data.roles or Roles()
    with refusing():
        labels = load_labels(data)
    try:
        model = load_model(model_input)
    except ModelFault as error:
        if labels is not None:
            error.facts["task"] = roles.task or task_of_labels(labels)[0]
        raise
    with refusing():
        task, because = find_task(roles, model, labels)
        answer = model.answer(given(model, model_input, load_examples(data, PROBE_ITEMS).x, roles), task)
        if task == "classification":
            known = _known(model, answer, model_input, roles)
            in_labels = () if labels is None else _in_labels(class_names(labels))
            check_labels(known, in_labels, WHO)
            check_positive(roles.positive, dict.fromkeys((*known, *in_labels)), WHO)
    classes = answer.classes or model.classes
    capabilities = {
        "predict": True,
        "probabilities": answer.probabilities is not None,
        "gradient": model.gives_gradient and task == "classification",
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
        **_own_example(model, model_input),
        **({"scanned": model.scanned} if model.scanned else {}),
        **({"device": getattr(model, "device", "cpu")} if model_input.device else {}),
    }


def _own_example(model: LoadedModel, model_input: JobInput) -> Mapping[str, str]:
    """Say whether a model answers the input example that was logged with it; nothing where there is none.

    That it does not is told and no more: what counts is whether it answers the data.
    """
    try:
        example = read_example(Path(model_input.path or ""))
        if example is None:
            return {}
        answers, rows = model.answer_as_logged(example), len(example)
    except ModelFault as error:
        return {"input_example": f"not answered: {(error.found or error.what)[:300]}"}
    if answers != rows:
        return {"input_example": f"not answered: {answers} answers for {rows} rows"}
    return {"input_example": f"answered: {rows} {'row' if rows == 1 else 'rows'}"}


def find_task(roles: Roles, model: LoadedModel, labels: pd.Series[Any] | None) -> tuple[Task, str]:
    """Tell the task, and why: as declared, else by what the model is, else by the labels.

    :class:`JobError` if the model can't be for the declared one.
    """
    check_task(roles, model.kind, "the model is a classifier")
    if roles.task:
        return roles.task, "the plan says so"
    if model.kind == "classification":
        return "classification", f"the model has {len(model.classes) or 'declared'} classes"
    if model.kind == "regression":
        return "regression", "the model is a regressor"
    if labels is None:
        return "regression", "there are no labels and the model names no classes"
    return task_of_labels(labels)


def given(model: LoadedModel, model_input: JobInput, x: Any, roles: Roles) -> Any:
    """Choose the columns a model may see.

    Never the label or a column to ignore. All others by name for a model that names its features; else all but those
    with the role id, group, weight or time. Images are given as they are.
    """
    if not isinstance(x, pd.DataFrame):
        return x
    aside = {roles.label, *roles.ignore}
    if model_input.features is None and not model.names_features:
        aside |= {roles.id, roles.group, roles.weight, roles.time}
    return x[[c for c in x.columns if c not in aside]]


def predict(model_input: JobInput, data: JobInput) -> tuple[Predictions, Mapping[str, Any], Items]:
    """Let the model answer every item, and refuse answers that can't be right."""
    model = load_model(model_input)
    roles = data.roles or Roles()
    examples = load_examples(data)
    task, because = find_task(roles, model, examples.labels)
    answer = model.answer(given(model, model_input, examples.x, roles), task)
    _check_answers(answer, len(examples), model_input.name, task)
    if task == "classification":
        known = _known(model, answer, model_input, roles)
        truth, classes = true_classes(examples, answer, known, WHO)
        check_positive(roles.positive, classes, WHO)
    else:
        truth, classes = true_values(examples), ()
    predictions = beside_the_truth(task, truth, answer, classes, examples, roles)
    agree = agreement(answer.predicted, answer.probabilities, classes, WHO)
    facts = {"task": task, "task_because": because, "classes": list(classes), **agree}
    return predictions, facts, items_of(predictions)


def _known(model: LoadedModel, answer: Interpreted, model_input: JobInput, roles: Roles) -> tuple[str, ...]:
    """Give the classes that are known of a model, by itself or as declared; :class:`JobError` if the two differ."""
    own = answer.classes or model.classes
    for declared in (model_input.classes, roles.classes):
        check_classes(declared, own, WHO)
    return own or roles.classes or ()


def beside_the_truth(
    task: Task, truth: np.ndarray, answer: Interpreted, classes: tuple[str, ...], examples: Examples, roles: Roles
) -> Predictions:
    """Put together what was said of each item and what stands beside it."""
    return Predictions(
        task,
        truth,
        answer.predicted,
        answer.probabilities,
        classes,
        examples.ids,
        examples.groups,
        examples.weights,
        roles.positive,
    )


def items_of(p: Predictions) -> Items:
    """Count predictions; those without a label can't be measured."""
    n, unlabelled = len(p.predicted), int(pd.isna(p.labels).sum())
    return Items(n, n, n - unlabelled, unlabelled, digest_of_ids(None if p.ids is None else pd.Series(p.ids), n))


def _check_answers(answer: Interpreted, expected: int, name: str, task: Task) -> None:
    n = len(answer.predicted)
    if n != expected:
        found = f"{n} answers for {expected} rows"
        raise ModelFault(f"the model {name} did not answer each row once", found=found)
    bad = pd.isna(answer.predicted) if task == "classification" else ~np.isfinite(answer.predicted)
    if answer.probabilities is not None:
        bad = bad | ~np.isfinite(answer.probabilities).all(axis=1)
    rows = np.flatnonzero(bad)
    if len(rows):
        found = f"{len(rows)} of {n} rows, the first: " + ", ".join(map(str, rows[:5]))
        do = "the model must answer every row with a finite value; mend it or its input"
        raise ModelFault(f"the model {name} gave answers that are missing or not finite", found=found, do=do)


def true_values(examples: Examples) -> np.ndarray:
    """Labels as numbers, missing without any; :class:`ModelFault` if they are none."""
    if examples.labels is None:
        return np.full(len(examples), np.nan)
    try:
        return examples.labels.to_numpy(dtype=float)
    except (TypeError, ValueError):
        quotes = ", ".join(map(repr, examples.labels.dropna().unique()[:3]))
        raise ModelFault("the labels are no numbers, and the task is regression", quotes=quotes) from None


def true_classes(
    examples: Examples, answer: Interpreted, known: tuple[str, ...], who: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as class names, and the classes: those known first, then labels that are not among them.

    Raises
    ------
    ModelFault
        Labels and classes have nothing in common, or a class is predicted that nobody declared; ``who`` said it.
    """
    n = len(examples)
    truth = np.full(n, None, dtype=object) if examples.labels is None else class_names(examples.labels)
    in_labels = _in_labels(truth)
    check_labels(known, in_labels, who)
    allowed = tuple(known or in_labels)
    said = sorted(set(answer.predicted))
    if allowed and not set(said) <= set(allowed):
        _refuse_unknown(answer.predicted, allowed, who)
    first = allowed or tuple(said)
    return truth, (*first, *(c for c in in_labels if c not in first))


def _in_labels(truth: np.ndarray) -> tuple[str, ...]:
    return tuple(sorted({t for t in truth if t is not None}))


def _refuse_unknown(predicted: np.ndarray, allowed: tuple[str, ...], who: str) -> None:
    rows = np.flatnonzero(~np.isin(predicted.astype(str), allowed))
    classes = ", ".join(sorted({predicted[i] for i in rows})[:5])
    found = f"{classes} in {len(rows)} of {len(predicted)} rows, the first: {', '.join(map(str, rows[:5]))}"
    do = "declare classes: […] in the plan if they are right"
    raise ModelFault(f"{who} predicts classes that nobody declared", found=found, do=do)
