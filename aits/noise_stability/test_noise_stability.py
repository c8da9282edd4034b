from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.ait import Estimate, Roles, Subject, Table, Undefined

CLASSES = ("no", "yes")


class FakeModel:
    """Answers by a function of the frame, and keeps the frames that it was given."""

    native = None

    def __init__(self, score: Callable[[pd.DataFrame], Any], classes: tuple[str, ...] = CLASSES) -> None:
        self.score, self.classes, self.given = score, classes, []

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        self.given.append(x)
        s = np.asarray(self.score(x), dtype=float)
        return np.array(self.classes, dtype=object)[(s > 0).astype(int)] if self.classes else s


def table(columns: Any, labels: Any = None, **roles: Any) -> Table:
    frame = pd.DataFrame(columns)
    return Table(frame, None if labels is None else pd.Series(labels, index=frame.index), Roles(**roles))


def normal(n: int, seed: int = 0, k: int = 2) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(5, 3, size=(n, k)), columns=list("abcdefgh")[:k])


def line(x: pd.DataFrame) -> Any:
    """A threshold in the middle of the rows: the least stable a linear model can be."""
    return 2 * (x["a"] - 5) - (x["b"] - 5)


# -- closed forms ---------------------------------------------------------------------------------------------


def test_a_linear_threshold_changes_arctan_of_the_scale_over_pi(ait):
    scales = [0.1, 0.3, 1.0]
    found = ait.measure(model=FakeModel(line), data=table(normal(4000)), scales=scales)["change_rate"]
    for key, scale in zip(found, scales, strict=True):
        assert found[key].value == pytest.approx(np.arctan(scale) / np.pi, abs=0.012)
        assert found[key].low < np.arctan(scale) / np.pi < found[key].high
    assert list(found) == ["0.1", "0.3", "1"]


def test_a_linear_value_moves_by_the_mean_of_a_half_normal(ait):
    model = FakeModel(line, classes=())
    found = ait.measure(model=model, data=table(normal(4000)), scales=[0.1, 0.5], tolerance=0.5)
    for key, scale in (("0.1", 0.1), ("0.5", 0.5)):
        assert found["relative_change"][key].value == pytest.approx(scale * np.sqrt(2 / np.pi), rel=0.03)
        rate = 2 * stats.norm.sf(0.5 / scale)
        assert found["change_rate"][key].value == pytest.approx(rate, abs=0.015)
    assert found["accuracy_drop"] == Undefined("The model's answers are numbers.")


def test_the_interval_holds_the_true_rate_as_often_as_it_says(ait):
    truth, scale = np.arctan(0.5) / np.pi, 0.5
    held = 0
    for seed in range(150):
        data = table(normal(80, seed))
        e = ait.measure(model=FakeModel(line), data=data, scales=[scale], draws=3, seed=seed)["change_rate"]["0.5"]
        held += e.low <= truth <= e.high
    assert held >= 0.9 * 150


# -- what a row, a draw and a group count for -----------------------------------------------------------------


def test_rows_are_what_counts_however_often_they_are_drawn(ait):
    few, many = (
        ait.measure(model=FakeModel(line), data=table(normal(300)), scales=[0.3], draws=k)["change_rate"]["0.3"]
        for k in (1, 40)
    )
    assert few.n == many.n == 300
    ci = stats.binomtest(round(few.value * 300), 300).proportion_ci(method="exact")
    assert (few.low, few.high) == pytest.approx((ci.low, ci.high))
    assert many.high - many.low < few.high - few.low
    assert many.high - many.low > 0.3 * (few.high - few.low)


def test_groups_are_the_items_and_weights_count(ait):
    rows = normal(100)
    many = pd.concat([rows] * 4, ignore_index=True).assign(g=np.tile(np.arange(100), 4), w=1.0)
    e = ait.measure(model=FakeModel(line), data=table(many, group="g", weight="w"), scales=[0.3])["change_rate"]["0.3"]
    assert e.n == 100
    rows = rows.assign(w=np.where(line(rows) > 2, 0.0, 1.0))
    weighted = ait.measure(model=FakeModel(line), data=table(rows, weight="w"), scales=[0.3])["change_rate"]["0.3"]
    assert weighted.n == (rows["w"] > 0).sum()


def test_no_change_is_not_proof_of_none(ait):
    rows = normal(50).assign(kind=["x", "y"] * 25)
    found = ait.measure(model=FakeModel(lambda x: np.where(x["kind"] == "x", 1, -1)), data=table(rows))
    assert found["findings"] == []
    for e in [*found["change_rate"].values(), *found["column_sensitivity"].values()]:
        assert (e.value, e.low) == (0.0, 0.0)
        assert e.high > 0.05


def test_a_model_that_says_the_same_to_all_is_not_called_stable(ait):
    for classes in ((), CLASSES):
        found = ait.measure(model=FakeModel(lambda x: np.ones(len(x)), classes=classes), data=table(normal(50)))
        assert isinstance(found["relative_change"], Undefined)
        assert "says the same" in found["change_rate"]["0.1"].reason


