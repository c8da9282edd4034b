from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from qmtestbed.ait import Estimate, Images, Roles, Table, Undefined


class Sure:
    """A classifier whose largest probability falls with the column ``x``."""

    classes = ("no", "yes")

    def probabilities(self, x: Any) -> np.ndarray:
        value = x["x"].to_numpy() if isinstance(x, pd.DataFrame) else x.mean(axis=(1, 2, 3))
        p = 0.5 + 0.5 * norm.cdf(-value)
        return np.stack([p, 1 - p], axis=1)


def table(x: Any, labels: Any = None, **roles: Any) -> Table:
    frame = pd.DataFrame(np.atleast_2d(x).T if np.ndim(x) == 1 else x)
    frame.columns = ["x", "y", "z"][: frame.shape[1]]
    return Table(frame, None if labels is None else pd.Series(labels), Roles(**roles))


def normal(n: int, mean: float = 0.0, seed: int = 0, columns: int = 1) -> np.ndarray:
    return np.random.default_rng([seed, n]).normal(mean, 1, (n, columns))


# -- known answers --------------------------------------------------------------------------------------------


def test_two_normals_have_the_area_of_theory_and_of_scikit_learn(ait):
    inside, outside = normal(4000), normal(3000, 1.0, seed=1)
    found = ait.measure(data=table(inside), outside=table(outside), model=Sure())
    e = found["auroc"]["confidence"]
    assert e.value == pytest.approx(roc_auc_score(np.arange(7000) >= 4000, np.concatenate([inside, outside])[:, 0]))
    assert e.low < 0.760250 < e.high and found["auroc"].keys() == {"confidence"}
    # the threshold is near the 95 % point of the items inside, beyond which Phi(1.645 - 1) of those outside are kept
    kept, missed = found["acceptance"]["confidence"], found["false_acceptance"]["confidence"]
    assert kept.value == pytest.approx(0.95, abs=0.02) and kept.n == 2000
    assert missed.value == pytest.approx(norm.cdf(norm.ppf(0.95) - 1), abs=0.04)
    ci = binomtest(round(missed.value * 3000), 3000).proportion_ci(0.95)
    assert (missed.low, missed.high, missed.n) == (pytest.approx(ci.low), pytest.approx(ci.high), 3000)


def test_distances_are_those_of_scikit_learn_and_of_the_closed_form(ait):
    mixed = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.2], [0.0, 0.0, 0.4]])
    train, inside = normal(300, seed=2, columns=3) @ mixed, normal(80, seed=3, columns=3) @ mixed
    outside = normal(60, 1.0, seed=4, columns=3)
    found = ait.measure(data=table(inside), outside=table(outside), train=table(train), neighbours=7)
    scale = train.std(axis=0)
    near = NearestNeighbors(n_neighbors=7).fit(train / scale)
    points, yes = np.concatenate([inside, outside]), np.arange(140) >= 80
    knn = near.kneighbors(points / scale)[0][:, -1]
    assert found["auroc"]["knn"].value == pytest.approx(roc_auc_score(yes, knn))
    apart, inverse = points - train.mean(axis=0), np.linalg.inv(np.cov(train.T))
    mahalanobis = np.einsum("ij,jk,ik->i", apart, inverse, apart)
    assert found["auroc"]["mahalanobis"].value == pytest.approx(roc_auc_score(yes, mahalanobis))
    edges = found["knn_scores"].edges
    assert (edges[0], edges[-1]) == (pytest.approx(knn.min()), pytest.approx(knn.max()))


def test_classes_have_means_of_their_own_and_one_covariance(ait):
    names = np.repeat(["a", "b"], 200)
    train = normal(400, seed=5, columns=2) + np.where(names == "a", -6.0, 6.0)[:, None]
    inside = normal(100, seed=6, columns=2) + np.repeat([-6.0, 6.0], 50)[:, None]
    between = normal(80, seed=7, columns=2)
    given = {"data": table(inside), "outside": table(between)}
    with_classes = ait.measure(**given, train=table(train, names))["auroc"]["mahalanobis"].value
    without = ait.measure(**given, train=table(train))["auroc"]["mahalanobis"].value
    assert with_classes > 0.99 and without < 0.2
    numbers = ait.measure(**given, train=table(train, np.arange(400.0)))["auroc"]["mahalanobis"].value
    assert numbers == without


def test_images_of_other_digits_are_told_without_a_model(ait):
    pixels, labels = (load_digits().images / 16).astype(np.float32)[..., None], load_digits().target
    few = [pixels[labels < 8][:300], pixels[labels < 8][300:400], pixels[labels >= 8][:100]]
    inside, outside = (Images(p, None, None, (0.0, 1.0)) for p in few[1:])
    train = Images(few[0], labels[labels < 8][:300].astype(str), None, (0.0, 1.0))
    found = ait.measure(data=inside, outside=outside, train=train, model=Sure())
    assert all(found["auroc"][s].low > 0.6 for s in ("knn", "mahalanobis"))
    larger = [Images(p.repeat(3, axis=1).repeat(3, axis=2), None, None, (0.0, 1.0)) for p in few]
    learnt = Images(larger[0].pixels, train.labels, None, (0.0, 1.0))
    again = ait.measure(data=larger[1], outside=larger[2], train=learnt)["auroc"]
    assert again["mahalanobis"].value == pytest.approx(found["auroc"]["mahalanobis"].value, abs=1e-3)
    assert again["knn"].value == pytest.approx(found["auroc"]["knn"].value, abs=1e-3)
    refused = ait.measure(data=inside, outside=larger[2], train=train)
    assert isinstance(refused, Undefined) and "can't be compared" in refused.reason


