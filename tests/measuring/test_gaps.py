from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.stats import binomtest

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.measuring.gaps import Gap, difference, largest_gap, smallest_ratio
from qmtestbed.measuring.intervals import clopper_pearson


def kernels(counts: list[tuple[int, int]]):
    return {f"g{i}": partial(clopper_pearson, hits, n) for i, (hits, n) in enumerate(counts)}


def test_a_difference_has_the_limits_of_newcombe():
    """56 of 70 and 48 of 80 of Newcombe (1998), with exact instead of Wilson's limits."""
    a, b = (Estimate(h / n, *binomtest(h, n).proportion_ci(), 0.95, n) for h, n in ((56, 70), (48, 80)))
    d = difference(a, b)
    assert d.value == pytest.approx(0.2)
    assert d.low == pytest.approx(0.2 - np.hypot(a.value - a.low, b.high - b.value))
    assert (d.low, d.high) == (pytest.approx(0.0524, abs=0.015), pytest.approx(0.3339, abs=0.015))  # his method 10
    assert difference(b, a).low == pytest.approx(-d.high)


def test_the_largest_gap_names_its_groups_and_bounds_what_any_pair_shows():
    found = largest_gap(kernels([(30, 100), (50, 100), (42, 80)]), 0.95)
    assert isinstance(found, Gap)
    assert (found.lowest, found.highest) == ("g0", "g2")
    assert found.estimate.value == pytest.approx(0.225)
    each = {k: kernel(1 - 0.05 / 3) for k, kernel in kernels([(30, 100), (50, 100), (42, 80)]).items()}
    pairs = [difference(each[a], each[b]) for a in each for b in each if a != b]
    assert found.estimate.low == pytest.approx(max(0, *(d.low for d in pairs)))
    assert found.estimate.high == pytest.approx(max(d.high for d in pairs))


def test_the_interval_of_the_largest_of_five_equal_groups_holds_0():
    """60 rows each: the mean of the largest gap is .136 at a share of one half, far from the truth."""
    rng = np.random.default_rng(0)
    found = [largest_gap(kernels([(int(h), 60) for h in rng.binomial(60, 0.5, 5)]), 0.95) for _ in range(200)]
    assert np.mean([f.estimate.value for f in found]) > 0.12
    assert np.mean([f.estimate.low == 0 for f in found]) >= 0.93


def test_the_smallest_ratio_lies_between_the_quotients_of_simultaneous_limits():
    e = smallest_ratio(kernels([(30, 100), (60, 100)]), 0.95)
    a, b = (binomtest(h, 100).proportion_ci(0.975) for h in (30, 60))
    assert (e.value, e.low, e.high) == pytest.approx((0.5, a.low / b.high, a.high / b.low))
    assert smallest_ratio(kernels([(5, 10), (5, 10)]), 0.95).value == 1
    assert isinstance(smallest_ratio(kernels([(0, 10), (0, 10)]), 0.95), Undefined)


@pytest.mark.parametrize("counts", [[], [(3, 5)], [(3, 5), (0, 0)]])
def test_fewer_than_two_groups_have_no_gap(counts):
    assert isinstance(largest_gap(kernels(counts), 0.95), Undefined)
    assert isinstance(smallest_ratio(kernels(counts), 0.95), Undefined)
