"""Whether an explanation changes when what the model has learnt is shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import rankdata

from qmtestbed.ait import Bars, Estimate, Finding, Images, Model, SampleImages, Subject, Undefined
from qmtestbed.measuring.families import simultaneous
from qmtestbed.measuring.intervals import mean_interval
from qmtestbed.measuring.patches import grid_of, patch_values
from qmtestbed.measuring.strips import drawn, strip

MOST_LAYERS = 12
ALL = "all"
SHARED = ("torch.float16", "torch.float32", "torch.float64")
"""Types of numbers whose memory NumPy and PyTorch share."""


def measure(
    model: Model,
    data: Images,
    *,
    patches: int = 49,
    orders: int = 4,
    shuffles: int = 3,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Explain each image with the model as it is and with shuffled parameters, and compare the two maps.

    Parameters
    ----------
    model
        A PyTorch network, or an estimator of scikit-learn with coefficients, that gives probabilities.
    data
        Images to explain; labels are not needed.
    patches
        An image is cut into at most so many squares.
    orders
        For the sampled Shapley values of the patches, how many orders are drawn for each image.
    shuffles
        How often the parameters are shuffled.
    confidence
        Of the two-sided intervals.
    seed
        Of the shuffles and the orders.

    Returns
    -------
    dict or Undefined
        Rank correlations in [-1, 1], 1 for explanations that do not change; undefined without images, where the model
        has no parameters that are known, or where no image has an explanation that tells patches apart.
    """
    layers = _layers(model.native)
    if not layers or not len(data.pixels):
        return Undefined("The model has no parameters that can be shuffled." if not layers else "There is no image.")
    case = _Case(model, np.asarray(data.pixels, dtype=np.float32), patches, orders, seed)
    before = case.explain(0)
    told = np.ptp(before, axis=1) > 0  # of the others it can't be said whether their explanation changes
    if not told.any():
        return Undefined("No explanation tells one patch from another.")
    again = _similarity(before, case.explain(1))[told]
    stages, shown = _shuffled(case, layers, before, shuffles)
    by_stage = {name: values[told] for name, values in stages.items()}
    kernels = {name: partial(_mean, values) for name, values in by_stage.items()}
    return {
        "similarity": _mean(by_stage[ALL], confidence),
        "similarity_by_layer": simultaneous(kernels, confidence),
        "similarity_again": _mean(again, confidence),
        "similarity_bars": Bars([*by_stage], [float(np.mean(v)) for v in by_stage.values()]),
        "examples": _examples(case, data, before, shown, seed),
        "findings": _findings(by_stage),
    }


def _mean(values: np.ndarray, confidence: float) -> Estimate | Undefined:
    return mean_interval(values, confidence, low=-1.0, high=1.0)


# -- parameters -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layer:
    """Parameters that are shuffled together, as arrays that the model reads its numbers from."""

    name: str
    arrays: tuple[np.ndarray, ...]


def _layers(native: Any) -> list[_Layer]:
    """Layers from the input to the output; none where it is not known what the parameters are."""
    if callable(getattr(native, "named_parameters", None)):
        found = list(_torch_layers(native))
    else:
        found = list(_sklearn_layers(native))
    return [layer for layer in found if any(a.size > 1 for a in layer.arrays)]


def _torch_layers(native: Any) -> Iterator[_Layer]:
    owners: dict[str, list[np.ndarray]] = {}
    parameters = list(native.named_parameters())
    if not all(p.device.type == "cpu" and str(p.dtype) in SHARED for _, p in parameters):
        return  # NumPy would get a copy, and shuffling it would change nothing
    for name, parameter in parameters:
        owners.setdefault(name.rpartition(".")[0] or "model", []).append(parameter.detach().numpy())
    for name, arrays in owners.items():
        yield _Layer(name, tuple(arrays))


def _sklearn_layers(native: Any) -> Iterator[_Layer]:
    last = native[-1] if hasattr(native, "steps") else native
    several = isinstance(getattr(last, "coefs_", None), list)
    if several:
        for i, (weights, bias) in enumerate(zip(last.coefs_, last.intercepts_, strict=True)):
            yield _Layer(f"layer {i + 1}", (weights, bias))
    elif isinstance(vars(last).get("coef_"), np.ndarray):  # a property would give a copy
        yield _Layer("coefficients", (last.coef_,))


@contextmanager
def _restored(layers: Sequence[_Layer]) -> Iterator[None]:
    """Put every parameter back at the end."""
    kept = [[a.copy() for a in layer.arrays] for layer in layers]
    try:
        yield
    finally:
        for layer, arrays in zip(layers, kept, strict=True):
            for a, old in zip(layer.arrays, arrays, strict=True):
                a[...] = old


