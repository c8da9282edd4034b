from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, weightedtau

from qmtestbed.ait import Estimate, Roles, Subject, Table, Undefined
from qmtestbed.measuring.attribution import (
    coalitions,
    credits_of,
    draw_orders,
    every_order,
    rank_correlation,
    shapley_values,
)


class FakeModel:
    """Answers by a function of the frame."""

    native = None

    def __init__(self, answer: Callable[[pd.DataFrame], Any], classes: tuple[str, ...] = ()) -> None:
        self.answer, self.classes = answer, classes

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.answer(x), dtype=object if self.classes else float)


def normal(n: int, seed: int = 0, k: int = 3) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n, k)), columns=list("abcdefghijkl")[:k])


def table(frame: pd.DataFrame, **roles: Any) -> Table:
    return Table(frame, None, Roles(**roles))


# -- the kernel -----------------------------------------------------------------------------------------------


def test_shapley_values_of_a_product_a_line_and_a_square():
    x = np.array([1.0, 2.0, 3.0, 4.0])

    def game(sets: np.ndarray) -> np.ndarray:
        a, b, z, w = (sets * x).T
        return a * b + 2 * z - w**2

    assert shapley_values(game, every_order(4)).tolist() == [1.0, 1.0, 6.0, -16.0]
    orders = draw_orders(7, 4, np.random.default_rng(0))
    assert shapley_values(game, orders).sum() == pytest.approx(-8.0)  # efficiency holds for any orders
    assert shapley_values(game, orders)[2:].tolist() == [6.0, -16.0]


def test_glove_game():
    """Two left gloves and a right one: 1/6, 1/6, 2/3."""
    found = shapley_values(lambda s: (s[:, 0] | s[:, 1]) & s[:, 2], every_order(3))
    assert found == pytest.approx([1 / 6, 1 / 6, 2 / 3])


def test_sampling_comes_near_to_what_all_orders_give():
    worth = np.random.default_rng(1).normal(size=2**6)
    worth[0] = 0

    def game(sets: np.ndarray) -> np.ndarray:
        return worth[sets @ (1 << np.arange(6))]

    sampled = shapley_values(game, draw_orders(20_000, 6, np.random.default_rng(0)))
    assert sampled == pytest.approx(shapley_values(game, every_order(6)), abs=0.03)


def test_orders_are_permutations_and_come_in_opposite_pairs():
    orders = draw_orders(9, 5, np.random.default_rng(0))
    assert (np.sort(orders, axis=1) == np.arange(5)).all()
    assert (orders[1:8:2] == orders[0:8:2, ::-1]).all()
    inside = coalitions(orders)
    assert inside.sum(axis=2).tolist() == [list(range(6))] * 9
    assert credits_of(np.tile([0.0, 1, 2, 3, 4, 5], (9, 1)), orders).tolist() == [[1.0] * 5] * 9
    with pytest.raises(ValueError, match="1 to 8 players"):
        every_order(9)


def test_rank_correlation_is_that_of_scipy_and_knows_ties():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 12))
    assert rank_correlation(a, b) == pytest.approx(kendalltau(a, b).statistic)
    assert rank_correlation(a, b, weighted=True) == pytest.approx(weightedtau(a, b).statistic)
    assert rank_correlation([1, 0.1, 0.1 + 1e-16], [1, 0.2, 0.2]) == pytest.approx(1.0)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
    assert rank_correlation([1], [1]) is None
    assert rank_correlation([0, 0], [1, 2]) is None


# -- closed forms ---------------------------------------------------------------------------------------------


def test_a_line_is_attributed_by_the_variance_of_its_terms(ait):
    """With independent columns a term's share is w^2 var / sum of these: the Shapley effects (Owen 2014)."""
    weights, spread = np.array([3.0, 1.0, 0.0]), np.array([1.0, 2.0, 5.0])
    x = normal(3000) * spread
    found = ait.measure(model=FakeModel(lambda x: x @ weights), data=table(x), rows=2000, repeats=4)
    exact = weights**2 * spread**2 / (weights**2 * spread**2).sum()
    assert list(found["attribution"].values()) == pytest.approx(exact, abs=0.04)
    assert found["attribution"]["c"] == pytest.approx(0, abs=1e-12)


def test_all_attributions_together_are_the_answers_that_another_row_changes(ait):
    x = normal(2000)
    model = FakeModel(lambda x: np.where(x["a"] + x["b"] > 0, "yes", "no"), ("no", "yes"))
    found = ait.measure(model=model, data=table(x), rows=1000, repeats=4)
    assert sum(found["attribution"].values()) == pytest.approx(0.5, abs=0.03)
    assert found["attribution"]["a"] == pytest.approx(found["attribution"]["b"], abs=0.03)


