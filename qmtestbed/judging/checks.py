"""One check: its record against its criteria, and the clauses it speaks to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qmtestbed.judging.baseline import beside_baseline
from qmtestbed.judging.criteria import judge_criterion
from qmtestbed.judging.targets import Target
from qmtestbed.judging.waivers import beside_waiver
from qmtestbed.judging.wording import why_not_measured
from qmtestbed.types.assessment import CheckVerdict, CheckVerdicts, CriterionVerdict
from qmtestbed.types.baseline import names_baseline
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.plan import Check
from qmtestbed.types.record import Record


def judge_checks(evidence: Evidence, asked: Sequence[Target], spelled: Mapping[str, str]) -> tuple[CheckVerdicts, ...]:
    """Judge every check of the plan, in the plan's order.

    Parameters
    ----------
    evidence
        The run.
    asked
        The target under each guideline.
    spelled
        Every way to write a requirement, and the id by which the assessment names it.
    """
    return tuple(_judge_check(evidence, name, asked, spelled) for name in evidence.plan.checks)


def _judge_check(evidence: Evidence, name: str, asked: Sequence[Target], spelled: Mapping[str, str]) -> CheckVerdicts:
    check = evidence.plan.checks[name]
    record = evidence.record_of(name)
    criteria = _criteria(evidence, check, record, name)
    clauses = _clauses(check, asked, spelled)
    compared = evidence.baseline_of(name) if names_baseline(check) else None
    return CheckVerdicts(
        id=name,
        ait=check.ait,
        verdict=verdict_of(criteria),
        criteria=criteria,
        record=record.key if record else None,
        status=record.status if record else "no_record",
        clauses=clauses,
        related=tuple(c for c in _related(evidence, check, asked, spelled) if c not in clauses),
        error=record.error if record else None,
        baseline=compared.key if compared else None,
    )


def _criteria(evidence: Evidence, check: Check, record: Record | None, name: str) -> tuple[CriterionVerdict, ...]:
    """Judge the criteria; exactly one undetermined one, which nothing waives, where nothing was measured."""
    if record is None:
        lost = evidence.info.checks.get(name)
        why = f"its record {lost} is not in the evidence" if lost else "the run made no record for it"
        return (CriterionVerdict("(not measured: no record)", "undetermined", why),)
    if record.status != "measured":
        text = f"(not measured: {record.status.replace('_', ' ')})"
        return (CriterionVerdict(text, "undetermined", why_not_measured(record)),)
    if record.kind != "measure" or record.program.id != check.ait:
        why = f"its record was made by {record.program.id}, not by {check.ait}"
        return (CriterionVerdict("(not measured: record of another job)", "undetermined", why),)
    manifest = evidence.manifests.get(check.ait)
    declared = None if manifest is None else manifest.measures
    beside = beside_baseline(evidence, name, record) if names_baseline(check) else None
    waivers = [w for w in evidence.plan.waivers if w.check == name]
    judged = (
        replace(judge_criterion(e, record.measures, declared, beside), default=evidence.is_default(check, e))
        for e in check.expect
    )
    return tuple(beside_waiver(c, waivers, evidence.info.as_of) for c in judged)


def verdict_of(criteria: Sequence[CriterionVerdict]) -> CheckVerdict:
    """Say what criteria mean together for the check that has them."""
    found = {c.verdict for c in criteria}
    if not found:
        return "reported"
    if "not_met" in found:
        return "not_met"
    return "undetermined" if "undetermined" in found else "met"


def _clauses(check: Check, asked: Sequence[Target], spelled: Mapping[str, str]) -> tuple[str, ...]:
    """Give the target's requirements that the check is for: those it names, or those that its AIT informs there."""
    named = None if check.for_ is None else {spelled.get(c, c) for c in check.for_}
    return tuple(
        target.shown(r)
        for target in asked
        for r in target.requirements
        if (_informs(target, r, check.ait) if named is None else target.shown(r) in named)
    )


def _informs(target: Target, requirement: str, ait: str) -> bool:
    described = target.guideline.requirements.get(requirement) if target.guideline else None
    return described is not None and bool(described.informants(ait))


def _names(target: Target) -> tuple[str, ...]:
    """Give the guidelines whose clauses are the target's: its own and, for a profile, the one that it extends."""
    extended = target.guideline.extends if target.guideline else None
    return (target.name,) if extended is None else (target.name, extended)


def _related(evidence: Evidence, check: Check, asked: Sequence[Target], spelled: Mapping[str, str]) -> tuple[str, ...]:
    """Give the clauses that the plan or the manifest names, in this order, each once."""
    manifest = evidence.manifests.get(check.ait)
    informs = manifest.informs if manifest else {}
    informed = [t.shown(r) for t in asked for name in _names(t) for r in informs.get(name, ())]
    return tuple(dict.fromkeys([spelled.get(c, c) for c in check.for_ or ()] + informed))
