from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, pearsonr
from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score

from qmtestbed.ait import Estimate, Predictions, Undefined
from qmtestbed.measuring.intervals import proportion, r2_interval
from qmtestbed.measuring.paired import (
    balanced_interval,
    correlation_interval,
    gini_interval,
    matched_rows,
    mcnemar,
    skill_interval,
)


def predictions(labels: Any, ids: Any = None, **more: Any) -> Predictions:
    truth = np.asarray(list(labels), dtype=object)
    named = None if ids is None else np.asarray(list(ids), dtype=object)
    return Predictions("classification", truth, truth, None, tuple(sorted({*map(str, labels)})), named, **more)


# -- skill ----------------------------------------------------------------------------------------------------


def test_the_skill_over_the_mean_of_the_truth_is_r2_with_its_interval():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=80)
    said = truth + rng.normal(size=80) * 0.5
    found = skill_interval((truth - said) ** 2, (truth - truth.mean()) ** 2, 0.9)
    assert found.value == pytest.approx(r2_score(truth, said))
    r2 = r2_interval(truth, said, 0.9)
    assert (found.low, found.high, found.n) == pytest.approx((r2.low, r2.high, r2.n))


@pytest.mark.parametrize("weights", [None, [0.0, 0.0]])
def test_a_skill_needs_rows_and_an_error_to_save(weights):
    ours = [] if weights is None else [1.0, 1.0]
    assert isinstance(skill_interval(ours, ours, 0.95, weights=weights), Undefined)
    assert isinstance(skill_interval([1.0, 0.0], [0.0, 0.0], 0.95), Undefined)


# -- balanced accuracy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_balanced_accuracy_agrees_with_scikit_learn(weighted):
    rng = np.random.default_rng(1)
    truth = rng.choice(list("abc"), size=200, p=[0.7, 0.2, 0.1])
    said = np.where(rng.random(200) < 0.6, truth, rng.choice(list("abc"), size=200))
    w = rng.exponential(size=200) if weighted else None
    found = balanced_interval(truth, said, 0.95, weights=w)
    assert found.value == pytest.approx(balanced_accuracy_score(truth, said, sample_weight=w, adjusted=True))
    assert found.low < found.value < found.high


def test_the_balanced_interval_holds_the_truth_with_a_class_of_few_rows():
    rng, held = np.random.default_rng(2), 0
    truth = np.array(["a"] * 200 + ["b"] * 6)
    for _ in range(300):
        right = rng.random(206) < np.where(truth == "a", 0.9, 0.7)
        found = balanced_interval(truth, np.where(right, truth, "x"), 0.95)
        held += found.low <= 0.6 <= found.high
    assert held >= 280


def test_a_class_that_is_always_missed_leaves_room():
    found = balanced_interval(["a"] * 95 + ["b"] * 5, ["a"] * 100, 0.95)
    assert found.value == 0.0
    assert found.high == pytest.approx(proportion(np.zeros(5, dtype=bool), 0.95).high, abs=0.01)
    assert isinstance(balanced_interval(["a"] * 5, ["a"] * 5, 0.95), Undefined)


# -- ranking --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_the_ranking_agrees_with_scikit_learn_also_with_ties(weighted):
    rng = np.random.default_rng(3)
    yes = rng.random(300) < 0.3
    scores = np.round(rng.normal(size=300) + yes, 1)
    w = rng.exponential(size=300) if weighted else None
    found = gini_interval(scores, yes, 0.95, weights=w)
    assert found.value == pytest.approx(2 * roc_auc_score(yes, scores, sample_weight=w) - 1)


def test_the_interval_of_the_ranking_is_delongs():
    """Hand-made structural components: V of each positive, U of each negative row."""
    rng = np.random.default_rng(4)
    yes = np.arange(120) < 50
    scores = rng.normal(size=120) + yes
    v = np.array([(scores[~yes] < s).mean() for s in scores[yes]])
    u = np.array([(scores[yes] > s).mean() for s in scores[~yes]])
    error = 2 * np.sqrt(v.var(ddof=1) / 50 + u.var(ddof=1) / 70)
    found = gini_interval(scores, yes, 0.95)
    assert (found.high - found.low) / 2 == pytest.approx(1.98 * error, rel=0.02)


def test_ranking_the_wrong_way_and_one_class():
    assert gini_interval(-np.arange(40.0), np.arange(40) >= 20, 0.95).value == -1.0
    assert isinstance(gini_interval([1.0, 2.0], [True, True], 0.95), Undefined)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_correlation_agrees_with_numpy_and_scipy(weighted):
    rng = np.random.default_rng(5)
    y = rng.normal(size=500)
    p = 0.5 * y + rng.normal(size=500)
    w = rng.integers(1, 4, size=500) if weighted else None
    found = correlation_interval(y, p, 0.95, weights=w)
    covariance = np.cov(y, p, fweights=w)
    assert found.value == pytest.approx(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
    if not weighted:
        fisher = pearsonr(y, p).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((fisher.low, fisher.high), abs=0.01)
    assert isinstance(correlation_interval(y, np.ones(500), 0.95), Undefined)


# -- change ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("worse", "better"), [(3, 12), (12, 3), (5, 5), (0, 4), (0, 0)])
def test_mcnemar_is_the_sign_test(worse, better):
    two, one = mcnemar(worse, better)
    if worse + better:
        assert two == pytest.approx(binomtest(worse, worse + better).pvalue)
        assert one == pytest.approx(binomtest(worse, worse + better, alternative="greater").pvalue)
    else:
        assert (two, one) == (1.0, 1.0)


def test_the_documented_value_of_mcnemar():
    assert mcnemar(3, 12)[0] == pytest.approx(0.035156, abs=1e-6)


def test_rows_are_matched_by_unique_ids_in_the_order_of_the_first():
    pair = matched_rows(predictions("abca", ids=["i1", "i2", "i3", "i4"]), predictions("cxa", ids=["i3", "i9", "i1"]))
    assert not isinstance(pair, Undefined)
    assert (pair[0].tolist(), pair[1].tolist()) == ([0, 2], [2, 0])


def test_rows_without_ids_or_with_the_same_ids_are_matched_by_position():
    for ids in (None, ["i", "i", None]):
        pair = matched_rows(predictions("abc", ids=ids), predictions("abc", ids=ids))
        assert not isinstance(pair, Undefined)
        assert pair[0].tolist() == pair[1].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "other",
    [
        predictions("ab"),
        predictions("abb"),
        predictions("abc", ids=["1", "2", "3"]),
        Predictions("regression", np.zeros(3), np.zeros(3)),
    ],
)
def test_what_can_not_be_matched_says_why(other):
    assert isinstance(matched_rows(predictions("abc"), other), Undefined)


@pytest.mark.parametrize("ids", [["1", "1", "2"], ["1", None, "2"], ["7", "8", "9"]])
def test_ids_that_do_not_name_one_row_each_say_why(ids):
    assert isinstance(matched_rows(predictions("abc", ids=["1", "2", "3"]), predictions("abc", ids=ids)), Undefined)


def test_estimates_are_estimates():
    assert isinstance(skill_interval([0.0, 1.0, 0.5], [1.0, 1.0, 2.0], 0.95), Estimate)
