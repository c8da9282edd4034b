"""A quality guideline: dimensions, levels, requirements, and what evidence each needs (``qmtestbed/guideline/v1``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, NamedTuple

from qmtestbed.errors import ContentError, Problem
from qmtestbed.types.codec import Shape
from qmtestbed.types.text import Text

Part = Literal["measured", "declared"]
Unverified = Annotated[Text | None, Shape(doc="why this is not certain; absent where it was read in the source")]


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
    """A quality: external (chosen by the user, one chain) or internal (one or more chains of levels).

    Attributes
    ----------
    requirements
        Of an internal dimension without levels: what it holds.
    levels_of
        Of an external dimension of a profile: the dimension of the extended guideline whose levels it has.
    """

    code: str
    kind: Literal["external", "internal"]
    title: Text
    chains: tuple[tuple[Level, ...], ...] = ()
    summary: Text | None = None
    requirements: tuple[str, ...] = ()
    levels_of: str | None = None
    unverified: Unverified = None

    def holds(self, requirement: str) -> bool:
        """Whether the requirement is of this dimension, on a level or without one."""
        return requirement in self.requirements or any(
            requirement in level.requirements for chain in self.chains for level in chain
        )


class Informant(NamedTuple):
    """An AIT that informs a requirement; with a ``measure``, by that measure alone."""

    ait: str
    measure: str | None = None

    @classmethod
    def read(cls, name: str) -> Informant:
        """Read ``ait`` or ``ait.measure``."""
        ait, _, measure = name.partition(".")
        return cls(ait, measure or None)

    def __str__(self) -> str:
        return self.ait if self.measure is None else f"{self.ait} on {self.measure}"


@dataclass(frozen=True)
class GuidelineRequirement:
    """A clause that evidence is attached to; ``relates`` names clauses of other guidelines that ask for the like."""

    title: Text
    summary: Text
    needs: tuple[Part, ...]
    informed_by: Annotated[
        tuple[tuple[str, ...], ...],
        Shape(doc="alternatives; each is a set of AITs, as id or id.measure, that together inform the requirement"),
    ] = ()
    relates: Annotated[tuple[str, ...], Shape(doc="such as iso-5259-2@2024:Com-ML-1")] = ()
    unverified: Unverified = None

    def alternatives(self) -> tuple[frozenset[Informant], ...]:
        """Give the sets of AITs that together inform the requirement."""
        return tuple(frozenset(map(Informant.read, names)) for names in self.informed_by if names)

    def informants(self, ait: str) -> frozenset[Informant]:
        """Give how an AIT informs the requirement; empty if it does not."""
        return frozenset(i for alternative in self.alternatives() for i in alternative if i.ait == ait)


@dataclass(frozen=True)
class Source:
    """Where the guideline is published."""

    title: str
    publisher: str
    date: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Guideline:
    """One edition of a guideline; with ``extends``, a profile over another.

    A profile states what is asked for in words of its own field (its external dimensions) and takes internal
    dimensions and requirements from the guideline that it extends: see :func:`completed`.
    """

    schema: Literal["qmtestbed/guideline/v1"]
    id: Annotated[str, Shape(pattern=r"[a-z][a-z0-9_-]*")]
    edition: Annotated[str, Shape(pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*")]
    title: Text
    source: Source
    note: Text
    dimensions: Mapping[str, Dimension]
    requirements: Mapping[str, GuidelineRequirement] = field(default_factory=dict)
    extends: Annotated[str | None, Shape(doc="the guideline that this is a profile of, such as mlqm@3")] = None

    @property
    def name(self) -> str:
        """Id and edition, as a plan names it: ``mlqm@3``."""
        return f"{self.id}@{self.edition}"

    @property
    def has_targets(self) -> bool:
        """Whether there are levels to choose from; without any, the guideline is asked for as a whole."""
        return any(d.chains for d in self.dimensions.values() if d.kind == "external")

    def internal_chains(self) -> Iterator[tuple[str, tuple[Level, ...]]]:
        """Every (dimension, chain of levels) of the internal dimensions, in the order of the file."""
        for key, dimension in self.dimensions.items():
            if dimension.kind == "internal":
                for chain in dimension.chains:
                    yield key, chain

    def dimension_of(self, requirement: str) -> str | None:
        """Give the internal dimension that the requirement is of."""
        internal = ((key, d) for key, d in self.dimensions.items() if d.kind == "internal")
        return next((key for key, d in internal if d.holds(requirement)), None)

    def level_of(self, requirement: str) -> str | None:
        """Give the internal level that adds the requirement."""
        levels = (level for _, chain in self.internal_chains() for level in chain)
        return next((level.id for level in levels if requirement in level.requirements), None)

    def requirements_up_to(self, level_id: str) -> tuple[str, ...]:
        """Give the requirements of an internal level and of those before it in its chain."""
        for _, chain in self.internal_chains():
            ids = [level.id for level in chain]
            if level_id in ids:
                upto = chain[: ids.index(level_id) + 1]
                return tuple(r for level in upto for r in level.requirements)
        raise KeyError(level_id)


def completed(guideline: Guideline, find: Callable[[str], Guideline | None]) -> Guideline:
    """Give a guideline with everything that it takes from the one it extends; itself if it extends none.

    Each requirement that is taken over relates to its original, so that evidence can be read against both.

    Parameters
    ----------
    guideline
        As its file has it.
    find
        Gives a guideline as its file has it, by name.

    Raises
    ------
    ContentError
        The guideline that is extended is unknown, or extends this one.
    """
    line = [guideline]
    while (name := line[-1].extends) is not None:
        if name in {g.name for g in line}:
            found = " → ".join([*(g.name for g in line), name])
            do = "let one of them stand alone"
            raise ContentError(Problem("a guideline extends itself", guideline.name, found, do))
        base = find(name)
        if base is None:
            raise ContentError(Problem("it extends a guideline that is not there", guideline.name, name))
        line.append(base)
    whole = line.pop()
    for profile in reversed(line):
        whole = _over(profile, whole)
    return whole


def _over(profile: Guideline, base: Guideline) -> Guideline:
    levels: dict[str | None, tuple[tuple[Level, ...], ...]] = {key: d.chains for key, d in base.dimensions.items()}
    own = {key: replace(d, chains=d.chains or levels.get(d.levels_of, ())) for key, d in profile.dimensions.items()}
    internal = {key: d for key, d in base.dimensions.items() if d.kind == "internal"}
    taken = {
        id: replace(r, relates=tuple(dict.fromkeys((f"{base.name}:{id}", *r.relates))))
        for id, r in base.requirements.items()
    }
    return replace(profile, dimensions={**own, **internal}, requirements={**profile.requirements, **taken})
