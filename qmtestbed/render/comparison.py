"""Comparison and evidence → the view model of the page that shows runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import ascii_uppercase

from qmtestbed.ait import Curve, Estimate, Undefined
from qmtestbed.render import overlays
from qmtestbed.render.charts import draw
from qmtestbed.render.comparison_model import (
    AgainstView,
    ApartView,
    CellView,
    ComparisonView,
    MeasureView,
    RowView,
    RunView,
    SharedCheckView,
    ShownView,
)
from qmtestbed.render.context import DETAILS, Detail
from qmtestbed.render.criteria import bound_of, found_text, limit_text, read_criterion
from qmtestbed.render.limits import Bound, Row, against_limit, shares
from qmtestbed.render.model import Digest, FigureView, Ref
from qmtestbed.render.reasons import reason_text
from qmtestbed.render.since import ENVIRONMENT, difference_views
from qmtestbed.render.tables import table
from qmtestbed.render.text import Lazily, Svg, anchor, date, decimals_for, fixed, number, scrub
from qmtestbed.render.waivers import waived_text, waiver_view
from qmtestbed.render.words import SYMBOLS, Words
from qmtestbed.types.assessment import CriteriaHeadline, CriterionVerdict
from qmtestbed.types.comparison import (
    Apart,
    ComparedCheck,
    ComparedCriterion,
    ComparedMeasure,
    ComparedRun,
    Comparison,
)
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.manifest import Manifest
from qmtestbed.types.text import Language
from qmtestbed.types.values import MeasureValue, point

_SHOWN = ("worse", "different", "better")
_HOWS = ("paired", "unpaired", "values", "same")


@dataclass(frozen=True)
class Side:
    """The input of every builder of this page."""

    comparison: Comparison
    evidence: Sequence[Evidence]
    w: Words
    detail: Detail

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """What each run is called on the page: A to Z, then A2, B2, …."""
        of = len(ascii_uppercase)
        return tuple(
            ascii_uppercase[i % of] + (str(i // of + 1) if i >= of else "") for i in range(len(self.comparison.runs))
        )

    def manifest(self, ait: str) -> Manifest | None:
        """Give the manifest of an AIT as the last run that has it used it."""
        return next((e.manifests[ait] for e in reversed(self.evidence) if ait in e.manifests), None)

    @cached_property
    def measures(self) -> dict[tuple[str, str, str, str | None], ComparedMeasure]:
        """What was compared, by check, AIT, measure and key."""
        return {(c.id, c.ait, m.measure, m.key): m for c in self.comparison.checks for m in c.measures}


def comparison_view(
    comparison: Comparison, evidence: Sequence[Evidence], language: Language = "en", detail: Detail = DETAILS[0]
) -> ComparisonView:
    """Build the view model; every text in it is inert."""
    side = Side(comparison, evidence, Words(language), detail)
    changed = [c for c in comparison.criteria if set(c.changes) - {"same", "absent"}]
    hows = {a.how for c in comparison.checks for m in c.measures for a in m.apart if a is not None}
    told, shown = comparison.differences, _shown(side)
    return scrub(
        ComparisonView(
            language=language,
            component=comparison.runs[0].component,
            runs=tuple(_run(i, r, side) for i, r in enumerate(comparison.runs)),
            against=tuple(
                AgainstView(letter, n, sum(s.apart.letter == letter for s in shown))
                for letter, n in zip(side.letters[1:], comparison.counts, strict=True)
            ),
            changed=tuple(_row(i, c, side) for i, c in enumerate(changed, 1)),
            shown=tuple(shown[: detail.rows]),
            shown_left=max(0, len(shown) - detail.rows),
            levels=tuple(_level(i, side) for i in range(len(comparison.levels))),
            inputs=difference_views([d for d in told if d.kind not in ENVIRONMENT], side.w),
            environment=difference_views([d for d in told if d.kind in ENVIRONMENT], side.w),
            checks=Lazily(comparison.checks, lambda c: _check(c, side)),
            hows=tuple(h for h in _HOWS if h in hows),
            components=len({r.component for r in comparison.runs}),
            shortened=detail != DETAILS[0],
        ),
        detail.text,
    )


def _run(i: int, run: ComparedRun, side: Side) -> RunView:
    facts, w = side.evidence[i].info.inventories, side.w
    models = (f for f in facts.values() if f.flavour)
    criteria = run.headlines.criteria
    return RunView(
        letter=side.letters[i],
        name=run.name,
        component=run.component,
        run=Digest(run.run),
        as_of=date(run.as_of, w.language),
        models=tuple(f.version or f.requested or f.uri for f in models),
        criteria=criteria,
        bar=_bar(criteria, w),
        levels=tuple(
            w("compare.level", dimension=name, level=reached[i])
            for name, reached in (_level(n, side) for n in range(len(side.comparison.levels)))
        ),
        waived=waived_text(criteria, w),
    )


def _bar(h: CriteriaHeadline, w: Words) -> Svg:
    parts = [(h.met, "met"), (h.not_met, "not_met"), (h.undetermined, "undetermined")]
    return shares(parts, w.listed(f"{w(f'verdict.{name}')} {n}" for n, name in parts))


def _level(i: int, side: Side) -> tuple[str, tuple[str, ...]]:
    level = side.comparison.levels[i]
    for evidence in reversed(side.evidence):
        known = evidence.guidelines.get(level.guideline)
        if known and level.dimension in known.dimensions:
            title = known.dimensions[level.dimension].title.of(side.w.language)
            break
    else:
        title = level.dimension
    return title, tuple(r or side.w("level.none") for r in level.reached)


# -- criteria -------------------------------------------------------------------------------------------------


def _row(i: int, row: ComparedCriterion, side: Side) -> RowView:
    manifest, latest = side.manifest(row.ait), next(c for c in reversed(row.found) if c is not None)
    measure = _measure_of(row, latest, side)
    return RowView(
        anchor=f"change-{i}",
        check=Ref(row.check, _anchor(row.check, row.ait, side), manifest.title.of(side.w.language) if manifest else ""),
        text=row.text,
        changes=tuple(zip(side.letters[1:], row.changes, strict=True)),
        cells=tuple(_cell(c, row.text, i, side) for i, c in enumerate(row.found)),
        apart=tuple(_aparts(measure, side)) if measure else (),
        figure=_figure(row, latest, side) if side.detail.drawn else None,
    )


def _anchor(check: str, ait: str, side: Side) -> str:
    shared = any((c.id, c.ait) == (check, ait) for c in side.comparison.checks)
    return anchor("check", f"{check}_{ait}") if shared else ""


def _measure_of(row: ComparedCriterion, latest: CriterionVerdict, side: Side) -> ComparedMeasure | None:
    """Give the values that a criterion speaks of; for one against a baseline they are differences already."""
    if latest.against is not None or latest.measure is None:
        return None
    return side.measures.get((row.check, row.ait, latest.measure, latest.key))


def _cell(c: CriterionVerdict | None, text: str, i: int, side: Side) -> CellView:
    if c is None:
        return CellView(side.letters[i], "", "", "")
    found, interval = found_text(c.value, c.low, c.high, bound_of(c, read_criterion(c.text)))
    other = c.text if " ".join(c.text.split()) != " ".join(text.split()) else ""
    reason = reason_text(c.reason, side.w.language) if c.value is None else ""
    n = f"{c.n:,}" if c.n is not None else ""
    return CellView(side.letters[i], c.verdict, found, interval, n, other, reason, waiver_view(c.waiver, side.w))


def _figure(row: ComparedCriterion, latest: CriterionVerdict, side: Side) -> Svg | None:
    parsed, w = read_criterion(latest.text), side.w
    bound = bound_of(latest, parsed)
    limit = f"{w('chart.limit')} {limit_text(bound, parsed, w('baseline'))}"
    rows = [
        Row(_label(letter, c, row), c.value, c.low, c.high, c.verdict, SYMBOLS[c.verdict])
        for letter, c in zip(side.letters, row.found, strict=True)
        if c is not None and c.value is not None
    ]
    return against_limit(rows, bound, _span(row.ait, latest, side), f"{row.check}: {row.text}", limit)


def _label(letter: str, c: CriterionVerdict, row: ComparedCriterion) -> str:
    keys = {x.key for x in row.found if x is not None}
    return f"{letter} {c.key}" if c.key is not None and len(keys) > 1 else letter


def _span(ait: str, c: CriterionVerdict, side: Side) -> Bound:
    manifest = side.manifest(ait)
    spec = manifest.measures.get(c.measure or "") if manifest and c.against is None else None
    return spec.range if spec else (None, None)


def _shown(side: Side) -> list[ShownView]:
    """List what is shown to differ, the worse first."""
    found = [
        ShownView(Ref(c.id, _anchor(c.id, c.ait, side)), _measure(m, side), _apart(letter, apart, side.w))
        for c in side.comparison.checks
        for m in c.measures
        for letter, apart in zip(side.letters[1:], m.apart, strict=True)
        if apart is not None and apart.shown in _SHOWN
    ]
    return sorted(found, key=lambda s: _SHOWN.index(s.apart.shown))


# -- checks ---------------------------------------------------------------------------------------------------


def _check(check: ComparedCheck, side: Side) -> SharedCheckView:
    manifest, w, most = side.manifest(check.ait), side.w, side.detail.rows
    others = side.letters[1:]
    return SharedCheckView(
        id=check.id,
        anchor=anchor("check", f"{check.id}_{check.ait}"),
        ait_title=manifest.title.of(w.language) if manifest else check.ait,
        verdicts=tuple((letter, v or "") for letter, v in zip(side.letters, check.verdicts, strict=True)),
        differs=tuple(
            (letter, w.listed(w(f"difference.{k}") for k in kinds))
            for letter, kinds in zip(others, check.differs, strict=True)
            if kinds
        ),
        unpaired=tuple((letter, why) for letter, why in zip(others, check.unpaired, strict=True) if why),
        measures=tuple(_measure(m, side) for m in check.measures[:most]),
        measures_left=max(0, len(check.measures) - most),
        figures=tuple(_figures(check, manifest, side)) if side.detail.drawn else (),
        open=len(set(check.verdicts)) > 1,
    )


def _measure(m: ComparedMeasure, side: Side) -> MeasureView:
    cells = tuple(_value(v, letter, side.w) for letter, v in zip(side.letters, m.values, strict=True))
    return MeasureView(m.measure, _key(m, side.w), side.w.unit(m.unit), cells, tuple(_aparts(m, side)))


def _key(m: ComparedMeasure, w: Words) -> str:
    key = m.key or ""
    return w("element", n=int(key) + 1) if m.sequence and key.isdecimal() else key


def _value(value: MeasureValue | None, letter: str, w: Words) -> CellView:
    single = value.value if value is not None else None
    if isinstance(single, Undefined):
        return CellView(letter, "", w("status.undefined"), "", reason=single.reason)
    if isinstance(single, Estimate):
        return CellView(letter, "", *found_text(single.value, single.low, single.high, (None, None)), f"{single.n:,}")
    if isinstance(single, bool):
        return CellView(letter, "", w("yes") if single else w("no"), "")
    return CellView(letter, "", number(single) if isinstance(single, (int, float)) else "–", "")


def _aparts(m: ComparedMeasure, side: Side) -> Iterator[ApartView]:
    for letter, apart in zip(side.letters[1:], m.apart, strict=True):
        yield _apart(letter, apart, side.w) if apart else ApartView(letter, "", "", "", "", "")


def _apart(letter: str, apart: Apart, w: Words) -> ApartView:
    how = w(f"how.{apart.how}")
    if apart.low is None or apart.high is None:
        sign = "+" if apart.difference > 0 else ""
        overlap = "" if apart.overlap is None else w("compare.overlap" if apart.overlap else "compare.apart")
        return ApartView(letter, f"{sign}{number(apart.difference)}", "", how, "", overlap)
    decimals = decimals_for(apart.high - apart.low)
    difference = fixed(apart.difference, decimals)
    sign = "+" if apart.difference > 0 and difference.strip("0.,") else ""
    interval = f"[{fixed(apart.low, decimals)}, {fixed(apart.high, decimals)}]"
    overlap = w("compare.overlap" if apart.overlap else "compare.apart") if apart.how == "unpaired" else ""
    shown = apart.shown if apart.how != "same" else ""
    return ApartView(letter, f"{sign}{difference}", interval, how, shown, overlap)


def _figures(check: ComparedCheck, manifest: Manifest | None, side: Side) -> Iterator[FigureView]:
    yield from _intervals(check, manifest, side)
    named = dict.fromkeys(n for e in side.evidence for n in _curves(e, check))
    for name in list(named)[: side.detail.figures]:
        found = {letter: _curves(e, check).get(name) for letter, e in zip(side.letters, side.evidence, strict=True)}
        known = {letter: c for letter, c in found.items() if c is not None}
        spec = manifest.resources.get(name) if manifest else None
        title = spec.text.of(side.w.language) if spec and spec.text else name.replace("_", " ").capitalize()
        if len(known) > 1:
            both = overlays.curves(known)
            picture = draw(both, f"{title} ({check.id})", side.w)
            place = anchor("figure", f"{check.id}_{check.ait}_{name}")
            yield FigureView(place, title, picture, table(both, side.w, side.detail), None)


def _curves(evidence: Evidence, check: ComparedCheck) -> dict[str, Curve]:
    record = evidence.record_of(check.id)
    if record is None or record.program.id != check.ait:
        return {}
    found = ((n, evidence.resources.get(s.sha256)) for n, s in record.resources.items())
    return {n: r for n, r in found if isinstance(r, Curve)}


def _intervals(check: ComparedCheck, manifest: Manifest | None, side: Side) -> Iterator[FigureView]:
    """Draw each measure that comes with intervals: its keys below one another, and of each key all runs."""
    for name in dict.fromkeys(m.measure for m in check.measures):
        rows = [m for m in check.measures if m.measure == name]
        if not any(isinstance(v.value, Estimate) for m in rows for v in m.values if v is not None):
            continue
        groups = {_key(m, side.w) or name: _runs(m, side) for m in rows}
        spec = manifest.measures.get(name) if manifest else None
        title = spec.text.of(side.w.language) if spec and spec.text else name
        picture = overlays.intervals({k: r for k, r in groups.items() if r}, f"{title} ({check.id})")
        if picture is not None:
            yield FigureView(anchor("figure", f"{check.id}_{check.ait}_of_{name}"), title, picture, None, None)


def _runs(m: ComparedMeasure, side: Side) -> list[overlays.Interval]:
    found = []
    for i, value in enumerate(m.values):
        single = value.value if value is not None else None
        if not isinstance(single, (bool, int, float, Estimate)) or (x := point(single)) is None:
            continue
        ends = (single.low, single.high) if isinstance(single, Estimate) else (None, None)
        found.append(overlays.Interval(i, side.letters[i], x, *ends))
    return found
