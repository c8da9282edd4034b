from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import r2_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from qmtestbed.ait import Roles, Table, Undefined

CLASSES = ("no", "yes")


class FakeModel:
    """Answers by a function of the frame."""

    native = None

    def __init__(self, answer: Callable[[pd.DataFrame], Any], classes: tuple[str, ...] = CLASSES) -> None:
        self.answer, self.classes = answer, classes

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.answer(x), dtype=object if self.classes else float)


def normal(n: int, seed: int = 0, k: int = 3) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n, k)), columns=list("abcdefgh")[:k])


def table(frame: pd.DataFrame, **roles: Any) -> Table:
    return Table(frame, None, Roles(**roles))


def corner(x: pd.DataFrame) -> Any:
    return np.where((x["a"] > 0) & (x["b"] > 0.5), "yes", "no")


# -- known answers --------------------------------------------------------------------------------------------


def test_a_tree_is_told_whole_by_a_tree_of_its_depth(ait):
    x = normal(4000)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(x, corner(x))
    found = ait.measure(model=FakeModel(tree.predict), data=table(x), depth=3)
    assert found["fidelity"].value > 0.995 and found["skill"].value > 0.97
    assert found["columns_used"] == 2
    exact = ait.measure(model=FakeModel(corner), data=table(x.round()), depth=2)  # nothing lies beside the thresholds
    assert exact["fidelity"].value == exact["skill"].value == 1.0
    assert (exact["fidelity"].n, exact["leaves"]) == (2000, 3)
    (rule,) = [row for row in exact["rules"].rows if row[2] == "yes"]
    assert rule[0] in ("a > 0.5 and b > 0.5", "b > 0.5 and a > 0.5") and rule[3] == 1.0
    numbers = DecisionTreeRegressor(max_depth=2, random_state=0).fit(x.round(), x["a"] * 3 + x["b"])
    found = ait.measure(model=FakeModel(numbers.predict, ()), data=table(x.round()), depth=2)
    assert found["fidelity_r2"].value == pytest.approx(1.0) == found["skill"].value


def test_a_line_is_told_by_a_line(ait):
    x = normal(600)
    model = FakeModel(lambda x: 2 * x["a"] - x["b"] + 7, ())
    found = ait.measure(model=model, data=table(x), surrogate="linear")
    assert found["fidelity_r2"].value == pytest.approx(1.0, abs=1e-9)
    assert isinstance(found["leaves"], Undefined) and isinstance(found["fidelity"], Undefined)
    assert [row[0] for row in found["rules"].rows] == ["a", "b", "c"]
    classes = FakeModel(lambda x: np.where(2 * x["a"] - x["b"] > 0, "yes", "no"))
    assert ait.measure(model=classes, data=table(x), surrogate="linear")["fidelity"].value > 0.95


def test_answers_by_lot_are_told_as_well_as_chance(ait):
    x = normal(2000)
    lot = np.random.default_rng(1).choice(CLASSES, p=[0.7, 0.3], size=2000)
    found = ait.measure(model=FakeModel(lambda x: lot[x.index]), data=table(x))
    assert found["fidelity"].value == pytest.approx(0.7, abs=0.04)
    assert found["skill"].value < 0.03 and found["skill"].low < 0
    numbers = ait.measure(model=FakeModel(lambda x: (lot == "yes")[x.index] * 1.0, ()), data=table(x))
    assert numbers["fidelity_r2"].value < 0.02


def test_the_interval_is_exact(ait):
    found = ait.measure(model=FakeModel(lambda x: np.where(x["a"] + x["b"] > 0, "yes", "no")), data=table(normal(400)))
    e = found["fidelity"]
    ci = stats.binomtest(round(e.value * 200), 200).proportion_ci(method="exact")
    assert (e.low, e.high, e.n) == pytest.approx((ci.low, ci.high, 200))


