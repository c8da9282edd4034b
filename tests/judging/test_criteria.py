"""One criterion against one measured value: every way it can go, and what the reason says."""

from __future__ import annotations

import math
from typing import Any

import pytest

from qmtestbed.ait import Estimate, Undefined
from qmtestbed.judging.criteria import judge_criterion
from qmtestbed.types.assessment import CriterionVerdict
from qmtestbed.types.manifest import MeasureSpec
from qmtestbed.types.plan import Expectation
from qmtestbed.types.values import MeasureValue

MET, NOT, OPEN = "met", "not_met", "undetermined"


def judged(criterion: str, value: Any, spec: MeasureSpec | None = None) -> CriterionVerdict:
    declared = None if spec is None else {"m": spec}
    return judge_criterion(Expectation(criterion, "why"), {"m": MeasureValue(value)}, declared)


@pytest.mark.parametrize(
    ("criterion", "value", "verdict"),
    [
        ("m >= 0.9", 0.9, MET),
        ("m >= 0.9", 0.89, NOT),
        ("m > 0.9", 0.9, NOT),
        ("m > 0.9", 0.91, MET),
        ("m <= 0.1", 0.1, MET),
        ("m <= 0.1", 0.11, NOT),
        ("m < 0.1", 0.1, NOT),
        ("m < 0.1", 0.09, MET),
        ("m == 0", 0, MET),
        ("m == 0", 1e-12, NOT),
        ("m == 1", True, MET),
        ("m == 1", False, NOT),
        ("m in [0.8, 1.25]", 0.8, MET),
        ("m in [0.8, 1.25]", 1.25, MET),
        ("m in [0.8, 1.25]", 1.26, NOT),
        ("m in [0.8, 1.25]", 0.79, NOT),
    ],
)
def test_the_point_decides_without_at(criterion: str, value: float, verdict: str) -> None:
    assert judged(criterion, value).verdict == verdict
    wide = Estimate(float(value), float(value) - 1, float(value) + 1, 0.95, 10)
    assert judged(criterion, wide).verdict == verdict


@pytest.mark.parametrize(
    ("criterion", "low", "high", "verdict"),
    [
        ("m >= 0.9", 0.9, 0.99, MET),
        ("m >= 0.9", 0.89, 0.9, OPEN),
        ("m >= 0.9", 0.8, 0.89, NOT),
        ("m > 0.9", 0.9, 0.99, OPEN),
        ("m > 0.9", 0.91, 0.99, MET),
        ("m > 0.9", 0.8, 0.9, NOT),
        ("m <= 0.1", 0.0, 0.1, MET),
        ("m <= 0.1", 0.1, 0.2, OPEN),
        ("m <= 0.1", 0.11, 0.2, NOT),
        ("m < 0.1", 0.0, 0.1, OPEN),
        ("m < 0.1", 0.0, 0.09, MET),
        ("m < 0.1", 0.1, 0.2, NOT),
        ("m == 0.5", 0.5, 0.5, MET),
        ("m == 0.5", 0.4, 0.6, OPEN),
        ("m == 0.5", 0.51, 0.6, NOT),
        ("m == 0.5", 0.3, 0.49, NOT),
        ("m in [0.8, 1.25]", 0.8, 1.25, MET),
        ("m in [0.8, 1.25]", 0.7, 1.3, OPEN),
        ("m in [0.8, 1.25]", 0.7, 0.8, OPEN),
        ("m in [0.8, 1.25]", 0.7, 0.79, NOT),
        ("m in [0.8, 1.25]", 1.26, 1.3, NOT),
    ],
)
def test_the_interval_decides_with_at(criterion: str, low: float, high: float, verdict: str) -> None:
    estimate = Estimate((low + high) / 2, low, high, 0.95, 100)
    assert judged(criterion + " at 95%", estimate).verdict == verdict


