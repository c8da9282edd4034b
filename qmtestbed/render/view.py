"""Evidence and assessment → the view model that every format is made from. Pure: same input, same view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qmtestbed.render.appendix import assumptions, declarations, environments, records
from qmtestbed.render.checks import check_view, failures
from qmtestbed.render.clauses import clauses
from qmtestbed.render.context import DETAILS, Context, Detail, role_pairs
from qmtestbed.render.first import cautions, main_numbers, steps, verdict_view
from qmtestbed.render.limits import shares
from qmtestbed.render.model import Digest, GuidelineView, InventoryView, Pairs, Ref, View
from qmtestbed.render.reasons import reason_text
from qmtestbed.render.remarks import remarks_on
from qmtestbed.render.requirements import (
    declarations_not_counting,
    dimension_title,
    levels,
    matrices,
    not_applicable,
)
from qmtestbed.render.since import since_view
from qmtestbed.render.text import Lazily, Svg, anchor, date, number, scrub, web_address
from qmtestbed.render.waivers import waived_text, waiver_rows
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import Assessment
from qmtestbed.types.evidence import Evidence, InventoryFacts, Remark
from qmtestbed.types.plan import Inventory
from qmtestbed.types.text import Language


def view(
    evidence: Evidence,
    assessment: Assessment,
    language: Language = "en",
    detail: Detail = DETAILS[0],
    remarks: Sequence[Remark] = (),
) -> View:
    """Build the view model; every text in it is inert."""
    context = Context(evidence, assessment, Words(language), detail, remarks)
    models, predictions, data = _inventories(context)
    asked = assessment.headlines.evidence
    return scrub(
        View(
            language=language,
            component=assessment.component,
            description=evidence.plan.component.description or "",
            run=Digest(assessment.run),
            as_of=date(assessment.as_of, language),
            models=models,
            predictions=predictions,
            data=data,
            guidelines=tuple(_guideline(name, context) for name in assessment.guidelines),
            verdict=verdict_view(assessment.headlines.criteria, context.w),
            main=main_numbers(context),
            cautions=cautions(evidence, context.w),
            steps=steps(assessment, context.w),
            criteria=assessment.headlines.criteria,
            criteria_bar=_criteria_bar(context),
            false_alarms=number(assessment.headlines.criteria.false_alarms, 2),
            evidence=replace(asked, fills_gap=reason_text(asked.fills_gap, language)),
            measured_bar=_evidence_bar(context, "measured"),
            declared_bar=_evidence_bar(context, "declared"),
            not_applicable=not_applicable(context),
            failures=failures(context),
            levels=levels(context),
            matrices=matrices(context),
            clauses=clauses(context),
            contents=tuple(Ref(c.id, anchor("check", c.id), verdict=c.verdict) for c in assessment.checks),
            checks=Lazily(assessment.checks, lambda c: check_view(c, context)),
            left_out=tuple((x.ait, x.why) for x in assessment.left_out),
            environments=environments(context),
            records=records(context),
            declarations=declarations(context),
            assumptions=assumptions(context),
            samples=context.w(f"samples.{context.evidence.info.samples}"),
            remarks=remarks_on(None, context),
            remarks_left=max(0, len(remarks) - detail.remarks),
            notes=evidence.info.notes,
            shortened=detail != DETAILS[0],
            since=since_view(context),
            waived=waived_text(assessment.headlines.criteria, context.w),
            waivers=waiver_rows(context),
            not_counting=declarations_not_counting(context),
        ),
        detail.text,
    )


def _criteria_bar(context: Context) -> Svg:
    h, w = context.assessment.headlines.criteria, context.w
    parts = [(h.met, "met"), (h.not_met, "not_met"), (h.undetermined, "undetermined")]
    said = w.listed(f"{w(f'verdict.{name}')} {n}" for n, name in parts)
    return shares(parts, said)


def _evidence_bar(context: Context, part: str) -> Svg:
    h, w = context.assessment.headlines.evidence, context.w
    have, need = (
        (h.measured_supported, h.measured_needed) if part == "measured" else (h.declared_supported, h.declared_needed)
    )
    said = w(f"headline.{part}", have=f"{have:,}", need=f"{need:,}")
    return shares([(have, "met"), (max(0, need - have), "open")], said)


def _guideline(name: str, context: Context) -> GuidelineView:
    known, plan = context.evidence.guidelines.get(name), context.evidence.plan
    targets = plan.targets(name) if name in plan.guidelines else {}
    named = ((dimension_title(name, d, context), level) for d, level in targets.items())
    pairs: Pairs = tuple((title or code, level) for (code, title), level in named)
    if known is None:
        return GuidelineView(name, name, "", None, "", pairs)
    source = ", ".join(t for t in (known.source.title, known.source.publisher, known.source.date) if t)
    title, note = known.title.of(context.language), known.note.of(context.language)
    return GuidelineView(name, title, source, web_address(known.source.url), note, pairs, not known.has_targets)


def _inventories(context: Context) -> tuple[tuple[InventoryView, ...], ...]:
    """List models, files of predictions, and data."""
    planned, facts = context.evidence.plan.inventories, context.evidence.info.inventories
    models: list[InventoryView] = []
    predictions: list[InventoryView] = []
    data: list[InventoryView] = []
    for name in dict.fromkeys([*planned, *facts]):
        kind = models if context.is_model(name) else predictions if context.is_predictions(name) else data
        known = _inventory(name, planned.get(name), facts.get(name), context.w)
        kind.append(replace(known, used_as=context.used_as(name)))
    return tuple(models), tuple(predictions), tuple(data)


def _inventory(name: str, planned: Inventory | None, facts: InventoryFacts | None, w: Words) -> InventoryView:
    roles = role_pairs(planned.roles, w) if planned else ()
    if facts is None:
        uri = planned.uri if planned else ""
        return InventoryView(name, uri, Digest((planned and planned.sha256) or ""), roles=roles)
    same = facts.requested is not None and facts.requested.endswith(facts.uri)  # a path, relative to another folder
    return InventoryView(
        name=name,
        uri=facts.requested if facts.requested and same else facts.uri,
        digest=Digest(facts.sha256),
        requested=None if same else facts.requested,
        version=facts.version,
        flavour=facts.flavour,
        rows=facts.rows,
        columns=facts.columns,
        roles=roles,
        page=web_address(facts.page),
    )
