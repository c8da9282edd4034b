from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Design, Roles, Subject, Table, Undefined


def table(columns: Any, labels: list[Any] | None = None, **roles: Any) -> Table:
    series = None if labels is None else pd.Series(labels, name="label")
    return Table(pd.DataFrame(columns), series, Roles(label=None if labels is None else "label", **roles))


def rows_of(rows: Any, names: str = "abcdefghij") -> Table:
    array = np.array([[int(c) for c in row] for row in rows])
    return table({names[j]: array[:, j] for j in range(array.shape[1])})


def binary(names: str, exclusions: Any = ()) -> Design:
    return Design(dict.fromkeys(names, ("0", "1")), tuple(exclusions))


def brute_force(frame: pd.DataFrame, design: Design, strength: int, min_count: int, p: float) -> dict[str, Any]:
    """Every combination, its rows counted one by one; it can occur if some whole assignment holds it."""
    names = list(design.attributes)
    whole = [dict(zip(names, values, strict=True)) for values in product(*design.attributes.values())]
    whole = [w for w in whole if not any(e.items() <= w.items() for e in design.exclusions)]
    records = frame.to_dict("records")
    shares, found = [], []
    for chosen in combinations(names, strength):
        allowed = {tuple(w[c] for c in chosen) for w in whole}
        rows = {a: sum(all(str(r[c]) == v for c, v in zip(chosen, a, strict=True)) for r in records) for a in allowed}
        found += rows.values()
        if allowed:
            shares.append(sum(r >= min_count for r in rows.values()) / len(allowed))
    return {
        "total_coverage": sum(r >= min_count for r in found) / len(found),
        "tuple_coverage": sum(s == 1 for s in shares) / len(shares),
        "completeness": sum(s >= p for s in shares) / len(shares),
        "lowest_coverage": min(shares),
        "missing_count": sum(r < min_count for r in found),
        "smallest_case": min(found),
    }


# -- published numbers ----------------------------------------------------------------------------------------

NIST = ["0000", "0110", "1001", "0111"]


def test_the_example_of_nistir_7878(ait):
    found = ait.measure(data=rows_of(NIST), design=binary("abcd"))
    assert found["total_coverage"] == pytest.approx(19 / 24)
    assert found["tuple_coverage"] == pytest.approx(2 / 6)
    assert found["completeness"] == pytest.approx(5 / 6)
    assert (found["missing_count"], found["lowest_coverage"], found["smallest_case"]) == (5, 0.5, 0)
    bars = dict(zip(found["coverage_by_tuple"].labels, found["coverage_by_tuple"].values, strict=True))
    assert bars == {"a × b": 0.75, "a × c": 0.75, "a × d": 0.75, "b × c": 0.5, "b × d": 1.0, "c × d": 1.0}
    assert found["coverage_by_tuple"].labels[0] == "b × c"


def test_the_example_of_nistir_7878_three_at_a_time(ait):
    found = ait.measure(data=rows_of(NIST), design=binary("abcd"), strength=3)
    assert found["total_coverage"] == pytest.approx(15 / 32)
    assert found["tuple_coverage"] == 0


# -- covering arrays from constructions ------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [1, 2, 3, 4])
def test_a_full_factorial_covers_everything(ait, strength):
    found = ait.measure(data=rows_of(product("012", "01", "01", "0123")), strength=strength)
    assert (found["total_coverage"], found["tuple_coverage"], found["missing_count"]) == (1, 1, 0)
    assert found["smallest_case"] == {1: 12, 2: 4, 3: 2, 4: 1}[strength]
    assert found["findings"] == []


def test_a_covering_array_of_strength_three_needs_each_of_its_ten_rows(ait):
    """Vectors of weight 1 and 4: CA(10; 3, 5, 2), which is optimal."""
    array = ["".join(v) for v in product("01", repeat=5) if v.count("1") in (1, 4)]
    assert len(array) == 10
    for left_out in [None, *range(10)]:
        rows = [r for i, r in enumerate(array) if i != left_out]
        found = ait.measure(data=rows_of(rows), design=binary("abcde"), strength=3)
        assert (found["total_coverage"] == 1) is (left_out is None)
        assert found["total_coverage"] > 0.8


