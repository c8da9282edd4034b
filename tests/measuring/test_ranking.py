from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.measuring.answers import pooled_groups
from qmtestbed.measuring.ranking import auc_interval, delong


def interval(*given, **options) -> Estimate:
    found = auc_interval(*given, 0.95, **options)
    assert isinstance(found, Estimate)
    return found


def test_the_area_is_that_of_scikit_learn_and_of_two_normals():
    rng = np.random.default_rng(0)
    scores, yes = np.concatenate([rng.normal(size=20_000), rng.normal(1, 1, 20_000)]), np.arange(40_000) >= 20_000
    e = interval(scores, yes)
    assert e.value == pytest.approx(roc_auc_score(yes, scores)) and e.n == 40_000
    assert e.low < 0.760250 < e.high and e.high - e.low < 0.011
    coarse = scores.round()
    assert interval(coarse, yes).value == pytest.approx(roc_auc_score(yes, coarse))
    assert interval(-scores, yes).value == pytest.approx(1 - e.value)


def test_the_variance_is_delongs():
    """Of the two sets of structural components, each with its own degrees of freedom."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 1, 40), rng.normal(size=90)
    e = interval(np.concatenate([a, b]), np.arange(130) < 40)
    wins = (a[:, None] > b).astype(float)
    error = math.sqrt(wins.mean(axis=1).var(ddof=1) / 40 + wins.mean(axis=0).var(ddof=1) / 90)
    slope = e.value * (1 - e.value)
    half = [math.log(x / (1 - x)) - math.log(e.value / (1 - e.value)) for x in (e.low, e.high)]
    assert half[1] == pytest.approx(-half[0])
    assert 1.96 < half[1] * slope / error < 2.02  # Student's t with 40 to 128 degrees of freedom


@pytest.mark.parametrize(("apart", "n", "m"), [(0, 30, 30), (1, 20, 200), (2, 200, 20), (3, 40, 40), (4, 30, 300)])
def test_the_interval_holds_the_truth(apart, n, m):
    rng, truth = np.random.default_rng(apart), norm.cdf(apart / math.sqrt(2))
    held = 0
    for _ in range(300):
        scores = np.concatenate([rng.normal(size=n), rng.normal(apart, 1, m)])
        e = interval(scores, np.arange(n + m) >= n)
        assert 0 <= e.low <= e.value <= e.high <= 1
        held += e.low <= truth <= e.high
    assert held >= 277  # 0.5 % of the time fewer, at 95 %


@pytest.mark.parametrize("n", [2, 50])
def test_kinds_that_are_told_without_an_error_are_so_many_trials(n):
    scores, yes = np.arange(3.0 * n), np.arange(3 * n) >= 2 * n
    e, other = interval(scores, yes), interval(-scores, yes)
    exact = binomtest(n, n).proportion_ci(0.95)
    assert (e.value, e.low, e.high, e.n) == (1.0, pytest.approx(exact.low), 1.0, 3 * n)
    assert (other.value, other.high) == (0.0, pytest.approx(1 - exact.low))
    groups = np.repeat(np.arange(3), n)
    assert interval(scores, yes, groups=groups).low == pytest.approx(binomtest(1, 1).proportion_ci(0.95).low)


def test_few_wrong_pairs_are_no_surer_than_as_many_trials():
    scores, yes = np.arange(60.0), np.arange(60) >= 30
    scores[[29, 30]] = scores[[30, 29]]
    e = interval(scores, yes)
    assert e.value == 1 - 1 / 900 and e.low < binomtest(30, 30).proportion_ci(0.95).low + 0.01
    assert e.high > 1 - 1e-4


def test_one_score_for_all_says_nothing():
    e = interval(np.zeros(40), np.arange(40) < 20)
    assert e.value == 0.5 and e.low < 0.3 and e.high > 0.7


def test_groups_are_the_items():
    rng = np.random.default_rng(2)
    scores, yes = np.concatenate([rng.normal(size=40), rng.normal(1, 1, 40)]), np.arange(80) >= 40
    single, twice = interval(scores, yes), interval(scores.repeat(2), yes.repeat(2), groups=np.arange(80).repeat(2))
    assert twice.value == pytest.approx(single.value) and twice.n == 80
    assert twice.high - twice.low == pytest.approx(single.high - single.low, rel=0.05)
    assert interval(scores.repeat(2), yes.repeat(2)).low > twice.low


def test_one_kind_alone_has_no_area():
    assert isinstance(auc_interval([1.0, 2.0], [True, True], 0.95), Undefined)
    assert isinstance(delong([], [], None), Undefined)


def test_groups_of_several_sets_are_numbered_together():
    named = np.array(["a", "b", None, None], dtype=object)

    def pooled(*sets):
        found = pooled_groups(*sets)
        return None if found is None else found.tolist()

    assert pooled((named, 4), (np.array(["b"]), 1)) == [0, 1, 2, 2, 1]
    assert pooled((np.array([1.0, 2.0]), 2), (np.array([2, 3]), 2)) == [0, 1, 1, 2]
    assert pooled((None, 2), (named, 4)) == [0, 1, 2, 3, 4, 4]
    assert pooled((None, 3), (None, 2)) is None
