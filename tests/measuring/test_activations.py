from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qmtestbed.ait import Images, Roles, Table, Undefined
from qmtestbed.measuring.activations import Traces, traces_of

X, Y = load_digits(return_X_y=True)
X = X[:120] / 16
Y = Y[:120]


class Handle:
    """A model as an AIT gets it; ``shape`` is that of an item for a network, where it is not an image's."""

    def __init__(self, native: Any, shape: tuple[int, ...] | None = None) -> None:
        self.native, self.shape, self.classes = native, shape, ("a", "b")

    def predict(self, x: Any) -> Any:
        if hasattr(self.native, "predict"):
            names = getattr(self.native, "feature_names_in_", [f"c{i}" for i in range(64)])
            return self.native.predict(x.reshape(len(x), -1) if isinstance(x, np.ndarray) else _columns(x, names))
        torch = pytest.importorskip("torch")
        found = []
        for start in range(0, len(x), 50):  # batch by batch, as the handle does
            part = torch.from_numpy(np.asarray(x[start : start + 50], dtype=np.float32))
            part = part.permute(0, 3, 1, 2) if self.shape is None else part.reshape(len(part), *self.shape)
            with torch.no_grad():
                found.append(self.native(part).numpy())
        return np.concatenate(found).argmax(axis=-1).reshape(len(x), -1)[:, 0]


def _columns(frame: pd.DataFrame, names: Any) -> Any:
    """Give the columns that the estimator has learnt, as the handle does."""
    return frame[list(names)] if "c63" not in frame else frame[list(names)].to_numpy()


def images() -> Images:
    return Images(X.reshape(-1, 8, 8, 1).astype(np.float32), None, None, (0.0, 1.0))


def found(model: Any, data: Any = None) -> Traces:
    given = traces_of(model, images() if data is None else data)
    assert isinstance(given, Traces), given
    return given


def perceptron(activation: str = "relu", **options: Any) -> MLPClassifier:
    made = MLPClassifier((7, 5), activation=activation, max_iter=400, tol=1.0, n_iter_no_change=2, **options)
    return made.set_params(random_state=0)


@pytest.fixture(scope="module")
def torch() -> Any:
    module = pytest.importorskip("torch", reason="networks of PyTorch need it")
    module.set_num_threads(1)
    module.manual_seed(0)
    return module


# -- scikit-learn ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_what_comes_out_of_the_last_hidden_layer_gives_the_answers(activation):
    net = perceptron(activation).fit(X, Y)
    traces = found(Handle(net))
    assert [(la.name, la.values.shape) for la in traces.layers] == [
        (f"1 {activation}", (120, 7)),
        (f"2 {activation}", (120, 5)),
    ]
    scores = traces.layers[1].values @ net.coefs_[2] + net.intercepts_[2]
    assert (net.classes_[scores.argmax(axis=1)] == traces.answers).all()
    assert (traces.answers == net.predict(X)).all()


def test_a_pipeline_a_search_and_columns_by_name():
    frame = pd.DataFrame(X[:, 10:20], columns=[f"c{i}" for i in range(10)])
    table = Table(frame[frame.columns[::-1]].assign(other="x"), None, Roles(ignore=("other",)))
    pipeline = make_pipeline(StandardScaler(), perceptron("tanh")).fit(frame, Y)
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.0001]}, cv=2).fit(frame, Y)
    net = pipeline[-1]
    expected = np.tanh(pipeline[0].transform(frame) @ net.coefs_[0] + net.intercepts_[0])
    for model in (pipeline, search):
        assert found(Handle(model), table).layers[0].values == pytest.approx(expected)


def test_columns_without_names_are_those_without_a_role():
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(64)])
    net = perceptron().fit(X, Y)
    table = Table(frame.assign(unit=range(120)), None, Roles(id="unit"))
    assert found(Handle(net), table).layers[0].values == pytest.approx(found(Handle(net)).layers[0].values, abs=1e-5)


def test_a_regression():
    net = MLPRegressor(hidden_layer_sizes=(6,), max_iter=300, random_state=0, tol=1.0, n_iter_no_change=2).fit(X, Y)
    traces = found(Handle(net))
    assert traces.layers[0].values @ net.coefs_[1] + net.intercepts_[1] == pytest.approx(net.predict(X)[:, None])


