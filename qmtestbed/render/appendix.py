"""What the evidence rests on: records, environments, declarations, assumptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qmtestbed.render.checks import presumes_independent_rows
from qmtestbed.render.context import Context, role_pairs, value_text
from qmtestbed.render.model import DeclarationView, Digest, EnvironmentView, RecordView, Ref, UsedInputView
from qmtestbed.render.requirements import declaration_anchor
from qmtestbed.render.text import Lazily, anchor, percent, seconds, size
from qmtestbed.types.assessment import DeclarationState
from qmtestbed.types.job import Environment
from qmtestbed.types.record import Record

_KINDS = ("measure", "difference", "predict", "probe")


def _identity(e: Environment) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return (e.python, e.platform, tuple(sorted(e.libraries.items())))


def environments(context: Context) -> tuple[EnvironmentView, ...]:
    """List each environment once, named E1, E2, … in the order in which the records show them."""
    seen = dict.fromkeys(_identity(r.environment) for r in _ordered(context))
    return tuple(EnvironmentView(f"environment-{i}", f"E{i}", p, f, v) for i, (p, f, v) in enumerate(seen, 1))


def _ordered(context: Context) -> list[Record]:
    """Sort records: those of checks in the order of the checks, then predictions and probes."""
    of_checks = dict.fromkeys(k for c in context.assessment.checks for k in (c.record, c.baseline))
    position = {key: i for i, key in enumerate(of_checks)}
    records = context.evidence.records.values()
    return sorted(records, key=lambda r: (position.get(r.key, len(position)), _KINDS.index(r.kind), r.key))


def records(context: Context) -> Sequence[RecordView]:
    """List every record."""
    names = {(e.python, e.platform, e.libraries): Ref(e.name, e.anchor) for e in environments(context)}
    checks: dict[str, list[str]] = {}
    for check in context.assessment.checks:
        for key in dict.fromkeys((check.record or "", check.baseline or "")):
            checks.setdefault(key, []).append(check.id)
    return Lazily(_ordered(context), lambda r: _record(r, names[_identity(r.environment)], checks, context))


def _record(r: Record, environment: Ref, checks: Mapping[str, list[str]], context: Context) -> RecordView:
    items = r.items
    return RecordView(
        key=Digest(r.key),
        anchor=anchor("record", r.key),
        kind=r.kind,
        program=r.program.id,
        version=r.program.version,
        program_digest=Digest(r.program.sha256),
        evidence_digest=Digest(r.evidence_digest),
        status=r.status,
        checks=tuple(context.check_ref(c) for c in checks.get(r.key, ())),
        environment=environment,
        isolation=", ".join(r.isolation),
        samples=context.w(f"samples.{r.samples}"),
        seed=str(r.seed),
        confidence=percent(r.confidence),
        planned=f"{items.planned:,}" if items else "",
        attempted=f"{items.attempted:,}" if items else "",
        measured=f"{items.measured:,}" if items else "",
        invalid=f"{items.invalid:,}" if items else "",
        seconds=seconds(r.seconds),
        memory=size(r.peak_memory) if r.peak_memory else "",
        started=r.started,
        reused=r.reused,
        inputs=_inputs(r, context),
        facts=tuple((name, value_text(value)) for name, value in r.facts.items()),
        error=r.error,
    )


def _inputs(r: Record, context: Context) -> tuple[UsedInputView, ...]:
    return tuple(
        UsedInputView(name, used.kind, used.name, Digest(used.job or used.sha256), role_pairs(used.roles, context.w))
        for name, used in r.inputs.items()
    )


def declarations(context: Context) -> tuple[DeclarationView, ...]:
    """List every declaration once: those of the run, then any that only a requirement holds."""
    held = [d for r in context.assessment.requirements for d in r.declarations]
    found: dict[str, DeclarationState] = {}
    for d in (*context.evidence.info.declarations, *held):
        found.setdefault(declaration_anchor(d), d)
    return tuple(_declaration(place, d, context) for place, d in found.items())


def _declaration(place: str, d: DeclarationState, context: Context) -> DeclarationView:
    return DeclarationView(
        anchor=place,
        requirement=context.requirement_ref(d.requirement),
        statement=d.statement or "",
        not_applicable=d.not_applicable or "",
        file=d.file or "",
        digest=Digest(d.sha256) if d.sha256 else None,
        by=d.by,
        date=d.date,
        until=d.until or "",
        state=d.state,
        answered_no=d.answered_no or "",
    )


def assumptions(context: Context) -> tuple[str, ...]:
    """Say what the numbers presume and nobody checked."""
    records, plan = context.evidence.records, context.evidence.plan
    presuming = [c.id for c in context.assessment.checks if presumes_independent_rows(records.get(c.record or ""))]
    if not presuming:
        return ()
    bound = [names for c in presuming if c in plan.checks for names in plan.checks[c].with_.values()]
    flat = dict.fromkeys(n for names in bound for n in ((names,) if isinstance(names, str) else names))
    names = [n for n in flat if not context.is_model(n)]
    return (context.w("assume.independent", names=", ".join(names) or "–"),)
