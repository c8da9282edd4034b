from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import curve_fit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from qmtestbed.ait import Estimate, Roles, Table, Undefined, class_name


class Handle:
    """A fitted classifier as an AIT gets it."""

    def __init__(self, native: Any) -> None:
        self.native, self.classes = native, tuple(class_name(c) for c in native.classes_)


class Learner(ClassifierMixin, BaseEstimator):
    """Errs on a row with probability a + b m^-c for m training rows; whether it does is told by the row alone."""

    def __init__(self, a: float = 0.1, b: float = 1.0, c: float = 0.5) -> None:
        self.a, self.b, self.c = a, b, c

    def fit(self, x: Any, y: Any) -> Any:
        self.classes_, self.rows_ = np.array(["no", "yes"], dtype=object), len(y)
        return self

    def predict(self, x: Any) -> Any:
        x = np.asarray(x)
        wrong = x[:, 1] < self.a + self.b * self.rows_**-self.c
        return np.where((x[:, 0] > 0) ^ wrong, "yes", "no").astype(object)


def rows(n: int, seed: int = 0, **roles: Any) -> Table:
    rng = np.random.default_rng(seed)
    x = np.c_[rng.normal(size=n), rng.random(n)]
    y = np.where(x[:, 0] > 0, "yes", "no").astype(object)
    return Table(pd.DataFrame(x, columns=["a", "b"]), pd.Series(y), Roles(label="y", **roles))


def learner(a: float, b: float, c: float) -> Handle:
    return Handle(Learner(a, b, c).fit(None, ()))


@pytest.fixture
def power(ait: Any) -> Any:
    return sys.modules["power"]


@pytest.mark.parametrize("law", [(0.1, 2.0, 0.7), (0.02, 0.5, 0.3), (0.3, 40.0, 1.5)])
def test_a_power_law_without_noise_is_found_again(power, law):
    sizes = np.array([100, 141, 200, 283, 400, 566])
    a, b, c = law
    found = power.fit(sizes, a + b * sizes**-c)
    assert (found.floor, found.height, found.power) == pytest.approx(law, rel=1e-4)
    assert found.at(1132) == pytest.approx(a + b * 1132**-c, rel=1e-6)


def test_the_fit_is_that_of_scipy(power):
    sizes = np.array([100, 141, 200, 283, 400, 566])
    errors = 0.1 + 3 * sizes**-0.6 + np.random.default_rng(0).normal(size=6) * 0.001
    theirs, _ = curve_fit(lambda m, a, b, c: a + b * m**-c, sizes, errors, p0=(0.1, 3, 0.6), maxfev=10_000)
    found = power.fit(sizes, errors)
    assert (found.floor, found.height, found.power) == pytest.approx(theirs, rel=1e-3)


def test_a_law_that_the_errors_do_not_fix_is_refused(power):
    sizes = np.array([100, 141, 200, 283, 400, 566])
    for errors in (np.full(6, 0.2), 2.0 * sizes**-0.5, np.zeros(6), 0.1 + sizes / 1e4, 0.5 - 0.05 * np.log(sizes)):
        assert power.fit(sizes, errors) is None


def test_the_curve_of_a_learner_with_a_known_law(ait):
    """Measured and extrapolated numbers against the law that made the errors."""
    a, b, c = 0.1, 8.0, 0.8
    found = ait.measure(model=learner(a, b, c), data=rows(50, 1), train=rows(2000))
    now, half = (a + b * m**-c for m in (1800, 900))
    assert found["accuracy_now"].low <= 1 - now <= found["accuracy_now"].high
    assert found["last_doubling_gain"].value == pytest.approx(half - now, abs=0.01)
    limit = found["accuracy_limit"]
    assert isinstance(limit, Estimate) and limit.low <= 1 - a <= limit.high
    assert found["double_gain"].value == pytest.approx(now - (a + b * 3600**-c), abs=0.01)
    assert found["accuracy_with_double"].n == 2000


def test_the_interval_of_the_gain_covers_the_truth(ait):
    a, b, c = 0.1, 3.0, 0.6
    truth = b * (180**-c - 360**-c)
    held = 0
    for seed in range(20):
        e = ait.measure(model=learner(a, b, c), data=rows(5), train=rows(400, seed + 10), seed=seed)[
            "last_doubling_gain"
        ]
        held += e.low <= truth <= e.high
    assert held >= 17


def test_a_flat_curve_is_no_reason_to_collect_and_extrapolates_nothing(ait):
    found = ait.measure(model=learner(0.2, 0.0, 1.0), data=rows(50, 1), train=rows(400))
    assert found["last_doubling_gain"].value == 0.0
    assert all(isinstance(found[n], Undefined) for n in ("double_gain", "accuracy_with_double", "accuracy_limit"))
    assert found["findings"] == []


def test_always_being_right_is_not_proof_of_certainty(ait):
    found = ait.measure(model=learner(0.0, 0.0, 1.0), data=rows(50, 1), train=rows(400))
    assert found["accuracy_now"].value == 1.0
    assert found["accuracy_now"].low == pytest.approx(0.025 ** (1 / 400))
    assert (found["last_doubling_gain"].low, found["last_doubling_gain"].high) == pytest.approx(
        (-0.00918, 0.00918), abs=1e-4
    )


def test_a_steep_curve_is_found(ait):
    found = ait.measure(model=learner(0.0, 3.0, 0.4), data=rows(50, 1), train=rows(400))
    (finding,) = found["findings"]
    assert finding.kind == "too_few_cases" and finding.value > 0.05
    assert isinstance(found["accuracy_limit"], Undefined)


def test_parts_grow_by_the_root_of_two_and_the_seed_decides(ait):
    train = rows(300)
    model = Handle(LogisticRegression().fit(train.frame, train.labels))
    one, same, other = (ait.measure(model=model, data=rows(50, 1), train=train, folds=4, seed=s) for s in (1, 1, 2))
    sizes = [m for m, _ in one["curve"].series["rows left out"]]
    assert sizes == [40, 56, 80, 112, 159, 225]
    assert one == same and one["curve"] != other["curve"]
    assert len(one["curve"].series["test rows"]) == 6


def test_groups_and_time(ait):
    train = rows(400)
    frame = train.frame.assign(patient=np.arange(400) // 4, day=np.arange(400))
    for roles in ({"group": "patient", "ignore": ("day",)}, {"time": "day", "ignore": ("patient",)}):
        given = Table(frame, train.labels, Roles(label="y", **roles))
        native = LogisticRegression().fit(frame[["a", "b"]], train.labels)
        found = ait.measure(model=Handle(native), data=given, train=given)
        assert found["accuracy_now"].value > 0.9


def test_what_can_not_be_trained_anew_says_so(ait):
    train = rows(400)
    fitted = Handle(LogisticRegression().fit(train.frame, train.labels))
    assert "too few" in ait.measure(model=fitted, data=rows(9), train=rows(50)).reason
    fitted.native = object()
    assert isinstance(ait.measure(model=fitted, data=rows(9), train=train), Undefined)
