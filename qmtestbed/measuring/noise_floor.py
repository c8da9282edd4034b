"""A floor under the disagreement between labels and model: labels that are wrong wherever the rows lie.

Where classes overlap, or the model is not good enough, labels and model disagree where the model is unsure, and less
and less where it is sure. A wrong label does not know how sure the model is: the disagreement it makes stays. So the
rate of disagreement is taken as ``floor + (1 - floor) * expit(a - b * z)``, where z is the sureness of the model.

Only the order of the sureness counts, not its values: z is the (1 + share of less sure rows) / 2 quantile of the normal
distribution. If the model's score were normal and its logistic calibration right, z would be its absolute value; an
overconfident or a timid model has the same z, and so the same floor. Fitted is the profile likelihood of the floor.

References
----------
The same curve is the psychometric function with a lapse rate: Wichmann & Hill, Perception & Psychophysics 63 (2001),
1293-1313. Whether the floor is 0 lies on the border of its range: Self & Liang, Journal of the American Statistical
Association 82 (1987), 605-610.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, expit, logit, ndtri
from scipy.stats import rankdata

__all__ = ["HIGHEST", "NoiseFloor", "fit_floor"]

Floats = NDArray[np.float64]
HIGHEST = 0.5
"""The floor is sought up to here: with more than half of the labels wrong, the rest is no better founded."""
MOST_BINS = 100
RIDGE = 0.01
"""Keeps slope and offset finite where nothing disagrees; as strong as a hundredth of a row."""
STEPS = 100
TINY = 1e-9


@dataclass(frozen=True)
class NoiseFloor:
    """The floor and what follows from it.

    Attributes
    ----------
    value, low, high
        The floor that fits best, in [0, 0.5], and its two-sided interval by the profile likelihood.
    deviance
        By how much twice the log-likelihood is above that without a floor; at least 0.
    flat_share
        Share of rows where the floor makes up more than half of the disagreement: there it has stopped falling.
    sureness
        (n,) z of each row, at least 0.
    a, b
        Of the fitted curve.
    """

    value: float
    low: float
    high: float
    deviance: float
    flat_share: float
    sureness: Floats
    a: float
    b: float

    def is_clear(self, alpha: float) -> bool:
        """Whether there is a floor, with error probability ``alpha`` (one-sided: the floor can't be below 0)."""
        return self.deviance > float(chdtri(1, 2 * alpha))

    def overlap(self, sureness: ArrayLike) -> Floats:
        """Give the rate of disagreement that is due to overlapping classes or the model, at each sureness."""
        return np.asarray(expit(self.a - self.b * np.asarray(sureness, dtype=np.float64)))

    def disagreement(self, sureness: ArrayLike) -> Floats:
        """Give the fitted rate of disagreement at each sureness."""
        return np.asarray(self.value + (1 - self.value) * self.overlap(sureness))


def fit_floor(sureness: ArrayLike, wrong: ArrayLike, confidence: float, design_effect: float = 1.0) -> NoiseFloor:
    """Fit the floor under the disagreement.

    Parameters
    ----------
    sureness
        (n,) how sure the model is of each row, in any unit: only the order counts. At least two different values.
    wrong
        (n,) bool, where the model's class is not the label.
    confidence
        In (0, 1), of the interval.
    design_effect
        By how much the variance is above that of independent rows, at least 1.

    Returns
    -------
    NoiseFloor

    Raises
    ------
    ValueError
        There are not two different values of sureness, or the shapes differ.
    """
    score, hits = np.asarray(sureness, dtype=np.float64), np.asarray(wrong, dtype=np.float64)
    if score.ndim != 1 or score.shape != hits.shape or not len(score) or score.min() == score.max():
        raise ValueError(f"one entry per row and different values are needed; found {score.shape} and {hits.shape}")
    z = ndtri((1 + (rankdata(score) - 0.5) / len(score)) / 2)
    curve = _Binned.of(z, hits)
    # The coarse grid is finer near 0; the fine one lies between the neighbours of its best point.
    coarse = HIGHEST * np.linspace(0, 1, 41) ** 2
    found = curve.profile(coarse)
    best = int(found[0].argmax())
    fine = np.linspace(coarse[max(best - 1, 0)], coarse[min(best + 1, 40)], 21)[1:-1]
    floors, first = np.unique(np.concatenate([coarse, fine]), return_index=True)
    loglik, a, b = (np.concatenate(pair)[first] for pair in zip(found, curve.profile(fine), strict=True))
    at = int(loglik.argmax())
    fallen = 2 * (loglik[at] - loglik) / design_effect
    low, high = _where(floors, fallen, at, float(chdtri(1, 1 - confidence)))
    value, flat = float(floors[at]), float((expit(a[at] - b[at] * z) < floors[at]).mean())
    return NoiseFloor(value, low, high, float(fallen[0]), flat, z, float(a[at]), float(b[at]))


def _where(floors: Floats, fallen: Floats, at: int, limit: float) -> tuple[float, float]:
    """Give the ends of the range in which the likelihood has fallen by no more than the limit; between grid points."""
    inside = np.flatnonzero(fallen <= limit)
    first, last = min(int(inside[0]), at), max(int(inside[-1]), at)
    low, high = float(floors[first]), float(floors[last])
    if first > 0:
        low = float(np.interp(-limit, -fallen[first - 1 : first + 1], floors[first - 1 : first + 1]))
    if last < len(floors) - 1:
        high = float(np.interp(limit, fallen[last : last + 2], floors[last : last + 2]))
    return low, high


@dataclass(frozen=True)
class _Binned:
    """Rows in bins of like sureness: mean sureness, disagreements and rows, each (bins,)."""

    z: Floats
    wrong: Floats
    rows: Floats

    @classmethod
    def of(cls, z: Floats, wrong: Floats) -> _Binned:
        """Sort rows into bins that hold about as many each."""
        order = np.argsort(z, kind="stable")
        edges = np.linspace(0, len(z), min(MOST_BINS, len(z)) + 1).astype(np.intp)
        rows = np.diff(edges).astype(np.float64)
        sums = [np.add.reduceat(x[order], edges[:-1]) for x in (z, wrong)]
        return cls(sums[0] / rows, sums[1], rows)

    def profile(self, floors: Floats) -> tuple[Floats, Floats, Floats]:
        """Give the log-likelihood of each floor at the best a and b, and these; b is not below 0."""
        centre, scale = float(self.z.mean()), float(self.z.std()) or 1.0
        u = (self.z - centre) / scale
        theta = np.zeros((len(floors), 2))
        share = (self.wrong.sum() + 0.5) / (self.rows.sum() + 1)
        theta[:, 0], theta[:, 1] = float(logit(share)), 1.0
        damping = np.full(len(floors), 1e-3)
        value = self._loglik(theta, u, floors)
        for _ in range(STEPS):  # Fisher scoring, damped after Levenberg and Marquardt, for all floors at once
            new = theta + self._step(theta, u, floors, damping)
            new = np.clip(new, [-60.0, 0.0], 60.0)
            reached = self._loglik(new, u, floors)
            better = reached >= value
            moved = np.where(better, reached - value, np.inf)
            theta = np.where(better[:, None], new, theta)
            value = np.where(better, reached, value)
            damping = np.clip(np.where(better, damping / 5, damping * 8), 1e-9, 1e9)
            if ((moved < 1e-8) | (damping > 1e7)).all():
                break
        slope = theta[:, 1] / scale
        return value, theta[:, 0] + slope * centre, slope

    def _loglik(self, theta: Floats, u: Floats, floors: Floats) -> Floats:
        p = floors[:, None] + (1 - floors[:, None]) * expit(theta[:, :1] - theta[:, 1:] * u)
        p = np.clip(p, TINY, 1 - TINY)
        fit = (self.wrong * np.log(p) + (self.rows - self.wrong) * np.log1p(-p)).sum(axis=1)
        return np.asarray(fit - RIDGE / 2 * (theta**2).sum(axis=1))

    def _step(self, theta: Floats, u: Floats, floors: Floats, damping: Floats) -> Floats:
        curve = expit(theta[:, :1] - theta[:, 1:] * u)
        p = np.clip(floors[:, None] + (1 - floors[:, None]) * curve, TINY, 1 - TINY)
        slope = (1 - floors[:, None]) * curve * (1 - curve)
        residual = (self.wrong - self.rows * p) * slope / (p * (1 - p))
        weight = self.rows * slope**2 / (p * (1 - p))
        g0 = residual.sum(axis=1) - RIDGE * theta[:, 0]
        g1 = -(residual * u).sum(axis=1) - RIDGE * theta[:, 1]
        h00 = (weight.sum(axis=1) + RIDGE) * (1 + damping)
        h11 = ((weight * u**2).sum(axis=1) + RIDGE) * (1 + damping)
        h01 = -(weight * u).sum(axis=1)
        size = h00 * h11 - h01**2
        return np.stack([(h11 * g0 - h01 * g1) / size, (h00 * g1 - h01 * g0) / size], axis=1)
