from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from qmtestbed.measuring.noise_floor import HIGHEST, fit_floor


def drawn(seed: int, n: int, floor: float, slope: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Sureness and disagreement as the model of the module has them."""
    rng = np.random.default_rng(seed)
    z = np.abs(rng.normal(size=n))
    return z, rng.random(n) < floor + (1 - floor) * expit(-slope * z)


def unbinned(z: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """Maximise the likelihood of single rows with a general optimiser: floor, and deviance against none."""

    def loss(theta: np.ndarray, floor: float | None = None) -> float:
        e = HIGHEST * expit(theta[2]) if floor is None else floor
        p = np.clip(e + (1 - e) * expit(theta[0] - np.exp(theta[1]) * z), 1e-12, 1 - 1e-12)
        return float(-np.where(wrong, np.log(p), np.log1p(-p)).sum())

    options = {"maxiter": 4000, "xatol": 1e-6, "fatol": 1e-8}
    starts = [minimize(loss, [0, 0.5, t], method="Nelder-Mead", options=options) for t in (-4, -1.5)]
    free = min(starts, key=lambda r: r.fun)
    without = minimize(lambda t: loss(t, 0.0), [0, 0.5], method="Nelder-Mead", options=options)
    return float(HIGHEST * expit(free.x[2])), 2 * float(without.fun - free.fun)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_a_general_optimiser(seed):
    z, wrong = drawn(seed, 300 if seed else 3000, 0.08, slope=5.0)
    found = fit_floor(z, wrong, 0.95)
    floor, deviance = unbinned(found.sureness, wrong)
    assert found.value == pytest.approx(floor, abs=0.004)
    assert found.deviance == pytest.approx(deviance, rel=0.1)  # bins of like rows cost some of it


def test_without_a_floor_it_is_seldom_called_clear_and_the_interval_holds_the_truth():
    clear = covered = 0
    for seed in range(60):
        z, wrong = drawn(seed, 100, 0.0 if seed % 2 else 0.06)
        found = fit_floor(z, wrong, 0.95)
        clear += seed % 2 and found.is_clear(0.01)
        covered += found.low <= (0.0 if seed % 2 else 0.06) <= found.high
    assert clear <= 3  # of 30 at 1 %
    assert covered >= 54


def test_only_the_order_of_the_sureness_counts():
    z, wrong = drawn(0, 500, 0.05)
    a, b = fit_floor(z, wrong, 0.9), fit_floor(expit(7 * z - 3), wrong, 0.9)
    assert (a.value, a.low, a.high, a.deviance) == (b.value, b.low, b.high, b.deviance)


def test_the_share_of_flat_rows_is_where_the_floor_prevails():
    found = fit_floor(*drawn(0, 5000, 0.1, slope=5.0), 0.95)
    assert found.low < 0.1 < found.high
    assert found.flat_share == (found.overlap(found.sureness) < found.value).mean() > 0.5
    assert np.allclose(
        found.disagreement(found.sureness), found.value + (1 - found.value) * found.overlap(found.sureness)
    )


def test_a_design_effect_widens_the_interval_and_lowers_the_deviance():
    z, wrong = drawn(2, 1000, 0.08)
    a, b = fit_floor(z, wrong, 0.95), fit_floor(z, wrong, 0.95, design_effect=4.0)
    assert b.low <= a.low <= a.value == b.value <= a.high < b.high
    assert b.deviance == pytest.approx(a.deviance / 4)


def test_nothing_wrong_and_everything_wrong():
    z = np.linspace(0, 1, 200)
    none = fit_floor(z, np.zeros(200, dtype=bool), 0.95)
    assert (none.value, none.low, none.flat_share) == (0.0, 0.0, 0.0)
    assert 0 < none.high < 0.03  # the rule of three over two: 1.92 / 200
    every = fit_floor(z, np.ones(200, dtype=bool), 0.95)
    assert 0 <= every.low <= every.value <= every.high <= HIGHEST
    assert not every.is_clear(0.01)


@pytest.mark.parametrize("sureness", [[], [1.0, 1.0], [0.1, 0.2, 0.3]])
def test_what_can_not_be_fitted_is_refused(sureness):
    with pytest.raises(ValueError, match="different values are needed"):
        fit_floor(sureness, np.zeros(min(len(sureness), 2), dtype=bool), 0.95)
