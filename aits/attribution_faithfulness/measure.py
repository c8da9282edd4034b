"""Whether the parts of an image that an explanation puts first are those that the answer rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from qmtestbed.ait import Curve, Estimate, Finding, Images, Model, Subject, Undefined
from qmtestbed.measuring.intervals import delta_interval, mean_interval
from qmtestbed.measuring.patches import Grid, grid_of, patch_values, scores_of
from qmtestbed.measuring.strips import drawn, strip

STEPS = 10
"""Of the curves: at each a tenth more of the patches is gone."""


def measure(
    model: Model,
    data: Images,
    attributions: str | Path | None = None,
    *,
    share: float = 0.1,
    patches: int = 64,
    orders: int = 4,
    random_orders: int = 10,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Take the patches away that are said to matter most, and compare the cost with that of random ones.

    Parameters
    ----------
    model
        A classifier that gives probabilities.
    data
        Images to explain; labels are not needed.
    attributions
        An ``.npy`` file with one number per pixel, (images, height, width), in the order of the images' file;
        without it, Shapley values are sampled.
    share
        Of the patches, that are taken away for the costs; 1 patch at least.
    patches
        An image is cut into at most so many squares.
    orders
        For the sampled Shapley values, how many orders are drawn for each image.
    random_orders
        How many random orders of the patches are compared with.
    confidence
        Of the two-sided intervals.
    seed
        Of the orders.

    Returns
    -------
    dict or Undefined
        Costs in probability, in [-1, 1]; areas under the curves in [0, 1]; undefined without images.

    Raises
    ------
    ValueError
        The file of attributions has another shape, or holds what is no finite number.
    """
    if not len(data.pixels):
        return Undefined("There is no image to explain.")
    pixels = np.asarray(data.pixels, dtype=np.float32)
    case = _Case(model, pixels, grid_of(*pixels.shape[1:3], most=patches))
    if attributions is None:
        rng = np.random.default_rng([seed, 0])
        values = patch_values(case.score, pixels, case.background, case.grid, orders, rng)
    else:
        values = case.grid.sums(_read(Path(attributions), data))
    first = np.argsort(-values, axis=1, kind="stable")
    rng = np.random.default_rng([seed, 1])
    order = rng.permuted(np.tile(np.arange(case.grid.count), (random_orders, len(pixels), 1)), axis=2)
    curves = {
        "most important first": case.curve(first),
        "random order": np.mean([case.curve(o) for o in order], axis=0),
        "most important come back first": case.curve(first, insert=True),
    }
    found = _measures(case, curves, first, order, share, confidence)
    return {**found, **_shown(case, data, values, curves, seed), "findings": _findings(found)}


@dataclass(frozen=True)
class _Case:
    """The model, the images, their patches and their background: the mean image."""

    model: Model
    pixels: np.ndarray
    grid: Grid

    @cached_property
    def background(self) -> np.ndarray:
        return np.asarray(self.pixels.mean(axis=0, dtype=np.float64), dtype=np.float32)

    @cached_property
    def probabilities(self) -> np.ndarray:
        return np.asarray(self.model.probabilities(self.pixels))

    @cached_property
    def answers(self) -> np.ndarray:
        return np.asarray(self.probabilities.argmax(axis=1))

    def score(self, x: np.ndarray, of: np.ndarray) -> np.ndarray:
        """Probability of the class that the whole image is answered with."""
        return np.asarray(self.model.probabilities(x)[np.arange(len(x)), self.answers[of]])

    def left(self, order: np.ndarray, gone: int, *, insert: bool = False) -> np.ndarray:
        """Score of each image without the first ``gone`` patches of its order or, to insert, with these alone."""
        inside = np.ones(order.shape, dtype=bool)
        np.put_along_axis(inside, order[:, :gone], False, axis=1)
        inside ^= insert
        return scores_of(self.score, self.pixels, self.background, self.grid, inside, np.arange(len(self.pixels)))

    def curve(self, order: np.ndarray, *, insert: bool = False) -> np.ndarray:
        """Scores by step, (images, steps + 1)."""
        gone = np.rint(np.linspace(0, self.grid.count, STEPS + 1)).astype(int)
        return np.stack([self.left(order, k, insert=insert) for k in gone], axis=1)


