from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Roles, Subject, Table, Undefined

HAND = {
    "age": [30, 30, 30, 41, 41, 52],
    "sex": ["f", "f", "f", "m", "m", "f"],
    "note": list("abcdef"),
}
"""Three classes: of three, of two, of one."""


def table(columns: Any, labels: Any = None, **roles: Any) -> Table:
    frame = pd.DataFrame(columns)
    series = None if labels is None else pd.Series(labels, index=frame.index)
    return Table(
        frame, series, Roles(label=None if labels is None else "ill", **{"sensitive": ("age", "sex"), **roles})
    )


def test_a_table_by_hand(ait: Any) -> None:
    found = ait.measure(data=table(HAND, ["a", "b", "b", "c", "c", "d"]), k=3)
    assert (found["smallest_class"], found["classes"]) == (1, 3)
    assert found["unique_share"] == pytest.approx(1 / 6)
    assert found["small_class_share"] == pytest.approx(3 / 6)
    assert found["l_diversity"] == 1
    assert found["disclosed_share"] == pytest.approx(3 / 6)  # the two of 41 and the one of 52
    assert found["unique_without"] == {"age": 0.0, "sex": pytest.approx(1 / 6)}
    shares = dict(zip(found["class_sizes"].labels, found["class_sizes"].values, strict=True))
    assert shares["1"] == pytest.approx(1 / 6) and shares["3-4"] == pytest.approx(1 / 2) and sum(shares.values()) == 1
    assert found["examples"].rows == [5] and found["examples"].cells == {}


@pytest.mark.parametrize("seed", range(5))
def test_it_counts_as_a_group_by_does(ait: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 400))
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 40, n),
            "sex": rng.choice(["f", "m", None], n),
            "zip": rng.choice(["100", "101", "102"], n),
        }
    )
    ill = pd.Series(rng.choice(["x", "y", "z"], n))
    known = ["age", "sex", "zip"]
    found = ait.measure(data=table(frame, ill), quasi_identifiers=known, k=4)
    by = frame.assign(ill=ill).groupby(known, dropna=False)["ill"]
    size, values = by.transform("size"), by.transform("nunique")
    assert found["smallest_class"] == size.min()
    assert found["unique_share"] == pytest.approx((size == 1).mean())
    assert found["small_class_share"] == pytest.approx((size < 4).mean())
    assert found["classes"] == by.ngroups
    assert found["l_diversity"] == values.min()
    assert found["disclosed_share"] == pytest.approx((values == 1).mean())
    for c in known:
        rest = frame.groupby([x for x in known if x != c], dropna=False)["age"].transform("size")
        assert found["unique_without"][c] == pytest.approx((rest == 1).mean())


def test_several_records_of_one_person_are_no_crowd(ait: Any) -> None:
    frame = pd.DataFrame({"age": [30] * 4 + [50] * 2, "sex": ["f"] * 6, "who": [1, 1, 1, 1, 2, 3]})
    rows = ait.measure(data=table(frame))
    persons = ait.measure(data=table(frame, group="who"))
    assert (rows["smallest_class"], rows["unique_share"]) == (2, 0.0)
    assert (persons["smallest_class"], persons["unique_share"]) == (1, pytest.approx(4 / 6))
    assert ait.measure(data=table(frame, id="who"))["unique_share"] == persons["unique_share"]
    unknown = ait.measure(data=table(frame.assign(who=[None] * 6), group="who"))
    assert unknown["unique_share"] == 0.0  # each record without a value is of somebody else


def test_values_and_not_their_spelling_are_compared(ait: Any) -> None:
    frame = pd.DataFrame({"age": np.array([1, 1.0, None, None], dtype=object), "sex": ["f"] * 4})
    found = ait.measure(data=table(frame))
    assert (found["classes"], found["unique_share"]) == (2, 0.0)


def test_knowing_more_never_hides_anybody(ait: Any) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 4, (200, 5)), columns=list("abcde"))
    shares, smallest = [], []
    for k in range(1, 6):
        found = ait.measure(data=table(frame), quasi_identifiers=list("abcde")[:k])
        shares.append(found["unique_share"])
        smallest.append(found["smallest_class"])
    assert shares == sorted(shares) and smallest == sorted(smallest, reverse=True)
    order = rng.permutation(200)
    mixed = ait.measure(data=table(frame.iloc[order]), quasi_identifiers=list("edcba"))
    assert mixed["unique_share"] == shares[-1]


def test_findings_name_rows_and_the_column_and_quote_nothing(ait: Any) -> None:
    frame = pd.DataFrame({"age": np.arange(1000, 1050), "sex": ["secret"] * 50})
    found = ait.measure(data=table(frame))
    rows, column = found["findings"]
    assert rows.subject == Subject(rows=tuple(range(50))) and column.subject == Subject(column="age")
    assert rows.measure == column.measure == "unique_share" and rows.value == 1.0
    told = " ".join([rows.text, column.text, str(found["columns"].rows), str(found["class_sizes"])])
    assert "secret" not in told and "1001" not in told


def test_one_column_alone_leaves_all_alike_without_it(ait: Any) -> None:
    found = ait.measure(data=table(HAND), quasi_identifiers=["age"])
    assert found["unique_without"] == {"age": 0.0}
    assert isinstance(found["l_diversity"], Undefined) and isinstance(found["disclosed_share"], Undefined)


def test_confidential_columns_can_be_named(ait: Any) -> None:
    found = ait.measure(data=table({**HAND, "pay": [1, 2, 3, 4, 5, 6]}), confidential=["pay"])
    assert (found["l_diversity"], found["disclosed_share"]) == (1, pytest.approx(1 / 6))


def test_nothing_to_look_at_is_undefined(ait: Any) -> None:
    assert "No column" in ait.measure(data=table(HAND, sensitive=())).reason
    assert "no rows" in ait.measure(data=table({"age": [], "sex": []})).reason


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"quasi_identifiers": ["agee"]}, "no column 'agee'"),
        ({"confidential": ["pay"]}, "no column 'pay'"),
        ({"confidential": ["age"]}, "named as a quasi-identifier and as confidential"),
    ],
)
def test_columns_that_can_not_be_meant(ait: Any, wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ait.measure(data=table(HAND), **wrong)
