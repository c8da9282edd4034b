"""The criterion grammar, and which numbers meet a criterion."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmtestbed.types.criterion import parse_criterion


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy >= 0.9", ("accuracy", None, ">=", 0.9, None, False, None)),
        ("accuracy>=.9 at 95%", ("accuracy", None, ">=", 0.9, None, False, 0.95)),
        ("recall[yes] > 80e-2", ("recall", "yes", ">", 0.8, None, False, None)),
        ("recall[a b/c] <= 1", ("recall", "a b/c", "<=", None, 1.0, False, None)),
        ("x == -3", ("x", None, "==", -3.0, -3.0, False, None)),
        ("bias in [-0.1, +0.1] at 90 %", ("bias", None, "in", -0.1, 0.1, False, 0.9)),
        ("accuracy >= baseline - 0.01", ("accuracy", None, ">=", -0.01, None, True, None)),
        ("accuracy >= baseline", ("accuracy", None, ">=", 0.0, None, True, None)),
    ],
)
def test_parsed(text: str, expected: tuple[object, ...]) -> None:
    c = parse_criterion(text)
    assert (c.measure, c.key, c.op, c.low, c.high, c.baseline, c.confidence) == expected


@pytest.mark.parametrize(
    "text",
    ["", "accuracy", "accuracy >=", "accuracy => 0.9", "accuracy >= 0.9 at", "accuracy >= 0.9 at 95", "x in [1]",
     "x in [2, 1]", "x >= 1 at 100%", "x >= 1 at 10%", "x >= nan", "x >= inf", "1x >= 2", "x[] >= 1", "x >= 1; y >= 2"],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_criterion(text)


OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}


@given(st.sampled_from(sorted(OPERATORS)), st.integers(-5, 5), st.integers(-5, 5))
def test_accepts_is_python_s_own_comparison(op: str, bound: int, x: int) -> None:
    assert parse_criterion(f"m {op} {bound}").accepts(x) == OPERATORS[op](x, bound)


@given(st.integers(-5, 5), st.integers(0, 5), st.integers(-9, 9))
def test_a_range_includes_its_ends(low: int, width: int, x: int) -> None:
    assert parse_criterion(f"m in [{low}, {low + width}]").accepts(x) == (low <= x <= low + width)
