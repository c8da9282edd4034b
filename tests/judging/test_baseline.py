"""Criteria against a baseline: by differences item by item, or by two measurements apart from each other."""

from __future__ import annotations

from typing import Any

import pytest

from qmtestbed.ait import Estimate, Finding, Subject, Undefined
from qmtestbed.judging import judge
from qmtestbed.judging.mover import difference_of
from qmtestbed.types.assessment import Against, CriterionVerdict
from qmtestbed.types.record import UsedInput
from qmtestbed.types.values import minus

MET, NOT, OPEN = "met", "not_met", "undetermined"
GOOD = Estimate(0.007, -0.002, 0.016, 0.95, 2000)


def first(build: Any, criterion: str, baseline: Any, ours: Any = 0.912, **more: Any) -> CriterionVerdict:
    check = build.check("accuracy", ours, criterion, baseline=baseline, **more)
    return judge(build.run({"c": check})).checks[0].criteria[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("criterion", "difference", "verdict"),
    [
        ("accuracy >= baseline - 0.01 at 95%", GOOD, MET),
        ("accuracy >= baseline - 0.002 at 95%", GOOD, MET),
        ("accuracy > baseline - 0.002 at 95%", GOOD, OPEN),
        ("accuracy >= baseline at 95%", GOOD, OPEN),
        ("accuracy >= baseline", GOOD, MET),
        ("accuracy >= baseline + 0.01", GOOD, NOT),
        ("accuracy >= baseline + 0.02 at 95%", GOOD, NOT),
        ("accuracy == baseline", 0.0, MET),
        ("accuracy >= baseline", 0.0, MET),
        ("accuracy >= baseline at 95%", 0.0, OPEN),
        ("accuracy >= baseline at 95%", Estimate(0, 0, 0, 0.95, 9), MET),
        ("accuracy >= baseline at 95%", Estimate(0.1, 0.05, 0.2, 0.9, 9), OPEN),
        ("accuracy >= baseline", Undefined("no row"), OPEN),
    ],
)
def test_the_difference_is_what_is_judged(build: Any, criterion: str, difference: Any, verdict: str) -> None:
    assert first(build, criterion, build.difference(difference)).verdict == verdict


def test_both_values_are_named_and_the_numbers_are_of_the_difference(build: Any) -> None:
    found = first(build, "accuracy >= baseline - 0.01 at 95%", build.difference(GOOD))
    assert found.reason == (
        "found 0.912 against 0.905 of the baseline (models:/churn/1): +0.007 [-0.002, 0.016], paired over 2,000 items, "
        "limit >= baseline - 0.01 at 95 %"
    )
    assert (found.value, found.low, found.high, found.n, found.bound) == (0.007, -0.002, 0.016, 2000, (-0.01, None))
    assert found.against == Against(0.912, 0.905, "models:/churn/1", "paired")


def test_the_point_that_decides_says_what_is_not_shown(build: Any) -> None:
    found = first(build, "accuracy >= baseline", build.difference(GOOD))
    assert found.verdict == MET and found.reason.endswith("limit >= baseline; not shown at 95 %")
    missed = first(build, "accuracy >= baseline + 0.008 at 95%", build.difference(GOOD))
    assert "the estimate itself is below the limit" in missed.reason


def test_the_same_model_is_called_so(build: Any) -> None:
    inputs = {n: UsedInput("predictions", n, "0" * 64, job="p") for n in ("predictions", "baseline")}
    zero = build.difference(Estimate(0, 0, 0, 0.95, 50), inputs=inputs)
    own = {"inputs": {"predictions": inputs["predictions"]}}
    check = build.check("accuracy", 0.9, "accuracy >= baseline at 95%", baseline=zero, **own)
    found = judge(build.run({"c": check})).checks[0].criteria[0]
    assert found.verdict == MET and "0 [0, 0], the same model" in found.reason
    assert found.against and found.against.how == "same"


@pytest.mark.parametrize(
    ("baseline", "reason"),
    [
        (None, "holds no baseline to compare with: the run did not compare"),
        ({"status": "failed", "error": "the model is broken"}, "(models:/churn/1) is failed: the model is broken"),
        ({"status": "timed_out"}, "is timed out: the record says timed out and no reason"),
        ({"status": "undefined", "measures": {"accuracy": Undefined("too few")}}, "is undefined: too few"),
        ({"measures": {}}, "'accuracy' has no difference"),
        ({"kind": "predict"}, "is not of what c measured"),
        ({"program": "other"}, "is not of what c measured"),
        ({"seed": 1}, "is not of what c measured"),
    ],
)
def test_without_a_comparison_it_is_undetermined_and_says_why(build: Any, baseline: Any, reason: str) -> None:
    if baseline and "error" in baseline:
        baseline = {**baseline, "error": build.failure(baseline["error"])}
    found = first(build, "accuracy >= baseline - 0.5", baseline and build.difference(0.1, **baseline))
    assert found.verdict == OPEN and reason in found.reason, found.reason
    assert found.against is None and found.value is None


def test_a_comparison_of_other_inputs_is_not_used(build: Any) -> None:
    own = {"data": UsedInput("table", "t", "1" * 64)}
    other = build.difference(0.1, inputs={"data": UsedInput("table", "t", "2" * 64)})
    found = first(build, "accuracy >= baseline - 0.5", other, inputs=own)
    assert found.verdict == OPEN and "is not of what c measured" in found.reason


