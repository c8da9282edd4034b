"""No check passes by a number that says nothing: each AIT by its default criteria on inputs that show it nothing."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from qmtestbed.ait import Design, Images, Predictions, Roles, Table
from qmtestbed.catalogue import read_ait
from qmtestbed.errors import JobError
from qmtestbed.execute.returned import check_returned
from qmtestbed.execute.worker import load_function
from qmtestbed.judging.criteria import judge_criterion
from qmtestbed.pipeline.evaluate import expected_of
from qmtestbed.types.manifest import Manifest

AITS = Path(__file__).resolve().parents[2] / "aits"
NUMBERS = ["a", "b", "c"]
CLASSES = ("no", "yes")
N = 120
SIDE = 6


# -- a world in which nothing is wrong ------------------------------------------------------------------------


class Model:
    """As an AIT sees a model of numbers or classes: its answer to a row is a function of the columns ``NUMBERS``."""

    def __init__(self, fitted: Any, classes: tuple[str, ...] = CLASSES) -> None:
        self.native, self.classes = fitted, classes

    def values(self, x: Any) -> Any:
        """Rows, or pixels, as the fitted estimator takes them; missing ones are 0."""
        if not isinstance(x, pd.DataFrame):
            return x.reshape(len(x), -1)
        rows = x.reindex(columns=NUMBERS).apply(pd.to_numeric, errors="coerce").fillna(0.0).astype(float)
        return rows if hasattr(self.native, "feature_names_in_") else rows.to_numpy()

    def probabilities(self, x: Any) -> np.ndarray:
        return self.native.predict_proba(self.values(x)) if len(x) else np.empty((0, len(self.classes)))

    def predict(self, x: Any) -> np.ndarray:
        if not self.classes:
            return np.asarray(self.native.predict(self.values(x)), dtype=float) if len(x) else np.empty(0)
        return np.array(self.classes, dtype=object)[self.probabilities(x).argmax(axis=1)]

    def gradient(self, x: Any, y: Any) -> np.ndarray:
        """Of the cross-entropy, for two classes and a linear model."""
        sign = np.where(np.asarray(y) == self.classes[1], 1.0, -1.0)
        wrong = 1 - self.probabilities(x)[np.arange(len(x)), (sign > 0).astype(int)]
        slope = self.native.coef_.reshape(1, *x.shape[1:])
        return (-(sign * wrong)[:, None, None, None] * slope).astype(np.float32)


class Wrong(Model):
    """Says the other class, as surely."""

    def probabilities(self, x: Any) -> np.ndarray:
        return super().probabilities(x)[:, ::-1]


class Constant(Model):
    """Says the same to every row."""

    def predict(self, x: Any) -> np.ndarray:
        return np.full(len(x), "no", dtype=object) if self.classes else np.full(len(x), 1.5)

    def probabilities(self, x: Any) -> np.ndarray:
        return np.tile([0.7, 0.3], (len(x), 1))


class Sure(Constant):
    """Says the same to every row, with the probability 1."""

    def probabilities(self, x: Any) -> np.ndarray:
        return np.tile([1.0, 0.0], (len(x), 1))


class Nan(Model):
    """Gives no number for any row but the first."""

    def predict(self, x: Any) -> np.ndarray:
        return np.r_[1.0, np.full(max(len(x) - 1, 0), np.nan)][: len(x)]


class Inf(Model):
    """Says infinity to every row."""

    def predict(self, x: Any) -> np.ndarray:
        return np.full(len(x), np.inf)


@dataclass(frozen=True)
class World:
    """What an AIT can be given; tables with labels, the model, and which roles the columns have."""

    frame: pd.DataFrame
    labels: Any
    train: pd.DataFrame
    train_labels: Any
    model: Model
    roles: Roles = field(default_factory=lambda: Roles(label="y", sensitive=("sex",), time="when"))
    pixels: np.ndarray | None = None

    def table(self, *, train: bool = False) -> Table | Images:
        frame, labels = (self.train, self.train_labels) if train else (self.frame, self.labels)
        if self.pixels is not None:
            half = len(self.pixels) // 2
            part = slice(half, None) if train else slice(half)
            return Images(self.pixels[part], np.asarray(labels, dtype=object), None, (0.0, 1.0))
        return Table(frame, pd.Series(labels, index=frame.index), self.roles)

    def predictions(self) -> Predictions:
        data = self.table()
        assert data.labels is not None
        x = data.frame if isinstance(data, Table) else data.pixels
        known = np.flatnonzero(pd.notna(pd.Series(np.asarray(data.labels, dtype=object))))
        labels = np.asarray(data.labels, dtype=object)[known]
        said, weights = self.model.predict(x)[known], None
        if isinstance(data, Table) and data.roles.weight:
            weights = data.frame[data.roles.weight].to_numpy(dtype=float)[known]
        if not self.model.classes:
            return Predictions("regression", labels.astype(float), said, weights=weights, rows=known)
        classes = (*self.model.classes, *sorted({*labels} - {*self.model.classes}))
        p = self.model.probabilities(x)[known]
        return Predictions("classification", labels, said, p, classes, weights=weights, rows=known)


def _dates(n: int) -> list[str]:
    return pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d").tolist()


def drawn(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=NUMBERS)
    frame = frame.assign(sex=rng.choice(["f", "m"], n), city=rng.choice(["K", "O", "T"], n), when=_dates(n))
    return frame, np.asarray(2 * frame["a"] - frame["b"] + 0.5 * rng.normal(size=n))


def tables(*, numbers: bool = False, n: int = N) -> World:
    (frame, score), (train, taught) = drawn(n, 0), drawn(N, 1)
    if numbers:
        return World(frame, score, train, taught, Model(Ridge().fit(train[NUMBERS], taught), ()))
    labels, lessons = (np.where(s > 0, "yes", "no").astype(object) for s in (score, taught))
    return World(frame, labels, train, lessons, Model(LogisticRegression().fit(train[NUMBERS], lessons)))


def pictures() -> World:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.2, 0.8, (N, SIDE, SIDE, 1)).astype(np.float32)
    y = np.where(x[:, :3].mean(axis=(1, 2, 3)) > x[:, 3:].mean(axis=(1, 2, 3)), "yes", "no").astype(object)
    half = N // 2
    fitted = LogisticRegression(C=100).fit(x[half:].reshape(half, -1), y[half:])
    nothing = pd.DataFrame()
    return World(nothing, y[:half], nothing, y[half:], Model(fitted), pixels=x)


# -- what can be wrong with it --------------------------------------------------------------------------------


def rows(w: World, at: Any) -> World:
    if w.pixels is not None:
        half = len(w.pixels) // 2
        return replace(
            w, labels=w.labels[at], train_labels=w.labels[at], pixels=np.concatenate([w.pixels[:half][at]] * 2)
        )
    return replace(w, frame=w.frame.iloc[at].reset_index(drop=True), labels=w.labels[at])


def upper(labels: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Spell some labels in another way."""
    return np.where(at, [str(name).upper() for name in labels], labels).astype(object)


