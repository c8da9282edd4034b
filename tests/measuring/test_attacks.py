from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmtestbed.measuring.attacks import Budget, fgsm, pgd, random_start


def bowl(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gradient of the squared distance from 0.5: to climb is to go to a corner."""
    return 2 * (x - 0.5)


@settings(max_examples=60, deadline=None)
@given(
    epsilon=st.floats(0, 1),
    step=st.floats(0.01, 3),
    steps=st.integers(0, 6),
    seed=st.integers(0, 99),
    ends=st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)]),
)
def test_no_attack_leaves_the_budget_or_the_range(epsilon, step, steps, seed, ends):
    low, high = ends
    rng = np.random.default_rng(seed)
    x = rng.uniform(low, high, size=(5, 3, 3, 1)).astype(np.float32)
    budget = Budget(epsilon * (high - low), low, high)
    y = np.zeros(5)
    start = random_start(x, budget, rng)

    def gradient(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return rng.normal(size=x.shape).astype(np.float32)

    for made in (
        start,
        fgsm(x, gradient(x, y), budget),
        pgd(x, y, gradient, budget, step=step, steps=steps, start=start),
    ):
        assert (made.shape, made.dtype) == (x.shape, np.float32)
        assert np.abs(made - x).max() <= epsilon * (high - low) + 1e-6 * (high - low)
        assert made.min() >= low and made.max() <= high


def test_fgsm_goes_all_the_way_by_the_sign():
    x = np.full((1, 2, 2, 1), 0.5, dtype=np.float32)
    gradient = np.array([1e-9, -3.0, 0.0, np.nan], dtype=np.float32).reshape(x.shape)
    assert fgsm(x, gradient, Budget(0.2, 0.0, 1.0)).ravel() == pytest.approx([0.7, 0.3, 0.5, 0.5])
    assert fgsm(x, gradient, Budget(0.9, 0.0, 1.0)).ravel() == pytest.approx([1.0, 0.0, 0.5, 0.5])


def test_pgd_reaches_the_corner_of_the_budget():
    x = np.random.default_rng(0).uniform(size=(20, 4)).astype(np.float32)
    made = pgd(x, np.zeros(20), bowl, Budget(0.1, 0.0, 1.0), step=0.1, steps=30, start=x)
    np.testing.assert_allclose(made, np.clip(x + 0.1 * np.sign(x - 0.5), 0, 1), atol=1e-6)


def test_starts_at_random_fill_the_budget():
    x = np.full((2000, 3), 0.5, dtype=np.float32)
    starts = random_start(x, Budget(0.1, 0.0, 1.0), np.random.default_rng(0))
    assert starts.mean() == pytest.approx(0.5, abs=0.003)
    assert starts.std() == pytest.approx(0.2 / np.sqrt(12), rel=0.03)


def test_each_column_can_have_its_own_budget():
    x = np.array([[10.0, 0.5, 3.0]], dtype=np.float32)
    budget = Budget(*(np.array(v, dtype=np.float32) for v in ([5, 0.1, 0], [0, 0, 0], [100, 1, 10])))
    gradient = np.array([[1.0, -1.0, 1.0]], dtype=np.float32)
    assert fgsm(x, gradient, budget).ravel() == pytest.approx([15, 0.4, 3])
