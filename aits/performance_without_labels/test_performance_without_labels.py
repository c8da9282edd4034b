from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from qmtestbed.ait import Roles, Subject, Table, Undefined

NAMES = np.array(["no", "yes"], dtype=object)


def stated(t: np.ndarray, sharp: float) -> np.ndarray:
    """Probabilities of two classes, of which the second is true with probability t; sharper or flatter than that."""
    yes = 1 / (1 + np.exp(-sharp * np.log(t / (1 - t))))
    return np.column_stack([1 - yes, yes])


class Fake:
    """Says what a column lets expect."""

    classes = ("no", "yes")
    native = None

    def __init__(self, sharp: float) -> None:
        self.sharp = sharp

    def probabilities(self, x: pd.DataFrame) -> np.ndarray:
        return stated(x["t"].to_numpy(), self.sharp)


def table(t: Any, labels: Any = None, **columns: Any) -> Table:
    """Rows with their true probability; further columns are named by their roles."""
    frame = pd.DataFrame({"t": t} | columns)
    roles = Roles(label=None if labels is None else "y", **{role: role for role in columns})
    return Table(frame, None if labels is None else pd.Series(labels, index=frame.index), roles)


def chances(rng: np.random.Generator, n: int, shape: float) -> np.ndarray:
    """True probabilities: of a small shape near 0 and 1, of a large one near a half."""
    return np.clip(rng.beta(shape, shape, n), 0.001, 0.999)


def given(seed: int, n: int, m: int, shapes: tuple[float, float] = (0.5, 0.5), sharp: float = 1.0) -> Any:
    rng = np.random.default_rng(seed)
    t, new = chances(rng, n, shapes[0]), chances(rng, m, shapes[1])
    labels = NAMES[(rng.random(n) < t).astype(int)]
    return {"model": Fake(sharp), "data": table(t, labels), "production": table(new)}


def accuracy(shape: float) -> float:
    t = chances(np.random.default_rng(0), 500_000, shape)
    return float(np.maximum(t, 1 - t).mean())


# -- simulation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shapes", "sharp"), [((0.5, 0.5), 1.0), ((0.5, 2.0), 1.0), ((0.5, 2.0), 2.0)])
def test_expected_accuracy_and_drop_hold_the_truth(ait, shapes, sharp):
    """Calibrated, with other rows in production, and with probabilities that are too bold besides."""
    found = [ait.measure(**given(s, 400, 400, shapes, sharp)) for s in range(50)]
    truth, known = accuracy(shapes[1]), accuracy(shapes[0])
    values = [f["expected_accuracy"].value for f in found]
    assert np.mean(values) == pytest.approx(truth, abs=3 * np.std(values) / np.sqrt(50) + 0.002)
    for name, expected in (("expected_accuracy", truth), ("expected_drop", known - truth), ("check_error", 0.0)):
        assert np.mean([f[name].low <= expected <= f[name].high for f in found]) >= 0.86, name
    raw = np.mean([f["mean_confidence"] for f in found])
    assert (abs(raw - truth) > 0.05) == (sharp != 1)


def test_without_a_change_a_drop_is_seldom_clear(ait):
    clear = [ait.measure(**given(s, 300, 300), alpha=0.05)["clear_drop"] > 0 for s in range(80)]
    assert np.mean(clear) <= 0.05 + 3 * np.sqrt(0.05 / 80)


def test_unsure_rows_in_production_are_a_clear_drop(ait):
    found = ait.measure(**given(0, 500, 500, (0.5, 4.0)))
    assert found["clear_drop"] == found["expected_drop"].value > 0.1
    (finding,) = found["findings"]
    assert (finding.kind, finding.subject) == ("drift", Subject(slice="production"))


def test_what_it_can_not_see(ait):
    """Concept drift: production holds the same rows with other truths, and the estimate is the same."""
    both = given(1, 400, 400)
    labelled = table(both["production"].frame["t"], ["no"] * 400)
    assert ait.measure(**both) == ait.measure(**{**both, "production": labelled})


