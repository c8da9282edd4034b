from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.measuring.slices import LARGEST, MOST_VALUES, Pieces, Search, cut, worst_slices

ALL = np.ones(200, dtype=bool)


def pieces(values: object, min_rows: int = 10) -> Pieces:
    series = pd.Series(values)
    found = cut(series, "x", np.ones(len(series), dtype=bool), min_rows)
    assert isinstance(found, Pieces)
    return found


# -- pieces ---------------------------------------------------------------------------------------------------


def test_ranges_are_of_like_size_with_short_edges() -> None:
    x = np.random.default_rng(0).normal(size=1000)
    found = pieces(x)
    assert found.ranges == 10 and found.count == 10
    assert np.bincount(found.codes, minlength=11)[1:].tolist() == pytest.approx([100] * 10, abs=25)
    assert max(len(f"{e:.15g}") for e in found.edges) <= 6


def test_texts_say_exactly_which_rows_are_inside() -> None:
    x = pd.Series(np.random.default_rng(1).normal(size=500).round(2)).mask(np.arange(500) % 9 == 0)
    found, frame = pieces(x), pd.DataFrame({"x": x})
    for first, last in found.runs():
        inside = (found.codes > first) & (found.codes <= last + 1)
        text = found.text(first, last)
        if text == "x is missing":
            expected = frame["x"].isna()
        else:
            expected = frame.eval(text.replace("<=", "<= ")) & frame["x"].notna()
        assert (inside == expected).all(), text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([True, False] * 20, ["x = False", "x = True"]),
        (["u"] * 30 + ["v"] * 15 + ["w"] * 3, ["x = u", "x = v"]),
        (["u"] * 30 + [None] * 15, ["x = u", "x is missing"]),
        ([0] * 30 + [1] * 30, ["x <= 0", "x > 0"]),
        ([1.5] * 30 + [None] * 15, ["x is missing", "x is not missing"]),
        (pd.to_datetime(["2026-01-01"] * 30 + ["2026-02-01"] * 30), ["x <= 2026-01-01", "x > 2026-01-01"]),
        (pd.to_timedelta([60] * 30 + [90] * 30, unit="s"), ["x <= 0 days 00:01:00", "x > 0 days 00:01:00"]),
        ([-np.inf] * 30 + [0.0] * 30 + [np.inf] * 30, ["x <= -inf", "x <= 0", "x > -inf", "x > 0", "-inf < x <= 0"]),
    ],
)
def test_values_of_all_kinds(values: object, texts: list[str]) -> None:
    found = pieces(values)
    assert sorted(found.text(a, b) for a, b in found.runs()) == sorted(texts)


@pytest.mark.parametrize("values", [[1.0] * 50, [np.nan] * 50, [f"u{i}" for i in range(50)], ["u"] * 50])
def test_columns_without_two_pieces_say_why(values: list[object]) -> None:
    assert isinstance(cut(pd.Series(values), "x", np.ones(50, dtype=bool), 10), str)


def test_values_that_the_cutting_rows_do_not_hold_are_in_no_piece() -> None:
    by = np.arange(80) < 60
    found = cut(pd.Series(["u"] * 30 + ["v"] * 30 + ["w"] * 20), "x", by, 10)
    assert isinstance(found, Pieces) and found.codes[60:].tolist() == [0] * 20


def test_the_most_frequent_values_are_kept() -> None:
    names = np.repeat([f"u{i:02d}" for i in range(60)], np.arange(60, 0, -1))
    found = pieces(names, 1)
    assert found.values == tuple(f"u{i:02d}" for i in range(MOST_VALUES))


def test_another_column_is_cut_alike() -> None:
    x = pd.Series(np.arange(100.0))
    found = pieces(x)
    again = found.place(x[::-1].astype("Int64"))
    assert again is not None and again.tolist() == found.codes[::-1].tolist()
    assert found.place(pd.Series(["a", "b"])) is None
    assert pieces(["u"] * 20 + ["v"] * 20).place(pd.Series(["v", "new", None])).tolist() == [2, 0, 0]  # type: ignore[union-attr]