def test_r2_is_that_of_scikit_learn(ait):
    x = normal(300)
    answers = FakeModel(lambda x: np.exp(x["a"]), ())
    found = ait.measure(model=answers, data=table(x), depth=2, seed=3)
    test = np.random.default_rng([3, 300]).permutation(300) < 150
    tree = DecisionTreeRegressor(max_depth=2, random_state=0).fit(x[~test], np.exp(x["a"][~test]))
    theirs = r2_score(np.exp(x["a"][test]), tree.predict(x[test]))
    assert found["fidelity_r2"].value == pytest.approx(theirs)


def test_more_depth_tells_more(ait):
    x = normal(3000)
    ring = FakeModel(lambda x: np.where(x["a"] ** 2 + x["b"] ** 2 < 1, "yes", "no"))
    found = [ait.measure(model=ring, data=table(x), depth=d)["fidelity"].value for d in (1, 3, 6)]
    assert found[0] < found[1] < found[2]


# -- rows and columns -----------------------------------------------------------------------------------------


def test_names_missing_values_and_roles(ait):
    n = 300
    x = normal(n).assign(kind=["p", "q", "r"] * 100, when=pd.date_range("2026-01-01", periods=n), nothing=None)
    x = x.assign(rare=[f"secret{i}" for i in range(n)], id=np.arange(n), note=np.arange(n) % 3)
    x.loc[::7, "b"] = np.nan
    model = FakeModel(lambda x: np.where(x["kind"] == "q", "yes", "no"))
    found = ait.measure(model=model, data=table(x, id="id", ignore=("note",)))
    assert found["fidelity"].value == 1.0 and (found["leaves"], found["columns_used"]) == (2, 1)
    assert {row[0] for row in found["rules"].rows} == {"kind = q", "not kind = q"}
    assert "secret" not in str(found)


def test_groups_stay_together_and_are_the_items(ait):
    x = pd.concat([normal(60)] * 5, ignore_index=True)
    x["g"] = np.tile(np.arange(60), 5)
    found = ait.measure(model=FakeModel(corner), data=table(x, group="g"))
    assert found["fidelity"].n == 30
    assert found["rules"].rows and sum(row[1] for row in found["rules"].rows) == pytest.approx(1.0)


def test_weights_count(ait):
    x = normal(400).assign(w=1.0)
    model = FakeModel(lambda x: np.where(x["a"] ** 2 + x["b"] ** 2 < 1, "yes", "no"))
    even = ait.measure(model=model, data=table(x, weight="w"), depth=1)["fidelity"]
    x["w"] = np.where(model.predict(x) == "yes", 3.0, 1.0)
    other = ait.measure(model=model, data=table(x, weight="w"), depth=1)["fidelity"]
    assert other.value != even.value and other.n < even.n


def test_a_finding_says_what_is_saved(ait):
    (finding,) = ait.measure(model=FakeModel(corner), data=table(normal(200)))["findings"]
    assert finding.measure == "skill" and finding.subject.slice == "a tree of depth 4"


def test_the_seed_decides(ait):
    model, data = FakeModel(lambda x: np.where(x.sum(axis=1) > 0, "yes", "no")), table(normal(200))
    runs = [ait.measure(model=model, data=data, seed=s) for s in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_nothing_to_compare(ait):
    assert isinstance(ait.measure(model=FakeModel(corner), data=table(normal(30))), Undefined)
    assert isinstance(ait.measure(model=FakeModel(corner), data=table(normal(0))), Undefined)
    assert "no columns" in ait.measure(model=FakeModel(corner), data=table(normal(90)[[]])).reason
    same = ait.measure(model=FakeModel(lambda x: np.full(len(x), "no")), data=table(normal(90)))
    assert "the same to every row" in same.reason
    words = pd.DataFrame({"a": [f"w{i}" for i in range(90)]})
    other = ait.measure(model=FakeModel(lambda x: np.where(x.index % 2, "yes", "no")), data=table(words))
    assert "No column holds" in other.reason
