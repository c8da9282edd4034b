"""How far each chain of levels is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qmtestbed.judging.targets import Ladder, Rung, Target
from qmtestbed.types.assessment import LevelState, LevelVerdict, RequirementState

NOTHING_TO_MEASURE = "nothing to measure"


def judge_levels(asked: Sequence[Target], requirements: Sequence[RequirementState]) -> tuple[LevelState, ...]:
    """Judge the external levels asked for, then the internal chains they ask for, guideline by guideline.

    Both are ladders whose rungs stand for sets of requirements: an external level is reached when all its internal
    levels are, which is when all their requirements that apply are supported.
    """
    by_id = {r.id: r for r in requirements}
    return tuple(_judge(target, ladder, by_id) for target in asked for ladder in target.ladders)


def _judge(target: Target, ladder: Ladder, by_id: Mapping[str, RequirementState]) -> LevelState:
    applying = {rung.id: _applying(target, rung, by_id) for rung in ladder.rungs}
    reached = [r.id for r in ladder.rungs if r.complete and _all_supported(applying[r.id])]
    verdict: LevelVerdict = "not_reached"
    if not ladder.target.requirements:
        verdict, reached = "not_covered", []
    elif ladder.target.id in reached:
        verdict = "reached"
    elif ladder.target.complete and not applying[ladder.target.id]:
        verdict = "not_applicable"
    return LevelState(
        guideline=target.name,
        dimension=ladder.dimension,
        kind=ladder.kind,
        target=ladder.target.id,
        verdict=verdict,
        reached=reached[-1] if reached else None,
        measured_side=_measured_side(ladder, applying),
    )


def _applying(target: Target, rung: Rung, by_id: Mapping[str, RequirementState]) -> list[RequirementState]:
    states = (by_id[target.shown(r)] for r in rung.requirements if target.shown(r) in by_id)
    return [s for s in states if s.verdict != "not_applicable"]


def _all_supported(applying: Sequence[RequirementState]) -> bool:
    """Whether all are supported, and there is one."""
    return bool(applying) and all(s.verdict == "supported" for s in applying)


def _measured_side(ladder: Ladder, applying: Mapping[str, Sequence[RequirementState]]) -> str | None:
    """Give the highest level whose measured parts are all supported; a level without any is not claimed."""
    best: str | None = None
    parts = {rung: [s.parts["measured"] for s in states if "measured" in s.parts] for rung, states in applying.items()}
    if not parts[ladder.target.id]:
        return NOTHING_TO_MEASURE
    for rung in ladder.rungs:
        if rung.complete and parts[rung.id] and set(parts[rung.id]) == {"supported"}:
            best = rung.id
    return best
