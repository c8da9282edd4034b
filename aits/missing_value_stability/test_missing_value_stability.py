from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from qmtestbed.ait import Estimate, ModelFault, Roles, Subject, Table, Undefined, class_name

CLASSES = ("no", "yes")


class Fake:
    """Answers by a function of the frame, and keeps the frames that it was given."""

    native = None

    def __init__(self, score: Callable[[pd.DataFrame], Any], classes: tuple[str, ...] = CLASSES) -> None:
        self.score, self.classes, self.given = score, classes, []

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        self.given.append(x)
        s = np.asarray(self.score(x), dtype=float)
        return np.array(self.classes, dtype=object)[(s > 0).astype(int)] if self.classes else s


class Real:
    """A fitted estimator as an AIT gets it."""

    native = None

    def __init__(self, fitted: Any) -> None:
        self.fitted, self.classes = fitted, tuple(map(class_name, fitted.classes_))

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        try:
            said = self.fitted.predict(x[self.fitted.feature_names_in_])
        except ValueError as error:
            raise ModelFault("the model can't answer these rows", found=f"ValueError: {error}") from None
        return np.array([class_name(v) for v in said], dtype=object)


def table(columns: Any, labels: Any = None, **roles: Any) -> Table:
    frame = pd.DataFrame(columns)
    return Table(frame, None if labels is None else pd.Series(labels, index=frame.index), Roles(**roles))


def normal(n: int, seed: int = 0) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n, 2)), columns=["a", "b"])


def filled(value: float) -> Callable[[pd.DataFrame], Any]:
    return lambda x: x["a"].fillna(value) + x["b"].fillna(value)


# -- closed forms ---------------------------------------------------------------------------------------------


def test_a_mean_in_place_of_a_cell_changes_a_quarter_and_another_value_a_third(ait):
    """Signs of a + b and b agree but for an angle of pi / 4; those of a + b and a' + b, of correlation 1/2, pi / 3."""
    found = ait.measure(model=Fake(filled(0.0)), data=table(normal(2000)), draws=10)
    for c in "ab":
        e, beyond = found["column_change"][c], found["excess_change"][c]
        assert e.value == pytest.approx(1 / 4, abs=0.03) and e.low < e.value < e.high
        assert beyond.value == pytest.approx(1 / 4 - 1 / 3, abs=0.02) and beyond.low < beyond.value < beyond.high
    assert found["clear_excess"] == {"a": 0.0, "b": 0.0} and found["findings"] == []
    assert found["refused_columns"] == 0


def test_an_extreme_value_in_place_of_a_cell_is_named(ait):
    found = ait.measure(model=Fake(filled(-999.0)), data=table(normal(2000)), draws=10)
    assert found["column_change"]["a"].value == pytest.approx(1 / 2, abs=0.03)
    assert found["clear_excess"]["a"] == pytest.approx(1 / 2 - 1 / 3, abs=0.03)
    finding = found["findings"][0]
    assert (finding.kind, finding.subject, finding.measure) == ("instability", Subject(column="a"), "clear_excess")


def test_all_columns_at_once_empty_the_stated_share(ait):
    model = Fake(lambda x: np.where(x.isna().any(axis=1), -1.0, 1.0))
    labels = ["yes"] * 2000
    found = ait.measure(model=model, data=table(normal(2000), labels, label="y"), share=0.1, draws=5)
    e = found["change_rate"]
    assert e.low < 1 - 0.9**2 < e.high and e.n == 2000
    assert found["accuracy_drop"].value == pytest.approx(e.value)
    assert isinstance(found["relative_change"], Undefined)


def test_numbers_move_by_the_mean_of_a_half_normal(ait):
    model = Fake(lambda x: x["a"].fillna(0.0), classes=())
    found = ait.measure(model=model, data=table(normal(2000)), tolerance=0.5, draws=10)
    assert found["column_change"]["a"].value == pytest.approx(2 * stats.norm.sf(0.5), abs=0.03)
    assert found["column_change"]["b"].value == 0.0
    assert found["relative_change"].value == pytest.approx(0.05 * np.sqrt(2 / np.pi), rel=0.15)
    assert isinstance(found["accuracy_drop"], Undefined)


# -- refusals -------------------------------------------------------------------------------------------------


def test_a_model_without_imputation_refuses_every_column(ait):
    frame = normal(200)
    labels = np.where(frame["a"] > 0, "yes", "no")
    found = ait.measure(model=Real(LogisticRegression().fit(frame, labels)), data=table(frame, labels, label="y"))
    assert found["refused_columns"] == 2
    assert found["clear_excess"] == {"a": 0.0, "b": 0.0}  # a refusal is loud
    assert "Input X contains NaN" in found["excess_change"].reason
    assert isinstance(found["change_rate"], Undefined)
    assert all("ValueError" in e.reason for e in found["column_change"].values())
    assert {(f.kind, f.measure, f.subject.column) for f in found["findings"]} == {
        ("missing_values", "refused_columns", c) for c in "ab"
    }


def test_a_refused_column_is_told_and_the_others_are_measured(ait):
    def score(x: pd.DataFrame) -> Any:
        if x["b"].isna().any():
            raise ModelFault("the model can't answer", found="ValueError: b is needed\nmore")
        return x["a"].fillna(0) + x["b"]

    found = ait.measure(model=Fake(score), data=table(normal(300)))
    assert found["refused_columns"] == 1 and list(found["excess_change"]) == ["a"]
    assert found["column_change"]["b"].reason.endswith("here: ValueError: b is needed")
    assert isinstance(found["change_rate"], Estimate)