@pytest.mark.parametrize("said", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_not_called_stable(ait, said):
    model = FakeModel(lambda x: np.full(len(x), said), classes=())
    assert isinstance(ait.measure(model=model, data=table(normal(50))), Undefined)


# -- columns --------------------------------------------------------------------------------------------------


def test_the_column_that_matters_is_found_and_the_search_is_allowed_for(ait):
    data = table(normal(400, k=6))
    found = ait.measure(model=FakeModel(lambda x: x["c"] - 5), data=data, scales=[0.1, 0.5])
    alone = found["column_sensitivity"]
    assert [name for name, e in alone.items() if e.value > 0] == ["c"]
    assert found["sensitivity_by_column"].labels[0] == "c"
    hits = round(alone["c"].value * 400)
    ci = stats.binomtest(hits, 400).proportion_ci(1 - 0.05 / 6, method="exact")
    assert (alone["c"].low, alone["c"].high) == pytest.approx((ci.low, ci.high))
    assert alone["c"].level == 0.95
    of = [(f.kind, f.subject, f.measure) for f in found["findings"]]
    assert of == [
        ("instability", Subject(slice="0.1"), "change_rate"),
        ("instability", Subject(slice="0.5"), "change_rate"),
        ("instability", Subject(column="c"), "column_sensitivity"),
        ("instability", Subject(column="c"), "change_rate"),
    ]
    assert "Noise of 0.5 of its spread in column 'c' alone changes" in found["findings"][-1].text


def test_flags_text_roles_and_columns_left_out_stay_as_they_are(ait):
    n = 60
    frame = normal(n).assign(
        flag=np.arange(n) % 2, yes=np.arange(n) % 3 == 0, text=["x", "y", "z"] * 20, same=7.0, code=np.arange(n)
    )
    frame = frame.assign(id=np.arange(n), w=1.0, g=np.arange(n) % 10, t=np.arange(n) * 1.5, note=np.arange(n) * 2.0)
    roles = {"id": "id", "weight": "w", "group": "g", "time": "t", "ignore": ("note",)}
    model = FakeModel(line)
    found = ait.measure(model=model, data=table(frame, **roles), leave_out=["code"], scales=[1.0])
    assert set(found["column_sensitivity"]) == {"a", "b"}
    for given in model.given:
        assert list(given.columns) == list(frame.columns)
        pd.testing.assert_frame_equal(given.drop(columns=["a", "b"]), frame.drop(columns=["a", "b"]))
    assert not model.given[1]["a"].equals(frame["a"])
    pd.testing.assert_frame_equal(model.given[0], frame)


def test_a_threshold_that_noise_can_not_reach_is_stable(ait):
    whole = pd.DataFrame({"a": np.repeat([1, 2, 3, 4], 25), "b": np.linspace(0, 1, 100)})
    found = ait.measure(model=FakeModel(lambda x: x["a"] - 2.5), data=table(whole), scales=[0.05])
    assert found["change_rate"]["0.05"].value == 0.0  # whole numbers are rounded back


# -- labels ---------------------------------------------------------------------------------------------------


def test_accuracy_drops_by_what_the_noise_makes_wrong(ait):
    frame = normal(1000)
    truth = np.where(line(frame) > 0, "yes", "no").astype(object)
    found = ait.measure(model=FakeModel(line), data=table(frame, truth), scales=[0.3])
    assert found["accuracy_drop"]["0.3"].value == pytest.approx(found["change_rate"]["0.3"].value)
    assert found["change_by_scale"].series["accuracy drop"][1] == (0.3, found["accuracy_drop"]["0.3"].value)
    truth[:400] = None
    some = ait.measure(model=FakeModel(line), data=table(frame, truth), scales=[0.3])
    assert some["accuracy_drop"]["0.3"].n == 600
    assert some["change_rate"] == found["change_rate"]


def test_without_labels_there_is_no_accuracy(ait):
    found = ait.measure(model=FakeModel(line), data=table(normal(40)))
    assert found["accuracy_drop"] == Undefined("The data have no labels.")
    assert list(found["change_by_scale"].series) == ["changed answers"]


# -- the rest -------------------------------------------------------------------------------------------------


def test_the_seed_decides(ait):
    def rates(seed: int) -> list[Estimate]:
        found = ait.measure(model=FakeModel(line), data=table(normal(100)), seed=seed)
        return [*found["change_rate"].values(), *found["column_sensitivity"].values()]

    assert rates(1) == rates(1) != rates(2)


def test_nothing_to_perturb_is_undefined(ait):
    model = FakeModel(lambda x: np.ones(len(x)))
    assert isinstance(ait.measure(model=model, data=table({"a": []})), Undefined)
    assert "numeric column" in ait.measure(model=model, data=table({"a": ["x", "y", "z"]})).reason


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scales": []}, "scales must be"),
        ({"scales": [0.1, 0]}, "scales must be"),
        ({"scales": [0.1, 0.1]}, "scales must be"),
        ({"leave_out": ["aa"]}, "no column 'aa'"),
    ],
)
def test_parameters_that_can_not_be_meant(ait, wrong, message):
    with pytest.raises(ValueError, match=message):
        ait.measure(model=FakeModel(line), data=table(normal(10)), **wrong)
