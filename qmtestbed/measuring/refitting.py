"""Training a given scikit-learn estimator anew: its recipe, what it learns from, and how the rows are cut."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, TimeSeriesSplit

from qmtestbed.ait import Model, Table, Undefined, class_name
from qmtestbed.measuring.answers import groups_of, is_classifier, true_answers
from qmtestbed.measuring.columns import codes_of, kind_of, names_of, numbers_of
from qmtestbed.measuring.drawing import some

__all__ = ["Cut", "Lesson", "answers", "cuts", "features", "lesson", "rows_of"]

LEAST_PER_FOLD = 10
MOST_TIMES = 2
"""Two folds are tried where one costs at most so many times the limit of work."""
WIDTH_OF_NONE = 15
"""What training costs apart from the columns, in columns (of gradient boosting)."""

Cut = tuple[np.ndarray, np.ndarray]
"""Positions of the rows to train on, and of those to test on."""


@dataclass(frozen=True)
class Lesson:
    """An unfitted recipe and the rows it learns from.

    Attributes
    ----------
    x, labels
        What ``fit`` takes, labels in the form that the model as given has learnt.
    truth
        (n,) labels in the form of the model's answers: class names or float64.
    classes
        How many different classes there are; 0 for numbers.
    total
        How many labelled rows there are, of which these are a sample.
    width
        How many columns the recipe takes.
    groups
        (n,) values of the role group, or ``None``.
    order
        (n,) whole numbers that grow with the role time, or ``None``.
    """

    recipe: Any
    x: Any
    labels: np.ndarray
    truth: np.ndarray
    classes: int
    total: int
    width: int
    groups: np.ndarray | None
    order: np.ndarray | None


def lesson(model: Model, train: Table, rows: int, seed: int) -> Lesson | Undefined:
    """Prepare what is to be trained anew, on a seeded sample of at most ``rows`` labelled rows."""
    truth, positions = true_answers(train, model)
    if len(positions) < 2 * LEAST_PER_FOLD:
        return Undefined(f"{len(positions)} labelled training rows are too few to train on parts of them.")
    taken = some(len(positions), rows, np.random.default_rng([seed, 0]))
    total, truth, positions = len(positions), truth[taken], positions[taken]
    different = len(pd.unique(truth))
    if different < 2:
        return Undefined("All training rows have the same label, so that there is nothing to learn.")
    recipe = _recipe(model.native, seed)
    x = features(model.native, train, positions)
    labels = _as_learnt(truth, model) if is_classifier(model) else truth
    for part in (recipe, x, labels):
        if isinstance(part, Undefined):
            return part
    groups = groups_of(train)
    return Lesson(
        recipe,
        x,
        np.asarray(labels),
        truth,
        different if is_classifier(model) else 0,
        total,
        x.shape[1],
        None if groups is None else groups[positions],
        _order(train, positions),
    )


def _recipe(native: Any, seed: int) -> Any:
    """Copy the estimator without what it has learnt; a search gives the best that it found."""
    try:
        recipe = clone(getattr(native, "best_estimator_", native))
        parts = recipe.get_params(deep=True)
    except (TypeError, RuntimeError, AttributeError):
        return Undefined(f"A model of type {type(native).__name__} can't be cloned and trained anew.")
    if any(isinstance(part, FrozenEstimator) or _is_kept(name, part) for name, part in parts.items()):
        return Undefined("A part of the model is kept as it is and would not be trained anew.")
    changes: dict[str, Any] = {}
    for name, value in parts.items():
        last = name.rsplit("__", 1)[-1]
        if last == "random_state" and value is None:
            changes[name] = seed
        elif last == "n_jobs" and value is not None:
            changes[name] = 1
        elif last == "memory" and value is not None:
            changes[name] = None
    return recipe.set_params(**changes)


def _is_kept(name: str, value: Any) -> bool:
    last = name.rsplit("__", 1)[-1]
    return (last == "prefit" and value is True) or (last == "cv" and isinstance(value, str) and value == "prefit")


def features(native: Any, table: Table, positions: np.ndarray) -> Any:
    """Give the rows as the estimator takes them: its own columns by name, else all but those with a role aside."""
    names = getattr(native, "feature_names_in_", None)
    if names is not None:
        missing = [str(n) for n in names if n not in table.frame.columns]
        if missing:
            return Undefined(f"The model takes columns that the table does not have: {', '.join(missing[:5])}.")
        return table.frame[list(names)].iloc[positions]
    frame = table.features
    frame = frame[[c for c in frame.columns if c != table.roles.time]].iloc[positions]
    expected = getattr(native, "n_features_in_", frame.shape[1])
    if expected != frame.shape[1]:
        return Undefined(f"The model takes {expected} columns without names, and the table has {frame.shape[1]}.")
    return frame.to_numpy() if all(pd.api.types.is_numeric_dtype(t) for t in frame.dtypes) else frame


def _as_learnt(truth: np.ndarray, model: Model) -> np.ndarray | Undefined:
    """Spell class names as the labels that the model as given was trained on."""
    try:
        known = {class_name(c): c for c in model.native.classes_}
    except (AttributeError, TypeError):
        return Undefined("The model's native object does not tell which classes it has learnt.")
    unknown = sorted({str(name) for name in truth} - known.keys())
    if unknown:
        return Undefined(f"The model does not know {len(unknown)} of the classes of the training rows.")
    learnt = np.asarray(list(known.values()))
    return np.asarray(learnt[pd.Index(known.keys()).get_indexer(pd.Index(truth))])


def _order(train: Table, positions: np.ndarray) -> np.ndarray | None:
    if train.roles.time is None or train.roles.time not in train.frame.columns:
        return None
    column = train.frame[train.roles.time].iloc[positions]
    kind = kind_of(column)
    values = names_of(column) if kind in ("categories", "empty") else numbers_of(column, kind)
    return codes_of([values], ordered=True)[0]


# -- how the rows are cut -------------------------------------------------------------------------------------


def cuts(job: Lesson, folds: int, repeats: int, work: int, seed: int) -> list[Cut] | Undefined:
    """Cut the rows: along time, between groups, or at random with each class spread over the folds.

    Parameters
    ----------
    folds, repeats
        As asked for; fewer where the rows, the groups or the work allow no more.
    work
        Limit for (columns + 15) x folds x repeats, times the classes where there are more than two.
    """
    each = (job.width + WIDTH_OF_NONE) * (job.classes if job.classes > 2 else 1)
    if each > MOST_TIMES * work:
        needed = math.ceil(each / MOST_TIMES)
        return Undefined(
            f"Training anew on {job.width} columns is too much work; raise the parameter work to {needed}."
        )
    repeats = max(1, min(repeats, work // (2 * each)))
    k = max(2, min(folds, len(job.truth) // LEAST_PER_FOLD, work // (each * repeats)))
    if job.order is not None:
        return _along_time(job.order, k)
    if job.groups is None:
        return [cut for r in range(repeats) for cut in _spread(job, k, np.random.default_rng([seed, 1, r]))]
    groups = codes_of([names_of(pd.Series(job.groups))], ordered=False)[0]
    k = min(k, len(np.unique(groups)))
    if k < 2:
        return Undefined("All training rows belong to one group, so that no other is left to test on.")
    kind = StratifiedGroupKFold if job.classes else GroupKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class of fewer rows than folds is in some of them only
        makers = [kind(n_splits=k, shuffle=True, random_state=seed + r) for r in range(repeats)]
        return [cut for maker in makers for cut in maker.split(np.zeros(len(groups)), _codes(job), groups)]


def _codes(job: Lesson) -> np.ndarray:
    return pd.factorize(job.truth)[0] if job.classes else np.zeros(len(job.truth), dtype=int)


def _spread(job: Lesson, k: int, rng: np.random.Generator) -> list[Cut]:
    """Deal the rows of each class in turn; the only row of a class is never held out."""
    codes, order = _codes(job), rng.permutation(len(job.truth))
    order = order[np.argsort(codes[order], kind="stable")]
    fold = np.empty(len(codes), dtype=int)
    fold[order] = np.arange(len(codes)) % k
    fold[np.bincount(codes)[codes] == 1] = -1
    return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(k)]


def _along_time(order: np.ndarray, k: int) -> list[Cut]:
    """Train on half of the rows, test on those that follow: the same number each time."""
    n, rows = len(order), np.argsort(order, kind="stable")
    maker = TimeSeriesSplit(n_splits=k, test_size=max(1, n // (2 * k)), max_train_size=n // 2)
    return [(rows[train], rows[test]) for train, test in maker.split(np.zeros(n))]


# -- training -------------------------------------------------------------------------------------------------


def answers(job: Lesson, parts: Sequence[Cut], others: Any) -> list[tuple[np.ndarray, np.ndarray]] | Undefined:
    """Train a copy of the recipe on each part, and let it answer the rows left out and other rows.

    Parameters
    ----------
    others
        More rows in the form of ``job.x``; may be none.

    Returns
    -------
    list or Undefined
        For each cut what is said of the rows left out and of the others, in the form of ``job.truth``.
    """
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the model's own code, as that it has not converged
        for train, test in parts:
            try:
                fitted = clone(job.recipe).fit(rows_of(job.x, train), job.labels[train])
                said = [fitted.predict(x) if len(x) else np.empty(0) for x in (rows_of(job.x, test), others)]
            except (ValueError, TypeError) as error:
                return Undefined(f"The model can't be trained anew on a part of the rows ({type(error).__name__}).")
            found.append((_answers(said[0], job), _answers(said[1], job)))
    return found


def rows_of(x: Any, positions: np.ndarray) -> Any:
    """Give some of the rows, in the form of all of them."""
    return x.iloc[positions] if isinstance(x, pd.DataFrame) else x[positions]


def _answers(said: Any, job: Lesson) -> np.ndarray:
    return names_of(pd.Series(np.asarray(said).ravel())) if job.classes else np.asarray(said, dtype=float).ravel()
