"""A power law of the error: a + b m^-c for m training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar, nnls

STEEPEST = 4.0
FLATTEST = 0.05
EDGE = 1e-3
"""What is so near to its bound, as a share, sits on it."""


@dataclass(frozen=True)
class Law:
    """error(m) = floor + height * m^-power, all above 0."""

    floor: float
    height: float
    power: float

    def at(self, rows: float) -> float:
        """Give the error with so many training rows."""
        return float(self.floor + self.height * float(rows) ** -self.power)


def fit(sizes: np.ndarray, errors: np.ndarray) -> Law | None:
    """Fit the law by least squares, floor and height not negative; ``None`` where a parameter sits on its bound.

    For a given power the other two are a linear problem, so that the search is over one number only: on a grid first,
    for it can have several minima.
    """
    scaled = sizes / sizes[-1]  # else height and power can't be told apart numerically

    def solved(power: float) -> tuple[np.ndarray, float]:
        basis = np.c_[np.ones(len(scaled)), scaled**-power]
        weights, rest = nnls(basis, errors)
        return weights, float(rest)

    grid = np.geomspace(FLATTEST, STEEPEST, 30)
    best = int(np.argmin([solved(power)[1] for power in grid]))
    if best in (0, len(grid) - 1):
        return None
    found = minimize_scalar(lambda c: solved(c)[1], bounds=(grid[best - 1], grid[best + 1]), method="bounded",
                            options={"xatol": 1e-10})  # fmt: skip
    (floor, height), _ = solved(float(found.x))
    if floor <= EDGE * max(errors[-1], EDGE) or height <= EDGE * max(errors[-1], EDGE):
        return None
    return Law(float(floor), float(height * sizes[-1] ** found.x), float(found.x))
