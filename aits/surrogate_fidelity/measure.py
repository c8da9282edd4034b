"""How much of what a model decides a small tree, or a line, says as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from qmtestbed.ait import DataTable, Estimate, Finding, Model, Subject, Table, Undefined
from qmtestbed.measuring.answers import groups_of, is_classifier, weights_of
from qmtestbed.measuring.columns import kind_of, names_of, numbers_of
from qmtestbed.measuring.intervals import proportion, r2_interval
from qmtestbed.measuring.paired import skill_interval

MOST_VALUES = 20
"""Of a column of names that get a column of their own."""
FEWEST_ALIKE = 5
"""Rows that must share a value, or fall under a rule, before it is named: no single row shows."""
FEWEST = 20
"""Rows to grow the surrogate on, and rows to compare on."""


def measure(
    model: Model,
    data: Table,
    *,
    surrogate: Literal["tree", "linear"] = "tree",
    depth: int = 4,
    held_out: float = 0.5,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Fit a small model to the answers for one part of the rows, and compare it with them on the other.

    Parameters
    ----------
    model
        A classifier, or a model of numbers.
    data
        Rows; labels are not needed.
    surrogate
        A decision tree, or a linear (for classes: logistic) model.
    depth
        Of the tree: how many questions lead to an answer, at most.
    held_out
        Share of the rows (groups) that the two are compared on.
    confidence
        Of the two-sided intervals.
    seed
        Of the parts.

    Returns
    -------
    dict or Undefined
        ``fidelity`` in [0, 1] for classes, ``fidelity_r2`` up to 1 for numbers, ``skill`` up to 1 for both; undefined
        with fewer than 20 rows in a part, without columns, or where the model says the same to every row.
    """
    columns = list(data.features.columns)
    rng = np.random.default_rng([seed, len(data.frame)])
    test = _held_out(data, held_out, rng)
    if not columns or min(int(test.sum()), int((~test).sum())) < FEWEST:
        what = f"in a part are fewer than {FEWEST} rows" if columns else "the table has no columns"
        return Undefined(f"No surrogate can be compared: {what}.")
    answers = np.asarray(model.predict(data.frame))
    if (answers[~test] == answers[~test][0]).all():
        return Undefined("The model says the same to every row that the surrogate would learn from.")
    x = _encoded(data.frame[columns], ~test)
    if not x.names:
        return Undefined("No column holds numbers, or values that several rows share.")
    case = _Case(answers, test, is_classifier(model), groups_of(data), weights_of(data))
    fitted = _fit(surrogate, depth, case, x)
    said = np.asarray(fitted.predict(x.values[test]))
    compared = _compared(case, said, confidence)
    return {
        **compared,
        "leaves": int(fitted.get_n_leaves()) if surrogate == "tree" else Undefined("A line has no leaves."),
        "columns_used": len({x.of[i] for i in _used(fitted, surrogate)}),
        "rules": _rules(fitted, x, case) if surrogate == "tree" else _coefficients(fitted, x),
        "findings": _findings(compared["skill"], surrogate, depth),
    }


@dataclass(frozen=True)
class _Case:
    """The model's answers, and which rows are held out."""

    answers: np.ndarray
    test: np.ndarray
    classes: bool
    groups: np.ndarray | None
    weights: np.ndarray | None

    @property
    def options(self) -> dict[str, Any]:
        """Groups and weights of the rows that are compared."""
        both = {"groups": self.groups, "weights": self.weights}
        return {name: None if v is None else v[self.test] for name, v in both.items()}


@dataclass(frozen=True)
class _Encoded:
    """Columns as numbers: what they are called, and which column of the table each is of."""

    values: np.ndarray
    names: list[str]
    of: list[str]


def _held_out(data: Table, share: float, rng: np.random.Generator) -> np.ndarray:
    groups = groups_of(data)
    unit = np.arange(len(data.frame)) if groups is None else pd.factorize(groups, use_na_sentinel=False)[0]
    units = int(unit.max(initial=-1)) + 1
    return np.asarray((rng.permutation(units) < round(share * units))[unit], dtype=bool)


def _encoded(frame: pd.DataFrame, fit: np.ndarray) -> _Encoded:
    """Numbers as they are with the median for missing ones, names as one column per frequent value."""
    parts, names, of = list[np.ndarray](), list[str](), list[str]()
    for name in frame.columns:
        column, kind = frame[name], kind_of(frame[name])
        if kind in ("numbers", "times", "durations"):
            x = numbers_of(column, kind)
            finite = x[fit & np.isfinite(x)]
            parts.append(np.where(np.isfinite(x), x, np.median(finite) if len(finite) else 0.0))
            names.append(str(name))
            of.append(str(name))
            continue
        values = names_of(column).astype(str)
        found, counts = np.unique(values[fit], return_counts=True)
        order = np.argsort(-counts, kind="stable")[:MOST_VALUES]
        for value in found[np.sort(order[counts[order] >= FEWEST_ALIKE])]:
            parts.append((values == value).astype(float))
            names.append(f"{name} = {value}")
            of.append(str(name))
    return _Encoded(np.stack(parts, axis=1) if parts else np.empty((len(frame), 0)), names, of)