def test_a_constant_ranking_agrees_and_chance_does_not(ait):
    x = normal(300, k=4)
    clear = ait.measure(model=FakeModel(lambda x: x @ [9.0, 3.0, 1.0, 0.0]), data=table(x), rows=1500)
    assert clear["rank_agreement"] == clear["weighted_rank_agreement"] == Estimate(1.0, 1.0, 1.0, 0.95, 30)
    assert clear["top_agreement"].value == 1.0 and clear["top_agreement"].low < 0.9
    assert list(clear["attribution_by_column"].labels) == list("abcd")
    assert clear["findings"] == []
    x = normal(300, k=6)
    # Every order of the columns is as likely, as the table holds each row with its columns turned round.
    turned = pd.concat([x.set_axis(np.roll(x.columns, k), axis=1)[x.columns] for k in range(6)])
    alike = ait.measure(model=FakeModel(lambda x: x.sum(axis=1)), data=table(turned), rows=20, repeats=200)
    assert alike["rank_agreement"].low < 0 < alike["rank_agreement"].high
    assert abs(alike["weighted_rank_agreement"].value) < 0.1
    kinds = [(f.kind, f.measure) for f in alike["findings"]]
    assert kinds == [("instability", "rank_agreement"), ("instability", "weighted_rank_agreement")]


def test_more_rows_agree_more(ait):
    x, weights = normal(1000, k=8), np.linspace(1, 2, 8)
    found = [
        ait.measure(model=FakeModel(lambda x: x @ weights), data=table(x), rows=n)["rank_agreement"].value
        for n in (10, 100, 1000)
    ]
    assert found[0] + 0.1 < found[1] < found[2] - 0.1


# -- rows and columns -----------------------------------------------------------------------------------------


def test_columns_keep_their_type_and_roles_stay_aside(ait):
    n = 40
    x = normal(n).assign(kind=pd.Categorical(["p", "q"] * (n // 2)), id=np.arange(n), note="x")
    seen: list[pd.DataFrame] = []

    def answer(frame: pd.DataFrame) -> Any:
        seen.append(frame)
        return frame["a"] + (frame["kind"] == "p")

    found = ait.measure(model=FakeModel(answer), data=table(x, id="id", ignore=("note",)), rows=10, repeats=4)
    assert list(found["attribution"]) == ["a", "b", "c", "kind"]
    assert all((frame.dtypes == x.dtypes).all() for frame in seen)
    whole = seen[-1].iloc[4::5].reset_index(drop=True)  # the last step of each order is the row itself
    pd.testing.assert_frame_equal(whole, x.iloc[whole["id"]].reset_index(drop=True))


def test_of_many_columns_those_that_matter_are_ranked(ait):
    x = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 80)), columns=[f"c{i}" for i in range(80)])
    found = ait.measure(
        model=FakeModel(lambda x: 2 * x["c7"] + x["c70"]), data=table(x), columns=20, rows=50, repeats=6
    )
    assert {"c7", "c70"} <= set(found["attribution"]) and len(found["attribution"]) == 20
    assert found["columns_left_out"] == 60
    assert found["ranks"].rows[0][:1] + found["ranks"].rows[0][2:] == ["c7", 1.0, 1.0]


def test_a_finding_names_the_column_whose_rank_varies_most(ait):
    x = normal(200, k=4)
    found = ait.measure(model=FakeModel(lambda x: 9 * x["a"] + x["b"] + x["c"]), data=table(x), rows=10)
    assert {f.subject for f in found["findings"]} <= {Subject(column="b"), Subject(column="c")} and found["findings"]


def test_the_seed_decides(ait):
    data = table(normal(50))
    runs = [ait.measure(model=FakeModel(lambda x: x.sum(axis=1)), data=data, rows=9, seed=s) for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0]["rank_agreement"] != runs[2]["rank_agreement"]


def test_nothing_to_rank(ait):
    model = FakeModel(lambda x: x.sum(axis=1))
    assert isinstance(ait.measure(model=model, data=table(normal(20, k=1))), Undefined)
    assert isinstance(ait.measure(model=model, data=table(normal(0))), Undefined)
    same = ait.measure(model=FakeModel(lambda x: np.ones(len(x))), data=table(normal(20)))
    assert same == Undefined("The model says the same to every row, so that there is nothing to attribute.")
    ten = ait.measure(model=FakeModel(lambda x: x["a"]), data=table(normal(20)), repeats=20)
    assert isinstance(ten["rank_agreement"], Undefined)  # ten pairs that agree are no interval
