from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qmtestbed.ait import Images, Roles, Table, Undefined
from qmtestbed.measuring.perturbation import numeric_columns


class Line:
    """Two classes by the sign of ``w x + b``."""

    classes = ("no", "yes")
    native = None

    def __init__(self, w: np.ndarray, b: float = 0.0) -> None:
        self.w, self.b = np.asarray(w, dtype=float), b

    def score(self, x: Any) -> np.ndarray:
        return np.asarray(x, dtype=float).reshape(len(x), -1) @ self.w.ravel() + self.b

    def predict(self, x: Any) -> np.ndarray:
        return np.where(self.score(x) > 0, "yes", "no").astype(object)


def images(model: Line, n: int, seed: int = 0) -> Images:
    x = np.random.default_rng(seed).random((n, 4, 4, 1)).astype(np.float32)
    return Images(x, model.predict(x), None, (0.0, 1.0))


def table(model: Line, n: int, seed: int = 0) -> Table:
    x = np.random.default_rng(seed).normal(size=(n, model.w.size))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    return Table(frame, pd.Series(model.predict(x), dtype=object), Roles(label="y"))


@pytest.fixture
def radius(ait: Any) -> Any:
    ait.measure(model=Line(np.ones(16), -8), data=images(Line(np.ones(16), -8), 1), draws=20)
    return sys.modules["qmtestbed_ait_certified_smoothing"]._radius


@pytest.mark.parametrize(("n", "most"), [(100, 1.50048), (1000, 2.46326), (10_000, 3.19858), (100_000, 3.81146)])
def test_the_largest_radius_is_that_of_the_closed_form(radius, n, most):
    assert radius(n, n, 0.001) == pytest.approx(stats.norm.ppf(0.001 ** (1 / n)), abs=1e-9)
    assert radius(n, n, 0.001) == pytest.approx(most, abs=5e-6)


def test_the_bound_is_the_exact_one_and_one_half_is_no_majority(radius):
    low = stats.binomtest(80, 100, alternative="greater").proportion_ci(0.999, method="exact").low
    assert radius(80, 100, 0.001) == pytest.approx(stats.norm.ppf(low))
    assert radius(50, 100, 0.001) == radius(0, 100, 0.001) == 0.0
    assert radius(81, 100, 0.001) > radius(80, 100, 0.001) > radius(80, 100, 0.0001)


def test_no_certificate_of_a_line_reaches_beyond_the_true_distance(ait):
    """A line's smoothed model is the line itself, so that the distance is |w x + b| / |w|."""
    model = Line(np.random.default_rng(1).normal(size=16))
    data = images(model, 150)
    model.b = -float(np.median(model.score(data.pixels)))
    data = images(model, 150)
    away = np.abs(model.score(data.pixels)) / np.linalg.norm(model.w)
    radii = [0.02, 0.05, 0.1, 0.15]
    found = ait.measure(model=model, data=data, radii=radii, draws=1000)
    for r in radii:
        possible = (away >= r).mean()
        assert possible - 0.12 <= found["certified_accuracy"][f"{r:g}"].value <= possible


def test_a_radius_of_three_tenths_is_nearly_shown_with_many_draws(ait):
    model = Line(np.array([1.0]))
    x = np.full((1, 1, 1, 1), 0.3, dtype=np.float32)
    data = Images(x, np.array(["yes"], dtype=object), None, (0.0, 1.0))
    found = ait.measure(model=model, data=data, sigma=0.25, draws=100_000, radii=[0.28, 0.3])
    assert found["median_radius"] == pytest.approx(0.294, abs=0.006)
    assert found["certified_accuracy"]["0.3"].value == 0.0


def test_certificates_are_wrong_no_more_often_than_alpha(radius):
    p, rng = stats.norm.cdf(0.6), np.random.default_rng(0)
    wrong = np.mean([radius(int(k), 200, 0.05) > 0.6 for k in rng.binomial(200, p, 2000)])
    assert wrong <= 0.06


def test_rows_of_a_table_in_spreads_of_their_columns(ait):
    model = Line(np.array([1.0, -2.0, 0.5]))
    data = table(model, 100)
    spreads = np.array([c.spread for c in numeric_columns(data.frame)])
    away = np.abs(model.score(data.frame)) / np.linalg.norm(model.w * spreads)
    found = ait.measure(model=model, data=data)
    for r in (0.05, 0.1, 0.2):
        assert found["certified_accuracy"][f"{r:g}"].value <= (away >= r).mean() + 0.03
    assert found["certified_accuracy"]["0.05"].value > 0.7
    none = ait.measure(model=model, data=data, leave_out=["x0", "x1"], draws=50)
    assert none["certified_accuracy"]["0.05"].value >= found["certified_accuracy"]["0.05"].value


def test_shares_are_in_order_and_the_seed_decides(ait):
    model = Line(np.random.default_rng(2).normal(size=16), 0.1)
    one, same, other = (ait.measure(model=model, data=images(model, 40), draws=100, seed=s) for s in (1, 1, 2))
    shares = [one["certified_accuracy"][k].value for k in ("0.05", "0.1", "0.2")]
    assert sorted(shares, reverse=True) == shares and shares[0] <= one["smoothed_accuracy"].value
    assert one["smoothed_accuracy"].value + one["abstention_rate"].value <= 1
    assert one == same and one["certified_by_radius"] != other["certified_by_radius"]
    curve = one["certified_by_radius"].series["right and certified"]
    assert curve[0][1] == one["smoothed_accuracy"].value and curve[-1][0] == pytest.approx(0.1 * 1.50048, abs=1e-4)


def test_answers_by_lot_are_not_certified_and_named(ait):
    class Lot(Line):
        def predict(self, x: Any) -> np.ndarray:
            return np.where(np.floor(np.asarray(x).reshape(len(x), -1).sum(axis=1) * 1e4) % 5 < 3, "yes", "no").astype(
                object
            )

    model = Lot(np.ones(16))
    found = ait.measure(model=model, data=images(model, 60), draws=300)
    assert found["certified_accuracy"]["0.1"].value == 0.0
    assert [f.measure for f in found["findings"]] == ["certified_share"]


def test_nothing_to_certify(ait):
    model = Line(np.ones(2))
    data = table(model, 30)
    assert isinstance(ait.measure(model=model, data=Table(data.frame, None, Roles())), Undefined)
    words = Table(pd.DataFrame({"w": ["a"] * 30}), data.labels, Roles(label="y"))
    assert isinstance(ait.measure(model=model, data=words), Undefined)
    with pytest.raises(ValueError, match="radii"):
        ait.measure(model=model, data=data, radii=[0.1, 0.1])
    wrong = Table(data.frame, data.labels.map({"yes": "no", "no": "yes"}), data.roles)
    found = ait.measure(model=model, data=wrong, draws=50)
    assert isinstance(found["certified_share"], Undefined) and found["smoothed_accuracy"].value <= 0.2
