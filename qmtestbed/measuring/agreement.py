"""Whether two sets of answers to the same rows agree: classes by name, numbers within a tolerance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reference"]


@dataclass(frozen=True)
class Reference:
    """Answers that others are compared with.

    Attributes
    ----------
    answers
        (n,) class names, or float64.
    scale
        What distances of numbers are told in, above 0; ``None`` for classes.
    tolerance
        A number differs if it is farther away than this many scales.
    """

    answers: NDArray[Any]
    scale: float | None
    tolerance: float

    @classmethod
    def of(cls, answers: NDArray[Any], tolerance: float, *, numbers: bool) -> Reference:
        """Take answers; the scale is their standard deviation, where that is 0 the largest of them, else 1."""
        if not numbers:
            return cls(answers, None, tolerance)
        values = np.asarray(answers, dtype=np.float64)
        finite = values[np.isfinite(values)]
        scale = float(finite.std()) or float(np.abs(finite).max()) if len(finite) else 1.0
        return cls(values, scale or 1.0, tolerance)

    @property
    def are_finite(self) -> bool:
        """Whether all answers are classes or finite numbers: without, that none differs says nothing."""
        return self.scale is None or bool(np.isfinite(self.answers).all())

    def at(self, rows: NDArray[np.intp]) -> Reference:
        """Give the answers to some rows, on the scale of all."""
        return replace(self, answers=self.answers[rows])

    def differs(self, others: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell of each row whether another answer differs, (n,)."""
        if self.scale is None:
            return np.asarray(others != self.answers, dtype=bool)
        return self.apart(others) > self.tolerance

    def apart(self, others: NDArray[Any]) -> NDArray[np.float64]:
        """Tell how far other numbers are away, in scales, (n,); infinite where only one of the two is finite."""
        a, b = self.answers, np.asarray(others, dtype=np.float64)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):  # infinite less infinite: they are the same, or far apart
            away = np.abs(a - b) / (self.scale or 1.0)
        return np.where(same, 0.0, np.where(np.isfinite(away), away, np.inf))
