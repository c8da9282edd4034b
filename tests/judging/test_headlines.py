"""The two headlines, and the line that says how to fill the gap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qmtestbed.judging import judge
from qmtestbed.types.assessment import CriteriaHeadline, LeftOut
from qmtestbed.types.manifest import Suggestion
from qmtestbed.types.text import Text

DECLARE = "qmtestbed declare --plan PLAN --requirement a1"


def test_criteria_are_counted_over_all_checks_and_reported_ones_have_none(build: Any) -> None:
    checks = {
        "two": build.check("accuracy", 0.95, "accuracy >= 0.9", "accuracy >= 0.8"),
        "bad": build.bad("left"),
        "open": build.open("right"),
        "failed": build.check(status="failed"),
        "reported": build.reported("drift"),
    }
    assert judge(build.run(checks)).headlines.criteria == CriteriaHeadline(5, met=2, not_met=1, undetermined=2)


def test_expected_false_alarms_are_the_sum_of_the_rates_of_decided_suggestions(build: Any) -> None:
    def rated(criterion: str, rate: float | None) -> Suggestion:
        return Suggestion(criterion, Text("x"), "x", rate)

    checks = {
        "met": build.check("accuracy", 0.95, "accuracy  >= 0.9", "accuracy >= 0.8"),  # the second is the user's own
        "missed": build.bad("left"),
        "failed": build.check(status="failed"),
    }
    evidence = build.run(checks)
    suggested = (rated("accuracy >= 0.9", 0.005), rated("accuracy >= 0.5", 0.5), rated("duplicates <= 0", None))
    manifests = {name: replace(m, suggests=suggested) for name, m in evidence.manifests.items()}
    found = judge(replace(evidence, manifests=manifests)).headlines.criteria
    missed = [c for check in judge(evidence).checks if check.id == "missed" for c in check.criteria]
    expected = 1 + sum(c.text == "accuracy >= 0.9" for c in missed)
    assert (found.rated, found.false_alarms) == (expected, 0.005 * expected)
    assert judge(evidence).headlines.criteria.rated == 0


def test_a_limit_is_a_default_while_it_is_marked_and_the_one_that_is_suggested(build: Any) -> None:
    evidence = build.run({"c": build.check("accuracy", 0.95, "accuracy >= 0.9", "accuracy >= 0.8")})
    suggested = (Suggestion("accuracy  >= 0.9", Text("x"), "x"),)
    manifests = {name: replace(m, suggests=suggested) for name, m in evidence.manifests.items()}
    (check,) = evidence.plan.checks.values()
    for marked in (True, None):
        expect = tuple(replace(e, default=marked) for e in check.expect)
        plan = replace(evidence.plan, checks={"c": replace(check, expect=expect)})
        judged = judge(replace(evidence, manifests=manifests, plan=plan))
        assert [c.default for c in judged.checks[0].criteria] == [bool(marked), False]
        assert [c.verdict for c in judged.checks[0].criteria] == ["met", "met"], "it changes no verdict"


def test_evidence_is_counted_in_parts_of_the_target_less_the_not_applicable(build: Any) -> None:
    declared = [build.declaration("a1"), build.declaration("s1", not_applicable="x"), build.declaration("d1")]
    found = judge(build.run({"c": build.good(), "d": build.bad("drift")}, *declared, levels={"safe": "S-2"}))
    evidence = found.headlines.evidence
    assert (evidence.measured_supported, evidence.measured_needed) == (2, 3)
    assert (evidence.declared_supported, evidence.declared_needed) == (1, 2)
    assert (evidence.contradicted, evidence.not_applicable) == (1, 1)
    assert evidence.level_asked


def test_without_a_level_nothing_is_counted(build: Any) -> None:
    evidence = judge(build.run({"c": build.good()}, levels={})).headlines.evidence
    assert not evidence.level_asked
    assert (evidence.measured_needed, evidence.declared_needed) == (0, 0)


@pytest.mark.parametrize(
    ("levels", "checks", "declared", "line"),
    [
        ({}, [], "", "no level asked for; add --level safe=S-1"),
        ({"safe": "S-1"}, [], "", "add a check with accuracy for a1"),
        ({"safe": "S-2"}, [("good", "accuracy")], "", "add a check with drift for s2"),
        ({"safe": "S-1"}, [("reported", "accuracy")], "", "add criteria to the check c0, which is for a1"),
        (
            {"safe": "S-1"},
            [("good", "accuracy")],
            "",
            f"add a declaration for a1, s1: {DECLARE}",
        ),
        ({"safe": "S-1"}, [("bad", "accuracy")], "a1 s1", ""),
        (
            {"speed": "V-2"},
            [("good", "accuracy"), ("good", "drift")],
            "",
            f"add a declaration for a1: {DECLARE}",
        ),  # no AIT for e2
        ({"safe": "S-3"}, [], "", "the guideline has no requirements for S-3; ask for another level"),
        ({"safe": "S-1"}, [("good", "accuracy")], "a1 s1", ""),
    ],
)
def test_the_gap_is_filled_by(build: Any, levels: Any, checks: Any, declared: str, line: str) -> None:
    made = {f"c{i}": getattr(build, kind)(ait) for i, (kind, ait) in enumerate(checks)}
    given = [build.declaration(r) for r in declared.split()]
    assert judge(build.run(made, *given, levels=levels)).headlines.evidence.fills_gap == line


def test_many_missing_declarations_are_counted(build: Any) -> None:
    whole = build.guideline(levels=False)
    checks = {ait: build.good(ait) for ait in ("accuracy", "drift", "stress")}
    evidence = judge(build.run(checks, guidelines=[whole], levels={})).headlines.evidence
    assert evidence.fills_gap == f"add a declaration for a1, s1, s2, … (1 more): {DECLARE}"


def test_a_level_asked_for_under_one_of_two_guidelines_is_enough(build: Any) -> None:
    two = [build.guideline("other"), build.guideline()]
    evidence = judge(build.run({}, guidelines=two, levels={"small@1": {"safe": "S-1"}})).headlines.evidence
    assert evidence.level_asked
    assert evidence.fills_gap == "add a check with accuracy for small@1:a1"


def test_without_a_guideline_the_line_says_so(build: Any) -> None:
    evidence = judge(build.run({"c": build.good()}, guidelines=[], levels={})).headlines.evidence
    assert evidence.fills_gap == "no guideline asked for; name one in the plan"
    assert not evidence.level_asked


def test_what_is_true_of_the_run_is_passed_on(build: Any) -> None:
    left_out = (LeftOut("drift", "needs a reference table"),)
    found = judge(build.run({"c": build.good()}, left_out=left_out))
    assert (found.run, found.as_of, found.component, found.guidelines) == ("r1", "2026-12-01", "c", ("small@1",))
    assert found.left_out == left_out
