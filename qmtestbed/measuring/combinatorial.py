"""Counts of t-way combinations: how often each combination of values of t attributes occurs, and which can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_CELLS", "Feasible", "tuple_counts"]

Codes = NDArray[np.intp]
MOST_CELLS = 2_000_000
"""Most combinations of one tuple of attributes that are held at a time."""


def tuple_counts(
    codes: Sequence[Codes], sizes: Sequence[int], strength: int
) -> Iterator[tuple[tuple[int, ...], NDArray[np.intp]]]:
    """Count the rows of every combination, tuple of attributes by tuple of attributes.

    Parameters
    ----------
    codes
        Per attribute (rows,): 1 to ``sizes[i]`` for its values, 0 where a row has none of them. A row without a value
        in one attribute of a tuple counts in none of its combinations.
    sizes
        How many values each attribute has.
    strength
        How many attributes make a tuple, at least 1.

    Yields
    ------
    attributes, counts
        Positions of the attributes, increasing, in lexical order; and rows per combination, of shape
        ``(sizes[a], sizes[b], …)``.

    Raises
    ------
    ValueError
        A tuple has more than :data:`MOST_CELLS` combinations.
    """
    yield from _extended(codes, sizes, strength, (), np.zeros(len(codes[0]) if codes else 0, dtype=np.intp))


def _extended(
    codes: Sequence[Codes], sizes: Sequence[int], strength: int, chosen: tuple[int, ...], cell: Codes
) -> Iterator[tuple[tuple[int, ...], NDArray[np.intp]]]:
    """Add one attribute to the chosen ones; ``cell`` is the combination of each row so far, as one number."""
    left = strength - len(chosen)
    for j in range(chosen[-1] + 1 if chosen else 0, len(codes) - left + 1):
        attributes, cells = (*chosen, j), cell * (sizes[j] + 1) + codes[j]
        if left > 1:
            yield from _extended(codes, sizes, strength, attributes, cells)
            continue
        shape = [sizes[a] + 1 for a in attributes]
        if prod(shape) > MOST_CELLS:
            raise ValueError(
                f"{prod(shape):,} combinations of one tuple of attributes; at most {MOST_CELLS:,} are counted"
            )
        counts = np.bincount(cells, minlength=prod(shape)).reshape(shape)
        yield attributes, counts[(slice(1, None),) * strength]


class Feasible:
    """Which combinations can occur, where some partial assignments of values are excluded.

    A combination can occur if some assignment of *all* attributes holds it and no exclusion: two exclusions can
    together rule out what neither does alone. Where exclusions chain so many attributes together that their joint
    assignments exceed :data:`MOST_CELLS`, only combinations that hold a whole exclusion are ruled out.

    Parameters
    ----------
    sizes
        How many values each attribute has.
    exclusions
        Each maps positions of attributes to positions of values, from 0; none is empty.
    """

    def __init__(self, sizes: Sequence[int], exclusions: Sequence[Mapping[int, int]]) -> None:
        if not all(exclusions):
            raise ValueError("an exclusion names no attribute, so that nothing could occur")
        self._sizes = tuple(sizes)
        self._exclusions = tuple(exclusions)
        self._linked = _linked(exclusions)
        self._known: dict[tuple[int, ...], NDArray[np.bool_]] = {}
        self._nothing = not all(self._project((), group) for group in set(self._linked.values()))

    def over(self, attributes: Sequence[int]) -> NDArray[np.bool_]:
        """Say of each combination of the attributes (increasing positions) whether it can occur; shape as its sizes."""
        can = np.full([self._sizes[a] for a in attributes], not self._nothing)
        for together in dict.fromkeys(self._linked[a] for a in attributes if a in self._linked):
            inside = tuple(a for a in attributes if a in together)
            if inside not in self._known:
                self._known[inside] = self._project(inside, together)
            can &= self._known[inside].reshape([self._sizes[a] if a in inside else 1 for a in attributes])
        return can

    def _project(self, inside: tuple[int, ...], together: tuple[int, ...]) -> NDArray[np.bool_]:
        scope = together if prod(self._sizes[a] for a in together) <= MOST_CELLS else inside
        joint = np.ones([self._sizes[a] for a in scope], dtype=bool)
        for exclusion in self._exclusions:
            if set(exclusion) <= set(scope):
                joint[tuple(exclusion.get(a, slice(None)) for a in scope)] = False
        return np.asarray(joint.any(axis=tuple(i for i, a in enumerate(scope) if a not in inside)))


def _linked(exclusions: Sequence[Mapping[int, int]]) -> dict[int, tuple[int, ...]]:
    """Give each attribute in an exclusion all those that exclusions link it with, directly or by others, in order."""
    groups: list[set[int]] = []
    for exclusion in exclusions:
        touched = [g for g in groups if g & exclusion.keys()]
        groups = [g for g in groups if g not in touched] + [set(exclusion).union(*touched)]
    return {a: tuple(sorted(g)) for g in groups for a in g}
