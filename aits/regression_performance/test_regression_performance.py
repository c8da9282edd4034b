from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from qmtestbed.ait import Estimate, Predictions, Undefined

MEASURES = ("mae", "rmse", "r2", "bias", "median_absolute_error")


def predictions(labels: Any, predicted: Any, **more: Any) -> Predictions:
    return Predictions("regression", np.asarray(labels, dtype=float), np.asarray(predicted, dtype=float), **more)


def random_predictions(seed: int, n: int, noise: float = 0.5, **more: Any) -> Predictions:
    rng = np.random.default_rng(seed)
    y = rng.normal(10, 2, size=n)
    return predictions(y, y + rng.normal(0.3, noise, size=n), **more)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_values_agree_with_scikit_learn(ait, seed, weighted):
    w = np.random.default_rng(seed + 100).exponential(size=200) if weighted else None
    p = random_predictions(seed, 200, weights=w)
    found = ait.measure(predictions=p)
    y, s = p.labels, p.predicted
    assert found["mae"].value == pytest.approx(metrics.mean_absolute_error(y, s, sample_weight=w))
    assert found["rmse"].value == pytest.approx(metrics.root_mean_squared_error(y, s, sample_weight=w))
    assert found["r2"].value == pytest.approx(metrics.r2_score(y, s, sample_weight=w))
    assert found["bias"].value == pytest.approx(np.average(s - y, weights=w))
    median = np.median(abs(s - y)) if w is None else np.quantile(abs(s - y), 0.5, weights=w, method="inverted_cdf")
    assert found["median_absolute_error"].value == pytest.approx(median)


def test_mean_intervals_are_students(ait):
    p = random_predictions(0, 40)
    found = ait.measure(predictions=p, confidence=0.9)
    for name, values in (("mae", abs(p.predicted - p.labels)), ("bias", p.predicted - p.labels)):
        ci = stats.ttest_1samp(values, 0).confidence_interval(0.9)
        assert (found[name].low, found[name].high) == pytest.approx((ci.low, ci.high)), name


def test_the_median_interval_is_that_of_the_sign_test(ait):
    p = random_predictions(1, 25)
    found = ait.measure(predictions=p)["median_absolute_error"]
    ci = stats.quantile_test(abs(p.predicted - p.labels), p=0.5).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ci.low, ci.high))


def test_a_case_worked_out_by_hand(ait):
    found = ait.measure(predictions=predictions([1, 2, 3, 4], [2, 2, 2, 6]))
    assert found["mae"].value == 1.0
    assert found["bias"].value == 0.5
    assert found["rmse"].value == pytest.approx(np.sqrt(1.5))
    assert found["r2"].value == pytest.approx(1 - 6 / 5)
    assert isinstance(found["median_absolute_error"], Undefined)


def test_groups_are_what_counts(ait):
    p = random_predictions(2, 80)
    many = predictions(np.repeat(p.labels, 5), np.repeat(p.predicted, 5), groups=np.repeat(np.arange(80), 5))
    once, grouped = ait.measure(predictions=p), ait.measure(predictions=many)
    for name in ("mae", "rmse", "r2", "bias"):
        assert grouped[name].n == once[name].n == 80
        ours, theirs = grouped[name], once[name]
        assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high)), name


def test_perfect_predictions(ait):
    y = np.linspace(0, 1, 30)
    found = ait.measure(predictions=predictions(y, y))
    assert [found[m].value for m in MEASURES] == [0, 0, 1, 0, 0]
    assert sum(found["errors"].counts["rows"]) == 30


def test_answering_the_mean_explains_nothing(ait):
    y = np.random.default_rng(0).normal(size=100)
    found = ait.measure(predictions=predictions(y, np.full(100, y.mean())))
    assert found["r2"].value == pytest.approx(0)


def test_constant_truth_has_no_spread_to_explain(ait):
    found = ait.measure(predictions=predictions([0.1] * 30, np.linspace(0, 1, 30)))
    assert found["r2"] == Undefined("All true values are equal, so that there is no spread to explain.")
    assert isinstance(found["mae"], Estimate)


def test_nothing_to_measure(ait):
    assert isinstance(ait.measure(predictions=predictions([], [])), Undefined)
    assert isinstance(ait.measure(predictions=predictions([1], [1], weights=np.zeros(1))), Undefined)


def test_one_row_has_no_interval_and_so_no_estimate(ait):
    found = ait.measure(predictions=predictions([1], [2]))
    assert all(isinstance(found[m], Undefined) for m in MEASURES)


@pytest.mark.parametrize("error", [0.0, 1e-300, 0.1, -3.0, 1e20])
def test_errors_that_are_all_the_same_still_have_a_histogram(ait, error):
    y = np.arange(10.0) if error < 1e20 else np.zeros(10)
    found = ait.measure(predictions=predictions(y, y + error))
    assert sum(found["errors"].counts["rows"]) == 10
    assert np.all(np.diff(found["errors"].edges) > 0)


def test_resources_show_every_row_by_its_weight(ait):
    p = random_predictions(3, 50, weights=np.linspace(0, 2, 50))
    found = ait.measure(predictions=p)
    assert sum(found["errors"].counts["rows"]) == pytest.approx(50)
    points = found["absolute_error_quantiles"].series["absolute error"]
    assert points[100] == (1.0, pytest.approx(np.max(abs(p.predicted - p.labels))))
    assert points[50][1] == found["median_absolute_error"].value
    assert points == sorted(points)
