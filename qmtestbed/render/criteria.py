"""A criterion as found / limit / how sure, and the findings that stand behind it."""

from __future__ import annotations

from collections.abc import Sequence

from qmtestbed.ait import Estimate, Subject
from qmtestbed.render.context import Context
from qmtestbed.render.limits import Bound, Row, against_limit, strip
from qmtestbed.render.model import CriterionView, FindingView
from qmtestbed.render.reasons import reason_text
from qmtestbed.render.text import apart, decimals_for, fixed, number, percent
from qmtestbed.render.waivers import waiver_view
from qmtestbed.render.words import SYMBOLS, Words
from qmtestbed.types.assessment import Against, CheckVerdicts, CriterionVerdict, JudgedFinding
from qmtestbed.types.criterion import Criterion, parse_criterion
from qmtestbed.types.record import Record
from qmtestbed.types.values import MeasureValue, point

_DRAWN = 12
_ROWS_NAMED = 12


def criterion_view(check: CheckVerdicts, c: CriterionVerdict, context: Context) -> CriterionView:
    """Build the view of one criterion."""
    w, record = context.w, context.evidence.records.get(check.record or "")
    parsed = read_criterion(c.text)
    bound = bound_of(c, parsed)
    found, interval = found_text(c.value, c.low, c.high, bound)
    if c.against is not None and c.value is not None and c.value > 0:
        found = f"+{found}"
    level = (parsed.confidence if parsed else None) or (record.confidence if record else None)
    limit = limit_text(bound, parsed, w("baseline"))
    named = f"{w('chart.limit')} {limit}"
    title = w("chart.limit_title", text=c.text, found=found, limit=limit)
    span = _span(check, c, parsed, context)
    measure = _of_criterion(c, parsed, record, context.evidence.records.get(check.baseline or ""))
    own = Row("", c.value if c.value is not None else float("nan"), c.low, c.high, c.verdict, SYMBOLS[c.verdict])
    return CriterionView(
        text=c.text,
        verdict=c.verdict,
        found=found,
        interval=interval,
        level=percent(level) if level and interval else "",
        n=f"{c.n:,}" if c.n is not None else "",
        key=_key_text(c, parsed, record, w),
        against=against_text(c.against, w),
        limit=limit,
        sure=sure_text(c, bound, bool(parsed and parsed.confidence), w),
        reason=reason_text(c.reason, w.language),
        because=_because(check, c, context),
        figure=None
        if not context.detail.drawn
        else against_limit(_rows(c, parsed, bound, measure, own, w), bound, span, title, named),
        strip=strip(own, bound, span, title) if context.detail.drawn else None,
        waiver=waiver_view(c.waiver, w),
        default=c.default,
    )


def _because(check: CheckVerdicts, c: CriterionVerdict, context: Context) -> str:
    """Give the reason of a limit; one that the AIT suggested has its Japanese in the manifest."""
    manifest = context.manifest(check.ait)
    suggested = (s.because for s in manifest.suggests if s.because.en == c.because) if manifest else iter(())
    own = next(suggested, None)
    return own.of(context.language) if own else c.because or ""


def _key_text(c: CriterionVerdict, parsed: Criterion | None, record: Record | None, w: Words) -> str:
    if c.key is None or (parsed is not None and parsed.key is not None):
        return c.key or ""
    measure = record.measures.get(c.measure or "") if record else None
    if measure is None:
        return c.key
    key, of = key_text(c.key, measure, w), len(measure.singles())
    return w("decides", key=key, of=of) if of > 1 else key


def key_text(key: str, measure: MeasureValue, w: Words) -> str:
    """Name a key of a measure: elements of a sequence are counted from 1."""
    return w("element", n=int(key) + 1) if isinstance(measure.value, tuple) and key.isdecimal() else w.key(key)


def read_criterion(text: str) -> Criterion | None:
    """Parse a criterion; ``None`` for a text that is none."""
    try:
        return parse_criterion(text)
    except ValueError:
        return None


def bound_of(c: CriterionVerdict, parsed: Criterion | None) -> Bound:
    """Give the limits of a criterion as it was judged, else as it is written."""
    if c.bound != (None, None) or parsed is None:
        return c.bound
    return (parsed.low, parsed.high)


def _span(check: CheckVerdicts, c: CriterionVerdict, parsed: Criterion | None, context: Context) -> Bound:
    manifest = context.manifest(check.ait)
    spec = manifest.measures.get(c.measure or "") if manifest else None
    low, high = spec.range if spec else (None, None)
    if parsed is not None and parsed.baseline:  # the range of differences
        return (None, None) if low is None or high is None else (low - high, high - low)
    return low, high


def found_text(value: float | None, low: float | None, high: float | None, bound: Bound) -> tuple[str, str]:
    """Write a value and its interval, with the decimals that its width is worth; never equal to a limit it misses."""
    if value is None:
        return "–", ""
    if low is None or high is None:
        near = next((b for b in bound if b is not None and b != value and number(b) == number(value)), None)
        return (number(value) if near is None else fixed(value, apart(value, bound, 4))), ""
    decimals = apart(value, bound, decimals_for(high - low))
    decimals = max(apart(low, bound, decimals), apart(high, bound, decimals))
    return fixed(value, decimals), f"[{fixed(low, decimals)}, {fixed(high, decimals)}]"