def test_the_orthogonal_array_of_nine_rows_covers_all_pairs_and_a_third_of_the_triples(ait):
    rows = [f"{i}{j}{(i + j) % 3}{(i + 2 * j) % 3}" for i in range(3) for j in range(3)]
    assert ait.measure(data=rows_of(rows))["tuple_coverage"] == 1
    triples = ait.measure(data=rows_of(rows), strength=3)
    assert triples["total_coverage"] == pytest.approx(1 / 3)
    assert triples["missing_count"] == 4 * (27 - 9)


def test_totals_are_what_combinatorics_says(ait):
    found = ait.measure(data=rows_of(["0000000000"]), design=binary("abcdefghij"), strength=3)
    assert found["missing_count"] == 960 - 120


# -- brute force ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_counting_every_combination(ait, seed, strength):
    rng = np.random.default_rng(seed)
    values = {name: tuple("xyzw"[: rng.integers(2, 5)]) for name in "abcde"}
    exclusions = []
    for _ in range(seed):
        among = rng.choice(list(values), size=rng.integers(1, 4), replace=False)
        exclusions.append({str(a): str(rng.choice(values[a])) for a in among})
    design = Design(values, tuple(exclusions))
    n = int(rng.integers(1, 40))
    pool = {a: np.array([*v, "other", None], dtype=object) for a, v in values.items()}
    frame = pd.DataFrame({a: rng.choice(pool[a], size=n, p=[*[0.9 / len(v)] * len(v), 0.05, 0.05])
                          for a, v in values.items()})  # fmt: skip
    found = ait.measure(
        data=Table(frame, None, Roles()), design=design, strength=strength, min_count=1 + seed % 3, p=0.6
    )
    try:
        expected = brute_force(frame, design, strength, 1 + seed % 3, 0.6)
    except ZeroDivisionError:
        assert isinstance(found["total_coverage"], Undefined)
        return
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["undeclared_count"] == {a: int((frame[a] == "other").sum()) for a in values}
    hits = [(frame[list(e)] == pd.Series(e)).all(axis=1) for e in exclusions]
    assert found["excluded_count"] == (int(np.any(hits, axis=0).sum()) if hits else 0)


def test_many_attributes(ait):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(4, size=(2000, 75)), columns=[f"a{j}" for j in range(75)])
    found = ait.measure(data=Table(frame, None, Roles()))
    assert (found["total_coverage"], found["missing_count"]) == (1, 0)
    counts = pd.crosstab(frame["a3"], frame["a70"]).to_numpy()
    assert found["smallest_case"] <= counts.min()
    few = ait.measure(data=Table(frame[:30], None, Roles()))
    pairs = [len(set(zip(a, b, strict=True))) for a, b in combinations(frame[:30].to_numpy().T, 2)]
    assert few["total_coverage"] == pytest.approx(sum(pairs) / (16 * len(pairs)))


# -- a design -------------------------------------------------------------------------------------------------


def test_values_that_are_declared_but_never_occur_are_missed(ait):
    data = table({"light": ["day", "night"] * 5, "road": ["city"] * 10})
    found = ait.measure(data=data, design=Design({"light": ("day", "night", "dusk"), "road": ("city", "country")}))
    assert found["total_coverage"] == pytest.approx(2 / 6)
    assert found["missing_combinations"].rows == [
        ("light=dusk", 0, None),
        ("road=country", 0, None),
        ("in all, 4 of 6 combinations are missing", None, None),
    ]


def test_missing_combinations_are_named_the_most_surprising_first(ait):
    data = table({"a": [1] * 60 + [0] * 40, "b": [1] * 30 + [0] * 30 + [0] * 40, "c": [1] * 60 + [0] * 39 + [1]})
    found = ait.measure(data=data, design=Design({"a": ("0", "1"), "b": ("0", "1"), "c": ("0", "1")}))
    lines = [(text, rows, expected) for text, rows, expected in found["missing_combinations"].rows[:-1]]
    assert [line[:2] for line in lines] == [("a=1, c=0", 0), ("a=0, b=1", 0), ("b=1, c=0", 0)]
    assert [line[2] for line in lines] == pytest.approx([23.4, 12.0, 11.7])
    first = found["findings"][0]
    assert (first.kind, first.subject, first.value) == ("missing_combination", Subject(slice="a=1, c=0"), 0)
    assert first.text == "a=1, c=0: no row; were the attributes independent, 23.4 would be expected."
    assert {f.measure for f in found["findings"]} == {"total_coverage", "tuple_coverage", "missing_count"}
    assert len(found["findings"]) == 9


