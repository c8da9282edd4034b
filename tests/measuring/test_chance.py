from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy import stats

from qmtestbed.measuring.chance import all_in_second, expected_repeats, unseen_at_least


def test_all_in_second_counts_the_ways_of_cutting() -> None:
    for first, second, k in ((3, 4, 0), (3, 4, 2), (3, 4, 4), (5, 2, 2), (0, 3, 2)):
        cuts = [set(c) for c in combinations(range(first + second), second)]
        truth = sum(set(range(k)) <= c for c in cuts) / len(cuts)
        assert float(all_in_second(first, second, k)) == pytest.approx(truth)


def test_all_in_second_is_hypergeometric_and_never_leaves_its_range() -> None:
    k = np.arange(0, 60)
    truth = [stats.hypergeom.pmf(x, 1000, x, 400) for x in k]
    assert all_in_second(600, 400, k) == pytest.approx(truth)
    assert all_in_second(600, 400, [401, 1000]).tolist() == [0.0, 0.0]
    assert float(all_in_second(10**6, 10**6, 3)) == pytest.approx(1 / 8, rel=1e-4)


@pytest.mark.parametrize("weights", [np.full(400, 1.0), 1 / np.arange(1, 301) ** 1.1, np.ones(5)])
def test_unseen_at_least_bounds_what_random_cuts_give(weights) -> None:
    rng = np.random.default_rng(0)
    rows = rng.choice(len(weights), 500, p=weights / weights.sum())
    sizes = np.bincount(rows, minlength=len(weights))
    seen = []
    for _ in range(500):
        order = rng.permutation(rows)
        seen.append(int((~np.isin(order[250:], order[:250])).sum()))
    for share in (0.5, 0.1, 0.01):
        k = int(np.quantile(seen, 1 - share)) + 1
        truth = np.mean(np.array(seen) >= k)
        assert unseen_at_least(sizes, 250, 250, k) >= truth - 3 * math.sqrt(share / 500)
    assert unseen_at_least(sizes, 250, 250, 0) == 1.0


def test_one_category_is_exact_and_large_ones_add_next_to_nothing() -> None:
    assert unseen_at_least([6, 100, 194], 150, 150, 6) == pytest.approx(float(all_in_second(150, 150, 6)))
    assert unseen_at_least([100, 100, 100], 150, 150, 2) < 1e-30


def test_unseen_at_least_falls_with_the_rows_asked_for() -> None:
    sizes = np.r_[np.ones(60), np.full(20, 2), np.full(10, 40)]
    found = [unseen_at_least(sizes, 300, 260, k) for k in range(0, 80, 5)]
    assert all(a >= b - 1e-9 for a, b in pairwise(found))
    assert found[-1] < 1e-6


@pytest.mark.parametrize("draw", ["uniform", "normal", "rounded", "poisson"])
def test_expected_repeats_are_those_of_independent_draws(draw) -> None:
    rng = np.random.default_rng(1)
    samples = {
        "uniform": lambda: rng.integers(0, 20_000, 2000),
        "normal": lambda: rng.normal(0, 4000, 2000).round().astype(np.int64),
        "rounded": lambda: rng.normal(0, 4000, 2000).round().astype(np.int64) * 500 + 10**12,
        "poisson": lambda: rng.poisson(20_000, 2000),
    }
    truth, expected = [], []
    for _ in range(20):
        x = samples[draw]()
        truth.append(len(x) - len(np.unique(x)))
        expected.append(expected_repeats(x.astype(np.int64)))
    assert np.mean(expected) == pytest.approx(np.mean(truth), rel=0.15)


def test_there_is_nothing_to_expect_of_few_or_equal_values() -> None:
    assert expected_repeats(np.arange(5)) == 0.0
    assert expected_repeats(np.full(100, 7)) == 0.0
    assert expected_repeats(np.empty(0, dtype=np.int64)) == 0.0
