"""Samples of rows: which are drawn, in which order, and what goes with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import chisquare

from qmtestbed.ait import Roles, Table
from qmtestbed.measuring.drawing import some, some_rows


def test_every_position_is_drawn_alike_and_none_twice() -> None:
    rng = np.random.default_rng(0)
    counts = np.zeros(20)
    for _ in range(2000):
        drawn = some(20, 5, rng)
        assert list(drawn) == sorted(set(drawn)) and len(drawn) == 5
        counts[drawn] += 1
    assert chisquare(counts).pvalue > 0.001


def test_all_where_they_suffice() -> None:
    assert list(some(3, 3, np.random.default_rng(0))) == [0, 1, 2]
    assert list(some(0, 3, np.random.default_rng(0))) == []


def test_labels_and_index_go_with_the_rows() -> None:
    frame = pd.DataFrame({"x": range(100)}, index=range(1000, 1100))
    table = Table(frame, pd.Series(range(100), index=frame.index), Roles(label="y"))
    drawn = some_rows(table, 10, 3)
    assert drawn.labels is not None and list(drawn.labels) == list(drawn.frame["x"])
    assert list(drawn.frame.index) == [1000 + x for x in drawn.frame["x"]] == sorted(drawn.frame.index)
    pd.testing.assert_frame_equal(drawn.frame, some_rows(table, 10, 3).frame)
    assert some_rows(table, 100, 3) is table
    assert some_rows(Table(frame, None, Roles()), 10, 3).labels is None