def test_a_network_of_pytorch(ait):
    torch = pytest.importorskip("torch", reason="a network of PyTorch needs it")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

    class Network:
        classes = tuple("0123456789")

        def probabilities(self, x: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return net(torch.from_numpy(x)).softmax(dim=1).numpy().astype(np.float64)

    pixels = (load_digits().images / 16).astype(np.float32)[..., None]
    inside, noise = Images(pixels[:100], None, None, (0, 1)), Images(1 - pixels[100:180], None, None, (0, 1))
    found = ait.measure(data=inside, outside=noise, model=Network())
    with torch.no_grad():
        p = net(torch.from_numpy(np.concatenate([pixels[:100], 1 - pixels[100:180]]))).softmax(dim=1).numpy()
    expected = roc_auc_score(np.arange(180) >= 100, 1 - p.max(axis=1))
    assert found["auroc"]["confidence"].value == pytest.approx(expected, abs=1e-9)


# -- properties -----------------------------------------------------------------------------------------------


def test_items_that_are_alike_are_not_told(ait):
    held = 0
    for seed in range(60):
        inside, outside = table(normal(60, seed=seed, columns=2)), table(normal(50, seed=seed + 100, columns=2))
        found = ait.measure(data=inside, outside=outside, model=Sure(), train=table(normal(90, seed=seed, columns=2)))
        held += all(e.low <= 0.5 <= e.high for e in found["auroc"].values())
    assert held >= 53


def test_separated_kinds_and_findings(ait):
    found = ait.measure(data=table(normal(60)), outside=table(normal(60) + 50), model=Sure(), train=table(normal(90)))
    assert {e.value for e in found["auroc"].values()} == {1.0}
    assert all(0.9 < e.low < 1.0 for e in found["auroc"].values())  # of 60 pairs, three scores
    assert {e.value for e in found["false_acceptance"].values()} == {0.0}
    assert found["findings"] == []
    alike = ait.measure(data=table(normal(60)), outside=table(normal(60)), train=table(normal(90)))
    assert [(f.kind, f.measure, f.subject.slice) for f in alike["findings"]] == [
        ("no_gain", "auroc", name) for name in ("knn", "mahalanobis")
    ]
    assert found["roc"].series["knn"][-1] == (1.0, 1.0)
    assert [sum(c) for c in found["knn_scores"].counts.values()] == pytest.approx([1.0, 1.0])
    wide = found["auroc"]["knn"].low
    assert wide == pytest.approx((0.05 / 3 / 2) ** (1 / 60))


def test_groups_are_the_items(ait):
    inside, outside = normal(40), normal(40, 1.0, seed=1)
    given = [
        Table(
            pd.DataFrame({"x": x.repeat(5), "g": [f"{k}{i}" for i in range(40) for _ in range(5)]}),
            None,
            Roles(group="g"),
        )
        for k, x in (("a", inside[:, 0]), ("b", outside[:, 0]))
    ]
    found = ait.measure(data=given[0], outside=given[1], model=Sure())
    e, kept = found["auroc"]["confidence"], found["acceptance"]["confidence"]
    assert e.n == 80 and kept.n == 20 and found["false_acceptance"]["confidence"].n == 40
    single = ait.measure(data=table(inside), outside=table(outside), model=Sure())["auroc"]["confidence"]
    assert math.isclose(e.high - e.low, single.high - single.low, rel_tol=0.1)
    mixed = ait.measure(data=given[0], outside=table(outside), model=Sure())["auroc"]["confidence"]
    assert mixed.n == 80
    alone = Table(given[0].frame.assign(g="a"), None, Roles(group="g"))
    assert "one group" in ait.measure(data=alone, outside=given[1], model=Sure()).reason


def test_the_seed_decides_on_the_half_alone(ait):
    given = {"data": table(normal(300)), "outside": table(normal(60, 1.0)), "model": Sure()}
    a, b, c = (ait.measure(**given, seed=s) for s in (1, 1, 2))
    assert a == b and a["auroc"] == c["auroc"] and a["thresholds"] != c["thresholds"]


def test_what_is_accepted_is_counted_where_the_threshold_was_not_set(ait):
    given = {"data": table(normal(60)), "outside": table(normal(60, 1.0)), "model": Sure()}
    kept = [ait.measure(**given, seed=s, accepted=0.9)["acceptance"]["confidence"] for s in range(40)]
    assert {e.n for e in kept} == {30}
    assert min(e.value for e in kept) < 0.9 < max(e.value for e in kept)  # on the other half it is never less


def test_a_stricter_threshold_accepts_less(ait):
    given = {"data": table(normal(200)), "outside": table(normal(200, 1.0)), "model": Sure()}
    loose, strict = (ait.measure(**given, accepted=share)["false_acceptance"]["confidence"] for share in (0.99, 0.6))
    assert strict.value < loose.value


def test_what_can_not_be_measured(ait):
    few, many = table(normal(5)), table(normal(40))
    assert isinstance(ait.measure(data=few, outside=many, model=Sure()), Undefined)
    assert isinstance(ait.measure(data=many, outside=few, model=Sure()), Undefined)
    assert "neither a model" in ait.measure(data=many, outside=many).reason
    lacking = ait.measure(data=many, outside=many, train=table(normal(40, columns=2)))
    assert "no column 'y'" in lacking.reason
    constant = ait.measure(data=many, outside=many, train=table(np.ones(40)))
    assert "neither a model" in constant.reason
    both = ait.measure(data=many, outside=many, train=table(np.ones(40)), model=Sure())
    assert isinstance(both["auroc"]["confidence"], Estimate) and both["auroc"].keys() == {"confidence"}
