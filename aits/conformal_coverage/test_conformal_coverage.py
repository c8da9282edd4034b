from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from mapie.regression import SplitConformalRegressor
from scipy.stats import betabinom, binomtest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from qmtestbed.ait import Predictions, Undefined
from qmtestbed.measuring.drawing import half


def classes(seed: int, n: int, k: int = 4, sharp: float = 1.0, **more: Any) -> Predictions:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), true] += 1.5
    p = np.exp(1.5 * sharp * logits)
    p /= p.sum(axis=1, keepdims=True)
    names = np.array([f"c{j}" for j in range(k)], dtype=object)
    return Predictions("classification", names[true], names[p.argmax(axis=1)], p, tuple(names), **more)


def numbers(seed: int, n: int, noise: float = 1.0, **more: Any) -> Predictions:
    rng = np.random.default_rng(seed)
    said = rng.normal(0, 3, n)
    return Predictions("regression", said + rng.normal(0, noise, n), said, **more)


class Known(ClassifierMixin, RegressorMixin, BaseEstimator):
    """Gives what a table says, for the row numbers that it is asked."""

    def __init__(self, table: Any = None, classes: Any = None) -> None:
        self.table, self.classes = table, classes
        self.classes_, self.is_fitted_ = classes, True

    def fit(self, x: Any, y: Any) -> Known:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, x: Any) -> np.ndarray:
        return self.table[np.asarray(x)[:, 0].astype(int)]

    def predict(self, x: Any) -> np.ndarray:
        found = self.table[np.asarray(x)[:, 0].astype(int)]
        return found if self.classes is None else self.classes[found.argmax(axis=1)]


# -- another library, and the law -----------------------------------------------------------------------------


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_sets_are_those_of_mapie(ait, coverage):
    p = classes(0, 601)
    here, rows = half(601, None, np.random.default_rng(3)), np.arange(601)[:, None]
    codes = np.array([p.classes.index(label) for label in p.labels])
    theirs = SplitConformalClassifier(
        Known(p.probabilities, np.arange(4)), confidence_level=coverage, conformity_score="lac", prefit=True
    )
    theirs.conformalize(rows[here], codes[here])
    sets = theirs.predict_set(rows[~here])[1][:, :, 0]
    found = ait.measure(predictions=p, coverage=coverage, seed=3)
    covered = sets[np.arange(len(sets)), codes[~here]]
    assert found["coverage"].value == pytest.approx(covered.mean(), abs=1e-12)
    assert found["set_size"].value == pytest.approx(sets.sum(axis=1).mean(), abs=1e-12)
    ci = binomtest(int(covered.sum()), len(covered)).proportion_ci(method="exact")
    assert (found["coverage"].low, found["coverage"].high) == pytest.approx((ci.low, ci.high))


def test_intervals_are_those_of_mapie(ait):
    p = numbers(1, 400)
    here, rows = half(400, None, np.random.default_rng(5)), np.arange(400)[:, None]
    theirs = SplitConformalRegressor(Known(p.predicted), confidence_level=0.9, prefit=True)
    theirs.conformalize(rows[here], p.labels[here])
    ends = theirs.predict_interval(rows[~here])[1][:, :, 0]
    found = ait.measure(predictions=p, seed=5)
    assert 2 * found["half_width"] == pytest.approx(np.ptp(ends, axis=1)[0])
    inside = (ends[:, 0] <= p.labels[~here]) & (p.labels[~here] <= ends[:, 1])
    assert found["coverage"].value == pytest.approx(inside.mean())


def test_coverage_follows_the_beta_law(ait):
    """Of 99 rows to calibrate on and 100 others: k = 90, so Beta(90, 10) with the noise of the other rows."""
    found = [ait.measure(predictions=numbers(s, 199), seed=s) for s in range(400)]
    held, law = np.array([f["coverage"].value for f in found]), betabinom(100, 90, 10)
    assert held.mean() == pytest.approx(law.mean() / 100, abs=3 * law.std() / 100 / 20)
    assert held.std() == pytest.approx(law.std() / 100, rel=0.12)
    low = np.mean([f["coverage_chance"] <= 0.1 for f in found])
    assert 0.03 < low <= 0.1 + 3 * np.sqrt(0.09 / 400)


# -- sizes ----------------------------------------------------------------------------------------------------


def test_a_model_that_knows_needs_one_class_and_a_guess_needs_nearly_all(ait):
    sure = classes(0, 400, sharp=20)
    perfect = Predictions(
        "classification", sure.labels, sure.labels, (sure.labels[:, None] == np.array(sure.classes)) * 1.0, sure.classes
    )
    found = ait.measure(predictions=perfect)
    assert (found["set_size"].value, found["coverage"].value) == (1, 1)
    assert found["relative_size"] == 0.25
    flat = Predictions("classification", sure.labels, sure.labels, np.full((400, 4), 0.25), sure.classes)
    assert ait.measure(predictions=flat)["relative_size"] == 1


