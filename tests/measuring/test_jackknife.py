from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata, ttest_rel

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.measuring.intervals import clopper_pearson
from qmtestbed.measuring.jackknife import MOST_PARTS, Parts, difference_interval, divide, unseen


def without_each(parts: Parts, statistic: Any, *columns: np.ndarray) -> list[float]:
    return [statistic(*(c[rows] for c in columns)) for rows in map(parts.without, range(parts.count))]


# -- parts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "count"), [(10, 10), (49, 49), (MOST_PARTS + 1, MOST_PARTS), (1234, MOST_PARTS)])
def test_each_row_is_left_out_once_and_parts_are_of_nearly_one_size(n: int, count: int) -> None:
    parts = divide(n, 3)
    assert isinstance(parts, Parts) and (parts.count, parts.items) == (count, n)
    left_out = [n - len(parts.without(g)) for g in range(count)]
    assert sum(left_out) == n and max(left_out) - min(left_out) <= 1
    gone = np.concatenate([np.setdiff1d(np.arange(n), parts.without(g)) for g in range(count)])
    assert sorted(gone) == list(range(n))


def test_parts_are_seeded_and_at_random() -> None:
    first, same, other = (divide(200, seed) for seed in (1, 1, 2))
    assert isinstance(first, Parts) and isinstance(same, Parts) and isinstance(other, Parts)
    assert np.array_equal(first.of, same.of) and not np.array_equal(first.of, other.of)
    assert not np.array_equal(first.of, np.arange(200) % MOST_PARTS)


def test_rows_of_a_group_are_left_out_together() -> None:
    groups = np.repeat(np.arange(12), 5).astype(object)
    groups[:5] = None  # rows without a group are one group
    parts = divide(60, 0, groups=groups)
    assert isinstance(parts, Parts) and (parts.count, parts.items) == (12, 12)
    for group in range(12):
        assert len(set(parts.of[group * 5 : group * 5 + 5])) == 1


def test_rows_of_no_weight_are_in_no_part() -> None:
    weights = np.tile([1.0, 0.0], 30)
    parts = divide(60, 0, weights=weights)
    assert isinstance(parts, Parts) and (parts.count, parts.items) == (30, 30)
    assert (parts.of[1::2] == -1).all() and (parts.of[::2] >= 0).all()


@pytest.mark.parametrize("more", [{}, {"groups": np.arange(9)}, {"weights": np.ones(9)}])
def test_too_few_items_say_nothing(more: dict[str, Any]) -> None:
    found = divide(9, 0, **more)
    assert isinstance(found, Undefined) and "9 independent items" in found.reason
    heavy = np.r_[100.0, np.ones(40)]  # one row that counts for most of all
    assert isinstance(divide(41, 0, weights=heavy), Undefined)


# -- the interval ---------------------------------------------------------------------------------------------


def test_one_row_at_a_time_it_is_the_interval_of_two_paired_proportions() -> None:
    """Oracle: the closed form, and Student's t of scipy."""
    rng = np.random.default_rng(5)
    ours, theirs = rng.random(44) < 0.8, rng.random(44) < 0.6
    b, c, n = int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), 44
    parts = divide(n, 0)
    assert isinstance(parts, Parts)
    without = without_each(parts, lambda x, y: x.mean() - y.mean(), ours, theirs)
    d = (b - c) / n
    found = difference_interval(d, without, 0.95, n)
    assert isinstance(found, Estimate)
    variance = ((b + c) - (b - c) ** 2 / n) / n**2 * n / (n - 1)
    assert (found.high - found.low) / 2 == pytest.approx(2.0166921992 * math.sqrt(variance))
    low, high = ttest_rel(ours.astype(float), theirs.astype(float)).confidence_interval(0.95)
    assert (found.low, found.high, found.n) == pytest.approx((low, high, n))


def test_many_rows_in_parts_come_near_the_exact_interval() -> None:
    rng = np.random.default_rng(6)
    common = rng.normal(size=3000)
    ours, theirs = common + rng.normal(size=3000), common + rng.normal(size=3000) + 0.1
    parts = divide(3000, 0)
    assert isinstance(parts, Parts)
    without = without_each(parts, lambda x, y: x.mean() - y.mean(), ours, theirs)
    found = difference_interval(float(ours.mean() - theirs.mean()), without, 0.95, 3000)
    assert isinstance(found, Estimate)
    low, high = ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (found.high - found.low) / (high - low) == pytest.approx(1, abs=0.25)  # a spread of 50 numbers


