"""For which share of images no change within a budget can turn the answer: proven by interval bounds of the network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from qmtestbed.ait import Curve, DataTable, Estimate, Finding, Images, Model, Subject, Undefined
from qmtestbed.measuring.answers import nothing_to_see, true_answers
from qmtestbed.measuring.attacks import Budget, pgd
from qmtestbed.measuring.intervals import clopper_pearson

FRACTIONS = (0.25, 0.5, 1.0)
"""Of epsilon: the budgets of the curve."""
ROUNDING = 1e-4
"""A margin counts only above this share of the largest score: the model counts in 32 bits, the bounds in 64."""

_Layer = tuple[np.ndarray, np.ndarray] | None
"""Weights (out, in) and bias of a linear layer; ``None`` for ReLU."""


def measure(
    model: Model, data: Images, *, epsilon: float = 0.005, steps: int = 20, confidence: float = 0.95
) -> dict[str, Any] | Undefined:
    """Bracket the accuracy under the worst change of each value by at most epsilon.

    Parameters
    ----------
    model
        A classifier whose native object is a sequence of linear layers and ReLU.
    data
        Labelled images; those without a label are left out.
    epsilon
        Largest change of each value, as a share of the range of values.
    steps
        Of the attack (PGD) that gives the upper bound.
    confidence
        Of the two-sided intervals.

    Returns
    -------
    dict or Undefined
        Accuracies in [0, 1]; undefined without labelled images, and for networks of other layers.
    """
    truth, items = true_answers(data, model)
    if not len(items):
        return Undefined("There is no labelled image to verify.")
    layers = _layers(model.native)
    if isinstance(layers, Undefined):
        return layers
    x = np.asarray(data.pixels[items], dtype=np.float32)
    classes = np.array([list(model.classes).index(t) if t in model.classes else -1 for t in truth])
    flat = np.ascontiguousarray(x.transpose(0, 3, 1, 2)).reshape(len(x), -1).astype(np.float64)
    said = np.asarray(model.predict(x))
    if layers[0] is None or layers[0][0].shape[1] != flat.shape[1] or not _same(layers, flat, said, model.classes):
        return Undefined("The layers, as they were read, do not give the model's own answers to these images.")
    right = (said == truth) & (classes >= 0)
    low, high = data.range
    verified, attacked = {}, {}
    standing = right.copy()
    for share in FRACTIONS:
        reach = share * epsilon * (high - low)
        verified[share] = right & (_margins(layers, flat, classes, reach, (low, high)) > 0)
        at = np.flatnonzero(standing)
        budget = Budget(reach, low, high)
        moved = pgd(x[at], truth[at], model.gradient, budget, step=0.1, steps=steps, start=x[at]) if len(at) else x[at]
        fell = np.asarray(model.predict(moved)) != truth[at] if len(at) else np.empty(0, bool)
        standing[at[fell]] = False
        attacked[share] = standing.copy()
    counted = partial(clopper_pearson, n=len(x), confidence=confidence)
    proven, left = verified[1.0], attacked[1.0]
    return {
        "clean_accuracy": counted(int(right.sum())),
        "verified_accuracy": counted(int(proven.sum())),
        "attacked_accuracy": counted(int(left.sum())),
        "verified_share": _share(proven, right, said, model, confidence),
        "undecided_share": counted(int((left & ~proven).sum())),
        "accuracy_by_budget": _curve(right, verified, attacked, epsilon),
        "network": _table(layers, epsilon, data.range),
        "findings": _findings(truth, right, proven),
    }


def _share(
    proven: np.ndarray, right: np.ndarray, said: np.ndarray, model: Model, confidence: float
) -> Estimate | Undefined:
    if not right.any():
        return Undefined("The model is right about no image.")
    nothing = nothing_to_see(said, said)
    return nothing or clopper_pearson(int(proven.sum()), int(right.sum()), confidence)


# -- the network ----------------------------------------------------------------------------------------------


_COPIES = {"Flatten", "Dropout", "Identity", "flatten", "view", "reshape", "dropout", "clone", "alias"}
"""What only copies its input while the model answers, as a module and as an operation of an exported graph."""


def _layers(native: Any) -> list[_Layer] | Undefined:
    """Read the layers in their order; what only copies its input while the model answers is left out."""
    found: list[_Layer] = []
    for kind, weights, bias in _graph(native) if hasattr(native, "graph") else _modules(native):
        if kind in ("Linear", "linear") and weights is not None:
            matrix = weights.detach().cpu().numpy().astype(np.float64)
            offset = np.zeros(len(matrix)) if bias is None else bias.detach().cpu().numpy().astype(np.float64)
            found.append((matrix, offset))
        elif kind in ("ReLU", "relu", "relu_"):
            found.append(None)
        elif kind not in _COPIES:
            return Undefined(f"A layer of type {kind} is none of Flatten, Linear, ReLU, Dropout and Identity.")
    if not found or found[-1] is None:
        return Undefined("The network does not end in a linear layer.")
    return found


_Step = tuple[str, Any, Any]
"""Kind, weights and bias of one step of a network."""


def _modules(native: Any) -> Iterator[_Step]:
    for module in _parts(native):
        yield type(module).__name__, getattr(module, "weight", None), getattr(module, "bias", None)


def _graph(native: Any) -> Iterator[_Step]:
    """Give the operations of an exported network, where each works on what the one before it gave."""
    before = None
    for node in native.graph.nodes:
        if node.op == "placeholder" and before is None:
            before = node
        elif node.op == "call_function":
            if not node.args or node.args[0] is not before:
                yield "one that does not take what the one before it gives", None, None
                return
            before, inputs = node, [*node.args[1:], None, None]
            kind = str(node.target).split(".")[1] if "." in str(node.target) else str(node.target)
            weights, bias = (_held(native, x) for x in inputs[:2]) if kind == "linear" else (None, None)
            if kind == "dropout" and inputs[1]:
                kind = "dropout that is still training"
            yield kind, weights, bias
        elif node.op == "placeholder" or (node.op == "output" and node.args[0] not in (before, (before,))):
            yield "several inputs or outputs", None, None


def _held(native: Any, node: Any) -> Any:
    """Give the tensor that a node of a graph stands for; nothing where it is none of the module's own."""
    held = native
    for name in str(getattr(node, "target", "")).split(".") if getattr(node, "op", "") == "get_attr" else [""]:
        held = getattr(held, name, None)
    return held


