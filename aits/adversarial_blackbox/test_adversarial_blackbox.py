from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.ait import Images, Roles, Subject, Table, Undefined
from qmtestbed.measuring.perturbation import numeric_columns
from qmtestbed.measuring.searching import search


class Line:
    """Two classes by the sign of ``w x + b``, with logistic probabilities; counts how often it is asked."""

    classes = ("no", "yes")
    native = None

    def __init__(self, w: np.ndarray, b: float = 0.0) -> None:
        self.w, self.b, self.asked = np.asarray(w, dtype=float), b, 0

    def score(self, x: Any) -> np.ndarray:
        flat = np.asarray(x, dtype=float).reshape(len(x), -1)[:, : self.w.size]
        return flat @ self.w.ravel() + self.b

    def predict(self, x: Any) -> np.ndarray:
        return np.where(self.score(x) > 0, "yes", "no").astype(object)

    def probabilities(self, x: Any) -> np.ndarray:
        self.asked += len(x)
        p = 1 / (1 + np.exp(-self.score(x)))
        return np.c_[1 - p, p]


def table(model: Line, n: int = 150, seed: int = 0, **roles: Any) -> Table:
    x = np.random.default_rng(seed).normal(size=(n, model.w.size))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    return Table(frame, pd.Series(model.predict(x), dtype=object), Roles(label="y", **roles))


def images(model: Line, n: int = 200, seed: int = 0) -> Images:
    x = np.random.default_rng(seed).uniform(0.2, 0.8, (n, 6, 6, 1)).astype(np.float32)
    return Images(x, model.predict(x), None, (0.0, 1.0))


def reach(model: Line, data: Table, epsilon: float) -> np.ndarray:
    """How far the score of each row can be moved against its class: epsilon times the sum of |w| spread, inside the
    range of the columns."""
    x, signs = data.frame.to_numpy(), np.where(data.labels == "yes", -1, 1)
    total = np.zeros(len(x))
    for j, column in enumerate(numeric_columns(data.frame)):
        step = epsilon * column.spread * signs * np.sign(model.w[j])
        total += np.abs(model.w[j]) * np.abs(np.clip(x[:, j] + step, column.low, column.high) - x[:, j])
    return total


# -- a linear model: everything is known ----------------------------------------------------------------------


@pytest.mark.parametrize(("width", "epsilon"), [(3, 0.2), (10, 0.1), (30, 0.05)])
def test_a_row_falls_only_where_a_turn_exists_and_nearly_always_there(ait, width, epsilon):
    model = Line(np.random.default_rng(1).normal(size=width), 0.1)
    data = table(model)
    possible = np.abs(model.score(data.frame)) <= reach(model, data, epsilon)
    found = ait.measure(model=model, data=data, epsilon=epsilon, queries=300)
    rate = found["attack_success_rate"].value
    assert 0.05 < possible.mean() < 0.95
    assert 0.95 * possible.mean() <= rate <= possible.mean()
    assert found["clean_accuracy"].value == 1.0
    assert found["robust_accuracy"].value == pytest.approx(1 - rate)


def test_images_fall_only_where_the_gradient_attack_reaches(ait):
    """On a line the sign of the gradient is the best that any attacker can do."""
    model = Line(np.random.default_rng(2).normal(size=36))
    data = images(model)
    model.b = -float(np.median(model.score(data.pixels)))
    data = Images(data.pixels, model.predict(data.pixels), None, (0.0, 1.0))
    possible = np.abs(model.score(data.pixels)) <= 0.03 * np.abs(model.w).sum()
    rate = ait.measure(model=model, data=data, epsilon=0.03, queries=400)["attack_success_rate"].value
    assert 0.1 < possible.mean() < 0.95
    assert 0.8 * possible.mean() <= rate <= possible.mean()


def test_it_is_never_better_than_the_sign_of_the_gradient_in_margin():
    rng = np.random.default_rng(3)
    w = rng.normal(size=(1, 20))
    best = 100 - np.abs(w).sum()
    found = search(lambda at, signs: 100 + (signs * w).sum(axis=1), (50, 20), 500, rng)
    assert (found.margins >= best - 1e-9).all()
    assert np.median(found.margins) == pytest.approx(best, abs=0.5)


# -- what must hold of every attack ---------------------------------------------------------------------------


