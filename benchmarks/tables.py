"""Tables made to order: clean ones of many shapes, and ordinary problems planted in them.

A clean table is drawn row by row from one population and cut into train and test at random: nothing is wrong with it.
:data:`PROBLEMS` puts one problem in and says where it is. Everything follows from a seed. Used by
``benchmarks/planted.py``, and by whoever chooses the limits of a default criterion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from qmtestbed.ait import Predictions, Roles, Table, class_name

Generator = np.random.Generator
Frame = pd.DataFrame


@dataclass(frozen=True)
class Split:
    """Train and test rows with the label in column ``y``.

    Attributes
    ----------
    truth
        What was planted: a finding of this kind on this subject is right. Empty for a clean table.
    """

    name: str
    seed: int
    task: str
    train: Frame
    test: Frame
    truth: Mapping[str, Any]


# -- clean tables ---------------------------------------------------------------------------------------------


def _normal(rng: Generator, n: int, k: int) -> dict[str, Any]:
    mixing = rng.normal(size=(k, k)) * 0.4 + np.eye(k)
    values = rng.normal(size=(n, k)) @ mixing
    return {f"x{i}": values[:, i] for i in range(k)}


def _classes(score: Any, rng: Generator, names: tuple[str, str] = ("no", "yes")) -> Any:
    return np.where(rng.random(len(score)) < 1 / (1 + np.exp(-score)), names[1], names[0])


def _std(x: Any) -> Any:
    return (x - np.mean(x)) / np.std(x)


def balanced(rng: Generator) -> Frame:
    """2,000 rows, eight correlated numbers, two classes of like size."""
    f = pd.DataFrame(_normal(rng, 2000, 8))
    return f.assign(y=_classes(3 * _std(f.x0 + f.x1 * f.x2 + f.x3), rng))


def separable(rng: Generator) -> Frame:
    """1,500 rows whose classes hardly overlap."""
    f = pd.DataFrame(_normal(rng, 1500, 6))
    return f.assign(y=_classes(12 * _std(f.x0 - f.x1 + 0.5 * f.x2), rng, ("a", "b")))


def overlapping(rng: Generator) -> Frame:
    """3,000 rows whose classes overlap much: the best possible accuracy is about two thirds."""
    f = pd.DataFrame(_normal(rng, 3000, 7))
    return f.assign(y=_classes(1.0 * _std(f.x0 + f.x4), rng))


def mixed(rng: Generator) -> Frame:
    """3,000 rows of numbers, whole numbers, truth values and categories, with cells missing at random."""
    n = 3000
    f = pd.DataFrame(_normal(rng, n, 4))
    f["age"] = rng.integers(18, 90, n)
    f["visits"] = rng.poisson(3, n)
    f["member"] = rng.random(n) < 0.4
    f["colour"] = rng.choice(["red", "green", "blue", "white"], n, p=[0.4, 0.3, 0.2, 0.1])
    f["city"] = rng.choice([f"city{i:02d}" for i in range(20)], n)
    score = f.x0 + 0.03 * (f.age - 54) + (f.colour == "red") + 0.7 * f.member - 0.2 * f.visits
    f["y"] = _classes(2.5 * _std(score), rng, ("stay", "leave"))
    for column, share in (("x1", 0.04), ("x2", 0.02), ("colour", 0.03)):
        f[column] = f[column].mask(rng.random(n) < share)
    return f


def imbalanced(rng: Generator) -> Frame:
    """6,000 rows, one class of some five per cent."""
    f = pd.DataFrame(_normal(rng, 6000, 8))
    return f.assign(y=_classes(3 * _std(f.x0 + 0.8 * f.x1) - 5, rng, ("ok", "fault")))


def many_classes(rng: Generator) -> Frame:
    """4,000 rows in twelve classes of unlike size."""
    n, k = 4000, 12
    centres = rng.normal(size=(k, 6)) * 2
    sizes = rng.dirichlet(np.full(k, 6.0))
    which = rng.choice(k, n, p=sizes)
    values = centres[which] + rng.normal(size=(n, 6))
    return pd.DataFrame({f"x{i}": values[:, i] for i in range(6)}).assign(y=[f"k{c:02d}" for c in which])


def small(rng: Generator) -> Frame:
    """300 rows, five numbers and a category."""
    f = pd.DataFrame(_normal(rng, 300, 5))
    f["site"] = rng.choice(["north", "south", "east"], 300)
    return f.assign(y=_classes(3 * _std(f.x0 + f.x1 + (f.site == "east")), rng))


def wide(rng: Generator) -> Frame:
    """800 rows, 150 columns, most of them without use."""
    f = pd.DataFrame(_normal(rng, 800, 150))
    return f.assign(y=_classes(4 * _std(f.x0 + f.x1 + f.x2), rng))


def heavy_tails(rng: Generator) -> Frame:
    """2,500 rows of skewed amounts, with values far out that belong there."""
    n = 2500
    f = pd.DataFrame({f"a{i}": rng.lognormal(i, 1.2, n) for i in range(4)})
    f["t"] = rng.standard_t(2.5, n)
    f["zeros"] = rng.lognormal(2, 1, n) * (rng.random(n) < 0.3)
    score = np.log(f.a0) + np.log1p(f.zeros) - 0.5 * np.log(f.a1 / np.e)
    return f.assign(y=_classes(2.5 * _std(score), rng))


def names(rng: Generator) -> Frame:
    """3,000 rows with a category of 300 values, some of them rare: new ones must be expected in any sample."""
    n = 3000
    weights = 1 / np.arange(1, 301) ** 1.1
    f = pd.DataFrame(_normal(rng, n, 4))
    f["product"] = rng.choice([f"p{i:03d}" for i in range(300)], n, p=weights / weights.sum())
    f["code"] = rng.choice(["A1", "B2", "C3", "D4", "E5"], n)
    return f.assign(y=_classes(2.5 * _std(f.x0 + (f.code == "A1") * 1.5 + f["product"].isin(["p000", "p001"])), rng))


def counts(rng: Generator) -> Frame:
    """2,000 rows of small whole numbers only: rows repeat values, and hardly whole rows."""
    f = pd.DataFrame({f"n{i}": rng.poisson(2 + i, 2000) for i in range(9)})
    return f.assign(y=_classes(2.5 * _std(f.n0 + f.n3 - f.n5), rng, ("0", "1")))


def regression(rng: Generator) -> Frame:
    """2,000 rows with a number to predict, its spread growing with its size."""
    f = pd.DataFrame(_normal(rng, 2000, 8))
    base = 5 * _std(f.x0 + np.sin(2 * f.x1) + 0.5 * f.x2 * f.x3)
    return f.assign(y=50 + base + rng.normal(size=2000) * (1 + 0.2 * np.abs(base)))


def regression_mixed(rng: Generator) -> Frame:
    """2,500 rows of numbers and categories with missing cells, and a skewed number to predict."""
    n = 2500
    f = pd.DataFrame(_normal(rng, n, 4))
    f["rooms"] = rng.integers(1, 9, n)
    f["area"] = rng.choice(["old town", "harbour", "hill", "valley"], n, p=[0.35, 0.3, 0.2, 0.15])
    f["y"] = np.exp(3 + 0.12 * f.rooms + 0.3 * (f.area == "hill") + 0.2 * _std(f.x0) + rng.normal(size=n) * 0.15)
    f["x2"] = f["x2"].mask(rng.random(n) < 0.05)
    return f


CLEAN: Mapping[str, Callable[[Generator], Frame]] = {
    f.__name__: f
    for f in (
        balanced, separable, overlapping, mixed, imbalanced, many_classes, small, wide, heavy_tails, names, counts,
        regression, regression_mixed,
    )
}  # fmt: skip


def clean(kind: str, seed: int) -> Split:
    """Draw a clean table and cut it in two at random."""
    rng = np.random.default_rng([seed, sorted(CLEAN).index(kind)])
    frame = CLEAN[kind](rng)
    order = rng.permutation(len(frame))
    half = len(frame) // 2
    parts = [frame.iloc[o].reset_index(drop=True) for o in (order[:half], order[half:])]
    task = "regression" if kind.startswith("regression") else "classification"
    return Split(kind, seed, task, parts[0], parts[1], {})


# -- problems -------------------------------------------------------------------------------------------------


def _some(rng: Generator, n: int, share: float) -> Any:
    return np.sort(rng.choice(n, max(5, round(share * n)), replace=False))


def _numeric(s: Split) -> list[str]:
    return [c for c in s.train if c != "y" and s.train[c].dtype.kind == "f"]


def duplicate_rows(s: Split, rng: Generator) -> Split:
    """A tenth of the test rows stand in it twice."""
    again = s.test.iloc[_some(rng, len(s.test), 0.10)]
    test = pd.concat([s.test, again], ignore_index=True)
    rows = tuple(range(len(s.test), len(test)))
    return replace(s, test=test, truth={"kind": "duplicate_rows", "rows": rows})


def flipped_labels(s: Split, rng: Generator) -> Split:
    """A twelfth of the labels, in train and test alike, are those of another class."""
    parts, rows = [], ()
    for frame in (s.train, s.test):
        chosen = _some(rng, len(frame), 0.08)
        found = sorted(frame["y"].unique())
        labels = frame["y"].to_numpy(dtype=object).copy()
        labels[chosen] = [rng.choice([c for c in found if c != labels[i]]) for i in chosen]
        parts.append(frame.assign(y=labels))
        rows = tuple(int(i) for i in chosen)
    return replace(s, train=parts[0], test=parts[1], truth={"kind": "label_error", "rows": rows})


def missing_values(s: Split, rng: Generator) -> Split:
    """A quarter of a column is empty in the test data."""
    column = rng.choice(_numeric(s))
    test = s.test.assign(**{column: s.test[column].mask(rng.random(len(s.test)) < 0.25)})
    return replace(s, test=test, truth={"kind": "missing_values", "column": column})


def shifted_column(s: Split, rng: Generator) -> Split:
    """A column of numbers is one standard deviation higher in the test data."""
    column = rng.choice(_numeric(s))
    test = s.test.assign(**{column: s.test[column] + s.train[column].std()})
    return replace(s, test=test, truth={"kind": "shift", "column": column})


def rescaled_column(s: Split, rng: Generator) -> Split:
    """A column is in another unit in the test data: a hundred times as large."""
    column = rng.choice(_numeric(s))
    test = s.test.assign(**{column: s.test[column] * 100})
    return replace(s, test=test, truth={"kind": ("shift", "out_of_range"), "column": column})


def new_category(s: Split, rng: Generator) -> Split:
    """A category of three values in training has a fourth one in four per cent of the test rows."""
    train, test = (f.assign(grade=rng.choice(["low", "mid", "high"], len(f))) for f in (s.train, s.test))
    grade = test["grade"].to_numpy(dtype=object).copy()
    grade[_some(rng, len(test), 0.04)] = "unknown"
    moved = replace(s, train=_label_last(train), test=_label_last(test.assign(grade=grade)))
    return replace(moved, truth={"kind": "new_category", "column": "grade"})


def leaked_label(s: Split, rng: Generator) -> Split:
    """A column tells the label, but for a little noise."""
    train, test = (f.assign(closing_code=_told(s, f, rng)) for f in (s.train, s.test))
    return replace(
        s, train=_label_last(train), test=_label_last(test), truth={"kind": "leak", "column": "closing_code"}
    )


def _told(s: Split, frame: Frame, rng: Generator) -> Any:
    if s.task == "regression":
        return frame["y"] * 1.1 + rng.normal(size=len(frame)) * frame["y"].std() * 0.02
    codes = frame["y"].map({c: i for i, c in enumerate(sorted(s.train["y"].unique()))}).to_numpy()
    return np.where(rng.random(len(frame)) < 0.01, rng.integers(0, codes.max() + 1, len(frame)), codes) * 10 + 100


def constant_column(s: Split, rng: Generator) -> Split:
    """A column has the same value in every row."""
    train, test = (_label_last(f.assign(batch=7)) for f in (s.train, s.test))
    return replace(s, train=train, test=test, truth={"kind": "constant", "column": "batch"})


def identifier_column(s: Split, rng: Generator) -> Split:
    """A column of numbers that name the row is among the features."""
    n = len(s.train) + len(s.test)
    codes = 100_000 + rng.permutation(n * 3)[:n]
    if s.seed % 2:
        codes = np.array([f"C-{c:07d}" for c in codes], dtype=object)
    train, test = s.train.assign(customer=codes[: len(s.train)]), s.test.assign(customer=codes[len(s.train) :])
    return replace(
        s, train=_label_last(train), test=_label_last(test), truth={"kind": "identifier", "column": "customer"}
    )


def train_in_test(s: Split, rng: Generator) -> Split:
    """Three in twenty test rows are training rows."""
    rows = _some(rng, len(s.test), 0.15)
    seen = s.train.iloc[rng.choice(len(s.train), len(rows), replace=False)]
    test = s.test.copy()
    test.iloc[rows] = seen.to_numpy(dtype=object) if seen.dtypes.nunique() > 1 else seen.to_numpy()
    test = test.astype(s.test.dtypes)
    return replace(s, test=test, truth={"kind": "train_test_overlap", "rows": tuple(int(i) for i in rows)})


def weak_segment(s: Split, rng: Generator) -> Split:
    """Where a column is in its highest fifth, the test labels have nothing to do with the features."""
    column = rng.choice(_numeric(s))
    inside = (s.test[column] > s.train[column].quantile(0.8)).to_numpy()
    labels = s.test["y"].to_numpy(dtype=object if s.task == "classification" else None).copy()
    labels[inside] = rng.permutation(labels[inside])
    if s.task == "classification":
        labels[inside] = rng.choice(sorted(s.train["y"].unique()), inside.sum())
    test = s.test.assign(y=labels)
    return replace(s, test=test, truth={"kind": "weak_slice", "slice": column})


def _label_last(frame: Frame) -> Frame:
    return frame[[*(c for c in frame if c != "y"), "y"]]


PROBLEMS: Mapping[str, Callable[[Split, Generator], Split]] = {
    f.__name__: f
    for f in (
        duplicate_rows, flipped_labels, missing_values, shifted_column, rescaled_column, new_category, leaked_label,
        constant_column, identifier_column, train_in_test, weak_segment,
    )
}  # fmt: skip


def fits(problem: str, kind: str) -> bool:
    """Whether a problem can be seen in a table at all."""
    if problem == "flipped_labels":  # no one can tell a wrong label from an odd one where the classes overlap much
        return kind in ("separable", "many_classes")
    if problem in ("shifted_column", "rescaled_column", "missing_values", "weak_segment"):
        return kind != "counts" and not (problem == "weak_segment" and kind in ("overlapping", "imbalanced", "small"))
    return True


def planted(problem: str, kind: str, seed: int) -> Split:
    """Draw a clean table and put one problem in."""
    return PROBLEMS[problem](clean(kind, seed), np.random.default_rng([seed, 99, sorted(PROBLEMS).index(problem)]))


# -- a model --------------------------------------------------------------------------------------------------


def model_for(s: Split) -> Pipeline:
    """Fit a usual pipeline on the training rows: boosting, a forest or a linear model, by the seed."""
    x, y = s.train.drop(columns="y"), s.train["y"]
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    encode = make_column_transformer(
        (numbers, make_column_selector(dtype_include=["number", "bool"])),
        (OneHotEncoder(handle_unknown="ignore", min_frequency=5, sparse_output=False),
         make_column_selector(dtype_exclude=["number", "bool"])),
    )  # fmt: skip
    classify = s.task == "classification"
    choices = (
        (HistGradientBoostingClassifier(random_state=0, max_iter=60), HistGradientBoostingRegressor(random_state=0)),
        (RandomForestClassifier(60, min_samples_leaf=3, random_state=0), RandomForestRegressor(60, random_state=0)),
        (LogisticRegression(max_iter=2000), Ridge()),
    )
    chosen = choices[s.seed % 3][0 if classify else 1]
    return make_pipeline(encode, chosen).fit(x, y)


# -- as a measuring function gets them ------------------------------------------------------------------------


def as_table(frame: Frame) -> Table:
    """Give a frame as an AIT gets a table."""
    return Table(frame.drop(columns="y"), frame["y"], Roles(label="y"))


def as_predictions(s: Split, fitted: Pipeline) -> Predictions:
    """Give what a model says of the test rows as an AIT gets predictions."""
    x = s.test.drop(columns="y")
    if s.task == "regression":
        return Predictions("regression", s.test["y"].to_numpy(), fitted.predict(x))
    names = [class_name(c) for c in fitted.classes_]
    classes = (*names, *sorted({class_name(v) for v in s.test["y"]} - {*names}))
    probabilities = np.zeros((len(x), len(classes)))
    probabilities[:, : len(names)] = fitted.predict_proba(x)
    predicted = np.array(names, dtype=object)[probabilities.argmax(1)]
    labels = np.array([class_name(v) for v in s.test["y"]], dtype=object)
    return Predictions("classification", labels, predicted, probabilities, classes)


class Handle:
    """A fitted model as an AIT gets it."""

    def __init__(self, s: Split, fitted: Pipeline) -> None:
        self.native = fitted
        self.classes = tuple(class_name(c) for c in fitted.classes_) if s.task == "classification" else ()

    def predict(self, x: Frame) -> Any:
        """Give class names, or numbers."""
        answers = self.native.predict(x)
        return np.array([class_name(v) for v in answers], dtype=object) if self.classes else answers

    def probabilities(self, x: Frame) -> Any:
        """Give the probabilities of the classes."""
        return self.native.predict_proba(x)
