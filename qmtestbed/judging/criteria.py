"""One criterion against what was measured under its name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from qmtestbed.ait import Undefined
from qmtestbed.errors import suggestion
from qmtestbed.judging.baseline import Beside
from qmtestbed.judging.elements import Element, judge_element, usable
from qmtestbed.judging.wording import percent
from qmtestbed.types.assessment import Against, CriterionVerdict, Verdict
from qmtestbed.types.criterion import Criterion, parse_criterion
from qmtestbed.types.manifest import MeasureSpec
from qmtestbed.types.plan import Expectation
from qmtestbed.types.values import MeasureValue, Single, minus, point

_WORST_FIRST: tuple[Verdict, ...] = ("not_met", "undetermined", "met")


def judge_criterion(
    expectation: Expectation,
    measures: Mapping[str, MeasureValue],
    declared: Mapping[str, MeasureSpec] | None = None,
    beside: Beside | None = None,
) -> CriterionVerdict:
    """Judge one criterion.

    Parameters
    ----------
    expectation
        The criterion as written, and why it is set there.
    measures
        What a record with status ``measured`` holds.
    declared
        The measures of the AIT's manifest; ``None`` if it is not at hand.
    beside
        How far the measures are from those of the baseline, which a criterion against it is judged by.

    Returns
    -------
    CriterionVerdict
        Undetermined, with the reason, wherever the criterion can't be applied. Of several values the worst is shown.
    """
    text, because = expectation.criterion.strip(), expectation.because
    try:
        criterion = parse_criterion(text)
    except ValueError as error:
        return CriterionVerdict(text, "undetermined", f"it can't be read: {error}", because=because)
    known = measures if declared is None else declared
    spec = (declared or {}).get(criterion.measure)
    beside = (beside or _NO_BASELINE) if criterion.baseline else None
    trouble = _trouble(criterion, known, measures) or _no_difference(criterion, beside)
    if not trouble:
        own = measures[criterion.measure]
        value = beside.measures[criterion.measure] if beside else own
        elements = _elements(criterion, value, own, beside)
        if elements:
            return _decide(criterion, elements, value, spec, because)
        trouble = _nothing_to_judge(criterion, value)
    return CriterionVerdict(
        text, "undetermined", trouble, criterion.measure, criterion.key, bound=_bound(criterion), because=because
    )


def _trouble(criterion: Criterion, known: Mapping[str, object], measures: Mapping[str, MeasureValue]) -> str:
    if not all(b is None or math.isfinite(b) for b in (criterion.low, criterion.high)):
        return "its limit is not a finite number"
    if criterion.measure not in known:
        hint = suggestion(criterion.measure, known)
        return f"no measure is called {criterion.measure!r}" + (f"; {hint}" if hint else "")
    if criterion.measure not in measures:
        return f"the record holds no {criterion.measure!r}"
    return ""


_NO_BASELINE = Beside(trouble="the evidence holds no baseline to compare with")


def _no_difference(criterion: Criterion, beside: Beside | None) -> str:
    if beside is None or beside.trouble or criterion.measure in beside.measures:
        return beside.trouble if beside else ""
    return f"{criterion.measure!r} has no difference from the baseline"


def _elements(
    criterion: Criterion, value: MeasureValue, own: MeasureValue, beside: Beside | None
) -> tuple[Element, ...]:
    """Judge what the criterion speaks of: one key, or all; empty if there is nothing."""
    pairs: Sequence[tuple[str | None, Single]] = value.singles()
    if value.by_key is not None:
        pairs = sorted(value.by_key.items())
    if criterion.key is not None and not isinstance(value.value, Undefined):
        wanted = criterion.key.strip()
        pairs = [(k, v) for k, v in pairs if value.by_key is not None and k == wanted]
    of_model = dict(own.singles())
    if beside and criterion.key is None:
        pairs = [*pairs, *((k, _NO_DIFFERENCE) for k in sorted(_keys(own) - _keys(value)))]
    return tuple(judge_element(criterion, k, v, _against(of_model.get(k), v, beside)) for k, v in pairs)


_NO_DIFFERENCE = Undefined("it has no difference from the baseline")


def _keys(value: MeasureValue) -> set[str]:
    return set(value.by_key or ())


def _against(own: Single | None, difference: Single, beside: Beside | None) -> Against | None:
    """Give both values behind a difference: the model's own as recorded, and the baseline's."""
    if beside is None or own is None or isinstance(own, Undefined) or isinstance(difference, Undefined):
        return None
    if not usable(own) or not usable(difference):
        return None
    a, d = point(own) or 0.0, point(difference) or 0.0
    return Against(a, minus(a, d), beside.name, beside.how)


def _nothing_to_judge(criterion: Criterion, value: MeasureValue) -> str:
    if criterion.key is None:
        return f"{criterion.measure!r} holds no values"
    if value.by_key is None:
        return f"{criterion.measure!r} has no keys, so none is called {criterion.key!r}"
    hint = suggestion(criterion.key, value.by_key)
    return f"{criterion.measure!r} has no key {criterion.key!r}" + (f"; {hint}" if hint else "")


def _decide(
    criterion: Criterion,
    elements: Sequence[Element],
    value: MeasureValue,
    spec: MeasureSpec | None,
    because: str | None,
) -> CriterionVerdict:
    """Not met if any element is, else undetermined if any is; shown is the worst of those that decide."""
    verdict = next(v for v in _WORST_FIRST if any(e.verdict == v for e in elements))
    deciding = [e for e in elements if e.verdict == verdict]
    worst = min(deciding, key=lambda e: e.margin)
    reason = worst.reason
    if worst.key is not None:
        per = "element" if value.by_key is None else (spec and spec.per) or "key"
        reason = f"{per} {worst.key}: {reason}"
    if len(elements) > 1:
        reason += f"; {len(deciding)} of {len(elements)} {verdict.replace('_', ' ')}"
    # A criterion that is met by the point says which of its values are not shown; one that is missed, whether that is.
    open_ones = [e for e in (elements if verdict == "met" else [worst]) if e.straddles and e.level is not None]
    if criterion.confidence is None and open_ones:
        first = open_ones[0]
        whose = "" if first is worst or first.key is None else f"{first.key} "
        reason += f"; {whose}not shown at {percent(first.level or 0)}"
    return CriterionVerdict(
        criterion.text,
        verdict,
        reason,
        criterion.measure,
        worst.key,
        worst.value,
        worst.low,
        worst.high,
        worst.n,
        _bound(criterion),
        because,
        worst.against,
    )


def _bound(criterion: Criterion) -> tuple[float | None, float | None]:
    if not all(b is None or math.isfinite(b) for b in (criterion.low, criterion.high)):
        return None, None
    return criterion.low, criterion.high
