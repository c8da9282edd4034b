from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from qmtestbed.ait import Estimate, Roles, Table, Undefined

N = 400
GENERIC = ["repeated_call", "batch", "row_order", "row_names", "number_type"]


class Asked:
    """A model made of a function of the frame: classes if it has any."""

    native = None

    def __init__(self, answer: Callable[[pd.DataFrame], Any], classes: tuple[str, ...] = ()) -> None:
        self._answer, self.classes = answer, classes

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return np.asarray(self._answer(x), dtype=object if self.classes else float)


def table(n: int = N, seed: int = 0, **roles: Any) -> Table:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "income": rng.integers(10, 90, n),
            "debt": rng.lognormal(1, 1, n),
            "sex": rng.choice(["f", "m"], n),
            "visits": rng.poisson(3, n).astype(float),
        }
    )
    return Table(frame, None, Roles(**roles))


def granted(x: pd.DataFrame) -> np.ndarray:
    return np.where(x["income"] - x["debt"] > 40, "yes", "no")


CLASSES = ("no", "yes")
GOOD = Asked(granted, CLASSES)


def shares(found: Any) -> dict[str, float]:
    return {name: e.value for name, e in found["violation_share"].items()}


def test_a_function_of_the_row_keeps_all_relations(ait):
    found = ait.measure(model=GOOD, data=table())
    assert shares(found) == dict.fromkeys(GENERIC, 0.0)
    assert found["worst_violation"] == 0 and not found["findings"] and not found["examples"].rows
    numbers = Asked(lambda x: x["income"] * 3.0 + x["debt"])
    assert shares(ait.measure(model=numbers, data=table())) == dict.fromkeys(GENERIC, 0.0)


def test_the_interval_is_exact_and_for_all_relations_together(ait):
    e = ait.measure(model=GOOD, data=table())["violation_share"]["batch"]
    exact = stats.binomtest(0, N).proportion_ci(1 - 0.05 / 5, method="exact")
    assert (e.low, e.n, e.level) == (0.0, N, 0.95) and e.high == pytest.approx(exact.high)


def fitted_models() -> list[Asked]:
    data = table()
    x, y = data.frame[["income", "debt", "visits"]], granted(data.frame)
    forest = RandomForestClassifier(20, random_state=0).fit(x, y)
    line = LinearRegression().fit(x, x["income"] * 2 - x["debt"])
    return [
        Asked(lambda f: forest.predict(f[[*x]]), CLASSES),
        Asked(lambda f: line.predict(f[[*x]])),
    ]


def test_models_of_scikit_learn_keep_them(ait):
    for model in fitted_models():
        assert max(shares(ait.measure(model=model, data=table(seed=1))).values()) == 0


def standardised(x: pd.DataFrame) -> np.ndarray:
    """Scales with the rows it is asked about: the classic fault."""
    return np.where(x["debt"] > x["debt"].mean(), "yes", "no")


def previous(x: pd.DataFrame) -> np.ndarray:
    return np.where(x["income"].diff().fillna(0) > 0, "yes", "no")


def by_name(x: pd.DataFrame) -> np.ndarray:
    return np.where(np.asarray(x.index) % 2 == 0, "yes", "no")


def as_text(x: pd.DataFrame) -> np.ndarray:
    return np.where(x["visits"].astype(str).isin(["3.0", "2.0"]), "yes", "no")


def overflowing(x: pd.DataFrame) -> np.ndarray:
    return np.where((x["income"] * 40_000_000).to_numpy() > 0, "yes", "no")


@pytest.mark.parametrize(
    ("answer", "broken"),
    [
        (standardised, {"batch"}),
        (previous, {"batch", "row_order"}),
        (by_name, {"batch", "row_order", "row_names"}),
        (as_text, {"number_type"}),
        (overflowing, {"number_type"}),
    ],
)
def test_planted_faults_are_named_and_no_others(ait, answer, broken):
    found = ait.measure(model=Asked(answer, CLASSES), data=table())
    assert {name for name, share in shares(found).items() if share > 0.001} == broken
    assert {f.subject.slice for f in found["findings"]} == broken | {None}
    assert {f.kind for f in found["findings"]} == {"relation_violated"}