# -- closed forms ---------------------------------------------------------------------------------------------


def test_production_that_is_the_labelled_data_is_expected_to_have_their_accuracy(ait):
    both = given(2, 500, 10, sharp=3.0)
    t, labels = both["data"].frame["t"], both["data"].labels
    found = ait.measure(**{**both, "production": table(t)})
    right = int((labels == NAMES[(t > 0.5).astype(int)]).sum())
    assert found["expected_accuracy"].value == pytest.approx(right / 500)
    drop, known = found["expected_drop"], found["known_accuracy"]
    assert drop.value == pytest.approx(0, abs=1e-9)
    assert drop.high - drop.low < 0.9 * (known.high - known.low)  # errors of the labels cancel out
    ci = binomtest(right, 500).proportion_ci(method="exact")
    assert (found["known_accuracy"].low, found["known_accuracy"].high) == pytest.approx((ci.low, ci.high))


def test_one_bin_takes_the_overconfidence_of_all_rows_away(ait):
    both = given(3, 200, 100, (0.5, 1.0), 2.0)
    found = ait.measure(**both, bins=1)
    expected = found["mean_confidence"] - found["overconfidence"].value
    assert found["expected_accuracy"].value == pytest.approx(expected)


# -- properties and edge cases --------------------------------------------------------------------------------


def test_the_seed_parts_the_check_only(ait):
    both = given(4, 200, 100)
    a, b = ait.measure(**both, seed=1), ait.measure(**both, seed=2)
    assert a == ait.measure(**both, seed=1) and a["check_error"] != b["check_error"]
    assert {k: v for k, v in a.items() if k != "check_error"} == {k: v for k, v in b.items() if k != "check_error"}


def test_groups_widen_and_more_rows_narrow(ait):
    few, many = (ait.measure(**given(5, n, n))["expected_accuracy"] for n in (100, 1600))
    assert many.high - many.low < 0.4 * (few.high - few.low)
    both = given(6, 40, 100)
    t, labels = (np.asarray(x).repeat(10) for x in (both["data"].frame["t"], both["data"].labels))
    alone, together = table(t, labels), table(t, labels, group=np.arange(40).repeat(10))
    narrow, wide = (ait.measure(**{**both, "data": d}) for d in (alone, together))
    for name in ("expected_accuracy", "expected_drop", "known_accuracy"):
        assert wide[name].high - wide[name].low > narrow[name].high - narrow[name].low


def test_weights_of_production_count(ait):
    both = given(7, 300, 200)
    weights = np.arange(200) % 3
    t = both["production"].frame["t"].to_numpy()
    production = (table(t, weight=weights), table(t.repeat(weights)))
    a, b = (ait.measure(**{**both, "production": p})["expected_accuracy"].value for p in production)
    assert a == pytest.approx(b)


def test_too_few_rows(ait):
    few = Undefined("There are 29 rows with labels and 50 of production; 30 of each are needed.")
    assert ait.measure(**given(0, 29, 50)) == few
    assert isinstance(ait.measure(**given(0, 50, 29)), Undefined)
    both = given(0, 50, 50)
    assert isinstance(ait.measure(**{**both, "data": table(both["data"].frame["t"])}), Undefined)


def test_a_class_that_the_model_does_not_know_is_never_right(ait):
    both = given(0, 100, 100)
    old = both["data"].labels
    found = ait.measure(**{**both, "data": table(both["data"].frame["t"], old.where(old == "yes", "maybe"))})
    right = (both["model"].probabilities(both["data"].frame)[:, 1] > 0.5) & (old == "yes")
    assert found["known_accuracy"].value == pytest.approx(right.mean())
    # Where none is right there is nothing to lose: 0 would be no good news.
    assert isinstance(ait.measure(**{**both, "data": table(both["data"].frame["t"], old.str.upper())}), Undefined)


def test_a_model_that_is_always_as_sure_tells_of_no_drop(ait):
    both = given(0, 100, 100)
    assert isinstance(ait.measure(**{**both, "model": Fake(0.0)}), Undefined)