def _parts(native: Any) -> Iterator[Any]:
    if type(native).__name__ == "Sequential":
        for part in native:
            yield from _parts(part)
    else:
        yield native


def _scores(layers: list[_Layer], x: np.ndarray) -> np.ndarray:
    for layer in layers:
        x = np.maximum(x, 0) if layer is None else x @ layer[0].T + layer[1]
    return x


def _same(layers: list[_Layer], x: np.ndarray, said: np.ndarray, classes: tuple[str, ...]) -> bool:
    """Whether the layers give the model's answers; ties apart, which rounding decides."""
    scores = _scores(layers, x)
    if scores.shape[1] != len(classes):
        return False
    top = np.sort(scores, axis=1)
    clear = top[:, -1] - top[:, -2] > ROUNDING * np.abs(scores).max()
    return bool((np.array(classes, dtype=object)[scores.argmax(axis=1)] == said)[clear].all())


def _margins(
    layers: list[_Layer], x: np.ndarray, classes: np.ndarray, reach: float, span: tuple[float, float]
) -> np.ndarray:
    """Lower bound of the true class's score less any other's, over all changes by at most ``reach``.

    Interval bounds go through all layers but the last, which is taken together with the difference of two classes.
    """
    low, high = np.clip(x - reach, *span), np.clip(x + reach, *span)
    for layer in layers[:-1]:
        if layer is None:
            low, high = np.maximum(low, 0), np.maximum(high, 0)
        else:
            low, high = _through(layer, low, high)
    weights, bias = layers[-1] or (np.empty((0, 0)), np.empty(0))
    least = np.full(len(x), np.inf)
    for k in range(len(weights)):
        other = np.flatnonzero((classes != k) & (classes >= 0))
        w, b = weights[classes[other]] - weights[k], bias[classes[other]] - bias[k]
        middle, half = (low[other] + high[other]) / 2, (high[other] - low[other]) / 2
        least[other] = np.minimum(least[other], (w * middle).sum(1) - (np.abs(w) * half).sum(1) + b)
    return least - ROUNDING * np.abs(_scores(layers, x)).max()


def _through(layer: tuple[np.ndarray, np.ndarray], low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weights, bias = layer
    middle, half = (low + high) / 2 @ weights.T + bias, (high - low) / 2 @ np.abs(weights).T
    return middle - half, middle + half


# -- what is shown --------------------------------------------------------------------------------------------


def _curve(
    right: np.ndarray, verified: dict[float, np.ndarray], attacked: dict[float, np.ndarray], epsilon: float
) -> Curve:
    start = (0.0, float(right.mean()))
    lines = {"after the attack (upper bound)": attacked, "proven (lower bound)": verified}
    series = {name: [start, *((s * epsilon, float(v.mean())) for s, v in line.items())] for name, line in lines.items()}
    return Curve(series, x_title="epsilon (share of the range of values)", y_title="accuracy")


def _table(layers: list[_Layer], epsilon: float, span: tuple[float, float]) -> DataTable:
    shapes = [f"{w[0].shape[1]}-{w[0].shape[0]}" for w in layers if w is not None]
    rows = [
        ("linear layers", ", ".join(shapes)),
        ("epsilon (share of the range of values)", float(epsilon)),
        ("epsilon (in values)", float(epsilon * (span[1] - span[0]))),
        ("method of proof", "interval bound propagation in 64 bits, last layer taken with the difference of classes"),
    ]
    return DataTable(("what", "value"), rows)


def _findings(truth: np.ndarray, right: np.ndarray, proven: np.ndarray) -> list[Finding]:
    lost = {str(name): int((right & ~proven & (truth == name)).sum()) for name in sorted(set(truth))}
    if not any(lost.values()):
        return []
    worst = max(lost, key=lambda name: (lost[name], name))
    open_ = int((right & ~proven).sum())
    text = f"{open_} of {int(right.sum())} right answers are not proven, most of class {worst!r}: {lost[worst]}."
    return [Finding("instability", Subject(class_=worst), "verified_share", float(proven.sum() / right.sum()), text)]
