from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.ait import Design, Roles, Subject, Table, Undefined


def table(columns: Any, labels: Any = None, **roles: Any) -> Table:
    frame = pd.DataFrame(columns)
    label = None if labels is None else "y"
    return Table(frame, None if labels is None else pd.Series(labels, index=frame.index), Roles(label=label, **roles))


def rows(n: int) -> dict[str, Any]:
    return {"x": np.arange(n, dtype=float)}


# -- how many are required: against scipy's exact interval ----------------------------------------------------


def exact_half_width(hits: int, n: int, confidence: float) -> float:
    ci = stats.binomtest(hits, n).proportion_ci(confidence, method="exact")
    return (ci.high - ci.low) / 2


@pytest.mark.parametrize(("rate", "width", "confidence"), [(0.5, 0.1, 0.95), (0.9, 0.05, 0.95), (0.8, 0.1, 0.99)])
def test_the_required_number_gives_the_wanted_interval_and_one_fewer_does_not(ait, rate, width, confidence):
    found = ait.measure(data=table(rows(5)), half_width=width, expected_rate=rate, minimum=1, confidence=confidence)[
        "required_size"
    ]
    whole = round(1 / min(rate, 1 - rate))  # numbers of rows of which the rate is a whole number of hits
    below, above = found - 1 - (found - 1) % whole, found + -found % whole
    assert exact_half_width(round(above * rate), above, confidence) <= width
    assert exact_half_width(round(below * rate), below, confidence) > width


def test_the_half_width_is_that_of_the_exact_interval(ait):
    found = ait.measure(data=table(rows(40), ["a"] * 30 + ["b"] * 10), expected_rate=0.9)["half_width"]
    for key, n in (("all rows", 40), ("y=a", 30), ("y=b", 10)):
        assert found[key] == pytest.approx(exact_half_width(round(0.9 * n), n, 0.95), abs=1e-9)


def test_twenty_rows_without_an_error_leave_one_in_six(ait):
    assert stats.binomtest(0, 20).proportion_ci(method="exact").high == pytest.approx(1 / 6, abs=0.002)


@pytest.mark.parametrize("wrong", [{"half_width": 0.5}, {"expected_rate": 0.0}, {"expected_rate": 1.0}])
def test_parameters_that_can_not_be_meant(ait, wrong):
    with pytest.raises(ValueError, match="must be between"):
        ait.measure(data=table(rows(5)), **wrong)


def test_a_width_that_no_table_can_give_is_refused(ait):
    with pytest.raises(ValueError, match="would take more than"):
        ait.measure(data=table(rows(5)), half_width=1e-6)


# -- which cases ----------------------------------------------------------------------------------------------


def test_classes_and_sensitive_values_are_the_cases_without_a_design(ait):
    frame = {**rows(100), "sex": ["f", "m"] * 45 + [None] * 10, "age": np.arange(100)}
    found = ait.measure(data=table(frame, ["no"] * 92 + ["yes"] * 8, sensitive=("sex", "age"), positive="yes"))
    assert found["case_size"] == {"y=yes": 8, "sex=f": 45, "sex=m": 45, "y=no": 92, "all rows": 100}
    assert (found["smallest_case"], found["insufficient_cases"]) == (8, 5)
    assert found["least_sufficiency"] == pytest.approx(8 / 104)
    assert found["cases"].rows[0][:2] == ("column age", "left out: it has 100 different values")
    assert found["findings"][0].subject == Subject(slice="y=yes")
    assert {f.kind for f in found["findings"]} == {"too_few_cases"}


def test_a_declared_class_without_rows_is_a_case_of_none(ait):
    found = ait.measure(data=table(rows(60), ["a"] * 60, classes=("a", "b"), positive="c"))
    assert found["case_size"] == {"y=b": 0, "y=c": 0, "y=a": 60, "all rows": 60}
    assert found["half_width"]["y=b"] == 0.5


def test_a_design_says_which_cases_there_are(ait):
    frame = {"light": ["day"] * 70 + ["night"] * 30, "rain": [True, False] * 50}
    design = Design(
        {"light": ("day", "night", "dusk"), "rain": ("True", "False")},
        risk_cases=({"light": "night", "rain": "True"}, {"light": "dusk"}),
    )
    found = ait.measure(data=table(frame, ["a", "b"] * 50), design=design)
    assert found["case_size"] == {
        "light=dusk": 0,
        "light=night, rain=True": 15,
        "light=night": 30,
        "rain=False": 50,
        "rain=True": 50,
        "light=day": 70,
        "all rows": 100,
    }
    assert dict(zip(*[[r[i] for r in found["cases"].rows] for i in (0, 1)], strict=True))["light=dusk"] == "risk case"


