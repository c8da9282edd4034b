from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn import metrics

from qmtestbed.ait import Predictions, Subject, Undefined
from qmtestbed.measuring import calibration_error

QUICK = {"simulations": 199}


def predictions(p: Any, true: Any, classes: tuple[str, ...] = (), **more: Any) -> Predictions:
    """Probabilities (n, k), and true classes as columns or names."""
    p = np.asarray(p, dtype=float)
    classes = classes or tuple(f"c{j}" for j in range(p.shape[1]))
    names = np.array(classes, dtype=object)
    truth = np.asarray(true)
    labels = names[truth] if truth.dtype.kind == "i" else truth.astype(object)
    return Predictions("classification", labels, names[p.argmax(axis=1)], p, classes, **more)


def binary(positive: Any, true: Any, **more: Any) -> Predictions:
    p = np.asarray(positive, dtype=float)
    return predictions(np.column_stack([1 - p, p]), np.asarray(true, dtype=int), ("no", "yes"), **more)


def perfect(seed: int, n: int, k: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of all sizes, and classes drawn from them."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(k), size=n)
    return p, (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=k - 1)


def ece_by_loop(p: np.ndarray, true: np.ndarray, bins: int) -> float:
    top, right = p.max(axis=1), p.argmax(axis=1) == true
    total = 0.0
    for b in range(bins):
        inside = (top > b / bins) & (top <= (b + 1) / bins)
        if inside.any():
            total += inside.mean() * abs(top[inside].mean() - right[inside].mean())
    return total


# -- known values ---------------------------------------------------------------------------------------------


def test_nine_tenths_sure_and_six_tenths_right(ait):
    """All rows are of the class "yes": two definitions, two values, as libraries give them."""
    found = ait.measure(predictions=binary([0.9] * 60 + [0.1] * 40, [1] * 100))
    assert found["ece"] == pytest.approx(0.30)
    assert found["positive_ece"] == pytest.approx(0.42)
    assert found["overconfidence"].value == pytest.approx(0.30)
    assert found["clear_ece"] == found["ece"]


def test_naive_bayes_on_digits(ait):
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.naive_bayes import GaussianNB

    x, y = load_digits(return_X_y=True)
    x, xt, y, yt = train_test_split(x, y, test_size=0.5, random_state=0)
    found = ait.measure(predictions=predictions(GaussianNB().fit(x, y).predict_proba(xt), yt))
    assert found["ece"] == pytest.approx(0.154560, abs=1e-6)
    assert found["clear_ece"] == found["ece"] > found["ece_limit"]
    assert found["overconfidence"].low > 0.1
    assert isinstance(found["positive_ece"], Undefined)


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize("bins", [5, 15])
def test_ece_agrees_with_adding_up_bin_by_bin(ait, k, bins):
    p, true = perfect(k, 400, k)
    found = ait.measure(predictions=predictions(p, true), bins=bins, **QUICK)
    assert found["ece"] == pytest.approx(ece_by_loop(p, true, bins))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 4])
def test_scores_agree_with_scikit_learn(ait, k, weighted):
    p, true = perfect(k, 300, k)
    w = np.random.default_rng(9).exponential(size=300) if weighted else None
    found = ait.measure(predictions=predictions(p, true, weights=w), **QUICK)
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(true, p, sample_weight=w))
    of = p[:, 1] if k == 2 else p
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(true, of, sample_weight=w))
    for name in ("brier", "log_loss", "overconfidence"):
        assert found[name].low < found[name].value < found[name].high


def test_a_probability_of_zero_for_what_is_true_counts_as_in_scikit_learn(ait):
    p, true = [[1, 0], [0.5, 0.5], [0.2, 0.8]], np.array([1, 0, 1])
    found = ait.measure(predictions=predictions(p, true))
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(true, p))


def test_the_brier_score_of_few_forecasts_is_reliability_less_resolution_plus_uncertainty(ait):
    """Murphy (1973), for a forecast with the values .2 and .7."""
    said = np.repeat([0.2, 0.7], [60, 40])
    true = np.concatenate([np.arange(60) < 15, np.arange(40) < 22])
    rates, shares = np.array([15 / 60, 22 / 40]), np.array([0.6, 0.4])
    rate = 0.37
    expected = shares @ (rates - [0.2, 0.7]) ** 2 - shares @ (rates - rate) ** 2 + rate * (1 - rate)
    assert ait.measure(predictions=binary(said, true))["brier"].value == pytest.approx(expected)


def test_turning_the_confidence_down_changes_the_calibration_of_the_same_answers(ait):
    p, true = perfect(0, 3000, 5)
    sharp = p**3 / (p**3).sum(axis=1, keepdims=True)
    good, bad = (ait.measure(predictions=predictions(q, true), **QUICK) for q in (p, sharp))
    assert good["clear_ece"] == 0
    assert bad["clear_ece"] > 0.1
    assert bad["overconfidence"].low > 0.1
    assert bad["log_loss"].value > good["log_loss"].value