def test_answers_without_probabilities_are_enough_where_few_are_wrong(ait):
    labels = np.array(["a", "b"] * 200, dtype=object)
    for wrong, size in ((20, 1.0), (80, 2.0)):
        off = np.isin(np.arange(400), np.random.default_rng(0).choice(400, wrong, replace=False))
        said = np.where(off, np.roll(labels, 1), labels)
        found = ait.measure(predictions=Predictions("classification", labels, said, None, ("a", "b")))
        assert found["set_size"].value == size


def test_half_widths_scale_with_the_label_and_compare_with_the_median(ait):
    a = ait.measure(predictions=numbers(0, 600))
    p = numbers(0, 600)
    b = ait.measure(predictions=Predictions("regression", 10 * p.labels, 10 * p.predicted))
    assert b["half_width"] == pytest.approx(10 * a["half_width"])
    assert a["relative_size"] == pytest.approx(b["relative_size"])
    assert a["relative_size"] == pytest.approx(1 / math.sqrt(10), rel=0.15)  # spread of the noise / of the labels
    assert a["half_width"] == pytest.approx(1.645, rel=0.12)


def test_more_coverage_needs_larger_sets(ait):
    points = ait.measure(predictions=classes(2, 800))["size_by_coverage"].series["size"]
    sizes = [y for _, y in sorted(points)]
    assert sizes == sorted(sizes) and len(sizes) == 8


def test_sure_nonsense_is_worse_than_no_model(ait):
    rng = np.random.default_rng(0)
    labels, said = (np.where(rng.random(600) < share, "yes", "no").astype(object) for share in (0.05, 0.5))
    p = np.where(said[:, None] == np.array(["no", "yes"], dtype=object), 0.98, 0.02)
    found = ait.measure(predictions=Predictions("classification", labels, said, p, ("no", "yes")))
    assert found["relative_size"] == 2
    assert [f.kind for f in found["findings"]] == ["no_gain"]


# -- slices, groups and what can't be measured ----------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_sets_that_can_not_keep_the_promise_are_not_called_small(ait, share):
    p = classes(0, 600)
    labels = p.labels.copy()
    spelled = np.random.default_rng(1).random(600) < share
    labels[spelled] = [name.upper() for name in labels[spelled]]
    found = ait.measure(predictions=replace(p, labels=labels, classes=(*p.classes, *(n.upper() for n in p.classes))))
    if share < 0.1:  # sets can hold nine in ten of all, and so can those made of frequencies, of the same classes
        assert 0.85 < found["coverage"].value < 0.95 and 0.5 < found["relative_size"] <= 1
    else:
        assert found["coverage"].value < 0.9 and "none of the model's classes" in found["relative_size"].reason


def test_a_class_that_the_model_does_not_know_is_never_covered(ait):
    p = classes(3, 400)
    labels = p.labels.copy()
    labels[::25] = "new"
    given = Predictions("classification", labels, p.predicted, p.probabilities, (*p.classes, "new"))
    found = ait.measure(predictions=given)
    assert found["slice_coverage"]["class = new"].value == 0
    assert found["slice_coverage"]["class = c0"].value > 0.8


def test_groups_are_not_parted_and_widen_the_interval(ait):
    p = numbers(4, 60)
    many = Predictions("regression", p.labels.repeat(8), p.predicted.repeat(8), groups=np.arange(60).repeat(8))
    found = ait.measure(predictions=many)
    assert found["coverage"].n == 30 and isinstance(found["coverage_chance"], Undefined)
    alone = ait.measure(predictions=Predictions("regression", many.labels, many.predicted))
    assert found["coverage"].high - found["coverage"].low > alone["coverage"].high - alone["coverage"].low


def test_equal_weights_change_nothing_but_the_law(ait):
    p = classes(5, 300)
    w = Predictions("classification", p.labels, p.predicted, p.probabilities, p.classes, weights=np.full(300, 2.5))
    a, b = ait.measure(predictions=p), ait.measure(predictions=w)
    assert a["set_size"].value == b["set_size"].value and a["coverage"].value == b["coverage"].value


def test_the_same_seed_gives_the_same_halves(ait):
    p = classes(6, 200)
    assert ait.measure(predictions=p, seed=1) == ait.measure(predictions=p, seed=1)


def test_too_few_rows_promise_nothing(ait):
    few = Undefined("8 rows to calibrate on can't promise 90%; 9 are needed.")
    assert ait.measure(predictions=numbers(0, 16)) == few
    assert ait.measure(predictions=numbers(0, 19))["coverage"].n == 10
    assert isinstance(ait.measure(predictions=numbers(0, 0)), Undefined)
    level = Predictions("regression", np.ones(50), np.zeros(50))
    assert isinstance(ait.measure(predictions=level)["relative_size"], Undefined)
