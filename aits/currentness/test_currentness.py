from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.ait import Roles, Subject, Table, Undefined

DAYS = pd.date_range("2025-01-01", periods=100, freq="D", tz="UTC")


def table(times: Any, columns: Any = None, **roles: Any) -> Table:
    frame = pd.DataFrame({"t": times} | (columns or {}))
    return Table(frame, None, Roles(time="t", **roles))


def test_ages_and_currentness_worked_out_by_hand(ait):
    found = ait.measure(data=table(DAYS, {"x": np.arange(100.0)}), as_of="2025-04-20", max_age_days=29)
    assert found["newest_age"] == 10.0
    assert found["median_age"] == 59.5
    assert found["span_days"] == 99.0
    assert found["record_currentness"] == 0.2
    assert found["feature_currentness"] == {"x": 0.2}
    assert found["dated_records"] == 1.0 and found["later_than_reference"] == 0.0
    (rows,) = [f for f in found["findings"] if f.subject.rows]
    assert rows.kind == "outdated" and rows.subject.rows == tuple(range(80)) and rows.measure == "record_currentness"


def test_the_reference_is_the_newest_time_and_never_the_clock(ait):
    found = ait.measure(data=table(DAYS), train=table(DAYS + pd.Timedelta(days=30)), max_age_days=60)
    assert found["newest_age"] == 30.0
    assert found["record_currentness"] == 0.31
    assert ait.measure(data=table(DAYS))["newest_age"] == 0.0
    later = ait.measure(data=table(DAYS), as_of="2025-03-02T00:00:00Z")
    assert later["later_than_reference"] == 0.39 and later["newest_age"] == -39.0


@pytest.mark.parametrize(
    "times",
    [
        DAYS,
        DAYS.tz_convert("Asia/Tokyo"),
        DAYS.strftime("%Y-%m-%d"),
        DAYS.strftime("%Y/%m/%d"),
        pd.Series(DAYS.strftime("%Y-%m-%dT%H:%M:%SZ"), dtype="string"),
        pd.Categorical(DAYS.strftime("%Y-%m-%d")),
        DAYS.strftime("%Y%m%d").astype(int),
        DAYS.strftime("%Y%m%d").astype(float),
        [d.date() for d in DAYS],
    ],
)
def test_times_are_read_however_they_are_written(ait, times):
    found = ait.measure(data=table(times), as_of="2025-04-20")
    assert (found["newest_age"], found["span_days"]) == (10.0, 99.0)


def test_a_format_is_taken_where_it_is_named(ait):
    german = table(DAYS.strftime("%d.%m.%Y"))
    assert isinstance(ait.measure(data=german), Undefined)
    assert ait.measure(data=german, time_format="%d.%m.%Y")["span_days"] == 99.0
    assert ait.measure(data=table([2019, 2020, 2021]))["span_days"] == 731.0


@pytest.mark.parametrize("values", [["a", "b"], [1.5, 2.5], [17, 18], [None, None], [True, False]])
def test_what_is_no_time_is_not_taken_for_one(ait, values):
    found = ait.measure(data=table(values))
    assert isinstance(found, Undefined) and "does not hold times" in found.reason


def test_records_without_a_time_are_counted_and_left_out(ait):
    times = pd.Series(DAYS).mask(np.arange(100) % 4 == 0)
    found = ait.measure(data=table(times, {"x": np.ones(100)}), max_age_days=49.5)
    assert found["dated_records"] == 0.75
    assert found["record_currentness"] == pytest.approx(np.mean([99 - i <= 49.5 for i in range(100) if i % 4]))