# -- chance ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "expected"), [(100, 0.088), (500, 0.040), (5000, 0.013)])
def test_what_chance_gives_a_perfect_model(ait, n, expected):
    found = [ait.measure(predictions=predictions(*perfect(s, n)), **QUICK) for s in range(40)]
    assert np.mean([f["ece"] for f in found]) == pytest.approx(expected, rel=0.12)
    assert np.mean([f["ece_by_chance"] for f in found]) == pytest.approx(expected, rel=0.05)


def test_chance_exceeds_its_limit_as_often_as_stated(ait):
    """At 10 %, 400 perfect models: 10 % less or more three standard errors."""
    options = {"simulations": 19, "alpha": 0.1, "binning": "equal_mass", "bins": 5}
    found = [ait.measure(predictions=predictions(*perfect(s, 60, 3)), seed=s, **options) for s in range(400)]
    assert 0.055 <= np.mean([f["clear_ece"] > 0 for f in found]) <= 0.145


@pytest.mark.parametrize("n", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_the_suggested_criterion_is_missed_by_a_perfect_model_in_one_of_two_hundred(ait, n):
    found = [ait.measure(predictions=predictions(*perfect(s, n)), seed=s, **QUICK) for s in range(2000)]
    assert np.mean([f["clear_ece"] > 0.05 for f in found]) <= 0.005 + 3 * np.sqrt(0.005 / 2000)


def test_errors_that_rows_of_a_group_share_are_allowed_for(ait):
    def alarms(seed: int) -> tuple[bool, bool]:
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(25), 30)
        luck = norm.cdf(np.sqrt(0.5) * rng.normal(size=(25, 1)) + np.sqrt(0.5) * rng.normal(size=(25, 30)))
        p = rng.uniform(0.5, 1, size=750)
        grouped, alone = (
            ait.measure(predictions=binary(p, luck.ravel() < p, groups=g), alpha=0.05, simulations=99)
            for g in (groups, None)
        )
        return grouped["clear_ece"] > 0, alone["clear_ece"] > 0

    grouped, alone = np.mean([alarms(s) for s in range(200)], axis=0)
    assert grouped <= 0.1
    assert alone > 0.15


def test_miscalibration_is_found_in_groups(ait):
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, size=600)
    found = ait.measure(predictions=binary(p, rng.random(600) < p - 0.2, groups=np.repeat(np.arange(60), 10)))
    assert found["clear_ece"] > 0.15


def test_too_few_simulations_are_refused(ait):
    with pytest.raises(ValueError, match="199 simulations or more"):
        ait.measure(predictions=predictions(*perfect(0, 10)), simulations=100)


def test_the_same_seed_gives_the_same_limit_and_large_inputs_are_simulated_in_parts(ait, monkeypatch):
    given = predictions(*perfect(0, 500))
    once = ait.measure(predictions=given, seed=3)
    assert ait.measure(predictions=given, seed=3) == once
    assert ait.measure(predictions=given, seed=4)["ece_limit"] != once["ece_limit"]
    monkeypatch.setattr(calibration_error, "MOST_DRAWN", 1200)
    assert ait.measure(predictions=given, seed=3)["ece_limit"] == once["ece_limit"]


# -- weights and groups ---------------------------------------------------------------------------------------


def test_a_weight_counts_as_so_many_rows(ait):
    p, true = perfect(1, 80, 3)
    times = np.random.default_rng(0).integers(0, 4, size=80)
    weighted = ait.measure(predictions=predictions(p, true, weights=times.astype(float)), **QUICK)
    repeated = ait.measure(predictions=predictions(p.repeat(times, axis=0), true.repeat(times)), **QUICK)
    for name in ("ece", "brier", "log_loss"):
        a, b = (getattr(f[name], "value", f[name]) for f in (weighted, repeated))
        assert a == pytest.approx(b), name
    assert weighted["ece_by_chance"] > repeated["ece_by_chance"]  # fewer rows than their weights add up to


def test_groups_widen_the_intervals(ait):
    p, true = perfect(2, 50)
    many = p.repeat(8, axis=0), true.repeat(8)
    alone = ait.measure(predictions=predictions(*many), **QUICK)
    grouped = ait.measure(predictions=predictions(*many, groups=np.repeat(np.arange(50), 8)), **QUICK)
    for name in ("brier", "log_loss", "overconfidence"):
        assert (grouped[name].n, alone[name].n) == (50, 400)
        assert grouped[name].high - grouped[name].low > 2 * (alone[name].high - alone[name].low)
    assert grouped["ece_limit"] > 1.5 * alone["ece_limit"]


# -- bins -----------------------------------------------------------------------------------------------------


