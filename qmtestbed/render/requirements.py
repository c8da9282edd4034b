"""The requirement matrix, dimension × level, every requirement of the target; how far the levels are reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from qmtestbed.render.context import Context, requirement_anchor
from qmtestbed.render.model import (
    DimensionView,
    LevelView,
    MatrixCell,
    MatrixView,
    NotApplicableView,
    NotCountingView,
    PartView,
    Ref,
    RequirementView,
)
from qmtestbed.render.reasons import reason_text
from qmtestbed.render.remarks import remarks_on
from qmtestbed.render.text import anchor, date
from qmtestbed.types.assessment import DeclarationState, LevelState, RequirementState, not_counting
from qmtestbed.types.guideline import Dimension, Guideline, Level, Part


def matrices(context: Context) -> tuple[MatrixView, ...]:
    """Build one matrix per guideline, in the order of the assessment."""
    states = context.assessment.requirements
    names = dict.fromkeys([*context.assessment.guidelines, *(r.guideline for r in states)])
    return tuple(_matrix(name, [r for r in states if r.guideline == name], context) for name in names)


def _matrix(name: str, states: Sequence[RequirementState], context: Context) -> MatrixView:
    guideline = context.evidence.guidelines.get(name)
    rows: list[DimensionView] = []
    placed: set[str] = set()
    for code, dimension in guideline.dimensions.items() if guideline else ():
        own = [r for r in states if _is_of(r, code, guideline)]
        if own:
            placed.update(r.id for r in own)
            rows.append(_dimension(code, dimension, own, context))
    rest = [r for r in states if r.id not in placed]
    for code in dict.fromkeys(r.dimension for r in rest):
        rows.append(_dimension(code, None, [r for r in rest if r.dimension == code], context))
    columns = max((len(c) for d in rows for c in d.chains), default=1)
    title = guideline.title.of(context.language) if guideline else ""
    levelled = any(cell.level for d in rows for chain in d.chains for cell in chain)
    parts = (_parts(states, "measured"), _parts(states, "declared"))
    return MatrixView(name, title, columns, tuple(rows), *parts, levelled)


def _parts(states: Sequence[RequirementState], part: Part) -> tuple[int, int]:
    """Count the parts of one kind that are supported, and those that are needed, as the headline does."""
    needed = [s.parts[part] for s in states if s.verdict != "not_applicable" and part in s.parts]
    return needed.count("supported"), len(needed)


def _chip(state: RequirementState, context: Context) -> Ref:
    return replace(context.requirement_ref(state.id), text=_short(state))


def _short(state: RequirementState) -> str:
    return state.id.removeprefix(f"{state.guideline}:")


def _is_of(state: RequirementState, key: str, guideline: Guideline | None) -> bool:
    return guideline is not None and state.dimension in (key, guideline.dimensions[key].code)


def _dimension(
    key: str, dimension: Dimension | None, states: Sequence[RequirementState], context: Context
) -> DimensionView:
    chains = [_chain(key, dimension, c, states, context) for c in (dimension.chains if dimension else ())]
    chains = [c for c in chains if c]
    in_chains = {r.text for c in chains for m in c for r in m.requirements}
    loose = tuple(_chip(r, context) for r in states if _short(r) not in in_chains)
    if loose:
        chains.append((MatrixCell("", loose, False, False),))
    return DimensionView(
        code=dimension.code if dimension else key,
        title=dimension.title.of(context.language) if dimension else "",
        chains=tuple(chains),
        requirements=tuple(requirement_view(r, context) for r in states),
    )


def _chain(
    key: str,
    dimension: Dimension | None,
    chain: Sequence[Level],
    states: Sequence[RequirementState],
    context: Context,
) -> tuple[MatrixCell, ...]:
    ids = {_short(r): r for r in states}
    names = {key, dimension.code if dimension else key}
    own = [s for s in context.assessment.levels if s.dimension in names and s.target in {level.id for level in chain}]
    targets, reached = {s.target for s in own}, {s.reached for s in own}
    last = max((i for i, v in enumerate(chain) if v.id in targets or any(r in ids for r in v.requirements)), default=-1)
    return tuple(
        MatrixCell(
            level=level.id,
            requirements=tuple(_chip(ids[r], context) for r in level.requirements if r in ids),
            target=level.id in targets,
            reached=level.id in reached,
        )
        for level in chain[: last + 1]
    )


def requirement_view(state: RequirementState, context: Context) -> RequirementView:
    """Build the view of one requirement."""
    clause, w = context.clause(state), context.w
    return RequirementView(
        id=state.id,
        short=_short(state),
        anchor=requirement_anchor(state),
        title=clause.title.of(context.language) if clause else "",
        summary=clause.summary.of(context.language) if clause else "",
        verdict=state.verdict,
        parts=tuple(PartView(w(f"part.{need}"), state.parts.get(need, "missing")) for need in state.needs),
        reason=reason_text(state.reason, w.language),
        checks=tuple(context.check_ref(c) for c in state.checks),
        related=tuple(context.check_ref(c) for c in state.related),
        records=tuple(context.record_ref(r) for r in state.records),
        declarations=tuple(
            Ref(
                w.listed((d.by, date(d.date, w.language))),
                declaration_anchor(d),
                d.statement or d.not_applicable or "",
                d.standing,
            )
            for d in state.declarations
            if d.state != "to_do"
        ),
        remarks=remarks_on(("requirement", state.id), context),
        crosswalk=context.crosswalk(state),
        unverified=clause.unverified.of(context.language) if clause and clause.unverified else "",
    )


def declaration_anchor(d: DeclarationState) -> str:
    """Give the HTML id of a declaration: at most one of a kind stands for a requirement."""
    return anchor("declaration", f"{d.requirement}_{d.date}_{'na' if d.not_applicable else 'ev'}")


def levels(context: Context) -> tuple[LevelView, ...]:
    """List levels, external dimensions first."""
    states = sorted(context.assessment.levels, key=lambda s: s.kind != "external")
    return tuple(_level(s, context) for s in states)


def _level(state: LevelState, context: Context) -> LevelView:
    code, title = dimension_title(state.guideline, state.dimension, context)
    side = state.measured_side
    if side == "nothing to measure":
        side = context.w("level.nothing_to_measure")
    return LevelView(state.guideline, code, title, state.kind, state.target, state.verdict, state.reached, side)


def dimension_title(guideline: str, dimension: str, context: Context) -> tuple[str, str]:
    """Give code and title of a dimension named by key or code."""
    known = context.evidence.guidelines.get(guideline)
    for key, d in known.dimensions.items() if known else ():
        if dimension in (key, d.code):
            return d.code, d.title.of(context.language)
    return dimension, ""


def not_applicable(context: Context) -> tuple[NotApplicableView, ...]:
    """List the requirements that a person declared not to apply."""
    return tuple(
        NotApplicableView(context.requirement_ref(r.id), d.not_applicable or "", d.by, date(d.date, context.language))
        for r in context.assessment.requirements
        if r.verdict == "not_applicable"
        for d in _saying_so(r.declarations)
    )


def declarations_not_counting(context: Context) -> tuple[NotCountingView, ...]:
    """List the requirements whose declaration does not support them, worst first; those to do are only counted."""
    return tuple(
        NotCountingView(standing, len(ids), () if standing == "to_do" else tuple(map(context.requirement_ref, ids)))
        for standing, ids in not_counting(context.assessment.requirements).items()
    )


def _saying_so(declarations: Iterable[DeclarationState]) -> list[DeclarationState]:
    said = [d for d in declarations if d.not_applicable is not None and d.state == "valid"]
    return said[:1]
