"""What is not the same in two guidelines, or in two editions of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qmtestbed.types.guideline import Dimension, Guideline, GuidelineRequirement


@dataclass(frozen=True)
class Changed:
    """One aspect of something that both have."""

    id: str
    aspect: str
    before: str
    after: str


@dataclass(frozen=True)
class Compared:
    """Things of one kind: those that only one side has, and what changed in the others."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Changed, ...]


@dataclass(frozen=True)
class GuidelineDiff:
    """From one guideline to another. Texts are told as changed and not shown; ids decide what is the same."""

    before: str
    after: str
    dimensions: Compared
    levels: Compared
    requirements: Compared

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return all(x == Compared((), (), ()) for x in (self.dimensions, self.levels, self.requirements))


def diff(before: Guideline, after: Guideline) -> GuidelineDiff:
    """Compare two guidelines, both completed."""
    return GuidelineDiff(
        before=before.name,
        after=after.name,
        dimensions=_compared(_dimensions(before), _dimensions(after)),
        levels=_compared(_levels(before), _levels(after)),
        requirements=_compared(_requirements(before), _requirements(after)),
    )


Aspects = Mapping[str, str]
"""What is compared of one thing, as text by name."""

_TEXT = "text"


def _compared(before: Mapping[str, Aspects], after: Mapping[str, Aspects]) -> Compared:
    return Compared(
        added=tuple(id for id in after if id not in before),
        removed=tuple(id for id in before if id not in after),
        changed=tuple(c for id in before if id in after for c in _changes(id, before[id], after[id])),
    )


def _changes(id: str, before: Aspects, after: Aspects) -> Iterator[Changed]:
    for aspect, was in before.items():
        if was != after[aspect]:
            shown = ("", "") if aspect == _TEXT else (was, after[aspect])
            yield Changed(id, aspect, *shown)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _dimensions(guideline: Guideline) -> dict[str, Aspects]:
    return {key: _dimension(d) for key, d in guideline.dimensions.items()}


def _dimension(d: Dimension) -> Aspects:
    return {"kind": d.kind, "code": d.code, _TEXT: repr((d.title, d.summary))}


def _levels(guideline: Guideline) -> dict[str, Aspects]:
    """Levels by id; those of external dimensions with their dimension, as two may have levels of one name."""
    return {
        level.id if d.kind == "internal" else f"{key} {level.id}": {
            "asks": _list(level.asks),
            "requirements": _list(level.requirements),
            "after": chain[i - 1].id if i else "nothing",
            _TEXT: repr(level.title),
        }
        for key, d in guideline.dimensions.items()
        for chain in d.chains
        for i, level in enumerate(chain)
    }


def _requirements(guideline: Guideline) -> dict[str, Aspects]:
    return {id: _requirement(guideline, id, r) for id, r in guideline.requirements.items()}


def _requirement(guideline: Guideline, id: str, r: GuidelineRequirement) -> Aspects:
    sets = (" and ".join(sorted(map(str, alternative))) for alternative in r.alternatives())
    return {
        "dimension": guideline.dimension_of(id) or "none",
        "level": guideline.level_of(id) or "none",
        "needs": " and ".join(r.needs) or "nothing",
        "informed_by": " or ".join(sets) or "nothing",
        "relates": _list(r.relates),
        _TEXT: repr((r.title, r.summary, r.unverified)),
    }
