from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, chisquare, multinomial

from qmtestbed.ait import Design, Roles, Subject, Table, Undefined

RNG = np.random.default_rng
LIGHT = {"day": 0.6, "dusk": 0.15, "night": 0.25}
BY_COLUMN = ("clear_difference", "difference", "chance_limit", "undeclared_share", "absent_values")


def table(columns: Any, labels: Any = None, **roles: Any) -> Table:
    series = None if labels is None else pd.Series(labels, name="y")
    return Table(pd.DataFrame(columns), series, Roles(label=None if labels is None else "y", **roles))


def drawn(shares: Any, n: int, seed: int = 0) -> np.ndarray:
    return RNG(seed).choice(np.array([*shares], dtype=object), n, p=[*shares.values()])


def kinds(found: Any) -> list[tuple[str, str]]:
    return [(f.kind, f.subject.column or f.subject.slice) for f in found["findings"]]


# -- oracles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_difference_is_half_the_sum_of_those_of_the_shares(ait, seed):
    rng = RNG(seed)
    shares = dict(zip("abcd", rng.dirichlet(np.ones(4)), strict=True))
    values = rng.choice([*"abcde"], 200)
    found = ait.measure(data=table({"x": values}), expected={"x": shares})
    actual = pd.Series(values).value_counts(normalize=True)
    expected = sum(abs(actual.get(v, 0) - shares.get(v, 0)) for v in "abcde") / 2
    assert found["difference"]["x"] == pytest.approx(expected)
    assert found["undeclared_share"]["x"] == pytest.approx(actual["e"])


@pytest.mark.parametrize("n", [7, 12, 25])
def test_the_limit_of_chance_is_the_quantile_of_the_multinomial_distribution(ait, n):
    p, level = np.array([0.5, 0.3, 0.2]), 0.05
    rows = np.array([(i, j, n - i - j) for i, j in product(range(n + 1), repeat=2) if i + j <= n])
    far = np.round(np.abs(rows / n - p).sum(axis=1) / 2, 9)
    chance = multinomial.pmf(rows, n, p)
    exact = min(d for d in np.unique(far) if chance[far > d].sum() <= level)
    shares = dict(zip("abc", p, strict=True))
    limits = [
        ait.measure(data=table({"x": drawn(shares, n)}), expected={"x": shares}, alpha=2 * level, seed=s)[
            "chance_limit"
        ]["x"]
        for s in range(5)
    ]
    assert np.median(limits) == pytest.approx(exact, abs=1 / n + 1e-9)


def test_what_is_clear_is_so_to_the_test_of_pearson_as_well(ait):
    for seed in range(20):
        p = RNG(seed).dirichlet(np.full(5, 20.0))
        values = drawn(dict(zip("abcde", p, strict=True)), 500, seed)
        found = ait.measure(data=table({"x": values}), expected={"x": dict.fromkeys("abcde", 0.2)})
        rows = pd.Series(values).value_counts().reindex([*"abcde"], fill_value=0)
        other = chisquare(rows, [100] * 5).pvalue
        if other < 1e-5 or other > 0.1:
            assert bool(found["clear_difference"]["x"]) == (other < 1e-5)


def test_a_single_value_is_judged_by_the_exact_binomial_test(ait):
    for rows in range(0, 41):
        values = ["a"] * rows + ["b"] * (100 - rows)
        found = ait.measure(data=table({"x": values}), expected={"x": {"a": 0.2, "b": 0.8}}, alpha=0.04)
        # Half of alpha is for two values: 1 % each, half of it on either side.
        sides = [binomtest(rows, 100, 0.2, alternative=a).pvalue for a in ("less", "greater")]
        assert (found["clear_value_difference"]["x=a"] > 0) == (min(sides) <= 0.005)


def test_data_that_follow_the_declaration_are_seldom_called_off(ait):
    shares = {"u": {"a": 0.5, "b": 0.5}, "v": dict.fromkeys("abcdefghij", 0.1), "w": {"a": 0.97, "b": 0.03}}
    alarms = 0
    for seed in range(100):
        data = table({name: drawn(s, 60 + seed, [seed, i]) for i, (name, s) in enumerate(shares.items())})
        found = ait.measure(data=data, expected=shares, alpha=0.1, seed=seed)
        alarms += bool(found["findings"])
    assert alarms <= 16  # at most 10 of 100 are expected; with a probability of 2 % more than 16


