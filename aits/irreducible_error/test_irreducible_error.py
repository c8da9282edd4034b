from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.datasets import load_digits
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from qmtestbed.ait import Estimate, Images, Roles, Subject, Table, Undefined


def table(x: np.ndarray, y: Any, **roles: Any) -> Table:
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    return Table(frame, pd.Series(y, dtype=object), Roles(label="y", **roles))


def two_normals(n: int, distance: float, seed: int, width: int = 1) -> Table:
    """Two classes of equal weight whose means are so many standard deviations apart: Bayes error Phi(-distance / 2)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = rng.normal(size=(n, width))
    x[:, 0] += distance * y
    return table(x, np.array(["no", "yes"])[y])


def test_the_bracket_of_the_digits_is_that_of_dataeval(ait):
    """dataeval 1.1.4 on the same images, /16 as float32."""
    digits = load_digits()
    pixels = (digits.images / 16).astype(np.float32)[..., None]
    found = ait.measure(data=Images(pixels, digits.target.astype(str), None, (0.0, 1.0)))
    assert found["bayes_error_upper"].value == pytest.approx(0.011686143572621, abs=1e-12)
    assert found["bayes_error_lower"].value == pytest.approx(0.005862163430805, abs=1e-12)
    assert found["bayes_error_upper"].n == 1797
    assert {name: e.n for name, e in found["class_error"].items()} == dict(Counter(digits.target.astype(str)))


@pytest.mark.parametrize("distance", [1.0, 2.0, 3.0])
def test_the_bracket_holds_the_error_of_the_best_classifier_of_two_normals(ait, distance):
    found = ait.measure(data=two_normals(4000, distance, 0))
    best = norm.cdf(-distance / 2)
    assert found["bayes_error_lower"].low <= best <= found["bayes_error_upper"].high
    # with many rows the nearest neighbour errs with E[2 p (1 - p)]
    grid = np.linspace(-9, 9 + distance, 20_001)
    a, b = norm.pdf(grid) / 2, norm.pdf(grid - distance) / 2
    limit = np.trapezoid(2 * a * b / (a + b), grid)
    assert found["bayes_error_upper"].low <= limit <= found["bayes_error_upper"].high


def test_the_upper_bound_is_that_of_scikit_learn_left_one_out(ait):
    data = two_normals(150, 1.5, 3, width=3)
    scaled = (data.frame - data.frame.mean()) / data.frame.std(ddof=0)
    said = cross_val_predict(KNeighborsClassifier(1), scaled.to_numpy(), data.labels, cv=LeaveOneOut())
    assert ait.measure(data=data)["bayes_error_upper"].value == pytest.approx((said != data.labels).mean())


def test_the_interval_covers_what_new_tables_of_the_kind_have(ait):
    found = [ait.measure(data=two_normals(200, 1.5, seed, width=2))["bayes_error_upper"] for seed in range(100)]
    mean = np.mean([e.value for e in found])
    assert np.mean([e.low <= mean <= e.high for e in found]) >= 0.9


def test_the_bounds_are_in_order_and_scale_does_not_matter(ait):
    data = two_normals(300, 1.0, 1, width=2)
    one = ait.measure(data=data)
    other = ait.measure(data=Table(data.frame * [1000, 0.001] + 7, data.labels, data.roles))
    lower, upper = one["bayes_error_lower"], one["bayes_error_upper"]
    assert 0 < lower.value < upper.value < 2 * lower.value
    assert other["bayes_error_upper"].value == pytest.approx(upper.value)
    assert one["untold_share"].value == pytest.approx(lower.value / one["trivial_error"])
    assert ait.measure(data=data)["bayes_error_upper"] == upper


def test_labels_by_lot_are_not_told_and_copied_labels_are(ait):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    lot = ait.measure(data=table(x, rng.choice(["a", "b"], 400)))
    assert lot["untold_share"].value > 0.9
    told = ait.measure(data=table(np.c_[x, 50 * (x[:, 0] > 0)], np.where(x[:, 0] > 0, "a", "b")))
    assert told["bayes_error_upper"].value == 0.0 and told["bayes_error_upper"].high > 0
    assert told["findings"] == []


def test_the_worst_class_is_named(ait):
    rng = np.random.default_rng(1)
    y = np.repeat(["a", "b", "c"], 100)
    x = rng.normal(size=(300, 2)) + 8 * (y == "a")[:, None]
    found = ait.measure(data=table(x, y))
    worst = max(found["class_error"], key=lambda k: found["class_error"][k].value)
    (finding,) = found["findings"]
    assert worst in ("b", "c") and finding.subject == Subject(class_=worst)
    assert found["class_error"]["a"].value == 0.0


def test_neighbours_are_looked_for_outside_the_group(ait):
    """Five visits of each patient, nearly alike, with a label by lot for each patient."""
    rng = np.random.default_rng(2)
    patient = np.repeat(np.arange(80), 5)
    x = rng.normal(size=(80, 2))[patient] + rng.normal(size=(400, 2)) * 0.001
    y = rng.choice(["no", "yes"], 80)[patient]
    frame = table(x, y).frame.assign(patient=patient)
    labels = pd.Series(y, dtype=object)
    alone = ait.measure(data=Table(frame, labels, Roles(label="y", ignore=("patient",))))
    grouped = ait.measure(data=Table(frame, labels, Roles(label="y", group="patient")))
    assert alone["bayes_error_upper"].value == 0.0
    assert grouped["bayes_error_upper"].value > 0.3
    assert grouped["bayes_error_upper"].n == 80
    assert sum(e.n for e in grouped["class_error"].values()) == 80  # a patient has one label
    one = Table(frame.assign(patient=1), labels, Roles(label="y", group="patient"))
    assert "one group" in ait.measure(data=one).reason


def test_text_missing_cells_and_rows_without_a_label(ait):
    rng = np.random.default_rng(3)
    colour = rng.choice(["red", "blue", None], 200)
    size = np.where(rng.random(200) < 0.1, np.nan, rng.normal(size=200))
    y = np.where(colour == "red", "a", "b").astype(object)
    y[:20] = None
    data = Table(pd.DataFrame({"colour": colour, "size": size}), pd.Series(y, dtype=object), Roles(label="y"))
    found = ait.measure(data=data)
    assert found["bayes_error_upper"].n == 180
    assert found["bayes_error_upper"].value < 0.1


@pytest.mark.parametrize(
    "data",
    [
        table(np.zeros((0, 1)), []),
        table(np.ones((50, 2)), ["a", "b"] * 25),
        table(np.arange(40.0)[:, None], ["a"] * 40),
        table(np.arange(10.0)[:, None], ["a", "b"] * 5),
        Table(pd.DataFrame({"x": np.arange(50.0)}), None, Roles()),
    ],
)
def test_what_can_not_be_bracketed_says_so(ait, data):
    assert isinstance(ait.measure(data=data), Undefined)


def test_every_class_has_an_interval_that_holds_for_all(ait):
    found = ait.measure(data=two_normals(300, 1.0, 4))
    assert all(isinstance(e, Estimate) and e.low <= e.value <= e.high for e in found["class_error"].values())
