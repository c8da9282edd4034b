from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.ait import Roles, SampleRows, Table, Undefined

TOGETHER = "(columns together)"


def table(columns: Any, labels: Any = None, **roles: Any) -> Table:
    series = None if labels is None else pd.Series(labels)
    return Table(pd.DataFrame(columns), series, Roles(label=None if labels is None else "y", **roles))


def some(n: int = 1000, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "normal": rng.normal(50, 10, n),
        "skewed": rng.lognormal(3, 1.2, n),
        "heavy": rng.standard_t(2.5, n),
        "zeros": rng.lognormal(2, 1, n) * (rng.random(n) < 0.3),
        "count": rng.poisson(2, n),
        "flag": (rng.random(n) < 0.01).astype(int),
    }


@pytest.mark.parametrize("seed", range(10))
def test_a_clean_table_with_skewed_and_heavy_tails_has_none(ait, seed):
    found = ait.measure(data=table(some(seed=seed)))
    assert set(found["clear_outliers"].values()) == {0.0} and found["outlying_rows"] == 0 and not found["findings"]


@pytest.mark.parametrize(("column", "factor"), [("normal", 1000), ("skewed", 100_000), ("heavy", 1e5), ("count", 100)])
def test_cells_in_another_unit_are_found(ait, column, factor):
    columns = some()
    rows = np.random.default_rng(9).choice(np.flatnonzero(np.abs(columns[column]) > 1), 5, replace=False)
    columns[column] = columns[column].astype(float)
    columns[column][rows] *= factor
    found = ait.measure(data=table(columns))
    assert found["clear_outliers"][column] in (0.005, 0.006)  # the largest of the others may be twice the next, too
    assert {n for n, v in found["clear_outliers"].items() if v} == {column}
    assert [f.subject.column for f in found["findings"]] == [column]
    assert {*found["rows"].rows} >= {*rows.tolist()}


@pytest.mark.parametrize("column", ["normal", "skewed", "count"])
def test_a_code_for_unknown_among_the_numbers_is_found_and_named(ait, column):
    columns = some()
    columns[column] = columns[column].astype(float)
    columns[column][:10] = -999
    found = ait.measure(data=table(columns))
    assert found["clear_outliers"][column] == 0.01
    (finding,) = found["findings"]
    assert finding.subject.column == column and "10 of them are -999" in finding.text
    assert found["columns"].rows[0][3:5] == (-999.0, 10)


def test_a_rare_value_is_not_named(ait):
    columns = some()
    columns["normal"][3] = 123456.0
    found = ait.measure(data=table(columns))
    assert "123456" not in found["findings"][0].text and found["columns"].rows[0][3] is None


def test_agrees_with_the_generalised_pareto_tail(ait):
    """Oracle: outlying is what a tail fitted by maximum likelihood to the others gives next to no chance."""
    rng = np.random.default_rng(3)
    for factor in (1.0, 1.2, 50.0, 1000.0):
        x = rng.lognormal(0, 0.7, 2000)
        rest = np.sort(x)[:-1]
        x[np.argmax(x)] *= factor
        threshold = rest[-100]
        shape, _, scale = stats.genpareto.fit(rest[-99:] - threshold, floc=0)
        expected = stats.genpareto.sf(x.max() - threshold, shape, scale=scale) * 100
        found = ait.measure(data=table({"x": x}))["clear_outliers"]["x"]
        assert (found > 0) == (expected < 1e-3), factor


