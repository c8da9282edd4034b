"""Waivers: shown beside a verdict, never a part of it, and accepted only by whoever asks for that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qmtestbed.errors import ExitCode
from qmtestbed.judging import compare, exit_code, judge, run_verdict, snapshot
from qmtestbed.types.assessment import ACCEPTING, Assessment, Counts, WaivedHeadline
from qmtestbed.types.codec import canonical, decode, lean
from qmtestbed.types.plan import Plan

MET, NOT, OPEN = ExitCode.MET, ExitCode.NOT_MET, ExitCode.UNDETERMINED
LIMIT, AT = "accuracy >= 0.9", "accuracy >= 0.9 at 95%"


def states(assessment: Assessment) -> dict[str, str]:
    return {c.id: x.waiver.state for c in assessment.checks for x in c.criteria if x.waiver}


# -- how a waiver stands --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "date", "until", "state"),
    [  # the day of the run is 2026-12-01
        ("bad", "2026-11-01", "2027-01-31", "waived"),
        ("open", "2026-11-01", "2027-01-31", "waived"),
        ("good", "2026-11-01", "2027-01-31", "not_needed"),
        ("bad", "2026-12-01", "2026-12-01", "waived"),  # both days are days on which it holds
        ("bad", "2026-11-01", "2026-11-30", "expired"),
        ("good", "2026-11-01", "2026-11-30", "expired"),
        ("bad", "2026-12-02", "2027-01-31", "not_yet_valid"),
    ],
)
def test_state(build: Any, check: str, date: str, until: str, state: str) -> None:
    text = AT if check == "open" else LIMIT
    evidence = build.run({"c": getattr(build, check)()}, waivers=[build.waiver("c", f" {text}  ", until, date)])
    (judged,) = judge(evidence).checks[0].criteria
    assert judged.waiver is not None and judged.waiver.state == state
    assert judged.waived == (state == "waived")
    assert (judged.waiver.by, judged.waiver.reason, judged.waiver.until) == ("Ada", "ticket 12", until)


def test_only_the_criterion_of_its_own_check_is_waived(build: Any) -> None:
    checks = {"a": build.bad(), "b": build.bad(), "c": build.check("accuracy", 0.5, LIMIT, "accuracy >= 0.8")}
    found = judge(build.run(checks, waivers=[build.waiver("a", LIMIT), build.waiver("c", "accuracy >= 0.8")]))
    assert states(found) == {"a": "waived", "c": "waived"}
    assert [c.waived for c in found.checks[2].criteria] == [False, True]
    assert exit_code(found, ACCEPTING) == NOT  # b and the other criterion of c are not waived


def test_a_check_without_a_result_is_not_waived(build: Any) -> None:
    """Leave to miss a limit is no leave to measure nothing."""
    failed = build.check("accuracy", status="failed")
    found = judge(build.run({"c": failed, "good": build.good()}, waivers=[build.waiver("c", LIMIT)]))
    assert states(found) == {} and found.headlines.criteria.waived is None
    assert exit_code(found, ACCEPTING) == OPEN


def test_the_headline_counts_what_is_waived_and_when_the_first_waiver_ends(build: Any) -> None:
    checks = {"a": build.bad(), "b": build.bad(), "c": build.open(), "d": build.good(), "e": build.bad()}
    waivers = [build.waiver("a", LIMIT), build.waiver("c", AT, "2027-03-31"), build.waiver("d", LIMIT, "2026-12-31")]
    waivers.append(build.waiver("e", LIMIT, "2026-11-30"))
    headline = judge(build.run(checks, waivers=waivers)).headlines.criteria
    assert (headline.judged, headline.met, headline.not_met, headline.undetermined) == (5, 1, 3, 1)
    assert headline.waived == WaivedHeadline(not_met=1, undetermined=1, until="2027-01-31")
    assert headline.waived.criteria == 2


# -- what is required -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "waived", "strict", "accepting", "verdict"),
    [
        (["good", "bad"], [1], NOT, MET, "met_or_waived"),
        (["good", "open"], [1], OPEN, MET, "met_or_waived"),
        (["good", "bad", "open"], [1], NOT, OPEN, "undetermined"),
        (["good", "bad", "open"], [2], NOT, NOT, "not_met"),
        (["good", "good"], [1], MET, MET, "met"),  # a waiver that is not needed accepts nothing
        (["bad"], [0], NOT, OPEN, "undetermined"),  # something must be judged and met
        (["bad", "open"], [0, 1], NOT, OPEN, "undetermined"),
        (["bad", "reported"], [0], NOT, OPEN, "undetermined"),
    ],
)
def test_codes(build: Any, checks: list[str], waived: list[int], strict: Any, accepting: Any, verdict: str) -> None:
    run = {f"c{i}": getattr(build, kind)("drift") for i, kind in enumerate(checks)}
    waivers = [build.waiver(f"c{i}", AT if checks[i] == "open" else LIMIT) for i in waived]
    found = judge(build.run(run, waivers=waivers))
    assert exit_code(found) == strict and exit_code(found, ACCEPTING) == accepting
    assert run_verdict(found, ACCEPTING) == verdict
    assert run_verdict(found) == {MET: "met", NOT: "not_met", OPEN: "undetermined"}[strict]
    headline = found.headlines.criteria
    assert (headline.verdict, headline.accepting) == (run_verdict(found), run_verdict(found, ACCEPTING))


# -- from run to run ------------------------------------------------------------------------------------------


def test_a_waiver_that_began_or_ended_is_a_change_worth_telling(build: Any) -> None:
    checks = {"begun": build.bad(), "ended": build.bad(), "better": build.bad(), "kept": build.bad()}
    always = [build.waiver("kept", LIMIT)]
    before = build.run(checks, waivers=[*always, build.waiver("ended", LIMIT), build.waiver("better", LIMIT)])
    after = build.run(
        {**checks, "better": build.good()},
        waivers=[*always, build.waiver("begun", LIMIT), build.waiver("ended", LIMIT, "2026-11-30")],
    )
    one, other = (snapshot(e, judge(e)) for e in (before, after))
    found = compare([one, other])
    assert {c.check: c.changes[0] for c in found.criteria} == {
        "ended": "unwaived", "begun": "waived", "better": "better", "kept": "same",
    }  # fmt: skip
    assert [c.check for c in found.criteria] == ["ended", "begun", "better", "kept"]
    assert found.counts == (Counts(better=1, same=1, unwaived=1, waived=1),)
    since = judge(replace(after, since=one)).since
    assert since is not None and [c.change for c in since.changes] == ["unwaived", "waived", "better"]


# -- bytes ----------------------------------------------------------------------------------------------------


def test_what_has_no_waivers_is_written_as_before_there_were_any(build: Any) -> None:
    """Digests of plans are run ids: those of earlier runs must be found again."""
    evidence = build.run({"c": build.bad()})
    assert b"waive" not in canonical(evidence.plan) + canonical(judge(evidence))
    assert decode(Plan, lean(evidence.plan)) == evidence.plan
    assert b"waive" not in canonical(Counts(worse=1))
