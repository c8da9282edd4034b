"""Clouds of points: Mahalanobis distances from a middle, and kernel densities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

__all__ = ["FLOOR", "Scatter", "log_density", "scatter_of"]

Floats = NDArray[np.float64]
FLOOR = 1e-4
"""No variance along an axis is taken as smaller than this share of the largest: a direction in which points never
differed would else decide every distance. A covariance whose condition number is below 10,000 stays as it is."""
CELLS_AT_ONCE = 2**23


@dataclass(frozen=True)
class Scatter:
    """Middle and covariance of points; the latter as the matrix that makes it the identity.

    Attributes
    ----------
    middle
        (d,).
    whitening
        (d, d): a point less the middle, times this, is in standard deviations along uncorrelated axes.
    log_volume
        Half of the logarithm of the covariance's determinant.
    """

    middle: Floats
    whitening: Floats
    log_volume: float

    def whitened(self, points: Floats) -> Floats:
        """Give (n, d) points in standard deviations from the middle."""
        return np.asarray((points - self.middle) @ self.whitening)

    def distances(self, points: Floats) -> Floats:
        """Give (n,) Mahalanobis distances from the middle, 0 or more (Mahalanobis 1936)."""
        return np.asarray(np.linalg.norm(self.whitened(points), axis=1))


def scatter_of(points: Floats, middle: Floats | None = None, *, ddof: int = 0) -> Scatter | None:
    """Find the scatter of points.

    Parameters
    ----------
    points
        (n, d), finite.
    middle
        What they scatter around: (d,), or (n, d) for one of each point's own, as the mean of its class; then the
        scatter's own middle is 0. Their mean where it is not given.
    ddof
        The squares are divided by n less this.

    Returns
    -------
    Scatter or None
        ``None`` where there are not more points than ``ddof``, or all lie in one place.
    """
    if len(points) <= ddof:
        return None
    centre = points.mean(axis=0) if middle is None else middle
    apart = points - centre
    values, axes = np.linalg.eigh(apart.T @ apart / (len(points) - ddof))
    if not len(values) or not values[-1] > 0:
        return None
    values = np.maximum(values, FLOOR * values[-1])
    own = centre if centre.ndim == 1 else np.zeros(points.shape[1])
    return Scatter(own, axes / np.sqrt(values), float(np.log(values).sum() / 2))


def log_density(points: Floats, reference: Floats, scatter: Scatter, factor: float) -> Floats:
    """Logarithm of the Gaussian kernel density estimate of a reference at points.

    Parameters
    ----------
    points, reference
        (n, d) and (m, d), m above 0.
    scatter
        Of the reference; the kernel has its covariance times ``factor`` squared. With ``ddof=1`` and a covariance that
        is far from singular this is ``scipy.stats.gaussian_kde(reference.T, factor).logpdf(points.T)``.
    factor
        Bandwidth in standard deviations, above 0; Scott's is ``m ** (-1 / (d + 4))``.

    Returns
    -------
    array
        (n,), in nats.

    References
    ----------
    Scott, Multivariate density estimation (1992), chapter 6.
    """
    d = reference.shape[1]
    centres = scatter.whitened(reference) / factor
    at = scatter.whitened(points) / factor
    squares, step = np.einsum("ij,ij->i", centres, centres), max(CELLS_AT_ONCE // len(reference), 1)
    found = np.empty(len(points))
    for start in range(0, len(points), step):
        block = at[start : start + step]
        apart = np.einsum("ij,ij->i", block, block)[:, None] + squares - 2 * (block @ centres.T)
        found[start : start + step] = logsumexp(-np.maximum(apart, 0) / 2, axis=1)
    constant = math.log(len(reference)) + d * math.log(factor * math.sqrt(2 * math.pi)) + scatter.log_volume
    return np.asarray(found - constant)