def _read(path: Path, data: Images) -> np.ndarray:
    """Attributions of the images, (n, height, width)."""
    maps = np.load(path, allow_pickle=False)
    shape = data.pixels.shape[1:3]
    rows = np.arange(len(data.pixels)) if data.rows is None else np.asarray(data.rows)
    if maps.ndim != 3 or maps.shape[1:] != shape or len(maps) <= rows.max() or maps.dtype.kind not in "fiu":
        raise ValueError(
            f"attributions must be one number per pixel of each image, (images, {shape[0]}, {shape[1]}); "
            f"found {maps.shape} of {maps.dtype}"
        )
    chosen = np.asarray(maps[rows], dtype=np.float64)
    if not np.isfinite(chosen).all():
        raise ValueError("attributions must be finite numbers")
    return chosen


def _measures(
    case: _Case,
    curves: Mapping[str, np.ndarray],
    first: np.ndarray,
    order: np.ndarray,
    share: float,
    confidence: float,
) -> dict[str, Estimate | Undefined]:
    whole = case.score(case.pixels, np.arange(len(case.pixels)))
    gone = max(1, round(share * case.grid.count))
    cost = whole - case.left(first, gone)
    other = whole - np.mean([case.left(o, gone) for o in order], axis=0)
    areas = [np.trapezoid(line, dx=1 / STEPS, axis=1) for line in curves.values()]
    both = {"low": -1.0, "high": 1.0}
    random_cost = mean_interval(other, confidence, **both)
    return {
        "deletion_cost": mean_interval(cost, confidence, **both),
        "random_cost": random_cost,
        "cost_ratio": _ratio(cost, other, random_cost, confidence),
        "deletion_gain": mean_interval(areas[1] - areas[0], confidence, **both),
        "deletion_auc": mean_interval(areas[0], confidence, low=0.0, high=1.0),
        "insertion_auc": mean_interval(areas[2], confidence, low=0.0, high=1.0),
    }


def _ratio(
    cost: np.ndarray, other: np.ndarray, random_cost: Estimate | Undefined, confidence: float
) -> Estimate | Undefined:
    """Ratio of two means over the same images, by the delta method."""
    if isinstance(random_cost, Undefined) or random_cost.low <= 0:
        return Undefined("That random patches cost anything is not shown, so that there is nothing to divide by.")
    ratio = float(cost.mean() / other.mean())
    return delta_interval(ratio, (cost - ratio * other) / float(other.mean()), confidence)


def _shown(
    case: _Case, data: Images, values: np.ndarray, curves: Mapping[str, np.ndarray], seed: int
) -> dict[str, Any]:
    steps = np.linspace(0, 1, STEPS + 1).tolist()
    series = {name: list(zip(steps, line.mean(axis=0).tolist(), strict=True)) for name, line in curves.items()}
    at = drawn(np.arange(len(case.pixels)), seed)
    rows = at if data.rows is None else np.asarray(data.rows)[at]
    maps = np.repeat(_unit(case.grid.spread(values[at]))[..., None], case.pixels.shape[3], axis=3)
    answers = [case.model.classes[k] for k in case.answers[at]]
    examples = strip(
        {"image": case.pixels[at], "attribution": maps},
        rows,
        [f"→ {name}" for name in answers],
        total=len(case.pixels),
        seed=seed,
        population="all images that were explained",
        span=data.range,
    )
    curve = Curve(series, x_title="share of the patches", y_title="probability of the answer")
    return {"probability_by_share": curve, "examples": examples}


def _unit(maps: np.ndarray) -> np.ndarray:
    """Grey for 0, white for the largest size of each map, black for the most negative."""
    size = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return np.asarray(0.5 + 0.5 * np.divide(maps, size, out=np.zeros_like(maps), where=size > 0))


def _findings(found: Mapping[str, Estimate | Undefined]) -> Sequence[Finding]:
    gain = found["deletion_gain"]
    if isinstance(gain, Undefined):
        return []
    text = (
        "Taking away patches in the order of their attribution lowers the mean probability of the answer by "
        f"{gain.value:.3f} ({gain.low:.3f} to {gain.high:.3f}) more than taking them away at random."
    )
    return [Finding("no_gain", Subject(slice="patches put first"), "deletion_gain", gain.value, text)]
