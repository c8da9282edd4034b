"""What is asked for under each guideline: requirements, and ladders of levels up to the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from qmtestbed.types.evidence import Evidence
from qmtestbed.types.guideline import Dimension, Guideline, Level


@dataclass(frozen=True)
class Rung:
    """One level with all requirements it stands for, those of the levels below included.

    ``complete`` is false where it asks for an internal level that has no requirements.
    """

    id: str
    requirements: tuple[str, ...]
    complete: bool = True


@dataclass(frozen=True)
class Ladder:
    """One chain of levels up to its target, which is the last rung."""

    dimension: str
    kind: Literal["external", "internal"]
    rungs: tuple[Rung, ...]

    @property
    def target(self) -> Rung:
        """The level that is asked for."""
        return self.rungs[-1]


@dataclass(frozen=True)
class Target:
    """What is asked for under one guideline; ``prefix`` comes before its ids where a plan has several guidelines."""

    name: str
    guideline: Guideline | None
    prefix: str
    asked: bool
    requirements: tuple[str, ...]
    ladders: tuple[Ladder, ...]

    def shown(self, requirement: str) -> str:
        """Give the id by which the assessment names a requirement."""
        return self.prefix + requirement


def targets(evidence: Evidence) -> tuple[Target, ...]:
    """Give the target under each guideline of the plan, in the plan's order."""
    names = evidence.plan.guidelines
    found = []
    for name in names:
        prefix = f"{name}:" if len(names) > 1 else ""
        guideline = evidence.guidelines.get(name)
        found.append(_target(name, guideline, prefix, evidence.plan.targets(name)))
    return tuple(found)


def spellings(asked: Iterable[Target]) -> Mapping[str, str]:
    """Map every way to write a requirement to the id by which the assessment names it; ambiguous ways are left out."""
    every = [
        (t, r)
        for t in asked
        for r in {**dict.fromkeys(t.guideline.requirements if t.guideline else ()), **dict.fromkeys(t.requirements)}
    ]
    count = Counter(r for _, r in every)
    bare = {r: t.shown(r) for t, r in every if count[r] == 1}
    return {**bare, **{f"{t.name}:{r}": t.shown(r) for t, r in every}}


def _target(name: str, guideline: Guideline | None, prefix: str, levels: Mapping[str, str]) -> Target:
    if guideline is None:
        nothing = tuple(Ladder(d, "external", (Rung(level, ()),)) for d, level in sorted(levels.items()))
        return Target(name, None, prefix, bool(levels), (), nothing)
    up_to = _requirements_up_to(guideline)
    external = tuple(_external(guideline, d, level, up_to) for d, level in _in_order(guideline, levels))
    whole = not guideline.has_targets
    asks = set(up_to) if whole else {a for d, level in levels.items() for a in _asks(guideline, d, level)}
    internal = tuple(_internal(guideline, asks, up_to))
    wanted = {r for ladder in internal for r in ladder.target.requirements}
    if whole:
        wanted |= set(guideline.requirements)
    known = tuple(r for r in guideline.requirements if r in wanted)
    unknown = tuple(sorted(wanted - set(known)))
    return Target(name, guideline, prefix, whole or bool(levels), known + unknown, external + internal)


def _in_order(guideline: Guideline, levels: Mapping[str, str]) -> list[tuple[str, str]]:
    order = {d: i for i, d in enumerate(guideline.dimensions)}
    return sorted(levels.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def _requirements_up_to(guideline: Guideline) -> dict[str, tuple[str, ...]]:
    return {
        level.id: tuple(r for below in chain[: i + 1] for r in below.requirements)
        for _, chain in guideline.internal_chains()
        for i, level in enumerate(chain)
    }


def _chain_to(dimension: Dimension | None, level: str) -> tuple[Level, ...]:
    """Give the chain of the dimension up to the level; empty if there is no such level."""
    for chain in dimension.chains if dimension else ():
        ids = [x.id for x in chain]
        if level in ids:
            return chain[: ids.index(level) + 1]
    return ()


def _asks(guideline: Guideline, dimension: str, level: str) -> tuple[str, ...]:
    chain = _chain_to(guideline.dimensions.get(dimension), level)
    return chain[-1].asks if chain else ()


def _external(guideline: Guideline, dimension: str, level: str, up_to: Mapping[str, tuple[str, ...]]) -> Ladder:
    rungs = []
    for step in _chain_to(guideline.dimensions.get(dimension), level):
        sets = [up_to.get(a, ()) for a in step.asks]
        rungs.append(Rung(step.id, tuple(dict.fromkeys(r for s in sets for r in s)), all(sets)))
    return Ladder(dimension, "external", tuple(rungs) or (Rung(level, ()),))


def _internal(guideline: Guideline, asks: set[str], up_to: Mapping[str, tuple[str, ...]]) -> Iterable[Ladder]:
    for dimension, chain in guideline.internal_chains():
        top = max((i for i, level in enumerate(chain) if level.id in asks), default=None)
        if top is not None:
            yield Ladder(dimension, "internal", tuple(Rung(x.id, up_to[x.id]) for x in chain[: top + 1]))
