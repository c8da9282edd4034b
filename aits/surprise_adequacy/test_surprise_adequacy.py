from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import binomtest, gaussian_kde
from sklearn.covariance import EmpiricalCovariance
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor

from qmtestbed.ait import Images, Roles, Table, Undefined
from qmtestbed.measuring.surprise import distance_surprise, likelihood_surprise, mahalanobis_surprise

ORDER = np.random.default_rng(0).permutation(1797)  # writers follow one another in the file
X, Y = (a[ORDER] for a in load_digits(return_X_y=True))
X = X / 16


class Handle:
    def __init__(self, native: Any) -> None:
        self.native, self.classes = native, tuple(map(str, getattr(native, "classes_", ())))

    def predict(self, x: Any) -> np.ndarray:
        return self.native.predict(x.reshape(len(x), -1) if isinstance(x, np.ndarray) else x.to_numpy())


def images(x: np.ndarray) -> Images:
    return Images(x.reshape(-1, 8, 8, 1).astype(np.float32), None, None, (0.0, 1.0))


@pytest.fixture(scope="module")
def net() -> Handle:
    made = MLPClassifier((12, 8), activation="tanh", solver="lbfgs", alpha=0.1, max_iter=500, random_state=0)
    return Handle(made.fit(X[:500], Y[:500]))


@pytest.fixture(scope="module")
def traces() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    given, answers = (rng.choice(["a", "b", "c"], n).astype(object) for n in (240, 90))
    middles = {"a": 0.0, "b": 3.0, "c": 5.0}
    reference, points = (rng.normal(size=(len(g), 4)) + [[middles[k]] * 4 for k in g] for g in (given, answers))
    return points, answers, reference, given


# -- known answers --------------------------------------------------------------------------------------------


def test_likelihood_by_hand_and_that_of_scipy(traces):
    one = np.array(["a"], dtype=object)
    by_hand = likelihood_surprise(np.zeros((1, 1)), one, np.array([[-1.0], [1.0]]), one.repeat(2), bandwidth=1.0)
    assert by_hand == pytest.approx([-math.log(math.exp(-1 / 4) / math.sqrt(4 * math.pi))])
    assert by_hand == pytest.approx([1.515512], abs=1e-6)
    points, answers, reference, given = traces
    found = likelihood_surprise(*traces)
    for name in "abc":
        at = answers == name
        assert found[at] == pytest.approx(-gaussian_kde(reference[given == name].T).logpdf(points[at].T))


def test_distance_by_hand_and_by_brute_force(traces):
    reference, given = np.array([[0.0, 0], [1, 0], [5, 0]]), np.array(["a", "a", "b"], dtype=object)
    assert distance_surprise(np.array([[2.0, 0]]), given[:1], reference, given).tolist() == [0.25]
    assert distance_surprise(reference, given, reference, given).tolist() == [0.0] * 3
    points, answers, reference, given = traces
    expected = []
    for x, name in zip(points, answers, strict=True):
        like = reference[given == name]
        apart = cdist(x[None], like)[0]
        partner = like[apart.argmin()]
        expected.append(apart.min() / cdist(partner[None], reference[given != name]).min())
    assert distance_surprise(*traces) == pytest.approx(expected)


def test_mahalanobis_is_that_of_scikit_learn(traces):
    points, answers, reference, given = traces
    found = mahalanobis_surprise(*traces)
    for name in "abc":
        at, like = answers == name, EmpiricalCovariance().fit(reference[given == name])
        assert found[at] == pytest.approx(np.sqrt(like.mahalanobis(points[at])))


def test_answers_that_the_reference_lacks_have_no_score():
    reference, given = np.array([[0.0], [1.0], [5.0]]), np.array(["a", "a", "b"], dtype=object)
    points, answers = np.array([[0.5], [5.5], [9.0]]), np.array(["a", "b", "c"], dtype=object)
    for score in (likelihood_surprise, mahalanobis_surprise):
        assert np.isfinite(score(points, answers, reference, given)).tolist() == [True, False, False]
    found = distance_surprise(points, answers, reference, given)
    assert found[:2].tolist() == [0.5 / 5, 0.5 / 4] or np.isfinite(found).tolist() == [True, True, False]
    assert np.isnan(distance_surprise(points[:1], answers[:1], reference[:2], given[:2])).all()
    assert np.isnan(distance_surprise(points[:1], answers[:1], np.zeros((2, 1)), np.array(["a", "b"], object))).all()


# -- the AIT --------------------------------------------------------------------------------------------------


def test_noise_is_more_surprising_than_what_was_not_learnt(ait, net):
    rng = np.random.default_rng(0)
    plain = X[500:700]
    noisy = np.clip(plain + rng.normal(0, 0.5, plain.shape), 0, 1)
    kinds = ("lsa", "dsa", "mdsa")
    same, odd = (ait.measure(model=net, data=images(x), train=images(X[:500])) for x in (plain, noisy))
    for name in kinds:
        assert odd["median_surprise"][name].low > same["median_surprise"][name].value
        assert odd["unusual_share"][name].value >= same["unusual_share"][name].value
    score = partial_scores(net, np.concatenate([plain, noisy]))
    assert roc_auc_score(np.repeat([0, 1], 200), score) > 0.7