def test_a_lost_record_is_named(build: Any) -> None:
    evidence = build.run({"c": build.check("accuracy", 0.9, "accuracy >= baseline", baseline=build.difference())})
    del evidence.records["base-c"]
    found = judge(evidence).checks[0]
    assert "its record base-c is not there" in found.criteria[0].reason and found.baseline is None


def test_every_key_counts_also_one_without_a_difference(build: Any) -> None:
    ours = {"recall": {"a": 0.9, "b": 0.8}}
    theirs = build.difference(measures={"recall": {"a": 0.1, "b": -0.2}})
    found = first(build, "recall >= baseline - 0.1", theirs, measures=ours)
    assert (found.verdict, found.key, found.value) == (NOT, "b", -0.2)
    assert found.against == Against(0.8, 1.0, "models:/churn/1", "paired")
    assert first(build, "recall[a] >= baseline - 0.1", theirs, measures=ours).verdict == MET
    part = build.difference(measures={"recall": {"a": 0.1}})
    assert first(build, "recall >= baseline - 0.1", part, measures=ours).verdict == OPEN
    assert "no key 'c'" in first(build, "recall[c] >= baseline", part, measures=ours).reason


def test_the_comparison_is_among_the_records_a_requirement_rests_on(build: Any) -> None:
    check = build.check("accuracy", 0.9, "accuracy >= baseline - 0.1", baseline=build.difference(0.0))
    plain = build.check("accuracy", 0.9, "accuracy >= 0.1", baseline=build.difference(0.0))
    found = judge(build.run({"c": check, "d": plain}))
    assert (found.checks[0].baseline, found.checks[1].baseline) == ("base-c", None)
    assert build.of_requirement(found, "a1").records == ("key-c", "base-c", "key-d")


def test_a_finding_counts_where_its_own_difference_misses(build: Any) -> None:
    findings = tuple(Finding("weak_class", Subject(class_=c), "recall", 0.5, c) for c in "ab")
    theirs = build.difference(measures={"recall": {"a": 0.1, "b": -0.2}})
    ours = {"recall": {"a": 0.1, "b": 0.9}}
    check = build.check("accuracy", 0, "recall >= baseline", baseline=theirs, measures=ours, findings=findings)
    assert [f.subject.class_ for f in judge(build.run({"c": check})).findings] == ["b"]


# -- two measurements apart from each other --------------------------------------------------------------------

WILSON_A, WILSON_B = Estimate(0.8, 0.6918, 0.8769, 0.95, 70), Estimate(0.6, 0.4905, 0.7004, 0.95, 80)


def test_newcombe_s_published_example() -> None:
    """56/70 less 48/80 (Newcombe 1998, table II, method 10): 0.0524 to 0.3339."""
    found = difference_of(WILSON_A, WILSON_B)
    assert isinstance(found, Estimate)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert (found.level, found.n) == (0.95, 70)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (0.89, 0.9, -0.01),
        (WILSON_A, 0.6, 0.2),
        (WILSON_A, Estimate(0.6, 0.5, 0.7, 0.9, 80), 0.2),
        (3, 5, -2),
    ],
)
def test_without_two_intervals_of_one_level_there_is_only_the_point(a: Any, b: Any, expected: float) -> None:
    assert difference_of(a, b) == expected


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (Undefined("one class"), 0.5, "Of the model: one class"),
        (0.5, Undefined("one class"), "Of the baseline: one class"),
        (10**400, 0.5, "The record of the model holds no usable number."),
        (0.5, float("nan"), "The record of the baseline holds no usable number."),
    ],
)
def test_what_can_t_be_subtracted_is_undefined(a: Any, b: Any, reason: str) -> None:
    assert difference_of(a, b) == Undefined(reason)


def test_a_measurement_of_the_baseline_is_judged_by_both_intervals(build: Any) -> None:
    theirs = build.difference(WILSON_B, kind="measure")
    found = first(build, "accuracy >= baseline + 0.05 at 95%", theirs, WILSON_A)
    assert found.verdict == MET and "+0.2 [0.05" in found.reason and "unpaired" in found.reason
    assert found.against == Against(0.8, 0.6, "models:/churn/1", "unpaired")
    assert first(build, "accuracy >= baseline + 0.06 at 95%", theirs, WILSON_A).verdict == OPEN


def test_measured_once_for_both_there_is_no_difference(build: Any) -> None:
    evidence = build.run({"c": build.check("accuracy", WILSON_A, "accuracy >= baseline at 95%")})
    evidence.info.baselines["c"] = "key-c"
    found = judge(evidence).checks[0].criteria[0]
    assert (found.verdict, found.low, found.high) == (MET, 0, 0) and "the same model" in found.reason


def test_sequences_and_truth_values_have_no_difference(build: Any) -> None:
    ours: dict[str, Any] = {"errors": (0.1,), "flag": True}
    theirs = build.difference(kind="measure", measures=ours)
    for criterion in ("errors <= baseline", "flag >= baseline"):
        found = first(build, criterion, theirs, measures=ours)
        assert found.verdict == OPEN and "has no difference" in found.reason


@pytest.mark.parametrize(
    ("a", "b", "d"), [(0.89, 0.9, -0.01), (0.3, 0.1, 0.2), (1e-9, 3e-9, -2e-9), (1234.5, 1234.4, 0.1), (0.0, 0.0, 0.0)]
)
def test_differences_are_as_people_have_them(a: float, b: float, d: float) -> None:
    assert minus(a, b) == d
