from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from qmtestbed.ait import Roles, Table, Undefined

RNG = np.random.default_rng


def table(frame: Any, labels: Any = None, **roles: Any) -> Table:
    series = None if labels is None else pd.Series(labels, name="y")
    return Table(pd.DataFrame(frame), series, Roles(label=None if labels is None else "y", **roles))


def clean(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers, a category and two classes that overlap."""
    rng = RNG(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    frame["k"] = rng.choice(["red", "green", "blue"], n)
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-2 * frame.a - 2 * frame.b)), "yes", "no")
    return frame, y


def leaks(found: Any) -> list[str]:
    named = [f.subject.column for f in found["findings"] if f.kind == "leak" and f.measure == "leak"]
    assert named == [c for c, x in found["leak"].items() if not isinstance(x, Undefined) and x > 0]
    return [c for c in named if found["leak"][c] > 0.95]


def code_of(y: np.ndarray, seed: int = 1, noise: float = 0.01) -> np.ndarray:
    rng = RNG(seed)
    return np.where(rng.random(len(y)) < noise, rng.integers(2, size=len(y)), y == "yes")


# -- planted --------------------------------------------------------------------------------------------------


def column(kind: str, y: np.ndarray) -> Any:
    rng, n, yes = RNG(5), len(y), y == "yes"
    return {
        "code with noise": 100 + 10 * code_of(y),
        "another spelling": np.where(yes, " Y", " N"),
        "continuous": 10 * yes + rng.normal(size=n),
        "missing": np.where(yes, rng.normal(size=n), np.nan),
        "prefix": [f"{'K' if v else 'B'}-{i:06d}" for v, i in zip(yes, rng.permutation(n), strict=True)],
        "many codes": rng.integers(60, size=n) * 2 + yes,
        "time": pd.Timestamp("2026-01-01") + pd.to_timedelta(yes * 30 + rng.random(n) * 25, unit="D"),
        "nullable": pd.array(yes, dtype="boolean"),
        "category": pd.Categorical(np.where(yes, "u", "v")),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "code with noise",
        "another spelling",
        "continuous",
        "missing",
        "prefix",
        "many codes",
        "time",
        "nullable",
        "category",
    ],
)
def test_a_column_that_gives_the_label_away_is_found_and_no_other(ait, kind):
    frame, y = clean(1200)
    found = ait.measure(data=table(frame.assign(x=column(kind, y)), y))
    assert leaks(found) == ["x"]
    assert found["power"]["x"] > 0.97 > 0.5 > found["power"]["a"]
    how = {"missing": "by where it is missing", "prefix": "by the order of its values"}.get(kind, "by value")
    assert how in found["findings"][0].text


def test_two_leaks_do_not_hide_each_other(ait):
    frame, y = clean()
    frame = frame.assign(x=code_of(y), z=np.where(code_of(y, 2), "p", "q"))
    assert leaks(ait.measure(data=table(frame, y))) == ["x", "z"]


def test_a_number_given_away_by_another_scale_is_found(ait):
    frame, _ = clean()
    y = np.exp(frame.a + frame.b + RNG(3).normal(size=600))
    found = ait.measure(data=table(frame.assign(x=-np.log(y) + RNG(4).normal(size=600) * 0.01), y))
    assert leaks(found) == ["x"]
    assert leaks(ait.measure(data=table(frame, y))) == []


def test_a_leak_in_one_of_two_tables_is_enough(ait):
    (frame, y), (other, z) = clean(), clean(seed=1)
    mine = table(frame.assign(x=RNG(0).normal(size=600)), y)
    found = ait.measure(data=mine, train=table(other.assign(x=code_of(z)), z))
    assert leaks(found) == ["x"] and "in the training data" in found["findings"][0].text
    assert found["examined_rows"] == 1200


# -- clean ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_honest_columns_are_no_leak(ait, seed):
    frame, y = clean(300, seed)
    noise = pd.DataFrame(RNG([seed, 9]).normal(size=(300, 100))).add_prefix("n")
    wide = pd.concat([frame, noise], axis=1)
    assert leaks(ait.measure(data=table(wide[:150], y[:150]), train=table(wide[150:], y[150:]))) == []


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_easy_data_hold_no_leak_though_a_column_tells_much(ait, load):
    x, y = load(return_X_y=True, as_frame=True)
    found = ait.measure(data=table(x, y))
    assert leaks(found) == [] and max(found["power"].values()) > 0.8


def test_the_power_agrees_with_a_tree_of_scikit_learn(ait):
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    found = ait.measure(data=table(x, y))["power"]
    for name in ("worst radius", "mean concave points"):
        told = cross_val_predict(DecisionTreeClassifier(max_leaf_nodes=4, class_weight="balanced"), x[[name]], y)
        assert found[name] == pytest.approx(balanced_accuracy_score(y, told, adjusted=True), abs=0.05)


def test_what_others_tell_as_well_does_not_stand_out(ait):
    rng = RNG(0)
    y = rng.choice(["no", "yes"], 800)
    signs = {f"s{i}": (y == "yes") * 3 + rng.normal(size=800) for i in range(6)}  # together they tell all
    found = ait.measure(data=table({"x": code_of(y, noise=0.1), **signs}, y))
    assert found["power"]["x"] > 0.85 and found["leak"]["x"] == 0


def test_the_position_of_a_row_is_told_apart(ait):
    frame, y = clean()
    order = np.argsort(y, kind="stable")
    found = ait.measure(data=table(frame.iloc[order].reset_index(drop=True), y[order]))
    assert found["order_power"] > 0.95 and leaks(found) == []
    assert [f.measure for f in found["findings"]] == ["order_power"]
    number = frame.iloc[order].reset_index(drop=True).assign(number=range(600))
    assert leaks(ait.measure(data=table(number, y[order]))) == ["number"]
    assert leaks(ait.measure(data=table(number, y[order], id="number"))) == []


def test_a_name_of_a_group_is_no_leak_where_groups_are_held_out(ait):
    frame, _ = clean(900)
    unit = np.repeat(np.arange(150), 6)
    y = np.where(RNG(0).random(150) < 0.5, "yes", "no")[unit]
    named = frame.assign(patient=unit, number=unit)
    assert leaks(ait.measure(data=table(named.drop(columns="patient"), y))) == ["number"]
    assert leaks(ait.measure(data=table(named, y, group="patient"))) == []


# -- edges ----------------------------------------------------------------------------------------------------


def test_what_can_not_be_told_is_undefined(ait):
    frame, y = clean(40)
    for data in (
        table(frame),
        table(frame[:0], y[:0]),
        table(frame[:1], y[:1]),
        table(frame[:20], y[:20]),
        table(frame, ["same"] * 40),
        table(frame, [None] * 40),
        table(pd.DataFrame(index=range(40)), y),
        table(frame[["a"]], y, ignore=("a",)),
    ):
        assert isinstance(ait.measure(data=data), Undefined)
    both = ait.measure(data=table(frame[:5], y[:5]), train=table(*clean()))
    assert both["examined_rows"] == 600 and "test data not looked at" in both["columns"].rows[-1][0]


def test_a_column_without_any_to_compare_with_is_undefined_if_it_tells_all(ait):
    _, y = clean()
    found = ait.measure(data=table({"x": code_of(y)}, y))
    assert isinstance(found["leak"]["x"], Undefined) and found["findings"] == []
    assert ait.measure(data=table({"x": RNG(0).normal(size=600)}, y))["leak"]["x"] == 0


def test_odd_columns_are_taken_as_they_are(ait):
    frame, y = clean()
    odd = frame.assign(
        empty=np.nan,
        one=1,
        infinite=np.where(frame.a > 0, np.inf, frame.b),
        text=pd.Series(["p", None] * 300, dtype="string"),
        whole=pd.Series([1, None, 3] * 200, dtype="Int64"),
        lists=pd.Series([[1], [2]] * 300),
        days=pd.Timedelta(days=1),
    )
    found = ait.measure(data=table(odd, np.where(frame.index < 30, None, y)))
    assert set(found["power"]) == set(odd.columns) and found["power"]["empty"] == found["power"]["one"] == 0
    assert found["examined_rows"] == 570 and leaks(found) == []


def test_rare_classes_are_left_out_and_named(ait):
    frame, y = clean()
    found = ait.measure(data=table(frame, np.where(frame.index < 5, "odd", y)))
    assert found["examined_rows"] == 595 and "1 classes of too few rows" in found["columns"].rows[-1][0]


def test_the_seed_decides_and_rows_are_drawn_from_all(ait):
    frame, y = clean(3000)
    data = table(frame.assign(x=code_of(y)), y)
    first, again, other = (ait.measure(data=data, rows=500, seed=s) for s in (1, 1, 2))
    assert first == again != other and first["examined_rows"] == 500
    assert leaks(first) == leaks(other) == ["x"]


def test_many_columns_take_fewer_rows(ait):
    n, rng = 2500, RNG(0)
    wide = pd.DataFrame(rng.normal(size=(n, 3000)), columns=[f"x{i}" for i in range(3000)])
    y = rng.choice(["no", "yes"], n)
    wide["x7"] = code_of(y)
    found = ait.measure(data=table(wide, y))
    assert leaks(found) == ["x7"] and found["examined_rows"] == 2000
    assert len(found["columns"].rows) == 40
