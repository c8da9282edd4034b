"""A random search for wrong answers that only asks the model: after Square (Andriushchenko et al. 2020).

The attacker sets each value to one end of what is allowed and keeps a change of some of them where the true class does
not become more probable. Images are changed in squares, other items in random sets of values; both shrink as the
search goes on.

Reference: Andriushchenko, Croce, Flammarion & Hein, Square Attack: a query-efficient black-box adversarial attack via
random search, ECCV 2020 (arXiv:1912.00049).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Found", "Query", "search"]

Signs = NDArray[np.int8]
Query = Callable[[NDArray[np.intp], Signs], NDArray[np.float64]]
"""From positions of items and their signs to margins: how much more probable the true class is than any other."""
FIRST_SHARE = 0.8
"""Of the values of an item that the first change sets anew."""


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes
    ----------
    signs
        (n, …) of the best attempt for each item.
    margins
        (n,) there; at most 0 where another class is as probable.
    asked
        (n,) how often the model was asked about the item.
    """

    signs: Signs
    margins: NDArray[np.float64]
    asked: NDArray[np.int_]


def search(query: Query, shape: tuple[int, ...], queries: int, rng: np.random.Generator) -> Found:
    """Search for signs that turn the answer, for all items together; an item that has turned is left alone.

    Parameters
    ----------
    query
        Asks the model.
    shape
        (n, height, width, channels) for images, (n, d) for other items.
    queries
        How often the model may be asked about each item, 1 or more.
    rng
        Source of the search.
    """
    n = shape[0]
    signs = _start(shape, rng)
    margins = query(np.arange(n), signs) if n else np.empty(0)
    asked = np.ones(n, dtype=int)
    for turn in range(1, queries):
        at = np.flatnonzero(margins > 0)
        if not len(at):
            break
        tried = _changed(signs[at], FIRST_SHARE * _left(turn / queries), rng)
        reached = query(at, tried)
        asked[at] += 1
        better = reached <= margins[at]
        signs[at[better]], margins[at[better]] = tried[better], reached[better]
    return Found(signs, margins, asked)


def _left(gone: float) -> float:
    """Share of the values that a change sets anew: it is halved seven times, sooner at first (as published)."""
    steps = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
    return 0.5 ** sum(gone > step for step in steps)


def _start(shape: tuple[int, ...], rng: np.random.Generator) -> Signs:
    """Images begin with vertical stripes, other items with random signs."""
    if len(shape) == 4:
        n, _, width, channels = shape
        stripes = rng.choice(np.array([-1, 1], dtype=np.int8), (n, 1, width, channels))
        return np.ascontiguousarray(np.broadcast_to(stripes, shape))
    return rng.choice(np.array([-1, 1], dtype=np.int8), shape)


def _changed(signs: Signs, share: float, rng: np.random.Generator) -> Signs:
    n = len(signs)
    if signs.ndim == 4:
        inside = _squares(signs.shape, share, rng)
        new = rng.choice(np.array([-1, 1], dtype=np.int8), (n, 1, 1, signs.shape[3]))
        return np.where(inside, new, signs)
    k = max(round(share * signs.shape[1]), 1)
    rank = rng.random(signs.shape).argsort(axis=1).argsort(axis=1)
    if k == 1:
        return np.where(rank < 1, -signs, signs)
    return np.where(rank < k, rng.choice(np.array([-1, 1], dtype=np.int8), signs.shape), signs)


def _squares(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    n, height, width, _ = shape
    side = int(np.clip(round((share * height * width) ** 0.5), 1, min(height, width)))
    top, left = rng.integers(0, height - side + 1, n), rng.integers(0, width - side + 1, n)
    rows, columns = np.arange(height)[None, :], np.arange(width)[None, :]
    down = (rows >= top[:, None]) & (rows < top[:, None] + side)
    across = (columns >= left[:, None]) & (columns < left[:, None] + side)
    return np.asarray((down[:, :, None] & across[:, None, :])[..., None])
