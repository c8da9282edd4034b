"""Shapley values by sampling, and how far two attributions agree on what matters most.

A game gives a value to each set of players. Players join one after the other; each is credited with what its joining
adds; the Shapley value is the mean over all orders in which they may join. Over some orders that were drawn, it is an
unbiased estimate, and the credits of each order add up to what all players together are worth (efficiency).

References: Shapley, A value for n-person games, Contributions to the Theory of Games II (1953), 307-317; Castro, Gómez
& Tejada, Polynomial calculation of the Shapley value based on sampling, Computers & Operations Research 36 (2009),
1726-1730.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kendalltau, weightedtau

__all__ = ["coalitions", "credits_of", "draw_orders", "every_order", "rank_correlation", "shapley_values"]

Floats = NDArray[np.float64]
Orders = NDArray[np.intp]
MOST_EXACT = 8
"""Players up to whom all orders are looked at: 8! = 40,320."""


def every_order(players: int) -> Orders:
    """Give all orders of at most :data:`MOST_EXACT` players, (players!, players)."""
    if not 1 <= players <= MOST_EXACT:
        raise ValueError(f"all orders are for 1 to {MOST_EXACT} players; found {players}")
    return np.array(list(permutations(range(players))), dtype=np.intp)


def draw_orders(count: int, players: int, rng: np.random.Generator) -> Orders:
    """Draw orders, (count, players): every second one is the one before it backwards.

    A player that joins early in the one joins late in the other, which makes their mean vary less (antithetic).
    """
    drawn = rng.permuted(np.tile(np.arange(players, dtype=np.intp), (count, 1)), axis=1)
    drawn[1::2] = drawn[: count - count % 2 : 2, ::-1]
    return drawn


def coalitions(orders: Orders) -> NDArray[np.bool_]:
    """Who is in, step by step: (n, players) orders give (n, players + 1, players), from nobody to everybody."""
    joins = np.argsort(orders, axis=1)
    return np.asarray(joins[:, None, :] < np.arange(orders.shape[1] + 1)[None, :, None])


def credits_of(values: ArrayLike, orders: Orders) -> Floats:
    """What each player adds when joining.

    Parameters
    ----------
    values
        (n, players + 1) value of each of the :func:`coalitions`.
    orders
        (n, players).

    Returns
    -------
    array
        (n, players) by player, in the unit of the values; each line adds up to its last value less its first.
    """
    added = np.diff(np.asarray(values, dtype=np.float64), axis=1)
    found = np.empty_like(added)
    np.put_along_axis(found, orders, added, axis=1)
    return found


def shapley_values(value: Callable[[NDArray[np.bool_]], ArrayLike], orders: Orders) -> Floats:
    """Shapley values of one game over some orders: exact where these are all of them.

    Parameters
    ----------
    value
        From (m, players) sets, ``True`` for who is in, to their (m,) values.
    orders
        (n, players), from :func:`every_order` or :func:`draw_orders`.

    Returns
    -------
    array
        (players,) in the unit of the values; 0 for a player that adds nothing.

    Examples
    --------
    >>> shapley_values(lambda s: 3.0 * s[:, 0] + 2.0 * (s[:, 0] & s[:, 1]), every_order(2)).tolist()
    [4.0, 1.0]
    """
    sets = coalitions(orders)
    values = np.asarray(value(sets.reshape(-1, orders.shape[1])), dtype=np.float64)
    return np.asarray(credits_of(values.reshape(len(orders), -1), orders).mean(axis=0))


def rank_correlation(first: ArrayLike, second: ArrayLike, *, weighted: bool = False) -> float | None:
    """Kendall's tau-b of two attributions, in [-1, 1]: 1 for the same ranking, about 0 for rankings by chance.

    Parameters
    ----------
    first, second
        (players,) in any unit. Values that differ by less than a billionth of the largest size are ties, as they would
        be in exact arithmetic.
    weighted
        Whether pairs of high ranks weigh more (each rank by 1 / its number, hyperbolic).

    Returns
    -------
    float or None
        ``None`` where one of them tells no player from another.

    References
    ----------
    Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945), 239-251; Vigna, A weighted correlation
    index for rankings with ties, WWW 2015, 1166-1176.
    """
    a, b = (_without_rounding(np.asarray(x, dtype=np.float64)) for x in (first, second))
    if len(a) < 2 or not np.ptp(a) or not np.ptp(b):
        return None
    found = weightedtau(a, b) if weighted else kendalltau(a, b)
    return float(np.round(np.clip(found.statistic, -1.0, 1.0), 12))  # so that full agreement is 1 exactly


def _without_rounding(x: Floats) -> Floats:
    size = float(np.abs(x).max(initial=0.0))
    return np.asarray(np.rint(x / size * 1e9)) if size else x
