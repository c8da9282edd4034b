"""Waivers in words: beside the criterion, in the headline, and all of the plan's in a list."""

from __future__ import annotations

from collections.abc import Callable

from qmtestbed.render.context import Context
from qmtestbed.render.model import WaiverRow, WaiverView
from qmtestbed.render.text import date
from qmtestbed.render.words import Words
from qmtestbed.types.assessment import CriteriaHeadline, CriterionVerdict, WaiverState
from qmtestbed.types.criterion import one_spelling
from qmtestbed.types.plan import Waiver


def waiver_text(waiver: WaiverState, w: Words, foreign: Callable[[str], str] = str) -> str:
    """Say who granted a waiver, and until when or since when it holds no more; ``foreign`` marks texts of others."""
    days = {"date": date(waiver.date, w.language), "until": date(waiver.until, w.language)}
    return w(f"waiver.{waiver.state}", by=foreign(waiver.by), **days)


def waiver_view(waiver: WaiverState | None, w: Words) -> WaiverView | None:
    """Build the view of the waiver that stands beside a criterion."""
    return WaiverView(waiver.state, waiver_text(waiver, w), waiver.reason) if waiver else None


def waived_text(criteria: CriteriaHeadline, w: Words) -> str:
    """Say how many criteria of which verdict are waived, and until when; an empty text if none is."""
    waived = criteria.waived
    if waived is None:
        return ""
    both = (("not_met", waived.not_met, criteria.not_met),
            ("undetermined", waived.undetermined, criteria.undetermined))  # fmt: skip
    what = w("waived.and").join(w(f"waived.{verdict}", n=n, of=of) for verdict, n, of in both if n)
    key = "waived.until" if waived.criteria == 1 else "waived.first"
    return w(key, what=what, until=date(waived.until, w.language))


def waiver_rows(context: Context) -> tuple[WaiverRow, ...]:
    """List every waiver of the plan, in its order; one of a check that gave no result waives nothing."""
    return tuple(_row(waiver, context) for waiver in context.evidence.plan.waivers)


def _row(waiver: Waiver, context: Context) -> WaiverRow:
    check, text = context.checks.get(waiver.check), one_spelling(waiver.criterion)
    judged: list[CriterionVerdict] = [c for c in check.criteria if one_spelling(c.text) == text] if check else []
    stands = judged[0].waiver if judged else None
    return WaiverRow(
        check=context.check_ref(waiver.check),
        criterion=waiver.criterion,
        verdict=judged[0].verdict if judged else "undetermined",
        reason=waiver.reason,
        by=waiver.by,
        date=date(waiver.date, context.language),
        until=date(waiver.until, context.language),
        state=stands.state if stands else "no_evidence",
    )
