"""Images cut into square patches: what a score owes to each patch, and what is left when patches are taken away.

A patch that is taken away shows the background instead. All is asked of the model through a score of whole images, so
it holds for any model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmtestbed.measuring.attribution import coalitions, credits_of, draw_orders

__all__ = ["Grid", "Score", "grid_of", "patch_values", "scores_of"]

Pixels = NDArray[np.float32]
Floats = NDArray[np.float64]
Score = Callable[[Pixels, NDArray[np.intp]], Floats]
"""From (m, height, width, channels) images, and which image each was made of, to their (m,) scores."""

VALUES_AT_ONCE = 2**23
"""Numbers in the images that are made at a time, to bound memory (32 MiB)."""


@dataclass(frozen=True)
class Grid:
    """Patches of an image.

    Attributes
    ----------
    of
        (height, width) number of the patch that each pixel lies in, 0 to ``count - 1``.
    count
        How many patches there are.
    """

    of: NDArray[np.intp]
    count: int

    def sums(self, maps: NDArray[np.floating]) -> Floats:
        """Add up (n, height, width) values of pixels by patch: (n, count)."""
        flat = np.asarray(maps, dtype=np.float64).reshape(len(maps), -1)
        return np.stack([np.bincount(self.of.ravel(), weights=line, minlength=self.count) for line in flat])

    def spread(self, values: Floats) -> Floats:
        """Paint (n, count) values over the pixels of their patches: (n, height, width)."""
        return np.asarray(values[:, self.of])


def grid_of(height: int, width: int, most: int) -> Grid:
    """Cut an image into at most ``most`` equal squares (those at the right and lower edge may be cut off)."""
    side = 1
    while -(-height // side) * -(-width // side) > most:
        side += 1
    across = -(-width // side)
    rows, columns = np.arange(height) // side, np.arange(width) // side
    return Grid(rows[:, None] * across + columns[None, :], -(-height // side) * across)


def scores_of(
    score: Score, pixels: Pixels, background: Pixels, grid: Grid, inside: NDArray[np.bool_], of: NDArray[np.intp]
) -> Floats:
    """Score images of which only some patches are left.

    Parameters
    ----------
    score
        Of whole images.
    pixels, background
        (n, height, width, channels) images, and what stands in place of their patches, which broadcasts against one.
    grid
        The patches.
    inside
        (m, count) patches that are left.
    of
        (m,) which image each is made of.

    Returns
    -------
    array
        (m,) scores.
    """
    found = np.empty(len(of))
    step = max(1, VALUES_AT_ONCE // int(np.prod(pixels.shape[1:])))
    for start in range(0, len(of), step):
        block = slice(start, start + step)
        mask = inside[block][:, grid.of][..., None]
        found[block] = score(np.where(mask, pixels[of[block]], background).astype(np.float32), of[block])
    return found


def patch_values(
    score: Score, pixels: Pixels, background: Pixels, grid: Grid, orders: int, rng: np.random.Generator
) -> Floats:
    """Sampled Shapley values of the patches of each image.

    Parameters
    ----------
    score, pixels, background, grid
        As in :func:`scores_of`.
    orders
        In how many random orders the patches of an image come back.
    rng
        Draws the orders, image by image.

    Returns
    -------
    array
        (n, count) in the unit of the score; each line adds up to the score of the image less that of its background.
    """
    found = np.empty((len(pixels), grid.count))
    for i in range(len(pixels)):
        order = draw_orders(orders, grid.count, rng)
        inside = coalitions(order).reshape(-1, grid.count)
        values = scores_of(score, pixels, background, grid, inside, np.full(len(inside), i))
        found[i] = credits_of(values.reshape(orders, -1), order).mean(axis=0)
    return found
