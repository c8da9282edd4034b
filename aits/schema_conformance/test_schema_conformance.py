from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.ait import Roles, Subject, Table, Undefined


def table(columns: Any, **roles: Any) -> Table:
    return Table(pd.DataFrame(columns), None, Roles(**roles))


def kinds(found: Any) -> dict[str, str]:
    return {f.subject.column: f.kind for f in found["findings"]}


RNG = np.random.default_rng(0)
N = 400
CLEAN = {
    "normal": RNG.normal(size=N),
    "amount": RNG.lognormal(10, 1.5, N).round(),
    "price": RNG.lognormal(8, 1, N).round(-2),
    "count": RNG.poisson(3, N),
    "large count": RNG.poisson(20_000, N),
    "year": RNG.integers(1950, 2024, N),
    "flag": RNG.random(N) < 0.1,
    "nullable flag": pd.array(np.where(RNG.random(N) < 0.2, None, RNG.random(N) < 0.5), dtype="boolean"),
    "mark": pd.Series(np.where(RNG.random(N) < 0.3, "x", None), dtype=object),
    "city": RNG.choice(["Kyoto", "Osaka", "Nara"], N),
    "category": pd.Categorical(RNG.choice(["a", "b"], N), categories=["a", "b", "never"]),
    "rating": RNG.choice(["1", "2", "3"], N),
    "zip": pd.Series([f"{i:05d}" for i in RNG.integers(0, 300, N)], dtype="string"),
    "flat": RNG.choice(["12", "12a", "7", "7b", "103"], N),
    "remark": [f"the {i} part was found to be in order on day {i % 7}" for i in range(N)],
    "day": pd.date_range("2024-01-01", periods=N, freq="h").strftime("%Y-%m-%d %H:%M").to_numpy(),
    "when": pd.date_range("2024-01-01", periods=N, freq="h"),
    "whole float": pd.Series(RNG.integers(0, 50, N).astype(float)).mask(RNG.random(N) < 0.1),
}


def test_ordinary_columns_are_left_in_peace(ait):
    frame = pd.DataFrame(CLEAN)
    test, train = (frame.iloc[i::2].reset_index(drop=True) for i in (0, 1))
    found = ait.measure(data=table(test), train=table(train))
    assert found["findings"] == []
    assert ait.measure(data=table(frame))["findings"] == []
    for name in ("constant", "identifier", "mixed", "out_of_range", "new_category", "changed", "missing"):
        assert found[f"{name}_columns"] == 0
    assert set(found["mixed_share"]) == set(CLEAN)


@pytest.mark.parametrize("values", [7, "x", True, None, np.nan, pd.Timestamp("2024-01-01"), 1.5])
def test_constant_columns_of_every_type(ait, values):
    data = table({"a": [values] * 60, "b": np.random.default_rng(0).normal(size=60)})
    found = ait.measure(data=data)
    assert kinds(found) == {"a": "constant"} and found["constant_columns"] == 1


def test_a_column_that_varies_in_one_of_the_tables_is_not_constant(ait):
    noise = np.random.default_rng(0).normal(size=60)
    found = ait.measure(data=table({"a": [1] * 60, "b": noise}), train=table({"a": [1] * 30 + [2] * 30, "b": noise}))
    assert found["constant_columns"] == 0


@pytest.mark.parametrize("dtype", ["Int64", "string", "category", "float64"])
def test_constants_in_nullable_types(ait, dtype):
    plain = ["x"] * 40 if dtype in ("string", "category") else [1] * 40
    data = table({"a": pd.Series(plain, dtype=dtype), "b": pd.Series([*plain[:39], None], dtype=dtype)})
    assert kinds(ait.measure(data=data)) == {"a": "constant"}


def ids(n: int = 400) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    order = 100_000 + rng.permutation(3 * n)[:n]
    return {
        "shuffled": order,
        "ascending": np.arange(n),
        "with a gap": pd.Series(order.astype(float)).mask(np.arange(n) == 3),
        "nullable": pd.Series(order, dtype="Int64"),
        "code": [f"C-{i:06d}" for i in order],
        "digits": [f"{i:08d}" for i in order],
        "uuid": [str(uuid.UUID(int=int(i) * 2**90 + 7)) for i in order],
        "mail": pd.Series([f"user{i}@example.org" for i in order], dtype="category"),
        "customerId": rng.integers(10**15, 10**18, n),
    }


