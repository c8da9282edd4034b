from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from qmtestbed.ait import Predictions, Undefined


def given(sure: Any, wrong: Any, **more: Any) -> Predictions:
    """Answers with their probability, and whether they are wrong."""
    sure, wrong = np.asarray(sure, dtype=float), np.asarray(wrong, dtype=bool)
    labels = np.where(wrong, "b", "a").astype(object)
    said = np.full(len(labels), "a", dtype=object)
    return Predictions("classification", labels, said, np.column_stack([sure, 1 - sure]), ("a", "b"), **more)


def drawn(seed: int, n: int, rate: float = 0.2, slope: float = 0.9, **more: Any) -> Predictions:
    rng = np.random.default_rng(seed)
    sure = rng.uniform(0.5, 1, n)
    return given(sure, rng.random(n) < rate * (1 + slope * (0.75 - sure) * 4), **more)


def area(wrong: Any) -> float:
    """Brute force: the mean of the error rates of the first 1, 2, …, n rows."""
    return float(np.mean(np.cumsum(wrong) / np.arange(1, len(wrong) + 1)))


# -- closed forms and brute force -----------------------------------------------------------------------------


def test_the_area_is_that_of_adding_up_row_by_row(ait):
    p = drawn(0, 200)
    order = np.argsort(-p.probabilities[:, 0])
    wrong = (p.labels == "b")[order]
    found = ait.measure(predictions=p)
    assert found["aurc"].value == pytest.approx(area(wrong))
    assert found["excess_aurc"].value == pytest.approx(area(wrong) - area(np.sort(wrong)))


def test_the_best_order_has_no_excess_and_its_area_is_known(ait):
    """AURC of the best order is near r + (1 - r) ln(1 - r)."""
    wrong = np.arange(2000) >= 1600
    found = ait.measure(predictions=given(np.linspace(1, 0.5, 2000), wrong))
    assert found["excess_aurc"].value == 0 and found["gain"] == pytest.approx(1)
    assert found["aurc"].value == pytest.approx(0.2 + 0.8 * np.log(0.8), abs=0.001)


def test_rows_that_are_as_sure_count_as_in_any_order(ait):
    wrong = np.array([0, 1, 0, 1, 0])
    sure = [0.9, 0.8, 0.8, 0.8, 0.6]
    orders = [[0, *middle, 4] for middle in permutations([1, 2, 3])]
    expected = np.mean([area(wrong[list(o)]) for o in orders])
    assert ait.measure(predictions=given(sure, wrong))["aurc"].value == pytest.approx(expected)
    level = ait.measure(predictions=given([0.7] * 50, np.arange(50) < 10))
    assert level["aurc"].value == pytest.approx(0.2) and level["gain"] == pytest.approx(0, abs=1e-12)


def test_a_random_order_has_the_error_rate_on_average(ait):
    found = [ait.measure(predictions=drawn(s, 100, slope=0.0)) for s in range(150)]
    apart = [f["aurc"].value - f["error_rate"].value for f in found]
    assert abs(np.mean(apart)) < 3 * np.std(apart) / np.sqrt(150)


def test_the_interval_is_that_of_leaving_rows_out_one_by_one(ait):
    """Infinitesimal against ordinary jackknife, for a smooth number of errors."""
    p = drawn(1, 400, rate=0.4)
    wrong, sure = p.labels == "b", p.probabilities[:, 0]
    areas = []
    for i in range(400):
        rest = np.delete(np.arange(400), i)
        areas.append(area(wrong[rest][np.argsort(-sure[rest])]))
    spread = np.sqrt(399 / 400 * ((np.array(areas) - np.mean(areas)) ** 2).sum())
    e = ait.measure(predictions=p)["aurc"]
    assert (e.high - e.low) / (2 * 1.966) == pytest.approx(spread, rel=0.05)


def test_intervals_hold_the_truth(ait):
    truth = ait.measure(predictions=drawn(99, 100_000))
    found = [ait.measure(predictions=drawn(s, 200)) for s in range(100)]
    for name in ("aurc", "excess_aurc", "error_rate"):
        assert np.mean([f[name].low <= truth[name].value <= f[name].high for f in found]) >= 0.85
    assert np.mean([f["risk"]["0.8"].low <= truth["risk"]["0.8"].value <= f["risk"]["0.8"].high for f in found]) > 0.9