def test_it_keeps_to_its_budget(ait):
    seen: list[Any] = []

    class Spy(Line):
        def probabilities(self, x: Any) -> np.ndarray:
            seen.append(np.asarray(x, dtype=float))
            return super().probabilities(x)

    model = Spy(np.full(36, 0.1), -1.8)
    data = images(model, 20)
    ait.measure(model=model, data=data, epsilon=0.03, queries=30)
    low, high = data.pixels.min(axis=0) - 0.0301, data.pixels.max(axis=0) + 0.0301
    assert all((x >= low).all() and (x <= high).all() for x in seen)
    assert model.asked <= 20 * 30


def test_whole_numbers_stay_whole_and_missing_cells_missing(ait):
    seen: list[pd.DataFrame] = []

    class Spy(Line):
        def predict(self, x: Any) -> np.ndarray:
            seen.append(x)
            return np.where(x["a"].fillna(0) > 0, "yes", "no").astype(object)

        def probabilities(self, x: Any) -> np.ndarray:
            seen.append(x)
            return np.full((len(x), 2), 0.5)

    rng = np.random.default_rng(0)
    a = np.where(rng.random(100) < 0.2, np.nan, rng.normal(size=100))
    frame = pd.DataFrame({"a": a, "n": rng.integers(0, 100, 100), "word": "x", "flag": rng.integers(0, 2, 100)})
    data = Table(frame, pd.Series(np.where(np.nan_to_num(a) > 0, "yes", "no"), dtype=object), Roles(label="y"))
    ait.measure(model=Spy(np.ones(1)), data=data, epsilon=0.1, queries=5)
    for x in seen:
        assert x["n"].dtype == frame["n"].dtype and x["word"].eq("x").all()
        assert (x["flag"] == frame.loc[x.index, "flag"]).all() and (
            x["a"].isna() == frame.loc[x.index, "a"].isna()
        ).all()
    assert any((x["n"] != frame.loc[x.index, "n"]).any() for x in seen)


def test_more_budget_and_more_questions_only_help_the_attacker(ait):
    model = Line(np.random.default_rng(4).normal(size=12))
    data = table(model, 150)
    rate = {
        (e, q): ait.measure(model=model, data=data, epsilon=e, queries=q)["attack_success_rate"].value
        for e, q in ((0.0, 50), (0.05, 50), (0.2, 50), (0.05, 5))
    }
    assert rate[0.0, 50] == 0.0
    assert rate[0.05, 5] <= rate[0.05, 50] < rate[0.2, 50]


def test_columns_left_out_are_not_touched(ait):
    model = Line(np.array([1.0, 0.0]))
    found = ait.measure(model=model, data=table(model), epsilon=1.0, leave_out=["x0"], queries=20)
    assert found["attack_success_rate"].value == 0.0 and found["findings"] == []
    with pytest.raises(ValueError, match="no column 'x9'"):
        ait.measure(model=model, data=table(model), leave_out=["x9"])


def test_every_interval_is_exact_and_the_worst_class_is_named(ait):
    model = Line(np.random.default_rng(5).normal(size=5), 1.0)
    found = ait.measure(model=model, data=table(model, 200), epsilon=0.2)
    e = found["attack_success_rate"]
    ci = stats.binomtest(round(e.value * 200), 200).proportion_ci(0.95, method="exact")
    assert (e.n, e.low, e.high) == (200, pytest.approx(ci.low), pytest.approx(ci.high))
    rates = found["class_success_rate"]
    assert found["findings"][0].subject == Subject(class_=max(rates, key=lambda k: rates[k].value))
    assert len(found["broken_rows"].rows) <= 20
    assert found["success_by_queries"].series["right answers turned"][-1][1] == pytest.approx(e.value)


def test_the_seed_decides(ait):
    model = Line(np.random.default_rng(6).normal(size=30))
    one, same, other = (ait.measure(model=model, data=table(model), queries=8, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one["success_by_queries"] != other["success_by_queries"]


def test_nothing_to_attack(ait):
    model = Line(np.ones(2))
    data = table(model, 50)
    assert isinstance(ait.measure(model=model, data=Table(data.frame, None, Roles())), Undefined)
    words = Table(pd.DataFrame({"word": ["a"] * 50}), data.labels, Roles(label="y"))
    assert "no column of numbers" in ait.measure(model=model, data=words).reason
    wrong = data.labels.map({"yes": "no", "no": "yes"})
    found = ait.measure(model=model, data=Table(data.frame, wrong, Roles(label="y")))
    assert isinstance(found["attack_success_rate"], Undefined) and found["robust_accuracy"].value == 0.0
