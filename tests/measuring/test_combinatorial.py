from __future__ import annotations

from itertools import combinations, product
from math import comb

import numpy as np
import pytest

from qmtestbed.measuring import combinatorial
from qmtestbed.measuring.combinatorial import Feasible, tuple_counts


@pytest.mark.parametrize("strength", [1, 2, 3, 4])
def test_counts_agree_with_looking_at_every_row(strength):
    rng = np.random.default_rng(strength)
    sizes = [3, 2, 4, 2, 3]
    codes = [rng.integers(0, s + 1, size=50) for s in sizes]
    found = dict(tuple_counts(codes, sizes, strength))
    assert list(found) == list(combinations(range(5), strength))
    for attributes, counts in found.items():
        for cell in product(*(range(sizes[a]) for a in attributes)):
            rows = np.all([codes[a] == v + 1 for a, v in zip(attributes, cell, strict=True)], axis=0)
            assert counts[cell] == rows.sum()


def test_there_are_as_many_tuples_as_there_should_be_and_none_of_too_few_attributes():
    codes = [np.ones(1, dtype=int)] * 7
    assert len(list(tuple_counts(codes, [1] * 7, 3))) == comb(7, 3)
    assert list(tuple_counts(codes[:2], [1] * 2, 3)) == []
    assert list(tuple_counts([], [], 1)) == []


def test_too_many_combinations_are_refused():
    with pytest.raises(ValueError, match="4,004,001 combinations"):
        list(tuple_counts([np.zeros(1, dtype=int)] * 2, [2000, 2000], 2))


@pytest.mark.parametrize("seed", range(10))
def test_what_can_occur_agrees_with_listing_every_assignment(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 4, size=6)
    exclusions = []
    for _ in range(rng.integers(1, 9)):
        among = rng.choice(6, size=rng.integers(1, 4), replace=False)
        exclusions.append({int(a): int(rng.integers(sizes[a])) for a in among})
    whole = [
        w for w in product(*map(range, sizes)) if not any(all(w[a] == v for a, v in e.items()) for e in exclusions)
    ]
    can = Feasible([int(s) for s in sizes], exclusions)
    for t in (1, 2, 3):
        for attributes in combinations(range(6), t):
            possible = {tuple(w[a] for a in attributes) for w in whole}
            assert {tuple(map(int, cell)) for cell in np.argwhere(can.over(attributes))} == possible


def test_where_one_attribute_can_have_no_value_nothing_can_occur():
    can = Feasible([2, 2, 2], [{0: 0}, {0: 1}, {1: 0}])
    assert not can.over([0]).any()
    assert not can.over([1, 2]).any()


def test_without_exclusions_everything_can_occur():
    assert Feasible([2, 3], []).over([0, 1]).all()


def test_exclusions_that_chain_too_many_attributes_rule_out_what_holds_one(monkeypatch):
    exclusions = [{0: 0, 1: 0}, {0: 0, 1: 1}, {1: 0, 2: 0}]
    assert not Feasible([2, 2, 2], exclusions).over([0])[0]
    monkeypatch.setattr(combinatorial, "MOST_CELLS", 4)
    can = Feasible([2, 2, 2], exclusions)
    assert can.over([0]).tolist() == [True, True]
    assert can.over([0, 1]).tolist() == [[False, False], [True, True]]


def test_an_exclusion_of_nothing_is_refused():
    with pytest.raises(ValueError, match="names no attribute"):
        Feasible([2], [{}])
