from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from qmtestbed.measuring.columns import codes_of, kind_of, names_of, numbers_of

DAY = dt.date(2026, 1, 2)


@pytest.mark.parametrize(
    ("values", "kind", "first"),
    [
        (pd.Series([1, 2]), "numbers", 1.0),
        (pd.Series([1, None], dtype="Int64"), "numbers", 1.0),
        (pd.Series([True, False]), "numbers", 1.0),
        (pd.Series([True, None], dtype=object), "numbers", 1.0),
        (pd.Series([True, None], dtype="boolean"), "numbers", 1.0),
        (pd.Series([Decimal("1.5"), None]), "numbers", 1.5),
        (pd.Series([np.inf, np.nan]), "numbers", np.inf),
        (pd.Series([3, 4], dtype="category"), "numbers", 3.0),
        (pd.to_datetime(pd.Series(["1970-01-02", None])), "times", 86400.0),
        (pd.to_datetime(pd.Series(["1970-01-01T09:00+09:00"])), "times", 0.0),
        (pd.Series([DAY]), "times", (DAY - dt.date(1970, 1, 1)).days * 86400.0),
        (pd.to_timedelta(pd.Series(["1min", None])), "durations", 60.0),
    ],
)
def test_numbers_whatever_type_a_file_gave_them(values, kind, first):
    assert kind_of(values) == kind
    numbers = numbers_of(values, kind)
    assert numbers.dtype == np.float64
    assert numbers[0] == first
    assert np.isnan(numbers).tolist() == values.isna().tolist()


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (pd.Series(["a", None], dtype="str"), ["a", None]),
        (pd.Series(["a", 1, 1.0, True], dtype=object), ["a", "1", "1", "1"]),
        (pd.Series(["x", "y"], dtype="category"), ["x", "y"]),
        (pd.Series([[1, 2], None, [1, 2]]), ["[1, 2]", None, "[1, 2]"]),
        (pd.Series([1 + 2j]), ["(1+2j)"]),
    ],
)
def test_names_of_categories(values, names):
    assert kind_of(values) == "categories"
    assert names_of(values).tolist() == names


def test_a_column_without_values_is_of_no_kind():
    for values in (
        pd.Series([None, None]),
        pd.Series([np.nan]),
        pd.Series([], dtype=float),
        pd.Series([], dtype="str"),
    ):
        assert kind_of(values) == "empty"


def test_whole_numbers_with_a_gap_are_spelled_as_without():
    assert names_of(pd.Series([1.0, np.nan, 2.0])).tolist() == ["1", None, "2"]


def test_codes_number_values_over_several_arrays():
    codes, size = codes_of([np.array([2.0, np.nan]), np.array([-1.0, 2.0, np.inf])], ordered=True)
    assert (codes.tolist(), size) == ([2, 0, 1, 2, 3], 4)
    codes, size = codes_of([np.array(["b", None], dtype=object), np.array(["a", "b"], dtype=object)], ordered=False)
    assert (codes.tolist(), size) == ([1, 0, 2, 1], 3)
