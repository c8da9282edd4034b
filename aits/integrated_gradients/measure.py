"""Whether integrated gradients of a network add up to what they explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from qmtestbed.ait import Estimate, Finding, Histogram, Images, Model, SampleImages, Subject, Undefined
from qmtestbed.measuring.intervals import clopper_pearson, median_interval
from qmtestbed.measuring.path_gradients import completeness_errors, integrated_gradients
from qmtestbed.measuring.strips import drawn, strip

MOST_ROWS = 200
EDGES = tuple(float(e) for e in range(-8, 3))
"""Of the histogram, in powers of ten."""

VALUES_AT_ONCE = 2**23
"""How many numbers a block of images may have: it bounds the memory, 64 MiB for each copy in float64."""


def measure(
    model: Model,
    data: Images,
    *,
    steps: int = 200,
    baseline: Literal["black", "grey", "white", "mean"] = "black",
    tolerance: float = 0.01,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any] | Undefined:
    """Attribute the log probability of each answer to the pixels, and compare the sum with what is to be explained.

    Parameters
    ----------
    model
        A classifier that gives gradients.
    data
        Images to explain; labels are not needed.
    steps
        Points on the way from the baseline to the image.
    baseline
        The image at which the way begins.
    tolerance
        An attribution is incomplete if its relative error is above this.
    confidence
        Of the two-sided intervals.
    seed
        Of the examples that are shown.

    Returns
    -------
    dict or Undefined
        Relative errors, 0 for attributions that add up, and shares in [0, 1]; undefined without images, or where no
        answer is more or less probable than at the baseline.
    """
    if not len(data.pixels):
        return Undefined("There is no image to explain.")
    case = _Case(model, data.pixels, _baseline(data, baseline), steps)
    errors, maps = case.explain()
    known = np.isfinite(errors)
    if not known.any():
        return Undefined("No answer is more or less probable than at the baseline, so that nothing is to be explained.")
    incomplete = known & (errors > tolerance)
    share: Estimate | Undefined = clopper_pearson(int(incomplete.sum()), int(known.sum()), confidence)
    if 2 * known.sum() < len(known):
        share = Undefined(
            f"Of {len(known)} answers only {int(known.sum())} are more or less probable than at the baseline, so that "
            "for most there is nothing to explain."
        )
    return {
        "completeness_error": median_interval(errors[known], confidence),
        "incomplete_share": share,
        "unexplained_share": clopper_pearson(int((~known).sum()), len(known), confidence),
        "error_histogram": _histogram(errors[known]),
        "examples": _examples(data, maps, errors, seed),
        "findings": _findings(data, incomplete, int(known.sum()), tolerance),
    }


@dataclass(frozen=True)
class _Case:
    """The model, the images and the image at which each way begins."""

    model: Model
    pixels: np.ndarray
    baseline: np.ndarray
    steps: int

    def explain(self) -> tuple[np.ndarray, np.ndarray]:
        """Relative error of each image, and its map: attributions added up over the channels, (n, height, width)."""
        errors, maps = np.empty(len(self.pixels)), np.empty(self.pixels.shape[:3], dtype=np.float32)
        at_baseline = np.asarray(self.model.probabilities(self.baseline))[0]
        step = max(1, VALUES_AT_ONCE // int(np.prod(self.pixels.shape[1:])))
        for start in range(0, len(self.pixels), step):
            block = slice(start, start + step)
            x = np.asarray(self.pixels[block], dtype=np.float32)
            p = np.asarray(self.model.probabilities(x))
            said = p.argmax(axis=1)
            names = np.array(self.model.classes, dtype=object)[said]
            found = integrated_gradients(
                lambda z, names=names: -self.model.gradient(z, names),
                x,
                self.baseline,
                self.steps,
            )
            with np.errstate(divide="ignore"):
                scores, before = np.log(p[np.arange(len(x)), said]), np.log(at_baseline[said])
            errors[block] = completeness_errors(found, scores, before)
            maps[block] = found.sum(axis=3)
        return errors, maps


def _baseline(data: Images, name: str) -> np.ndarray:
    low, high = data.range
    level = {"black": low, "grey": (low + high) / 2, "white": high}
    shape = (1, *data.pixels.shape[1:])
    if name == "mean":
        return np.asarray(data.pixels.mean(axis=0, dtype=np.float64, keepdims=True), dtype=np.float32)
    return np.full(shape, level[name], dtype=np.float32)


def _histogram(errors: np.ndarray) -> Histogram:
    with np.errstate(divide="ignore"):
        size = np.clip(np.log10(errors), EDGES[0], EDGES[-1])
    return Histogram(
        EDGES, {"images": np.histogram(size, EDGES)[0].tolist()}, x_title="power of ten of the relative error"
    )


def _examples(data: Images, maps: np.ndarray, errors: np.ndarray, seed: int) -> SampleImages:
    at = drawn(np.arange(len(maps)), seed)
    size = np.abs(maps[at]).max(axis=(1, 2), keepdims=True)
    shown = 0.5 + 0.5 * np.divide(maps[at], size, out=np.zeros_like(maps[at]), where=size > 0)
    low, high = data.range
    channels = data.pixels.shape[3]
    return strip(
        {
            "image": (np.asarray(data.pixels[at]) - low) / (high - low),
            "attribution": np.repeat(shown[..., None], channels, axis=3),
        },
        _rows(data, at),
        [f"error {e:.2g}" if np.isfinite(e) else "not explained" for e in errors[at]],
        total=len(maps),
        seed=seed,
        population="all images that were explained",
    )


def _rows(data: Images, at: np.ndarray) -> Sequence[int]:
    return [int(r) for r in (at if data.rows is None else np.asarray(data.rows)[at])]


def _findings(data: Images, incomplete: np.ndarray, known: int, tolerance: float) -> list[Finding]:
    """Name the images whose attributions do not add up."""
    if not incomplete.any():
        return []
    share = float(incomplete.sum() / known)
    rows = _rows(data, np.flatnonzero(incomplete)[:MOST_ROWS])
    text = (
        f"The attributions of {int(incomplete.sum())} of {known} images are off by more than {tolerance:.1%} of what "
        "they explain."
    )
    return [Finding("instability", Subject(rows=tuple(rows)), "incomplete_share", share, text)]
