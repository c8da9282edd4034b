from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from qmtestbed.ait import Estimate, Images, Roles, Table, Undefined


class Fitted:
    """A scikit-learn classifier as an AIT sees it: its classes are text."""

    native = None

    def __init__(self, estimator: Any) -> None:
        self.estimator, self.classes = estimator, tuple(map(str, estimator.classes_))

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return self.estimator.predict(x[self.estimator.feature_names_in_]).astype(str).astype(object)

    def probabilities(self, x: pd.DataFrame) -> np.ndarray:
        return self.estimator.predict_proba(x[self.estimator.feature_names_in_])


class Sure:
    """Gives the probability that stands in column p to the class yes."""

    native, classes = None, ("no", "yes")

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return np.where(x["p"] >= 0.5, "yes", "no").astype(object)

    def probabilities(self, x: pd.DataFrame) -> np.ndarray:
        return np.column_stack([1 - x["p"], x["p"]])


def sure(p: Any, labels: Any = "yes", **more: Any) -> Table:
    frame = pd.DataFrame({"p": np.asarray(p, dtype=float), **more})
    roles = Roles(label="y", group="g" if "g" in more else None)
    return Table(frame, pd.Series(labels, index=frame.index, dtype=object), roles)


def digits(part: slice, labels: Any = None) -> Table:
    bunch = load_digits(as_frame=True)
    y = bunch.target.astype(object) if labels is None else pd.Series(labels, dtype=object)
    return Table(bunch.data[part], y[part], Roles(label="target"))


TRAIN, TEST = slice(0, 800), slice(800, None)


def test_the_advantage_is_the_gap_of_the_accuracies_exactly(ait: Any) -> None:
    train, test = digits(TRAIN), digits(TEST)
    tree = DecisionTreeClassifier(random_state=0).fit(train.frame, train.labels.astype(int))
    found = ait.measure(model=Fitted(tree), data=test, train=train)
    gap = tree.score(train.frame, train.labels.astype(int)) - tree.score(test.frame, test.labels.astype(int))
    assert found["advantage"].value == gap > 0.1
    assert found["train_accuracy"].value == 1.0
    # The attack of ART has the same two rates: a right answer is a member.
    said = np.concatenate([tree.predict(t.frame) == t.labels.astype(int) for t in (train, test)])
    member = np.arange(len(said)) < len(train.frame)
    assert found["advantage"].value == pytest.approx(said[member].mean() - said[~member].mean())


def test_a_tree_on_random_labels_is_known_by_its_memory(ait: Any) -> None:
    labels = np.random.default_rng(0).integers(0, 10, 1797)
    train, test = digits(TRAIN, labels), digits(TEST, labels)
    tree = DecisionTreeClassifier(random_state=0).fit(train.frame, labels[TRAIN])
    found = ait.measure(model=Fitted(tree), data=test, train=train)
    assert found["advantage"].low < 0.9 < found["advantage"].high  # right by chance in one of ten
    assert found["attack_auc"].value == pytest.approx((1 + found["advantage"].value) / 2)  # answers are 0 and 1 only
    near = KNeighborsClassifier(15, weights="distance").fit(train.frame, labels[TRAIN])
    found = ait.measure(model=Fitted(near), data=test, train=train)
    assert found["attack_auc"].value > 0.99 and found["low_fpr_tpr"].value == 1.0
    assert {f.measure for f in found["findings"]} == {"attack_auc", "advantage", "low_fpr_tpr"}


def test_a_model_of_neither_table_tells_nothing(ait: Any) -> None:
    held = {"advantage": 0, "attack_auc": 0, "low_fpr_reached": 0}
    truth = {"advantage": 0.0, "attack_auc": 0.5, "low_fpr_reached": None}
    rounds = 80
    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        inside, outside = (sure(rng.beta(4, 2, n)) for n in (150, 240))
        found = ait.measure(model=Sure(), data=outside, train=inside, fpr=0.05, seed=seed)
        rates = [found[n] for n in ("low_fpr_tpr", "low_fpr_reached")]
        held["low_fpr_reached"] += rates[0].low <= rates[1].high and rates[1].low <= rates[0].high
        for name in ("advantage", "attack_auc"):
            held[name] += found[name].low <= truth[name] <= found[name].high
    assert all(k >= 0.9 * rounds for k in held.values()), held


def test_the_auc_is_that_of_scikit_learn_and_of_two_normals(ait: Any) -> None:
    rng = np.random.default_rng(1)
    a, b = stats.norm.cdf(rng.normal(1, 1, 3000)), stats.norm.cdf(rng.normal(0, 1, 3000))
    found = ait.measure(model=Sure(), data=sure(b), train=sure(a))
    e = found["attack_auc"]
    assert e.value == pytest.approx(roc_auc_score(np.repeat([1, 0], 3000), np.concatenate([a, b])))
    assert e.low < stats.norm.cdf(1 / np.sqrt(2)) < e.high and e.n == 6000
    tpr, fpr = found["low_fpr_tpr"], found["low_fpr_reached"]
    assert fpr.low < 0.01 < fpr.high
    assert tpr.value == pytest.approx(stats.norm.sf(stats.norm.isf(fpr.value) - 1), abs=0.03)
    points = found["roc"].series["attack"]
    assert points[0] == (0.0, 0.0) and points[-1] == (1.0, 1.0)
    assert all(x0 <= x1 and y0 <= y1 for (x0, y0), (x1, y1) in pairwise(points))