def test_bins_come_with_exact_intervals_that_hold_together(ait):
    p = np.repeat([0.55, 0.75, 0.95], [50, 30, 20])
    right = np.concatenate([np.arange(50) < 30, np.arange(30) < 24, np.arange(20) < 8])
    found = ait.measure(predictions=binary(p, right), bins=10)
    for line, (n, hits, low) in zip(found["bins"].rows, [(50, 30, 0.5), (30, 24, 0.7), (20, 8, 0.9)], strict=True):
        ci = binomtest(hits, n).proportion_ci(1 - 0.05 / 3, method="exact")
        assert line[2] == n
        assert line[0] == pytest.approx(low)
        assert line[4:] == pytest.approx((hits / n, ci.low, ci.high))
    (finding,) = found["findings"]
    assert finding.subject == Subject(slice="confidence 0.9 to 1")
    assert (finding.kind, finding.measure, finding.value) == ("miscalibration", "clear_ece", pytest.approx(0.55))
    assert finding.text == (
        "Rows with confidence 0.9 to 1: 0.400 are right [0.159, 0.683], with a mean confidence of 0.950 (20 rows)."
    )
    points = [(0.55, 0.6), (0.75, 0.8), (0.95, 0.4)]
    np.testing.assert_allclose(found["reliability"].series["model"], points)


def test_bins_of_equal_mass_hold_as_many_rows_each(ait):
    found = ait.measure(predictions=predictions(*perfect(0, 300)), bins=6, binning="equal_mass", **QUICK)
    assert [line[2] for line in found["bins"].rows] == [50] * 6


def test_one_bin_compares_mean_confidence_with_accuracy(ait):
    p, true = perfect(5, 200, 4)
    found = ait.measure(predictions=predictions(p, true), bins=1, **QUICK)
    assert found["ece"] == pytest.approx(abs(found["overconfidence"].value))


# -- classes and edge cases -----------------------------------------------------------------------------------


def test_a_class_that_the_model_does_not_know_has_probability_zero(ait):
    given = predictions([[0.9, 0.1], [0.2, 0.8]] * 20, ["a", "new"] * 20, ("a", "b", "new"))
    found = ait.measure(predictions=given)
    assert found["ece"] == pytest.approx(0.05 + 0.4)
    assert found["brier"].value == pytest.approx((0.01 + (0.04 + 0.64 + 1) / 2) / 2)
    assert found["log_loss"].value == pytest.approx((-np.log(0.9) - np.log(np.finfo(float).eps)) / 2)


def test_the_confidence_is_the_largest_probability_whatever_the_model_finally_answers(ait):
    p, true = perfect(0, 100)
    given = predictions(p, true)
    other = Predictions("classification", given.labels, np.full(100, "c0", dtype=object), p, given.classes)
    assert ait.measure(predictions=other, **QUICK) == ait.measure(predictions=given, **QUICK)


def test_the_positive_class(ait):
    p, true = perfect(7, 200)
    said, happened = p[:, 1], true == 1
    expected = sum(
        abs((said[i] - happened[i]).sum()) for b in range(15) if (i := np.ceil(said * 15).astype(int) == b + 1).any()
    )
    assert ait.measure(predictions=predictions(p, true), **QUICK)["positive_ece"] == pytest.approx(expected / 200)
    first = ait.measure(predictions=predictions(p, true, positive="c0"), **QUICK)["positive_ece"]
    assert first == pytest.approx(expected / 200)  # |difference| is the same for both, where bins mirror each other


def test_a_positive_class_that_the_model_does_not_know_is_not_another_one(ait):
    p, true = perfect(7, 200)
    classes = ("c0", "c1", "odd")
    given = predictions(p, true)
    known = Predictions("classification", given.labels, given.predicted, p, classes, positive="odd")
    assert ait.measure(predictions=known, **QUICK)["positive_ece"] == Undefined(
        "The model gives no probability of the positive class 'odd'."
    )
    with pytest.raises(ValueError, match="the positive class 'C0' is none of the classes"):
        ait.measure(predictions=replace(known, positive="C0"), **QUICK)


def test_always_sure_and_always_right(ait):
    found = ait.measure(predictions=binary([1.0] * 40, [1] * 40))
    assert (found["ece"], found["ece_limit"], found["clear_ece"], found["brier"].value) == (0, 0, 0, 0)
    assert found["findings"] == []


def test_always_sure_and_once_wrong_can_not_be_chance(ait):
    found = ait.measure(predictions=binary([1.0] * 40, [1] * 39 + [0]))
    assert found["ece_limit"] == 0
    assert found["clear_ece"] == found["ece"] == pytest.approx(1 / 40)


def test_one_row(ait):
    found = ait.measure(predictions=binary([0.7], [1]))
    assert found["ece"] == pytest.approx(0.3)
    assert isinstance(found["clear_ece"], Undefined)  # chance explains whatever one row shows
    assert isinstance(found["brier"], Undefined)


def test_there_is_nothing_to_measure(ait):
    assert isinstance(ait.measure(predictions=predictions(np.empty((0, 2)), np.empty(0, dtype=int))), Undefined)
    assert isinstance(ait.measure(predictions=binary([0.7], [1], weights=np.zeros(1))), Undefined)
    without = Predictions("classification", np.array(["a"], object), np.array(["a"], object), None, ("a",))
    assert ait.measure(predictions=without) == Undefined("The predictions hold no probabilities.")
