from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Design, Roles, Table
from qmtestbed.measuring.attributes import attributes_of, exclusions_of


def table(**columns: Any) -> Table:
    return Table(pd.DataFrame(columns), None, Roles())


def test_codes_are_positions_of_declared_values_and_other_values_are_counted_apart():
    design = Design({"size": ("S", "L"), "grade": ("1", "2")})
    data = table(size=["L", "S", "XL", None, "XL"], grade=[1.0, 2.0, np.nan, 3.0, 1.0])
    (size, grade), left_out = attributes_of(data, design, (), 10)
    assert (size.codes.tolist(), size.missing, size.undeclared, size.undeclared_rows) == (
        [2, 1, 0, 0, 0],
        1,
        {"XL": 2},
        2,
    )
    assert (grade.codes.tolist(), grade.missing, grade.undeclared) == ([1, 2, 0, 0, 1], 1, {"3": 1})
    assert (size.rows.tolist(), left_out) == ([1, 1], {})


def test_values_in_the_data_are_sorted_by_size():
    (a, b), _ = attributes_of(table(a=[10, 9, 1], b=["x", "10", "9"]), None, (), 10)
    assert (a.values, b.values) == (("1", "9", "10"), ("9", "10", "x"))
    assert a.undeclared is None and a.undeclared_rows == 0


def test_chosen_names_are_taken_once_and_in_their_order():
    found, left_out = attributes_of(table(a=[0, 1], b=[1, 1], c=[[1], [2]]), None, ["b", "a", "b"], 10)
    assert ([a.name for a in found], left_out) == (["b", "a"], {})
    assert attributes_of(table(a=[0, 1], c=[[1], [2]]), None, (), 10)[1] == {"c": "it holds lists or the like"}


def test_exclusions_by_position():
    design = Design({"a": ("x", "y"), "b": ("p", "q")}, ({"b": "q", "a": "x"}, {"a": "y"}))
    assert exclusions_of(design, ["b", "a"]) == [{0: 1, 1: 0}, {1: 1}]


@pytest.mark.parametrize(("exclusion", "what"), [({}, "names no attribute"), ({"a": "z"}, "a=z"), ({"c": "x"}, "c=x")])
def test_exclusions_of_what_is_not_declared_are_refused(exclusion, what):
    with pytest.raises(ValueError, match=what):
        exclusions_of(Design({"a": ("x", "y")}, (exclusion,)), ["a"])
