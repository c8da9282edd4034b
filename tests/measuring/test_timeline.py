from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from qmtestbed.ait import Roles, Table, Undefined
from qmtestbed.measuring.timeline import beyond_blocks, cut_in_time, in_time, times_of

RNG = np.random.default_rng


def table(times: Any) -> Table:
    return Table(pd.DataFrame({"t": times}), None, Roles(time="t"))


@pytest.mark.parametrize(
    "times",
    [
        [2, 1, 3],
        [2.5, 1, 3],
        pd.Series([2, 1, 3], dtype="Int64"),
        ["2026-01-02", "2026-01-01", "2026-01-02 00:00:01"],
        pd.Series(["2026-02", "2026-01", "2026-03"], dtype="category"),
        ["2026-01-01T10:00+09:00", "2026-01-01T00:59Z", "2026-01-01T01:01Z"],
        [dt.date(2026, 1, 2), dt.date(2026, 1, 1), dt.date(2026, 1, 3)],
        pd.to_datetime(["2026-01-02", "2026-01-01", "2026-01-03"]),
    ],
)
def test_times_are_read_in_any_usual_form(times):
    assert np.argsort(times_of(table(times))).tolist() == [1, 0, 2]


def test_what_is_no_time_is_told():
    assert isinstance(times_of(table(["monday", "tuesday"])), Undefined)
    assert isinstance(times_of(table([None, None])), Undefined)
    assert isinstance(times_of(Table(pd.DataFrame({"t": [1]}), None, Roles())), Undefined)
    assert np.isnan(times_of(table(["2026-01-01", None]))).tolist() == [False, True]


def test_rows_are_put_in_order_without_those_that_have_no_time():
    times = np.array([3.0, np.nan, 1.0, 2.0, 1.0])
    order = in_time(times, 10, RNG(0))
    assert times[order].tolist() == [1, 1, 2, 3]
    assert len(in_time(np.arange(100.0), 10, RNG(0))) == 10
    firsts = {int(in_time(np.zeros(5), 5, RNG(s))[0]) for s in range(50)}
    assert firsts == {*range(5)}


@pytest.mark.parametrize("n", [60, 300, 1000, 5000])
def test_weights_give_late_less_early_means(n):
    x = RNG(1).normal(size=n)
    cuts = cut_in_time(np.arange(n, dtype=float), 5, RNG(0))
    sums = np.bincount(cuts.block, weights=x)
    found = cuts.weights @ sums
    np.testing.assert_allclose(found[0], [x[a:].mean() - x[:a].mean() for a in cuts.at])
    share = cuts.at / n
    np.testing.assert_allclose(cuts.balance[0], 2 * np.sqrt(share * (1 - share)))
    assert 20 <= cuts.blocks <= 40 and ((share >= 0.1) & (share <= 0.9)).all() and len(cuts.at) <= 16
    np.testing.assert_allclose(cuts.weights @ np.bincount(cuts.block), 0, atol=1e-9)


def test_cuts_lie_where_the_time_changes():
    years = np.sort(RNG(0).choice(5, 1003, p=[0.3, 0.1, 0.25, 0.05, 0.3])).astype(float)
    cuts = cut_in_time(years, 3, RNG(0))
    assert {*cuts.at} <= {*(np.flatnonzero(np.diff(years)) + 1)} and len(cuts.at) == 4
    one_change = np.r_[np.zeros(2), np.ones(98)]
    assert cut_in_time(one_change, 3, RNG(0)).at.tolist() == [2]


@pytest.mark.parametrize("r", [0.0, 0.5, 0.9, 0.98])
def test_how_far_dependence_outlasts_a_block_agrees_with_a_simulation(r):
    n, blocks = 1000, 40
    x = lfilter([1], [1, -r], RNG(3).normal(size=(3000, n + 1000)))[:, 1000:]
    means = x.reshape(len(x), blocks, -1).mean(axis=2)
    expected = np.sqrt(x.mean(axis=1).var() / (means.var() / blocks))
    assert beyond_blocks(r - (1 + 3 * r) / n, n, blocks) == pytest.approx(expected, rel=0.08)


def test_negative_dependence_is_not_made_use_of():
    assert beyond_blocks(-0.5, 1000, 40) == 1
    assert np.isfinite(beyond_blocks(1.0, 1000, 40))
