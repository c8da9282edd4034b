from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Bars, Roles, Subject, Table, Undefined


def table(columns: dict[str, Any], labels: list[Any] | None = None, **roles: Any) -> Table:
    series = None if labels is None else pd.Series(labels, name="label")
    return Table(pd.DataFrame(columns), series, Roles(label=None if labels is None else "label", **roles))


def test_every_ratio_of_a_table_worked_out_by_hand(ait):
    """Four records, three columns, 7 of 12 items there; one record empty, one complete, 3 of 4 labelled."""
    data = table(
        {"a": [1.0, None, 3.0, None], "b": ["x", "y", None, None], "c": [True, True, True, None]},
        ["yes", None, "no", "no"],
    )
    found = ait.measure(data=data)
    assert found["value_completeness"] == 7 / 12
    assert found["feature_completeness"] == {"a": 0.5, "b": 0.5, "c": 0.75}
    assert found["record_completeness"] == 0.75
    assert found["complete_records"] == 0.25
    assert found["label_completeness"] == 0.75
    assert isinstance(found["value_occurrence"], Undefined)


def test_agrees_with_a_count_cell_by_cell(ait):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 7))).mask(rng.random((60, 7)) < 0.3)
    cells = [[not np.isnan(x) for x in row] for row in frame.to_numpy()]
    found = ait.measure(data=Table(frame, None, Roles()))
    assert found["value_completeness"] == pytest.approx(sum(map(sum, cells)) / 420)
    assert found["record_completeness"] == sum(map(any, cells)) / 60
    assert found["complete_records"] == sum(map(all, cells)) / 60
    assert found["feature_completeness"] == {str(j): sum(row[j] for row in cells) / 60 for j in range(7)}


def test_a_full_table_is_complete_and_has_no_findings(ait):
    found = ait.measure(data=table({"a": [1, 2], "b": ["x", "y"]}, ["p", "q"]))
    names = ("value_completeness", "record_completeness", "complete_records", "label_completeness")
    assert {found[n] for n in names} == {1.0}
    assert found["findings"] == []


def test_findings_name_columns_and_the_label(ait):
    found = ait.measure(data=table({"a": [1, 2, 3, None], "b": [1, 2, 3, 4]}, ["p", None, None, "q"]))
    feature, label = found["findings"]
    assert (feature.subject, feature.measure, feature.value) == (Subject(column="a"), "feature_completeness", 0.75)
    assert feature.text == "Column 'a': 1 of 4 values are missing."
    assert (label.subject, label.measure, label.value) == (Subject(column="label"), "label_completeness", 0.5)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT, pd.NA])
def test_every_kind_of_missing_counts(ait, missing):
    data = Table(pd.DataFrame({"a": pd.Series(["x", missing], dtype=object)}), None, Roles())
    assert ait.measure(data=data)["value_completeness"] == 0.5


def test_blank_text_is_a_value_unless_it_is_named_as_missing(ait):
    data = table({"a": ["", "?", "x", "y"], "n": [-999, 1, 2, 3]})
    assert ait.measure(data=data)["value_completeness"] == 1.0
    named = ait.measure(data=data, also_missing=["", "?", -999])
    assert named["feature_completeness"] == {"a": 0.5, "n": 0.75}


def test_columns_that_are_no_features_are_left_out(ait):
    columns = {"id": ["1", None], "w": [1.0, None], "g": ["a", None], "note": [None, None], "x": [1.0, 2.0]}
    found = ait.measure(data=table(columns, id="id", weight="w", group="g", ignore=("note",)))
    assert found["feature_completeness"] == {"x": 1.0}
    assert found["value_completeness"] == 1.0


def test_occurrences_are_observed_over_expected(ait):
    data = table({"n": [1.0, 1.0, 2.0, None], "s": ["a", "a", "b", "b"], "b": [True, True, True, False]}, [0, 1, 1, 1])
    expected = {"n": {"1": 4, "2": 1}, "s": {"a": 1, "zebra": 5}, "b": {"True": 3}, "label": {"1": 2, "0": 0}}
    occurrence = ait.measure(data=data, expected_occurrences=expected)["value_occurrence"]
    assert isinstance(occurrence.pop("label=0"), Undefined)
    assert occurrence == {"n=1": 0.5, "n=2": 1.0, "s=a": 2.0, "s=zebra": 0.0, "b=True": 1.0, "label=1": 1.5}


def test_occurrences_of_an_unknown_column_are_refused(ait):
    with pytest.raises(ValueError, match="no column 'colour'"):
        ait.measure(data=table({"a": [1]}), expected_occurrences={"colour": {"red": 1}})


def test_a_table_where_all_is_missing(ait):
    found = ait.measure(data=table({"a": [None, None], "b": [np.nan, np.nan]}, [None, None]))
    assert found["value_completeness"] == found["record_completeness"] == found["label_completeness"] == 0.0
    assert len(found["findings"]) == 3


def test_nothing_to_divide_by_is_undefined_and_never_complete(ait):
    assert isinstance(ait.measure(data=table({"a": []})), Undefined)
    found = ait.measure(data=table({"id": [1, 2]}, ["p", "q"], id="id"))
    for name in ("value_completeness", "feature_completeness", "record_completeness", "complete_records"):
        assert isinstance(found[name], Undefined), name
    assert found["label_completeness"] == 1.0
    assert isinstance(ait.measure(data=table({"a": [1]}))["label_completeness"], Undefined)


def test_bars_show_the_least_complete_columns_first(ait):
    columns = {f"c{j}": [1.0] * (100 - j) + [None] * j for j in range(60)}
    bars = ait.measure(data=table(columns))["completeness_by_feature"]
    assert isinstance(bars, Bars)
    assert bars.labels[:2] == ["c59", "c58"]
    assert len(bars.labels) == len(bars.values) == 50
