from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qmtestbed.ait import Estimate, Roles, Table, Undefined


class FakeModel:
    """Answers by a function of the frame, and keeps the frames that it was given."""

    native = None

    def __init__(self, answer: Callable[[pd.DataFrame], Any], classes: tuple[str, ...] = ()) -> None:
        self.answer, self.classes, self.given = answer, classes, []

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        self.given.append(x)
        return np.asarray(self.answer(x), dtype=object if self.classes else float)


def side(x: pd.DataFrame) -> Any:
    return np.where(2 * x["a"] - x["b"] > 0, "yes", "no")


def line(x: pd.DataFrame) -> Any:
    return 2 * x["a"] - x["b"]


CLASSES = ("no", "yes")


def normal(n: int, seed: int = 0, k: int = 3) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n, k)), columns=list("abcdefghijkl")[:k])


def table(frame: pd.DataFrame, labels: Any, **roles: Any) -> Table:
    return Table(frame, None if labels is None else pd.Series(labels, index=frame.index), Roles(label="y", **roles))


# -- other libraries and closed forms -------------------------------------------------------------------------


def test_agrees_with_scikit_learn_on_a_classifier(ait):
    x, y = load_wine(return_X_y=True, as_frame=True)
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[::2], y[::2])
    theirs = permutation_importance(fitted, x[1::2], y[1::2], n_repeats=60, random_state=0).importances_mean
    model = FakeModel(lambda x: fitted.predict(x).astype(str), ("0", "1", "2"))
    found = ait.measure(model=model, data=table(x[1::2], y[1::2]), repeats=100)["importance"]
    assert [e.value for e in found.values()] == pytest.approx(theirs, abs=0.01)


def test_agrees_with_scikit_learn_on_a_model_of_numbers(ait):
    x = normal(300)
    y = line(x) + np.random.default_rng(1).normal(size=300)
    fitted = LinearRegression().fit(x, y)
    scorer = "neg_mean_absolute_error"
    theirs = permutation_importance(fitted, x, y, n_repeats=60, random_state=0, scoring=scorer).importances_mean
    found = ait.measure(model=FakeModel(fitted.predict), data=table(x, y), repeats=100)["importance"]
    assert [e.value for e in found.values()] == pytest.approx(theirs / np.std(y), abs=0.02)


def test_a_perfect_line_loses_the_mean_difference_of_two_normal_values(ait):
    x = normal(4000)
    found = ait.measure(model=FakeModel(line), data=table(x, line(x)))["importance"]
    sd = np.sqrt(5)
    assert found["a"].value == pytest.approx(2 * 2 / np.sqrt(np.pi) / sd, rel=0.04)
    assert found["b"].value == pytest.approx(1 * 2 / np.sqrt(np.pi) / sd, rel=0.04)
    assert found["c"] == Estimate(0.0, 0.0, 0.0, 0.95, 4000)


def test_a_perfect_threshold_on_one_column_loses_half(ait):
    x = normal(2000)
    found = ait.measure(
        model=FakeModel(lambda x: np.where(x["a"] > 0, "yes", "no"), CLASSES),
        data=table(x, np.where(x["a"] > 0, "yes", "no")),
    )
    assert found["importance"]["a"].value == pytest.approx(0.5, abs=0.02)
    assert found["share_of_top"] == 1.0


@pytest.mark.parametrize("classes", [CLASSES, ()])
def test_the_interval_holds_the_importance_in_the_population(ait, classes):
    """Also where the shuffled values, not the rows, are what differs from sample to sample."""

    def draw(n: int, seed: int) -> tuple[pd.DataFrame, Any]:
        x, noise = normal(n, seed), np.random.default_rng(seed + 10**6).normal(size=n)
        return x, np.where(line(x) + noise > 0, "yes", "no") if classes else line(x) + noise

    model = FakeModel(side if classes else line, classes)
    truth = ait.measure(model=model, data=table(*draw(400_000, 1)), repeats=1)["importance"]
    held = 0
    for seed in range(100):
        found = ait.measure(model=model, data=table(*draw(80, seed)), repeats=2, seed=seed)["importance"]
        held += all(found[c].low <= truth[c].value <= found[c].high for c in ("a", "b"))
    assert held >= 93


# -- ranking --------------------------------------------------------------------------------------------------