def test_groups_count_as_one_row_each(ait):
    alarms = {"rows": 0, "groups": 0}
    for seed in range(40):
        unit = np.repeat(np.arange(60), 20)
        values = drawn(LIGHT, 60, seed)[unit]
        for name, role in (("rows", None), ("groups", "g")):
            data = table({"light": values, "g": unit}, group=role)
            alarms[name] += bool(ait.measure(data=data, expected={"light": LIGHT})["findings"])
    assert alarms["groups"] <= 1 and alarms["rows"] > 20
    found = ait.measure(
        data=table({"x": ["a"] * 6, "g": [1, 1, 1, 2, None, None]}, group="g"), expected={"x": {"a": 1}}
    )
    assert found["attributes"].rows[0][1:3] == (6, 3)  # sizes 3, 1, 1, 1 are worth 36 / 12 equal ones


def test_the_limit_for_very_many_attributes_is_a_little_larger_and_holds(ait):
    data = table({"x": drawn(LIGHT, 1000)})
    few = ait.measure(data=data, expected={"x": LIGHT}, alpha=1e-4)["chance_limit"]["x"]
    many = ait.measure(data=data, expected={"x": LIGHT}, alpha=0.99e-4)["chance_limit"]["x"]
    assert few < many < 2 * few


# -- planted and clean ----------------------------------------------------------------------------------------


def test_a_shifted_attribute_is_named_and_no_other(ait):
    data = table({"light": drawn({"day": 0.4, "dusk": 0.15, "night": 0.45}, 800), "other": drawn(LIGHT, 800, 1)})
    found = ait.measure(data=data, design=Design({}, frequencies={"light": LIGHT, "other": LIGHT}))
    assert found["clear_difference"]["light"] > 0.15 and found["clear_difference"]["other"] == 0
    assert kinds(found) == [
        ("unexpected_frequency", "light=day"),
        ("unexpected_frequency", "light=night"),
        ("unexpected_frequency", "light"),
    ]
    assert found["findings"][-1].subject == Subject(column="light")
    assert found["differences"].labels == ["light", "other"]


def test_undeclared_and_absent_values_are_named(ait):
    values = np.where(RNG(0).random(500) < 0.1, "fog", drawn({"day": 0.7, "night": 0.3}, 500))
    found = ait.measure(data=table({"light": values}), expected={"light": LIGHT})
    assert found["undeclared_share"]["light"] == np.mean(values == "fog")
    assert found["absent_values"]["light"] == 1
    assert {("new_category", "light"), ("missing_combination", "light")} <= set(kinds(found))
    texts = " ".join(f.text for f in found["findings"])
    assert "'fog'" in texts and "'dusk'" in texts


def test_a_rare_value_may_be_absent_by_chance_and_a_rare_undeclared_one_is_not_spelt_out(ait):
    values = ["day"] * 299 + ["Ms Tanaka"]
    found = ait.measure(data=table({"light": values}), expected={"light": {"day": 0.995, "night": 0.005}})
    assert found["absent_values"]["light"] == 0
    assert "Tanaka" not in str(found)


def test_pairs_have_shares_of_their_own(ait):
    light, road = drawn({"day": 0.5, "night": 0.5}, 600), drawn({"city": 0.5, "country": 0.5}, 600, 1)
    joint = {"light & road": {f"{a} & {b}": 0.25 for a in ("day", "night") for b in ("city", "country")}}
    marginal = {"light": {"day": 0.5, "night": 0.5}}
    found = ait.measure(data=table({"light": light, "road": road}), expected={**joint, **marginal})
    assert found["clear_difference"] == {"light & road": 0, "light": 0}
    same = np.where(light == "day", "city", "country")
    found = ait.measure(data=table({"light": light, "road": same}), expected={**joint, **marginal})
    assert found["clear_difference"]["light & road"] == pytest.approx(0.5, abs=0.05)
    assert found["clear_difference"]["light"] == 0 and found["absent_values"]["light & road"] == 2
    part = ait.measure(data=table({"light": ["day", None], "road": ["city", "city"]}), expected=joint)
    assert part["attributes"].rows[0][1:4] == (1, 1, 1)