def test_long_lists_are_cut_and_say_how_long_they_were(ait):
    rng = np.random.default_rng(0)
    data = table({f"a{j}": rng.permutation(np.arange(60) % 30) for j in range(6)})
    found = ait.measure(data=data, max_values=30)
    assert found["missing_count"] > 10_000
    assert len(found["missing_combinations"].rows) == 201
    assert (
        found["missing_combinations"].rows[-1][0]
        == f"in all, {found['missing_count']:,} of 13,500 combinations are missing"
    )
    assert len(found["findings"]) == 3 * 50


def test_two_exclusions_can_together_rule_out_what_neither_does(ait):
    rows = rows_of(["000", "001", "010", "011"])
    both = [{"a": "1", "b": "0"}, {"a": "1", "b": "1"}]
    assert ait.measure(data=rows, design=binary("abc", both[:1]))["missing_count"] == 3
    found = ait.measure(data=rows, design=binary("abc", both))
    assert (found["total_coverage"], found["missing_count"], found["findings"]) == (1, 0, [])


def test_exclusions_on_attributes_that_are_not_combined_still_hold(ait):
    rows = rows_of(["00", "01"])
    excluded = [{"a": "1", "c": "0"}, {"a": "1", "c": "1"}]
    found = ait.measure(data=rows, design=binary("abc", excluded), attributes=["a", "b"])
    assert (found["total_coverage"], found["excluded_count"]) == (1, 0)


def test_rows_against_the_design_are_counted_apart(ait):
    data = table({"sex": ["F", "M", "m", "m", "?", None], "pregnant": [1.0, 1.0, 0.0, 0.0, 0.0, np.nan]})
    design = Design({"sex": ("F", "M"), "pregnant": ("0", "1")}, ({"sex": "M", "pregnant": "1"},))
    found = ait.measure(data=data, design=design)
    assert (found["undeclared_count"], found["excluded_count"]) == ({"sex": 3, "pregnant": 0}, 1)
    assert (found["total_coverage"], found["smallest_case"]) == (pytest.approx(1 / 3), 0)
    told = {f.kind: f for f in found["findings"]}
    assert told["new_category"].subject == Subject(column="sex")
    assert told["new_category"].text == "Column 'sex': 3 rows hold values that the design lacks."
    assert told["out_of_range"].subject == Subject(slice="sex=M, pregnant=1")
    assert found["attributes"].rows[0] == ("sex", 2, "design", 1, 3, "")


def test_an_attribute_beside_the_design_has_the_values_of_the_data(ait):
    data = table({"a": [0, 1, 0, 1], "note": ["p", "p", "q", "q"]})
    found = ait.measure(data=data, design=binary("a"), attributes=["a", "note"])
    assert found["undeclared_count"] == {"a": 0}
    assert found["total_coverage"] == 1


# -- which columns --------------------------------------------------------------------------------------------


def test_without_a_design_columns_of_few_values_are_combined_and_the_others_named(ait):
    columns = {
        "x": np.arange(40) / 7,
        "rank": np.arange(40) % 12,
        "site": ["n", "s"] * 20,
        "shift": [1, 2, 1, 3] * 10,
        "unit": ["u"] * 40,
        "empty": [None] * 40,
        "id": np.arange(40) % 3,
        "day": ["mon", "tue"] * 20,
    }
    found = ait.measure(data=table(columns, ["yes", "no"] * 20, id="id", time="day"))
    notes = {line[0]: line[-1] for line in found["attributes"].rows}
    assert notes == {
        "site": "",
        "shift": "",
        "x": "left out: it has 40 different values",
        "rank": "left out: it has 12 different values",
        "unit": "left out: it has one value",
        "empty": "left out: it is empty",
    }
    assert found["total_coverage"] == pytest.approx(3 / 6)
    assert isinstance(found["undeclared_count"], Undefined)
    assert isinstance(found["excluded_count"], Undefined)
    assert ait.measure(data=table(columns, id="id"), max_values=12)["missing_count"] > 3


