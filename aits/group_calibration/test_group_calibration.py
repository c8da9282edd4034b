from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qmtestbed.ait import Estimate, Predictions, Roles, Subject, Table, Undefined
from qmtestbed.execute.worker import load_function
from qmtestbed.measuring.intervals import mean_interval

QUICK = {"alpha": 0.05, "simulations": 99}


def given(p: np.ndarray, true: np.ndarray, columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Probabilities (n, k), true classes as columns, and sensitive columns."""
    classes = ("no", "yes") if p.shape[1] == 2 else tuple(f"c{j}" for j in range(p.shape[1]))
    names = np.array(classes, dtype=object)
    labels = names[true.astype(int)]
    frame = pd.DataFrame(columns)
    data = Table(frame, pd.Series(labels), Roles(label="y", sensitive=tuple(frame.columns)))
    return {
        "predictions": Predictions("classification", labels, names[p.argmax(axis=1)], p, classes, **more),
        "data": data,
    }


def drawn(seed: int, n: int, groups: int = 2, off: float = 0.0, k: int = 2) -> dict[str, Any]:
    """Probabilities that are right; for two classes, in the first group ``off`` too high."""
    rng = np.random.default_rng(seed)
    g = rng.integers(0, groups, n)
    if k > 2:
        p = rng.dirichlet(np.ones(k), n)
        true = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=k - 1)
    else:
        yes = rng.uniform(0.3, 0.9, n)
        p, true = np.column_stack([1 - yes, yes]), rng.random(n) < yes - off * (g == 0)
    return given(p, true, {"g": [f"g{i}" for i in g]})


def part(both: dict[str, Any], name: str) -> Predictions:
    p, inside = both["predictions"], (both["data"].frame["g"] == name).to_numpy()
    return Predictions("classification", p.labels[inside], p.predicted[inside], p.probabilities[inside], p.classes)


# -- oracles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "name"), [(2, "positive_ece"), (4, "ece")])
def test_the_error_of_a_group_is_that_of_the_ait_calibration_on_its_rows(ait, k, name):
    both = drawn(k, 500, 3, k=k)
    alone = load_function(Path(ait.folder).parent / "calibration")
    found = ait.measure(**both, seed=3)
    for g in ("g0", "g1", "g2"):
        there = alone(part(both, g), simulations=max(999, 599), seed=3)
        assert found["ece"][f"g = {g}"] == pytest.approx(there[name])
        if k > 2:
            assert found["ece_by_chance"][f"g = {g}"] == pytest.approx(there["ece_by_chance"], rel=0.02)


def test_bias_is_the_mean_of_what_was_said_less_what_happened(ait):
    both = drawn(0, 400)
    found = ait.measure(**both)
    for g in ("g0", "g1"):
        rows = part(both, g)
        e = mean_interval(rows.probabilities[:, 1] - (rows.labels == "yes"), 0.975)
        there = found["bias"][f"g = {g}"]
        assert (there.value, there.low, there.high) == pytest.approx((e.value, e.low, e.high))


def test_what_chance_gives_is_the_mean_of_perfect_models(ait):
    rng = np.random.default_rng(0)
    yes = rng.uniform(0.3, 0.9, 300)
    p, errors = np.column_stack([1 - yes, yes]), []
    for _ in range(150):
        found = ait.measure(**given(p, rng.random(300) < yes, {"g": ["a"] * 150 + ["b"] * 150}), **QUICK)
        errors.append(found["ece"]["g = a"])
    assert found["ece_by_chance"]["g = a"] == pytest.approx(np.mean(errors), rel=0.1)


def test_right_probabilities_are_seldom_called_wrong_and_the_gap_holds_the_truth(ait):
    found = [ait.measure(**drawn(s, 400, 3), seed=s, **QUICK) for s in range(80)]
    for name in ("clear_ece", "clear_gap"):
        assert np.mean([max(f[name].values()) > 0 for f in found]) <= 0.05 + 3 * np.sqrt(0.05 / 80)
    assert np.mean([f["bias_gap"]["g"].low == 0 for f in found]) >= 0.9
    planted = [ait.measure(**drawn(s, 600, 2, off=0.2), **QUICK)["bias_gap"]["g"] for s in range(40)]
    assert np.mean([e.low <= 0.2 <= e.high for e in planted]) >= 0.85


def test_a_group_that_the_model_overrates_is_named(ait):
    found = ait.measure(**drawn(0, 1500, 3, off=0.25))
    assert found["clear_ece"]["g = g0"] == found["ece"]["g = g0"] > 0.2
    assert found["clear_ece"]["g = g1"] == found["clear_ece"]["g = g2"] == 0
    assert found["bias"]["g = g0"].low > 0.15
    assert found["clear_gap"]["g"] == found["bias_gap"]["g"].value > 0.15
    assert {f.subject for f in found["findings"]} == {Subject(slice="g = g0"), Subject(column="g")}
    assert all(f.kind == "miscalibration" for f in found["findings"])


def test_the_limit_of_chance_hardly_hangs_on_the_seed(ait):
    both = drawn(0, 500, 5)
    limits = np.array([[line[-1] for line in ait.measure(**both, seed=s)["groups"].rows] for s in range(4)])
    assert limits.shape == (4, 5)
    assert limits.std(axis=0, ddof=1).mean() < 0.004  # with the largest of 999 draws it is 0.010
    rank = load_function(Path(ait.folder)).__globals__["_rank"]
    assert (rank(0.001, 500), rank(0.001, 100_000), rank(0.001, 10**7)) == (20, 2, 1)


# -- properties -----------------------------------------------------------------------------------------------


def test_one_seed_gives_one_result_and_names_do_not_matter(ait):
    both = drawn(1, 300)
    assert ait.measure(**both, seed=5) == ait.measure(**both, seed=5)
    named = both["data"].frame.assign(g=both["data"].frame["g"].map({"g0": "z", "g1": "a"}))
    other = Table(named, both["data"].labels, both["data"].roles)
    again = ait.measure(predictions=both["predictions"], data=other, seed=5)
    assert again["bias_gap"] == ait.measure(**both, seed=5)["bias_gap"]


def test_rows_that_belong_together_widen_the_intervals(ait):
    yes = np.random.default_rng(0).uniform(0.3, 0.9, 40).repeat(6)
    true = (np.random.default_rng(1).random(40) < 0.5).repeat(6)
    p, g = np.column_stack([1 - yes, yes]), {"g": ["a", "b"] * 120}
    alone, together = (ait.measure(**given(p, true, g, groups=u)) for u in (None, np.arange(40).repeat(6)))
    wide, narrow = (f["bias"]["g = a"] for f in (together, alone))
    assert wide.n == 40 and wide.high - wide.low > narrow.high - narrow.low


def test_the_positive_class_may_be_any(ait):
    both = drawn(2, 300)
    p = both["predictions"]
    no = Predictions("classification", p.labels, p.predicted, p.probabilities, p.classes, positive="no")
    a, b = ait.measure(**both), ait.measure(predictions=no, data=both["data"])
    assert a["bias"]["g = g0"].value == pytest.approx(-b["bias"]["g = g0"].value)


def test_a_positive_class_without_probabilities_is_undefined(ait):
    both = drawn(2, 300)
    odd = replace(both["predictions"], classes=("no", "yes", "odd"), positive="odd")
    found = ait.measure(predictions=odd, data=both["data"])
    assert found == Undefined("The model gives no probability of the positive class 'odd'.")


# -- what can't be measured -----------------------------------------------------------------------------------


def test_small_groups_are_undefined_with_their_number_of_rows(ait):
    both = drawn(3, 200)
    both["data"].frame.loc[:9, "g"] = "rare"
    found = ait.measure(**both)
    assert found["ece"]["g = rare"] == found["bias"]["g = rare"] == Undefined("There are 10 rows; 50 are needed.")
    assert isinstance(found["bias_gap"]["g"], Estimate)
    none = ait.measure(**drawn(0, 20))
    assert none["bias_gap"]["g"] == Undefined("No two groups have rows enough to compare.")


def test_without_probabilities_or_rows_of_the_data_nothing_is_measured(ait):
    both = drawn(4, 100)
    p = both["predictions"]
    without = Predictions("classification", p.labels, p.predicted, None, p.classes)
    assert ait.measure(predictions=without, data=both["data"]) == Undefined("The predictions hold no probabilities.")
    assert isinstance(ait.measure(predictions=p, data=drawn(5, 100)["data"]), Undefined)
