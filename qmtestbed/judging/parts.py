"""The two parts of a requirement: what is measured, and what people declare."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from qmtestbed.judging.checks import verdict_of
from qmtestbed.judging.wording import listed
from qmtestbed.types.assessment import CheckVerdicts, DeclarationState, PartState
from qmtestbed.types.guideline import GuidelineRequirement, Informant


def alternatives(
    described: GuidelineRequirement, checks: Sequence[CheckVerdicts], explicit: Set[str]
) -> tuple[frozenset[Informant], ...]:
    """Give the sets of AITs that can support the requirement.

    Those of the guideline, and each AIT whose check is ``explicit``-ly for the requirement, alone.
    """
    own = (frozenset({Informant(c.ait)}) for c in checks if c.id in explicit)
    return tuple(dict.fromkeys((*described.alternatives(), *own)))


def narrowed(described: GuidelineRequirement, check: CheckVerdicts) -> CheckVerdicts:
    """Give a check as the requirement sees it: where it is informed by measures of the AIT, by criteria on these alone.

    A criterion that is on no measure, because nothing was measured, counts for all.
    """
    measures = {i.measure for i in described.informants(check.ait)}
    if not measures or None in measures:
        return check
    criteria = tuple(c for c in check.criteria if c.measure is None or c.measure in measures)
    return replace(check, criteria=criteria, verdict=verdict_of(criteria))


def _speaks(check: CheckVerdicts, informant: Informant) -> bool:
    measured = informant.measure is None or informant.measure in {c.measure for c in check.criteria}
    return check.ait == informant.ait and measured


def measured_part(
    described: GuidelineRequirement, checks: Sequence[CheckVerdicts], explicit: Set[str]
) -> tuple[PartState, str]:
    """Judge the measured part by the checks that are for the requirement; give its state and the reason.

    A check that is only reported counts as none.
    """
    judged = [c for c in checks if c.verdict != "reported"]
    failing = tuple(c.id for c in judged if c.verdict == "not_met")
    if failing:
        return "contradicted", f"{listed(failing)} not met"
    if not judged:
        reported = tuple(c.id for c in checks)
        return "missing", f"{listed(reported)} has no criteria{_on(described, checks)}" if reported else "no check"
    possible = alternatives(described, judged, explicit)
    for alternative in possible:
        inside = [c for c in judged if any(_speaks(c, i) for i in alternative)]
        complete = all(any(_speaks(c, i) for c in inside) for i in alternative)
        if complete and all(c.verdict == "met" for c in inside):
            return "supported", f"{listed(tuple(c.id for c in inside))} met"
    open_ = tuple(c.id for c in judged if c.verdict == "undetermined")
    if open_:
        return "undetermined", f"{listed(open_)} undetermined"
    present = {i for a in possible for i in a if any(_speaks(c, i) for c in judged)}
    begun = (tuple(sorted(map(str, a - present))) for a in possible if a & present)
    lacking = min(begun, key=len, default=())
    return "undetermined", f"no judged check with {listed(lacking)}"


def _on(described: GuidelineRequirement, checks: Sequence[CheckVerdicts]) -> str:
    """Name the measures that criteria would have to be on, where not any will do."""
    measures = {i.measure for c in checks for i in described.informants(c.ait)}
    return "" if None in measures or not measures else f" on {listed(tuple(sorted(str(m) for m in measures)))}"


def not_applicable(declarations: Sequence[DeclarationState]) -> DeclarationState | None:
    """Give the valid declaration that the requirement does not apply; none where another valid one supports it."""
    valid = [d for d in declarations if d.state == "valid"]
    waivers = [d for d in valid if d.not_applicable]
    return waivers[0] if waivers and len(waivers) == len(valid) else None


def declared_part(declarations: Sequence[DeclarationState]) -> tuple[PartState, str]:
    """Judge the declared part; give its state and the reason."""
    for d in declarations:
        if d.standing == "answered_no":
            more = len(d.answered("no")) - 1
            return "contradicted", f"the checklist answers no: {d.answered_no}" + (f" (and {more} more)" * (more > 0))
    for d in declarations:
        if d.standing == "valid" and (d.statement or d.file or d.checklist):
            return "supported", f"declared by {d.by} on {d.date}"
    if not declarations:
        return "missing", "no declaration"
    return "missing", _why_missing(declarations[0])


def _why_missing(d: DeclarationState) -> str:
    if d.state == "to_do":
        return "to do: nobody has declared it yet"
    if d.standing == "open":
        return f"{len(d.answered(None))} of {len(d.items)} questions of the checklist are open"
    if d.standing == "nothing_applies":
        return "no question of the checklist applies"
    if d.state == "expired":
        return f"the declaration by {d.by} expired" + (f" on {d.until}" if d.until else "")
    if d.state == "not_yet_valid":
        return f"the declaration by {d.by} starts on {d.date}"
    if d.state == "file_missing":
        return f"the declared file {d.at_fault or d.file} is missing"
    if d.state == "file_altered":
        return f"the declared file {d.at_fault or d.file} was altered"
    return f"the declaration by {d.by} has neither statement nor file"