def _fit(surrogate: str, depth: int, case: _Case, x: _Encoded) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    fit = ~case.test
    made: Any
    if surrogate == "tree":
        made = (DecisionTreeClassifier if case.classes else DecisionTreeRegressor)(max_depth=depth, random_state=0)
    else:
        made = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000) if case.classes else Ridge(1e-6))
    answers = case.answers[fit].astype(str) if case.classes else case.answers[fit]
    return made.fit(x.values[fit], answers)


def _compared(case: _Case, said: np.ndarray, confidence: float) -> dict[str, Estimate | Undefined]:
    """Agreement on the rows held out, and how much better it is than always saying the one best thing."""
    truth, options, learnt = case.answers[case.test], case.options, case.answers[~case.test]
    if case.classes:
        names, counts = np.unique(learnt.astype(str), return_counts=True)
        usual = names[counts.argmax()]
        same = np.asarray(truth.astype(str) == said, dtype=bool)
        skill = skill_interval(~same, truth.astype(str) != usual, confidence, **options)
        fidelity, r2 = proportion(same, confidence, **options), Undefined("The model's answers are classes.")
        return {"fidelity": fidelity, "fidelity_r2": r2, "skill": skill}
    off, usual_off = (truth - said) ** 2, (truth - learnt.mean()) ** 2
    skill = skill_interval(off, usual_off, confidence, **options)
    r2 = r2_interval(truth, said, confidence, **options)
    return {"fidelity": Undefined("The model's answers are numbers."), "fidelity_r2": r2, "skill": skill}


def _used(fitted: Any, surrogate: str) -> list[int]:
    if surrogate == "tree":
        return [int(i) for i in np.unique(fitted.tree_.feature[fitted.tree_.feature >= 0])]
    weights = np.atleast_2d(fitted[-1].coef_)
    return [int(i) for i in np.flatnonzero(np.abs(weights).max(axis=0) > 0)]


def _rules(fitted: Any, x: _Encoded, case: _Case) -> DataTable:
    """Each leaf that some rows held out fall into: the way to it, its share, and how often it agrees."""
    leaf = fitted.apply(x.values[case.test])
    answers = case.answers[case.test]
    said = fitted.predict(x.values[case.test])
    ways, lines = _ways(fitted.tree_, x.names), list[list[Any]]()
    for node in np.unique(leaf):
        at = leaf == node
        if at.sum() < FEWEST_ALIKE:
            continue
        value = said[at][0]
        same = float((answers[at].astype(str) == value).mean()) if case.classes else None
        lines.append([ways[int(node)], float(at.mean()), str(value) if case.classes else float(value), same])
    lines.sort(key=lambda line: -line[1])
    return DataTable(["where", "share of rows", "answer of the surrogate", "agreement"], lines[:50])


def _ways(tree: Any, names: Sequence[str]) -> dict[int, str]:
    """The conditions on the way to each leaf."""
    found, open_nodes = dict[int, str](), [(0, tuple[str, ...]())]
    while open_nodes:
        node, way = open_nodes.pop()
        if tree.children_left[node] < 0:
            found[node] = " and ".join(way) or "everywhere"
            continue
        name, threshold = names[tree.feature[node]], float(tree.threshold[node])
        no, yes = (
            (f"not {name}", name) if " = " in name else (f"{name} <= {threshold:.4g}", f"{name} > {threshold:.4g}")
        )
        open_nodes.append((int(tree.children_left[node]), (*way, no)))
        open_nodes.append((int(tree.children_right[node]), (*way, yes)))
    return found


def _coefficients(fitted: Any, x: _Encoded) -> DataTable:
    weights = np.abs(np.atleast_2d(fitted[-1].coef_)).max(axis=0)
    order = np.argsort(-weights, kind="stable")[:50]
    lines = [[x.names[i], float(weights[i])] for i in order]
    return DataTable(["column", "largest weight per standard deviation"], lines)


def _findings(skill: Estimate | Undefined, surrogate: str, depth: int) -> list[Finding]:
    if isinstance(skill, Undefined):
        return []
    what = f"A tree of depth {depth}" if surrogate == "tree" else "A linear model"
    text = (
        f"{what} that learnt from the model's answers saves {skill.value:.3f} ({skill.low:.3f} to {skill.high:.3f}) of "
        "the errors that the one best constant answer makes."
    )
    return [Finding("no_gain", Subject(slice=what[0].lower() + what[1:]), "skill", skill.value, text)]