def test_a_column_that_ended_is_named(ait):
    rng = np.random.default_rng(0)
    x = rng.normal(size=100)
    columns = {"ended": np.where(np.arange(100) < 80, x, np.nan), "holes": np.where(rng.random(100) < 0.5, x, np.nan)}
    columns |= {"empty": np.full(100, np.nan), "full": x}
    order = rng.permutation(100)
    shuffled = table(DAYS[order], {k: v[order] for k, v in columns.items()})
    found = ait.measure(data=shuffled)
    assert isinstance(found["stale_share"].pop("empty"), Undefined)
    assert found["stale_share"] == {"ended": 0.2, "holes": 0.0, "full": 0.0}
    assert found["newest_value_age"]["ended"] == 20.0 and "empty" not in found["newest_value_age"]
    assert [(f.kind, f.subject, f.value) for f in found["findings"]] == [("outdated", Subject(column="ended"), 0.2)]


def test_the_probability_of_a_column_ending_by_chance_is_what_alpha_says(ait):
    """Against a simulation: values missing at random end by chance as often as alpha allows, and hardly less."""
    hits, n = 0, 200
    for seed in range(n):
        rng = np.random.default_rng(seed)
        data = table(DAYS, {"x": np.where(rng.random(100) < 0.8, np.nan, 1.0)})
        hits += ait.measure(data=data, alpha=0.1)["stale_share"]["x"] > 0
    assert stats.binomtest(hits, n, 0.1, alternative="greater").pvalue > 0.001
    assert hits > 0.04 * n


def test_ties_are_no_end(ait):
    data = table(["2025-01-01"] * 50 + ["2025-01-02"] * 50, {"x": [1.0] * 51 + [None] * 49})
    assert ait.measure(data=data)["stale_share"] == {"x": 0.0}


def test_shares_older_than_training_are_those_of_all_pairs(ait):
    rng = np.random.default_rng(1)
    ours, theirs = (pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 40, k), "D") for k in (70, 90))
    found = ait.measure(data=table(ours), train=table(theirs))
    a, b = ours.to_numpy()[:, None], theirs.to_numpy()[None]
    assert found["before_training"] == pytest.approx(np.mean(a < b) + np.mean(a == b) / 2)
    assert found["before_training"] == pytest.approx(
        stats.mannwhitneyu(theirs.astype("int64"), ours.astype("int64")).statistic / (70 * 90)
    )
    assert found["older_than_training"] == np.mean(ours < theirs.max())
    assert found["findings"][0].kind == "leak" and found["findings"][0].subject == Subject(column="t")


def test_a_split_by_time_is_older_in_nothing(ait):
    found = ait.measure(data=table(DAYS[60:]), train=table(DAYS[:60]))
    assert found["older_than_training"] == found["before_training"] == 0.0
    assert found["findings"] == []


def test_gaps(ait):
    found = ait.measure(data=table(DAYS.delete(slice(30, 50))))
    assert found["largest_gap_days"] == 21.0 and found["largest_gap_share"] == pytest.approx(21 / 99)
    assert found["gaps"].rows[0] == ("2025-01-30 00:00", "2025-02-20 00:00", 21.0)


def test_what_can_not_be_told_is_undefined(ait):
    assert isinstance(ait.measure(data=table([])), Undefined)
    assert isinstance(ait.measure(data=Table(pd.DataFrame({"a": [1]}), None, Roles())), Undefined)
    one = ait.measure(data=table(["2025-01-01"], {"x": [1]}), train=Table(pd.DataFrame({"x": [1]}), None, Roles()))
    for name in ("record_currentness", "feature_currentness", "largest_gap_days", "older_than_training"):
        assert isinstance(one[name], Undefined), name
    assert isinstance(one["stale_share"]["x"], Undefined) and one["findings"] == []
    assert isinstance(ait.measure(data=table(DAYS))["stale_share"], Undefined)
    with pytest.raises(ValueError, match="as_of must be"):
        ait.measure(data=table(DAYS), as_of="yesterday")


def test_columns_that_are_no_features_are_left_out_and_the_same_twice(ait):
    data = table(DAYS, {"id": np.arange(100), "x": np.arange(100)}, id="id")
    a, b = (ait.measure(data=data, max_age_days=10) for _ in range(2))
    assert a == b and list(a["stale_share"]) == ["x"]