def test_no_answer_is_a_refusal_too(ait):
    found = ait.measure(model=Fake(lambda x: x["a"] + x["b"].fillna(0), classes=()), data=table(normal(50)))
    assert found["refused_columns"] == 1
    assert "no answer to 50 of 50 rows" in found["column_change"]["a"].reason
    always = ait.measure(model=Fake(lambda x: x["a"] * np.nan, classes=()), data=table(normal(50)))
    assert isinstance(always, Undefined)


def test_a_lack_of_memory_and_an_error_on_whole_rows_are_no_refusals(ait):
    def short(x: pd.DataFrame) -> Any:
        if x.isna().any(axis=None):
            raise MemoryError
        return x["a"]

    def broken(x: pd.DataFrame) -> Any:
        raise KeyError("c")

    with pytest.raises(MemoryError):
        ait.measure(model=Fake(short), data=table(normal(50)))
    with pytest.raises(KeyError):
        ait.measure(model=Fake(broken), data=table(normal(50)))


# -- real models ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [HistGradientBoostingClassifier, lambda: make_pipeline(SimpleImputer(), LogisticRegression())]
)
def test_usual_handling_is_met(ait, make):
    train, test = normal(500, 1), normal(500, 2)
    train = train.mask(np.random.default_rng(3).random(train.shape) < 0.05)
    fitted = make().fit(train, np.where(train["a"].fillna(0) + 0.5 * train["b"].fillna(0) > 0, 1, 0))
    found = ait.measure(model=Real(fitted), data=table(test), train=table(train))
    assert max(found["clear_excess"].values()) <= 0.1


def test_filling_with_zero_far_from_the_values_is_not_met(ait):
    train, test = normal(500, 1) + 50, normal(500, 2) + 50
    labels = np.where(train["a"] + 0.5 * train["b"] > 75, "yes", "no")
    fitted = make_pipeline(SimpleImputer(strategy="constant", fill_value=0), LogisticRegression(max_iter=5000))
    found = ait.measure(model=Real(fitted.fit(train, labels)), data=table(test))
    assert max(found["clear_excess"].values()) > 0.2


# -- what is emptied ------------------------------------------------------------------------------------------


def test_types_are_those_of_a_file_with_gaps_and_the_data_stay_as_they_are(ait):
    frame = pd.DataFrame(
        {
            "whole": [1, 2, 3, 4] * 10,
            "truth": [True, False] * 20,
            "text": ["x", "y"] * 20,
            "nullable": pd.array([1, 2] * 20, dtype="Int64"),
            "string": pd.array(["x", "y"] * 20, dtype="string"),
            "category": pd.Categorical(["x", "y"] * 20),
            "time": pd.date_range("2024-01-01", periods=40),
            "part": [1.0, None] * 20,
            "empty": [None] * 40,
        }
    )
    before = frame.copy()
    model = Fake(lambda x: np.ones(len(x)))
    found = ait.measure(model=model, data=table(frame))
    pd.testing.assert_frame_equal(frame, before)
    assert set(found["column_change"]) == set(frame.columns) - {"empty"}
    types = {c: str(x[c].dtype) for x in model.given for c in x if x[c].isna().all() and c != "empty"}
    assert types["whole"] == types["part"] == "float64" and types["truth"] == "boolean"
    assert types["nullable"] == "Int64" and types["category"] == "category" and len(types) == 8


def test_columns_aside_stay_and_those_that_miss_most_come_first(ait):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 6)), columns=["i", "t", "a", "b", "c", "d"])
    train = frame.assign(c=frame["c"].mask(rng.random(60) < 0.5))
    found = ait.measure(
        model=Fake(lambda x: x["a"].fillna(0)),
        data=table(frame.assign(d=frame["d"].mask(frame.index < 5)), id="i", time="t"),
        train=table(train),
        columns=2,
    )
    assert list(found["column_change"]) == ["c", "d"] and found["columns_left_out"] == 2
    assert [r[0] for r in found["columns"].rows][2:] == ["a", "b"]


def test_rows_and_model_calls_are_bounded(ait):
    model = Fake(filled(0.0))
    found = ait.measure(model=model, data=table(normal(5000)), rows=300, draws=2)
    assert {len(x) for x in model.given} == {300} and len(model.given) == 1 + 2 * (1 + 2) + 2
    assert found["change_rate"].n == 300


def test_groups_are_the_items(ait):
    frame = normal(400).assign(g=np.arange(400) // 20)
    found = ait.measure(model=Fake(filled(0.0)), data=table(frame, group="g"))
    assert found["change_rate"].n == 20 and set(found["column_change"]) == {"a", "b"}


def test_nothing_to_measure(ait):
    assert isinstance(ait.measure(model=Fake(filled(0)), data=table({"a": [], "b": []})), Undefined)
    assert isinstance(ait.measure(model=Fake(filled(0)), data=table({"a": [None, None], "b": [None, None]})), Undefined)
    one = ait.measure(model=Fake(filled(0.0)), data=table({"a": [1.0], "b": [2.0]}))
    assert isinstance(one["excess_change"]["a"], Undefined) and isinstance(one["clear_excess"]["a"], Undefined)


def test_the_same_seed_gives_the_same_and_another_one_does_not(ait):
    data = table(normal(300))
    a, b, c = (ait.measure(model=Fake(filled(0.0)), data=data, seed=s) for s in (1, 1, 2))
    assert a == b and a["excess_change"] != c["excess_change"]
