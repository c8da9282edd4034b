from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gaussian_kde
from sklearn.covariance import EmpiricalCovariance

from qmtestbed.measuring.scatter import FLOOR, log_density, scatter_of

CLOUD = np.random.default_rng(0).normal(size=(60, 3)) @ [[2.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 0.3]] + 5
POINTS = np.random.default_rng(1).normal(5, 3, size=(25, 3))


def test_distances_are_those_of_scikit_learn_and_of_the_definition():
    scatter = scatter_of(CLOUD)
    assert scatter is not None
    expected = np.sqrt(EmpiricalCovariance().fit(CLOUD).mahalanobis(POINTS))
    assert scatter.distances(POINTS) == pytest.approx(expected)
    inverse = np.linalg.inv(np.cov(CLOUD.T, ddof=0))
    apart = POINTS - CLOUD.mean(axis=0)
    assert scatter.distances(POINTS) ** 2 == pytest.approx(np.einsum("ij,jk,ik->i", apart, inverse, apart))


def test_densities_are_those_of_scipy():
    scatter = scatter_of(CLOUD, ddof=1)
    assert scatter is not None
    for factor in (60 ** (-1 / 7), 1.0):
        expected = gaussian_kde(CLOUD.T, factor).logpdf(POINTS.T)
        assert log_density(POINTS, CLOUD, scatter, factor) == pytest.approx(expected)
    assert gaussian_kde(CLOUD.T).factor == pytest.approx(60 ** (-1 / 7))


def test_it_does_not_matter_how_the_axes_lie(monkeypatch):
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    a, b = scatter_of(CLOUD, ddof=1), scatter_of(CLOUD @ turn + 7, ddof=1)
    assert a is not None and b is not None
    assert a.distances(POINTS) == pytest.approx(b.distances(POINTS @ turn + 7))
    whole = log_density(POINTS, CLOUD, a, 0.5)
    assert log_density(POINTS @ turn + 7, CLOUD @ turn + 7, b, 0.5) == pytest.approx(whole)
    monkeypatch.setattr("qmtestbed.measuring.scatter.CELLS_AT_ONCE", 1)
    assert log_density(POINTS, CLOUD, a, 0.5) == pytest.approx(whole)


def test_a_direction_without_spread_counts_for_no_more_than_the_floor():
    flat = np.stack([np.arange(10.0), np.zeros(10)], axis=1)
    scatter = scatter_of(flat)
    assert scatter is not None
    across = scatter.distances(np.array([[4.5, 1.0]]))
    assert across == pytest.approx(1 / np.sqrt(FLOOR * flat[:, 0].var()))


def test_middles_of_their_own_and_points_in_one_place():
    means = np.repeat([[0.0, 0.0], [9.0, 9.0]], 5, axis=0)
    spread = np.random.default_rng(0).normal(size=(5, 2))
    own = scatter_of(means + np.tile(spread, (2, 1)), means + spread.mean(axis=0))
    alone = scatter_of(spread - spread.mean(axis=0))
    assert own is not None and alone is not None
    assert own.distances(spread) == pytest.approx(alone.distances(spread))
    assert scatter_of(np.ones((5, 2))) is None and scatter_of(np.ones((1, 2)), ddof=1) is None