@pytest.mark.parametrize(
    ("criterion", "value", "reason"),
    [
        ("m >= ", 0.9, "can't be read"),
        ("m >= 0.5 at 20%", 0.9, "can't be read"),
        ("m in [2, 1]", 1.5, "the wrong way round"),
        ("other >= 0.5", 0.9, "no measure is called 'other'; known: m"),
        ("mm >= 0.5", 0.9, "did you mean 'm'?"),
        ("m >= baseline - 0.01", 0.9, "no baseline"),
        ("m <= 1e999", 0.9, "not a finite number"),
        ("m >= 0.5 at 95%", 0.9, "found 0.9, limit >= 0.5 at 95 %; it has no interval"),
        ("m >= 0.5 at 95%", Estimate(0.9, 0.8, 0.95, 0.9, 50), "its interval is at 90 %"),
        ("m <= 0.5 at 95%", Estimate(0.9, 0.8, 0.95, 0.9, 50), "its interval is at 90 %"),
        ("m >= 0.5", Undefined("one class only"), "undefined: one class only"),
        ("m >= 0.5", math.nan, "no usable number"),
        ("m >= 0.5", math.inf, "no usable number"),
        ("m >= 0.5", 10**400, "no usable number"),
        ("m >= 0.5", Estimate(0.9, math.nan, 1.0, 0.95, 5), "no usable number"),
        ("m >= 0.5 at 95%", Estimate(0.9, 0.95, 0.4, 0.95, 5), "no usable number"),
        ("m >= 0.5", {}, "'m' holds no values"),
        ("m >= 0.5", (), "'m' holds no values"),
        ("m[yes] >= 0.5", {}, "has no key 'yes'"),
        ("m[yes] >= 0.5", {"yess": 0.9}, "has no key 'yes'; did you mean 'yess'?"),
        ("m[yes] >= 0.5", 0.9, "has no keys"),
        ("m[yes] >= 0.5", Undefined("one class only"), "undefined: one class only"),
        ("m >= 0.5 at 95%", Estimate(0.6, 0.4, 0.9, 0.95, 10**400), "no usable number"),
        ("m >= 0.5", Estimate(math.nan, 0.7, 0.9, 0.95, 5), "no usable number"),
        ("m[0] >= 0.5", (0.9, 0.9), "has no keys"),
    ],
)
def test_what_cannot_be_judged_is_undetermined_with_the_reason(criterion: str, value: Any, reason: str) -> None:
    verdict = judged(criterion, value)
    assert verdict.verdict == OPEN
    assert reason in verdict.reason
    assert verdict.because == "why"
    assert verdict.text == criterion.strip()


def test_a_measure_that_the_manifest_does_not_declare_is_unknown_even_if_the_record_has_it() -> None:
    verdict = judge_criterion(Expectation("m >= 0.5"), {"m": MeasureValue(0.9)}, {})
    assert (verdict.verdict, verdict.reason) == (OPEN, "no measure is called 'm'")


def test_a_declared_measure_that_the_record_lacks_is_undetermined() -> None:
    verdict = judge_criterion(Expectation("m >= 0.5"), {}, {"m": MeasureSpec("ratio", (0, 1))})
    assert (verdict.verdict, verdict.reason) == (OPEN, "the record holds no 'm'")


@pytest.mark.parametrize(
    ("criterion", "value", "verdict", "key", "shown"),
    [
        ("m >= 0.8", {"a": 0.9, "b": 0.85}, MET, "b", 0.85),
        ("m >= 0.8", {"a": 0.7, "b": 0.5, "c": 0.9}, NOT, "b", 0.5),
        ("m <= 0.2", {"a": 0.3, "b": 0.5, "c": 0.1}, NOT, "b", 0.5),
        ("m in [0.8, 1.25]", {"a": 0.75, "b": 1.5, "c": 1}, NOT, "b", 1.5),
        ("m in [0.8, 1.25]", {"a": 0.4, "b": 1.3, "c": 1}, NOT, "a", 0.4),
        ("m >= 0.8", {"a": 0.9, "b": Undefined("empty")}, OPEN, "b", None),
        ("m >= 0.8", {"a": 0.7, "b": Undefined("empty")}, NOT, "a", 0.7),
        ("m[a] >= 0.8", {"a": 0.9, "b": 0.1}, MET, "a", 0.9),
        ("m[b] >= 0.8", {"a": 0.9, "b": 0.1}, NOT, "b", 0.1),
        ("m[ b ] in [0, 1]", {"a": 0.9, "b": 0.1}, MET, "b", 0.1),
        ("m >= 0.8", {"b": 0.9, "a": 0.9}, MET, "a", 0.9),
        ("m >= 0.8", (0.9, 0.7, 0.95), NOT, "1", 0.7),
        ("m >= 0.8", (0.9, 0.85), MET, "1", 0.85),
        ("m >= 0.8", (0.9, Undefined("no rows")), OPEN, "1", None),
    ],
)
def test_all_keys_must_hold_and_the_worst_is_shown(
    criterion: str, value: Any, verdict: str, key: str, shown: float | None
) -> None:
    found = judged(criterion, value)
    assert (found.verdict, found.key, found.value) == (verdict, key, shown)