def test_a_risk_case_may_name_the_label_and_columns_that_the_design_does_not_declare(ait):
    design = Design({}, risk_cases=({"y": "b", "x": "3"}, {"x": "99"}))
    found = ait.measure(data=table(rows(10), ["a", "b"] * 5), design=design)
    assert found["case_size"] == {"x=99": 0, "y=b, x=3": 1, "all rows": 10}
    with pytest.raises(ValueError, match="no column 'z'"):
        ait.measure(data=table(rows(10)), design=Design({}, risk_cases=({"z": "1"},)))


@pytest.mark.parametrize(
    ("labels", "keys"),
    [
        (np.linspace(0, 1, 50), {"all rows"}),
        (np.arange(50), {"all rows"}),
        (np.arange(50) % 3, {"all rows", "y=0", "y=1", "y=2"}),
        ([True, False] * 25, {"all rows", "y=True", "y=False"}),
        (pd.Categorical(["u", "v"] * 25), {"all rows", "y=u", "y=v"}),
        (pd.array(["u", None] * 25, dtype="string"), {"all rows", "y=u"}),
        (pd.array([1, None] * 25, dtype="Int64"), {"all rows", "y=1"}),
        ([1.0, np.nan] * 25, {"all rows", "y=1"}),
        (pd.to_datetime(["2026-01-01", None] * 25), {"all rows"}),
        ([None] * 50, {"all rows"}),
    ],
)
def test_labels_of_any_type(ait, labels, keys):
    assert set(ait.measure(data=table(rows(50), labels))["case_size"]) == keys


def test_the_task_that_the_plan_states_decides(ait):
    assert len(ait.measure(data=table(rows(50), np.arange(50), task="classification"))["case_size"]) == 51
    assert len(ait.measure(data=table(rows(50), [1, 2] * 25, task="regression"))["case_size"]) == 1


# -- what counts as a row -------------------------------------------------------------------------------------


def test_groups_count_once_in_each_case(ait):
    frame = {**rows(100), "home": np.repeat(np.arange(25), 4)}
    found = ait.measure(data=table(frame, (["a"] * 2 + ["b"] * 2) * 20 + ["a"] * 20, group="home"))
    assert found["case_size"] == {"y=b": 20, "y=a": 25, "all rows": 25}
    assert "40 rows in 20 independent groups" in found["findings"][0].text


def test_weights_count_by_their_effective_number(ait):
    w = np.array([1.0] * 50 + [3.0] * 50)
    found = ait.measure(data=table({**rows(100), "w": w}, weight="w"))["case_size"]["all rows"]
    assert found == int(w.sum() ** 2 / (w**2).sum())
    assert ait.measure(data=table({**rows(100), "w": [0.0] * 60 + [2.0] * 40}, weight="w"))["smallest_case"] == 40
    both = table({**rows(100), "w": [2.0] * 100, "g": np.arange(100) // 2}, weight="w", group="g")
    assert ait.measure(data=both)["smallest_case"] == 50


# -- quiet, and bounded ---------------------------------------------------------------------------------------


def test_enough_rows_are_no_finding(ait):
    found = ait.measure(data=table(rows(400), ["a", "b"] * 200))
    assert found["findings"] == [] and found["insufficient_cases"] == 0
    assert found == ait.measure(data=table(rows(400), ["a", "b"] * 200))


def test_one_row_is_short_and_none_is_undefined(ait):
    assert ait.measure(data=table(rows(1), ["a"]))["case_size"] == {"y=a": 1, "all rows": 1}
    assert isinstance(ait.measure(data=table(rows(0), [])), Undefined)


def test_thousands_of_classes_stay_bounded(ait):
    found = ait.measure(data=table(rows(12_000), [f"c{i % 6000}" for i in range(12_000)]))
    assert len(found["case_size"]) == 5000 and found["insufficient_cases"] == 6000
    assert len(found["findings"]) == 100 and len(found["cases"].rows) == 50
    assert found["cases"].rows[-1][0] == "and 5,952 larger cases"


def test_a_finding_names_no_limit_but_what_more_rows_would_give(ait):
    found = ait.measure(data=Table(pd.DataFrame({"x": range(19)}), None, Roles()))
    (text,) = {f.text for f in found["findings"]}
    assert text == "all rows: 19 rows tell a share to ±0.234; 104 would tell it to ±0.100."
