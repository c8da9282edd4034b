from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Roles, Table
from qmtestbed.measuring.records import first_rows, marks, not_comparable, record_ids, shared_features


def test_equal_content_has_equal_numbers_whatever_the_type():
    ids = record_ids(
        [
            [pd.Series([1, 2, 1]), pd.Series([1.0, np.nan])],
            [pd.Series(["a", "b", "a"], dtype="category"), pd.Series(["a", None])],
        ]
    )
    assert ids.tolist() == [0, 1, 0, 0, 2]
    assert first_rows(ids, 4).tolist() == [0, 1, 4, -1]


@pytest.mark.parametrize(
    ("parts", "same"),
    [
        ((pd.Series([None, 3.0]), pd.Series([np.nan, 4.0])), [0, 1, 0, 3]),
        ((pd.Series([0.0, 1.0]), pd.Series([-0.0, True])), [0, 1, 0, 1]),
        ((pd.Series([2**53, 2**53 + 1]), pd.Series([1.0, float(2**53)])), [0, 1, 2, 0]),
        ((pd.Series(["a", None], dtype="str"), pd.Series(["a", "b"], dtype="category")), [0, 1, 0, 3]),
    ],
)
def test_marks_are_equal_for_equal_values(parts, same):
    found = marks(parts).tolist()
    assert [found.index(m) for m in found] == same
    assert [record_ids([parts]).tolist().index(i) for i in record_ids([parts])] == same


def test_no_rows():
    none = pd.Series([], dtype=float)
    assert record_ids([[none], [none]]).tolist() == []


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_comparing_rows(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.integers(3, size=50), "b": rng.choice(["x", "y"], 50), "c": rng.random(50).round(1)})
    ids = record_ids([[frame[c]] for c in frame])
    rows = [tuple(r) for r in frame.itertuples(index=False)]
    assert all((ids[i] == ids[j]) == (rows[i] == rows[j]) for i in range(50) for j in range(50))


def test_why_tables_can_not_be_compared():
    data = Table(pd.DataFrame({"a": [1], "k": [1]}), None, Roles())
    train = Table(pd.DataFrame({"a": ["1"], "k": [1]}), None, Roles(id="k"))
    assert shared_features(["a", "k"], train) == ["a"]
    assert "numbers in the one table and text" in not_comparable(data, train, ["a"])
    assert not_comparable(data, data, ["a"]) == ""
    assert "lacks the columns" in not_comparable(data, train, ["z"])
    assert not_comparable(data, None, ["a"]) == "No training data are given."
