"""Columns chosen by what blocks of them do together, against effects that are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from qmtestbed.measuring.screening import MOST_CELLS, rows_within, strongest


@pytest.mark.parametrize("n", [61, 150, 1000, 3000])
def test_the_strongest_of_additive_effects_are_kept_whatever_the_deal(n: int) -> None:
    calls = []

    def effect(block: Sequence[int]) -> float:
        calls.append(block)
        return sum({3: 5.0, 17: 4.0, 60: 3.0}.get(i, 0.0) for i in block)

    for seed in range(20):
        calls.clear()
        kept = strongest(list(range(n)), 60, effect, np.random.default_rng(seed))
        assert {3, 17, 60} <= set(kept) and len(kept) <= 60 and kept == sorted(kept)
        assert len(calls) <= 60 * np.ceil(np.log(n / 60) / np.log(4) + 1)


def test_few_columns_are_all_kept_and_nothing_is_asked() -> None:
    def never(block: Sequence[str]) -> float:
        raise AssertionError("asked")

    assert strongest(["b", "a"], 2, never, np.random.default_rng(0)) == ["b", "a"]


def test_one_is_left_of_many() -> None:
    kept = strongest(list(range(9)), 1, lambda block: -len(block), np.random.default_rng(0))
    assert len(kept) <= 1


def test_rows_are_fewer_the_wider_the_table() -> None:
    assert rows_within(2000, 31) == 2000
    assert rows_within(2000, 3000) == MOST_CELLS // 3000
    assert rows_within(2000, 10**6) == 100
    assert rows_within(50, 10**6) == 50
