"""Waivers beside verdicts: who gave leave to miss a criterion, and whether that holds on the day. They change none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from qmtestbed.types.assessment import CriterionVerdict, Verdict, WaivedHeadline, WaiverState
from qmtestbed.types.criterion import one_spelling
from qmtestbed.types.plan import Waiver


def beside_waiver(judged: CriterionVerdict, waivers: Iterable[Waiver], as_of: str) -> CriterionVerdict:
    """Put the waiver of a criterion, if there is one, beside its verdict.

    Parameters
    ----------
    judged
        The criterion, judged.
    waivers
        Those of its check.
    as_of
        Day of the assessment, an ISO date; both days of a waiver are days on which it holds.
    """
    own = next((w for w in waivers if one_spelling(w.criterion) == one_spelling(judged.text)), None)
    if own is None:
        return judged
    state = _state(own, judged.verdict, as_of)
    return replace(judged, waiver=WaiverState(own.by, own.reason, own.date, own.until, state))


def _state(waiver: Waiver, verdict: Verdict, as_of: str) -> Literal["waived", "not_needed", "expired", "not_yet_valid"]:
    if waiver.until < as_of:
        return "expired"
    if waiver.date > as_of:
        return "not_yet_valid"
    return "not_needed" if verdict == "met" else "waived"


def waived_headline(criteria: Iterable[CriterionVerdict]) -> WaivedHeadline | None:
    """Count the criteria that are waived; ``None`` if none is."""
    found = [(c.verdict, c.waiver.until) for c in criteria if c.waived and c.waiver is not None]
    if not found:
        return None
    verdicts = [verdict for verdict, _ in found]
    return WaivedHeadline(verdicts.count("not_met"), verdicts.count("undetermined"), min(until for _, until in found))
