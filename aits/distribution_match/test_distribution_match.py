from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, norm

from qmtestbed.ait import Roles, Subject, Table, Undefined

QUICK = {"permutations": 19, "alpha": 0.05}
BY_COLUMN = ("clear_shift", "shift", "chance_limit", "mean_difference", "missing_difference", "new_categories")


def table(columns: Any, labels: Any = None, **roles: Any) -> Table:
    series = None if labels is None else pd.Series(labels, name="label")
    return Table(pd.DataFrame(columns), series, Roles(label=None if labels is None else "label", **roles))


def mixed(rng: np.random.Generator, n: int, columns: int) -> pd.DataFrame:
    """Columns that depend on each other: numbers, whole numbers, rare marks, many and few categories, gaps."""
    common = rng.normal(size=n)
    kinds = [
        lambda: rng.normal(size=n) + common,
        lambda: np.round(rng.exponential(3, size=n)),
        lambda: (rng.random(n) < 0.02).astype(int),
        lambda: np.char.add("c", rng.zipf(1.5, size=n).clip(0, 500).astype(str)).astype(object),
        lambda: np.where(rng.random(n) < 0.2, np.nan, common),
        lambda: rng.choice(np.array(list("abcdefgh"), dtype=object), size=n),
    ]
    return pd.DataFrame({f"x{j}": kinds[j % 6]() for j in range(columns)})


def split(frame: pd.DataFrame, n: int, **roles: Any) -> dict[str, Table]:
    return {"data": table(frame[:n], **roles), "train": table(frame[n:], **roles)}


def alarm(found: Any) -> bool:
    return max(found["clear_shift"].values()) > 0