def test_coarse_ranges_hold_the_rows_of_two() -> None:
    found = pieces(np.random.default_rng(2).normal(size=1000))
    coarse = found.coarse()
    assert coarse.ranges == 5
    assert (coarse.codes == (found.codes + 1) // 2).all()


# -- the search: against trying everything one by one ---------------------------------------------------------


def gain(hits: float, expected: float, n: int) -> float:
    """Log likelihood ratio of a binomial share against the expected one, with scipy."""
    if hits <= expected:
        return 0.0
    k = round(hits)
    return float(stats.binom.logpmf(k, n, k / n) - stats.binom.logpmf(k, n, expected / n))


def test_the_first_slice_is_the_best_of_all() -> None:
    rng = np.random.default_rng(3)
    n = 400
    columns = [pieces(rng.normal(size=n)), pieces(rng.choice(list("uvw"), n)), pieces(rng.integers(0, 4, n))]
    for i, column in enumerate(columns):
        object.__setattr__(column, "name", f"x{i}")
    here = rng.random(n) < 0.5
    expected = rng.uniform(0.05, 0.4, n)
    search = Search(rng.random(n) < expected, expected, np.ones(n), here, ~here, 15)
    found, searched = worst_slices(columns, search, 1, 3)
    every = {1: [((c, *run),) for c in columns for run in c.runs()]}
    double = [c.coarse() for c in columns]
    every[2] = [((a, *r), (b, *s)) for a, b in itertools.combinations(double, 2) for r in a.runs() for s in b.runs()]
    assert searched == len(every[1]) + len(every[2])
    best = -np.inf, ""
    for candidates in every.values():
        for conditions in candidates:
            rows = np.all([(p.codes > a) & (p.codes <= b + 1) for p, a, b in conditions], axis=0)
            inside = rows & here
            if min(inside.sum(), (rows & ~here).sum()) < 15 or inside.sum() > LARGEST * here.sum():
                continue
            value = gain(search.found[inside].sum(), expected[inside].sum(), inside.sum()) - np.log(len(candidates))
            best = max(best, (value, " and ".join(p.text(a, b) for p, a, b in conditions)))
    assert found[0].text == best[1]


def test_slices_are_found_in_turn_without_the_rows_of_those_before() -> None:
    rng = np.random.default_rng(4)
    n = 4000
    a, b = rng.normal(size=n), rng.choice(list("uvw"), n)
    wrong = rng.random(n) < np.where(a > 1, 0.6, np.where(b == "u", 0.3, 0.1))
    columns = [cut(pd.Series(v), name, np.ones(n, dtype=bool), 20) for name, v in (("a", a), ("b", b))]
    here = np.arange(n) % 2 == 0
    search = Search(wrong, np.full(n, wrong.mean()), np.ones(n), here, ~here, 20)
    found, _ = worst_slices([c for c in columns if isinstance(c, Pieces)], search, 2, 2)
    assert found[0].text.startswith("a > 0.8") or found[0].text.startswith("a > 1")
    assert "b = u" in found[1].text


def test_slices_of_other_tables() -> None:
    n = 200
    columns = [cut(pd.Series(np.arange(n) % 50), "a", ALL, 20), cut(pd.Series(["u", "v"] * 100), "b", ALL, 20)]
    wrong = (np.arange(n) % 50 > 39) & (np.arange(n) % 2 == 0)
    here = np.arange(n) < 100
    search = Search(wrong, np.full(n, 0.1), np.ones(n), here, ~here, 5)
    (found,), _ = worst_slices([c for c in columns if isinstance(c, Pieces)], search, 1, 2)
    assert found.text == "a > 39 and b = u"
    other = pd.DataFrame({"b": ["u", "v", "u", None], "a": [45, 45, 3, 45.0]})
    rows = found.rows_of(other)
    assert rows is not None and rows.tolist() == [True, False, False, False]
    assert found.rows_of(other[["a"]]) is None


def test_nothing_to_search_is_no_slice() -> None:
    search = Search(np.zeros(10, bool), np.zeros(10), np.ones(10), ALL[:10], ~ALL[:10], 5)
    assert worst_slices([], search, 3, 3) == ([], 0)
    assert worst_slices([pieces([0, 1] * 5, 2)], search, 3, 3)[0] == []


def test_no_error_at_all_still_gives_a_slice_to_look_at() -> None:
    half = np.arange(200) < 100
    search = Search(np.zeros(200, bool), np.zeros(200), np.ones(200), half, ~half, 5)
    assert len(worst_slices([pieces(np.arange(200) % 20)], search, 1, 1)[0]) == 1
