from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier

from qmtestbed.ait import Estimate, Images, Undefined
from qmtestbed.measuring.neurons import above_threshold, among_top, ranges_of, scaled, sections_hit

X, Y = load_digits(return_X_y=True)


class Handle:
    def __init__(self, native: Any) -> None:
        self.native, self.classes = native, tuple(map(str, native.classes_))

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.native.predict(x.reshape(len(x), -1))


def digits(at: Any) -> Images:
    return Images((X[at].reshape(-1, 8, 8, 1) / 16).astype(np.float32), None, None, (0.0, 1.0))


@pytest.fixture(scope="module")
def net() -> Handle:
    made = MLPClassifier((12, 8), solver="lbfgs", alpha=0.1, max_iter=5000, tol=1e-2, random_state=1)
    return Handle(made.fit(X[:200] / 16, Y[:200]))


# -- known answers --------------------------------------------------------------------------------------------

HAND = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]])


def test_neuron_coverage_of_two_inputs_by_hand():
    assert scaled(HAND).tolist() == [[0.0, 0.5, 1.0], [1.0, 0.0, 0.0]]
    assert above_threshold(HAND, 0.5).mean() == pytest.approx(2 / 3)
    assert above_threshold(HAND, 0.25).mean() == 1.0
    assert not above_threshold(np.full((2, 3), 5.0), 0.0).any()


def test_sections_corners_and_top_units_by_hand():
    train = np.array([[0.0, 1.0, 4.0], [10.0, 2.0, 4.0]])
    test = np.array([[0.0, 3.0, 4.0], [9.99, 0.5, 5.0], [10.0, 1.5, 3.0]])
    ranges = ranges_of(train)
    assert sections_hit(test, ranges, 5).tolist() == [2, 1, 0]  # the third unit is constant in training
    assert ranges.vary.tolist() == [True, True, False]
    assert ranges.above(test).any(axis=0).tolist() == [False, True, True]
    assert ranges.below(test).any(axis=0).tolist() == [False, True, True]
    assert among_top(test, 1).tolist() == [True, False, True] and among_top(test, 3).all()
    assert among_top(np.zeros((2, 4)), 2).tolist() == [True, True, False, False]


def test_rounding_leaves_no_range():
    ranges = ranges_of(np.array([[-2.0, 0.0], [3.0, 0.0]]))
    assert (
        not ranges.above(np.array([[3.0 + 1e-6, 0.0]])).any() and not ranges.below(np.array([[-2.0 - 1e-6, 0]])).any()
    )
    assert ranges.above(np.array([[3.001, 1e-12]])).all() and ranges.below(np.array([[-2.001, -1e-12]])).all()


def test_many_even_values_fill_every_section():
    even = np.linspace(0, 1, 1001)[:, None]
    assert sections_hit(even, ranges_of(even), 10).tolist() == [10]
    assert sections_hit(even[:500], ranges_of(even), 10).tolist() == [5]


# -- the AIT --------------------------------------------------------------------------------------------------


def test_training_items_stay_within_their_own_ranges(ait, net):
    found = ait.measure(model=net, data=digits(slice(0, 200)), train=digits(slice(0, 200)), top=12)
    assert found["boundary_coverage"] == found["strong_activation_coverage"] == found["outside_items"].value == 0.0
    assert found["top_coverage"] == 1.0  # as many as the widest layer has
    assert found["units"] == 20 and found["neuron_coverage"].keys() == {"0.25", "0.5", "0.75"}


def test_more_items_never_cover_less_and_a_higher_threshold_never_more(ait, net):
    names = ("section_coverage", "boundary_coverage", "strong_activation_coverage", "top_coverage")
    few, more = (ait.measure(model=net, data=digits(slice(200, n)), train=digits(slice(0, 200))) for n in (230, 600))
    assert all(few[n] <= more[n] for n in names) and few["section_coverage"] < more["section_coverage"]
    assert all(few["neuron_coverage"][t] <= more["neuron_coverage"][t] for t in few["neuron_coverage"])
    curve = [y for _, y in more["coverage_by_threshold"].series["all hidden layers"]]
    assert curve == sorted(curve, reverse=True) and curve[0] > curve[-1]
    assert more["neuron_coverage"]["0.5"] == pytest.approx(curve[10])


def test_the_share_of_items_outside_has_its_exact_interval(ait, net):
    found = ait.measure(model=net, data=digits(slice(200, 400)), train=digits(slice(0, 200)))
    e = found["outside_items"]
    ci = binomtest(round(e.value * 200), 200).proportion_ci(0.95)
    assert (e.low, e.high) == pytest.approx((ci.low, ci.high)) and 0 < e.value < 1
    negatives = Images(1 - digits(slice(200, 400)).pixels, None, None, (0.0, 1.0))
    assert ait.measure(model=net, data=negatives, train=digits(slice(0, 200)))["outside_items"].low > e.high


def test_the_layers_add_up(ait, net):
    found = ait.measure(model=net, data=digits(slice(200, 300)), train=digits(slice(0, 200)), sections=4)
    table = found["by_layer"]
    assert [r[0] for r in table.rows] == ["1 relu", "2 relu"] and [r[1] for r in table.rows] == [12, 8]
    assert found["constant_units"] == sum(r[2] for r in table.rows)
    varying = [r[1] - r[2] for r in table.rows]
    together = sum(v * r[3] for v, r in zip(varying, table.rows, strict=True)) / sum(varying)
    assert found["section_coverage"] == pytest.approx(together)
    above, below = (sum(r[1] * r[k] for r in table.rows) for k in (4, 5))
    assert found["boundary_coverage"] == pytest.approx((above + below) / 40)
    assert found["strong_activation_coverage"] == pytest.approx(above / 20)
    assert list(found["sections_by_layer"].values) == [r[3] for r in table.rows]


def test_the_same_twice_and_what_can_not_be_measured(ait, net):
    one, again = (ait.measure(model=net, data=digits([300]), train=digits(slice(0, 50))) for _ in range(2))
    assert one == again and isinstance(one["outside_items"], Estimate)
    forest = Handle(RandomForestClassifier(2, random_state=0).fit(X[:50] / 16, Y[:50]))
    refused = ait.measure(model=forest, data=digits([0]), train=digits([1]))
    assert isinstance(refused, Undefined) and "RandomForestClassifier" in refused.reason
    assert isinstance(ait.measure(model=net, data=digits([]), train=digits([1])), Undefined)
    flat = ait.measure(model=net, data=digits([0, 1]), train=digits([1, 1]))
    assert isinstance(flat["section_coverage"], Undefined) and flat["constant_units"] == 20
    with pytest.raises(ValueError, match="thresholds"):
        ait.measure(model=net, data=digits([0]), train=digits([1]), thresholds=[1.0])
