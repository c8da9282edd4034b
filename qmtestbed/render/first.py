"""What the first screen says beside the headlines: the main number, whose limits they are, and what to do first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from qmtestbed.ait import Estimate
from qmtestbed.render.context import Context
from qmtestbed.render.criteria import found_text
from qmtestbed.render.model import MainView, Pairs, VerdictView
from qmtestbed.render.reasons import reason_text
from qmtestbed.render.text import number, percent, shorten
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import Assessment, CheckVerdicts, CriteriaHeadline
from qmtestbed.types.evidence import Evidence
from qmtestbed.types.values import point

_MAIN: Mapping[str, Sequence[str]] = {
    "classification_performance": ("accuracy",),
    "regression_performance": ("r2", "mae"),
}
"""AIT → those of its measures that stand on the first screen."""
_NAMED = 2
_LONGEST = 90


def verdict_view(headline: CriteriaHeadline, w: Words) -> VerdictView:
    """Give the verdict of the run by its criteria, with the rule; a page does not know what else was required."""
    other = headline.accepting
    also = w("run.accepting", verdict=w(f"verdict.{other}")) if other != headline.verdict else ""
    return VerdictView(headline.verdict, w("run.rule"), also)


def main_numbers(context: Context) -> tuple[MainView, ...]:
    """Give how right the model is, from the first check that measured it; nothing where none did."""
    for check in context.assessment.checks:
        record = context.evidence.records.get(check.record or "")
        if check.ait in _MAIN and check.status == "measured" and record is not None:
            values = {name: record.measures[name].value for name in _MAIN[check.ait] if name in record.measures}
            return tuple(
                _main(name, single, check, context)
                for name, single in values.items()
                if isinstance(single, (int, float, Estimate))
            )
    return ()


def _main(name: str, single: float | Estimate, check: CheckVerdicts, context: Context) -> MainView:
    title, link = context.w(f"main.{name}"), context.check_ref(check.id)
    if not isinstance(single, Estimate):
        return MainView(title, number(point(single)), "", "", "", link)
    found, interval = found_text(single.value, single.low, single.high, (None, None))
    return MainView(title, found, interval, percent(single.level), f"{single.n:,}", link)


def cautions(evidence: Evidence, w: Words) -> Pairs:
    """Say what a reader would wrongly take for granted, each with what to do: labels, and limits that somebody set."""
    found = []
    if evidence.unlabelled:
        found.append((w("caution.labels"), w("caution.labels.do")))
    marked = [evidence.is_default(check, e) for check in evidence.plan.checks.values() for e in check.expect]
    if any(marked):
        found.append((w("caution.defaults", n=sum(marked), of=len(marked)), w("caution.defaults.do")))
    return tuple(found)


def steps(assessment: Assessment, w: Words) -> tuple[str, ...]:
    """Say what to do next: first about what failed, then about what is missing from the target."""
    gap = reason_text(assessment.headlines.evidence.fills_gap, w.language)
    return tuple(text for text in (*_mend(assessment.checks, w), gap) if text)


def _mend(checks: Sequence[CheckVerdicts], w: Words) -> Iterator[str]:
    """Name what gave no result, is not met, or is undetermined, unless a waiver holds for it."""
    without = [c for c in checks if c.verdict == "undetermined" and c.status != "measured"]
    where = next((w.inside(shorten(c.error.where, _LONGEST)) for c in without if c.error and c.error.where), "")
    yield _told("step.no_result", [c.id for c in without], w, where)
    judged = [(check, c) for check in checks if check.status == "measured" for c in check.criteria if not c.waived]
    for verdict in ("not_met", "undetermined"):
        named = [f"{c.text}{w.inside(check.id)}" for check, c in judged if c.verdict == verdict]
        yield _told(f"step.{verdict}", named, w)


def _told(key: str, names: Sequence[str], w: Words, where: str = "") -> str:
    if not names:
        return ""
    more = [w("failures.more", n=len(names) - _NAMED)] if len(names) > _NAMED else []
    return w(key, what=w.listed(chain((shorten(name, _LONGEST) for name in names[:_NAMED]), more)) + where)


def first_lines(evidence: Evidence, assessment: Assessment) -> list[str]:
    """Give the same for a terminal, in English: what to beware of, and what to do next."""
    w = Words("en")
    lines = [f"Caution:  {said} {do}" for said, do in cautions(evidence, w)]
    return lines + [f"Next:     {step}" for step in steps(assessment, w)]
