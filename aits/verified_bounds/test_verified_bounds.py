from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from qmtestbed.ait import Images, Undefined

torch = pytest.importorskip("torch", reason="a network that can be verified needs PyTorch")


class Net:
    """A torch network of images (n, 1, h, w) as an AIT gets it: images are (n, h, w, 1)."""

    def __init__(self, native: Any, classes: int) -> None:
        self.native, self.classes = native.eval(), tuple(str(k) for k in range(classes))

    def scores(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.native(torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))).numpy()

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.array(self.classes, dtype=object)[self.scores(x).argmax(axis=1)]

    def gradient(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        leaf = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))).requires_grad_(True)
        truth = torch.tensor([self.classes.index(name) for name in y])
        loss = torch.nn.functional.cross_entropy(self.native(leaf), truth, reduction="sum")
        return torch.autograd.grad(loss, leaf)[0].numpy().transpose(0, 2, 3, 1)


def net(*widths: int, seed: int = 0, relu: bool = True) -> Net:
    torch.manual_seed(seed)
    parts: list[Any] = [torch.nn.Flatten()]
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        parts += [torch.nn.ReLU()] if i and relu else []
        parts.append(torch.nn.Linear(a, b))
    return Net(torch.nn.Sequential(*parts), widths[-1])


def images(model: Net, n: int, seed: int = 0) -> Images:
    x = np.random.default_rng(seed).random((n, 4, 4, 1)).astype(np.float32)
    return Images(x, model.predict(x), None, (0.0, 1.0))


@pytest.fixture
def kernels(ait: Any) -> Any:
    model = net(16, 4, 2)
    ait.measure(model=model, data=images(model, 2))
    return sys.modules["qmtestbed_ait_verified_bounds"]


def exact(layers: Any, x: np.ndarray, true: int, other: int, reach: float) -> float:
    """Least difference of two scores of a net with one hidden layer: a mixed-integer programme, solved by HiGHS."""
    (w, b), _, (v, c) = layers
    h, d = w.shape
    low, high = np.clip(x - reach, 0, 1), np.clip(x + reach, 0, 1)
    middle, half = (low + high) / 2, (high - low) / 2
    least, most = w @ middle + b - np.abs(w) @ half, w @ middle + b + np.abs(w) @ half
    # variables: x (d), activation a (h), switch s (h); a = max(w x + b, 0)
    eye, nil = np.eye(h), np.zeros((h, h))
    up, down = np.maximum(most, 0), np.minimum(least, 0)
    rows = np.block([[-w, eye, nil], [-w, eye, -np.diag(down)], [np.zeros((h, d)), eye, -np.diag(up)]])
    lower = np.concatenate([b, np.full(2 * h, -np.inf)])
    upper = np.concatenate([np.full(h, np.inf), b - down, np.zeros(h)])
    goal = np.concatenate([np.zeros(d), v[true] - v[other], np.zeros(h)])
    bounds = Bounds(np.concatenate([low, np.zeros(2 * h)]), np.concatenate([high, up, np.ones(h)]))
    whole = np.concatenate([np.zeros(d + h), np.ones(h)])
    found = milp(goal, constraints=LinearConstraint(rows, lower, upper), bounds=bounds, integrality=whole)
    assert found.success
    return float(found.fun + c[true] - c[other])


def test_interval_bounds_are_below_the_exact_ones_and_these_below_every_attack(ait, kernels):
    model = net(16, 8, 3, seed=1)
    data = images(model, 12, seed=1)
    layers = kernels._layers(model.native)
    flat = data.pixels.reshape(12, -1).astype(float)
    classes = np.array([int(y) for y in data.labels])
    reach = 0.05
    ours = kernels._margins(layers, flat, classes, reach, (0.0, 1.0))
    rng, verified, solved = np.random.default_rng(0), 0, 0
    for i in range(12):
        best = min(exact(layers, flat[i], classes[i], k, reach) for k in range(3) if k != classes[i])
        near = np.clip(flat[i] + rng.uniform(-reach, reach, (3000, 16)), 0, 1)
        scores = kernels._scores(layers, near)
        tried = (scores[:, [classes[i]]] - np.delete(scores, classes[i], axis=1)).min()
        assert ours[i] <= best + 1e-7
        assert best <= tried + 1e-7
        verified, solved = verified + (ours[i] > 0), solved + (best > 0)
    found = ait.measure(model=model, data=data, epsilon=reach)
    assert found["verified_accuracy"].value == verified / 12
    assert verified <= solved <= round(found["attacked_accuracy"].value * 12)


