"""Rows and images as points, how far apart they are, and which are the nearest to each.

Numbers are in standard deviations of the reference, missing ones stand at its mean; two different categories are
at distance 1. Images are their values, one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qmtestbed.ait import Images, Table
from qmtestbed.measuring.columns import kind_of, names_of, numbers_of

__all__ = ["Frame", "as_points", "frame_of", "nearest"]

Floats = NDArray[np.float64]
CELLS_AT_ONCE = 2**24
"""How many distances a block may have: it bounds the memory, 128 MiB for each copy."""
MOST_CATEGORIES = 50
LARGEST_SHARE = 0.5
"""A category column in which more of the rows than this hold a value of their own names rows and is left out."""


@dataclass(frozen=True)
class _Numbers:
    name: str
    kind: str
    mean: float
    spread: float

    def encoded(self, column: pd.Series[float]) -> Floats:
        values = numbers_of(column, self.kind)  # type: ignore[arg-type]  # it was told by kind_of
        return np.where(np.isfinite(values), (values - self.mean) / self.spread, 0.0)[:, None]


@dataclass(frozen=True)
class _Names:
    name: str
    known: tuple[str, ...]

    def encoded(self, column: pd.Series[str]) -> Floats:
        values = names_of(column)
        return np.stack([values == name for name in self.known], axis=1) / math.sqrt(2)


@dataclass(frozen=True)
class Frame:
    """How rows of a table become points: made by :func:`frame_of` from a reference, used for other tables as well."""

    columns: tuple[_Numbers | _Names, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are looked at."""
        return tuple(c.name for c in self.columns)

    @property
    def numbers(self) -> int:
        """How many of them hold numbers."""
        return sum(isinstance(c, _Numbers) for c in self.columns)

    def points(self, table: Table) -> Floats:
        """Give (n, dimensions) points.

        Raises
        ------
        ValueError
            The table lacks a column, or it holds words where the reference has numbers.
        """
        lacking = [n for n in self.names if n not in table.frame.columns]
        if lacking:
            raise ValueError(f"the table has no column {lacking[0]!r}")
        return np.concatenate([c.encoded(table.frame[c.name]) for c in self.columns], axis=1)


def frame_of(table: Table) -> Frame:
    """Find the features of a table that tell rows apart, and their scales.

    Columns with the roles id, group, weight, time and ignore are left out, constant ones, and text of which more than
    half of the rows hold a value of their own. Of a category with many values the 50 most frequent are told apart.
    """
    found: list[_Numbers | _Names] = []
    for name in table.features.columns:
        column = table.frame[name]
        kind = kind_of(column)
        if name == table.roles.time or kind == "empty":
            continue
        if kind == "categories":
            counts = pd.Series(names_of(column)).value_counts()
            if 1 < len(counts) <= max(LARGEST_SHARE * len(column), 2):
                known = sorted(counts.index, key=lambda c: (-counts[c], c))[:MOST_CATEGORIES]
                found.append(_Names(name, tuple(known)))
            continue
        values = numbers_of(column, kind)
        finite = values[np.isfinite(values)]
        spread = float(finite.std()) if len(finite) else 0.0
        if np.isfinite(spread) and spread > 0:
            found.append(_Numbers(name, kind, float(finite.mean()), spread))
    return Frame(tuple(found))


def as_points(data: Table | Images, reference: Table | Images | None = None) -> Floats:
    """Give rows or images as (n, dimensions) points, scaled as those of the reference (or as their own).

    Raises
    ------
    ValueError
        The two are not of one kind, columns or size.
    """
    like = data if reference is None else reference
    if isinstance(data, Images) or isinstance(like, Images):
        if not isinstance(data, Images) or not isinstance(like, Images):
            raise ValueError("the one is a table and the other holds images")
        if data.pixels.shape[1:] != like.pixels.shape[1:]:
            raise ValueError(f"the images are of sizes {data.pixels.shape[1:]} and {like.pixels.shape[1:]}")
        return np.asarray(data.pixels, dtype=np.float64).reshape(len(data.pixels), -1)
    frame = frame_of(like)
    return frame.points(data) if frame.columns else np.empty((len(data.frame), 0))


def nearest(
    points: Floats, reference: Floats, k: int, *, apart: Sequence[NDArray[np.intp]] | None = None
) -> tuple[Floats, NDArray[np.intp]]:
    """Find the k nearest points of the reference for each point, exactly.

    Parameters
    ----------
    points, reference
        (n, d) and (m, d).
    k
        At most m.
    apart
        Two arrays of numbers, (n,) and (m,): points with the same one are not neighbours of each other. For
        neighbours within one set these are ``np.arange(n)`` twice, or the groups of its rows twice.

    Returns
    -------
    distances, positions
        (n, k), nearest first; of equally near ones the first. The distance is infinite where there is none.
    """
    squares = np.einsum("ij,ij->i", reference, reference)
    step = max(CELLS_AT_ONCE // max(len(reference), 1), 1)
    distances, positions = np.empty((len(points), k)), np.empty((len(points), k), dtype=np.intp)
    for start in range(0, len(points), step):
        block = points[start : start + step]
        apart2 = np.einsum("ij,ij->i", block, block)[:, None] + squares - 2 * (block @ reference.T)
        if apart is not None:
            apart2[apart[0][start : start + step, None] == apart[1]] = np.inf
        few = np.sort(np.argpartition(apart2, k - 1, axis=1)[:, :k], axis=1) if k < len(reference) else None
        at = np.broadcast_to(np.arange(len(reference)), apart2.shape) if few is None else few
        at = np.take_along_axis(at, np.argsort(np.take_along_axis(apart2, at, 1), axis=1, kind="stable"), 1)[:, :k]
        # Differences again, one by one: the product above loses half of the digits where points nearly agree.
        exact = np.linalg.norm(block[:, None] - reference[at], axis=2)
        exact[~np.isfinite(np.take_along_axis(apart2, at, 1))] = np.inf
        order = np.argsort(exact, axis=1, kind="stable")
        distances[start : start + step] = np.take_along_axis(exact, order, 1)
        positions[start : start + step] = np.take_along_axis(at, order, 1)
    return distances, positions
