"""A few images, drawn with a seed, as a resource that can be shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qmtestbed.ait import SampleImages
from qmtestbed.measuring.drawing import some
from qmtestbed.measuring.imaging import box_resize

__all__ = ["LARGEST", "MOST", "drawn", "strip"]

MOST = 12
LARGEST = 48
"""Pixels to a side that are kept."""


def drawn(among: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """Draw at most :data:`MOST` of some positions without replacement, in their order."""
    return among[some(len(among), MOST, np.random.default_rng([seed, len(among)]))]


def strip(
    states: Mapping[str, NDArray[np.floating]],
    rows: Sequence[int] | NDArray[np.intp],
    captions: Sequence[str],
    *,
    total: int,
    seed: int,
    population: str,
    span: tuple[float, float] = (0.0, 1.0),
) -> SampleImages:
    """Make a sample of images that were drawn.

    Parameters
    ----------
    states
        The images in each state, (n, height, width, channels) with values in ``span`` and 1, 3 or 4 channels; what
        lies outside is cut. Larger ones are reduced, each new pixel being the mean of those under it.
    rows
        (n,) positions in the file.
    captions
        (n,) what was found about each.
    total, seed, population
        Out of how many they were drawn, with which seed, and which these are.
    span
        Lowest and highest value, which are shown as black and white.

    Raises
    ------
    ValueError
        The states are not of one shape.
    """
    shapes = {pixels.shape for pixels in states.values()}
    if len(shapes) != 1:
        raise ValueError(f"the states of the images are not of one shape: {sorted(shapes)}")
    n, height, width, channels = shapes.pop()
    share = min(1.0, LARGEST / max(height, width, 1))
    size = (max(1, round(height * share)), max(1, round(width * share)))
    low, high = span
    kept = []
    for pixels in states.values():
        unit = np.clip((np.asarray(pixels, dtype=np.float32) - low) / (high - low), 0, 1)
        kept.append(unit if size == (height, width) else box_resize(unit, *size))
    shown = np.rint(np.stack(kept, axis=1) * 255).astype(np.uint8) if n else np.empty(0, np.uint8)
    return SampleImages(
        rows=[int(r) for r in rows],
        captions=list(captions),
        states=list(states),
        total=total,
        seed=seed,
        population=population,
        size=(*size, channels),
        pixels=base64.b64encode(shown.tobytes()).decode("ascii"),
    )
