"""Requirements: alternatives of AITs, declarations, and what the two parts say together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qmtestbed.judging import judge
from qmtestbed.judging.parts import measured_part, narrowed


def state(build: Any, requirement: str, checks: Any, *declared: Any, levels: Any = None) -> Any:
    return build.of_requirement(judge(build.run(checks, *declared, levels=levels)), requirement)


def _judged(build: Any, expect: list[str]) -> Any:
    both = {**build.good("left", measures={"accuracy": 0.95, "duplicates": 3}), "expect": expect}
    return judge(build.run({"c": both})).checks[0]


# Each check is written "kind ait" or "kind ait !", where ! means that it says "for: [a1]" itself.
@pytest.mark.parametrize(
    ("checks", "part", "reason"),
    [
        (["good accuracy"], "supported", "c0 met"),
        (["bad accuracy"], "contradicted", "c0 not met"),
        (["open accuracy"], "undetermined", "c0 undetermined"),
        ([], "missing", "no check"),
        (["reported accuracy"], "missing", "c0 has no criteria"),
        (["good accuracy", "reported accuracy"], "supported", "c0 met"),
        (["good accuracy", "good accuracy"], "supported", "c0, c1 met"),
        (["good accuracy", "open accuracy"], "undetermined", "c1 undetermined"),
        (["good accuracy", "bad accuracy"], "contradicted", "c1 not met"),
        (["good left"], "undetermined", "no judged check with right"),
        (["good right", "reported left"], "undetermined", "no judged check with left"),
        (["good left", "good right"], "supported", "c0, c1 met"),
        (["good left", "open right"], "undetermined", "c1 undetermined"),
        # One complete alternative is enough, whatever is open in another,
        (["good accuracy", "open left"], "supported", "c0 met"),
        (["open accuracy", "good left", "good right"], "supported", "c1, c2 met"),
        # but what is not met in any alternative contradicts.
        (["good accuracy", "bad left"], "contradicted", "c1 not met"),
        # An explicit for makes that AIT an alternative of its own,
        (["good left !"], "supported", "c0 met"),
        (["good drift !"], "supported", "c0 met"),
        (["open drift !"], "undetermined", "c0 undetermined"),
        (["bad drift !"], "contradicted", "c0 not met"),
        (["reported drift !"], "missing", "c0 has no criteria"),
        # with all checks of that AIT that are for the requirement.
        (["good left !", "open left"], "undetermined", "c1 undetermined"),
        # What the AIT informs is related: shown, never deciding.
        (["good drift"], "missing", "no check"),
        (["bad drift"], "missing", "no check"),
        (["good accuracy", "bad drift"], "supported", "c0 met"),
    ],
)
def test_the_measured_part(build: Any, checks: list[str], part: str, reason: str) -> None:
    made = {}
    for i, text in enumerate(checks):
        kind, ait, *explicit = text.split()
        made[f"c{i}"] = getattr(build, kind)(ait, for_=["a1"] if explicit else None)
    found = state(build, "a1", made)
    assert found.parts["measured"] == part
    assert f"measured: {reason}" in found.reason


def test_the_alternative_that_is_nearest_to_complete_is_named(build: Any) -> None:
    one = build.guideline().requirements["a1"]
    sets = (("left", "x", "y", "z"), ("stress",), ("left", "right", "drift"))
    (check,) = judge(build.run({"c": build.good("left")})).checks
    part, reason = measured_part(replace(one, informed_by=sets), [check], set())
    assert (part, reason) == ("undetermined", "no judged check with drift, right")


def test_missing_aits_are_named_in_one_order_whatever_the_hash_seed(build: Any) -> None:
    one = build.guideline().requirements["a1"]
    (check,) = judge(build.run({"c": build.good("left")})).checks
    _, reason = measured_part(replace(one, informed_by=(("left", *"hgfedcb"),)), [check], set())
    assert reason == "no judged check with b, c, d, … (4 more)"


@pytest.mark.parametrize(
    ("expect", "part", "reason"),
    [
        (["duplicates <= 5"], "missing", "c has no criteria on accuracy"),
        (["accuracy >= 0.1"], "supported", "c met"),
        (["accuracy >= 0.1", "duplicates <= 1"], "supported", "c met"),
        (["accuracy >= 0.999", "duplicates <= 5"], "contradicted", "c not met"),
        ([], "missing", "c has no criteria on accuracy"),
    ],
)
def test_where_a_measure_informs_only_criteria_on_it_count(
    build: Any, expect: list[str], part: str, reason: str
) -> None:
    one = replace(build.guideline().requirements["a1"], informed_by=(("left.accuracy",),))
    check = _judged(build, expect)
    seen = narrowed(one, check)
    assert measured_part(one, [seen], set()) == (part, reason)
    assert {c.measure for c in seen.criteria} <= {"accuracy"}


def test_each_measure_of_an_alternative_needs_a_criterion(build: Any) -> None:
    one = replace(build.guideline().requirements["a1"], informed_by=(("left.accuracy", "left.duplicates"),))
    half, both = _judged(build, ["accuracy >= 0.1"]), _judged(build, ["accuracy >= 0.1", "duplicates <= 5"])
    assert measured_part(one, [narrowed(one, half)], set()) == (
        "undetermined",
        "no judged check with left on duplicates",
    )
    assert measured_part(one, [narrowed(one, both)], set())[0] == "supported"


def test_a_check_that_was_not_measured_counts_for_every_measure(build: Any) -> None:
    one = replace(build.guideline().requirements["a1"], informed_by=(("left.accuracy",),))
    (check,) = judge(build.run({"c": build.good("left", status="failed")})).checks
    assert measured_part(one, [narrowed(one, check)], set()) == ("undetermined", "c undetermined")


def test_an_empty_alternative_supports_nothing(build: Any) -> None:
    one = build.guideline().requirements["a1"]
    (check,) = judge(build.run({"c": build.good("left")})).checks
    assert measured_part(replace(one, informed_by=((),)), [check], set())[0] == "undetermined"


@pytest.mark.parametrize(
    ("declared", "part", "reason"),
    [
        ([], "missing", "no declaration"),
        ([{"statement": "done"}], "supported", "declared by Ada on 2026-11-01"),
        ([{"file": "hazards.md"}], "supported", "declared by Ada"),
        ([{"state": "valid", "file": None}], "missing", "neither statement nor file"),
        ([{"state": "expired", "statement": "x", "until": "2026-11-30"}], "missing", "expired on 2026-11-30"),
        ([{"state": "expired", "statement": "x"}], "missing", "expired"),
        ([{"state": "not_yet_valid", "statement": "x"}], "missing", "starts on 2026-11-01"),
        ([{"state": "file_missing", "file": "hazards.md"}], "missing", "hazards.md is missing"),
        ([{"state": "file_altered", "file": "hazards.md"}], "missing", "hazards.md was altered"),
        ([{"state": "expired", "not_applicable": "no time"}], "missing", "expired"),
        ([{"file": "list.yaml", "answered_no": "Are labels checked twice?"}], "contradicted", "labels checked twice"),
        ([{"state": "expired", "file": "list.yaml", "answered_no": "Checked?"}], "missing", "expired"),
    ],
)
def test_the_declared_part(build: Any, declared: list[dict[str, Any]], part: str, reason: str) -> None:
    found = state(build, "s1", {}, *(build.declaration("s1", **d) for d in declared))
    assert found.parts == {"declared": part}
    assert reason in found.reason
    assert len(found.declarations) == len(declared)


SUPPORTED, NO, EXPIRED = {"statement": "done"}, {"file": "f", "answered_no": "q"}, {"state": "expired"}


@pytest.mark.parametrize(
    ("measured", "declared", "verdict"),
    [
        ("good", SUPPORTED, "supported"),
        ("good", None, "partly_supported"),
        ("good", EXPIRED, "partly_supported"),
        ("good", NO, "contradicted"),
        ("bad", SUPPORTED, "contradicted"),
        ("bad", None, "contradicted"),
        ("bad", NO, "contradicted"),
        ("open", SUPPORTED, "undetermined"),
        ("open", None, "undetermined"),
        ("open", NO, "contradicted"),
        ("reported", SUPPORTED, "partly_supported"),
        ("reported", None, "no_evidence"),
        (None, SUPPORTED, "partly_supported"),
        (None, None, "no_evidence"),
        (None, NO, "contradicted"),
    ],
)
def test_the_parts_together(build: Any, measured: str | None, declared: Any, verdict: str) -> None:
    checks = {"c": getattr(build, measured)()} if measured else {}
    found = state(build, "a1", checks, *([build.declaration("a1", **declared)] if declared else []))
    assert found.verdict == verdict


def test_a_part_that_is_not_needed_never_decides(build: Any) -> None:
    declared_only = state(build, "s1", {"c": build.bad(for_=["s1"])}, build.declaration("s1"))
    assert (declared_only.verdict, declared_only.parts) == ("supported", {"declared": "supported"})
    assert (declared_only.checks, declared_only.records) == (("c",), ())
    measured_only = state(build, "a2", {"c": build.good()}, build.declaration("a2", **NO), levels={"safe": "S-2"})
    assert (measured_only.verdict, measured_only.parts) == ("supported", {"measured": "supported"})


@pytest.mark.parametrize("measured", ["good", "bad", "open"])
def test_not_applicable_wins_and_is_no_verdict_on_the_evidence(build: Any, measured: str) -> None:
    waiver = build.declaration("a1", not_applicable="no time dimension")
    found = state(build, "a1", {"c": getattr(build, measured)()}, waiver)
    assert (found.verdict, found.records) == ("not_applicable", ())
    assert found.reason == "declared not applicable by Ada on 2026-11-01: no time dimension"


@pytest.mark.parametrize("why", ["expired", "not_yet_valid", "file_missing", "file_altered"])
def test_not_applicable_must_be_valid_itself(build: Any, why: str) -> None:
    waiver = build.declaration("a1", why, not_applicable="no time dimension", file="f")
    assert state(build, "a1", {"c": build.good()}, waiver).verdict == "partly_supported"


def test_two_declarations_that_disagree_do_not_waive(build: Any) -> None:
    both = [build.declaration("s1"), build.declaration("s1", not_applicable="never")]
    assert state(build, "s1", {}, *both).verdict == "supported"
    assert state(build, "s1", {}, *reversed(both)).verdict == "supported"


def test_a_requirement_names_its_checks_records_and_what_only_relates(build: Any) -> None:
    checks = {"r": build.reported(), "g": build.good(), "d": build.good("drift"), "x": build.good("left", status=None)}
    found = state(build, "a1", checks)
    assert found.checks == ("r", "g", "x")
    assert found.related == ("d",)
    assert found.records == ("key-g",)
    assert (found.guideline, found.dimension, found.needs) == ("small@1", "A", ("measured", "declared"))


def test_requirements_of_the_target_only_in_the_order_of_the_guideline(build: Any) -> None:
    def ids(levels: Any) -> list[str]:
        return [r.id for r in judge(build.run(levels=levels)).requirements]

    assert ids({"safe": "S-1"}) == ["a1", "s1"]
    assert ids({"safe": "S-2"}) == ["a1", "a2", "s1", "s2"]
    assert ids({"safe": "S-1", "speed": "V-2"}) == ["a1", "a2", "e1", "e2", "s1"]
    assert ids({}) == []


def test_a_guideline_without_levels_is_targeted_whole(build: Any) -> None:
    whole = build.guideline(levels=False)
    assessment = judge(build.run({"c": build.good()}, guidelines=[whole], levels={}))
    assert [r.id for r in assessment.requirements] == list(whole.requirements)
    assert assessment.levels == ()
    assert build.of_requirement(assessment, "a2").verdict == "supported"
    assert build.of_requirement(assessment, "a2").dimension == ""


def test_declarations_may_name_the_guideline(build: Any) -> None:
    two = [build.guideline(), build.guideline("other", levels=False)]
    declared = [build.declaration("small@1:s1"), build.declaration("s2")]
    assessment = judge(build.run({}, *declared, guidelines=two, levels={"small@1": {"safe": "S-1"}}))
    assert build.of_requirement(assessment, "small@1:s1").verdict == "supported"
    assert build.of_requirement(assessment, "other@1:s1").verdict == "no_evidence"
    assert build.of_requirement(assessment, "other@1:s2").declarations == ()  # s2 of which guideline?