def test_models_without_known_units_are_refused_by_name():
    line = LogisticRegression(max_iter=300).fit(X, Y)
    assert "LogisticRegression has no units" in str(traces_of(Handle(line), images()))
    plain = MLPClassifier((), max_iter=5, tol=1.0, n_iter_no_change=2).fit(X, Y)
    assert traces_of(Handle(plain), images()) == Undefined("The network has no hidden layer.")
    none = Images(images().pixels[:0], None, None, (0.0, 1.0))
    assert isinstance(traces_of(Handle(line), none), Undefined)


# -- PyTorch --------------------------------------------------------------------------------------------------


def as_module(torch: Any, net: MLPClassifier) -> Any:
    """Build the network that has the weights of a perceptron."""
    parts: list[Any] = [torch.nn.Flatten()]
    for i, (w, b) in enumerate(zip(net.coefs_, net.intercepts_, strict=True)):
        parts += [torch.nn.ReLU(inplace=i == 1)] if i else []
        linear = torch.nn.Linear(*w.shape)
        linear.weight.data, linear.bias.data = (torch.from_numpy(a.astype(np.float32).copy()) for a in (w.T, b))
        parts.append(linear)
    return torch.nn.Sequential(*parts).eval()


@pytest.mark.parametrize("exported", [False, True])
def test_a_network_with_the_weights_of_a_perceptron_has_its_activations(torch, exported):
    net = perceptron().fit(X, Y)
    module = as_module(torch, net)
    if exported:  # as MLflow logs it
        shapes = ({0: torch.export.Dim.AUTO},)
        module = torch.export.export(module, (torch.zeros(4, 1, 8, 8),), dynamic_shapes=shapes).module()
    ours, theirs = found(Handle(module)), found(Handle(net))
    assert [la.name for la in ours.layers] == ["1 relu", "2 relu"]
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        assert a.values == pytest.approx(b.values, abs=1e-4)
    assert (net.classes_[ours.answers] == theirs.answers).all()


def test_a_channel_is_its_mean_over_the_places_and_functions_are_seen(torch):
    class Net(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = torch.nn.Conv2d(1, 3, 3), torch.nn.Linear(3 * 36, 4)
            self.c = torch.nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            x = torch.nn.functional.gelu(self.a(x))
            return torch.sigmoid(self.c(torch.tanh(self.b(x.flatten(1)))))

    net = Net().eval()
    traces = found(Handle(net))
    assert [(la.name, la.values.shape[1]) for la in traces.layers] == [("1 gelu", 3), ("2 tanh", 4)]  # not the output
    x = torch.from_numpy(images().pixels).permute(0, 3, 1, 2)
    with torch.no_grad():
        first = torch.nn.functional.gelu(net.a(x))
        second = torch.tanh(net.b(first.flatten(1)))
    assert traces.layers[0].values == pytest.approx(first.mean(dim=(2, 3)).numpy(), abs=1e-6)
    assert traces.layers[1].values == pytest.approx(second.numpy(), abs=1e-6)
    assert not net._forward_pre_hooks


def test_features_of_a_sequence_are_their_means_over_it(torch):
    parts = torch.nn.Linear(8, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2), torch.nn.Flatten()
    net = torch.nn.Sequential(*parts).eval()
    (layer,) = found(Handle(net, shape=(8, 8))).layers
    with torch.no_grad():
        expected = parts[0](torch.from_numpy(X.astype(np.float32)).reshape(-1, 8, 8)).relu().mean(dim=1).numpy()
    assert layer.values == pytest.approx(expected, abs=1e-6)


def test_networks_that_hide_nothing_or_mix_the_items(torch):
    line = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)).eval()
    assert "no hidden layer" in str(traces_of(Handle(line), images()))

    class Mixed(torch.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, x: Any) -> Any:
            folded = torch.relu(x.reshape(len(x) // 2, -1)) @ torch.ones(128, 2)
            return folded.repeat_interleave(2, 0)

    assert "one line for each item" in str(traces_of(Handle(Mixed()), images()))
