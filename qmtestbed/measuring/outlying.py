"""How far out is too far: distances that the tail of a distribution does not explain, and distances of whole rows.

A skewed or heavy-tailed quantity has values far out that belong there, so no fixed multiple of a spread can tell what
does not. Here the logarithms of the largest distances from the middle are compared with how the next ones below them
are spread. In a Pareto tail, of any index, the ratios of neighbouring order statistics are independent (Rényi), and the
comparison has an F distribution exactly. Lighter tails (normal, exponential, lognormal) make it err to the quiet side.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

__all__ = ["SHARE", "far_out", "joint_distances"]

Floats = NDArray[np.float64]
SHARE = 0.02
"""At most so many of the rows can be outliers, unless they all hold one value: more are a population of their own."""
REFERENCE = 0.1
MOST_REFERENCE = 100
LEAST_REFERENCE = 8
"""The next values below the suspects tell the tail: a tenth of the rows, from 8 to 100 of them."""
DENSE = 12
"""Every one of so many largest values is tried as the innermost outlier; further in, steps of a quarter."""
RIDGE = 0.02
"""Weight of equal variances in the covariance, so that columns that repeat one another leave it invertible."""
USUAL = 0.95
SWEEPS = 3


def far_out(distances: Floats, rows: int, alpha: float, *, step: float = 0.0, ratio: float = 2.0) -> int:
    """Count the distances that lie farther out than the tail of the rest explains.

    Each of the largest different distances is tried as the innermost outlier. Equal ones count once, so that a value
    that stands in many rows together is no evidence by itself.

    Parameters
    ----------
    distances
        (m,) from the middle of a distribution, on one side of it or on both: above 0, in descending order. Those
        below the largest ``0.02 rows`` and the next 100 are not looked at and may be left out.
    rows
        How many rows there are, with those on the other side and in the middle.
    alpha
        Error probability of this call, for a tail of Pareto's kind or a lighter one.
    step
        Grid on which the values lie (1 for counts), so that ties are not taken for a tail without spread; 0 for none.
    ratio
        An outlier is at least so many times as far out as the farthest of the rest.

    Returns
    -------
    int
        How many of the largest, 0 if none; 0 too where fewer than 8 distances would remain to tell the tail from.

    References
    ----------
    Rényi, On the theory of order statistics, Acta Mathematica Academiae Scientiarum Hungaricae 4 (1953), 191-231;
    Hill, Annals of Statistics 3 (1975), 1163-1174.

    Examples
    --------
    >>> usual = np.arange(60, 0, -1) / 10
    >>> far_out(np.r_[999.0, usual], 122, 0.001), far_out(usual, 121, 0.001)
    (1, 0)
    """
    most = int(max(3, SHARE * rows))
    if len(distances) > most and distances[most] < distances[0] < ratio * distances[most]:
        return 0  # a short way for most columns: no gap is wide enough
    first = np.flatnonzero(np.r_[True, distances[1:] < distances[:-1]]) if len(distances) else np.empty(0, np.intp)
    ends = np.r_[first[1:], len(distances)]
    allowed = (ends <= most) & (len(distances) - ends >= LEAST_REFERENCE)
    if len(ends):
        allowed[0] = ends[0] <= min(rows / 2, len(distances) - LEAST_REFERENCE)
    candidates = len(allowed) if allowed.all() else int(np.argmin(allowed))
    if not candidates:
        return 0
    tried = _tried(candidates)
    wanted = int(np.clip(REFERENCE * rows, LEAST_REFERENCE, MOST_REFERENCE))
    logs = _spread_ties(distances, first, ends, int(ends[tried[-1]]) + wanted, step)
    tops = np.log(np.maximum(distances[first[: tried[-1] + 1]] - step / 2, 1e-300))
    start = ends[tried]
    size = np.minimum(wanted, len(logs) - start)
    sums = np.r_[0.0, np.cumsum(logs)]
    last = logs[start + size - 1]
    # Hill's estimate, the suspects censored at the largest of the rest; 0 where these hold one value without a grid.
    total = sums[start + size - 1] - sums[start] + (tried + 1) * logs[start] - (tried + size) * last
    index = np.maximum(total / (size - 1), 1e-12)
    below = np.log(distances[start] + step / 2)
    excess = (np.cumsum(tops)[tried] - (tried + 1) * below) / index
    other = (size - 1).astype(np.float64)
    p = betainc(other, tried + 1.0, other / (other + np.maximum(excess, 0.0)))
    clear = (p * len(tried) <= alpha) & (tops[tried] - below >= math.log(ratio))
    return int(start[clear].max()) if clear.any() else 0


def _tried(candidates: int) -> NDArray[np.intp]:
    """Which of the different values, from the largest on, are tried."""
    steps = max(2, int(math.log(max(candidates / DENSE, 1.0)) / math.log(1.25)))
    coarse = np.geomspace(DENSE, candidates, steps).astype(np.intp) - 1 if candidates > DENSE else np.empty(0, np.intp)
    return np.unique(np.r_[np.arange(min(candidates, DENSE)), coarse])


def _spread_ties(
    distances: Floats, first: NDArray[np.intp], ends: NDArray[np.intp], needed: int, step: float
) -> Floats:
    """Logarithms of the largest distances, equal ones spread evenly over the step around them."""
    kept = distances[:needed]
    which = np.searchsorted(first, np.arange(len(kept)), side="right") - 1
    place = (np.arange(len(kept)) - first[which] + 0.5) / (ends - first)[which]
    return np.asarray(np.log(np.maximum(kept + step * (0.5 - place), 1e-300)))


def joint_distances(scores: Floats) -> tuple[Floats, Floats]:
    """Mahalanobis distance of each row from the middle, in the columns that it has.

    The covariance is that of the 95 % of rows that are nearest by a first one. Missing values are set to what the
    other columns let expect, which makes the distance that of the columns that are there.

    Parameters
    ----------
    scores
        (n, k) of the columns, each with mean 0 and values of bounded influence, such as normal scores of ranks; NaN
        is missing. More rows than columns.

    Returns
    -------
    distances, residuals
        (n,), 0 or more, and (n, k): how far each value is from what the others let expect, in standard deviations.

    References
    ----------
    Mahalanobis, Proceedings of the National Institute of Sciences of India 2 (1936), 49-55; Rousseeuw & Van Driessen,
    Technometrics 41 (1999), 212-223 (the concentration step, taken once here).
    """
    missing = np.isnan(scores)
    filled = np.where(missing, 0.0, scores)
    usual = np.ones(len(scores), dtype=bool)
    weighted, precision, distances = filled, np.eye(filled.shape[1]), np.zeros(len(filled))
    for _ in range(2):
        for _ in range(2 if missing.any() else 1):
            precision = _precision(filled[usual])
            _fill(filled, missing, precision)
        weighted = filled @ precision
        distances = np.sqrt(np.maximum(np.einsum("ij,ij->i", weighted, filled), 0.0))
        usual = distances <= np.quantile(distances, USUAL)
    return distances, weighted / np.sqrt(np.diag(precision))


def _precision(rows: Floats) -> Floats:
    covariance = rows.T @ rows / len(rows)
    size = len(covariance)
    even = np.eye(size) * max(float(np.trace(covariance)) / size, 1e-12)
    return np.asarray(np.linalg.inv((1 - RIDGE) * covariance + RIDGE * even))


def _fill(filled: Floats, missing: NDArray[np.bool_], precision: Floats) -> None:
    """Minimise the distance over the missing values, one column at a time."""
    for _ in range(SWEEPS):
        for j in np.flatnonzero(missing.any(axis=0)):
            rows = missing[:, j]
            filled[rows, j] = 0.0
            filled[rows, j] = -(filled[rows] @ precision[:, j]) / precision[j, j]
