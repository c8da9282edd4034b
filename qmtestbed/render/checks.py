"""Checks in full, and those of their criteria that stand among the failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qmtestbed.ait import Estimate, Prose, Resource, SampleImages, SampleRows, Samples, Undefined
from qmtestbed.render.charts import draw
from qmtestbed.render.context import Context, value_text
from qmtestbed.render.criteria import criterion_view, finding_view, found_text, key_text
from qmtestbed.render.model import BoundInput, CheckView, Digest, FailureView, FigureView, MeasureRow, Pairs
from qmtestbed.render.remarks import remarks_on
from qmtestbed.render.tables import table
from qmtestbed.render.text import anchor, clean, number, percent, seconds, web_address
from qmtestbed.types.assessment import CheckVerdicts, CriterionVerdict, JudgedFinding
from qmtestbed.types.baseline import BASELINE, names_baseline
from qmtestbed.types.manifest import SAMPLE_KINDS, Manifest, ResourceSpec
from qmtestbed.types.record import Failure, Record
from qmtestbed.types.values import Single

# -- failures -------------------------------------------------------------------------------------------------


def failures(context: Context) -> tuple[FailureView, ...]:
    """List what is not met, then what is undetermined, each in the order of the plan."""
    found = [(c.verdict, v) for check in context.assessment.checks for c, v in _failed(check, context)]
    order = {"not_met": 0, "undetermined": 1}
    return tuple(v for _, v in sorted(found, key=lambda pair: order[pair[0]]))


def _failed(check: CheckVerdicts, context: Context) -> Iterator[tuple[CriterionVerdict, FailureView]]:
    if check.verdict not in ("not_met", "undetermined"):
        return
    if check.status != "measured":
        whole = CriterionVerdict(text="", verdict="undetermined", reason="")
        yield whole, _failure(check, None, whole, (), context)
        return
    unclaimed = _findings_of(check, context)
    for i, c in enumerate(check.criteria):
        if c.verdict != "met":
            own = [f for f in unclaimed if f.measure == c.measure]
            unclaimed = [f for f in unclaimed if f.measure != c.measure]
            yield c, _failure(check, i, c, own, context)


def _failure(
    check: CheckVerdicts,
    position: int | None,
    judged: CriterionVerdict,
    findings: Sequence[JudgedFinding],
    context: Context,
) -> FailureView:
    manifest, kept = context.manifest(check.ait), findings[: context.detail.findings]
    return FailureView(
        anchor=anchor("failure", check.id if position is None else f"{check.id}_{position + 1}"),
        verdict=judged.verdict,
        check=context.check_ref(check.id),
        ait_title=manifest.title.of(context.language) if manifest else check.ait,
        status=check.status,
        criterion=None if position is None else criterion_view(check, judged, context),
        findings=tuple(finding_view(f, context.w) for f in kept),
        findings_left=len(findings) - len(kept),
        meaning=manifest.meaning.of(context.language) if manifest and manifest.meaning else "",
        clauses=tuple(context.requirement_ref(r) for r in check.clauses),
        error=_error(check, context),
    )


def _error(check: CheckVerdicts, context: Context) -> Failure | None:
    """Say why there is no result; a record without an error, or none at all, gets its reason from the judge.

    Where predictions can't be made, all that rests on them fails for one reason, which the first of the checks tells.
    """
    first = next((c for c in context.assessment.checks if c.fails_like(check)), check)
    if first.id != check.id:
        return Failure(context.w("failures.same_reason", check=first.id))
    record = context.evidence.records.get(check.record or "")
    error = check.error or (record.error if record else None)
    if error is None and check.status != "measured":
        return Failure("; ".join(dict.fromkeys(c.reason for c in check.criteria)) or check.status)
    return error


def _findings_of(check: CheckVerdicts, context: Context) -> list[JudgedFinding]:
    return [f for f in context.assessment.findings if f.check == check.id]


# -- checks in full -------------------------------------------------------------------------------------------


def check_view(check: CheckVerdicts, context: Context) -> CheckView:
    """Build the view of one check."""
    w, record = context.w, context.evidence.records.get(check.record or "")
    manifest = context.manifest(check.ait)
    findings, measures = _findings_of(check, context), _measures(record, manifest, context)
    rows, named = context.detail.rows, context.detail.findings
    return CheckView(
        id=check.id,
        anchor=anchor("check", check.id),
        verdict=check.verdict,
        ait=check.ait,
        ait_title=manifest.title.of(context.language) if manifest else check.ait,
        version=record.program.version if record else manifest.version if manifest else "",
        quality=w(f"quality.{manifest.quality}") if manifest else "",
        status=check.status,
        error=_error(check, context),
        criteria=tuple(criterion_view(check, c, context) for c in check.criteria if check.status == "measured"),
        findings=tuple(finding_view(f, w) for f in findings[:named]),
        findings_left=max(0, len(findings) - named),
        measures=measures[:rows],
        measures_left=max(0, len(measures) - rows),
        figures=tuple(_figures(check, record, manifest, context)),
        parameters=_parameters(check, record, context),
        inputs=_inputs(check, context),
        meaning=manifest.meaning.of(context.language) if manifest and manifest.meaning else "",
        method=manifest.method.of(context.language) if manifest else "",
        references=tuple((r.cite, web_address(r.url)) for r in manifest.references) if manifest else (),
        clauses=tuple(context.requirement_ref(r) for r in check.clauses),
        related=tuple(context.requirement_ref(r) for r in check.related),
        record=context.record_ref(check.record) if check.record else None,
        items=_items(record, context),
        seconds=seconds(record.seconds, context.language) if record else "",
        confidence=percent(record.confidence) if record else "",
        independent=presumes_independent_rows(record),
        remarks=remarks_on(("check", check.id), context),
    )


def presumes_independent_rows(record: Record | None) -> bool:
    """Whether the record has intervals and none of its inputs says which rows belong together."""
    if record is None or any(i.roles is not None and i.roles.group for i in record.inputs.values()):
        return False
    return any(isinstance(s, Estimate) for m in record.measures.values() for _, s in m.singles())


def _items(record: Record | None, context: Context) -> str:
    if record is None or record.items is None:
        return ""
    items = record.items
    text = context.w("items", measured=f"{items.measured:,}", planned=f"{items.planned:,}")
    return text + (context.w("items.invalid", n=f"{items.invalid:,}") if items.invalid else "")


def _measures(record: Record | None, manifest: Manifest | None, context: Context) -> tuple[MeasureRow, ...]:
    if record is None:
        return ()
    rows = []
    for name, measure in record.measures.items():
        spec = manifest.measures.get(name) if manifest else None
        unit, singles = context.w.unit(spec.unit) if spec else "", measure.singles()
        if not singles:
            rows.append(MeasureRow(name, "", "–", "", "", unit, context.w("measure.empty")))
        rows += [_measure_row(name, key_text(key or "", measure, context.w), s, unit, context) for key, s in singles]
    return tuple(rows)


def _measure_row(name: str, key: str, single: Single, unit: str, context: Context) -> MeasureRow:
    if isinstance(single, Undefined):
        return MeasureRow(name, key, "–", "", "", unit, single.reason)
    if isinstance(single, Estimate):
        value, interval = found_text(single.value, single.low, single.high, (None, None))
        return MeasureRow(name, key, value, interval, f"{single.n:,}", unit, "")
    if isinstance(single, bool):
        return MeasureRow(name, key, context.w("yes") if single else context.w("no"), "", "", unit, "")
    return MeasureRow(name, key, number(single), "", "", unit, "")


def _figures(
    check: CheckVerdicts, record: Record | None, manifest: Manifest | None, context: Context
) -> Iterator[FigureView]:
    withheld = record is not None and record.samples == "none" and record.status == "measured"
    for name, declared in manifest.resources.items() if manifest and withheld else ():
        if declared.kind in SAMPLE_KINDS:
            place = anchor("figure", f"{check.id}_{name}")
            yield FigureView(place, _title(name, declared, context), None, None, None, note=context.w("sample.none"))
    for name, stored in list(record.resources.items())[: context.detail.figures] if record else ():
        if stored.kind == "predictions":
            continue
        spec = manifest.resources.get(name) if manifest else None
        title = _title(name, spec, context)
        place, resource = anchor("figure", f"{check.id}_{name}"), context.evidence.resources.get(stored.sha256)
        if resource is None:
            yield FigureView(place, title, None, None, None, missing=True)
        elif isinstance(resource, Prose):
            yield FigureView(place, title, None, None, clean(resource.text, context.detail.prose))
        else:
            picture = draw(resource, f"{title} ({check.id})", context.w)
            note = _note(resource, record.samples if record else "ids", context)
            yield FigureView(place, title, picture, table(resource, context.w, context.detail), None, note=note)


def _title(name: str, spec: ResourceSpec | None, context: Context) -> str:
    return spec.text.of(context.language) if spec and spec.text else name.replace("_", " ").capitalize()


def _note(resource: Resource, samples: Samples, context: Context) -> str:
    """Say what of single rows is shown, and how images were drawn."""
    w = context.w
    if isinstance(resource, SampleImages):
        counts = {"n": f"{len(resource.rows):,}", "total": f"{resource.total:,}", "seed": str(resource.seed)}
        drawn = w("sample.drawn", **counts, population=clean(resource.population, 200))
        return drawn if samples == "full" else f"{drawn} {w('sample.ids.images')}"
    return w(f"sample.{samples}") if isinstance(resource, SampleRows) else ""


def _parameters(check: CheckVerdicts, record: Record | None, context: Context) -> Pairs:
    planned = context.evidence.plan.checks.get(check.id)
    parameters = record.parameters if record else planned.params if planned else {}
    return tuple((name, value_text(value)) for name, value in parameters.items())


def _inputs(check: CheckVerdicts, context: Context) -> tuple[BoundInput, ...]:
    planned, w = context.evidence.plan.checks.get(check.id), context.w
    bound = []
    given = dict(planned.with_) if planned else {}
    if planned and names_baseline(planned):
        given[BASELINE] = BASELINE
    for name, names in given.items():
        for inventory in (names,) if isinstance(names, str) else names:
            facts = context.evidence.info.inventories.get(inventory)
            detail = w.count("n_rows", facts.rows) if facts and facts.rows is not None else ""
            bound.append(BoundInput(name, inventory, Digest(facts.sha256) if facts else None, detail))
    return tuple(bound)
