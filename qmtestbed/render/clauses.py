"""Requirements one by one, each with its checks, records and declarations: what an auditor goes through."""

from __future__ import annotations

from dataclasses import replace

from qmtestbed.render.appendix import declarations, records
from qmtestbed.render.checks import check_view
from qmtestbed.render.context import Context
from qmtestbed.render.model import CheckView, ClausesView, ClauseView, DeclarationView, RecordView
from qmtestbed.render.requirements import dimension_title, requirement_view
from qmtestbed.render.text import Lazily
from qmtestbed.types.assessment import RequirementState


def clauses(context: Context) -> tuple[ClausesView, ...]:
    """List the requirements of each guideline in the order in which the guideline has them."""
    bare = replace(context, detail=replace(context.detail, figures=0, drawn=False))
    states = context.assessment.requirements
    names = dict.fromkeys([*context.assessment.guidelines, *(r.guideline for r in states)])
    return tuple(_of_guideline(name, bare) for name in names)


def _of_guideline(name: str, context: Context) -> ClausesView:
    guideline = context.evidence.guidelines.get(name)
    order = {id: i for i, id in enumerate(guideline.requirements)} if guideline else {}
    own = [r for r in context.assessment.requirements if r.guideline == name]
    own.sort(key=lambda r: order.get(r.id.removeprefix(f"{name}:"), len(order)))
    title = guideline.title.of(context.language) if guideline else ""
    kept: dict[str, RecordView] = {}
    declared = {d.anchor: d for d in declarations(context)}

    def make(state: RequirementState) -> ClauseView:
        kept.update((r.key.full, r) for r in (() if kept else records(context)))
        return _clause(state, context, kept, declared)

    return ClausesView(name, title, Lazily(own, make))


def _clause(
    state: RequirementState,
    context: Context,
    kept: dict[str, RecordView],
    declared: dict[str, DeclarationView],
) -> ClauseView:
    view = requirement_view(state, context)
    code, title = dimension_title(state.guideline, state.dimension, context)
    return ClauseView(
        requirement=view,
        dimension=f"{code} {title}".strip(),
        level=_level(state, context),
        checks=_checks(state.checks, context),
        related=_checks(state.related, context),
        records=tuple(kept[key] for key in state.records if key in kept),
        declarations=tuple(declared[r.anchor] for r in view.declarations if r.anchor in declared),
    )


def _checks(names: tuple[str, ...], context: Context) -> tuple[CheckView, ...]:
    return tuple(check_view(context.checks[name], context) for name in names if name in context.checks)


def _level(state: RequirementState, context: Context) -> str:
    """Name the level that adds the requirement."""
    guideline = context.evidence.guidelines.get(state.guideline)
    return (guideline.level_of(state.id.removeprefix(f"{state.guideline}:")) if guideline else None) or ""