def limit_text(bound: Bound, parsed: Criterion | None, baseline: str = "baseline") -> str:
    """Write the limit: ``≥ 0.9``, ``0.4 – 0.6`` for a range, ``≥ baseline − 0.01`` with the word for it."""
    low, high = bound
    strict = parsed is not None and parsed.strict
    if parsed is not None and parsed.baseline:
        offset = (low if low is not None else high) or 0.0
        return f"{_SIGNS[parsed.op]} {baseline}" + (f" {_offset_text(offset)}" if offset else "")
    if low is not None and high is not None:
        text = f"= {number(low, 8)}" if low == high else f"{number(low, 8)} – {number(high, 8)}"
    elif low is not None:
        text = f"{'>' if strict else '≥'} {number(low, 8)}"
    elif high is not None:
        text = f"{'<' if strict else '≤'} {number(high, 8)}"
    else:
        return ""
    return text


_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "==": "="}


def _offset_text(offset: float) -> str:
    return f"{'−' if offset < 0 else '+'} {number(abs(offset), 8)}"


def against_text(against: Against | None, w: Words) -> str:
    """Name both values that a criterion against a baseline compares; an empty text for any other."""
    if against is None:
        return ""
    values = {"value": number(against.value), "baseline": number(against.baseline), "name": against.name}
    return w(f"against.{against.how}", **values)


def sure_text(c: CriterionVerdict, bound: Bound, by_interval: bool, w: Words) -> str:
    """Say in one sentence how far the interval bears out the verdict."""
    if c.value is None:
        return w("sure.none")
    if c.low is None or c.high is None:
        return w("sure.point")
    low = float("-inf") if bound[0] is None else bound[0]
    high = float("inf") if bound[1] is None else bound[1]
    if bound == (None, None):
        return w("sure.none")
    if low <= c.low and c.high <= high:
        return w("sure.inside")
    if c.high < low or c.low > high:
        return w("sure.outside")
    return w("sure.across") if by_interval else w("sure.across_point")


def _of_criterion(
    c: CriterionVerdict, parsed: Criterion | None, record: Record | None, compared: Record | None
) -> MeasureValue | None:
    """Give the values that a criterion speaks of; differences stand in the record of the comparison, if anywhere."""
    if parsed is not None and parsed.baseline:
        record = compared if compared is not None and compared.kind == "difference" else None
    return record.measures.get(c.measure or "") if record else None


def _rows(
    c: CriterionVerdict, parsed: Criterion | None, bound: Bound, measure: MeasureValue | None, own: Row, w: Words
) -> Sequence[Row]:
    keyed = parsed is not None and parsed.key is None and c.key is not None
    if c.value is None or measure is None or not keyed or len(measure.singles()) < 2:
        return [own] if c.value is not None else []
    rows = []
    for key, single in measure.singles():
        value = point(single)
        if value is None:
            continue
        decides = key == c.key
        low, high = (single.low, single.high) if isinstance(single, Estimate) else (None, None)
        rows.append(
            Row(
                key_text(key or "", measure, w),
                value,
                low,
                high,
                c.verdict if decides else "",
                own.mark if decides else "",
            )
        )
    if len(rows) > _DRAWN:
        nearest = sorted(rows, key=lambda r: (not r.verdict, _room(r.value, bound)))[:_DRAWN]
        rows = [r for r in rows if r in nearest]
    return rows


def _room(value: float, bound: Bound) -> float:
    """How far inside the limit the value lies; negative outside."""
    return min(value - bound[0] if bound[0] is not None else 1e308, bound[1] - value if bound[1] is not None else 1e308)


# -- findings -------------------------------------------------------------------------------------------------


def finding_view(finding: JudgedFinding, w: Words) -> FindingView:
    """Build the view of one finding."""
    kind = w(f"finding.{finding.kind}")
    return FindingView(kind, subject_text(finding.subject, w), number(finding.value), finding.text)


def subject_text(subject: Subject, w: Words) -> str:
    """Name what a finding is about."""
    if subject.column is not None:
        return w("subject.column", name=subject.column)
    if subject.slice is not None:
        return w("subject.slice", name=subject.slice)
    if subject.class_ is not None:
        return w("subject.class", name=subject.class_)
    if subject.file is not None:
        return w("subject.file", name=subject.file)
    if subject.pair is not None:
        return w("subject.pair", first=subject.pair[0], second=subject.pair[1])
    if subject.rows is None and subject.row_count is not None:
        return w.count("n_rows", subject.row_count)
    rows = subject.rows or ()
    listed = ", ".join(f"{r:,}" for r in rows[:_ROWS_NAMED])
    if len(rows) <= _ROWS_NAMED:
        return w("subject.rows", rows=listed)
    return w("subject.rows_more", rows=listed, more=f"{len(rows) - _ROWS_NAMED:,}")