def test_a_net_without_relu_is_verified_exactly(kernels):
    model = net(16, 3)
    data = images(model, 50)
    ((w, b),) = kernels._layers(model.native)
    flat, classes = data.pixels.reshape(50, -1).astype(float), np.array([int(y) for y in data.labels])
    ours = kernels._margins([(w, b)], flat, classes, 0.02, (-9.0, 9.0))
    scores = flat @ w.T + b
    truth = [
        min(scores[i, t] - scores[i, k] - 0.02 * np.abs(w[t] - w[k]).sum() for k in range(3) if k != t)
        for i, t in enumerate(classes)
    ]
    np.testing.assert_allclose(ours, np.array(truth) - 1e-4 * np.abs(scores).max(), atol=1e-12)


def test_no_budget_proves_what_is_right_and_more_budget_proves_less(ait):
    model = net(16, 8, 3, seed=2)
    data = images(model, 60)
    shares = [ait.measure(model=model, data=data, epsilon=e)["verified_accuracy"].value for e in (0.0, 0.01, 0.05, 0.3)]
    assert shares[0] >= 0.9 and shares == sorted(shares, reverse=True) and shares[-1] < shares[0]


def test_lower_and_upper_bound_are_in_order_and_images_that_are_wrong_count_for_nothing(ait):
    model = net(16, 8, 3, seed=9)
    data = images(model, 60)
    labels = data.labels.copy()
    labels[:20] = "2"
    labels[20:25] = "unknown"
    found = ait.measure(model=model, data=Images(data.pixels, labels, None, (0.0, 1.0)), epsilon=0.03)
    low, up, clean = (found[n].value for n in ("verified_accuracy", "attacked_accuracy", "clean_accuracy"))
    assert low <= up <= clean < 1 and found["undecided_share"].value == pytest.approx(up - low)
    assert found == ait.measure(model=model, data=Images(data.pixels, labels, None, (0.0, 1.0)), epsilon=0.03)
    assert found["verified_share"].value == pytest.approx(low / clean)


def test_what_can_not_be_verified_says_so(ait):
    model = net(16, 8, 3)
    data = images(model, 10)
    none = Images(data.pixels, None, None, (0.0, 1.0))
    assert isinstance(ait.measure(model=model, data=none), Undefined)
    sharp = Net(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3), torch.nn.Tanh()), 3)
    assert "Tanh" in ait.measure(model=sharp, data=images(sharp, 10)).reason

    class Other(Net):
        def predict(self, x: np.ndarray) -> np.ndarray:
            return np.array(["1", "2", "0"], dtype=object)[self.scores(x).argmax(axis=1)]

    assert "own answers" in ait.measure(model=Other(model.native, 3), data=data).reason


def exported(module: Any, n: int = 2) -> Any:
    shape = ({0: torch.export.Dim.AUTO},)
    return torch.export.export(module.eval(), (torch.zeros(n, 1, 4, 4),), dynamic_shapes=shape).module()


def test_a_network_as_mlflow_logs_it_has_the_same_layers(ait, kernels):
    """By default a network is logged as an exported graph."""
    model = net(16, 8, 5, 3, seed=2)
    data = images(model, 40)
    kept = Net(torch.nn.Sequential(*model.native[:2], torch.nn.Dropout(0.5), *model.native[2:]), 3)
    graph = Net.__new__(Net)
    graph.native, graph.classes = exported(kept.native), model.classes
    for ours, theirs in zip(kernels._layers(graph.native), kernels._layers(model.native), strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    both = [ait.measure(model=m, data=data, epsilon=0.02) for m in (model, graph)]
    assert both[0]["verified_accuracy"].value > 0
    for name in ("clean_accuracy", "verified_accuracy", "attacked_accuracy", "undecided_share"):
        assert both[0][name] == both[1][name]


class Branched(torch.nn.Module):
    """Two ways from the input to the output, in several forms."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.a, self.b = form, torch.nn.Linear(16, 16), torch.nn.Linear(16, 3)

    def forward(self, x: Any) -> Any:
        x = x.flatten(1)
        if self.form == "residual":
            return self.b(x + self.a(x).relu())
        if self.form == "tanh":
            return self.b(self.a(x).tanh())
        if self.form == "skipped":
            self.a(x).relu()
            return self.b(x)
        return self.b(x) * 2


@pytest.mark.parametrize("form", ["residual", "tanh", "skipped", "scaled"])
def test_an_exported_network_of_another_kind_is_not_read(ait, form):
    torch.manual_seed(0)
    model = Net.__new__(Net)
    model.native, model.classes = exported(Branched(form)), ("0", "1", "2")
    assert isinstance(ait.measure(model=model, data=images(model, 8)), Undefined)


def test_a_network_that_says_the_same_to_all_is_not_called_proven(ait):
    model = net(16, 8, 3, seed=2)
    data = images(model, 60)
    assert len(set(data.labels)) == 1
    found = ait.measure(model=model, data=data)
    assert found["verified_accuracy"].value > 0.9 and "says the same" in found["verified_share"].reason