def unknown(w: World, share: float) -> World:
    at, there = (np.random.default_rng(2).random(len(x)) < share for x in (w.labels, w.train_labels))
    return replace(w, labels=upper(w.labels, at), train_labels=upper(w.train_labels, there))


def columns(w: World, change: Callable[[pd.DataFrame], pd.DataFrame]) -> World:
    return replace(w, frame=change(w.frame), train=change(w.train))


def constant(frame: pd.DataFrame) -> pd.DataFrame:
    same = {c: [frame[c].iloc[0]] * len(frame) for c in frame.columns if c != "when"}
    return frame.assign(**same)


def emptied(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return frame.assign(**{c: pd.Series(np.nan, index=frame.index) for c in names})


def weightless(w: World) -> World:
    roles = replace(w.roles, weight="w")
    return replace(columns(w, lambda f: f.assign(w=0.0)), roles=roles)


def one_class(w: World) -> World:
    nos = rows(w, np.flatnonzero(w.labels == "no"))
    there = np.flatnonzero(w.train_labels == "no")
    return nos if w.pixels is not None else replace(nos, train=w.train.iloc[there], train_labels=w.train_labels[there])


def asked(kind: type[Model]) -> Callable[[World], World]:
    return lambda w: replace(w, model=kind(w.model.native, w.model.classes))


def black(w: World) -> World:
    """Images that show nothing; the labels stay."""
    assert w.pixels is not None
    return replace(w, pixels=np.zeros_like(w.pixels))


LABELS = {
    "labels all spelled otherwise": lambda w: unknown(w, 1.0),
    "most labels spelled otherwise": lambda w: unknown(w, 0.6),
    "no labels": lambda w: replace(w, labels=np.full(len(w.labels), None)),
    "one class": one_class,
}
ANSWERS = {
    "always wrong": asked(Wrong),
    "always the same answer": asked(Constant),
    "always the same answer, surely": asked(Sure),
}
NUMBERS_SAID = {"no numbers": asked(Nan), "infinite numbers": asked(Inf), "always the same number": asked(Constant)}
ROWS = {
    "no rows": lambda w: rows(w, slice(0)),
    "one row": lambda w: rows(w, slice(1)),
    "three rows": lambda w: rows(w, slice(3)),
    "one row again and again": lambda w: rows(w, np.zeros(len(w.labels), dtype=int)),
}
COLUMNS = {
    "all columns constant": lambda w: columns(w, constant),
    "all columns empty": lambda w: columns(w, lambda f: emptied(f, [c for c in f.columns if c != "when"])),
}
ONE_COLUMN = {"an empty column": lambda w: columns(w, lambda f: emptied(f, ["b"]))}
TIMES = {"one time": lambda w: columns(w, lambda f: f.assign(when="2024-01-01"))}
SENSITIVE = {
    "one sensitive value": lambda w: columns(w, lambda f: f.assign(sex="f")),
    "groups of one": lambda w: columns(w, lambda f: f.assign(sex=[f"p{i}" for i in range(len(f))])),
    "no sensitive value": lambda w: columns(w, lambda f: emptied(f, ["sex"])),
}
TRAINING = {
    "training rows again": lambda w: replace(w, frame=w.train, labels=w.train_labels),
    "no column in common with training": lambda w: replace(w, train=w.train.add_prefix("other_")),
}
PREDICTED = {"weights zero": weightless}
PICTURES = {"black images": black}


def bad_for(m: Manifest) -> dict[str, Any]:
    """Give the bad inputs that an AIT can get, of what it looks at."""
    kinds = {name: s.kind for name, s in m.inputs.items()}
    needs = {need for s in m.inputs.values() for need in s.needs}
    answers = bool({"model", "predictions"} & kinds.keys())
    both = not needs & {"classification", "regression", "gradient"}
    parts: dict[str, tuple[bool, dict[str, Any]]] = {
        "rows": (True, ROWS),
        "answers": (answers and "regression" not in needs, ANSWERS),
        "numbers": (answers and ("regression" in needs or both), NUMBERS_SAID),
        "labels": (answers and "labels" in needs and "regression" not in needs, LABELS),
        "columns": (bool({"table", "items"} & {*kinds.values()}), COLUMNS),
        "column": (not answers, ONE_COLUMN),
        "time": ("time" in needs, TIMES),
        "sensitive": ("sensitive" in needs, SENSITIVE),
        "training": ("train" in kinds and "images" not in kinds.values(), TRAINING),
        "weights": ("predictions" in kinds, PREDICTED),
        "pictures": ("images" in kinds.values(), PICTURES),
    }
    return {name: make for wanted, made in parts.values() if wanted for name, make in made.items()}


# -- asking ---------------------------------------------------------------------------------------------------


def given(w: World, m: Manifest, *, optional: bool) -> dict[str, Any]:
    ready = {
        "model": lambda: w.model,
        "deployed": lambda: w.model,
        "predictions": w.predictions,
        "previous": w.predictions,
        "data": w.table,
        "outside": w.table,
        "production": w.table,
        "train": lambda: w.table(train=True),
        "design": lambda: Design({"sex": ("f", "m"), "city": ("K", "O", "T")}, frequencies=SHARES),
    }
    return {n: ready[n]() for n, s in m.inputs.items() if n in ready and (optional or not s.optional)}


SHARES = {"sex": {"f": 0.5, "m": 0.5}, "city": {"K": 0.3, "O": 0.3, "T": 0.4}}


def passes(function: Callable[..., Any], m: Manifest, inputs: Mapping[str, Any]) -> bool:
    """Whether all default criteria are met; they are not where one is undefined, or where the AIT refuses or fails."""
    named = inspect.signature(function).parameters
    offered = {n: v for n, v in {"seed": 0, "confidence": 0.95}.items() if n in named}
    options = {n: p.default for n, p in m.parameters.items()} | QUICK.get(m.id, {})
    try:
        with warnings.catch_warnings(action="ignore"):  # as in a child, where a warning stops nothing
            outcome, _ = check_returned(m, function(**options, **inputs, **offered), 0.95)
    except (JobError, ValueError, TypeError):
        return False
    found = [judge_criterion(e, outcome.measures, m.measures) for e in expected_of(m, inputs)]
    return outcome.status == "measured" and bool(found) and all(v.verdict == "met" for v in found)


QUICK: dict[str, dict[str, Any]] = {
    "learning_curve": {"folds": 3},
    "attribution_stability": {"repeats": 10},
    "certified_smoothing": {"draws": 100},
    "adversarial_blackbox": {"queries": 20},
}


# -- what may pass, and why -----------------------------------------------------------------------------------

CONSTANT = ["always the same answer", "always the same answer, surely"]
NUMBER = "always the same number"
FEW = ["one row", "three rows"]
SAME_ROW = "one row again and again"
PLAIN = ["all columns constant", "all columns empty"]
AGAIN, APART = "training rows again", "no column in common with training"
MOST = "most labels spelled otherwise"

EXCEPTIONS: dict[str, dict[str, list[str]]] = {
    "what is counted is not there: true of these rows, however few or empty they are": {
        "data_completeness": [*FEW, SAME_ROW, "all columns constant"],
        "label_conflicts": [*FEW, SAME_ROW, *PLAIN, "an empty column", AGAIN, APART],
        "personal_data_scan": [*FEW, SAME_ROW, "all columns constant", "an empty column", "all columns empty"],
        "record_duplicates": [*FEW, *PLAIN, "an empty column", AGAIN, APART],
        "reidentification_risk": [
            "three rows",
            SAME_ROW,
            "all columns constant",
            "an empty column",
            "one sensitive value",
        ],
        "schema_conformance": [*FEW, SAME_ROW, AGAIN, APART],
        "split_contamination": [SAME_ROW, "an empty column"],
        "target_leakage": [*PLAIN, "an empty column", AGAIN, APART],
        "outliers": ["an empty column", AGAIN, APART],
        "currentness": ["all columns constant", AGAIN, APART],
        "case_sufficiency": [SAME_ROW, *PLAIN, "an empty column"],
        "drift": PLAIN,
        "distribution_match": ["all columns empty", "an empty column", AGAIN],
    },
    "the other columns are measured": {
        "attribute_coverage": ["an empty column"],
        "expected_distribution": ["an empty column"],
        "irreducible_error": ["an empty column"],
    },
    "the other table is measured": {
        "target_leakage": ["no rows", *FEW, SAME_ROW],
        "learning_curve": ["no rows", *FEW, SAME_ROW, "no labels", AGAIN],
    },
    "the point decides by contract, and the page says that it is not shown": {
        "membership_inference": ["three rows"],
        "metamorphic_relations": [*FEW, SAME_ROW],
        "numeric_equivalence": [*FEW, SAME_ROW],
        "repeatability": [*FEW, SAME_ROW],
    },
    "so many are enough for the interval that decides": {
        "attribution_faithfulness": ["three rows"],
        "integrated_gradients": [SAME_ROW],
        "parameter_randomisation": ["three rows"],
    },
    "asked is whether the answer stays or hangs on a column, which is true of one that is always the same": {
        "counterfactual_flip": [*CONSTANT, NUMBER],
        "metamorphic_relations": [*CONSTANT, NUMBER, *PLAIN],
        "numeric_equivalence": [*CONSTANT, NUMBER, *PLAIN],
        "repeatability": [*CONSTANT, NUMBER, *PLAIN],
    },
    "groups (slices, members) are treated alike, which is all that it says": {
        "group_rate_gap": ["always wrong", *CONSTANT],
        "intersectional_gap": ["always wrong", *CONSTANT],
        "membership_inference": ["always wrong", *CONSTANT, MOST, "one class", "all columns constant", APART],
        "weakest_slices": ["always wrong", *CONSTANT, NUMBER, MOST, AGAIN, APART],
    },
    "it asks whether answers hold or can be explained, not whether they are right, and some are": {
        "adversarial_blackbox": ["always wrong", MOST, "one class"],
        "adversarial_gradient": ["always wrong"],
        "attribution_faithfulness": ["always wrong"],
        "attribution_stability": ["always wrong"],
        "certified_smoothing": ["always wrong", MOST, "one class"],
        "counterfactual_flip": ["always wrong"],
        "feature_importance": ["always wrong", MOST],
        "metamorphic_relations": ["always wrong"],
        "missing_value_stability": ["always wrong", AGAIN, APART],
        "noise_stability": ["always wrong"],
        "numeric_equivalence": ["always wrong"],
        "parameter_randomisation": ["always wrong"],
        "repeatability": ["always wrong"],
        "surrogate_fidelity": ["always wrong"],
    },
    "a few right answers, or one class, are measured as they are; classification_performance misses such input": {
        "calibration": ["one class"],
        "performance_without_labels": ["always wrong", MOST, "one class"],
        "risk_coverage": [MOST, "one class"],
        "baseline_gain": [MOST, "all columns constant", AGAIN, APART],
    },
    "1 says that the model adds nothing; the limit is for harm": {
        "conformal_coverage": ["always wrong", *CONSTANT, NUMBER],
    },
    "it looks at the data; the model's error is only followed beside them": {
        "drift": ["always wrong", *CONSTANT, NUMBER, "no numbers", "infinite numbers"],
    },
    "copies learn from the training data as they are, whatever the model given says": {
        "cross_validation_spread": ["all columns constant", AGAIN],
        "learning_curve": ["always wrong", *CONSTANT, "all columns constant"],
    },
    "rows count alike, whatever their weight": {"label_errors": ["weights zero"]},
}
"""Bad inputs by AIT under the reason why a check that passes is no silent pass."""

LEFT_OUT = {"model_file_safety", "verified_bounds"}
"""They need files, and a network of PyTorch; their own tests are of this, too."""


def allowed(id: str) -> set[str]:
    return {name for of in EXCEPTIONS.values() for name in of.get(id, ())}


def judged() -> list[str]:
    manifests = [read_ait(path.parent, "test").manifest for path in sorted(AITS.glob("*/ait.yaml"))]
    return [m.id for m in manifests if m is not None and not m.information and m.id not in LEFT_OUT]


@pytest.mark.parametrize("id", judged())
def test_nothing_passes_that_shows_nothing(id: str) -> None:
    m, function = read_ait(AITS / id, "test").manifest, load_function(AITS / id)
    assert m is not None
    images = any(s.kind == "images" for s in m.inputs.values())
    regression = any("regression" in s.needs for s in m.inputs.values())
    ways = [False, True] if any(s.optional for s in m.inputs.values()) else [False]
    found = set()
    for name, make in bad_for(m).items():
        world = make(pictures() if images else tables(numbers=regression or name in NUMBERS_SAID))
        if any(passes(function, m, given(world, m, optional=optional)) for optional in ways):
            found.add(name)
    assert found == allowed(id)


def test_every_exception_is_of_an_ait() -> None:
    assert {id for of in EXCEPTIONS.values() for id in of} <= set(judged())
