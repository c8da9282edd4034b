"""Values in [0, 1] sorted into bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["equal_mass_edges", "equal_width_edges", "into_bins"]

Floats = NDArray[np.float64]


def equal_width_edges(bins: int) -> Floats:
    """Give the ``bins + 1`` edges of bins of the same width over [0, 1]."""
    _check(bins)
    return np.linspace(0.0, 1.0, bins + 1)


def equal_mass_edges(values: ArrayLike, bins: int) -> Floats:
    """Give edges between 0 and 1 so that each bin holds about as many of the values.

    Equal values are never parted, so there may be fewer bins than asked for; no bin is empty.

    Parameters
    ----------
    values
        (n,) in [0, 1], n at least 1.
    bins
        How many to aim at.

    Returns
    -------
    array
        Increasing, the first 0 and the last 1; inner edges are values.

    Examples
    --------
    >>> equal_mass_edges([0.1, 0.2, 0.3, 0.4, 0.4, 0.4], 3).tolist()
    [0.0, 0.2, 1.0]
    """
    _check(bins)
    x = np.sort(np.asarray(values, dtype=np.float64))
    last = np.ceil(np.arange(1, bins) / bins * len(x) - 1e-9).astype(int) - 1
    inner = np.unique(x[np.maximum(last, 0)])
    inner = inner[(inner < x[-1]) & (inner > 0)]
    return np.array([0.0, *inner, 1.0])


def into_bins(values: ArrayLike, edges: ArrayLike) -> NDArray[np.intp]:
    """Number the bin of each value: bin i holds ``edges[i] < value <= edges[i + 1]``, the first also its lower edge."""
    inner = np.asarray(edges, dtype=np.float64)[1:-1]
    return np.searchsorted(inner, np.asarray(values, dtype=np.float64), side="left")


def _check(bins: int) -> None:
    if bins < 1:
        raise ValueError(f"there must be a bin; found {bins}")
