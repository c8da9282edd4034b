from __future__ import annotations

import doctest

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstwobign

from qmtestbed.measuring import permutation
from qmtestbed.measuring.permutation import chance_limits, deal, distances


def test_examples_in_docstrings():
    assert doctest.testmod(permutation).failed == 0


@pytest.mark.parametrize("seed", range(5))
def test_the_distance_of_ordered_values_is_that_of_kolmogorov_and_smirnov(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(9, size=rng.integers(1, 50)), rng.integers(3, 12, size=rng.integers(1, 50))
    counts = [np.bincount(x, minlength=12) for x in (a, b)]
    assert distances(*counts, ordered=True) == pytest.approx(ks_2samp(a, b).statistic)
    assert distances(*counts, ordered=True) <= distances(*counts, ordered=False)


def test_total_variation_by_hand():
    assert distances([5, 5], [60, 40], ordered=False) == pytest.approx(0.1)
    assert distances([1, 0, 0], [0, 1, 1], ordered=False) == 1
    assert distances([2, 4, 6], [1, 2, 3], ordered=False) == 0
    assert distances([[1, 0], [1, 1]], [[0, 1], [2, 2]], ordered=False).tolist() == [1, 0]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("grouped", [True, False])
def test_the_distances_of_deals_are_those_of_their_rows(monkeypatch, grouped, ordered):
    rng = np.random.default_rng(0)
    in_first, codes = rng.random(60) < 0.4, rng.integers(5, size=60)
    groups = rng.integers(15, size=60) if grouped else None
    deals = deal(in_first, 20, np.random.default_rng(1), groups)
    found = deals.distances(codes, 5, ordered=ordered)
    assert np.array_equal(deals.row[deals.number == 0], np.flatnonzero(in_first))
    for k in range(21):
        chosen = np.isin(np.arange(60), deals.row[deals.number == k])
        counts = [np.bincount(codes[x], minlength=5) for x in (chosen, ~chosen)]
        assert found[k] == distances(*counts, ordered=ordered)
    monkeypatch.setattr(permutation, "MOST_CELLS", 12)  # in several parts
    assert deals.distances(codes, 5, ordered=ordered).tolist() == found.tolist()


def test_rows_are_dealt_in_equal_numbers_and_in_different_ways():
    deals = deal(np.arange(40) < 15, 50, np.random.default_rng(0))
    assert np.bincount(deals.number).tolist() == [15] * 51
    assert len({tuple(deals.row[deals.number == k]) for k in range(51)}) == 51


def test_groups_stay_together_and_a_group_of_both_samples_is_two():
    in_first = np.array([True, True, False, False, False, False])
    deals = deal(in_first, 200, np.random.default_rng(0), ["a", None, "a", "b", "b", None])
    dealt = {tuple(deals.row[deals.number == k]) for k in range(201)}
    units = [(0,), (1,), (2,), (3, 4), (5,)]
    assert dealt == {tuple(sorted(a + b)) for i, a in enumerate(units) for b in units[i + 1 :]}


def test_a_sample_without_rows_is_refused():
    for in_first in (np.ones(3, dtype=bool), np.zeros(3, dtype=bool)):
        with pytest.raises(ValueError, match="both samples need rows"):
            deal(in_first, 1, np.random.default_rng(0))


def test_limits_by_hand():
    """Means over all four deals .35 and .1; largest centred distances of the random deals .05, -.05 and .1."""
    dealt = [np.array([0.5, 0.4, 0.3, 0.2]), np.array([0.1, 0.1, 0.0, 0.2])]
    assert chance_limits(dealt, 0.25) == pytest.approx([0.45, 0.2])
    assert chance_limits(dealt, 0.5) == pytest.approx([0.4, 0.15])
    assert chance_limits([np.array([1.0, 1.0])], 0.5).tolist() == [1.0]
    with pytest.raises(ValueError, match="9 permutations or more are needed"):
        chance_limits(dealt, 0.1)


def test_the_limit_of_one_continuous_column_is_that_of_the_asymptotic_law():
    rng = np.random.default_rng(0)
    deals = deal(np.arange(2000) < 1000, 1999, rng)
    (limit,) = chance_limits([deals.distances(rng.permutation(2000), 2000, ordered=True)], 0.05)
    assert limit == pytest.approx(kstwobign.ppf(0.95) / np.sqrt(500), rel=0.04)


@pytest.mark.parametrize("columns", [1, 40])
def test_chance_exceeds_its_limit_as_often_as_stated_whatever_the_number_of_columns(columns):
    """At 10 %, 400 samples: 10 % less or more three standard errors."""
    rng = np.random.default_rng(columns)
    alarms = 0
    for _ in range(400):
        values = rng.integers(6, size=(columns, 50))
        values[::2] = rng.permuted(np.tile(np.arange(50), (len(values[::2]), 1)), axis=1)
        deals = deal(np.arange(50) < 20, 19, rng)
        dealt = [deals.distances(v, 50, ordered=i % 3 != 1) for i, v in enumerate(values)]
        alarms += bool(np.any([d[0] for d in dealt] > chance_limits(dealt, 0.1) + 1e-9))
    assert 0.05 <= alarms / 400 <= 0.145