def _shuffle(layer: _Layer, rng: np.random.Generator) -> None:
    """Shuffle the entries of each array in place, so that sizes and spreads stay what they are."""
    for a in layer.arrays:
        a[...] = rng.permutation(a.ravel()).reshape(a.shape)


# -- explanations ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """The model, the images, and how they are explained."""

    model: Model
    pixels: np.ndarray
    patches: int
    orders: int
    seed: int

    def explain(self, draw: int) -> np.ndarray:
        """Shapley values of the patches for the class that the model, as it is now, gives: (n, patches).

        ``draw`` says which orders are drawn.
        """
        said = np.asarray(self.model.probabilities(self.pixels)).argmax(axis=1)

        def score(x: np.ndarray, of: np.ndarray) -> np.ndarray:
            return np.asarray(self.model.probabilities(x)[np.arange(len(x)), said[of]])

        grid = grid_of(*self.pixels.shape[1:3], most=self.patches)
        background = np.asarray(self.pixels.mean(axis=0, dtype=np.float64), dtype=np.float32)
        return patch_values(score, self.pixels, background, grid, self.orders, np.random.default_rng([self.seed, draw]))


def _shuffled(
    case: _Case, layers: Sequence[_Layer], before: np.ndarray, shuffles: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Similarity by image with the layers shuffled from the output on; and the maps of the last shuffle of all."""
    stages: list[tuple[str, Sequence[_Layer]]] = [(ALL, layers)]
    if len(layers) > 1:
        tops = [layers[i:] for i in np.unique(np.linspace(1, len(layers) - 1, MOST_LAYERS - 1).astype(int))]
        stages = [(f"{top[0].name} and after", top) for top in reversed(tops)] + stages
    found: dict[str, np.ndarray] = {}
    after = before
    for stage, (name, chosen) in enumerate(stages):
        values = []
        for k in range(shuffles):
            with _restored(chosen):
                rng = np.random.default_rng([case.seed, stage, k, 2])
                for layer in chosen:
                    _shuffle(layer, rng)
                after = case.explain(0)  # in the same orders, so that the shuffle is all that differs
            values.append(_similarity(before, after))
        found[name] = np.mean(values, axis=0)
    return found, after


def _similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of the sizes of two maps of each image, (n,); 0 where one tells nothing apart."""
    a, b = (rankdata(np.round(np.abs(m), 12), axis=1) for m in (first, second))
    a, b = (r - r.mean(axis=1, keepdims=True) for r in (a, b))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    product = (a * b).sum(axis=1)
    return np.round(np.divide(product, size, out=np.zeros(len(a)), where=size > 0), 12)


def _examples(case: _Case, data: Images, before: np.ndarray, after: np.ndarray, seed: int) -> SampleImages:
    at = drawn(np.arange(len(case.pixels)), seed)
    rows = at if data.rows is None else np.asarray(data.rows)[at]
    grid = grid_of(*case.pixels.shape[1:3], most=case.patches)
    unit: Callable[[np.ndarray], np.ndarray] = partial(_unit, channels=case.pixels.shape[3])
    low, high = data.range
    return strip(
        {
            "image": (case.pixels[at] - low) / (high - low),
            "as it is": unit(grid.spread(np.abs(before[at]))),
            "shuffled": unit(grid.spread(np.abs(after[at]))),
        },
        rows,
        ["" for _ in at],
        total=len(case.pixels),
        seed=seed,
        population="all images that were explained",
    )


def _unit(maps: np.ndarray, channels: int) -> np.ndarray:
    size = maps.max(axis=(1, 2), keepdims=True)
    shown = np.divide(maps, size, out=np.zeros_like(maps), where=size > 0)
    return np.repeat(shown[..., None], channels, axis=3)


def _findings(by_stage: dict[str, np.ndarray]) -> list[Finding]:
    """Name the stage whose explanations stay most alike."""
    means = {name: float(values.mean()) for name, values in by_stage.items()}
    text = (
        f"With all parameters shuffled, explanations keep a rank correlation of {means[ALL]:.3f} with those of the "
        "model as it is."
    )
    found = [Finding("no_gain", Subject(slice="all parameters"), "similarity", means[ALL], text)]
    for name, value in means.items():
        said = f"With the parameters of {name} shuffled, explanations keep a rank correlation of {value:.3f}."
        found.append(Finding("no_gain", Subject(slice=name), "similarity_by_layer", value, said))
    return found
