from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.ait import Images, Roles, Subject, Table, Undefined
from qmtestbed.measuring.agreement import Reference

WAYS = ["again", "another order", "in parts", "one by one"]


class FakeModel:
    """Answers by a function of the frame; classes by whether it is above 0."""

    native = None

    def __init__(self, score: Callable[[pd.DataFrame], Any], classes: tuple[str, ...] = ("no", "yes")) -> None:
        self.score, self.classes = score, classes

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        s = np.asarray(self.score(x), dtype=float)
        return np.array(self.classes, dtype=object)[(s > 0).astype(int)] if self.classes else s


def table(n: int, seed: int = 0, **roles: Any) -> Table:
    frame = pd.DataFrame({"a": np.random.default_rng(seed).normal(size=n), "g": np.arange(n) // 5})
    return Table(frame, None, Roles(**roles))


def test_a_function_of_the_row_gives_no_change(ait: Any) -> None:
    found = ait.measure(model=FakeModel(lambda x: x["a"]), data=table(300))
    assert list(found["change_rate"]) == WAYS and found["findings"] == []
    for way, e in found["change_rate"].items():
        n = 50 if way == "one by one" else 300
        assert (e.value, e.low, e.n) == (0.0, 0.0, n)
        assert e.high == pytest.approx(stats.binomtest(0, n).proportion_ci(method="exact").high)
    assert found["largest_change"] == Undefined("The model's answers are classes.")


@pytest.mark.parametrize("repeats", [1, 3])
def test_answers_drawn_by_lot_change_as_often_as_they_must(ait: Any, repeats: int) -> None:
    p, rng = 0.2, np.random.default_rng(1)
    model = FakeModel(lambda x: np.where(rng.random(len(x)) < p, 1, -1))
    found = ait.measure(model=model, data=table(4000), repeats=repeats)["change_rate"]
    never = p * p**repeats + (1 - p) * (1 - p) ** repeats
    for way in ("again", "another order"):
        assert found[way].low < 1 - never < found[way].high
    assert found["in parts"].low < 2 * p * (1 - p) < found["in parts"].high


def test_what_rests_on_the_batch_shows_in_parts_only(ait: Any) -> None:
    def among_others(x: pd.DataFrame) -> Any:
        return x["a"] - x["a"].median()

    found = ait.measure(model=FakeModel(among_others), data=table(301), part=7)["change_rate"]
    assert (found["again"].value, found["another order"].value) == (0.0, 0.0)
    assert found["in parts"].value > 0.05
    # A row alone is its own median: every row above it changes.
    assert found["one by one"].value == pytest.approx(0.5, abs=0.15)


def test_what_rests_on_the_place_shows_in_another_order(ait: Any) -> None:
    found = ait.measure(model=FakeModel(lambda x: np.arange(len(x)) - 99.5), data=table(200), repeats=1, part=200)
    assert found["change_rate"]["again"].value == found["change_rate"]["in parts"].value == 0.0
    assert found["change_rate"]["another order"].value == pytest.approx(0.5, abs=0.15)
    assert found["findings"][0].subject == Subject(slice="another order")


def test_what_is_kept_between_calls_shows(ait: Any) -> None:
    calls = iter(range(1000))
    found = ait.measure(model=FakeModel(lambda x: x["a"] + (5 if next(calls) else 0)), data=table(300))
    assert all(e.value > 0.3 for e in found["change_rate"].values())


def test_numbers_are_told_in_standard_deviations_and_rounding_is_no_change(ait: Any) -> None:
    data, rng = table(500), np.random.default_rng(2)
    sd = data.frame["a"].std(ddof=0)
    shifts = iter([0.0, *[0.3] * 3, *[0.0] * 1000])
    found = ait.measure(model=FakeModel(lambda x: x["a"] + next(shifts), ()), data=data)
    assert found["change_rate"]["again"].value == 1.0 and found["change_rate"]["in parts"].value == 0.0
    assert found["largest_change"]["again"] == pytest.approx(0.3 / sd)
    found = ait.measure(model=FakeModel(lambda x: x["a"] * (1 + 1e-12 * rng.normal(size=len(x))), ()), data=data)
    assert {e.value for e in found["change_rate"].values()} == {0.0}
    assert 0 < found["largest_change"]["again"] < 1e-10


def test_answers_that_are_no_numbers_count(ait: Any) -> None:
    calls = iter(range(1000))
    model = FakeModel(lambda x: x["a"] if next(calls) else x["a"] * np.nan, ())
    found = ait.measure(model=model, data=table(60))
    assert found["change_rate"]["again"].value == 1.0 and isinstance(found["largest_change"]["again"], Undefined)
    found = ait.measure(model=FakeModel(lambda x: x["a"] * np.nan, ()), data=table(60))
    assert isinstance(found, Undefined)  # always no number: that is not what repeatable means


def test_groups_are_the_items(ait: Any) -> None:
    found = ait.measure(model=FakeModel(lambda x: x["a"]), data=table(300, group="g"))
    assert found["change_rate"]["again"].n == 60


def test_the_seed_decides_the_orders(ait: Any) -> None:
    def rates(seed: int) -> Any:
        model = FakeModel(lambda x: np.arange(len(x)) - 99.5)
        return ait.measure(model=model, data=table(200), repeats=1, seed=seed)["change_rate"]

    assert rates(1) == rates(1) != rates(2)


def test_no_rows_are_undefined(ait: Any) -> None:
    assert isinstance(ait.measure(model=FakeModel(lambda x: x["a"]), data=table(0)), Undefined)


def test_the_scale_of_a_reference() -> None:
    assert Reference.of(np.array([1.0, 3.0, np.inf]), 0.1, numbers=True).scale == 1.0
    assert Reference.of(np.array([4.0, 4.0]), 0.1, numbers=True).scale == 4.0
    assert Reference.of(np.array([0.0, 0.0]), 0.1, numbers=True).scale == 1.0
    assert Reference.of(np.array([np.nan]), 0.1, numbers=True).scale == 1.0
    same = Reference.of(np.array([np.inf, -np.inf, np.nan, 2.0]), 0.1, numbers=True)
    assert same.apart(np.array([np.inf, np.inf, 1.0, 2.0])).tolist() == [0.0, np.inf, np.inf, 0.0]


def test_images_are_asked_as_rows_are(ait: Any) -> None:
    values = table(120).frame["a"].to_numpy(dtype=np.float32)
    images = Images(values.reshape(-1, 1, 1, 1), None, None, (0.0, 1.0))

    def by_item(x: Any) -> Any:
        return np.asarray(x["a"] if isinstance(x, pd.DataFrame) else x).reshape(len(x))

    for score in (by_item, lambda x: by_item(x) - np.median(by_item(x))):
        rows = ait.measure(model=FakeModel(score), data=Table(pd.DataFrame({"a": values}), None, Roles()), part=7)
        found = ait.measure(model=FakeModel(score), data=images, part=7)
        assert found["change_rate"] == rows["change_rate"]
    assert found["change_rate"]["in parts"].value > 0