def test_the_rows_told_are_those_of_the_table(ait):
    """Oracle: the answers compared by hand."""
    model, data = Asked(as_text, CLASSES), table(n=900)
    found = ait.measure(model=model, data=data, rows=300)
    changed = as_text(data.frame) != as_text(data.frame.assign(visits=data.frame["visits"].astype(np.int32)))
    slices, rows = found["findings"]
    assert slices.subject.slice == "number_type"
    assert rows.subject.rows and set(rows.subject.rows) <= set(np.flatnonzero(changed).tolist())
    assert found["violation_share"]["number_type"].n == 300
    assert len(rows.subject.rows) == round(300 * slices.value)
    assert {*found["examples"].rows} <= {*rows.subject.rows} and {*found["examples"].told["relation"]} == {
        "number_type"
    }


def test_a_random_model_is_told_as_random_and_nothing_else(ait):
    rng = np.random.default_rng(0)
    model = Asked(lambda x: np.where(rng.random(len(x)) < 0.5, "yes", "no"), CLASSES)
    found = ait.measure(model=model, data=table())
    assert min(shares(found).values()) > 0.3
    assert {f.subject.slice for f in found["findings"]} == {"repeated_call", None}


def test_rounding_is_allowed_and_more_is_not(ait):
    def sum_in_batch(times: float) -> Asked:
        return Asked(lambda x: x["debt"] + times * len(x) / N)

    assert shares(ait.measure(model=sum_in_batch(1e-5), data=table()))["batch"] == 0
    assert shares(ait.measure(model=sum_in_batch(1.0), data=table()))["batch"] > 0.5


def test_answers_that_are_no_numbers_are_equal_to_themselves_only(ait):
    always = Asked(lambda x: np.where(x["income"] > 50, np.nan, 1.0))
    assert max(shares(ait.measure(model=always, data=table())).values()) == 0
    alone = Asked(lambda x: np.full(len(x), np.nan if len(x) == 1 else 1.0))
    assert shares(ait.measure(model=alone, data=table()))["batch"] == 10 / N


def relation(**given: Any) -> list[dict[str, Any]]:
    return [{"name": "told", **given}]


@pytest.mark.parametrize(
    ("change", "expect", "broken"),
    [
        ({"income": "+10%"}, "not_lower", False),
        ({"income": "+10%"}, "not_higher", True),
        ({"income": "+10%"}, "same", True),
        ({"income": "-20"}, "not_higher", False),
        ({"income": "*2"}, "not_lower", False),
        ({"debt": "+5", "income": "-5"}, "not_higher", False),
        ({"debt": "+5"}, "not_lower", True),
        ({"sex": "shuffle"}, "same", False),
        ({"sex": {"set": "f"}}, "same", False),
        ({"income": {"set": 10}}, "not_higher", False),
        ({"income": "shuffle"}, "same", True),
    ],
)
@pytest.mark.parametrize("numbers", [False, True])
def test_declared_relations(ait, change, expect, broken, numbers):
    model = Asked(lambda x: x["income"] - x["debt"]) if numbers else GOOD
    found = ait.measure(model=model, data=table(positive="yes"), relations=relation(change=change, expect=expect))
    assert (shares(found)["told"] > 0) == broken
    assert bool(found["findings"]) == broken
    if broken:
        finding = found["findings"][0]
        assert finding.subject.slice == "told" and repr(next(iter(change))) in finding.text


def test_a_declared_relation_agrees_with_the_answers_compared_by_hand(ait):
    data = table()
    found = ait.measure(
        model=GOOD, data=data, relations=relation(change={"income": "-10%"}, expect="not_lower", of="yes")
    )
    lower = data.frame["income"] * 0.9
    whole = np.minimum(np.rint(lower), data.frame["income"] - 1).astype(int)
    expected = (granted(data.frame) == "yes") & (granted(data.frame.assign(income=whole)) == "no")
    assert shares(found)["told"] == expected.mean()
    assert found["findings"][1].subject.rows == tuple(np.flatnonzero(expected))
    assert "in class 'yes'" in found["findings"][0].text