def test_rates_have_the_exact_interval_of_the_rows_they_are_counted_on(ait: Any) -> None:
    rng = np.random.default_rng(2)
    found = ait.measure(model=Sure(), data=sure(rng.random(400)), train=sure(rng.random(300)), fpr=0.1)
    for name, n in (("low_fpr_tpr", 300), ("low_fpr_reached", 200)):
        e = found[name]
        ci = stats.binomtest(round(e.value * n), n).proportion_ci(method="exact")
        assert (e.n, e.low, e.high) == (n, pytest.approx(ci.low), pytest.approx(ci.high))


def test_the_false_positive_rate_is_no_higher_than_asked_on_average(ait: Any) -> None:
    reached = []
    for seed in range(60):
        rng = np.random.default_rng([3, seed])
        data, train = sure(rng.random(200)), sure(rng.random(20))
        reached.append(ait.measure(model=Sure(), data=data, train=train, fpr=0.1, seed=seed)["low_fpr_reached"].value)
    assert 0.075 < np.mean(reached) < 0.11


def test_too_few_rows_for_so_low_a_rate_is_said(ait: Any) -> None:
    found = ait.measure(model=Sure(), data=sure(np.linspace(0, 1, 199)), train=sure([0.2, 0.9]))
    assert isinstance(found["low_fpr_tpr"], Estimate)  # half of 199, rounded up, is 100
    found = ait.measure(model=Sure(), data=sure(np.linspace(0, 1, 198)), train=sure([0.2, 0.9]))
    assert found["low_fpr_tpr"] == Undefined(
        "A false positive rate of 0.01 needs some 200 rows not learnt from; 198 are."
    )


def test_rows_that_are_all_as_sure_are_not_told_apart(ait: Any) -> None:
    found = ait.measure(model=Sure(), data=sure([0.9] * 400, new=1), train=sure([0.9] * 400, new=0))
    assert found["low_fpr_tpr"].value == found["low_fpr_reached"].value == 0.0
    assert found["attack_auc"].value == 0.5 and found["findings"] == []


def test_groups_are_the_items(ait: Any) -> None:
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(60), 5)
    p = np.repeat(rng.random(60), 5)
    found = ait.measure(model=Sure(), data=sure(p, g=g, new=1), train=sure(p, g=g + 100, new=0), fpr=0.1)
    assert found["attack_auc"].n == 120 and found["train_accuracy"].n == 60
    assert found["attack_auc"].value == 0.5
    assert found["low_fpr_reached"].n == 30
    one_side = ait.measure(model=Sure(), data=sure(p, g=g, new=1), train=sure(p, new=0), fpr=0.1)
    assert one_side["attack_auc"].n == 60 + 300


def test_classes_that_the_model_does_not_know_are_left_out(ait: Any) -> None:
    labels = ["yes"] * 8 + ["no", "maybe"]
    found = ait.measure(model=Sure(), data=sure([0.9] * 10, new=1), train=sure([0.9] * 10, labels, new=0))
    assert found["train_accuracy"].value == pytest.approx(8 / 9) and found["train_accuracy"].n == 9
    assert found["attack_auc"].value == pytest.approx(4 / 9)
    for labels in ("Yes", "YES"):
        both = {"data": sure([0.9] * 10, labels, new=1), "train": sure([0.9] * 10, "Yes", new=0)}
        assert isinstance(ait.measure(model=Sure(), **both), Undefined)


def test_rows_that_are_learnt_from_and_not_tell_nothing(ait: Any) -> None:
    p = np.linspace(0, 1, 40)
    assert isinstance(ait.measure(model=Sure(), data=sure(p), train=sure(p)), Undefined)
    assert isinstance(ait.measure(model=Sure(), data=sure(p + 0.5), train=sure(p)), dict)
    assert isinstance(ait.measure(model=Sure(), data=sure(p[:10]), train=sure(p)), Undefined)


def test_nothing_to_compare_is_undefined(ait: Any) -> None:
    assert isinstance(ait.measure(model=Sure(), data=sure([0.5]), train=sure([0.5], [None])), Undefined)


def test_the_seed_decides_the_halves_only(ait: Any) -> None:
    rng = np.random.default_rng(5)
    given = {"model": Sure(), "data": sure(rng.random(300)), "train": sure(rng.random(300)), "fpr": 0.1}
    a, b, other = (ait.measure(**given, seed=s) for s in (1, 1, 2))
    assert a == b
    assert a["attack_auc"] == other["attack_auc"] and a["low_fpr_reached"] != other["low_fpr_reached"]


def test_images_are_attacked_as_rows_are(ait: Any) -> None:
    class Reader(Fitted):
        def predict(self, x: Any) -> np.ndarray:
            return super().predict(self.frame(x))

        def probabilities(self, x: Any) -> np.ndarray:
            return super().probabilities(self.frame(x))

        def frame(self, x: Any) -> pd.DataFrame:
            return pd.DataFrame(x.reshape(len(x), -1), columns=self.estimator.feature_names_in_)

    train, test = digits(TRAIN), digits(TEST)
    tree = DecisionTreeClassifier(random_state=0, min_samples_leaf=4).fit(train.frame, train.labels.astype(str))
    images = {
        name: Images(t.frame.to_numpy(dtype=np.float32).reshape(-1, 8, 8, 1), t.labels.to_numpy(), None, (0.0, 16.0))
        for name, t in (("data", test), ("train", train))
    }
    found = ait.measure(model=Reader(tree), **images)
    rows = ait.measure(model=Fitted(tree), data=test, train=train)
    for name in ("advantage", "attack_auc", "low_fpr_tpr", "low_fpr_reached"):
        assert found[name] == rows[name]