def test_the_label_can_be_an_attribute_and_the_parameter_comes_before_the_design(ait):
    data = table({"x": ["a"] * 100}, ["no"] * 80 + ["yes"] * 20)
    design = Design({}, frequencies={"y": {"no": 0.5, "yes": 0.5}, "x": {"a": 1.0}})
    assert ait.measure(data=data, design=design)["clear_difference"]["y"] == pytest.approx(0.3)
    found = ait.measure(data=data, design=design, expected={"y": {"no": 0.8, "yes": 0.2}})
    assert found["difference"] == {"y": 0, "x": 0} and found["findings"] == []


# -- edges ----------------------------------------------------------------------------------------------------


def test_without_rows_values_or_a_declaration_it_is_undefined(ait):
    assert isinstance(ait.measure(data=table({"x": []}), expected={"x": {"a": 1}}), Undefined)
    for design in (None, Design({"x": ("a",)})):
        found = ait.measure(data=table({"x": ["a"]}), design=design)
        assert found["attribute_count"] == 0 and found["findings"] == []
        assert all(isinstance(found[m], Undefined) for m in (*BY_COLUMN, "clear_value_difference"))
    found = ait.measure(data=table({"x": [None] * 50, "z": ["a"] * 50}), expected={"x": {"a": 1}, "z": {"a": 1}})
    assert all(isinstance(found[m]["x"], Undefined) and found[m]["z"] == 0 for m in BY_COLUMN)
    found = ait.measure(data=table({"x": [None] * 50}), expected={"x": {"a": 1}})
    assert isinstance(found["clear_value_difference"], Undefined) and found["attribute_count"] == 1


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ({"z": {"a": 1}}, "no column 'z'"),
        ({"x & z": {"a & b": 1}}, "no column 'z'"),
        ({"x": {"a": 0.5}}, "sum up to 1; found 0.5"),
        ({"x": {"a": 1.5, "b": -0.5}}, "numbers from 0 on"),
        ({"x": {"a": float("nan")}}, "numbers from 0 on"),
        ({"x": {}}, "numbers from 0 on"),
    ],
)
def test_what_is_no_declaration_is_refused(ait, expected, reason):
    with pytest.raises(ValueError, match=reason):
        ait.measure(data=table({"x": ["a"]}), expected=expected)


@pytest.mark.parametrize(
    ("values", "shares"),
    [
        ([True, False], {"True": 0.5, "False": 0.5}),
        (pd.Series([True, False], dtype="boolean"), {"True": 0.5, "False": 0.5}),
        ([1.0, 2.0], {"1": 0.5, "2": 0.5}),
        (pd.Series([1, 2], dtype="Int64"), {1: 0.5, 2: 0.5}),
        (pd.Series(["a", "b"], dtype="string"), {"a": 0.5, "b": 0.5}),
        (pd.Categorical(["a", "b"]), {"a": 0.504, "b": 0.504}),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), {"2026-01-01 00:00:00": 0.5, "2026-01-02 00:00:00": 0.5}),
        ([np.inf, 0.5], {"inf": 0.5, "0.5": 0.5}),
    ],
)
def test_values_of_any_type_go_by_their_one_spelling(ait, values, shares):
    found = ait.measure(data=table({"x": values}), expected={"x": shares})
    assert found["difference"]["x"] == found["undeclared_share"]["x"] == 0


def test_missing_values_are_left_out_and_counted(ait):
    found = ait.measure(data=table({"x": ["a", "b", None, np.nan] * 5}), expected={"x": {"a": 0.5, "b": 0.5}})
    assert found["difference"]["x"] == 0 and found["attributes"].rows[0][1:4] == (10, 10, 10)


def test_the_limit_of_chance_hardly_hangs_on_the_seed(ait):
    names = [f"x{i}" for i in range(5)]
    given = {"data": table({n: drawn(LIGHT, 300) for n in names}), "expected": dict.fromkeys(names, LIGHT)}
    limits = np.array([[*ait.measure(**given, seed=s)["chance_limit"].values()] for s in range(3)])
    assert limits.std() < 0.005  # with the largest of 2,000 draws it is three times as much


def test_the_seed_decides(ait):
    data = table({"x": drawn(LIGHT, 333)})
    first, again = (ait.measure(data=data, expected={"x": LIGHT}, seed=3) for _ in range(2))
    assert first == again


def test_tables_of_values_are_bounded(ait):
    shares = {f"v{i:03d}": 1 / 200 for i in range(200)}
    found = ait.measure(data=table({"x": drawn(shares, 2000)}), expected={"x": shares})
    assert len(found["values"].rows) == 49 and found["values"].rows[-1][0] == "(152 more)"