def partial_scores(net: Handle, x: np.ndarray) -> np.ndarray:
    def last(rows: np.ndarray) -> np.ndarray:
        for w, b in zip(net.native.coefs_[:-1], net.native.intercepts_[:-1], strict=True):
            rows = np.tanh(rows @ w + b)
        return rows

    said, given = (net.native.predict(rows).astype(object) for rows in (x, X[:500]))
    return distance_surprise(last(x), said, last(X[:500]), given)


def details(found: Any, score: str) -> dict[str, Any]:
    table = found["details"]
    return next(dict(zip(table.columns, row, strict=True)) for row in table.rows if row[0] == score)


def test_coverage_counts_buckets_between_the_bounds(ait, net):
    found = ait.measure(model=net, data=images(X[500:800]), train=images(X[:500]), buckets=1)
    assert found["surprise_coverage"] == {"lsa": 1.0, "dsa": 1.0, "mdsa": 1.0}
    few, more = (ait.measure(model=net, data=images(X[500:n]), train=images(X[:500])) for n in (520, 800))
    assert all(few["surprise_coverage"][k] <= more["surprise_coverage"][k] <= 1 for k in ("lsa", "dsa", "mdsa"))
    one = ait.measure(model=net, data=images(X[510:511]), train=images(X[:500]), buckets=50)
    assert one["surprise_coverage"]["dsa"] in (0.0, 1 / 50)
    assert isinstance(one["median_surprise"]["dsa"], Undefined)
    rows = details(more, "dsa")
    assert (rows["layer"], rows["training items compared with"], rows["training items held out"]) == (
        "2 tanh",
        400,
        100,
    )
    assert rows["lower bound"] < rows["limit of 95%"] < rows["upper bound"]
    assert rows["test items with a score"] == 300 and [r[0] for r in more["details"].rows] == ["lsa", "dsa", "mdsa"]
    assert sum(more["dsa_histogram"].counts["test items"]) == pytest.approx(1)


def test_what_is_like_the_reference_is_seldom_unusual(ait, net):
    """Of two sets that the network has not learnt from; those that it has learnt from surprise it less."""
    found = ait.measure(model=net, data=images(X[500:900]), train=images(X[900:1500]))
    learnt = ait.measure(model=net, data=images(X[500:900]), train=images(X[:500]))["unusual_share"]["dsa"]
    e = found["unusual_share"]["dsa"]
    ci = binomtest(round(e.value * 400), 400).proportion_ci(0.95)
    assert (e.low, e.high, e.n) == (pytest.approx(ci.low), pytest.approx(ci.high), 400)
    assert 0 < e.low < 0.05 < 0.1 < learnt.low  # 5 % are unusual, give or take those held out
    assert set(found["unscored_share"].values()) == {0.0}


def test_of_the_training_items_themselves_one_in_twenty_of_those_held_out_is_unusual(ait, net):
    found = ait.measure(model=net, data=images(X[900:1500]), train=images(X[900:1500]))
    assert found["unusual_share"]["dsa"].value == pytest.approx(6 / 600)  # 120 are held out, the others have DSA 0
    assert found["median_surprise"]["dsa"].value == 0.0


def test_numbers_are_one_answer(ait):
    frame = pd.DataFrame(X[:300], columns=[f"c{i}" for i in range(64)])
    net = MLPRegressor(hidden_layer_sizes=(6,), activation="tanh", solver="lbfgs", tol=1.0, random_state=0)
    net.fit(X[:200], Y[:200])
    tables = [Table(frame[:200], None, Roles()), Table(frame[200:], None, Roles())]
    found = ait.measure(model=Handle(net), data=tables[1], train=tables[0])
    assert isinstance(found["unusual_share"]["dsa"], Undefined) and "dsa_histogram" not in found
    assert found["unusual_share"]["mdsa"].n == 100 and found["unusual_share"]["lsa"].n == 100


def test_layer_seed_and_sample(ait, net):
    given = {"model": net, "data": images(X[500:600]), "train": images(X[:500])}
    first, again, other = (ait.measure(**given, seed=s) for s in (1, 1, 2))
    assert first == again and first["median_surprise"] != other["median_surprise"]
    assert details(ait.measure(**given, layer=1), "lsa")["layer"] == "1 tanh"
    assert "no hidden layer 3" in ait.measure(**given, layer=3).reason
    fewer = details(ait.measure(**given, reference=100), "mdsa")
    assert fewer["training items compared with"] == 80


def test_what_can_not_be_measured(ait, net):
    line = Handle(LogisticRegression(max_iter=500).fit(X[:200], Y[:200]))
    refused = ait.measure(model=line, data=images(X[:5]), train=images(X[:50]))
    assert isinstance(refused, Undefined) and "LogisticRegression" in refused.reason
    assert isinstance(ait.measure(model=net, data=images(X[:5]), train=images(X[:10])), Undefined)
    assert isinstance(ait.measure(model=net, data=images(X[:0]), train=images(X[:50])), Undefined)
    still = ait.measure(model=net, data=images(X[:5]), train=images(np.repeat(X[:1], 30, axis=0)))
    assert still == Undefined("No unit of the layer varies over the training items.")