def test_the_order_of_keys_changes_nothing() -> None:
    keyed = {"b": 0.9, "a": 0.9, "c": Estimate(0.9, 0.7, 1.0, 0.95, 9)}
    backwards = dict(reversed(keyed.items()))
    assert judged("m >= 0.8", keyed) == judged("m >= 0.8", backwards)


def test_a_key_without_a_number_is_worse_than_an_open_one() -> None:
    keyed = {"a": Estimate(0.95, 0.85, 0.99, 0.95, 40), "b": Undefined("no rows")}
    assert judged("m >= 0.9 at 95%", keyed).key == "b"


def test_of_open_keys_the_one_farthest_from_being_shown_is_shown() -> None:
    keyed = {"a": Estimate(0.95, 0.85, 0.99, 0.95, 40), "b": Estimate(0.93, 0.6, 0.99, 0.95, 9)}
    assert judged("m >= 0.9 at 95%", keyed).key == "b"


@pytest.mark.parametrize(
    ("criterion", "value", "reason"),
    [
        ("m >= 0.9", 0.81234, "found 0.8123, limit >= 0.9"),
        ("m in [0.8, 1.25]", 0.7, "found 0.7, limit in [0.8, 1.25]"),
        ("m < 1e-3", 0.5, "found 0.5, limit < 0.001"),
        ("m >= 0.9", 0.899999, "found 0.899999, limit >= 0.9"),
        ("m >= 0.9", 0.8999999999999999, "found 0.8999999999999999, limit >= 0.9"),
        ("m in [0.5, 0.9]", 0.900001, "found 0.900001, limit in [0.5, 0.9]"),
        ("m <= 0.123456", 0.12345, "found 0.12345, limit <= 0.123456"),
        ("m <= 0.123456", 0.123456, "found 0.123456, limit <= 0.123456"),
        ("m >= 0.9", {"a": 0.8}, "key a: found 0.8, limit >= 0.9"),
        ("m >= 0.99995", 0.99991, "found 0.9999, limit >= 0.99995"),
        ("m >= 0.9", Estimate(0.91, 0.85, 0.95, 0.95, 100), "found 0.91, limit >= 0.9; not shown at 95 %"),
        ("m >= 0.9", Estimate(0.88, 0.85, 0.95, 0.95, 100), "found 0.88, limit >= 0.9; not shown at 95 %"),
        ("m >= 0.9", Estimate(0.93, 0.91, 0.95, 0.99, 100), "found 0.93, limit >= 0.9"),
        ("m >= 0.9", (0.95, 0.7), "element 1: found 0.7, limit >= 0.9; 1 of 2 not met"),
        (
            "m >= 0.9 at 95%",
            Estimate(0.93, 0.91, 0.95, 0.95, 800),
            "found 0.93 (0.91 to 0.95 at 95 %, n = 800), limit >= 0.9 at 95 %",
        ),
        (
            "m >= 0.9 at 95%",
            Estimate(0.925, 0.85, 0.95, 0.95, 50),
            "found 0.925 (0.85 to 0.95 at 95 %, n = 50), limit >= 0.9 at 95 %; "
            "not shown at this sample size; about n = 450 would be needed if the estimate holds",
        ),
    ],
)
def test_the_reason_says_what_was_found_and_the_limit(criterion: str, value: Any, reason: str) -> None:
    assert judged(criterion, value).reason == reason


def test_the_reason_names_the_key_as_the_manifest_does() -> None:
    spec = MeasureSpec("ratio", (0, 1), per="class")
    reason = judged("m >= 0.8", {"yes": 0.5, "no": 0.9}, spec).reason
    assert reason == "class yes: found 0.5, limit >= 0.8; 1 of 2 not met"


def test_not_shown_is_said_where_any_key_straddles() -> None:
    keyed = {"a": 0.9, "b": Estimate(0.95, 0.7, 0.99, 0.95, 9)}
    found = judged("m >= 0.8", keyed)
    assert (found.verdict, found.key) == (MET, "a")
    assert found.reason.endswith("not shown at 95 %")


def test_the_numbers_of_an_estimate_are_carried() -> None:
    found = judged("m >= 0.9", Estimate(0.95, 0.92, 0.97, 0.95, 321))
    assert (found.value, found.low, found.high, found.n) == (0.95, 0.92, 0.97, 321)
    assert (found.measure, found.bound) == ("m", (0.9, None))


@pytest.mark.parametrize("criterion", ["m <= 1e999", "m in [0, 1e999]"])
def test_a_bound_that_is_no_number_is_not_carried(criterion: str) -> None:
    assert judged(criterion, 0.9).bound == (None, None)