def test_the_label_can_be_an_attribute(ait):
    data = table({"site": ["n", "n", "s"]}, ["yes", "no", "no"])
    found = ait.measure(data=data, attributes=["site", "label"])
    assert found["missing_combinations"].rows[0][0] == "site=s, label=yes"


def test_one_attribute_at_a_time(ait):
    found = ait.measure(data=rows_of(["00", "01"]), design=binary("ab"), strength=1)
    assert (found["total_coverage"], found["missing_combinations"].rows[0]) == (0.75, ("a=1", 0, 0.0))


def test_there_is_nothing_to_combine(ait):
    assert isinstance(ait.measure(data=table({"a": [], "b": []})), Undefined)
    for columns, attributes in (({"x": range(40)}, 0), ({"a": [0, 1] * 20, "x": range(40)}, 1)):
        found = ait.measure(data=table(columns))
        assert found["attribute_count"] == attributes
        reason = f"Combining 2 attributes needs as many; there are {attributes}."
        for name in ("total_coverage", "tuple_coverage", "completeness", "lowest_coverage", "smallest_case"):
            assert found[name] == Undefined(reason)
        assert found["attributes"].rows[-1] == ("x", *[None] * 4, "left out: it has 40 different values")
        assert found["findings"] == []
    nothing = binary("ab", [{"a": "0"}, {"a": "1"}])
    found = ait.measure(data=rows_of(["00", "11"]), design=nothing)
    assert found["missing_count"] == Undefined("The design leaves no combination that can occur.")
    assert found["excluded_count"] == 2


def test_what_can_not_be_right_is_refused(ait):
    data = rows_of(["00", "11"])
    with pytest.raises(ValueError, match="no column 'z'"):
        ait.measure(data=data, attributes=["a", "z"])
    with pytest.raises(ValueError, match="no column 'c'"):
        ait.measure(data=data, design=binary("abc"))
    with pytest.raises(ValueError, match="names b=7, which the design lacks"):
        ait.measure(data=data, design=binary("ab", [{"b": "7"}]))
    with pytest.raises(ValueError, match="names no attribute"):
        ait.measure(data=data, design=binary("ab", [{}]))
    wide = table({f"a{j}": [0, 1] for j in range(120)})
    with pytest.raises(ValueError, match="280,840 tuples of attributes are too many"):
        ait.measure(data=wide, strength=3)
    with pytest.raises(ValueError, match="combinations of one tuple"):
        ait.measure(data=table({c: np.arange(2000) for c in "ab"}), attributes=["a", "b"])


# -- the map --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("strength", "exclusions"), [(1, []), (2, [{"a": "0", "c": "1"}]), (3, [{"b": "1"}])])
def test_the_map_shows_the_counts_of_the_tuple_with_the_lowest_coverage(ait, strength, exclusions):
    rng = np.random.default_rng(strength)
    frame = pd.DataFrame(rng.integers(0, 2, (7, 5)), columns=list("abcde"))
    design = binary("abcde", exclusions)
    found = ait.measure(data=Table(frame, None, Roles()), design=design, strength=strength, min_count=2)
    shown = found["lowest_tuple"]
    down = shown.row_title.split(", ") if strength > 1 else []
    cells = {}
    for value, line in zip(shown.rows, shown.counts, strict=True):
        for values, count in zip(shown.columns, line, strict=True):
            cells[*(value.split(", ") if down else []), values] = count
    names = (*down, shown.column_title)
    for cell, count in cells.items():
        holds = np.all([frame[n] == int(v) for n, v in zip(names, cell, strict=True)], axis=0)
        assert count in (None, int(holds.sum()))
    can = [n for n in cells.values() if n is not None]
    assert sum(n >= shown.least for n in can) / len(can) == found["lowest_coverage"] and shown.least == 2


def test_excluded_combinations_are_told_apart_from_missing_ones(ait):
    found = ait.measure(data=rows_of(["00", "11"]), design=binary("ab", [{"a": "0", "b": "1"}]))
    assert found["lowest_tuple"].counts == [[1, None], [0, 1]]


def test_a_tuple_of_too_many_values_has_no_map(ait):
    columns = {"a": list(range(50)), "b": [0, 1] * 25}
    assert "lowest_tuple" not in ait.measure(data=table(columns), attributes=["a", "b"])
