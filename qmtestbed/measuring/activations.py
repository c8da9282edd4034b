"""What the hidden units of a network answer to items, and the model's own answers beside it.

A hidden layer is what an activation function (ReLU, tanh, …) gives out and a later weighted layer takes in; the last
layer, whose outputs are the model's answers, is none. A channel of a convolution counts as one unit by its mean over
the places, as in DeepXplore, and so does a feature of a sequence by its mean over the sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from qmtestbed.ait import Images, Model, Table, Undefined
from qmtestbed.measuring.answers import values_of
from qmtestbed.measuring.refitting import features

__all__ = ["Layer", "Traces", "traces_of"]

ACTIVATIONS = frozenset(
    """relu leaky_relu _prelu_kernel elu celu gelu silu mish sigmoid tanh softplus hardtanh hardswish hardsigmoid
    threshold rrelu_with_noise log_sigmoid_forward softshrink hardshrink""".split()
)
"""Operations of PyTorch (aten) after which a layer's values stand; others are made of these."""
CONVOLUTIONS = frozenset({"convolution", "_convolution", "mkldnn_convolution"})
WEIGHTED = CONVOLUTIONS | {"linear", "mkldnn_linear", "addmm", "mm", "addmv", "mv", "bmm", "baddbmm"}


@dataclass(frozen=True)
class Layer:
    """Activations of a hidden layer: (n, units), under a name such as ``2 relu``, counted from the input."""

    name: str
    values: NDArray[np.floating]


@dataclass(frozen=True)
class Traces:
    """Hidden layers from the input on, and what the model answers: (n,) class names or numbers."""

    layers: tuple[Layer, ...]
    answers: NDArray[Any]


def traces_of(model: Model, data: Table | Images) -> Traces | Undefined:
    """Let a model answer items, and keep the activations of its hidden layers.

    Parameters
    ----------
    model
        A PyTorch network, as a module or exported (its operations are watched while it answers), or a multilayer
        perceptron of scikit-learn, also as the last step of a pipeline or found by a search.
    data
        n rows or images.

    Returns
    -------
    Traces or Undefined
        Undefined without items, for other models, and for networks without a hidden layer.
    """
    items = values_of(data)
    if not len(items):
        return Undefined("There is no item for the network to answer.")
    if callable(getattr(model.native, "named_parameters", None)):
        return _of_torch(model, items)
    return _of_perceptron(model, data, items)


# -- scikit-learn ---------------------------------------------------------------------------------------------


def _of_perceptron(model: Model, data: Table | Images, items: Any) -> Traces | Undefined:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    native = getattr(model.native, "best_estimator_", model.native)
    piped = hasattr(native, "steps")
    last = native[-1] if piped else native
    if not isinstance(last, (MLPClassifier, MLPRegressor)):
        return Undefined(
            f"A model of type {type(last).__name__} has no units that are known; PyTorch networks and scikit-learn's "
            "MLPClassifier and MLPRegressor have."
        )
    if len(last.coefs_) < 2:
        return Undefined("The network has no hidden layer.")
    x = features(native, data, np.arange(len(items))) if isinstance(data, Table) else items.reshape(len(items), -1)
    if isinstance(x, Undefined):
        return x
    x = np.asarray(native[:-1].transform(x) if piped and len(native.steps) > 1 else x, dtype=np.float64)
    layers = []
    for i, (weights, bias) in enumerate(zip(last.coefs_[:-1], last.intercepts_[:-1], strict=True)):
        x = _active(x @ weights + bias, last.activation)
        layers.append(Layer(f"{i + 1} {last.activation}", x))
    return Traces(tuple(layers), np.asarray(model.predict(items)))


def _active(x: NDArray[np.float64], function: str) -> NDArray[np.float64]:
    match function:
        case "relu":
            return np.maximum(x, 0)
        case "tanh":
            return np.asarray(np.tanh(x))
        case "logistic":
            return np.asarray(expit(x))
        case _:
            return x  # identity: scikit-learn knows no other


# -- PyTorch --------------------------------------------------------------------------------------------------


@dataclass
class _Pass:
    """One call of the network: layers that a weighted one has taken in, and those that none has yet."""

    hidden: list[tuple[str, NDArray[np.float32]]] = field(default_factory=list)
    pending: list[tuple[str, NDArray[np.float32]]] = field(default_factory=list)
    channels: int = -1

    def note(self, operation: str, out: Any) -> None:
        """Take notice of an operation and what it gave."""
        plain = operation.rstrip("_")
        if plain in WEIGHTED:
            self.hidden += self.pending
            self.pending = []
            self.channels = 1 if plain in CONVOLUTIONS else -1
        elif plain in ACTIVATIONS:
            first = out[0] if isinstance(out, tuple) else out
            self.pending.append((plain.removeprefix("_"), self._by_unit(first)))

    def _by_unit(self, out: Any) -> NDArray[np.float32]:
        values = out.detach().float().cpu().numpy()
        if values.ndim < 2:
            return np.array(values.reshape(-1, 1))
        channel = self.channels % values.ndim
        places = tuple(a for a in range(1, values.ndim) if a != channel)
        return np.asarray(values.mean(axis=places) if places else values.copy(), dtype=np.float32)


def _of_torch(model: Model, items: Any) -> Traces | Undefined:
    with _watched(model.native) as passes:
        answers = np.asarray(model.predict(items))
    first = passes[0].hidden if passes else []
    if not first:
        return Undefined("The network has no hidden layer with an activation function that is known.")
    shapes = {tuple((name, values.shape[1]) for name, values in p.hidden) for p in passes}
    lengths = {sum(len(p.hidden[i][1]) for p in passes) for i in range(len(first))} if len(shapes) == 1 else set()
    if lengths != {len(items)}:
        return Undefined("The network's hidden layers are not of one form for all items, one line for each item.")
    layers = (
        Layer(f"{i + 1} {name}", np.concatenate([p.hidden[i][1] for p in passes])) for i, (name, _) in enumerate(first)
    )
    return Traces(tuple(layers), answers)


@contextmanager
def _watched(native: Any) -> Iterator[Sequence[_Pass]]:
    """Watch every operation of a module, so that functions and exported graphs are seen as well as layers."""
    from torch.utils._python_dispatch import TorchDispatchMode

    passes: list[_Pass] = []

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # its module is not annotated
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            if passes:
                passes[-1].note(func.overloadpacket.__name__, out)
            return out

    handle = native.register_forward_pre_hook(lambda *_: passes.append(_Pass()))
    try:
        with Watch():  # type: ignore[no-untyped-call]  # as above
            yield passes
    finally:
        handle.remove()
