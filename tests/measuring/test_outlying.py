from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qmtestbed.measuring.outlying import RIDGE, far_out, joint_distances


def descending(values: np.ndarray) -> np.ndarray:
    return np.sort(values)[::-1]


def rest(rows: int) -> np.ndarray:
    """Expected distances of a half-normal column."""
    return descending(stats.halfnorm.ppf((np.arange(rows) + 0.5) / rows))


def test_one_outlier_is_judged_by_the_f_distribution():
    usual = rest(1000)
    logs = np.log(usual)
    hill = (logs[:99].sum() + logs[0] - 100 * logs[99]) / 99  # the outlier counts as being at the largest of the rest
    tried = 12 + 2  # each of the twelve largest, then the 12th and the 20th in steps of a quarter
    for times in (3.0, 6.0, 12.0):
        p = stats.f.sf(np.log(times) / hill, 2, 2 * 99) * (tried - 1)
        data = np.r_[usual[0] * times, usual]
        assert far_out(data, 1001, p * 1.01) == 1, times
        assert far_out(data, 1001, p / 1.01) == 0, times


@pytest.mark.parametrize("index", [0.2, 0.5, 1.5])
def test_a_pareto_tail_of_any_index_is_rarely_called_outlying(index):
    rng = np.random.default_rng(1)
    found = [far_out(descending(rng.pareto(1 / index, 400) + 1), 400, 0.05, ratio=1.0) for _ in range(600)]
    assert stats.binomtest(int(np.count_nonzero(found)), 600, 0.05, alternative="greater").pvalue > 0.001


@pytest.mark.parametrize("draw", [np.abs, np.exp, lambda z: np.exp(2 * z), np.square])
def test_lighter_tails_are_never_called_outlying_here(draw):
    rng = np.random.default_rng(2)
    assert not any(far_out(descending(draw(rng.normal(size=500))), 500, 0.01) for _ in range(200))


def test_far_values_are_counted_and_no_others():
    assert far_out(np.r_[5000.0, 900.0, 700.0, rest(300)], 303, 0.001) == 3
    assert far_out(np.r_[np.full(40, 999.0), rest(300)], 340, 0.001) == 40
    assert far_out(np.r_[np.linspace(990, 900, 40), rest(300)], 340, 0.001) == 0  # too many: a population of its own


def test_ties_on_a_grid_are_not_taken_for_a_tail_without_spread():
    counts = np.r_[np.full(3, 3.0), np.full(20, 2.0), np.full(100, 1.0)]
    assert far_out(counts, 1000, 0.01, step=1.0) == 0
    assert far_out(np.r_[300.0, counts], 1000, 0.01, step=1.0) == 1


def test_the_repetition_of_a_value_is_no_evidence():
    """Twice the distance, five times: the rows may all be of one person."""
    usual = rest(300)
    once, often = np.r_[usual[0] * 2.2, usual], np.r_[np.full(5, usual[0] * 2.2), usual]
    assert far_out(often, 305, 0.0001) == far_out(once, 301, 0.0001) == 0


def test_with_too_little_to_compare_with_nothing_is_found():
    assert far_out(np.empty(0), 0, 0.05) == 0
    assert far_out(np.array([1000.0]), 100, 0.05) == 0
    assert far_out(np.r_[1000.0, rest(7)], 100, 0.05) == 0


def test_the_distance_of_a_row_with_gaps_is_that_of_the_columns_it_has():
    rng = np.random.default_rng(3)
    full = rng.multivariate_normal(np.zeros(3), [[1, 0.8, 0.3], [0.8, 1, 0.2], [0.3, 0.2, 1]], 4000)
    gaps = full.copy()
    gaps[:5, 1] = np.nan
    whole, _ = joint_distances(full)
    some, _ = joint_distances(gaps)
    usual = full[whole <= np.quantile(whole, 0.95)]
    covariance = (1 - RIDGE) * usual.T @ usual / len(usual)
    covariance += RIDGE * np.trace(usual.T @ usual / len(usual)) / 3 * np.eye(3)
    marginal = np.linalg.inv(covariance[np.ix_([0, 2], [0, 2])])
    expected = np.sqrt(np.einsum("ij,jk,ik->i", full[:5][:, [0, 2]], marginal, full[:5][:, [0, 2]]))
    np.testing.assert_allclose(some[:5], expected, rtol=0.01)
    np.testing.assert_allclose(some[5:], whole[5:], rtol=0.01)


def test_the_residual_names_the_column_that_does_not_fit():
    rng = np.random.default_rng(4)
    z = rng.normal(size=(500, 1)) + 0.1 * rng.normal(size=(500, 4))
    z[0] = [1, 1, 1, -1]
    distances, residuals = joint_distances(z)
    assert np.argmax(distances) == 0 and np.argmax(np.abs(residuals[0])) == 3


def test_columns_that_repeat_one_another_or_are_empty_do_no_harm():
    x = np.random.default_rng(5).normal(size=(100, 1))
    assert np.isfinite(joint_distances(np.hstack([x, x, 0 * x]))[0]).all()