# -- distances ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_shift_of_numbers_is_the_distance_of_kolmogorov_and_smirnov(ait, seed):
    rng = np.random.default_rng(seed)
    ours, theirs = ({"x": rng.normal(m, size=n), "k": rng.poisson(3 + m, size=n)} for m, n in ((0, 300), (0.3, 170)))
    ours["t"], theirs["t"] = (pd.Timestamp("2026-01-01") + pd.to_timedelta(d["x"], unit="D") for d in (ours, theirs))
    found = ait.measure(data=table(ours), train=table(theirs), **QUICK)
    for name in ("x", "k"):
        assert found["shift"][name] == pytest.approx(ks_2samp(ours[name], theirs[name]).statistic)
    assert found["shift"]["t"] == pytest.approx(found["shift"]["x"])
    assert found["max_shift"] == max(found["shift"].values())
    a, b = ours["x"], theirs["x"]
    assert found["mean_difference"]["x"] == pytest.approx(
        (a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    )
    assert set(found["mean_difference"]) == {"x", "k"}


def test_normal_distributions_a_standard_deviation_apart(ait):
    x = norm.ppf(np.arange(1, 2000) / 2000)
    found = ait.measure(data=table({"x": x + 1}), train=table({"x": x}), **QUICK)
    assert found["shift"]["x"] == pytest.approx(2 * norm.cdf(0.5) - 1, abs=1e-3)
    assert found["mean_difference"]["x"] == pytest.approx(1, abs=0.01)


def test_the_shift_of_categories_is_the_total_variation(ait):
    data = table({"s": ["a"] * 60 + ["b"] * 40, "three": ["a"] * 50 + ["b"] * 30 + ["c"] * 20})
    train = table({"s": ["a", "b"] * 30, "three": ["a", "b", "c"] * 20})
    found = ait.measure(data=data, train=train, **QUICK)
    assert found["shift"] == pytest.approx({"s": 0.1, "three": 1 / 6})


def test_a_missing_value_is_a_value_below_all_others(ait):
    rng = np.random.default_rng(0)
    ours, theirs = (
        np.where(rng.random(n) < m, np.nan, rng.normal(s, size=n)) for n, m, s in ((200, 0.4, 0), (300, 0.1, 1))
    )
    found = ait.measure(data=table({"x": ours}), train=table({"x": theirs}), **QUICK)
    assert found["shift"]["x"] == pytest.approx(
        ks_2samp(np.nan_to_num(ours, nan=-99), np.nan_to_num(theirs, nan=-99)).statistic
    )
    gap = np.isnan(ours).mean() - np.isnan(theirs).mean()
    assert found["missing_difference"]["x"] == pytest.approx(gap)
    assert found["shift"]["x"] >= gap
    texts = ait.measure(data=table({"s": ["a", None]}), train=table({"s": ["a", "a"]}), **QUICK)
    assert texts["shift"]["s"] == texts["missing_difference"]["s"] == 0.5


def test_a_table_is_like_itself(ait):
    frame = mixed(np.random.default_rng(0), 100, 12)
    found = ait.measure(data=table(frame), train=table(frame), **QUICK)
    assert found["max_shift"] == found["excess_shift"] == 0
    assert found["findings"] == []


def test_the_distance_is_of_all_rows_however_few_are_dealt(ait):
    frame = mixed(np.random.default_rng(0), 400, 6)
    few, all_ = (ait.measure(**split(frame, 150), **QUICK, rows=rows) for rows in (40, 400))
    assert few["shift"] == all_["shift"]
    assert min(few["chance_limit"].values()) > min(all_["chance_limit"].values())
    assert ait.measure(**split(frame, 150), **QUICK, rows=40)["chance_limit"] == few["chance_limit"]


# -- chance ---------------------------------------------------------------------------------------------------


def test_chance_raises_an_alarm_as_often_as_stated(ait):
    """At 5 %, 200 splits: 5 % less or more three standard errors."""
    rng = np.random.default_rng(0)
    alarms = [alarm(ait.measure(**split(mixed(rng, 90, 12), 30), **QUICK, seed=s)) for s in range(200)]
    assert 0.005 <= np.mean(alarms) <= 0.1


@pytest.mark.parametrize(
    ("n", "columns"),
    [pytest.param(60, 30, marks=pytest.mark.long), (400, 1), pytest.param(400, 60, marks=pytest.mark.long)],
)
def test_the_suggested_criterion_is_missed_by_clean_splits_in_one_of_two_hundred(ait, n, columns):
    rng = np.random.default_rng(n + columns)
    alarms = [alarm(ait.measure(**split(mixed(rng, n, columns), n // 3), seed=s)) for s in range(400)]
    assert np.mean(alarms) <= 0.005 + 3 * np.sqrt(0.005 / 400)


def test_rows_of_one_group_are_no_news(ait):
    def households(rng: np.random.Generator, **roles: Any) -> bool:
        member = np.repeat(np.arange(30), 8)
        frame = pd.DataFrame(rng.normal(size=(30, 5))[member] + 0.5 * rng.normal(size=(240, 5))).add_prefix("x")
        frame["home"] = member
        test = rng.permutation(30)[member] < 10
        return alarm(ait.measure(data=table(frame[test], **roles), train=table(frame[~test], **roles), **QUICK))

    grouped = np.mean([households(np.random.default_rng(s), group="home") for s in range(150)])
    alone = np.mean([households(np.random.default_rng(s), ignore=("home",)) for s in range(30)])
    assert grouped <= 0.05 + 3 * np.sqrt(0.05 / 150)
    assert alone > 0.8


@pytest.mark.parametrize("seed", range(3))
def test_a_column_that_shifts_is_named_and_no_other(ait, seed):
    rng = np.random.default_rng(seed)
    frame = mixed(rng, 2000, 31)
    frame.loc[:999, "x0"] += 0.6 * frame["x0"].std()
    frame["name"] = [f"n{j}" for j in rng.permutation(2000)]
    found = ait.measure(**split(frame, 1000))
    assert [c for c, shift in found["clear_shift"].items() if shift] == ["x0"]
    assert found["clear_shift"]["x0"] == found["shift"]["x0"] > 0.15
    assert found["excess_shift"] == pytest.approx(found["shift"]["x0"] - found["chance_limit"]["x0"])
    assert found["shift"]["name"] == 1  # every name is new, as it would be by chance
    (finding,) = [f for f in found["findings"] if f.kind == "shift"]
    assert (finding.subject, finding.measure, finding.value) == (
        Subject(column="x0"),
        "clear_shift",
        found["shift"]["x0"],
    )
    assert finding.text.startswith(
        f"Column 'x0': Kolmogorov–Smirnov distance {finding.value:.3f}; chance explains up to"
    )
    assert found["shifts"].labels[0] == found["columns"].rows[0][0] == found["most_shifted"].x_title == "x0"


def test_a_sensor_that_fails_more_often_is_found(ait):
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    found = ait.measure(data=table({"x": np.where(rng.random(1000) < 0.3, np.nan, x)}), train=table({"x": x}))
    assert found["clear_shift"]["x"] > 0.25
    assert {f.kind for f in found["findings"]} == {"shift", "missing_values"}
    assert "of the test values are missing, 0.0% in training" in found["findings"][0].text


def test_too_few_permutations_are_refused(ait):
    with pytest.raises(ValueError, match="199 permutations or more"):
        ait.measure(**split(mixed(np.random.default_rng(0), 30, 2), 10), permutations=100)


# -- new categories -------------------------------------------------------------------------------------------


def test_categories_that_the_training_data_lack(ait):
    data = table({"s": ["a"] * 90 + ["new"] * 7 + ["rare"] * 2 + [None]})
    found = ait.measure(data=data, train=table({"s": ["a", "b"] * 100}), **QUICK)
    assert found["new_categories"] == {"s": 0.09}
    (finding,) = [f for f in found["findings"] if f.kind == "new_category"]
    assert (finding.subject, finding.measure, finding.value) == (Subject(column="s"), "new_categories", 0.09)
    assert finding.text == "Column 's': 9.00% of the test rows hold a category that the training data lack ('new')."


def test_names_of_people_are_no_new_categories_and_never_shown(ait):
    data, train = ({"name": [f"{who} {j}" for j in range(50)], "x": range(50)} for who in ("Ann", "Bob"))
    found = ait.measure(data=table(data), train=table(train), **QUICK)
    assert found["new_categories"] == Undefined("No column has a closed set of categories.")
    assert "Ann" not in str(found)


# -- which columns --------------------------------------------------------------------------------------------


def test_columns_set_aside_by_their_role_and_the_time_are_not_compared(ait):
    columns = {"id": [1, 2], "g": [1, 2], "w": [1, 2], "note": ["p", "q"], "when": ["mon", "tue"], "x": [7, 7]}
    given = table(columns, id="id", group="g", weight="w", ignore=("note",), time="when")
    assert list(ait.measure(data=given, train=given, **QUICK)["shift"]) == ["x"]
    assert list(ait.measure(data=given, train=table(columns), **QUICK)["shift"]) == ["x"]


def test_the_label_is_one_column_more(ait):
    data, train = table({"x": range(100)}, [0] * 80 + [1] * 20), table({"x": range(100)}, [0, 1] * 50)
    found = ait.measure(data=data, train=train)
    assert found["label_shift"] == found["shift"]["label"] == found["clear_shift"]["label"] == pytest.approx(0.3)
    assert found["columns"].rows[0][1:3] == ("categories", "total variation")
    without = ait.measure(data=table({"x": range(100)}), train=train)
    assert isinstance(without["label_shift"], Undefined)
    assert list(without["shift"]) == ["x"]


def test_labels_of_a_regression_are_numbers(ait):
    data, train = table({"x": range(50)}, range(50)), table({"x": range(50)}, range(10, 60))
    found = ait.measure(data=data, train=train, **QUICK)
    assert found["shift"]["label"] == pytest.approx(0.2)
    assert set(found["mean_difference"]) == {"x", "label"}


def test_a_column_of_different_kinds_of_values_is_undefined(ait):
    data, train = table({"x": ["1", "2"], "y": [1, 2]}), table({"x": [1, 2], "y": [1, 2]})
    found = ait.measure(data=data, train=train, **QUICK)
    reason = "Column 'x' holds categories in the test data and numbers in the training data."
    assert found["shift"]["x"] == found["clear_shift"]["x"] == Undefined(reason)
    assert found["columns"].rows[-1] == ("x", *[None] * 8, reason)
    for name in BY_COLUMN:
        assert found[name]["x"] == Undefined(reason), name
    assert found["shift"]["y"] == 0
    unknown = Undefined("The largest of all columns is unknown, as these could not be compared: 'x'.")
    assert found["max_shift"] == found["excess_shift"] == unknown
    assert ait.measure(data=table({"x": ["1"]}), train=table({"x": [1]}), **QUICK) == Undefined(reason)


def test_an_empty_column_differs_from_any_other(ait):
    data = table({"x": [np.nan] * 40, "s": [None] * 40, "none": [None] * 40})
    train = table({"x": range(40), "s": ["a"] * 40, "none": [np.nan] * 40})
    found = ait.measure(data=data, train=train, **QUICK)
    assert found["shift"] == {"x": 1, "s": 1, "none": 0}
    assert isinstance(found["mean_difference"]["x"], Undefined)


def test_columns_of_one_table_only_are_undefined(ait):
    found = ait.measure(data=table({"x": [1], "a": ["p"]}), train=table({"x": [1], "b": [1]}), **QUICK)
    reasons = {"a": "Column 'a' is in the test data only.", "b": "Column 'b' is in the training data only."}
    assert [(row[0], row[-1]) for row in found["columns"].rows[1:]] == [*reasons.items()]
    for name in BY_COLUMN:
        assert {c: v.reason for c, v in found[name].items() if isinstance(v, Undefined) and c != "x"} == reasons, name
    assert found["shift"]["x"] == 0 and isinstance(found["clear_shift"]["x"], Undefined)  # one row shows nothing
    unknown = Undefined("The largest of all columns is unknown, as these could not be compared: 'a', 'b'.")
    assert found["max_shift"] == found["excess_shift"] == unknown


def test_of_many_columns_not_compared_ten_are_named(ait):
    many = {f"b{j}": [1] for j in range(13)}
    found = ait.measure(data=table({"x": [1]}), train=table({"x": [1], **many}), **QUICK)
    assert found["max_shift"].reason.endswith("'b8', 'b9' and 3 more.")


def test_columns_of_one_table_only_stay_aside_by_their_role(ait):
    aside = {"id": [1], "g": [1], "w": [1], "note": ["p"], "when": ["mon"]}
    full = table({"x": [1], **aside}, id="id", group="g", weight="w", ignore=("note",), time="when")
    for given in ({"data": full, "train": table({"x": [1]})}, {"data": table({"x": [1]}), "train": full}):
        found = ait.measure(**given, **QUICK)
        assert found["shift"] == {"x": 0}
        assert found["max_shift"] == found["excess_shift"] == 0


def test_a_label_that_is_a_feature_of_the_other_table_is_undefined(ait):
    labelled, plain = table({"x": [1, 2]}, [0, 1]), table({"x": [1, 2], "label": [0, 1]})
    renamed = Table(plain.frame, pd.Series([0, 1], name="y"), Roles(label="y"))
    for train in (plain, renamed):
        found = ait.measure(data=labelled, train=train, **QUICK)
        reason = "Column 'label' is the label of the test data, but not of the training data."
        assert found["shift"]["label"] == found["label_shift"] == Undefined(reason)
        assert isinstance(found["max_shift"], Undefined)


def test_there_is_nothing_to_compare(ait):
    some = table({"x": [1, 2]})
    assert isinstance(ait.measure(data=some, train=table({"x": []})), Undefined)
    assert isinstance(ait.measure(data=some, train=table({"y": [1]})), Undefined)
    assert isinstance(ait.measure(data=table({"x": [1]}, id="x"), train=some), Undefined)


# -- what is shown --------------------------------------------------------------------------------------------


def test_the_histogram_holds_every_number_and_outliers_do_not_stretch_it(ait):
    rng = np.random.default_rng(0)
    ours, theirs = np.append(rng.normal(size=500), [1e12, np.inf]), np.append(rng.normal(1, size=400), np.nan)
    shown = ait.measure(data=table({"x": ours}), train=table({"x": theirs}), **QUICK)["most_shifted"]
    assert (sum(shown.counts["test"]), sum(shown.counts["training"])) == (501, 400)
    assert shown.edges[-1] < 5
    assert "most_shifted" not in ait.measure(data=table({"s": ["a"]}), train=table({"s": ["a"]}), **QUICK)


def test_of_many_columns_the_worst_are_shown(ait):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 250))).add_prefix("x")
    found = ait.measure(**split(frame, 20), **QUICK)
    assert len(found["shifts"].labels) == 40
    assert len(found["columns"].rows) == 201
    assert found["columns"].rows[-1][0] == "(50 more)"