def test_rows_that_are_repeated_tell_no_more_than_once() -> None:
    rng = np.random.default_rng(7)
    ours, theirs = (rng.random(40) < share for share in (0.9, 0.7))
    once, often = divide(40, 0), divide(200, 0, groups=np.repeat(np.arange(40), 5))
    assert isinstance(once, Parts) and isinstance(often, Parts)

    def width(parts: Parts, repeat: int) -> float:
        x, y = (np.repeat(v, repeat).astype(float) for v in (ours, theirs))
        without = without_each(parts, lambda a, b: a.mean() - b.mean(), x, y)
        found = difference_interval(float(x.mean() - y.mean()), without, 0.95, 40)
        assert isinstance(found, Estimate)
        return found.high - found.low

    assert width(often, 5) == pytest.approx(width(once, 1))


def test_what_never_changes_has_no_interval_but_the_least() -> None:
    assert difference_interval(0.0, [0.0] * 20, 0.95, 20) == 0.0
    found = difference_interval(0.0, [0.0] * 20, 0.95, 100, width=1, least=unseen(100, 0.95))
    assert isinstance(found, Estimate)
    assert (found.low, found.high) == pytest.approx((-0.0362, 0.0362), abs=1e-4)
    wide = difference_interval(0.9, [0.5, 0.9, 1.3], 0.95, 10, width=1)
    assert isinstance(wide, Estimate) and (wide.low, wide.high) == (-1, 1)  # no difference is beyond the range


@pytest.mark.parametrize("n", [1, 10, 368, 5000])
def test_the_unseen_share_is_the_upper_end_of_none_of_n(n: int) -> None:
    exact = clopper_pearson(0, n, 0.95)
    assert isinstance(exact, Estimate) and unseen(n, 0.95) == pytest.approx(exact.high)


def test_it_holds_the_true_difference_as_often_as_it_says() -> None:
    """A quick version of the simulation in the docstring: 150 draws of 200 rows, 30 % positive."""

    def recall(y: np.ndarray, s: np.ndarray) -> float:
        return float((s[y] > 1.3).mean())

    def auc(y: np.ndarray, s: np.ndarray) -> float:
        ranks, ones = rankdata(s), int(y.sum())
        return float((ranks[y].sum() - ones * (ones + 1) / 2) / (ones * (len(y) - ones)))

    def f1(y: np.ndarray, s: np.ndarray) -> float:
        return float(2 * (y & (s > 1.3)).sum() / (y.sum() + (s > 1.3).sum()))

    def accuracy(y: np.ndarray, s: np.ndarray) -> float:
        return float(((s > 1.3) == y).mean())

    def draw(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        y = rng.random(n) < 0.3
        noise = rng.normal(size=(3, n))
        ours, theirs = (
            shift * y + 0.8**0.5 * noise[0] + 0.2**0.5 * e for shift, e in ((1.6, noise[1]), (1.45, noise[2]))
        )
        return y, ours, theirs

    rng = np.random.default_rng(8)
    statistics = (accuracy, recall, f1, auc)
    many = draw(400_000)
    truth = [of(many[0], many[1]) - of(many[0], many[2]) for of in statistics]
    held = np.zeros(4)
    for seed in range(150):
        rows = draw(200)
        parts = divide(200, seed)
        assert isinstance(parts, Parts)
        for i, of in enumerate(statistics):
            d = of(rows[0], rows[1]) - of(rows[0], rows[2])
            changed = without_each(parts, lambda y, a, b, of=of: of(y, a) - of(y, b), *rows)
            found = difference_interval(d, changed, 0.95, 200, width=1)
            held[i] += isinstance(found, Estimate) and found.low <= truth[i] <= found.high
    assert (held / 150 >= 0.9).all(), held / 150  # 0.95 less 2.8 standard errors
    assert (held / 150 < 1).all()