@pytest.mark.parametrize("name", list(ids()))
def test_identifiers_are_found_with_and_without_training_data(ait, name):
    values = pd.Series(ids()[name]).reset_index(drop=True)
    noise = np.random.default_rng(2).normal(size=400)
    whole = pd.DataFrame({name: values, "b": noise})
    test, train = (whole.iloc[i::2].reset_index(drop=True) for i in (0, 1))
    assert kinds(ait.measure(data=table(whole))) == {name: "identifier"}
    assert kinds(ait.measure(data=table(test), train=table(train))) == {name: "identifier"}
    assert ait.measure(data=table(whole, id=name))["identifier_columns"] == 0


def test_measured_whole_numbers_are_no_identifiers_however_they_are_spread(ait):
    """The same number of values from as wide a range: drawn, not given out."""
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        drawn = {"u": rng.integers(0, 30_000, 300), "n": (rng.normal(size=300) * 10_000).round().astype(int)}
        hits += ait.measure(data=table(drawn))["identifier_columns"]
    assert hits == 0


@pytest.mark.parametrize(
    ("values", "share"),
    [
        ([*map(str, range(95)), *["unknown"] * 5], 0.05),
        ([*(f"{i / 7:.3f}" for i in range(100))], 1.0),
        ([*map(str, range(100))], 1.0),
        ([*range(90), *["x"] * 10], 0.1),
        ([*["1.5", "2.5", "3.25", "4", "5", "6", "7", "8", "9", "10"] * 9, *["1.2 kg"] * 10], 0.1),
        ([True] * 60 + ["no"] * 40, 0.4),
    ],
)
def test_mixed_types_and_numbers_as_text(ait, values, share):
    data = table({"a": pd.Series(values, dtype=object), "b": np.random.default_rng(0).normal(size=100)})
    found = ait.measure(data=data)
    assert found["mixed_share"] == {"a": pytest.approx(share), "b": 0.0}
    assert ("a", "mixed_type") in [(f.subject.column, f.kind) for f in found["findings"]]


def test_rescaled_is_out_of_range_and_heavy_tails_are_not(ait):
    rng = np.random.default_rng(3)
    train = {"a": rng.normal(5, 1, 500), "tail": rng.standard_t(1.1, 500)}
    test = {"a": rng.normal(5, 1, 500) * 100, "tail": rng.standard_t(1.1, 500)}
    found = ait.measure(data=table(test), train=table(train))
    assert kinds(found) == {"a": "out_of_range"} and found["out_of_range_columns"] == 1
    outside = np.mean((test["tail"] < train["tail"].min()) | (test["tail"] > train["tail"].max()))
    assert found["outside_range"] == {"a": 1.0, "tail": pytest.approx(outside)}


def test_new_categories_beyond_chance(ait):
    rng = np.random.default_rng(4)
    rare = np.array([f"p{i}" for i in range(500)], dtype=object)
    train = {"a": rng.choice(["x", "y"], 500), "product": rng.choice(rare, 500)}
    test = {"a": np.r_[rng.choice(["x", "y"], 480), ["new"] * 20].astype(object), "product": rng.choice(rare, 500)}
    found = ait.measure(data=table(test), train=table(train))
    assert [(f.kind, f.subject, f.value) for f in found["findings"]] == [
        ("new_category", Subject(column="a"), pytest.approx(0.04))
    ]
    assert "'new'" in found["findings"][0].text
    assert found["unseen_share"]["product"] == np.mean(~np.isin(test["product"], train["product"]))
    assert found["unseen_share"]["product"] > 0.1


