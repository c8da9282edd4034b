from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from qmtestbed.measuring.coincidence import Pairs, chance_pairs


def ids_of(columns: list[np.ndarray]) -> np.ndarray:
    return pd.factorize(pd.MultiIndex.from_arrays(columns))[0]


def inside(rows: int) -> Pairs:
    return Pairs(np.ones(rows, dtype=bool))


def test_pairs_are_counted_as_by_hand():
    codes = np.array([1, 1, 2, 1, 2, 3])
    same = [(i, j) for i, j in combinations(range(6), 2) if codes[i] == codes[j]]
    assert inside(6).count(codes) == len(same) == 4
    first = np.array([True, True, True, False, False, False])
    assert Pairs(first).count(codes) == sum(first[i] != first[j] for i, j in same) == 3


@pytest.mark.parametrize("levels", [4, 6])
def test_pairs_by_chance_are_explained(levels):
    """Independent columns: the expected number is known."""
    explained, expected, n = [], 0.0, 1500
    for seed in range(8):
        rng = np.random.default_rng(seed)
        columns = [rng.integers(levels, size=n).astype(np.uint64) for _ in range(6)]
        expected = n * (n - 1) / 2 / levels**6
        ids = ids_of(columns)
        explained.append(chance_pairs(columns, ids, inside(n)))
        assert explained[-1] <= inside(n).count(ids)
    assert 0.6 * expected < np.mean(explained) < 2.5 * expected


def test_copies_are_not_explained():
    rng = np.random.default_rng(0)
    fine = [rng.normal(size=500) for _ in range(4)]
    columns = [pd.factorize(np.concatenate([c, c[:50]]))[0].astype(np.uint64) for c in fine]
    assert chance_pairs(columns, ids_of(columns), inside(550)) == 0.0


def test_copies_beside_coarse_columns_are_told_from_chance():
    rng = np.random.default_rng(1)
    coarse = [rng.integers(5, size=1000).astype(np.uint64) for _ in range(9)]
    columns = [np.concatenate([c, c[:100]]) for c in coarse]
    ids = ids_of(columns)
    assert inside(1100).count(ids) >= 100
    assert chance_pairs(columns, ids, inside(1100)) < 10


def test_columns_that_depend_on_each_other_are_coarse_too():
    """One-hot columns: 40 of them, yet five numbers of 8 values each."""
    rng = np.random.default_rng(2)
    values = rng.integers(8, size=(2000, 5))
    columns = [(values[:, [j]] == np.arange(8)).astype(np.uint64)[:, k] for j in range(5) for k in range(8)]
    ids = ids_of(columns)
    equal = inside(2000).count(ids)
    assert equal > 0 and chance_pairs(columns, ids, inside(2000)) >= 0.5 * equal


def test_where_nothing_can_be_told_everything_is_explained():
    few = [(np.arange(100) // 2).astype(np.uint64)]
    assert chance_pairs(few, ids_of(few), inside(100)) == 50
    coarse = [np.zeros(100, dtype=np.uint64)] * 5
    assert chance_pairs(coarse, np.zeros(100, dtype=np.int64), inside(100)) == 4950
    different = [np.arange(100).astype(np.uint64)] * 3
    assert chance_pairs(different, np.arange(100), inside(100)) == 0.0


def test_between_two_tables():
    rng = np.random.default_rng(3)
    fine = [rng.normal(size=300) for _ in range(3)]
    columns = [pd.factorize(np.concatenate([c, c[:30]]))[0].astype(np.uint64) for c in fine]
    pairs = Pairs(np.arange(330) < 300)
    ids = ids_of(columns)
    assert pairs.count(ids) == 30
    assert chance_pairs(columns, ids, pairs) == 0.0
