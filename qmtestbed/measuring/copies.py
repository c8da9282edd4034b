"""Near copies: points that lie nearer to one of a set than its density explains, and images that hash alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from qmtestbed.measuring.imaging import box_resize

__all__ = ["BITS", "chance_of", "dhash", "dimension", "hamming", "phash"]

Floats = NDArray[np.float64]
Bits = NDArray[np.bool_]
BITS = 64
"""Of each hash."""


def dimension(first: Floats, second: Floats) -> float:
    """Tell in how many dimensions points lie locally, from the distances to their nearest and second nearest (TwoNN).

    Parameters
    ----------
    first, second
        (n,) above 0, ``first <= second``; pairs that are equal tell nothing and are left out.

    Returns
    -------
    float
        1 or more, by the middle half of the ratios, so that copies in either set do not pull it down; infinite where
        nothing is left.

    References
    ----------
    Facco, d'Errico, Rodriguez & Laio, Estimating the intrinsic dimension of datasets by a minimal neighborhood
    information, Scientific Reports 7 (2017), 12140.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(second / first)
    logs = logs[np.isfinite(logs) & (logs > 0)]
    if not len(logs):
        return np.inf
    # log ratios are exponential with mean 1 / dimension: their median is log 2 / dimension
    return max(float(np.log(2) / np.median(logs)), 1.0)


def chance_of(first: Floats, second: Floats, dimensions: float) -> Floats:
    """Probability of a nearest point this much nearer than the second, where both are drawn from one smooth density.

    Of two points drawn evenly from a ball, the ratio of the volumes is uniform: ``(first / second)^dimensions``.
    """
    ratio = np.divide(first, second, out=np.ones_like(first), where=second > 0)
    return np.asarray(ratio**dimensions)


# -- perceptual hashes ----------------------------------------------------------------------------------------


def dhash(pixels: NDArray[np.float32]) -> Bits:
    """Difference hash: whether each of 8 x 8 places is brighter than its neighbour on the left, (n, 64) bits."""
    small = _grey(pixels, 8, 9)
    return np.asarray(small[:, :, 1:] > small[:, :, :-1]).reshape(len(pixels), BITS)


def phash(pixels: NDArray[np.float32]) -> Bits:
    """Perceptual hash: whether each of the 8 x 8 lowest cosine coefficients of 32 x 32 places is above their median."""
    low = dctn(_grey(pixels, 32, 32).astype(np.float64), axes=(1, 2), norm="ortho")[:, :8, :8].reshape(-1, BITS)
    return np.asarray(low > np.median(low, axis=1, keepdims=True))


def _grey(pixels: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    colours = pixels[..., :3] if pixels.shape[3] == 4 else pixels
    return box_resize(colours.mean(axis=3, keepdims=True), height, width)[..., 0]


def hamming(one: Bits, other: Bits) -> NDArray[np.int_]:
    """Count the bits in which each of (n, b) differs from each of (m, b), (n, m)."""
    a, b = one.astype(np.float32), other.astype(np.float32)
    return np.asarray(np.rint(a.sum(1)[:, None] + b.sum(1) - 2 * (a @ b.T)), dtype=np.int_)