def test_rows_that_do_not_change_do_not_count(ait):
    data = table()
    told = relation(change={"sex": {"set": "f"}}, expect="same")
    assert (
        ait.measure(model=GOOD, data=data, relations=told)["violation_share"]["told"].n == (data.frame.sex == "m").sum()
    )
    data.frame["sex"] = "f"
    found = ait.measure(model=GOOD, data=data, relations=told)
    assert isinstance(found["violation_share"]["told"], Undefined) and isinstance(found["worst_violation"], Undefined)
    assert isinstance(found["violation_share"]["batch"], Estimate)


def test_missing_values_stay_missing_and_types_stay(ait):
    data = table()
    data.frame["income"] = data.frame["income"].astype("Int64").mask(data.frame["income"] > 80)
    data.frame["sex"] = data.frame["sex"].astype("category")
    seen: list[pd.DataFrame] = []

    def watch(x: pd.DataFrame) -> np.ndarray:
        seen.append(x)
        return np.ones(len(x))

    relations = [
        {"change": {"income": "+10%"}, "expect": "same"},
        {"change": {"sex": {"set": "x"}}, "expect": "same", "by": 1},
    ]
    found = ait.measure(model=Asked(watch), data=data, relations=relations)
    assert found["violation_share"]["relation 1"].n == data.frame["income"].notna().sum()
    assert seen[-2]["income"].dtype == "Int64" and seen[-2]["income"].isna().equals(data.frame["income"].isna())
    assert isinstance(seen[-1]["sex"].dtype, pd.CategoricalDtype) and (seen[-1]["sex"] == "x").all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"change": {"incom": "+1"}, "expect": "same"}, "no column 'incom'"),
        ({"change": {"sex": "+1"}, "expect": "same"}, "can't change column 'sex'"),
        ({"change": {"income": "more"}, "expect": "same"}, r"write \+10%"),
        ({"change": {"income": "+1"}, "expect": "up"}, "not_lower"),
        ({"expect": "same"}, "needs change"),
        ({"change": {"income": "+1"}, "expect": "not_lower"}, "one of the classes"),
        ({"change": {"income": "+1"}, "expect": "not_lower", "of": "maybe"}, "'maybe'"),
        ({"change": {"income": "+1"}, "expect": "same", "if": 1}, "does not know 'if'"),
        ({"name": "batch", "change": {"income": "+1"}, "expect": "same"}, "taken"),
    ],
)
def test_a_relation_of_another_form_is_refused(ait, given, message):
    with pytest.raises(ValueError, match=message):
        ait.measure(model=GOOD, data=table(), relations=[given])


def test_few_rows_and_none(ait):
    assert isinstance(ait.measure(model=GOOD, data=table(n=0)), Undefined)
    assert max(shares(ait.measure(model=GOOD, data=table(n=1))).values()) == 0
    assert max(shares(ait.measure(model=GOOD, data=table(n=13))).values()) == 0


def test_without_whole_numbers_the_type_is_left_out(ait):
    data = Table(pd.DataFrame({"debt": [0.5, 1.5, np.nan], "who": ["a", "b", None]}), None, Roles())
    assert set(shares(ait.measure(model=Asked(lambda x: x["debt"].fillna(0)), data=data))) == {*GENERIC[:-1]}


def test_groups_are_the_items(ait):
    data = table(group="home")
    data.frame["home"] = np.arange(N) // 10
    assert ait.measure(model=GOOD, data=data)["violation_share"]["batch"].n == N // 10


def test_the_same_seed_gives_the_same(ait):
    model = Asked(previous, CLASSES)
    assert ait.measure(model=model, data=table(), rows=100) == ait.measure(model=model, data=table(), rows=100)
