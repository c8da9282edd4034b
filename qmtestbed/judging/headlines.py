"""The two headlines, never mixed: how many criteria are met, and how much of the target has evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qmtestbed.judging.targets import Target
from qmtestbed.judging.waivers import waived_headline
from qmtestbed.judging.wording import listed
from qmtestbed.types.assessment import (
    CheckVerdicts,
    CriteriaHeadline,
    CriterionVerdict,
    EvidenceHeadline,
    Headlines,
    LevelState,
    RequirementState,
)
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.guideline import Part
from qmtestbed.types.manifest import Manifest


def headlines(
    evidence: Evidence,
    asked: Sequence[Target],
    checks: Sequence[CheckVerdicts],
    requirements: Sequence[RequirementState],
    levels: Sequence[LevelState],
) -> Headlines:
    """Count what was judged; parts are those that requirements of the target need, less the not applicable."""
    applying = [r for r in requirements if r.verdict != "not_applicable"]
    parts = EvidenceHeadline(
        level_asked=any(t.asked for t in asked),
        measured_supported=_count(applying, "measured", "supported"),
        measured_needed=_count(applying, "measured"),
        declared_supported=_count(applying, "declared", "supported"),
        declared_needed=_count(applying, "declared"),
        contradicted=sum(r.verdict == "contradicted" for r in applying),
        not_applicable=len(requirements) - len(applying),
        fills_gap=_fills_gap(asked, checks, applying, levels),
    )
    return Headlines(_criteria(evidence, checks), parts)


def _criteria(evidence: Evidence, checks: Sequence[CheckVerdicts]) -> CriteriaHeadline:
    judged = [c for check in checks for c in check.criteria]
    verdicts = [c.verdict for c in judged]
    decided = [(check.ait, c) for check in checks for c in check.criteria if c.verdict != "undetermined"]
    rates = [r for ait, c in decided if (r := _rate(c, evidence.manifests.get(ait))) is not None]
    met, not_met, undetermined = (verdicts.count(v) for v in ("met", "not_met", "undetermined"))
    alarms = round(math.fsum(rates), 6)
    waived = waived_headline(judged)
    return CriteriaHeadline(len(verdicts), met, not_met, undetermined, len(rates), alarms, waived)


def _rate(judged: CriterionVerdict, manifest: Manifest | None) -> float | None:
    """How often an AIT says that this criterion of its own is missed though nothing is wrong."""
    suggested = manifest.suggested(judged.text) if manifest else None
    return suggested.rate if suggested else None


def _count(requirements: Sequence[RequirementState], part: Part, state: str | None = None) -> int:
    return sum(part in r.parts and state in (None, r.parts[part]) for r in requirements)


def _fills_gap(
    asked: Sequence[Target],
    checks: Sequence[CheckVerdicts],
    applying: Sequence[RequirementState],
    levels: Sequence[LevelState],
) -> str:
    """Say in one line what to do next; empty if nothing is missing."""
    if not asked:
        return "no guideline asked for; name one in the plan"
    if not any(t.asked for t in asked):
        return f"no level asked for; add --level {_example_of_level(asked)}"
    for requirement in applying:
        if requirement.parts.get("measured") == "missing":
            line = _missing_check(asked, checks, requirement)
            if line:
                return line
    undeclared = tuple(r.id for r in applying if r.parts.get("declared") == "missing")
    if undeclared:
        command = f"qmtestbed declare --plan PLAN --requirement {undeclared[0]}"
        return f"add a declaration for {listed(undeclared)}: {command}"
    uncovered = tuple(s.target for s in levels if s.verdict == "not_covered")
    if uncovered:
        return f"the guideline has no requirements for {listed(uncovered)}; ask for another level"
    return ""


def _example_of_level(asked: Sequence[Target]) -> str:
    for target in asked:
        for name, dimension in target.guideline.dimensions.items() if target.guideline else ():
            levels = [level.id for chain in dimension.chains for level in chain if level.asks]
            if levels:
                return f"{name}={levels[0]}"
    return "<dimension>=<level>"


def _missing_check(asked: Sequence[Target], checks: Sequence[CheckVerdicts], requirement: RequirementState) -> str:
    target = next(t for t in asked if t.name == requirement.guideline)
    described = (
        target.guideline.requirements.get(requirement.id.removeprefix(target.prefix)) if target.guideline else None
    )
    sets = described.alternatives() if described else ()
    if requirement.checks:
        ait = next(c.ait for c in checks if c.id == requirement.checks[0])
        on = sorted(i.measure for i in (described.informants(ait) if described else ()) if i.measure)
        criteria = f"a criterion on {on[0]}" if on else "criteria"
        return f"add {criteria} to the check {requirement.checks[0]}, which is for {requirement.id}"
    return f"add a check with {' and '.join(sorted(map(str, sets[0])))} for {requirement.id}" if sets else ""