def test_the_risk_at_a_coverage_has_the_exact_interval_of_the_surest_rows(ait):
    p = drawn(2, 250)
    top = np.argsort(-p.probabilities[:, 0])[:200]
    errors = int((p.labels[top] == "b").sum())
    ci = binomtest(errors, 200).proportion_ci(method="exact")
    e = ait.measure(predictions=p)["risk"]["0.8"]
    assert (e.value, e.low, e.high, e.n) == (errors / 200, pytest.approx(ci.low), pytest.approx(ci.high), 200)


# -- harm -----------------------------------------------------------------------------------------------------


def test_probabilities_that_say_nothing_are_seldom_called_harmful(ait):
    harm = [ait.measure(predictions=drawn(s, 200, slope=0.0), alpha=0.05)["clear_harm"] for s in range(150)]
    assert 0.005 < np.mean(np.array(harm) > 0) <= 0.05 + 3 * np.sqrt(0.05 / 150)


def test_sureness_turned_upside_down_is_harm(ait):
    found = ait.measure(predictions=drawn(0, 400, slope=-0.9))
    assert found["clear_harm"] == pytest.approx(found["aurc"].value - found["error_rate"].value) and found["gain"] < 0
    assert [f.kind for f in found["findings"]] == ["no_gain"]
    assert ait.measure(predictions=drawn(0, 400))["clear_harm"] == 0


# -- properties and edge cases --------------------------------------------------------------------------------


def test_only_the_order_counts_and_that_of_the_file_does_not(ait):
    p = drawn(3, 100)
    order = np.random.default_rng(0).permutation(100)
    other = given((p.probabilities[order, 0] ** 3 + 1) / 2, (p.labels == "b")[order])
    a, b = ait.measure(predictions=p), ait.measure(predictions=other)
    assert a["aurc"].value == pytest.approx(b["aurc"].value) and a["risk"] == b["risk"]


def test_a_weight_counts_as_so_many_rows_and_groups_widen(ait):
    p = drawn(4, 60)
    times = np.random.default_rng(0).integers(0, 4, 60)
    weighted = ait.measure(predictions=drawn(4, 60, weights=times.astype(float)))
    sure, wrong = p.probabilities[:, 0].repeat(times), (p.labels == "b").repeat(times)
    repeated = ait.measure(predictions=given(sure, wrong))
    # Rows of weight 2 come at once, repeated ones one after the other: as sure, so in any order.
    assert weighted["aurc"].value == pytest.approx(repeated["aurc"].value, abs=0.02)
    assert weighted["error_rate"].value == pytest.approx(repeated["error_rate"].value)
    grouped = ait.measure(predictions=given(sure, wrong, groups=np.arange(60).repeat(times)))
    for name in ("aurc", "error_rate"):
        assert grouped[name].high - grouped[name].low > repeated[name].high - repeated[name].low


@pytest.mark.parametrize("wrong", [False, True])
def test_no_error_or_nothing_but_errors(ait, wrong):
    found = ait.measure(predictions=given(np.linspace(0.5, 1, 20), [wrong] * 20))
    assert found["aurc"].value == wrong and isinstance(found["gain"], Undefined)
    assert found["aurc"].high - found["aurc"].low == pytest.approx(0.168, abs=0.001)  # 20 that agree prove no certainty
    assert found["excess_aurc"].value == 0
    # No error can't be ordered harmfully; of errors only, that none comes too early says nothing.
    assert isinstance(found["clear_harm"], Undefined) if wrong else found["clear_harm"] == 0


def test_what_no_order_can_show_is_not_called_harmless(ait):
    few = ait.measure(predictions=given(np.linspace(0.5, 1, 20), [True] * 4 + [False] * 16))
    same = ait.measure(predictions=given(np.full(100, 0.7), [True, False] * 50))
    assert isinstance(few["clear_harm"], Undefined) and isinstance(same["clear_harm"], Undefined)
    enough = ait.measure(predictions=given(np.linspace(0.5, 1, 40), [True] * 4 + [False] * 36))
    assert enough["clear_harm"] == 0


def test_what_can_not_be_measured(ait):
    p = drawn(0, 10)
    without = Predictions("classification", p.labels, p.predicted, None, p.classes)
    assert ait.measure(predictions=without) == Undefined("The predictions hold no probabilities.")
    assert ait.measure(predictions=given([], [])) == Undefined("There is no labelled row to measure.")
    with pytest.raises(ValueError, match="different numbers"):
        ait.measure(predictions=p, coverages=[0.5, 1.5])
