"""Which requirements of a guideline can be shown with the AITs that are installed."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from qmtestbed.types.guideline import Guideline, Part


@dataclass(frozen=True)
class CoveredRequirement:
    """One requirement: what it needs, and what informs its measured part.

    Attributes
    ----------
    alternatives
        Sets of AITs, each as ``ait`` or ``ait on measure``.
    lacking
        AITs among them that are not installed.
    measurable
        Whether all AITs of one alternative are there; ``None`` where nothing need be measured.
    """

    id: str
    title: str
    needs: tuple[Part, ...]
    alternatives: tuple[tuple[str, ...], ...]
    lacking: tuple[str, ...]
    measurable: bool | None


@dataclass(frozen=True)
class Coverage:
    """Every requirement of a guideline, in its order, and how many there are of which kind."""

    guideline: str
    requirements: tuple[CoveredRequirement, ...]
    measured_parts: int
    measurable_parts: int
    declared_parts: int


def coverage(guideline: Guideline, installed: Container[str]) -> Coverage:
    """Say of every requirement which parts it needs and which AITs inform it.

    Parameters
    ----------
    guideline
        The guideline, completed.
    installed
        Ids of the AITs that can be used.
    """
    found = tuple(_covered(guideline, id, installed) for id in guideline.requirements)
    return Coverage(
        guideline=guideline.name,
        requirements=found,
        measured_parts=sum("measured" in r.needs for r in found),
        measurable_parts=sum(bool(r.measurable) for r in found),
        declared_parts=sum("declared" in r.needs for r in found),
    )


def _covered(guideline: Guideline, id: str, installed: Container[str]) -> CoveredRequirement:
    requirement = guideline.requirements[id]
    sets = requirement.alternatives()
    complete = any(all(i.ait in installed for i in alternative) for alternative in sets)
    return CoveredRequirement(
        id=id,
        title=requirement.title.en,
        needs=requirement.needs,
        alternatives=tuple(tuple(sorted(map(str, alternative))) for alternative in sets),
        lacking=tuple(sorted({i.ait for alternative in sets for i in alternative if i.ait not in installed})),
        measurable=complete if "measured" in requirement.needs else None,
    )