def test_a_clear_order_is_stable_and_chance_is_not(ait):
    x = normal(600, k=8)
    weights = np.array([8, 4, 2, 1, 0.5, 0.25, 0.1, 0.05])
    clear = ait.measure(model=FakeModel(lambda x: x @ weights), data=table(x, x @ weights))
    assert clear["rank_stability"] > 0.9
    assert list(clear["importance_by_column"].labels) == list("abcdefgh")
    stability = []
    for seed in range(10):
        x = normal(100, seed, k=8)
        truth = np.random.default_rng(seed + 100).normal(size=100)
        stability.append(ait.measure(model=FakeModel(lambda x: x.sum(axis=1)), data=table(x, truth))["rank_stability"])
    assert abs(np.mean(stability)) < 0.35
    assert np.mean(stability) < clear["rank_stability"] - 0.5


def test_a_ranking_needs_two_columns_that_differ(ait):
    x = normal(50, k=1)
    assert isinstance(
        ait.measure(model=FakeModel(lambda x: x["a"]), data=table(x, x["a"]))["rank_stability"], Undefined
    )
    x = normal(50)
    found = ait.measure(model=FakeModel(lambda x: np.zeros(len(x))), data=table(x, x["a"]))
    assert isinstance(found["rank_stability"], Undefined)
    assert found["share_of_top"] == Undefined("No column makes the model worse.")


def test_the_top_share_counts_only_columns_that_make_the_model_worse(ait):
    x = normal(2000)
    found = ait.measure(model=FakeModel(line), data=table(x, line(x)))
    importance = {c: e.value for c, e in found["importance"].items()}
    assert found["share_of_top"] == pytest.approx(importance["a"] / (importance["a"] + importance["b"]))


# -- rows and columns -----------------------------------------------------------------------------------------


def test_only_one_column_at_a_time_is_shuffled_and_keeps_its_type(ait):
    n = 30
    x = pd.DataFrame(
        {
            "number": np.arange(n),
            "text": [f"t{i}" for i in range(n)],
            "kind": pd.Categorical(["p", "q", "r"] * 10),
            "when": pd.date_range("2026-01-01", periods=n),
            "id": np.arange(n),
        },
        index=np.arange(n) + 7,
    )
    model = FakeModel(lambda x: x["number"] * 1.0)
    found = ait.measure(model=model, data=table(x, np.arange(n) * 1.0, id="id"), repeats=2)
    assert list(found["importance"]) == ["number", "text", "kind", "when"]
    for name, given in zip(["number", "text", "kind", "when"], model.given[1:], strict=True):
        assert (given.dtypes == x.dtypes).all()
        for block in (given.iloc[:n], given.iloc[n:]):
            others = x.columns.drop(name)
            pd.testing.assert_frame_equal(block[others].set_index(x.index), x[others], check_freq=False)
            assert sorted(block[name]) == sorted(x[name])
            assert list(block[name]) != list(x[name])


def test_rows_without_a_label_are_left_out(ait):
    x = normal(100)
    truth = line(x).astype(object)
    truth[:40] = None
    some = ait.measure(model=FakeModel(line), data=table(x, truth))
    alone = ait.measure(model=FakeModel(line), data=table(x[40:], line(x)[40:]))
    assert some["importance"] == alone["importance"]
    assert some["importance"]["a"].n == 60


def test_groups_are_the_items(ait):
    x = normal(60)
    many = pd.concat([x] * 4, ignore_index=True)
    plain = ait.measure(model=FakeModel(line), data=table(many, line(many)))["importance"]["a"]
    many["g"] = np.tile(np.arange(60), 4)
    grouped = ait.measure(model=FakeModel(line), data=table(many, line(many), group="g"))["importance"]["a"]
    assert (plain.n, grouped.n) == (240, 60)
    assert grouped.high - grouped.low > 1.3 * (plain.high - plain.low)


def test_the_seed_decides(ait):
    x = normal(50)
    runs = [ait.measure(model=FakeModel(line), data=table(x, line(x)), seed=s)["importance"] for s in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_nothing_to_measure(ait):
    x = normal(20)
    assert isinstance(ait.measure(model=FakeModel(line), data=table(x, [None] * 20)), Undefined)
    assert isinstance(ait.measure(model=FakeModel(line), data=table(x[[]], [1.0] * 20)), Undefined)
    same = ait.measure(model=FakeModel(line), data=table(x, [1.0] * 20))
    assert same == Undefined("All labels are the same number, so that there is no spread to compare with.")
