"""What the evidence rests on: records, environments, declarations, assumptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qmtestbed.render.checks import presumes_independent_rows
from qmtestbed.render.context import Context, role_pairs, value_text
from qmtestbed.render.model import (
    AnswerView,
    DeclarationView,
    Digest,
    EnvironmentView,
    RecordView,
    Ref,
    UsedInputView,
)
from qmtestbed.render.requirements import declaration_anchor
from qmtestbed.render.text import Lazily, anchor, date, percent, seconds, size
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import DeclarationState
from qmtestbed.types.checklist import Answer, ChecklistItem
from qmtestbed.types.job import Environment
from qmtestbed.types.record import Record, UsedInput

_KINDS = ("measure", "difference", "predict", "probe")


def _identity(e: Environment, w: Words) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    own = f" · {w('environment.own')} {e.isolated[:12]}" if e.isolated else ""
    return (e.python, f"{e.platform}{own}", tuple(sorted(e.libraries.items())))


def environments(context: Context) -> tuple[EnvironmentView, ...]:
    """List each environment once, named E1, E2, … in the order in which the records show them."""
    seen = dict.fromkeys(_identity(r.environment, context.w) for r in _ordered(context))
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
    return Lazily(_ordered(context), lambda r: _record(r, names[_identity(r.environment, context.w)], checks, context))


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
        isolation=context.w.listed(r.isolation),
        samples=context.w(f"samples.{r.samples}"),
        seed=str(r.seed),
        confidence=percent(r.confidence),
        planned=f"{items.planned:,}" if items else "",
        attempted=f"{items.attempted:,}" if items else "",
        measured=f"{items.measured:,}" if items else "",
        invalid=f"{items.invalid:,}" if items else "",
        seconds=seconds(r.seconds, context.language),
        memory=size(r.peak_memory) if r.peak_memory else "",
        started=date(r.started, context.language),
        reused=r.reused,
        inputs=_inputs(r, context),
        facts=tuple((name, value_text(value)) for name, value in r.facts.items()),
        error=r.error,
    )


def _inputs(r: Record, context: Context) -> tuple[UsedInputView, ...]:
    return tuple(_used(name, used, context.w) for name, used in r.inputs.items())


def _used(name: str, used: UsedInput, w: Words) -> UsedInputView:
    device = ((w("input.device"), "GPU"),) if used.device else ()
    return UsedInputView(
        name, used.kind, used.name, Digest(used.job or used.sha256), role_pairs(used.roles, w) + device
    )


def declarations(context: Context) -> tuple[DeclarationView, ...]:
    """List every declaration once: those of the run, then any that only a requirement holds; stubs are none."""
    held = [d for r in context.assessment.requirements for d in r.declarations]
    found: dict[str, DeclarationState] = {}
    for d in (*context.evidence.info.declarations, *held):
        if d.state != "to_do":
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
        date=date(d.date, context.language),
        until=date(d.until or "", context.language),
        state=d.standing,
        answered_no=d.answered_no or "",
        checklist=d.checklist or "",
        checklist_digest=Digest(d.checklist_sha256) if d.checklist_sha256 else None,
        counts=_counts(d, context.w) if d.items else "",
        answers=tuple(_answer(item, context.w) for item in d.items),
        pressing=tuple(_answer(item, context.w) for item in (*d.answered("no"), *d.answered(None))),
    )


_SIGNS: dict[Answer | None, str] = {"yes": "met", "no": "not_met", "not_applicable": "not_applicable", None: "open"}


def _counts(d: DeclarationState, w: Words) -> str:
    counted = ((w(f"answer.{answer or 'open'}"), len(d.answered(answer))) for answer in _SIGNS)
    return f"{w.count('declared.questions', len(d.items))}: " + ", ".join(f"{name} {n}" for name, n in counted if n)


def _answer(item: ChecklistItem, w: Words) -> AnswerView:
    word = w(f"answer.{item.answer or 'open'}")
    return AnswerView(item.id, item.question, _SIGNS[item.answer], word, item.comment or "", item.evidence or "")


def assumptions(context: Context) -> tuple[str, ...]:
    """Say what the numbers presume and nobody checked."""
    records, plan = context.evidence.records, context.evidence.plan
    presuming = [c.id for c in context.assessment.checks if presumes_independent_rows(records.get(c.record or ""))]
    if not presuming:
        return ()
    bound = [names for c in presuming if c in plan.checks for names in plan.checks[c].with_.values()]
    flat = dict.fromkeys(n for names in bound for n in ((names,) if isinstance(names, str) else names))
    names = [n for n in flat if not context.is_model(n)]
    return (context.w("assume.independent", names=context.w.listed(names) or "–"),)
