"""Findings: which count, and how several on one subject become one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qmtestbed.ait import Finding, Subject
from qmtestbed.judging import judge
from qmtestbed.types.assessment import JudgedFinding


def found(build: Any, expect: list[str], findings: list[Finding], **measures: Any) -> tuple[JudgedFinding, ...]:
    check = build.check(measures=measures, findings=tuple(findings))
    return judge(build.run({"c": {**check, "expect": expect}})).findings


def weak(value: float = 0.5, text: str = "weak", measure: str = "recall", **subject: Any) -> Finding:
    return Finding("weak_class", Subject(**subject), measure, value, text)


@pytest.mark.parametrize(
    ("expect", "counts"),
    [
        ([], False),
        (["accuracy >= 0.9"], True),
        (["accuracy >= 0.1"], False),
        (["accuracy >= 0.9 at 95%"], False),  # undetermined is not "not met"
        (["duplicates == 0"], False),  # not met, but the finding is on another measure
        (["accuracy >= 0.1", "accuracy >= 0.9"], True),
    ],
)
def test_a_finding_counts_when_a_criterion_on_its_measure_is_not_met(
    build: Any, expect: list[str], counts: bool
) -> None:
    finding = weak(measure="accuracy", class_="yes")
    assert bool(found(build, expect, [finding], accuracy=0.5, duplicates=3)) is counts


@pytest.mark.parametrize(
    ("subject", "counts"),
    [
        ({"class_": "yes"}, True),
        ({"class_": "no"}, False),
        ({"column": "yes"}, True),
        ({"slice": "other"}, True),  # no key of the measure: it can't be told apart
        ({"rows": (1, 2)}, True),
        ({"pair": ("a", "b")}, True),
    ],
)
def test_a_keyed_criterion_speaks_of_its_key_only(build: Any, subject: dict[str, Any], counts: bool) -> None:
    judged = found(build, ["recall[yes] >= 0.8"], [weak(**subject)], recall={"yes": 0.5, "no": 0.5})
    assert bool(judged) is counts


def test_a_criterion_on_all_keys_speaks_of_each_subject_whose_own_value_misses_it(build: Any) -> None:
    findings = [weak(class_="no"), weak(class_="yes"), weak(class_="unmeasured")]
    judged = found(build, ["recall >= 0.8"], findings, recall={"yes": 0.5, "no": 0.9})
    assert [f.subject.class_ for f in judged] == ["unmeasured", "yes"]


def test_one_per_kind_and_subject_and_the_worst_stands_for_all(build: Any) -> None:
    findings = [
        weak(0.7, "recall 0.7", class_="yes"),
        weak(0.4, "recall 0.4", class_="yes"),
        weak(0.6, "recall 0.6", class_="no"),
        Finding("shift", Subject(class_="yes"), "recall", 0.3, "moved"),
    ]
    judged = found(build, ["recall >= 0.8"], findings, recall={"yes": 0.4, "no": 0.6})
    assert [(f.kind, f.subject.class_, f.value, f.text) for f in judged] == [
        ("shift", "yes", 0.3, "moved"),
        ("weak_class", "no", 0.6, "recall 0.6"),
        ("weak_class", "yes", 0.4, "recall 0.4 (and 1 more)"),
    ]


def test_where_lower_is_better_the_largest_is_the_worst(build: Any) -> None:
    findings = [weak(v, "dup", "duplicates", column="a") for v in (3, 9, 5)]
    (judged,) = found(build, ["duplicates == 0"], findings, duplicates=17)
    assert (judged.value, judged.text) == (9, "dup")


def test_rows_of_one_kind_become_one_sorted_list(build: Any) -> None:
    findings = [
        Finding("duplicate_rows", Subject(rows=rows), "duplicates", 1, f"rows {rows}")
        for rows in ((9, 2), (4,), (2, 11))
    ]
    (judged,) = found(build, ["duplicates == 0"], findings, duplicates=3)
    assert judged.subject.rows == (2, 4, 9, 11)
    assert judged.text.endswith("(and 2 more)")


def test_the_order_in_the_record_changes_nothing(build: Any) -> None:
    findings = [weak(0.7, "b", class_="x"), weak(0.7, "a", class_="x"), weak(0.2, "c", rows=(3,)), weak(0.1, rows=(1,))]
    forwards = found(build, ["recall >= 0.8"], findings, recall={"x": 0.1})
    assert forwards == found(build, ["recall >= 0.8"], findings[::-1], recall={"x": 0.1})


def test_of_several_criteria_one_that_is_not_met_is_enough(build: Any) -> None:
    finding = weak(measure="accuracy", class_="yes")
    assert found(build, ["accuracy >= 0.9", "duplicates == 0"], [finding], accuracy=0.5, duplicates=3)


def test_pairs_are_subjects_of_their_own(build: Any) -> None:
    findings = [weak(measure="accuracy", pair=pair) for pair in (("a", "b"), ("a", "c"), ("a", "b"))]
    judged = found(build, ["accuracy >= 0.9"], findings, accuracy=0.5)
    assert [f.subject.pair for f in judged] == [("a", "b"), ("a", "c")]


def test_without_a_manifest_the_largest_stands_for_all(build: Any) -> None:
    check = build.bad(findings=(weak(0.2, "x", "accuracy", column="a"), weak(0.4, "x", "accuracy", column="a")))
    (judged,) = judge(replace(build.run({"c": check}), manifests={})).findings
    assert judged.value == 0.4


def test_each_check_has_its_own_in_the_order_of_the_plan(build: Any) -> None:
    check = build.bad(findings=(weak(measure="accuracy", class_="yes"),))
    judged = judge(build.run({"z": check, "a": check, "ok": build.good(findings=check["more"]["findings"])})).findings
    assert [f.check for f in judged] == ["z", "a"]


def test_what_was_not_measured_has_no_findings(build: Any) -> None:
    check = build.bad(status="failed", findings=(weak(measure="accuracy", class_="yes"),))
    assert judge(build.run({"c": check})).findings == ()
