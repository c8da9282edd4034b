"""JUnit by the contract: a case per criterion, and never a green one for what was not judged."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET

import pytest

from qmtestbed.render import junit


@pytest.fixture(scope="module")
def root(sample):
    return ET.fromstring(junit(*sample))


def outcome(case):
    return case[0].tag if len(case) else "passed"


def suite(root, name):
    return next(s for s in root if s.get("name") == name)


def test_a_case_per_criterion_with_its_outcome(root, sample) -> None:
    cases = {c.get("name"): outcome(c) for c in root.iter("testcase")}
    assert cases["performance: accuracy >= 0.85 at 95%"] == "passed"
    assert cases["performance: recall >= 0.80 at 95%"] == "failure"
    assert cases["calibration: ece_excess <= 0.02 at 95%"] == "error"
    assert cases["shift: largest_shift <= 0.3 at 95%"] == "error"
    judged = [s for s in root if s.get("name") not in ("left out", "requirements without evidence")]
    assert sum(len(s) for s in judged) == sample[1].headlines.criteria.judged


def test_the_class_is_the_ait(root) -> None:
    assert {c.get("classname") for c in suite(root, "performance")} == {"classification_performance"}


def test_a_failure_says_why_and_where(root) -> None:
    failure = suite(root, "performance").find(".//failure")
    assert failure.get("message") == "the upper end 0.7343 is below 0.80" and failure.get("type") == "not_met"
    assert "key: theft" in failure.text and "weak_class: class theft: 71 of 110" in failure.text


def test_a_check_without_a_result_is_an_error_with_its_reason(root) -> None:
    error = suite(root, "shift").find(".//error")
    assert error.get("type") == "out_of_memory" and error.get("message") == "the permutation ran out of memory"
    assert "do: set limits.rows" in error.text


def test_left_out_and_requirements_without_evidence_are_skipped_in_suites_of_their_own(root, sample) -> None:
    _, assessment = sample
    left, empty = suite(root, "left out"), suite(root, "requirements without evidence")
    assert [c.get("name") for c in left] == [x.ait for x in assessment.left_out]
    assert [c.get("name") for c in empty] == [r.id for r in assessment.requirements if r.verdict == "no_evidence"]
    assert {outcome(c) for s in (left, empty) for c in s} == {"skipped"}
    assert len(empty) > 5


def test_a_reported_check_is_no_case(root) -> None:
    assert not [c for c in root.iter("testcase") if "coverage" in c.get("name")]


def test_counts_add_up(root) -> None:
    for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(root.get(attribute)) == sum(int(s.get(attribute)) for s in root) == len(list(root.iter(tag)))
        for s in root:
            assert int(s.get(attribute)) == len(list(s.iter(tag)))
    assert (root.get("failures"), root.get("errors")) == ("1", "2")


def test_a_failed_check_without_criteria_is_an_error_all_the_same(sample) -> None:
    evidence, assessment = sample
    bare = [dataclasses.replace(c, criteria=(), error=None) for c in assessment.checks if c.id == "shift"]
    root = ET.fromstring(junit(evidence, dataclasses.replace(assessment, checks=tuple(bare))))
    (case,) = suite(root, "shift")
    assert outcome(case) == "error"


def test_names_are_unique(root) -> None:
    names = [(c.get("classname"), c.get("name")) for c in root.iter("testcase")]
    assert len(names) == len(set(names))


def test_time_is_that_of_the_record(root) -> None:
    assert suite(root, "performance").get("time") == "2.840"
    assert suite(root, "performance").get("timestamp") == "2026-11-20T03:40:02Z"
