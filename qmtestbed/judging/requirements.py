"""Requirements of the target: what their parts say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from qmtestbed.judging.parts import declared_part, measured_part, narrowed, not_applicable
from qmtestbed.judging.targets import Target
from qmtestbed.types.assessment import CheckVerdicts, DeclarationState, PartState, RequirementState, RequirementVerdict
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.guideline import GuidelineRequirement
from qmtestbed.types.text import Text

_UNDESCRIBED = GuidelineRequirement(Text(""), Text(""), ())


def judge_requirements(
    evidence: Evidence, asked: Sequence[Target], checks: Sequence[CheckVerdicts], spelled: Mapping[str, str]
) -> tuple[RequirementState, ...]:
    """Judge every requirement of the target, in the order of the guidelines.

    Parameters
    ----------
    evidence
        The run, for its declarations and for which checks say ``for`` themselves.
    asked
        The target under each guideline.
    checks
        All checks, judged.
    spelled
        Every way to write a requirement, and the id by which the assessment names it.
    """
    explicit = {name for name, check in evidence.plan.checks.items() if check.for_ is not None}
    states = []
    for target in asked:
        for requirement in target.requirements:
            shown = target.shown(requirement)
            declared = tuple(d for d in evidence.info.declarations if spelled.get(d.requirement) == shown)
            states.append(_judge(target, requirement, checks, explicit, declared))
    return tuple(states)


def _judge(
    target: Target,
    requirement: str,
    checks: Sequence[CheckVerdicts],
    explicit: Set[str],
    declared: tuple[DeclarationState, ...],
) -> RequirementState:
    shown = target.shown(requirement)
    guideline = target.guideline
    described = (guideline.requirements.get(requirement) if guideline else None) or _UNDESCRIBED
    own = [c for c in checks if shown in c.clauses]
    mine = [c if c.id in explicit else narrowed(described, c) for c in own]
    judged = {"measured": measured_part(described, mine, explicit), "declared": declared_part(declared)}
    parts: dict[str, PartState] = {part: judged[part][0] for part in described.needs}
    reasons = [f"{part}: {judged[part][1]}" for part in described.needs]
    verdict, reason = _together(parts), "; ".join(reasons) or "the guideline names no evidence for it"
    rests_on: list[CheckVerdicts] = [c for c in mine if "measured" in parts and c.verdict != "reported"]
    waiver = not_applicable(declared)
    if waiver is not None:
        verdict, rests_on = "not_applicable", []
        reason = f"declared not applicable by {waiver.by} on {waiver.date}: {waiver.not_applicable}"
    return RequirementState(
        id=shown,
        guideline=target.name,
        dimension=(guideline.dimension_of(requirement) if guideline else None) or "",
        needs=described.needs,
        parts=parts,
        verdict=verdict,
        reason=reason,
        checks=tuple(c.id for c in mine),
        related=tuple(c.id for c in checks if shown in c.related),
        records=tuple(dict.fromkeys(key for c in rests_on for key in (c.record, c.baseline) if key)),
        declarations=declared,
    )


def _together(parts: Mapping[str, PartState]) -> RequirementVerdict:
    """Say what the needed parts say together; nothing is supported by needing nothing."""
    states = set(parts.values())
    if "contradicted" in states:
        return "contradicted"
    if states == {"supported"}:
        return "supported"
    if "undetermined" in states:
        return "undetermined"
    return "partly_supported" if "supported" in states else "no_evidence"
