"""A quality guideline: dimensions, levels, requirements, and what evidence each needs (``qmtestbed/guideline/v1``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from qmtestbed.types.codec import Shape
from qmtestbed.types.values import Text

Part = Literal["measured", "declared"]


@dataclass(frozen=True)
class Level:
    """One level of a dimension.

    An internal level names the ``requirements`` it adds to those of the level before it in its chain; an external
    level names the internal levels it ``asks`` for.
    """

    id: str
    title: Text | None = None
    requirements: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dimension:
    """A quality: external (chosen by the user, one chain) or internal (one or more chains of levels)."""

    code: str
    kind: Literal["external", "internal"]
    title: Text
    chains: tuple[tuple[Level, ...], ...] = ()
    summary: Text | None = None


@dataclass(frozen=True)
class GuidelineRequirement:
    """A clause that evidence is attached to."""

    title: Text
    summary: Text
    needs: tuple[Part, ...]
    informed_by: Annotated[
        tuple[tuple[str, ...], ...],
        Shape(doc="alternatives; each is a set of AIT ids that together inform the requirement"),
    ] = ()
    relates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where the guideline is published."""

    title: str
    publisher: str
    date: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Guideline:
    """One edition of a guideline."""

    schema: Literal["qmtestbed/guideline/v1"]
    id: Annotated[str, Shape(pattern=r"[a-z][a-z0-9_-]*")]
    edition: str
    title: Text
    source: Source
    note: Text
    dimensions: Mapping[str, Dimension]
    requirements: Mapping[str, GuidelineRequirement]

    @property
    def name(self) -> str:
        """Id and edition, as a plan names it: ``mlqm@3``."""
        return f"{self.id}@{self.edition}"

    def internal_chains(self) -> Iterator[tuple[str, tuple[Level, ...]]]:
        """Every (dimension, chain of levels) of the internal dimensions, in the order of the file."""
        for key, dimension in self.dimensions.items():
            if dimension.kind == "internal":
                for chain in dimension.chains:
                    yield key, chain

    def dimension_of(self, requirement: str) -> str | None:
        """Give the internal dimension whose levels name the requirement."""
        for key, chain in self.internal_chains():
            if any(requirement in level.requirements for level in chain):
                return key
        return None

    def requirements_up_to(self, level_id: str) -> tuple[str, ...]:
        """Give the requirements of an internal level and of those before it in its chain."""
        for _, chain in self.internal_chains():
            ids = [level.id for level in chain]
            if level_id in ids:
                upto = chain[: ids.index(level_id) + 1]
                return tuple(r for level in upto for r in level.requirements)
        raise KeyError(level_id)
