"""One check: its record, its criteria, and the clauses it is for or only relates to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from qmtestbed.ait import Undefined
from qmtestbed.judging import judge
from qmtestbed.types.record import Status

NOT_MEASURED = sorted(set(get_args(Status)) - {"measured"})


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        (["accuracy >= 0.9", "accuracy >= 0.8"], "met"),
        (["accuracy >= 0.9", "accuracy >= 0.99"], "not_met"),
        (["accuracy >= 0.9", "duplicates == 0"], "undetermined"),
        (["duplicates == 0", "accuracy >= 0.99"], "not_met"),
    ],
)
def test_a_check_is_as_good_as_its_worst_criterion(build: Any, checks: list[str], verdict: str) -> None:
    found = judge(build.run({"c": build.check("accuracy", 0.95, *checks)})).checks[0]
    assert found.verdict == verdict
    assert [c.text for c in found.criteria] == checks
    assert (found.record, found.status) == ("key-c", "measured")


@pytest.mark.parametrize("status", NOT_MEASURED)
@pytest.mark.parametrize("expect", [[], ["accuracy >= 0.5"], ["accuracy >= 0.5", "accuracy <= 1"]])
def test_not_measured_is_one_undetermined_criterion(build: Any, status: str, expect: list[str]) -> None:
    check = build.check(status=status, error=build.failure("the child ran too long", "600 s"))
    found = judge(build.run({"c": {**check, "expect": expect}})).checks[0]
    assert (found.verdict, found.status, len(found.criteria)) == ("undetermined", status, 1)
    assert found.criteria[0].text == f"(not measured: {status.replace('_', ' ')})"
    assert found.criteria[0].reason == "the child ran too long (found 600 s)"
    assert found.error is not None


def test_the_reason_of_undefined_may_stand_in_the_measures(build: Any) -> None:
    check = build.check(value=Undefined("no labels at all"), status="undefined")
    assert judge(build.run({"c": check})).checks[0].criteria[0].reason == "no labels at all"


@pytest.mark.parametrize("names", [("accuracy", "errors"), ("errors", "accuracy")])
def test_of_several_reasons_the_first_by_name_stands_whatever_the_order(build: Any, names: tuple[str, str]) -> None:
    measures = {name: Undefined(f"no {name}") for name in names}
    check = build.check(status="undefined", measures=measures)
    assert judge(build.run({"c": check})).checks[0].criteria[0].reason == "no accuracy, … (1 more)"


def test_a_status_without_any_reason_still_says_something(build: Any) -> None:
    found = judge(build.run({"c": build.check(status="cancelled")})).checks[0]
    assert found.criteria[0].reason == "the record says cancelled and no reason"


@pytest.mark.parametrize("listed", [True, False])
def test_without_a_record_it_is_one_undetermined_criterion(build: Any, listed: bool) -> None:
    evidence = build.run({"c": build.check(status=None)})
    if listed:
        evidence = replace(evidence, info=replace(evidence.info, checks={"c": "lost"}))
    found = judge(evidence).checks[0]
    assert (found.verdict, found.status, found.record) == ("undetermined", "no_record", None)
    assert found.criteria[0].text == "(not measured: no record)"
    assert ("lost" in found.criteria[0].reason) is listed


@pytest.mark.parametrize("wrong", [{"program": "drift"}, {"kind": "probe"}])
def test_a_record_of_another_job_is_no_evidence(build: Any, wrong: dict[str, str]) -> None:
    found = judge(build.run({"c": build.good(**wrong)})).checks[0]
    assert found.verdict == "undetermined"
    assert "not by accuracy" in found.criteria[0].reason


def test_measured_without_criteria_is_reported(build: Any) -> None:
    assessment = judge(build.run({"b": build.reported(), "a": build.good()}))
    assert build.of_check(assessment, "b").verdict == "reported"
    assert build.of_check(assessment, "b").criteria == ()
    assert assessment.reported == ("b",)


def test_a_criterion_keeps_why_it_is_set(build: Any) -> None:
    check = {**build.check(), "expect": [{"criterion": "accuracy >= 0.9", "because": "a call costs money"}]}
    assert judge(build.run({"c": check})).checks[0].criteria[0].because == "a call costs money"


def test_a_missing_manifest_is_no_reason_to_stop(build: Any) -> None:
    evidence = replace(build.run({"c": build.good("drift")}), manifests={})
    assert judge(evidence).checks[0].verdict == "met"


def test_checks_stand_in_the_order_of_the_plan(build: Any) -> None:
    names = ["zeta", "alpha", "mid"]
    assert [c.id for c in judge(build.run({n: build.good() for n in names})).checks] == names


# -- clauses --------------------------------------------------------------------------------------------------


def clauses(build: Any, ait: str, for_: list[str] | None, **more: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = judge(build.run({"c": build.good(ait, for_=for_)}, **more)).checks[0]
    return found.clauses, found.related


@pytest.mark.parametrize(
    ("ait", "for_", "levels", "expected"),
    [
        ("accuracy", None, {"safe": "S-1"}, (("a1",), ())),
        ("accuracy", None, {"safe": "S-2"}, (("a1", "a2"), ())),
        ("left", None, {"safe": "S-1"}, (("a1",), ())),
        ("drift", None, {"safe": "S-1"}, ((), ("a1", "e1"))),
        ("drift", None, {"speed": "V-1"}, (("e1",), ("a1",))),
        ("drift", ["a1"], {"speed": "V-1"}, (("a1",), ("e1",))),
        ("drift", ["d2"], {"speed": "V-1"}, ((), ("d2", "a1", "e1"))),
        ("drift", ["e1", "a1"], {"speed": "V-1"}, (("a1", "e1"), ())),
        ("drift", [], {"speed": "V-1"}, ((), ("a1", "e1"))),
        ("accuracy", ["small@1:a1"], {"speed": "V-1"}, (("a1",), ())),
        ("accuracy", ["nowhere"], {"speed": "V-1"}, ((), ("nowhere",))),
        ("accuracy", None, {}, ((), ())),
        ("accuracy", ["a1"], {}, ((), ("a1",))),
    ],
)
def test_what_a_check_is_for(build: Any, ait: str, for_: list[str] | None, levels: Any, expected: Any) -> None:
    assert clauses(build, ait, for_, levels=levels) == expected


@pytest.mark.parametrize(
    ("for_", "expected"),
    [
        (None, ("small@1:a1", "other@1:a1", "other@1:a2")),
        (["small@1:a1"], ("small@1:a1",)),
        (["other@1:d1"], ("other@1:d1",)),
        (["a1"], ()),  # which guideline's? the plan stage refuses it
    ],
)
def test_with_several_guidelines_ids_carry_the_guideline(build: Any, for_: Any, expected: tuple[str, ...]) -> None:
    two = [build.guideline(), build.guideline("other", levels=False)]
    found, _ = clauses(build, "accuracy", for_, guidelines=two, levels={"small@1": {"safe": "S-1"}})
    assert found == expected


def test_related_clauses_carry_the_guideline_too(build: Any) -> None:
    two = [build.guideline(), build.guideline("other", levels=False)]
    _, related = clauses(build, "drift", None, guidelines=two, levels={"small@1": {"speed": "V-1"}})
    assert related == ("small@1:a1",)
