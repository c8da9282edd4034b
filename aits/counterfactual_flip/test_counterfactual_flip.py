from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm

from qmtestbed.ait import Roles, Subject, Table, Undefined

NAMES = np.array(["no", "yes"], dtype=object)


class Fake:
    """Answers by a function of the frame."""

    native = None

    def __init__(self, score: Callable[[pd.DataFrame], Any], classes: tuple[str, ...] = ("no", "yes")) -> None:
        self.score, self.classes = score, classes

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        s = np.asarray(self.score(x), dtype=float)
        return NAMES[(s > 0).astype(int)] if self.classes else s


def table(n: int = 400, seed: int = 0, sensitive: tuple[str, ...] = ("sex",), **columns: Any) -> Table:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=n), "sex": rng.choice(["f", "m"], n), **columns})
    return Table(frame, None, Roles(sensitive=sensitive))


def linear(w: float) -> Fake:
    return Fake(lambda f: f["x"] + w * np.where(f["sex"] == "m", 1, -1))


# -- closed forms ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("w", [0.1, 0.5, -1.0])
def test_a_linear_model_flips_where_the_margin_is_smaller_than_the_weight(ait, w):
    data = table(3000)
    e = ait.measure(model=linear(w), data=data)["flip_rate"]["sex"]
    assert e.value == pytest.approx((np.abs(data.frame["x"]) < abs(w)).mean(), abs=1e-12)
    assert e.value == pytest.approx(2 * norm.cdf(abs(w)) - 1, abs=0.03)
    ci = binomtest(round(e.value * 3000), 3000).proportion_ci(method="exact")
    assert (e.low, e.high, e.n) == (pytest.approx(ci.low), pytest.approx(ci.high), 3000)


def test_a_model_that_ignores_the_column_never_flips(ait):
    found = ait.measure(model=linear(0.0), data=table())
    assert found["flip_rate"]["sex"].value == found["flip_rate"]["sex"].low == 0
    assert found["findings"] == []


def test_a_model_that_looks_at_nothing_else_always_flips(ait):
    found = ait.measure(model=Fake(lambda f: np.where(f["sex"] == "m", 1, -1)), data=table())
    assert found["flip_rate"]["sex"].value == 1
    (finding,) = found["findings"]
    assert (finding.kind, finding.subject) == ("relation_violated", Subject(column="sex"))


def test_numbers_count_if_they_move_by_more_than_the_tolerance(ait):
    model, data = Fake(lambda f: 10 * f["x"] + 3 * (f["sex"] == "m"), classes=()), table()
    spread = float(np.std(model.predict(data.frame)))
    for tolerance, rate in ((2.9 / spread, 1.0), (3.1 / spread, 0.0)):
        assert ait.measure(model=model, data=data, tolerance=tolerance)["flip_rate"]["sex"].value == rate


# -- values ---------------------------------------------------------------------------------------------------


def test_of_several_values_one_that_flips_is_enough(ait):
    data = table(300, sensitive=("race",), race=np.arange(300) % 3)
    found = ait.measure(model=Fake(lambda f: np.where(f["race"] == 2, 1, -1)), data=data)
    assert found["flip_rate"]["race"].value == 1
    assert [line[1:5] for line in found["values"].rows] == [
        ("0", 200, 100, 0.5),
        ("1", 200, 100, 0.5),
        ("2", 200, 200, 1.0),
    ]


def test_columns_keep_their_type(ait):
    kinds: list[Any] = []

    def score(frame: pd.DataFrame) -> Any:
        kinds.append([frame[c].dtype for c in ("flag", "kind", "count", "text")])
        return frame["x"]

    columns = {
        "flag": [True, False] * 50,
        "kind": pd.Categorical(["a", "b"] * 50),
        "count": pd.array([1, 2] * 50, dtype="Int64"),
        "text": ["u", "v"] * 50,
    }
    data = table(100, sensitive=tuple(columns), **columns)
    ait.measure(model=Fake(score), data=data)
    assert all(k == kinds[0] for k in kinds) and len(kinds) == 9


def test_many_numbers_are_set_to_quantiles_and_much_text_is_undefined(ait):
    age = np.arange(400) % 100
    data = table(400, sensitive=("age", "name"), age=age, name=[f"n{i}" for i in range(400)])
    found = ait.measure(model=Fake(lambda f: f["age"] - 49.5), data=data)
    assert [int(line[1]) for line in found["values"].rows] == pytest.approx([9, 29, 49, 69, 89], abs=1)
    assert found["flip_rate"]["age"].value == 1
    assert found["flip_rate"]["name"] == Undefined("The column 'name' has 400 different values that are no numbers.")


def test_rows_without_a_value_are_left_out(ait):
    data = table(100)
    data.frame.loc[:9, "sex"] = None
    found = ait.measure(model=Fake(lambda f: np.where(f["sex"] == "m", 1, -1)), data=data)
    assert (found["flip_rate"]["sex"].value, found["flip_rate"]["sex"].n) == (1, 90)


# -- intervals and edge cases ---------------------------------------------------------------------------------


def test_intervals_hold_for_all_columns_together_and_groups_widen_them(ait):
    alone = ait.measure(model=linear(0.5), data=table(200))["flip_rate"]["sex"]
    two = ait.measure(model=linear(0.5), data=table(200, sensitive=("sex", "b"), b=[0, 1] * 100))["flip_rate"]
    assert two["sex"].value == alone.value and two["sex"].low < alone.low and two["b"].value == 0
    data = table(200, g=np.repeat(np.arange(20), 10))
    data.frame["x"] = np.repeat(np.random.default_rng(1).normal(size=20), 10)
    grouped = Table(data.frame, None, Roles(sensitive=("sex",), group="g"))
    wide, narrow = (ait.measure(model=linear(0.5), data=d)["flip_rate"]["sex"] for d in (grouped, data))
    assert wide.n == 20 and wide.high - wide.low > narrow.high - narrow.low


def test_there_is_nothing_to_flip(ait):
    one = table(50, sex=["f"] * 50)
    found = ait.measure(model=linear(1.0), data=one)
    assert found["flip_rate"]["sex"] == Undefined("The column 'sex' has no two different values.")
    assert ait.measure(model=linear(1.0), data=table(0)) == Undefined("The table has no row.")