def test_new_categories_count_by_group(ait):
    """Forty rows of one household are one chance, not forty."""
    base = pd.DataFrame({"a": ["x", "y"] * 200, "g": np.arange(400) // 40})
    train = base.assign(g=base["g"] + 1000)
    test = base.assign(a=base["a"].where(base["g"] != 7, "new"))
    assert ait.measure(data=table(test), train=table(train))["new_category_columns"] == 1
    assert ait.measure(data=table(test, group="g"), train=table(train, group="g"))["new_category_columns"] == 0
    test = base.assign(a=base["a"].where(base["g"] > 7, "new"))
    assert ait.measure(data=table(test, group="g"), train=table(train, group="g"))["new_category_columns"] == 1


def test_false_alarms_on_tables_of_rare_categories_stay_below_a_hundredth(ait):
    hits, n = 0, 60
    for seed in range(n):
        rng = np.random.default_rng(seed)
        weights = 1 / np.arange(1, 31) ** 1.5
        values = rng.choice([f"v{i}" for i in range(30)], (300, 4), p=weights / weights.sum())
        frame = pd.DataFrame(values, columns=list("abcd"))
        found = ait.measure(
            data=table(frame.iloc[:150].reset_index(drop=True)), train=table(frame.iloc[150:].reset_index(drop=True))
        )
        hits += found["new_category_columns"] > 0
    assert hits == 0 or stats.beta.ppf(0.025, hits, n - hits + 1) < 0.01


def test_missing_extra_and_changed_columns(ait):
    rng = np.random.default_rng(5)
    train = {"a": rng.normal(size=60), "b": rng.normal(size=60), "c": rng.choice(["p", "q"], 60)}
    test = {"a": rng.choice(["p", "q"], 60), "c": rng.choice(["p", "q"], 60), "d": rng.normal(size=60)}
    found = ait.measure(data=table(test), train=table(train))
    assert (found["missing_columns"], found["extra_columns"], found["changed_columns"]) == (1, 1, 1)
    assert kinds(found) == {"a": "mixed_type", "b": "missing_values"}


def test_declared_rules_are_counted_row_by_row(ait):
    data = {"age": [10, 20, None, 200, 30], "grade": ["a", "b", "z", "a", None], "n": [1.0, 1.0, 2.0, 2.5, 3.0]}
    rules = {
        "age": {"type": "integer", "min": 0, "max": 120, "required": True},
        "grade": {"values": ["a", "b"], "type": "text"},
        "n": {"type": "integer", "unique": True},
        "gone": {"required": True},
    }
    found = ait.measure(data=table(data), columns=rules)
    assert found["violations"] == {"age": 0.4, "grade": 0.2, "n": 0.4, "gone": 1.0}
    named = {f.subject.column: f.kind for f in found["findings"] if f.measure == "violations"}
    assert named == {"age": "out_of_range", "grade": "new_category", "n": "mixed_type", "gone": "missing_values"}


@pytest.mark.parametrize("rules", [{"a": {"maximum": 3}}, {"a": {"type": "int"}}])
def test_unknown_rules_are_refused(ait, rules):
    with pytest.raises(ValueError, match="columns: 'a' has a"):
        ait.measure(data=table({"a": [1, 2]}), columns=rules)


def test_declared_times_and_truth_values(ait):
    data = {"t": ["2024-01-01", "x", None], "b": [True, "no", None]}
    found = ait.measure(data=table(data), columns={"t": {"type": "time"}, "b": {"type": "boolean"}})
    assert found["violations"] == {"t": pytest.approx(1 / 3), "b": pytest.approx(1 / 3)}


def test_what_can_not_be_told_is_undefined(ait):
    assert isinstance(ait.measure(data=table({"a": []})), Undefined)
    assert isinstance(ait.measure(data=table({"id": [1, 2]}, id="id")), Undefined)
    found = ait.measure(data=table({"a": [1], "b": ["x"]}))
    assert isinstance(found["constant_columns"], Undefined) and isinstance(found["identifier_columns"], Undefined)
    assert isinstance(found["missing_columns"], Undefined) and isinstance(found["violations"], Undefined)
    assert found["mixed_columns"] == 0


def test_odd_values_do_no_harm(ait):
    odd = {
        "inf": [np.inf, -np.inf, 1.0, np.nan] * 20,
        "huge": np.array([2**63 - 1, -(2**63) + 1] * 40),
        "lists": [[1], [2]] * 40,
        "mixed": [1, "a", None, 2.5] * 20,
        "empty": [None] * 80,
    }
    found = ait.measure(data=table(odd), train=table({k: v[:80] for k, v in odd.items()}))
    assert kinds(found) == {"empty": "constant", "mixed": "mixed_type"}


def test_the_same_twice(ait):
    frame = pd.DataFrame(CLEAN)
    a, b = (ait.measure(data=table(frame.iloc[:200]), train=table(frame.iloc[200:])) for _ in range(2))
    assert a == b