def planted_rows(n: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Heights and weights that go together, and five rows in which they do not."""
    rng = np.random.default_rng(seed)
    height = rng.normal(170, 10, n)
    weight = 70 + 1.1 * (height - 170) + rng.normal(0, 2.5, n)
    height[:5], weight[:5] = 190, 50
    return pd.DataFrame({"height": height, "weight": weight, "age": rng.integers(18, 90, n), "iq": rng.normal(size=n)})


def test_rows_that_combine_ordinary_values_oddly_are_found(ait):
    found = ait.measure(data=table(planted_rows()))
    assert found["clear_outliers"] == {"height": 0, "weight": 0, "age": 0, "iq": 0, TOGETHER: 0.005}
    (finding,) = found["findings"]
    assert finding.subject.rows == (0, 1, 2, 3, 4)
    assert "'height'" in finding.text and "'weight'" in finding.text
    assert found["outlying_rows"] == 0.005


def test_training_rows_help_to_tell_what_is_usual_and_are_not_judged(ait):
    planted = planted_rows(2000)
    bad, good = planted.iloc[:60], planted.iloc[60:].reset_index(drop=True)
    found = ait.measure(data=table(bad), train=table(good))
    assert found["findings"][0].subject.rows == (0, 1, 2, 3, 4)
    assert not ait.measure(data=table(good), train=table(bad))["findings"]


def test_gaps_beside_related_columns_are_no_outliers(ait):
    frame = planted_rows().iloc[5:].reset_index(drop=True)
    frame["weight"] = frame["weight"].mask(np.random.default_rng(1).random(len(frame)) < 0.1)
    assert not ait.measure(data=table(frame))["findings"]


def test_infinite_values_count(ait):
    columns = some()
    columns["normal"][[1, 2]] = [np.inf, -np.inf]
    found = ait.measure(data=table(columns))
    assert found["clear_outliers"]["normal"] == 0.002 and "2 are infinite" in found["findings"][0].text


@pytest.mark.parametrize("dtype", ["float32", "Int64", "Float64", "int64", "object"])
def test_content_counts_not_the_type(ait, dtype):
    values = pd.Series(np.r_[9999.0, np.random.default_rng(0).integers(0, 60, 500)])
    found = ait.measure(data=table({"x": values.astype(dtype)}))
    assert found["clear_outliers"]["x"] == 1 / 501


def test_times_far_away_are_found(ait):
    days = np.datetime64("2020-01-01", "s") + np.random.default_rng(0).integers(0, 900, 300).astype("timedelta64[D]")
    days[7] = np.datetime64("9999-12-31", "s")
    assert ait.measure(data=table({"day": days}))["rows"] == SampleRows([7], {"outlying in": ["'day'"]})


def test_a_number_to_predict_is_looked_at_and_classes_are_not(ait):
    columns, y = {"x": some()["normal"]}, some()["skewed"]
    y[0] = 1e9
    assert ait.measure(data=table(columns, y))["clear_outliers"]["y"] == 0.001
    assert "y" not in ait.measure(data=table(columns, some()["count"]))["clear_outliers"]
    assert "y" not in ait.measure(data=table(columns, ["a", "b"] * 500))["clear_outliers"]


def test_columns_that_do_not_suit_are_named(ait):
    columns = {
        **some(),
        "text": ["a"] * 1000,
        "one": 1.0,
        "few": [1.0] * 5 + [None] * 995,
        "none": [None] * 1000,
        "when": pd.Series(["a", "b"] * 500, dtype="category"),
        "id": range(1000),
    }
    found = ait.measure(data=table(columns, id="id"), leave_out=["heavy"])
    assert set(found["clear_outliers"]) == {"normal", "skewed", "zeros", "count", "flag", TOGETHER}
    assert {line[0] for line in found["columns"].rows} == {"text", "one", "few", "none", "when"}


def test_few_different_numbers_may_be_codes(ait):
    rng = np.random.default_rng(0)
    codes = rng.choice([1, 2, 3, 9], 1000, p=[0.5, 0.3, 0.19, 0.01])
    assert ait.measure(data=table({"code": codes}))["clear_outliers"]["code"] == 0
    codes[:10] = -999
    assert ait.measure(data=table({"code": codes}))["clear_outliers"]["code"] == 0.01


def test_nothing_to_look_at_is_undefined(ait):
    for columns in (
        {"x": []},
        {"x": [1.0]},
        {"x": range(19)},
        {"x": ["a"] * 50},
        {"x": [np.nan] * 50},
        {"x": [1] * 50},
    ):
        assert isinstance(ait.measure(data=table(columns)), Undefined)
    with pytest.raises(ValueError, match="no column 'z'"):
        ait.measure(data=table(some()), leave_out=["z"])


def test_without_columns_to_combine_the_others_are_still_told(ait):
    found = ait.measure(data=table({"x": some()["normal"]}))
    assert found["clear_outliers"] == {"x": 0.0}
    assert found["columns"].rows[-1][0] == TOGETHER


def test_training_columns_of_another_kind_are_not_used(ait):
    x = {"x": some()["normal"], "z": some()["normal"]}
    found = ait.measure(data=table(x), train=table({"x": ["a"] * 30}))
    assert found["clear_outliers"]["x"] == 0


def test_the_same_seed_gives_the_same_and_rows_bound_the_look(ait):
    data = table(planted_rows(4000))
    assert ait.measure(data=data, rows=500) == ait.measure(data=data, rows=500)
    assert ait.measure(data=data)["findings"]


def test_a_wide_table_is_looked_at_in_its_most_related_columns(ait):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(1000, 150)), columns=[f"c{i}" for i in range(150)])
    frame[["c140", "c149"]] = planted_rows()[["height", "weight"]]
    found = ait.measure(data=table(frame))
    assert found["findings"][0].subject.rows == (0, 1, 2, 3, 4) and "'c149'" in found["findings"][0].text
