"""Adversarial attacks by the gradient, in the maximum norm: for images, and for any other array of numbers.

References: Goodfellow, Shlens & Szegedy, Explaining and harnessing adversarial examples, ICLR 2015 (arXiv:1412.6572);
Madry et al., Towards deep learning models resistant to adversarial attacks, ICLR 2018 (arXiv:1706.06083).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Budget", "fgsm", "pgd", "random_start"]

Values = NDArray[np.float32]
Gradient = Callable[[Values, NDArray[Any]], Values]
"""From items and their classes to the gradient of each item's loss, of the shape of the items."""


@dataclass(frozen=True)
class Budget:
    """What the attacker may do: change each value by at most ``epsilon``, inside ``[low, high]``.

    All three are numbers, or arrays that broadcast against one item (as for columns of different units).
    """

    epsilon: float | Values
    low: float | Values
    high: float | Values

    def within(self, x: Values, origin: Values) -> Values:
        """Bring ``x`` to the nearest values that are allowed."""
        epsilon = np.asarray(self.epsilon, dtype=np.float32)
        moved = origin + np.clip(x - origin, -epsilon, epsilon)
        return np.asarray(np.clip(moved, self.low, self.high), dtype=np.float32)


def fgsm(x: Values, gradient: Values, budget: Budget) -> Values:
    """Go one step of the whole budget in the direction in which each value raises the loss.

    Parameters
    ----------
    x
        (n, …) float32 items inside the budget's range.
    gradient
        Of the loss at ``x``, of the same shape. Where it is 0 or not a number, the value stays.
    budget
        What is allowed.

    Returns
    -------
    Values
        Items of the same shape. For a model that is linear in ``x`` no allowed item has a higher loss.
    """
    return budget.within(x + np.asarray(budget.epsilon, dtype=np.float32) * _sign(gradient), x)


def pgd(
    x: Values, classes: NDArray[Any], gradient: Gradient, budget: Budget, *, step: float, steps: int, start: Values
) -> Values:
    """Climb the loss in small steps, and come back into the budget after each.

    Parameters
    ----------
    x, classes
        (n, …) float32 items inside the budget's range, and (n,) their true classes.
    gradient
        Of the loss.
    budget
        What is allowed.
    step
        Length of a step in each value, as a share of the budget's ``epsilon``.
    steps
        How many.
    start
        Where to begin: ``x`` itself or a :func:`random_start`.

    Returns
    -------
    Values
        Items of the same shape, inside the budget.
    """
    length = np.asarray(budget.epsilon, dtype=np.float32) * np.float32(step)
    climbed = start
    for _ in range(steps):
        climbed = climbed + length * _sign(gradient(climbed, classes))
        climbed = budget.within(np.clip(climbed, budget.low, budget.high).astype(np.float32), x)
    return climbed


def random_start(x: Values, budget: Budget, rng: np.random.Generator) -> Values:
    """Draw items uniformly from the budget around each item."""
    epsilon = np.asarray(budget.epsilon, dtype=np.float32)
    return budget.within(x + epsilon * rng.uniform(-1, 1, x.shape).astype(np.float32), x)


def _sign(gradient: Values) -> Values:
    return np.nan_to_num(np.sign(gradient), nan=0.0).astype(np.float32, copy=False)
