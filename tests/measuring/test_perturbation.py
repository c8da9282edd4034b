from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qmtestbed.measuring.perturbation import add_noise, numeric_columns


def noisy(series: pd.Series, scale: float = 0.5, seed: int = 0) -> pd.Series:
    frame = series.to_frame("x")
    return add_noise(frame, numeric_columns(frame), scale, np.random.default_rng(seed))["x"]


def test_the_spread_is_that_of_a_normal_distribution_and_outliers_do_not_move_it():
    x = np.random.default_rng(0).normal(10, 4, size=20_000)
    (plain,) = numeric_columns(pd.DataFrame({"x": x}))
    (with_outliers,) = numeric_columns(pd.DataFrame({"x": np.append(x, [1e6] * 20)}))
    assert plain.spread == pytest.approx(4, rel=0.02)
    assert with_outliers.spread == pytest.approx(4, rel=0.02)
    assert (plain.low, plain.high, plain.whole) == (x.min(), x.max(), False)


def test_the_noise_has_the_declared_size():
    x = pd.Series(np.random.default_rng(0).uniform(0, 1, size=50_000))
    moved = noisy(x, 0.02) - x
    (column,) = numeric_columns(x.to_frame("x"))
    assert moved.std() == pytest.approx(0.02 * column.spread, rel=0.02)
    assert abs(moved.mean()) < 3 * moved.std() / np.sqrt(50_000)


def test_a_column_that_mostly_repeats_one_value_has_its_standard_deviation_as_spread():
    x = np.array([0.0] * 90 + list(range(1, 11)))
    (column,) = numeric_columns(pd.DataFrame({"x": x}))
    assert column.spread == pytest.approx(x.std())


@pytest.mark.parametrize("dtype", ["int64", "uint8", "Int64", "float32", "float64", "Float64"])
def test_whole_numbers_stay_whole_in_range_and_of_their_type(dtype):
    x = pd.Series([0, 1, 2, 3, 250] * 40).astype(dtype)
    y = noisy(x)
    assert y.dtype == x.dtype
    assert (y.astype(float) % 1 == 0).all()
    assert (y.min(), y.max()) >= (0, 0) and y.max() <= 250
    assert (y != x).any()


@pytest.mark.parametrize(
    "x", [pd.Series([1.5, np.nan, 2.5, np.inf, 9.0]), pd.Series([1, None, 3, 4, 9], dtype="Int64")]
)
def test_missing_and_infinite_values_stay(x):
    y = noisy(pd.concat([x] * 20, ignore_index=True))
    odd = ~np.isfinite(np.tile(x.to_numpy(dtype=float, na_value=np.nan), 20))
    pd.testing.assert_series_equal(y[odd], pd.concat([x] * 20, ignore_index=True)[odd], check_names=False)
    assert y.isna().sum() == x.isna().sum() * 20


@pytest.mark.parametrize("values", [[1, 1, 1], [0, 1, 0], [True, False, True], list("abc"), [1j, 2, 3], [np.nan] * 3])
def test_what_is_not_perturbed(values):
    assert numeric_columns(pd.DataFrame({"x": values})) == []


def test_the_frame_that_is_given_stays_as_it_is():
    frame = pd.DataFrame({"x": np.arange(10.0), "y": np.arange(10.0)})
    before = frame.copy()
    after = add_noise(frame, numeric_columns(frame, ["y"]), 1.0, np.random.default_rng(0))
    pd.testing.assert_frame_equal(frame, before)
    assert after["y"].equals(frame["y"]) and not after["x"].equals(frame["x"])
