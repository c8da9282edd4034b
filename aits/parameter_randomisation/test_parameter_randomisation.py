from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qmtestbed.ait import Images, Undefined


class Handle:
    """An estimator as an AIT gets it."""

    def __init__(self, fitted: Any) -> None:
        self.native, self.classes = fitted, tuple(map(str, fitted.classes_))

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        return self.native.predict_proba(x.reshape(len(x), -1))


class EdgeDetector:
    """Its answers come from the image alone; it has coefficients that it does not use."""

    classes = ("no", "yes")

    class Native:
        def __init__(self) -> None:
            self.coef_ = np.arange(64.0)

    def __init__(self) -> None:
        self.native = self.Native()

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        edges = np.abs(np.diff(x[..., 0], axis=1)).mean(axis=(1, 2))
        return np.stack([1 - edges, edges], axis=1)


def digits(n: int = 40) -> Images:
    x = (load_digits().images[300 : 300 + n, ..., None] / 16).astype(np.float32)
    return Images(x, None, None, (0.0, 1.0))


def fitted(model: Any) -> Any:
    return model.fit(load_digits().images[:300].reshape(300, -1) / 16, load_digits().target[:300])


@pytest.fixture
def line() -> Any:
    return fitted(LogisticRegression(C=0.3, max_iter=300))


# -- known answers --------------------------------------------------------------------------------------------


def test_what_ignores_the_model_stays_the_same(ait):
    found = ait.measure(model=EdgeDetector(), data=digits())
    e = found["similarity"]
    assert (e.value, e.low, e.high, e.n) == (1.0, 1.0, 1.0, 40)
    assert found["similarity_again"].value < 1.0


def test_parameters_that_are_all_alike_can_not_be_shuffled_apart(ait, line):
    line.coef_[:] = np.array([1.0, -0.5, 0.25, 0.1, 0.05, 0, -0.1, -0.2, -0.3, -0.4])[:, None]
    before = ait.measure(model=Handle(line), data=digits(), shuffles=1, orders=1)["similarity"]
    line.coef_[:] = 0.5
    line.intercept_[:] = 0.0
    line.classes_, line.coef_, line.intercept_ = line.classes_[:2], line.coef_[:1], line.intercept_[:1] - 8.0
    found = ait.measure(model=Handle(line), data=digits(), orders=60)
    assert found["similarity"].value > 0.95 > before.value


def test_what_was_learnt_matters(ait, line):
    found = ait.measure(model=Handle(line), data=digits(), orders=10)
    assert found["similarity"].high < 0.75 < 0.9 < found["similarity_again"].low
    assert found["similarity_by_layer"] == {"all": found["similarity"]}
    assert {f.measure for f in found["findings"]} == {"similarity", "similarity_by_layer"}
    assert [f.value for f in found["findings"]] == [found["similarity"].value] * 2


def test_similarity_is_spearmans_of_the_sizes(ait):
    function = ait._function.__globals__["_similarity"]
    a, b = np.random.default_rng(0).normal(size=(2, 5, 20))
    expected = [spearmanr(np.abs(x), np.abs(y)).statistic for x, y in zip(a, b, strict=True)]
    assert function(a, b) == pytest.approx(expected)
    assert function(a, -a).tolist() == [1.0] * 5
    assert function(a, np.ones_like(a)).tolist() == [0.0] * 5
    assert abs(function(*np.random.default_rng(1).normal(size=(2, 400, 20))).mean()) < 0.03


# -- parameters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [False, True])
def test_a_perceptron_has_layers_and_gets_them_back(ait, inside):
    made = MLPClassifier((12,), max_iter=60, random_state=0, tol=1.0)
    model = fitted(make_pipeline(StandardScaler(), made) if inside else made)
    before = [a.copy() for a in (*made.coefs_, *made.intercepts_)]
    found = ait.measure(model=Handle(model), data=digits(20))
    assert list(found["similarity_by_layer"]) == ["layer 2 and after", "all"]
    assert found["similarity_bars"].labels == ["layer 2 and after", "all"]
    assert all((a == b).all() for a, b in zip(before, (*made.coefs_, *made.intercepts_), strict=True))


def test_a_fault_of_the_model_leaves_the_parameters_as_they_were(ait, line):
    handle, asked = Handle(line), [0]
    answer, before = handle.probabilities, line.coef_.copy()

    def fail(x: np.ndarray) -> np.ndarray:
        asked[0] += 1
        if not (line.coef_ == before).all():
            raise RuntimeError("no answer")
        return answer(x)

    handle.probabilities = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="no answer"):
        ait.measure(model=handle, data=digits(5))
    assert asked[0] and (line.coef_ == before).all()


def test_a_network_of_torch(ait):
    torch = pytest.importorskip("torch", reason="the network needs PyTorch")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10))
    x, y = torch.from_numpy(load_digits().images[:300] / 16).float(), torch.from_numpy(load_digits().target[:300])
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()

    class Network:
        native, classes = net, tuple("0123456789")

        def probabilities(self, x: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return net(torch.from_numpy(x)).softmax(dim=1).numpy().astype(np.float64)

    before = [p.detach().clone() for p in net.parameters()]
    found = ait.measure(model=Network(), data=digits())
    assert list(found["similarity_by_layer"]) == ["3 and after", "all"]
    assert found["similarity"].high < 0.7
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    halved = net.to(torch.bfloat16)
    assert isinstance(ait.measure(model=Network(), data=digits()), Undefined)
    assert halved is net


def test_a_model_without_known_parameters(ait):
    forest = fitted(RandomForestClassifier(3, random_state=0))
    found = ait.measure(model=Handle(forest), data=digits(5))
    assert found == Undefined("The model has no parameters that can be shuffled.")


# -- the rest -------------------------------------------------------------------------------------------------


def test_the_seed_decides(ait, line):
    runs = [ait.measure(model=Handle(line), data=digits(20), shuffles=1, seed=s) for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0]["similarity"] != runs[2]["similarity"]


def test_examples_show_both_maps(ait, line):
    examples = ait.measure(model=Handle(line), data=digits(20), shuffles=1)["examples"]
    assert examples.states == ["image", "as it is", "shuffled"] and len(examples.rows) == 12


def test_nothing_to_explain(ait, line):
    assert isinstance(ait.measure(model=Handle(line), data=digits(0)), Undefined)
    one = ait.measure(model=Handle(line), data=digits(1))  # it is its own mean image
    assert one == Undefined("No explanation tells one patch from another.")
    line.coef_[:] = 0.0
    assert ait.measure(model=Handle(line), data=digits(5)) == Undefined("No explanation tells one patch from another.")


def test_images_without_an_explanation_do_not_make_shuffling_look_better(ait, line):
    data = digits(20)
    flat = np.broadcast_to(data.pixels.mean(axis=0, dtype=np.float64).astype(np.float32), (20, 8, 8, 1))
    both = Images(np.concatenate([data.pixels, flat]), None, None, (0.0, 1.0))
    alone, mixed = (ait.measure(model=Handle(line), data=d)["similarity"] for d in (data, both))
    assert mixed.n == alone.n == 20
    assert mixed.value == pytest.approx(alone.value, abs=0.1)
